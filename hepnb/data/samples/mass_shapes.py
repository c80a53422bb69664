"""Mass densities of the samples: values, random numbers, and the sWeights that follow from them.

The sWeights are those of M. Pivk and F. R. Le Diberder, "sPlot: a statistical tool to unfold data
distributions", Nucl. Instrum. Meth. A 555 (2005) 356, arXiv:physics/0402083, with the sum over
events replaced by its expectation, the integral over the generating density rho::

    d(m)   = f p_s(m) + (1 - f) p_b(m)
    W_ij   = integral rho(m) p_i(m) p_j(m) / d(m)^2 dm,      V = W^-1
    w_s(m) = (V_ss p_s(m) + V_sb p_b(m)) / d(m)

The size of the sample cancels, so a candidate's weight depends on its mass alone: no pass over the
events, and no dependence on chunks. f solves ``integral rho p_i / d dm = 1``, the limit of the
yields-only maximum likelihood; for the generating shapes it is the signal fraction itself.
Hence ``sum_i w_i = 1`` for each candidate exactly, and the expectation of ``sum w_s`` is the
signal yield; on a finite sample it holds within statistics.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hepnb.data.samples.modes import MassShape

__all__ = (
    "alternative_densities",
    "background_density",
    "draw_bernstein",
    "draw_linear",
    "draw_signal",
    "linear_density",
    "signal_density",
    "signal_weight",
)

Array = npt.NDArray[np.float64]
Density = Callable[[Array], Array]
# cells of the midpoint rule: the narrowest Gaussian spans more than 100 of them
CELLS = 4000


def __dir__() -> tuple[str, ...]:
    return __all__


def signal_density(shape: MassShape) -> Density:
    """Give the density of the two Gaussians, or Crystal Ball, in 1/GeV, normalised on the range."""
    if shape.tail is not None:
        return _crystal_ball(shape, *shape.tail)
    narrow, wide = (_gaussian(shape, width) for width in shape.widths)

    def density(m: Array) -> Array:
        return shape.core_fraction * narrow(m) + (1 - shape.core_fraction) * wide(m)

    return density


def background_density(shape: MassShape) -> Density:
    """Give the density of the Bernstein background in 1/GeV."""
    low, span = shape.low, shape.high - shape.low
    b0, b1, b2 = (3 * each / span for each in shape.background)

    def density(m: Array) -> Array:
        u = (m - low) / span
        v = 1 - u
        return b0 * v * v + 2 * b1 * u * v + b2 * u * u

    return density


def linear_density(shape: MassShape, slope: float) -> Density:
    """Give ``(1 + slope x) / (high - low)`` with x running from -1 to 1 over the range."""
    centre, half = (shape.low + shape.high) / 2, (shape.high - shape.low) / 2

    def density(m: Array) -> Array:
        return (1 + slope * (m - centre) / half) / (2 * half)

    return density


def alternative_densities(shape: MassShape, background: Density) -> tuple[Density, Density]:
    """Give the shapes of the systematic weights: one Gaussian of equal mean and RMS, a line.

    The line has the background's mean: its slope is three times the mean of x in [-1, 1]. A peak
    with a tail keeps its width; the tail begins later.
    """
    core, (narrow, wide) = shape.core_fraction, shape.widths
    rms = float(np.sqrt(core * narrow**2 + (1 - core) * wide**2))
    m, cell = _grid(shape)
    x = (m - (shape.low + shape.high) / 2) / ((shape.high - shape.low) / 2)
    slope = 3 * float(np.sum(x * background(m)) * cell)
    peak = (
        _gaussian(shape, rms)
        if shape.tail is None
        else _crystal_ball(shape, 1.15 * shape.tail[0], shape.tail[1])
    )
    return peak, linear_density(shape, slope)


def signal_weight(
    shape: MassShape, truth: Density, signal: Density, background: Density
) -> Density:
    """Give the signal sWeight as a function of the mass, by the formulas above.

    Parameters
    ----------
    shape
        For the range.
    truth
        What the candidates follow, normalised.
    signal, background
        The shapes assumed by the weights, normalised.
    """
    from scipy.optimize import brentq

    m, cell = _grid(shape)
    p_s, p_b = signal(m), background(m)
    rho = truth(m) * cell

    def balance(fraction: float) -> float:
        return float(np.sum(rho * (p_s - p_b) / (fraction * p_s + (1 - fraction) * p_b)))

    f = float(brentq(balance, 1e-6, 1 - 1e-6, xtol=1e-13))
    measure = rho / (f * p_s + (1 - f) * p_b) ** 2
    w_ss, w_sb, w_bb = (float(np.sum(measure * each)) for each in (p_s**2, p_s * p_b, p_b**2))
    determinant = w_ss * w_bb - w_sb**2
    v_ss, v_sb = w_bb / determinant, -w_sb / determinant

    def weight(m: Array) -> Array:
        s, b = signal(m), background(m)
        return (v_ss * s + v_sb * b) / (f * s + (1 - f) * b)

    return weight


def draw_signal(rng: np.random.Generator, shape: MassShape, n: int) -> Array:
    """Draw masses of signal, by inverting the cut-off distribution function."""
    if shape.tail is not None:
        m, cell = _grid(shape)
        steps = np.append(0.0, np.cumsum(signal_density(shape)(m)) * cell)
        edges = np.append(shape.low, m + cell / 2)
        return np.asarray(np.interp(rng.random(n) * steps[-1], steps, edges))
    from scipy.special import ndtr, ndtri

    width = np.where(rng.random(n) < shape.core_fraction, *shape.widths)
    low, high = ndtr((shape.low - shape.mean) / width), ndtr((shape.high - shape.mean) / width)
    return np.asarray(shape.mean + width * ndtri(low + (high - low) * rng.random(n)))


def draw_bernstein(rng: np.random.Generator, shape: MassShape, n: int) -> Array:
    """Draw masses from the background: each polynomial is an order statistic of three uniforms."""
    ordered = np.sort(rng.random((3, n)), axis=0)
    rank = np.searchsorted(np.cumsum(shape.background)[:2], rng.random(n), side="right")
    u = ordered[rank, np.arange(n)]
    return np.asarray(shape.low + (shape.high - shape.low) * u)


def draw_linear(rng: np.random.Generator, shape: MassShape, slope: Array) -> Array:
    """Draw masses from lines of the given slopes: the smaller or the larger of two uniforms."""
    u, v = rng.random((2, len(slope)))
    rising = rng.random(len(slope)) < 0.5 * (1 + slope)
    fraction = np.where(rising, np.maximum(u, v), np.minimum(u, v))
    return np.asarray(shape.low + (shape.high - shape.low) * fraction)


def _gaussian(shape: MassShape, width: float) -> Density:
    from scipy.special import ndtr

    mean = shape.mean
    inside = float(ndtr((shape.high - mean) / width) - ndtr((shape.low - mean) / width))
    norm = 1 / (math.sqrt(2 * math.pi) * width * inside)

    def density(m: Array) -> Array:
        return np.asarray(norm * np.exp(-0.5 * ((m - mean) / width) ** 2))

    return density


def _crystal_ball(shape: MassShape, alpha: float, n: float) -> Density:
    """Gaussian with a power law below (J. Gaiser, SLAC-255), its norm by the midpoint rule."""

    def raw(m: Array) -> Array:
        t = (m - shape.mean) / shape.widths[0]
        below = np.minimum(t, -alpha)
        power = math.exp(-0.5 * alpha**2) * (1 - alpha / n * (alpha + below)) ** -n
        return np.where(t < -alpha, power, np.exp(-0.5 * t**2))

    m, cell = _grid(shape)
    norm = 1 / float(np.sum(raw(m)) * cell)

    def density(m: Array) -> Array:
        return norm * raw(m)

    return density


def _grid(shape: MassShape) -> tuple[Array, float]:
    cell = (shape.high - shape.low) / CELLS
    return np.asarray(shape.low + cell * (np.arange(CELLS) + 0.5), dtype=np.float64), cell
