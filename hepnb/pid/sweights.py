"""sWeights: candidates weighted so that one species of a mass spectrum remains.

Densities have shape (components, n), yields (components,) and weights (n, components). With the
yields refitted at fixed shapes by `fit_yields`, four identities hold to rounding: the weights of a
component sum to its yield; the covariance's rows sum to the yields; a candidate's weights sum to 1;
a component's squared weights sum to the variance of its yield.

M. Pivk and F. R. Le Diberder, Nucl. Instrum. Meth. A 555 (2005) 356; the covariance is variant B
of H. Dembinski et al., arXiv:2112.04574.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BadParameters, FitFailed

__all__ = ("Passes", "YieldFit", "fit_yields", "sweights", "weight_matrix")


def __dir__() -> tuple[str, ...]:
    return __all__


_LOG = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Passes = Callable[[], Iterable[tuple[Floats, Floats | None]]]
"""Gives, each time it is called, the same chunks: densities (components, n) and event weights."""

ALIKE = 0.95  # |correlation| of two yields from which on their shapes are called alike
_SINGULAR = 1e12  # condition number beyond which the identities are lost to rounding


class YieldFit(NamedTuple):
    """Yields fitted at fixed shapes, and what sWeights need of them."""

    yields: Floats
    """Yields, of shape (components,)."""
    covariance: Floats
    """Inverse of `weight_matrix`, of shape (components, components)."""
    condition: float
    """Condition number of the weight matrix with its diagonal scaled to 1; 1 is best."""
    correlation: float
    """Largest |correlation| between two yields; 0 for a single component."""
    residual: float
    """How far the maximum-likelihood sum rule ``sum p_i / D = 1`` is from holding."""
    passes: int
    """Passes over the candidates that the fit took."""

    @property
    def alike(self) -> bool:
        """Whether two components are so alike that their weights are large and noisy."""
        return self.correlation >= ALIKE


def sweights(densities: Floats, yields: Floats, covariance: Floats) -> Floats:
    """Give the weights of candidates, one column per component.

    Parameters
    ----------
    densities
        Of each component at each candidate's mass, of shape (components, n).
    yields, covariance
        From `fit_yields`.

    Returns
    -------
    ndarray
        ``w_i(m) = sum_j V_ij p_j(m) / D(m)`` with ``D = sum_k N_k p_k``, of shape
        (n, components); NaN where all densities are zero.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = densities / (yields @ densities)
    return np.asarray((covariance @ ratios).T)


def weight_matrix(densities: Floats, yields: Floats, event_weights: Floats | None = None) -> Floats:
    """Second derivatives of the extended likelihood with respect to the yields.

    Parameters
    ----------
    densities, yields
        As in `sweights`.
    event_weights
        Of shape (n,), for candidates that are themselves weighted.

    Returns
    -------
    ndarray
        ``W_ij = sum q p_i p_j / D^2``, of shape (components, components).
    """
    return _sums(densities, yields, event_weights)[1]


def fit_yields(passes: Passes, start: Floats, *, max_passes: int = 60) -> YieldFit:
    """Fit the yields of fixed shapes to unbinned candidates, to machine precision.

    Parameters
    ----------
    passes
        Function that gives the chunks anew at each call; only one chunk is held at a time.
    start
        Positive yields to start from, such as those of a binned fit.
    max_passes
        Give up after this many passes over the candidates.

    Returns
    -------
    YieldFit
        Yields and covariance for `sweights`.

    Raises
    ------
    BadParameters
        If a start is not positive.
    FitFailed
        If the best yield of a component is not positive, if two components are equal, or if
        a candidate has zero density in all of them.

    Notes
    -----
    Maximises ``sum q ln D - sum N``, which is concave. Newton's step is ``2 N - V 1``, and is
    taken where it stays positive; elsewhere one of expectation and maximisation, which always does.
    """
    yields = np.array(start, float)
    if not np.all(yields > 0):
        raise BadParameters(f"yields must start above 0; they are {yields.tolist()}")
    ones = np.ones_like(yields)
    best: tuple[float, Floats, Floats] | None = None
    count = 0
    while count < max_passes:
        count += 1
        totals, matrix = _accumulate(passes, yields)
        residual = float(np.max(np.abs(totals - ones)))
        # once rounding stops the progress, what came before is as good as it gets
        if best is not None and best[0] < 1e-9 and residual >= best[0]:
            break
        if best is None or residual < best[0]:
            best = (residual, yields, matrix)
        if residual < 1e-14:
            break
        newton = 2.0 * yields - _inverse(matrix) @ ones
        yields = newton if np.all(newton > 0.1 * yields) else yields * totals
    assert best is not None
    residual, yields, matrix = best
    if residual > 1e-9:
        raise FitFailed(
            f"yields {np.round(yields, 3).tolist()} do not settle at positive values: a component "
            "is not in this sample; leave it out of the model, or widen the range"
        )
    return _finished(yields, matrix, residual, count)


def _sums(densities: Floats, yields: Floats, weights: Floats | None) -> tuple[Floats, Floats]:
    total = yields @ densities
    if not np.all(total > 0):
        message = "a candidate has no density in any component; narrow the range to the model's"
        raise FitFailed(message)
    ratios = densities / total
    weighted = ratios if weights is None else ratios * weights
    return weighted.sum(axis=1), weighted @ ratios.T


def _accumulate(passes: Passes, yields: Floats) -> tuple[Floats, Floats]:
    size = len(yields)
    totals, matrix = np.zeros(size), np.zeros((size, size))
    for densities, weights in passes():
        part, second = _sums(densities, yields, weights)
        totals += part
        matrix += second
    return totals, matrix


def _scaled(matrix: Floats) -> tuple[Floats, Floats]:
    scale = np.sqrt(np.diagonal(matrix))
    if not np.all(scale > 0) or not np.all(np.isfinite(matrix)):
        message = "no candidate tells a component from none; check the range and the weights"
        raise FitFailed(message)
    return matrix / np.outer(scale, scale), scale


def _inverse(matrix: Floats) -> Floats:
    scaled, scale = _scaled(matrix)
    if np.linalg.cond(scaled) > _SINGULAR:
        message = "two components have the same shape, so their yields are not defined; merge them"
        raise FitFailed(message)
    inverse = np.linalg.inv(scaled) / np.outer(scale, scale)
    return np.asarray(0.5 * (inverse + inverse.T))


def _finished(yields: Floats, matrix: Floats, residual: float, count: int) -> YieldFit:
    covariance = _inverse(matrix)
    sigma = np.sqrt(np.diagonal(covariance))
    correlations = np.abs(covariance / np.outer(sigma, sigma)) - np.eye(len(yields))
    condition = float(np.linalg.cond(_scaled(matrix)[0]))
    result = YieldFit(
        yields, covariance, condition, float(correlations.max(initial=0.0)), residual, count
    )
    if result.alike:
        _LOG.warning(
            "two components are alike: correlation of yields %.3f (limit %.2f), condition %.3g; "
            "their sWeights are large and noisy",
            result.correlation,
            ALIKE,
            condition,
        )
    return result
