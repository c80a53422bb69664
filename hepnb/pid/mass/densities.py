"""Mass densities normalised on a fit range, each with its exact integral.

A density is a pair of functions ``f(x, lo, hi, *parameters)`` of masses in ``[lo, hi]``. The
integral is what a binned fit needs: bins then hold exact expectations, however coarse they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import exprel, gammaln, ndtr, stdtr

__all__ = (
    "BERNSTEIN2",
    "CHEBYCHEV2",
    "CRYSTAL_BALL",
    "EXPONENTIAL",
    "GAUSSIAN",
    "LINEAR",
    "STUDENT",
    "TWO_GAUSSIANS",
    "Density",
    "numerical_density",
)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class Density(NamedTuple):
    """A density and its integral from the lower end of the range."""

    pdf: Callable[..., Floats]
    """``pdf(x, lo, hi, *parameters)``: per unit of mass, its integral over [lo, hi] is 1."""
    cdf: Callable[..., Floats]
    """``cdf(x, lo, hi, *parameters)``: 0 at ``lo``, 1 at ``hi``."""


def _gaussian_pdf(x: Floats, lo: float, hi: float, mean: float, sigma: float) -> Floats:
    t = (x - mean) / sigma
    inside = ndtr((hi - mean) / sigma) - ndtr((lo - mean) / sigma)
    return np.asarray(np.exp(-0.5 * t * t) / (np.sqrt(2.0 * np.pi) * sigma * inside))


def _gaussian_cdf(x: Floats, lo: float, hi: float, mean: float, sigma: float) -> Floats:
    low, high = ndtr((lo - mean) / sigma), ndtr((hi - mean) / sigma)
    return np.asarray((ndtr((x - mean) / sigma) - low) / (high - low))


def _two_gaussians_pdf(x: Floats, lo: float, hi: float, mean: float, *others: float) -> Floats:
    sigma, sigma_ratio, fraction = others
    narrow = _gaussian_pdf(x, lo, hi, mean, sigma)
    return fraction * narrow + (1.0 - fraction) * _gaussian_pdf(
        x, lo, hi, mean, sigma * sigma_ratio
    )


def _two_gaussians_cdf(x: Floats, lo: float, hi: float, mean: float, *others: float) -> Floats:
    sigma, sigma_ratio, fraction = others
    narrow = _gaussian_cdf(x, lo, hi, mean, sigma)
    return fraction * narrow + (1.0 - fraction) * _gaussian_cdf(
        x, lo, hi, mean, sigma * sigma_ratio
    )


def _student_inside(lo: float, hi: float, mean: float, sigma: float, nu: float) -> Floats:
    return np.asarray(stdtr(nu, (np.array([lo, hi]) - mean) / sigma))


def _student_pdf(x: Floats, lo: float, hi: float, mean: float, *others: float) -> Floats:
    sigma, nu = others
    low, high = _student_inside(lo, hi, mean, sigma, nu)
    t = (x - mean) / sigma
    peak = np.exp(gammaln(0.5 * nu + 0.5) - gammaln(0.5 * nu)) / (np.sqrt(nu * np.pi) * sigma)
    return np.asarray(peak * (1.0 + t * t / nu) ** (-0.5 * (nu + 1.0)) / (high - low))


def _student_cdf(x: Floats, lo: float, hi: float, mean: float, *others: float) -> Floats:
    sigma, nu = others
    low, high = _student_inside(lo, hi, mean, sigma, nu)
    return np.asarray((stdtr(nu, (x - mean) / sigma) - low) / (high - low))


def _tail(t: Floats, alpha: float, n: float, power: float) -> Floats:
    """Power law that continues a Gaussian below ``t = -alpha``, free of overflow."""
    return np.asarray(np.exp(-0.5 * alpha**2) * (1.0 - alpha / n * (alpha + t)) ** power)


def _crystal_ball_raw(t: Floats, alpha: float, n: float) -> Floats:
    below = np.minimum(t, -alpha)
    return np.where(t < -alpha, _tail(below, alpha, n, -n), np.exp(-0.5 * t * t))


def _crystal_ball_integral(t: Floats, alpha: float, n: float) -> Floats:
    below = np.minimum(t, -alpha)
    core = np.sqrt(2.0 * np.pi) * (ndtr(np.maximum(t, -alpha)) - ndtr(-alpha))
    return np.asarray(n / (alpha * (n - 1.0)) * _tail(below, alpha, n, 1.0 - n) + core)


def _crystal_ball_pdf(x: Floats, lo: float, hi: float, mean: float, *others: float) -> Floats:
    sigma, alpha, n = others
    ends = _crystal_ball_integral((np.array([lo, hi]) - mean) / sigma, alpha, n)
    here = _crystal_ball_raw((x - mean) / sigma, alpha, n)
    return np.asarray(here / (sigma * (ends[1] - ends[0])))


def _crystal_ball_cdf(x: Floats, lo: float, hi: float, mean: float, *others: float) -> Floats:
    sigma, alpha, n = others
    ends = _crystal_ball_integral((np.array([lo, hi]) - mean) / sigma, alpha, n)
    here = _crystal_ball_integral((x - mean) / sigma, alpha, n)
    return np.asarray((here - ends[0]) / (ends[1] - ends[0]))


def _largest_slope(c2: float) -> float:
    """Largest |c1| for which 1 + c1 T1 + c2 T2 is nowhere negative in [-1, 1]."""
    return 1.0 + c2 if c2 <= 1.0 / 3.0 else float(np.sqrt(8.0 * c2 * max(1.0 - c2, 0.0)))


def _chebychev2_pdf(x: Floats, lo: float, hi: float, tilt: float, c2: float) -> Floats:
    t = (2.0 * x - lo - hi) / (hi - lo)
    value = 1.0 + tilt * _largest_slope(c2) * t + c2 * (2.0 * t * t - 1.0)
    # it is positive by construction, and may miss zero by rounding at a boundary
    return np.maximum(value, 0.0) / ((1.0 - c2 / 3.0) * (hi - lo))


def _chebychev2_cdf(x: Floats, lo: float, hi: float, tilt: float, c2: float) -> Floats:
    t = (2.0 * x - lo - hi) / (hi - lo)
    c1 = tilt * _largest_slope(c2)
    # antiderivatives of T0, T1 and T2, each zero at t = -1
    integral = (t + 1.0) * (1.0 + c2 * (2.0 * (t * t - t + 1.0) / 3.0 - 1.0))
    return np.asarray((integral + 0.5 * c1 * (t * t - 1.0)) / (2.0 - 2.0 * c2 / 3.0))


def _linear_pdf(x: Floats, lo: float, hi: float, tilt: float) -> Floats:
    return _chebychev2_pdf(x, lo, hi, tilt, 0.0)


def _linear_cdf(x: Floats, lo: float, hi: float, tilt: float) -> Floats:
    return _chebychev2_cdf(x, lo, hi, tilt, 0.0)


def _bernstein2_shares(middle: float, left: float) -> tuple[float, float, float]:
    return (1.0 - middle) * left, middle, (1.0 - middle) * (1.0 - left)


def _bernstein2_pdf(x: Floats, lo: float, hi: float, middle: float, left: float) -> Floats:
    u = (x - lo) / (hi - lo)
    a, b, c = _bernstein2_shares(middle, left)
    v = 1.0 - u
    return np.asarray(3.0 * (a * v * v + 2.0 * b * u * v + c * u * u) / (hi - lo))


def _bernstein2_cdf(x: Floats, lo: float, hi: float, middle: float, left: float) -> Floats:
    u = (x - lo) / (hi - lo)
    a, b, c = _bernstein2_shares(middle, left)
    return np.asarray(a * (1.0 - (1.0 - u) ** 3) + b * (3.0 - 2.0 * u) * u * u + c * u**3)


def _exponential_pdf(x: Floats, lo: float, hi: float, decay: float) -> Floats:
    u = (x - lo) / (hi - lo)
    return np.asarray(np.exp(-decay * u) / (exprel(-decay) * (hi - lo)))


def _exponential_cdf(x: Floats, lo: float, hi: float, decay: float) -> Floats:
    u = (x - lo) / (hi - lo)
    return np.asarray(u * exprel(-decay * u) / exprel(-decay))


GAUSSIAN = Density(_gaussian_pdf, _gaussian_cdf)
"""Gaussian cut to the range: ``mean, sigma``."""

TWO_GAUSSIANS = Density(_two_gaussians_pdf, _two_gaussians_cdf)
"""Two Gaussians of one mean, each cut to the range: ``mean, sigma, sigma_ratio, fraction``, the
wide one has ``sigma * sigma_ratio`` and the narrow one holds `fraction`."""

STUDENT = Density(_student_pdf, _student_cdf)
"""Student's t cut to the range: ``mean, sigma, nu``; a Gaussian for many degrees of freedom `nu`,
with wider tails for few."""

CRYSTAL_BALL = Density(_crystal_ball_pdf, _crystal_ball_cdf)
"""Gaussian with a power-law tail to low mass: ``mean, sigma, alpha, n`` (n > 1)."""

CHEBYCHEV2 = Density(_chebychev2_pdf, _chebychev2_cdf)
"""``1 + c1 T1 + c2 T2`` with ``c1 = tilt * (largest slope at which this is nowhere negative)``:
``tilt, c2``, both in [-1, 1], reach every parabola that is positive on the range and no other."""

LINEAR = Density(_linear_pdf, _linear_cdf)
"""Straight line that is nowhere negative: ``tilt`` in [-1, 1]."""

EXPONENTIAL = Density(_exponential_pdf, _exponential_cdf)
"""``exp(-decay u)``, u running from 0 to 1 over the range: ``decay``, 0 being flat."""

BERNSTEIN2 = Density(_bernstein2_pdf, _bernstein2_cdf)
"""Bernstein polynomials of degree 2 with shares that are not negative: ``middle``, the share of
the middle one, and ``left``, what the left one has of the rest; both in [0, 1]."""


def numerical_density(function: Callable[..., Floats], *, cells: int = 400) -> Density:
    """Density from any positive function, normalised and integrated numerically.

    Parameters
    ----------
    function
        ``function(x, *parameters)``, not negative, of masses of shape (n,); any normalisation.
    cells
        The range is divided into this many cells, with four Gauss-Legendre points in each.

    Returns
    -------
    Density
        For use in a component of a `MassModel`; about ten times slower than a closed form.
    """
    numerical = _Numerical(function, cells)
    return Density(numerical.pdf, numerical.cdf)


@dataclass(frozen=True)
class _Numerical:
    """A positive function integrated over cells: methods, so that it can travel to workers."""

    function: Callable[..., Floats]
    cells: int

    def pdf(self, x: Floats, lo: float, hi: float, *parameters: float) -> Floats:
        values = np.asarray(self.function(x, *parameters), float)
        return np.asarray(values / self._totals(lo, hi, parameters)[1][-1])

    def cdf(self, x: Floats, lo: float, hi: float, *parameters: float) -> Floats:
        grid, sums = self._totals(lo, hi, parameters)
        x = np.atleast_1d(np.asarray(x, float))
        cell = np.clip(np.searchsorted(grid, x, side="right") - 1, 0, self.cells - 1)
        rest = self._integral(grid[cell], x - grid[cell], parameters)
        return np.asarray((sums[cell] + rest) / sums[-1])

    def _totals(self, lo: float, hi: float, parameters: tuple[float, ...]) -> tuple[Floats, Floats]:
        grid = np.linspace(lo, hi, self.cells + 1)
        parts = self._integral(grid[:-1], np.diff(grid), parameters)
        return grid, np.append(0.0, np.cumsum(parts))

    def _integral(self, left: Floats, width: Floats, parameters: tuple[float, ...]) -> Floats:
        points = left[:, np.newaxis] + width[:, np.newaxis] * _NODES
        values = np.asarray(self.function(points.ravel(), *parameters), float)
        return np.asarray((values.reshape(points.shape) @ _SHARES) * width)


# four Gauss-Legendre points of a cell of width 1
_NODES, _SHARES = (np.polynomial.legendre.leggauss(4)[i] * 0.5 + (0.5, 0.0)[i] for i in (0, 1))
