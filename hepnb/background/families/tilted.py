"""Exponentials of a straight line, integrated over bins: what three of the families are made of.

``exp(s x)`` on ``[lo, hi]`` with ``x`` the mass is a falling exponential; with ``x`` the logarithm
of the mass and ``s = a + 1`` it is the power law ``m^a dm``. Everything is written around the
centre of an interval, ``int exp(s x) dx = 2 h exp(s c) sinh(s h) / (s h)``, so that no slope, zero
included, loses digits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families.family import Parts

__all__ = ("tilted_densities", "tilted_integrals")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_SMALL = 0.05  # below, the first four terms of the series are exact to 1e-15


def tilted_integrals(
    low: Floats, high: Floats, span: tuple[float, float], s: Floats, *, slopes_free: bool = True
) -> Parts:
    """Integrate ``exp(s x)``, normalised on a span, over intervals.

    Parameters
    ----------
    low, high
        Ends of the intervals, of shape (n,), in the units of ``x``.
    span
        Where each component integrates to one.
    s
        Slopes, of shape (K,).
    slopes_free
        Whether the derivatives are wanted.

    Returns
    -------
    Parts
        Integrals and, if wanted, their derivatives by ``s``.
    """
    half, centre = 0.5 * (high - low)[:, None], 0.5 * (high + low)[:, None]
    log_integral = s * centre + _log_sinhc(s * half) + np.log(2.0 * half)
    value = _normalised(log_integral, span, s)
    if not slopes_free:
        return Parts(value)
    mean, variance = centre + half * _langevin(s * half), half**2 * _langevin_slope(s * half)
    return _with_derivatives(value, mean, variance, span, s)


def tilted_densities(
    x: Floats, span: tuple[float, float], s: Floats, *, slopes_free: bool = True
) -> Parts:
    """Give ``exp(s x)``, normalised on a span, at points; see `tilted_integrals`."""
    point = x[:, None]
    value = _normalised(s * point, span, s)
    if not slopes_free:
        return Parts(value)
    return _with_derivatives(value, point, np.zeros((1, 1)), span, s)


def _normalised(log_value: Floats, span: tuple[float, float], s: Floats) -> Floats:
    half, centre = 0.5 * (span[1] - span[0]), 0.5 * (span[1] + span[0])
    return np.asarray(np.exp(log_value - s * centre - _log_sinhc(s * half) - np.log(2.0 * half)))


def _with_derivatives(
    value: Floats, mean: Floats, variance: Floats, span: tuple[float, float], s: Floats
) -> Parts:
    # the derivative of the logarithm of an integral by its slope is the mean of x under it
    half, centre = 0.5 * (span[1] - span[0]), 0.5 * (span[1] + span[0])
    shift = mean - centre - half * _langevin(s * half)
    spread = variance - half**2 * _langevin_slope(s * half)
    return Parts(value, value * shift, value * (shift**2 + spread))


def _log_sinhc(z: Floats) -> Floats:
    z2 = z * z
    size = np.maximum(np.abs(z), _SMALL)
    large = size + np.log1p(-np.exp(-2.0 * size)) - np.log(2.0 * size)
    return np.where(z2 < _SMALL**2, z2 / 6.0 * (1.0 - z2 / 30.0 * (1.0 - 4.0 * z2 / 63.0)), large)


def _langevin(z: Floats) -> Floats:
    z2 = z * z
    safe = np.where(z2 < _SMALL**2, 1.0, z)
    series = z / 3.0 * (1.0 - z2 / 15.0 * (1.0 - 2.0 * z2 / 21.0 * (1.0 - z2 / 10.0)))
    return np.where(z2 < _SMALL**2, series, 1.0 / np.tanh(safe) - 1.0 / safe)


def _langevin_slope(z: Floats) -> Floats:
    z2 = z * z
    safe = np.where(z2 < _SMALL**2, 1.0, np.minimum(np.abs(z), 300.0))
    series = 1.0 / 3.0 - z2 / 15.0 * (1.0 - 10.0 * z2 / 63.0 * (1.0 - 7.0 * z2 / 50.0))
    return np.where(
        z2 < _SMALL**2, series, 1.0 / np.square(z + (z == 0)) - 1.0 / np.sinh(safe) ** 2
    )
