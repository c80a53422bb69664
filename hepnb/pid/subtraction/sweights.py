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
_NOTHING = 1e-9  # share of all candidates below which a component is given up
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
    Maximises ``sum q ln D - sum N``, which is concave. Newton's step goes to ``2 N - V 1``; it is
    shortened where it would leave the positive yields, and replaced by a step of expectation and
    maximisation, which cannot fail, where it does not improve the likelihood.
    """
    yields = np.array(start, float)
    if not np.all(yields > 0):
        raise BadParameters(f"yields must start above 0; they are {yields.tolist()}")
    best = here = _Pass.through(passes, yields)
    count = 1
    while best.residual > 1e-14 and count < max_passes:
        there = _Pass.through(passes, here.newton())
        count += 1
        if there.likelihood < here.likelihood - 1e-9 * abs(here.likelihood):
            there = _Pass.through(passes, here.yields * here.totals)
            count += 1
        # once rounding stops the progress, what came before is as good as it gets
        if best.residual < 1e-9 and there.residual >= best.residual:
            break
        here = there
        best = min(best, here, key=lambda each: each.residual)
        if np.any(here.yields < _NOTHING * here.yields.sum()):
            break
    if best.residual > 1e-9:
        raise FitFailed(
            f"yields {np.round(here.yields, 3).tolist()} do not settle at positive values: a "
            "component is not in this sample; leave it out of the model, or widen the range"
        )
    return _finished(best, count)


class _Pass(NamedTuple):
    """What one pass over the candidates tells at given yields."""

    yields: Floats
    totals: Floats
    """``sum q p_i / D``: 1 at the maximum."""
    matrix: Floats
    likelihood: float

    @classmethod
    def through(cls, passes: Passes, yields: Floats) -> _Pass:
        size = len(yields)
        totals, matrix, likelihood = np.zeros(size), np.zeros((size, size)), -float(yields.sum())
        for densities, weights in passes():
            part, second, logarithm = _sums(densities, yields, weights)
            totals += part
            matrix += second
            likelihood += logarithm
        return cls(yields, totals, matrix, likelihood)

    @property
    def residual(self) -> float:
        return float(np.max(np.abs(self.totals - 1.0)))

    def newton(self) -> Floats:
        """Give Newton's next yields, or what is nine tenths of the way to the first zero."""
        step = self.yields - _inverse(self.matrix).sum(axis=1)
        fall = float(np.max(-step / self.yields))
        return np.asarray(self.yields + step * min(1.0, 0.9 / fall if fall > 0 else 1.0))


def _sums(
    densities: Floats, yields: Floats, weights: Floats | None
) -> tuple[Floats, Floats, float]:
    total = yields @ densities
    if not np.all(total > 0):
        message = "a candidate has no density in any component; narrow the range to the model's"
        raise FitFailed(message)
    ratios, logarithms = densities / total, np.log(total)
    if weights is None:
        return ratios.sum(axis=1), ratios @ ratios.T, float(logarithms.sum())
    return ratios @ weights, (ratios * weights) @ ratios.T, float(logarithms @ weights)


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


def _finished(best: _Pass, count: int) -> YieldFit:
    covariance = _inverse(best.matrix)
    sigma = np.sqrt(np.diagonal(covariance))
    correlations = np.abs(covariance / np.outer(sigma, sigma)) - np.eye(len(covariance))
    condition = float(np.linalg.cond(_scaled(best.matrix)[0]))
    largest = float(correlations.max(initial=0.0))
    result = YieldFit(best.yields, covariance, condition, largest, best.residual, count)
    if result.alike:
        _LOG.warning(
            "two components are alike: correlation of yields %.3f (limit %.2f), condition %.3g; "
            "their sWeights are large and noisy",
            result.correlation,
            ALIKE,
            condition,
        )
    return result
