"""Where sums of envelopes are lowest, where their functions change, and where they cross levels.

For a given strength the data of different categories are independent. The lowest sum over all
combinations of functions is therefore the sum of the lowest of each category: combinations never
have to be listed, and several categories cost no more than the sum of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hepnb.background.profiling.functions import FunctionProfile
from hepnb.background.profiling.scan_range import Choice, Members, lowest_of, scan_points
from hepnb.errors import FitFailed

__all__ = ("Scan", "minimum_of", "scan")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
_DEEPEST = 6  # halvings of a cell in which a third function may be the lowest


class Scan(NamedTuple):
    """An envelope that was followed."""

    strengths: list[float]
    """Ascending; minima, crossings, and where functions change, are among them."""
    minimum: tuple[float, float]
    """Strength and height."""
    intervals: dict[float, tuple[tuple[float, float], ...]]
    """Level to the strengths below it; several pieces where the envelope rises between."""
    open_ends: tuple[str, ...]
    """``low``, ``high``: where the highest level is not reached within the scan."""


class _Piece(NamedTuple):
    """Between two strengths, where the same functions are the lowest."""

    lo: float
    hi: float
    choice: Choice


def minimum_of(
    categories: Sequence[Members],
    choice: Choice,
    start: float,
    within: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Give where the sum of chosen functions is lowest, and how high it is there.

    Parameters
    ----------
    categories, choice
        The functions.
    start
        Strength near which to look.
    within
        Ends at which the slope has opposite signs; None to look for them.
    """
    chosen = [members[which] for members, which in zip(categories, choice, strict=True)]
    if len(chosen) == 1 and within is None:
        best = chosen[0].minimum
        return best.strength, chosen[0].corrected(best.nll)

    def slope(mu: float) -> float:
        return sum(each.slope(mu) for each in chosen)

    if within is None:
        errors = [each.minimum.strength_error for each in chosen]
        within = _bracket(slope, start, 1.0 / np.sqrt(np.sum(np.power(errors, -2.0))))
    width = within[1] - within[0]
    mu = float(brentq(slope, *within, xtol=1e-7 * width))
    return mu, sum(each.value(mu) for each in chosen)


def scan(
    categories: Sequence[Members],
    *,
    levels: Sequence[float],
    strengths: Sequence[float] | None = None,
) -> Scan:
    """Follow the sum of envelopes over the signal strength.

    Parameters
    ----------
    categories
        Functions of each category, all of which have a minimum, the fewest parameters first.
    levels
        Heights above the minimum at which intervals end.
    strengths
        Where to look; None for as far as the highest level needs.

    Raises
    ------
    FitFailed
        No function could be fitted at some strength.
    """
    points = (
        scan_points(categories, max(levels)) if strengths is None else sorted(map(float, strengths))
    )
    minima = [each.minimum.strength for members in categories for each in members]
    inside = [each for each in minima if min(points) < each < max(points)]
    points = sorted({*map(float, points), *inside})
    for members in categories:
        for each in members:
            each.sweep(points)
    pieces = _pieces(categories, points)
    found = [_lowest_point(categories, piece) for piece in pieces]
    best = min(found, key=lambda each: each[1])
    below = {each: _below(categories, pieces, found, best[1] + each) for each in levels}
    ends = (points[0], points[-1])
    highest = max(levels)
    reached = [lowest_of(categories, end)[0] - best[1] >= highest for end in ends]
    extra = [mu for mu, _ in found] + [end for each in below.values() for ab in each for end in ab]
    strengths_of = sorted({*points, *(piece.lo for piece in pieces), *extra})
    open_ends = tuple(name for name, done in zip(("low", "high"), reached, strict=True) if not done)
    return Scan(strengths_of, best, below, open_ends)


def _bracket(slope: Callable[[float], float], start: float, step: float) -> tuple[float, float]:
    low = high = start
    for _ in range(60):
        if slope(low) > 0.0:
            low -= step
        elif slope(high) < 0.0:
            high += step
        else:
            return (low, high) if low < high else (start - step, start + step)
        step *= 1.3
    message = f"the likelihood falls without end from strength {start:g}; check signal and data"
    raise FitFailed(message)


