"""Peaks with tails on both sides: resonances of a natural width, and tails of a detector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import voigt_profile

from hepnb.pid.mass.densities import numerical_density

__all__ = ("TWO_SIDED_CRYSTAL_BALL", "VOIGT", "Z_BOSON", "Z_WIDTH")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

Z_WIDTH = 2.4955
"""Full width of the Z boson in GeV (R. L. Workman et al., PDG 2024: 2.4955 +- 0.0023)."""


def _voigt(x: Floats, mean: float, sigma: float, gamma: float) -> Floats:
    return np.asarray(voigt_profile(x - mean, sigma, 0.5 * gamma))


def _z_boson(x: Floats, mean: float, sigma: float, alpha: float, n: float) -> Floats:
    """Voigt profile that a power law continues below ``mean - alpha sigma``, smoothly."""
    joint = mean - alpha * sigma
    step = 1e-4 * sigma
    ends = _voigt(np.array([joint - step, joint, joint + step]), mean, sigma, Z_WIDTH)
    slope = (ends[2] - ends[0]) / (2.0 * step * ends[1])
    below = ends[1] * (1.0 + slope / n * (joint - np.minimum(x, joint))) ** -n
    return np.where(x < joint, below, _voigt(x, mean, sigma, Z_WIDTH))


def _two_sided(x: Floats, mean: float, sigma: float, *tails: float) -> Floats:
    alpha, n, alpha_high, n_high = tails
    t = (x - mean) / sigma
    low = _power(np.minimum(t, -alpha), alpha, n)
    high = _power(np.minimum(-t, -alpha_high), alpha_high, n_high)
    core = np.exp(-0.5 * t * t)
    return np.where(t < -alpha, low, np.where(t > alpha_high, high, core))


def _power(t: Floats, alpha: float, n: float) -> Floats:
    return np.asarray(np.exp(-0.5 * alpha**2) * (1.0 - alpha / n * (alpha + t)) ** -n)


VOIGT = numerical_density(_voigt)
"""Breit-Wigner of full width gamma smeared by a Gaussian: ``mean, sigma, gamma``."""

Z_BOSON = numerical_density(_z_boson)
"""Breit-Wigner of the Z's width, smeared, with a radiative tail: ``mean, sigma, alpha, n``."""

TWO_SIDED_CRYSTAL_BALL = numerical_density(_two_sided)
"""Gaussian with power-law tails: ``mean, sigma, alpha, n, alpha_high, n_high``."""
