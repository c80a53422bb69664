"""Which tracks are in a table, and why the others are not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from hist import Hist

from hepnb.pid.tables.table_bins import Axes

__all__ = ("CAUSES", "MOMENTA", "Coverage", "Map", "physical_range")

CAUSES = ("nan", "wrong_truth", "out_of_range", "bad_bin")
"""Why a track has no weight: NaN in its species or on an axis; no table for its true species (or
for its hypothesis); outside the bins; in a bin that has no ratio. The first that holds counts."""

MOMENTA = ("p", "pt")

_WORDS = {
    "nan": "NaN in species or on an axis",
    "wrong_truth": "no table for the species",
    "out_of_range": "out of range",
    "bad_bin": "in bins without a ratio",
}


def __dir__() -> tuple[str, ...]:
    return __all__


def physical_range(axis: str) -> tuple[float, float]:
    """Range that values of an axis can have at all, as far as its name tells."""
    if axis.startswith("cos"):
        return -1.0, 1.0
    return (0.0 if axis in (*MOMENTA, "theta") else -math.inf), math.inf


@dataclass(frozen=True)
class Map:
    """Tracks of a particle over two axes of its tables.

    Attributes
    ----------
    total, covered
        Histograms of all tracks, and of those in a table; values beyond the frame are in the flow
        bins.
    ranges
        For each axis the range of the tables.
    """

    total: Hist[Any]
    covered: Hist[Any]
    ranges: Axes


@dataclass(frozen=True)
class Coverage:
    """Where the tracks of each particle went.

    Attributes
    ----------
    counts
        Particle to ``{"read", "in_table", "nan", "wrong_truth", "out_of_range", "bad_bin"}``; see
        `CAUSES`.
    undecided
        Particle to the number of tracks for which the requirement is undefined (NaN), which
        therefore fail it; only where it is evaluated.
    maps
        Particle to its `Map`; empty for tables without a continuous axis.
    hints
        What the counts suggest, for instance momenta in MeV.
    """

    counts: Mapping[str, Mapping[str, int]]
    undecided: Mapping[str, int]
    maps: Mapping[str, Map]
    hints: tuple[str, ...] = ()

    @property
    def frame(self) -> pd.DataFrame:
        """One row per particle: fractions of its tracks, by cause."""
        rows = {
            name: {each: number / max(counts["read"], 1) for each, number in counts.items()}
            | {"read": counts["read"]}
            for name, counts in self.counts.items()
        }
        made = pd.DataFrame.from_dict(rows, orient="index", columns=["read", "in_table", *CAUSES])
        return made.rename_axis("particle").reset_index().astype({"read": int})

    @property
    def complete(self) -> bool:
        """Whether every track has a weight."""
        return all(counts["in_table"] == counts["read"] for counts in self.counts.values())

    def summary(self) -> str:
        """Say per particle which fraction has no weight, cause by cause."""
        lines = []
        for name, counts in self.counts.items():
            read = max(counts["read"], 1)
            causes = [
                f"{100 * counts[each] / read:.3g} % {_WORDS[each]}"
                for each in CAUSES
                if counts[each]
            ]
            inside = (
                f"{100 * counts['in_table'] / read:.4g} % of {counts['read']:,} tracks in a table"
            )
            lines.append(f"{name}: {'; '.join([inside, *causes])}")
            if self.undecided.get(name):
                lines.append(f"{name}: requirement undefined (NaN) for {self.undecided[name]:,}")
        return "\n".join([*lines, *self.hints])

    def plot(self, ax: Any = None) -> Any:
        """Draw the fraction in a table per cell; see `hepnb.pid.apply.coverage_plot`."""
        from hepnb.pid.apply.coverage_plot import plot_coverage

        return plot_coverage(self, ax=ax)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Fractions per particle and cause, in the form of a run's record."""
        found: dict[str, dict[str, Any]] = {}
        for name, counts in self.counts.items():
            read = max(counts["read"], 1)
            for each in ("in_table", *CAUSES):
                status = "ok" if each == "in_table" or not counts[each] else "default_weight"
                found[f"{name}_{each}"] = {
                    "value": counts[each] / read,
                    "uncertainty": None,
                    "unit": "",
                    "status": status,
                }
        return found