def _pieces(categories: Sequence[Members], points: Sequence[float]) -> list[_Piece]:
    choices = [lowest_of(categories, each)[1] for each in points]
    pieces: list[_Piece] = []
    for (lo, left), (hi, right) in pairwise(zip(points, choices, strict=True)):
        pieces += _split(categories, lo, left, hi, right, depth=_DEEPEST)
    return pieces


def _split(
    categories: Sequence[Members], lo: float, left: Choice, hi: float, right: Choice, *, depth: int
) -> list[_Piece]:
    """Cut a cell where the lowest functions change, one change after the other."""
    if left == right or depth == 0:
        return [_Piece(lo, hi, left)]
    cuts = [
        _crossing(members[a], members[b], lo, hi)
        for members, a, b in zip(categories, left, right, strict=True)
        if a != b
    ]
    cut = min(cuts)
    if not lo < cut < hi:
        return [_Piece(lo, hi, right if cut <= lo else left)]
    # left of the first cut nothing changes, unless a third function comes between
    middle = lowest_of(categories, cut)[1]
    pairs = list(zip(left, right, middle, strict=True))
    if all(m in {a, b} for a, b, m in pairs):
        changed = tuple(
            b if a != b and _crossing(members[a], members[b], lo, hi) <= cut else a
            for members, a, b in zip(categories, left, right, strict=True)
        )
        return [
            _Piece(lo, cut, left),
            *_split(categories, cut, changed, hi, right, depth=depth - 1),
        ]
    return [
        *_split(categories, lo, left, cut, middle, depth=depth - 1),
        *_split(categories, cut, middle, hi, right, depth=depth - 1),
    ]


def _crossing(one: FunctionProfile, other: FunctionProfile, lo: float, hi: float) -> float:
    """Strength at which two functions are as high as each other."""

    def difference(mu: float) -> float:
        # finite where a fit failed
        return float(np.clip(one.value(mu) - other.value(mu), -1e9, 1e9))

    if difference(lo) >= 0.0:  # a tie
        return lo
    if difference(hi) <= 0.0:
        return hi
    return float(brentq(difference, lo, hi, xtol=1e-6 * (hi - lo)))


def _height(categories: Sequence[Members], choice: Choice, mu: float) -> float:
    return sum(members[which].value(mu) for members, which in zip(categories, choice, strict=True))


def _lowest_point(categories: Sequence[Members], piece: _Piece) -> tuple[float, float]:
    """Lowest point of a piece: between its ends where the slope changes sign, else at one."""
    ends = [(mu, _height(categories, piece.choice, mu)) for mu in (piece.lo, piece.hi)]
    slopes = [
        sum(m[which].slope(mu) for m, which in zip(categories, piece.choice, strict=True))
        for mu in (piece.lo, piece.hi)
    ]
    if slopes[0] < 0.0 < slopes[1]:
        ends.append(minimum_of(categories, piece.choice, piece.lo, (piece.lo, piece.hi)))
    return min(ends, key=lambda each: each[1])


def _below(
    categories: Sequence[Members],
    pieces: Sequence[_Piece],
    minima: Sequence[tuple[float, float]],
    level: float,
) -> tuple[tuple[float, float], ...]:
    """Strengths at which the envelope is below a level, piece by piece, neighbours joined."""
    found: list[tuple[float, float]] = []
    for piece, (middle, height) in zip(pieces, minima, strict=True):
        if height >= level:
            continue

        def above(mu: float, choice: Choice = piece.choice) -> float:
            return _height(categories, choice, mu) - level

        low, high = piece.lo, piece.hi
        tolerance = 1e-7 * (high - low)
        if above(low) > 0.0:
            low = float(brentq(above, low, middle, xtol=tolerance))
        if above(high) > 0.0:
            high = float(brentq(above, middle, high, xtol=tolerance))
        if found and low - found[-1][1] <= tolerance:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return tuple(found)
