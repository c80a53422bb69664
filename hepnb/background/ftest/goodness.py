"""How well a fitted function describes the data: a deviance, with pseudo-experiments if sparse."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from hepnb.background.fitting import BackgroundFit

__all__ = ("GoodnessOfFit", "asymptotic_goodness", "deviance", "deviance_moments", "is_sparse")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_WELL_FILLED = 5.0  # expected candidates per bin


class GoodnessOfFit(NamedTuple):
    """Outcome of a test of goodness of fit."""

    statistic: str
    """Which statistic: ``deviance``, or ``neyman`` by the legacy rule."""
    value: float
    """Its value."""
    ndof: int
    """Visible bins less fitted parameters, normalisation included."""
    p: float
    """Probability of a statistic at least this large."""
    method: str
    """How the probability was found: ``moments``, ``toys``, or ``chi2``."""
    p_error: float = 0.0
    """Binomial uncertainty of `p`; 0 where it was computed."""
    toys: tuple[float, ...] = ()
    """Statistics of the pseudo-experiments."""


def deviance(counts: Floats, expected: Floats) -> Floats:
    """Poisson likelihood-ratio statistic ``2 sum [nu - n + n ln(n / nu)]``.

    Parameters
    ----------
    counts, expected
        Of shapes that broadcast; summed over the last axis.

    Returns
    -------
    ndarray
        S. Baker and R. D. Cousins, Nucl. Instrum. Meth. 221 (1984) 437.
    """
    nu = np.maximum(expected, 1e-300)
    return np.asarray(2.0 * np.sum(nu - counts + special.xlogy(counts, counts / nu), axis=-1))


def deviance_moments(expected: Floats) -> tuple[float, float]:
    """Mean and variance of the deviance of Poisson counts with these expectations.

    Parameters
    ----------
    expected
        Of shape (bins,).

    Returns
    -------
    mean, variance
        Sums over the bins. They are ``bins`` and ``2 bins`` only where all are well filled.
    """
    largest = float(expected.max(initial=0.0))
    n = np.arange(int(largest + 12.0 * np.sqrt(largest) + 30.0))[:, None]
    nu = np.maximum(expected, 1e-300)
    probability = stats.poisson.pmf(n, nu)
    each = 2.0 * (nu - n + special.xlogy(n, n / nu))
    mean = np.sum(probability * each, axis=0)
    return float(mean.sum()), float((np.sum(probability * each**2, axis=0) - mean**2).sum())


def is_sparse(fit: BackgroundFit) -> bool:
    """Whether a visible bin expects fewer than five candidates."""
    return bool(fit.expected()[fit.spectrum.visible].min(initial=np.inf) < _WELL_FILLED)


def asymptotic_goodness(fit: BackgroundFit) -> GoodnessOfFit:
    """Test the deviance without pseudo-experiments.

    Parameters
    ----------
    fit
        What was fitted.

    Returns
    -------
    GoodnessOfFit
        From a scaled chi-square distribution with the exact mean and variance of the deviance of
        counts with these expectations, each fitted parameter taking 1 and 2 from them.
    """
    shown = fit.spectrum.visible
    counts, expected = fit.spectrum.counts[shown], fit.expected()[shown]
    value, fitted = float(deviance(counts, expected)), fit.n_par + 1
    ndof = int(shown.sum()) - fitted
    mean, variance = deviance_moments(expected)
    mean, variance = mean - fitted, variance - 2.0 * fitted
    if ndof <= 0 or mean <= 0.0 or variance <= 0.0:
        return GoodnessOfFit("deviance", value, ndof, float("nan"), "moments")
    scale = variance / (2.0 * mean)
    p = float(stats.chi2.sf(value / scale, mean / scale))
    return GoodnessOfFit("deviance", value, ndof, p, "moments")
