"""Where to begin the search for a sum of components with free slopes.

Such a sum is a finite mixture of a one-parameter family. Two facts of nonparametric maximum
likelihood serve here (B. G. Lindsay, Ann. Statist. 11 (1983) 86): the likelihood is concave in the
mixing distribution, so that any further components can lower the negative logarithm by no more
than the largest directional derivative ``D(s)``; and where ``D`` is largest is a good new slope.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families.sums import SumOfTilted
from hepnb.background.fitting.likelihood import Likelihood

__all__ = ("directional_derivative", "pair_starts", "spread_start", "steepest")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_FINE, _COARSE = 200, 26
_COARSE_BINS = 48


def directional_derivative(likelihood: Likelihood, expected: Floats, slopes: Floats) -> Floats:
    """Give by how much a new component lowers the negative logarithm per unit of its weight.

    Parameters
    ----------
    likelihood
        Of a sum of components.
    expected
        Expectation of each visible bin, in candidates, of shape (visible bins,).
    slopes
        Of the new component, of shape (P,).

    Returns
    -------
    ndarray
        ``D(s) = sum_i n_i phi_i(s) / nu_i - sum_i phi_i(s)`` with the component scaled to the
        number of candidates, of shape (P,).
    """
    shape, spectrum = likelihood.shape, likelihood.spectrum
    assert isinstance(shape, SumOfTilted)
    shares = shape.fractions(spectrum.edges, slopes)[spectrum.visible]
    return _derivative(spectrum.counts[spectrum.visible], expected, shares)


def steepest(likelihood: Likelihood, expected: Floats) -> tuple[float, float]:
    """Give the slope at which `directional_derivative` is largest, and how large it is there."""
    spectrum = likelihood.spectrum
    slopes, shares = _grid(likelihood, _FINE)
    derivative = _derivative(spectrum.counts[spectrum.visible], expected, shares[spectrum.visible])
    best = int(np.argmax(derivative))
    # between the points next to it
    near = np.linspace(slopes[max(best - 1, 0)], slopes[min(best + 1, _FINE - 1)], 9)
    close = directional_derivative(likelihood, expected, near)
    return float(near[np.argmax(close)]), float(close.max())


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
    groups = [([slope], [weight]) for slope, weight in zip(slopes, weights, strict=True)]
    while len(groups) > n_components:
        # the pair whose merging moves the least weight the least far
        cost = [
            abs(np.arcsinh(np.mean(a[0])) - np.arcsinh(np.mean(b[0]))) * min(sum(a[1]), sum(b[1]))
            for a, b in pairwise(groups)
        ]
        i = int(np.argmin(cost))
        groups[i : i + 2] = [(groups[i][0] + groups[i + 1][0], groups[i][1] + groups[i + 1][1])]
    total = np.array([sum(weight) for _, weight in groups])
    centres = np.array(
        [np.average(slope, weights=np.maximum(weight, 1e-300)) for slope, weight in groups]
    )
    return np.maximum(total / total.sum(), 1e-3), centres


def _derivative(counts: Floats, expected: Floats, shares: Floats) -> Floats:
    filled = counts > 0
    seen = (counts[filled] / expected[filled]) @ shares[filled]
    return np.asarray(counts.sum() * (seen - shares.sum(axis=0)))


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
