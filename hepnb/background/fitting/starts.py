"""Where to begin the search for a sum of components with free slopes.

Such a sum is a finite mixture of a one-parameter family. Two facts of nonparametric maximum
likelihood serve here (B. G. Lindsay, Ann. Statist. 11 (1983) 86): the likelihood is concave in the
mixing distribution, so that any further components can lower the negative logarithm by no more
than the largest directional derivative ``D(s)``; and where ``D`` is largest is a good new slope.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families.sums import SumOfTilted
from hepnb.background.fitting.likelihood import Likelihood
from hepnb.background.spectrum import MassSpectrum

__all__ = ("directional_derivative", "mixed_start", "pair_starts", "spread_start", "steepest")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_FINE, _COARSE = 200, 26
_COARSE_BINS = 48
_STEPS = 3
_PEAKS = 4


def directional_derivative(
    likelihood: Likelihood, expected: Floats, slopes: Floats, density: Floats | None = None
) -> Floats:
    """Give by how much a new component lowers the negative logarithm per unit of its weight.

    Parameters
    ----------
    likelihood
        Of a sum of components.
    expected
        Expectation of each visible bin, in candidates, of shape (visible bins,).
    slopes
        Of the new component, of shape (P,).
    density
        Expectation at each candidate, in candidates per unit of mass, of shape (N,); None for the
        derivative of the binned likelihood.

    Returns
    -------
    ndarray
        ``D(s) = N (sum_i n_i phi_i(s) / nu_i - sum_i phi_i(s))`` for a component that would bring
        N candidates, of shape (P,).
    """
    shape, spectrum = likelihood.shape, likelihood.spectrum
    assert isinstance(shape, SumOfTilted)
    shares = shape.fractions(spectrum.edges, slopes)
    if density is None or likelihood.masses is None:
        return _derivative(spectrum, expected, shares)
    seen = (1.0 / density) @ shape.density(likelihood.masses, slopes)
    return np.asarray(spectrum.total * (seen - shares[spectrum.visible].sum(axis=0)))


def steepest(
    likelihood: Likelihood, expected: Floats, density: Floats | None = None
) -> tuple[float, float]:
    """Give the slope at which `directional_derivative` is largest, and how large it is there.

    A grid is searched with the binned counts; its highest peaks are looked at closely, candidate
    by candidate where `density` is given.
    """
    slopes, shares = _grid(likelihood, _FINE)
    height = np.pad(_derivative(likelihood.spectrum, expected, shares), 1, constant_values=-np.inf)
    peaks = np.flatnonzero((height[1:-1] >= height[:-2]) & (height[1:-1] >= height[2:]))
    highest = peaks[np.argsort(-height[peaks + 1])[:_PEAKS]]
    near = np.linspace(
        slopes[np.maximum(highest - 1, 0)], slopes[np.minimum(highest + 1, _FINE - 1)], 9
    ).ravel()
    close = directional_derivative(likelihood, expected, near, density)
    return float(near[np.argmax(close)]), float(close.max())


def mixed_start(likelihood: Likelihood) -> Floats:
    """Give weights of components at their first parameters, roughly those of the best fit.

    Even weights, after a few steps of expectation maximisation: cheaper than Newton's while the
    expectation is wrong by factors.

    Returns
    -------
    ndarray
        In units of the candidates, of shape (K,).
    """
    shape, counts = likelihood.shape, likelihood.counts
    rows, visible = likelihood.columns(shape.start())
    weights = np.full(shape.n_components, 1.0 / shape.n_components)
    if shape.n_components == 1:
        return weights
    for _ in range(_STEPS):
        expected = np.maximum(rows.value @ weights, 1e-300)
        weights = weights * ((counts / expected) @ rows.value) / (counts.sum() * visible.value)
    return weights


def pair_starts(likelihood: Likelihood, *, number: int) -> list[tuple[Floats, Floats]]:
    """Give the best pairs of slopes of a coarse grid, with their weights.

    Parameters
    ----------
    likelihood
        Of a sum of two components.
    number
        How many pairs, all different.

    Returns
    -------
    list of (weights, slopes)
        Each of shape (2,), the best first.
    """
    slopes, counts, shares = _coarse(likelihood)
    pairs = np.array(list(combinations(range(len(slopes)), 2)))
    first, second = shares.T[pairs[:, 0]], shares.T[pairs[:, 1]]
    share, change = np.full((len(pairs), 1), 0.5), second - first
    for _ in range(8):
        ratio = change / (first + share * change)
        slope, curvature = ratio @ counts, ratio**2 @ counts
        step = (slope / np.maximum(curvature, 1e-300))[:, None]
        share = np.clip(share + step, 0.1 * share, 1.0 - 0.1 * (1.0 - share))
    nll = -np.log(first + share * change) @ counts
    chosen: list[int] = []
    for index in np.argsort(nll):
        apart = [int(np.abs(pairs[index] - pairs[other]).max()) for other in chosen]
        if all(distance > 2 for distance in apart):
            chosen.append(int(index))
        if len(chosen) == number:
            break
    return [
        (np.array([1.0 - share[index, 0], share[index, 0]]), slopes[pairs[index]])
        for index in chosen
    ]


def spread_start(likelihood: Likelihood, n_components: int) -> tuple[Floats, Floats]:
    """Give the slopes of the best mixture of any number of components, gathered into a few.

    Parameters
    ----------
    likelihood
        Of a sum of components.
    n_components
        Into how many neighbouring slopes are merged.

    Returns
    -------
    weights, slopes
        Each of shape (n_components,).
    """
    slopes, counts, shares = _coarse(likelihood)
    weights = np.full(len(slopes), 1.0 / len(slopes))
    for _ in range(200):
        weights = weights * (shares.T @ (counts / (shares @ weights))) / counts.sum()
    weights = np.maximum(weights, 1e-12)
    where = np.arange(len(slopes)) * 1.0  # on the grid, where like distances make like differences
    while len(where) > n_components:
        # the pair whose merging moves the least weight the least far
        i = int(np.argmin(np.diff(where) * np.minimum(weights[:-1], weights[1:])))
        pair = slice(i, i + 2)
        where[i] = np.average(where[pair], weights=weights[pair])
        weights[i] = weights[pair].sum()
        where, weights = np.delete(where, i + 1), np.delete(weights, i + 1)
    return np.maximum(weights / weights.sum(), 1e-3), np.interp(
        where, np.arange(len(slopes)), slopes
    )


def _derivative(spectrum: MassSpectrum, expected: Floats, shares: Floats) -> Floats:
    counts = spectrum.counts[spectrum.visible]
    excess = np.zeros(len(spectrum.counts))
    excess[spectrum.visible] = np.divide(counts, expected, np.zeros_like(counts), where=counts > 0)
    excess[spectrum.visible] -= 1.0
    return np.asarray(spectrum.total * (excess @ shares))


def _coarse(likelihood: Likelihood) -> tuple[Floats, Floats, Floats]:
    """Slopes, and visible counts and shares with neighbouring bins merged."""
    spectrum = likelihood.spectrum
    slopes, shares = _grid(likelihood, _COARSE)
    shown = spectrum.visible
    merge = max(1, len(shown) // _COARSE_BINS)
    starts = np.arange(0, len(shown), merge)
    counts = np.add.reduceat(np.where(shown, spectrum.counts, 0.0), starts)
    merged = np.add.reduceat(np.where(shown[:, None], shares, 0.0), starts, axis=0)
    filled = counts > 0
    return slopes, counts[filled], (merged / merged.sum(axis=0))[filled]


def _grid(likelihood: Likelihood, points: int) -> tuple[Floats, Floats]:
    shape = likelihood.shape
    assert isinstance(shape, SumOfTilted)
    bounds = (float(shape.bounds[0, 0]), float(shape.bounds[0, 1]))
    return _grid_of(type(shape), bounds, shape.shift, likelihood.spectrum.edges.tobytes(), points)


@lru_cache(maxsize=16)
def _grid_of(
    kind: type[SumOfTilted], bounds: tuple[float, float], shift: float, edges: bytes, points: int
) -> tuple[Floats, Floats]:
    """Slopes of a grid, and the share of every bin for each: the same for all data in the bins."""
    ends = np.frombuffer(edges)
    shape = kind((float(ends[0]), float(ends[-1])), 1, "slope", bounds, shift=shift)
    slopes = shape.grid(points)
    return slopes, shape.fractions(ends, slopes)
