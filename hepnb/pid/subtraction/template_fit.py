"""Yields of species in cells of a score, by a fit of templates, and the sWeights of the cells.

The yields of record come from an extended likelihood in which the templates have statistics of
their own (H. Dembinski and A. Abdelmotteleb, Eur. Phys. J. C 82 (2022) 1043, after R. Barlow and
C. Beeston); sWeights (`sweights`) from the templates as densities that are constant in
each cell, corrected for the statistics of the templates. With much simulation they are the usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import FitFailed
from hepnb.pid.subtraction.sweights import sweights
from hepnb.stats.goodness_of_fit import chi2_test, pulls

__all__ = ("TemplateFit", "fit_templates")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_SINGULAR = 1e-4  # determinant, of 1 for species apart, below which weights are noise
_LEAST = 1e-3  # share of all candidates, the least that a yield counts in the weights
_STEPS = 200  # of expectation and maximisation, for a start
_FEW = 10  # candidates, or simulated ones of a species, below which no fit is made


@dataclass(frozen=True, eq=False)
class TemplateFit:
    """What `fit_templates` found.

    Attributes
    ----------
    counts, templates
        Data, of shape (cells,), and simulated candidates, of shape (species, cells).
    yields, errors
        Of each species, statistics of the templates included, of shape (species,); NaN if failed.
    weights
        sWeights of the signal, one per cell; NaN where they are not defined.
    p_value
        Of the chi-square of the fit, templates' statistics included.
    status
        ``"ok"``; ``"boundary"``: a yield is 0 or almost, which makes weights no worse than noisy;
        ``"failed"``: too few candidates, or species whose templates are alike.
    """

    counts: Floats
    templates: Floats
    yields: Floats
    errors: Floats
    weights: Floats
    p_value: float
    status: str

    @property
    def expected(self) -> Floats:
        """Expected counts of each species, of shape (species, cells)."""
        return np.asarray(self.yields[:, np.newaxis] * _shares(self.templates))

    @property
    def pulls(self) -> Floats:
        """Residuals over their standard deviation, templates' statistics included."""
        return pulls(self.counts, self.expected.sum(axis=0), self.variance)

    @property
    def variance(self) -> Floats:
        """Variance of counts less expectation, of shape (cells,)."""
        expected = self.expected
        sizes = self.templates.sum(axis=1, keepdims=True)
        noise = self.yields[:, np.newaxis] / np.maximum(sizes, 1.0) * expected
        return np.asarray((expected + noise).sum(axis=0))


def fit_templates(counts: Floats, templates: Floats) -> TemplateFit:
    """Fit the yields of species, signal first, to counts in cells.

    Parameters
    ----------
    counts
        Data, of shape (cells,).
    templates
        Simulated candidates, counted, of shape (species, cells).

    Returns
    -------
    TemplateFit
        With status "failed" and no weights where there is nothing to fit; it does not raise.
    """
    counts, templates = np.asarray(counts, float), np.asarray(templates, float)
    nothing = np.full(len(templates), np.nan)
    failed = TemplateFit(
        counts, templates, nothing, nothing, np.full(len(counts), np.nan), np.nan, "failed"
    )
    if counts.sum() < _FEW or templates.sum(axis=1).min() < _FEW:
        return failed
    known = templates.sum(axis=0) > 0
    try:
        yields, errors = _yields(counts[known], templates[:, known])
        inside, status = _weights(counts[known], templates[:, known], yields)
    except FitFailed:
        return failed
    # a cell that simulation does not know: its candidates have no weight, and are counted so
    weights = np.full(len(counts), np.nan)
    weights[known] = inside
    bare = TemplateFit(counts, templates, yields, errors, weights, np.nan, status)
    # cells with few candidates do not follow a chi-square
    filled = known & (bare.expected.sum(axis=0) >= 5)
    p_value = np.nan
    if filled.any():
        total = bare.expected.sum(axis=0)
        p_value = chi2_test(
            counts[filled], total[filled], bare.variance[filled], n_parameters=len(yields)
        ).p_value
    return TemplateFit(counts, templates, yields, errors, weights, p_value, status)


def _shares(templates: Floats) -> Floats:
    return np.asarray(templates / np.maximum(templates.sum(axis=1, keepdims=True), 1.0))


def _yields(counts: Floats, templates: Floats) -> tuple[Floats, Floats]:
    from iminuit import Minuit
    from iminuit.cost import Template

    names = [f"n{i}" for i in range(len(templates))]
    edges = np.arange(len(counts) + 1.0)
    cost = Template(counts, edges, list(templates), name=names, method="da")
    minuit = Minuit(cost, *_start(counts, templates), name=names)
    minuit.limits = (0.0, None)
    minuit.migrad()
    # far from the minimum the likelihood is not even convex: MIGRAD may stop there, and say valid
    if not (minuit.valid and minuit.accurate):
        raise FitFailed("the fit of templates has no valid minimum; use fewer species or regions")
    minuit.hesse()
    return np.array(minuit.values), np.array(minuit.errors)


def _start(counts: Floats, templates: Floats) -> Floats:
    """Give the yields that fit best if templates had no fluctuations of their own (EM steps)."""
    shares = _shares(templates)
    yields = np.full(len(shares), counts.sum() / len(shares))
    for _ in range(_STEPS):
        yields = yields * (shares @ (counts / np.maximum(yields @ shares, 1e-300)))
    return np.asarray(np.maximum(yields, _LEAST * counts.sum()))


def _weights(counts: Floats, templates: Floats, yields: Floats) -> tuple[Floats, str]:
    """Give sWeights of the signal per cell, corrected for the statistics of the templates.

    Weights are ``w_k = sum_l A_kl p_l / D`` with ``D = sum_j N_j p_j``, and A is such that the true
    shape of species m gets ``sum w_k p_m = 1`` for k = m, else 0. With noisy templates in the
    place of true shapes ``W_lm = sum p_l p_m / D`` holds a product of noise with itself, which is
    taken out to first order; without that, weights lose signal and let background through, by
    about cells over simulated candidates.
    """
    # where a yield fluctuates to nothing; it makes the variance of weights only
    status = "ok" if np.all(yields > _LEAST * counts.sum()) else "boundary"
    yields = np.maximum(yields, _LEAST * counts.sum())
    sizes = templates.sum(axis=1, keepdims=True)
    shares, variance = templates / sizes, templates / sizes**2
    total = yields @ shares
    ratios = shares / total
    noise = np.diag((variance / total).sum(axis=1))
    noise -= (ratios / total) @ (yields[:, np.newaxis] * variance).T
    matrix = ratios @ shares.T - noise
    scale = np.sqrt(np.abs(np.diagonal(matrix)))
    # more noise than shape: the species cannot be told apart with so little simulation
    if not np.all(scale > 0) or np.linalg.det(matrix / np.outer(scale, scale)) < _SINGULAR:
        raise FitFailed("two species have the same template; merge them, or give more features")
    return sweights(shares, yields, np.linalg.inv(matrix))[:, 0], status
