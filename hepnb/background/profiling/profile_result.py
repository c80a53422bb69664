"""A scan of the signal strength, with its intervals: what one category or several have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.background.profiling.corrections import Correction
from hepnb.errors import BadParameters

__all__ = ("LEVELS", "Profile", "described")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

LEVELS = (1.0, 4.0)
"""Rise of ``-2 ln L`` at the ends of intervals of 68.3 and 95.4 %."""
_NAMES = {1.0: "68", 4.0: "95"}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A scan of the signal strength with its intervals; an `Envelope`, or several together.

    Attributes
    ----------
    strengths
        Signal strengths, ascending, of shape (n,).
    lowest
        The envelope: corrected ``-2 ln L``, extended, of shape (n,).
    strength
        Where it is lowest.
    minimum
        How high it is there.
    intervals
        Level (1, 4) to all strengths below it; several intervals where the envelope rises
        between them.
    correction
        What the functions pay for their parameters.
    open_ends
        ``low``, ``high`` where a given scan ends before the highest level is reached.
    """

    strengths: Floats = field(repr=False)
    lowest: Floats = field(repr=False)
    strength: float
    minimum: float
    intervals: Mapping[float, tuple[tuple[float, float], ...]]
    correction: Correction
    open_ends: tuple[str, ...] = ()

    def interval(self, level: float = 1.0) -> tuple[float, float]:
        """Outermost ends of the strengths below a level: 1 for 68.3 %, 4 for 95.4 %.

        Raises
        ------
        BadParameters
            The scan was not asked for that level.
        """
        if level not in self.intervals:
            known = ", ".join(f"{each:g}" for each in self.intervals)
            message = f"no interval at level {level:g}; the scan has {known}"
            raise BadParameters(message)
        pieces = self.intervals[level]
        return pieces[0][0], pieces[-1][1]

    @property
    def errors(self) -> tuple[float, float]:
        """Distances from the strength to the ends of the lowest level's interval, down and up."""
        low, high = self.interval(min(self.intervals))
        return self.strength - low, high - self.strength

    @property
    def status(self) -> str:
        """``ok``, or words joined by semicolons: ``disjoint:68``, ``open:low``."""
        words = [
            f"disjoint:{_NAMES.get(level, f'{level:g}')}"
            for level, pieces in self.intervals.items()
            if len(pieces) > 1
        ]
        return "; ".join([*words, *(f"open:{end}" for end in self.open_ends)]) or "ok"

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Strength and ends of the intervals, for a run's record."""
        found = {"strength": _number(self.strength, list(self.errors), self.status)}
        for level, pieces in self.intervals.items():
            name = _NAMES.get(level, f"{level:g}")
            for end, value in zip(("low", "high"), self.interval(level), strict=True):
                found[f"strength_{name}_{end}"] = _number(value, None, self.status)
            found[f"pieces_{name}"] = _number(len(pieces), None, "ok")
        return found


def described(profile: Profile) -> dict[str, Any]:
    """Give what a scan found, as values of JSON."""
    return {
        "strength": profile.strength,
        "minimum": profile.minimum,
        "intervals": {
            f"{level:g}": [list(piece) for piece in pieces]
            for level, pieces in profile.intervals.items()
        },
        "correction": profile.correction.label,
        "status": profile.status,
    }


def _number(value: float, bars: Any, status: str) -> dict[str, Any]:
    return {"value": float(value), "uncertainty": bars, "unit": "", "status": status}
