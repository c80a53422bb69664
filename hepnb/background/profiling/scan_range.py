"""How high a sum of envelopes is, and how far it has to be scanned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from hepnb.background.profiling.functions import FunctionProfile
from hepnb.errors import FitFailed

__all__ = ("Choice", "Members", "lowest_of", "scan_points")


def __dir__() -> tuple[str, ...]:
    return __all__


Members: TypeAlias = "Sequence[FunctionProfile]"
"""Functions of one category."""
Choice: TypeAlias = tuple[int, ...]
"""Which member each category takes."""

_POINTS = 25
_MARGIN = 1.2  # times the highest level: how far a scan goes on
_TRIES = 6  # times that a range is widened
_TIE = 1e-6  # of -2 ln L: below, the function with fewer parameters is taken


def lowest_of(categories: Sequence[Members], strength: float) -> tuple[float, Choice]:
    """Give the height of the sum of envelopes, and the functions that make it."""
    total, choice = 0.0, []
    for members in categories:
        values = np.array([each.value(strength) for each in members])
        # members are in ascending order of their parameters
        chosen = int(np.flatnonzero(values <= values.min() + _TIE)[0])
        total += float(values[chosen])
        choice.append(chosen)
    return total, tuple(choice)


def scan_points(categories: Sequence[Members], highest: float) -> list[float]:
    """Evenly spaced strengths, as far as the envelope rises above the highest level."""
    centre, error = _typical(categories)
    minima = [each.minimum.strength for members in categories for each in members]
    heights = {mu: lowest_of(categories, mu)[0] for mu in (centre, *minima)}
    lowest = min(heights.values())
    # other functions may be as good somewhere else
    near = [mu for mu, height in heights.items() if height < lowest + highest]

    def rise(mu: float) -> float:
        return lowest_of(categories, mu)[0] - lowest

    low = _reach(rise, min(near), -error, _MARGIN * highest)
    high = _reach(rise, max(near), error, _MARGIN * highest)
    for _ in range(_TRIES):
        points: list[float] = np.linspace(low, high, _POINTS).tolist()
        rises = [rise(each) for each in points]
        wanted = min(rises) + _MARGIN * highest
        if rises[0] < wanted:
            low = _reach(rise, high, low - high, wanted)
        elif rises[-1] < wanted:
            high = _reach(rise, low, high - low, wanted)
        else:
            break
    return points


def _reach(rise: Callable[[float], float], start: float, step: float, wanted: float) -> float:
    """Go on until the envelope has risen enough, but not twice as far as that takes."""
    while rise(start + step) < wanted:
        step *= 1.4
        if not np.isfinite(step):
            message = f"the likelihood does not rise from strength {start:g}; check the signal"
            raise FitFailed(message)
    while rise(start + 0.6 * step) >= wanted and abs(step) > 1e-9:
        step *= 0.6
    return start + step


def _typical(categories: Sequence[Members]) -> tuple[float, float]:
    """Strength and its uncertainty, of the best function of each category taken together."""
    weight, total = 0.0, 0.0
    for members in categories:
        best = min(members, key=lambda each: each.corrected(each.minimum.nll)).minimum
        # where empty bins limit a signal the curvature tells nothing; all candidates do
        error = min(best.strength_error, max(each.widest for each in members))
        weight += error**-2.0
        total += best.strength * error**-2.0
    return total / weight, weight**-0.5
