"""One look at all candidates: who is in a table, and how many are in each of its bins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from hist import Hist
from hist.axis import Regular

from hepnb.pid.apply.applied import CHUNK
from hepnb.pid.apply.coverage import CAUSES, MOMENTA, Coverage, Map, physical_range
from hepnb.pid.apply.reading import chunks
from hepnb.pid.apply.track import IN_TABLE, Located, Track
from hepnb.pid.tables.table_bins import Axes

if TYPE_CHECKING:
    from hepnb.data.expressions import BoundExpression
    from hepnb.data.sample import Sample

__all__ = ("survey",)

CELLS = 30  # over the range of the tables
MARGIN = 0.25  # of that range, shown on either side of it


def __dir__() -> tuple[str, ...]:
    return __all__


def survey(
    sample: Sample, tracks: Sequence[Track], cut: BoundExpression | None
) -> tuple[Coverage, Mapping[str, np.ndarray]]:
    """Locate every track.

    Returns
    -------
    (Coverage, mapping)
        Where the tracks are, and for each particle the number of tracks per row of its weights.
    """
    looks = {track.name: _Look(track) for track in tracks}
    for columns in chunks(sample, tracks, cut, {}, CHUNK * 5):
        for track in tracks:
            looks[track.name].add(track.locate(columns))
    coverage = Coverage(
        {name: each.counts() for name, each in looks.items()},
        {name: each.undecided for name, each in looks.items()},
        {name: each.map for name, each in looks.items() if each.map is not None},
        tuple(hint for each in looks.values() for hint in each.hints()),
    )
    return coverage, {name: each.occupancy for name, each in looks.items()}


class _Look:
    """Counts of one particle, chunk after chunk."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self.causes = np.zeros(1 + len(CAUSES), int)
        self.occupancy = np.zeros(len(track.nominal), int)
        self.undecided = 0
        self.ranges = _ranges(track)
        self.off_by_thousand = dict.fromkeys((each for each in self.ranges if each in MOMENTA), 0)
        self.map = _empty_map(self.ranges)

    def add(self, found: Located) -> None:
        self.causes += np.bincount(found.causes - IN_TABLE, minlength=len(self.causes))
        self.occupancy += np.bincount(found.rows, minlength=len(self.occupancy))
        self.undecided += found.undecided
        outside = found.causes == CAUSES.index("out_of_range")
        for name in self.off_by_thousand:
            low, high = self.ranges[name]
            scaled = found.values[name][outside] / 1000
            self.off_by_thousand[name] += int(np.count_nonzero((scaled >= low) & (scaled < high)))
        if self.map is not None:
            where = [found.values[each] for each in self.map.ranges]
            inside = found.causes == IN_TABLE
            self.map.total.fill(*where)
            self.map.covered.fill(*(each[inside] for each in where))

    def counts(self) -> dict[str, int]:
        found = dict(zip(("in_table", *CAUSES), map(int, self.causes), strict=True))
        return {"read": int(self.causes.sum())} | found

    def hints(self) -> list[str]:
        outside = self.causes[1 + CAUSES.index("out_of_range")]
        return [
            f"{self.track.name}: {number:,} of {outside:,} values of {name!r} out of range "
            "would be in it if divided by 1000: are they in MeV, and the table in GeV?"
            for name, number in self.off_by_thousand.items()
            if number > 0.5 * outside
        ]


def _ranges(track: Track) -> Axes:
    """Range of each axis over all tables of a particle."""
    names = dict.fromkeys(name for block in track.blocks for name in block.axes)
    found: dict[str, tuple[float, ...]] = {}
    for name in names:
        edges = [block.axes[name] for block in track.blocks if name in block.axes]
        found[name] = (min(each[0] for each in edges), max(each[-1] for each in edges))
    return found


def _empty_map(ranges: Axes) -> Map | None:
    shown = dict([each for each in ranges.items() if each[0] != "charge"][:2])
    if not shown:
        return None
    axes = [Regular(*_shown(name, *each), name=name) for name, each in shown.items()]
    made: list[Hist[Any]] = [Hist(*axes) for _ in range(2)]
    return Map(made[0], made[1], shown)


def _shown(name: str, low: float, high: float) -> tuple[int, float, float]:
    """Cells of an axis of the map, on whose edges the range of the tables begins and ends."""
    width = (high - low) / CELLS
    least, most = physical_range(name)
    below = math.ceil(round(min(MARGIN * CELLS, (low - least) / width), 9))
    above = math.ceil(round(min(MARGIN * CELLS, (most - high) / width), 9))
    return CELLS + below + above, low - below * width, high + above * width
