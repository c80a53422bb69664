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

_SMALL = 0.15  # below, the first five terms of the series are exact to 1e-13


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
    log_sinhc, first, second = _log_sinhc(s * half)
    log_integral = s * centre + log_sinhc + np.log(2.0 * half)
    mean, variance = centre + half * first, half**2 * second
    return _normalised(log_integral, mean, variance, span, s, slopes_free=slopes_free)


def tilted_densities(
    x: Floats, span: tuple[float, float], s: Floats, *, slopes_free: bool = True
) -> Parts:
    """Give ``exp(s x)``, normalised on a span, at points; see `tilted_integrals`."""
    point = x[:, None]
    return _normalised(s * point, point, np.zeros((1, 1)), span, s, slopes_free=slopes_free)


def _normalised(
    log_value: Floats,
    mean: Floats,
    variance: Floats,
    span: tuple[float, float],
    s: Floats,
    *,
    slopes_free: bool,
) -> Parts:
    """Divide ``exp(s x)``, integrated over intervals with that mean and variance of x, by a span's.

    The derivative of the logarithm of an integral by the slope is the mean of x under it; the
    derivative of that is the variance.
    """
    half, centre = 0.5 * (span[1] - span[0]), 0.5 * (span[1] + span[0])
    log_sinhc, first, second = _log_sinhc(s * half)
    value = np.exp(log_value - (s * centre + log_sinhc + np.log(2.0 * half)))
    if not slopes_free:
        return Parts(value)
    shift = mean - (centre + half * first)
    return Parts(value, value * shift, value * (shift**2 + variance - half**2 * second))


def _log_sinhc(z: Floats) -> tuple[Floats, Floats, Floats]:
    """Give ``ln(sinh(z) / z)`` and its first two derivatives."""
    z2 = z * z
    if (z2 < _SMALL**2).all():
        return _log_sinhc_series(z, z2)
    size = np.maximum(np.abs(z), _SMALL)
    fall = np.exp(-2.0 * size)
    rest = -np.expm1(-2.0 * size)
    large = (
        size + np.log(rest / (2.0 * size)),
        np.copysign((1.0 + fall) / rest - 1.0 / size, z),
        1.0 / size**2 - 4.0 * fall / rest**2,
    )
    if not (z2 < _SMALL**2).any():
        return large
    series = _log_sinhc_series(z, np.minimum(z2, _SMALL**2))
    small = z2 < _SMALL**2
    value, first, second = (np.where(small, *pair) for pair in zip(series, large, strict=True))
    return value, first, second


def _log_sinhc_series(z: Floats, z2: Floats) -> tuple[Floats, Floats, Floats]:
    a, b, c, d, e = 1 / 6, -1 / 180, 1 / 2835, -1 / 37800, 1 / 467775
    value = z2 * (a + z2 * (b + z2 * (c + z2 * (d + z2 * e))))
    first = z * (2 * a + z2 * (4 * b + z2 * (6 * c + z2 * (8 * d + z2 * 10 * e))))
    second = 2 * a + z2 * (12 * b + z2 * (30 * c + z2 * (56 * d + z2 * 90 * e)))
    return value, first, second
