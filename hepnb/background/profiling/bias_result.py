"""What a bias study finds: pulls, coverage and failures, by truth, strength and function."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hepnb.background.profiling.corrections import Correction
from hepnb.background.profiling.toys import ENVELOPE

__all__ = ("BiasStudy", "Row")


def __dir__() -> tuple[str, ...]:
    return __all__


class Row(NamedTuple):
    """One fit of one toy."""

    truth: str
    injected: float
    toy: int
    function: str
    strength: float
    error: float
    rise: float
    chosen: str
    status: str


@dataclass(frozen=True)
class BiasStudy:
    """Toys of each truth, fitted by each function and by their envelope.

    Attributes
    ----------
    truths, functions, strengths
        What was drawn from, fitted, and injected.
    requested
        Toys asked for, of each truth and strength.
    seed
        Of the random numbers.
    correction
        What functions pay in the envelope.
    rows
        One per toy and function; see `toys`.
    interrupted
        Whether the study ended before all toys were done.
    """

    truths: tuple[str, ...]
    functions: tuple[str, ...]
    strengths: tuple[float, ...]
    requested: int
    seed: int
    correction: Correction
    rows: Sequence[Row] = field(repr=False)
    interrupted: bool = False

    @cached_property
    def toys(self) -> pd.DataFrame:
        """One row per toy and function.

        Columns: ``truth, injected, toy, function, strength, error, rise`` (of ``-2 ln L`` at the
        injected strength), ``chosen`` (the lowest function), ``status``, and two pulls, which are
        positive where the fitted strength is too large: ``pull``, the signed square root of the
        rise, and ``pull_sigma``, the difference over the error.
        """
        frame = pd.DataFrame(self.rows, columns=list(Row._fields))
        difference = frame["strength"] - frame["injected"]
        frame["pull"] = np.sign(difference) * np.sqrt(frame["rise"])
        frame["pull_sigma"] = difference / frame["error"]
        return frame

    @property
    def done(self) -> int:
        """Toys that every truth and strength has."""
        counts = self.toys[self.toys["function"] == ENVELOPE].groupby(["truth", "injected"]).size()
        complete = len(counts) == len(self.truths) * len(self.strengths)
        return int(counts.min()) if complete else 0

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per truth, injected strength and function; the envelope is the last function.

        Columns: ``toys`` that count; ``failed`` and ``empty`` ones, which do not; mean and width
        of the pulls with their errors; ``coverage_68`` and ``coverage_95``, the shares of toys
        whose interval at a rise of 1 and 4 holds the injected strength, with binomial errors; and
        ``median_bias``, the median of ``pull_sigma``.
        """
        keys = ["truth", "injected", "function"]
        rows = [
            dict(zip(keys, key, strict=True)) | _summary(each)
            for key, each in self.toys.groupby(keys, sort=False)
        ]
        return pd.DataFrame(rows)

    @property
    def chosen(self) -> pd.DataFrame:
        """Share of toys in which each function is the lowest: truth and strength by function."""
        envelope = self.toys[(self.toys["function"] == ENVELOPE) & (self.toys["status"] == "ok")]
        return pd.crosstab(
            [envelope["truth"], envelope["injected"]], envelope["chosen"], normalize="index"
        ).reindex(columns=self.functions, fill_value=0.0)

    def matrix(self, column: str = "mean_pull") -> pd.DataFrame:
        """Lay a column of `table` out as truth and injected strength by fitted function."""
        index = ["truth", "injected"]
        wide = self.table.pivot_table(column, index=index, columns="function", sort=False)
        return wide[[*self.functions, ENVELOPE]]

    def pulls(
        self, truth: str, injected: float, function: str = ENVELOPE, *, kind: str = "pull"
    ) -> NDArray[np.float64]:
        """Give the pulls of one truth, strength and function, failed fits left out."""
        frame = self.toys
        wanted = (frame["truth"] == truth) & (frame["injected"] == injected)
        wanted &= (frame["function"] == function) & (frame["status"] == "ok")
        return np.asarray(frame.loc[wanted, kind], float)

    def plot(self, **options: Any) -> Any:
        """Draw the mean pull of each function, one panel per truth; gives an array of axes."""
        from hepnb.background.plots.bias import plot_bias

        return plot_bias(self, **options)

    def plot_coverage(self, **options: Any) -> Any:
        """Draw the coverage of functions and envelope against the strength; gives the axes."""
        from hepnb.background.plots.bias import plot_coverage

        return plot_coverage(self, **options)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Pull and coverage of the envelope, and the toys that count, for a run's record."""
        found: dict[str, dict[str, Any]] = {}
        table = self.table[self.table["function"] == ENVELOPE]
        status = "interrupted" if self.interrupted else "ok"
        for row in table.to_dict("records"):
            where = f"{row['truth']}_mu{row['injected']:g}"
            for name in ("mean_pull", "width", "coverage_68", "coverage_95"):
                found[f"{name}_{where}"] = _number(row[name], row[f"{name}_err"], status)
        for name in ("toys", "failed", "empty"):
            found[name] = _number(int(table[name].sum()), None, status)
        return found

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<name>.csv``, ``<name>.toys.parquet`` and ``<name>.json``."""
        folder = Path(directory)
        files = [folder / f"{name}.csv", folder / f"{name}.toys.parquet", folder / f"{name}.json"]
        self.table.to_csv(files[0], index=False, lineterminator="\n")
        self.toys.to_parquet(files[1], index=False)
        content = {
            "truths": self.truths,
            "functions": self.functions,
            "strengths": self.strengths,
            "toys_requested": self.requested,
            "toys_done": self.done,
            "interrupted": self.interrupted,
            "seed": self.seed,
            "correction": self.correction.label,
        }
        files[2].write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return files


def _summary(group: pd.DataFrame) -> dict[str, float]:
    good = group[group["status"] == "ok"]
    n = len(good)
    found: dict[str, float] = {
        "toys": n,
        "failed": int((group["status"] == "failed").sum()),
        "empty": int((group["status"] == "empty").sum()),
    }
    for column, mean, width in (
        ("pull", "mean_pull", "width"),
        ("pull_sigma", "mean_pull_sigma", "width_sigma"),
    ):
        spread = float(good[column].std()) if n > 1 else np.nan
        found[mean] = float(good[column].mean()) if n else np.nan
        found[f"{mean}_err"] = spread / np.sqrt(n) if n else np.nan
        found[width] = spread
        found[f"{width}_err"] = spread / np.sqrt(2.0 * (n - 1)) if n > 1 else np.nan
    for level, name in ((1.0, "coverage_68"), (4.0, "coverage_95")):
        share = float((good["rise"] < level).mean()) if n else np.nan
        # of no failure among n the error is not 0: Laplace's rule keeps it away from there
        near = (share * n + 1.0) / (n + 2.0)
        found[name] = share
        found[f"{name}_err"] = np.sqrt(near * (1.0 - near) / n) if n else np.nan
    found["median_bias"] = float(good["pull_sigma"].median()) if n else np.nan
    return found


def _number(value: float, bars: Any, status: str) -> dict[str, Any]:
    return {"value": float(value), "uncertainty": bars, "unit": "", "status": status}
