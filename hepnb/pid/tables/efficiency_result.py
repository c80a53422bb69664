"""The table of efficiencies: values, uncertainties and a status for every bin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import pandas as pd
from hist import Hist

from hepnb.errors import BadParameters
from hepnb.pid.tables.bin_efficiency import Interval, efficiency_columns
from hepnb.pid.tables.bin_status import status_counts, status_numbers
from hepnb.pid.tables.table_bins import Axes, axes_of_histogram, difference, rows_of, single_bin

__all__ = ("EfficiencyTable",)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False, repr=False)
class EfficiencyTable:
    """Efficiency of a requirement in every bin, with uncertainties and a status.

    Use it for one collection; `hepnb.pid.weight_table` compares two. Made by
    `hepnb.pid.efficiency.measure_efficiency`
    or, from histograms that exist already, by `from_histograms`.

    Attributes
    ----------
    frame
        One row per bin: ``<axis>_min, <axis>_max`` for each axis; ``efficiency``; lengths of the
        statistical (``stat_up, stat_dn``) and systematic (``sys_up, sys_dn``) error bars;
        ``sys_shift``, the change of the efficiency with the second weight, which is one shift
        correlated over all bins; ``physical_lo, physical_hi``, a 68.27 % interval within [0, 1];
        ``n_raw`` candidates; ``n_eff = (sum w)^2 / sum w^2``; ``sum_w``; and ``status`` (see
        `hepnb.pid.tables.bin_status`). The systematic columns are 0 without a second weight.
    axes
        Axis name to bin edges; bins are [lo, hi), see `hepnb.pid.tables.table_bins`.
    histograms
        ``passing``, ``total``, ``raw`` and, with a second weight, ``passing_sys``, ``total_sys``.
    cut, precut, sample
        The requirement, what counts at all, and the name of the collection.
    interval
        ``"weighted"`` (specs/pid.md 3.4) or ``"clopper_pearson"`` (plain counts).
    weight, weight_sys
        Names of the weight columns, None where there is none.
    counts
        Candidates: read; passing the precut; with NaN in the precut or the cut (False there), on
        an axis or in a weight (left out); out of range of the axes; and in the table.
    """

    frame: pd.DataFrame
    axes: Axes
    histograms: Mapping[str, Hist[Any]]
    cut: str = ""
    precut: str = ""
    sample: str = ""
    interval: Interval = "weighted"
    weight: str | None = None
    weight_sys: str | None = None
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def from_histograms(
        cls,
        passing: Hist[Any],
        total: Hist[Any],
        *,
        raw: Hist[Any] | None = None,
        passing_sys: Hist[Any] | None = None,
        total_sys: Hist[Any] | None = None,
        interval: Interval = "weighted",
        **labels: Any,
    ) -> Self:
        """Table from the histograms of passing and of all candidates.

        Parameters
        ----------
        passing, total
            Weight storage, or plain counts for ``interval="clopper_pearson"``; `total` holds the
            passing candidates too. The flow bins are not used.
        raw
            All candidates counted with weight one; by default `total` itself, if it holds counts.
        passing_sys, total_sys
            The same as the first two with the second weight.
        interval
            How the statistical uncertainty is computed.
        **labels
            cut, precut, sample, weight, weight_sys, counts: as the attributes.

        Returns
        -------
        EfficiencyTable

        Raises
        ------
        BadParameters
            If the histograms have different axes, or weights where counts are needed.
        """
        if (passing_sys is None) != (total_sys is None):
            raise BadParameters("give both passing_sys and total_sys, or neither")
        if raw is None and interval == "weighted":
            raise BadParameters("weighted histograms need raw=, the unweighted counts per bin")
        histograms = {"passing": passing, "total": total, "raw": total if raw is None else raw}
        if passing_sys is not None and total_sys is not None:
            histograms |= {"passing_sys": passing_sys, "total_sys": total_sys}
        return cls._of(histograms, interval=interval, **labels)

    @classmethod
    def _of(cls, histograms: Mapping[str, Hist[Any]], *, interval: Any, **labels: Any) -> Self:
        axes = axes_of_histogram(histograms["total"])
        for name, each in histograms.items():
            if axes_of_histogram(each) != axes:
                message = f"axes of histogram {name!r} differ from those of 'total': {axes}"
                raise BadParameters(message)
        columns = pd.DataFrame(efficiency_columns(histograms, interval))
        frame = pd.concat([rows_of(axes), columns], axis=1)
        return cls(frame, axes, MappingProxyType(histograms), interval=interval, **labels)

    def failing(self) -> Self:
        """Table of the candidates that do not pass: efficiency ``1 - eps``, for vetoes.

        A candidate for which the requirement is undefined (NaN) fails it, and so counts here.
        """
        made = {}
        for name, each in self.histograms.items():
            if name.startswith("passing"):
                made[name] = difference(self.histograms[name.replace("passing", "total")], each)
            else:
                made[name] = each
        labels = {
            each: getattr(self, each)
            for each in ("interval", "precut", "sample", "weight", "weight_sys", "counts")
        }
        return self._of(made, cut=f"not [{self.cut}]", **labels)

    def inclusive(self) -> Self:
        """Efficiency of all candidates in the table, as a table with a single bin."""
        made = {name: single_bin(each) for name, each in self.histograms.items()}
        labels = {"cut": self.cut, "precut": self.precut, "sample": self.sample}
        return self._of(made, interval=self.interval, **labels)

    def plot(self, ax: Any = None) -> Any:
        """Draw the efficiency against the first axis; see `hepnb.pid.tables.table_plots`.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
        """
        from hepnb.pid.tables.table_plots import plot_efficiency_table

        return plot_efficiency_table(self, ax=ax)

    def summary(self) -> str:
        """Say what is measured, how many bins are good, and where the other candidates went."""
        inclusive = self.inclusive().frame.iloc[0]
        value = (
            f"{inclusive.efficiency:.4f} +{inclusive.stat_up:.4f} -{inclusive.stat_dn:.4f} (stat) "
            f"± {inclusive.sys_up:.4f} (sys)"
        )
        lines = [f"efficiency of {self.cut!r} in {self.sample or 'histograms'}: {value}"]
        lines.append(status_counts(self.frame["status"]))
        found = [f"{each:,} {name.replace('_', ' ')}" for name, each in self.counts.items() if each]
        return "\n".join([*lines, *([f"candidates: {', '.join(found)}"] if found else [])])

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Inclusive efficiency, bins by status and lost candidates, for the record of a run."""
        row = self.inclusive().frame.iloc[0]
        found = {
            "efficiency": {
                "value": float(row.efficiency),
                "uncertainty": [float(row.stat_dn), float(row.stat_up)],
                "unit": "",
                "status": row.status,
            }
        }
        return found | status_numbers(self.frame["status"], self.counts)

    def to_csv(self, path: str | Path) -> Path:
        """Write `frame`, every digit of it, as CSV."""
        from hepnb.pid.formats.exports import write_frame

        return write_frame(self.frame, path)

    def to_uhi(self, path: str | Path) -> Path:
        """Write the histograms as UHI JSON; `from_uhi` makes the same table again."""
        from hepnb.pid.formats.exports import write_efficiency_uhi

        return write_efficiency_uhi(self, path)

    @classmethod
    def from_uhi(cls, path: str | Path) -> EfficiencyTable:
        """Read a table that `to_uhi` wrote."""
        from hepnb.pid.formats.exports import read_efficiency_uhi

        return read_efficiency_uhi(path)

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<name>.csv`` and ``<name>.uhi.json`` into a directory."""
        folder = Path(directory)
        return [self.to_csv(folder / f"{name}.csv"), self.to_uhi(folder / f"{name}.uhi.json")]

    def __repr__(self) -> str:
        return f"<EfficiencyTable of {self.cut!r}: {status_counts(self.frame['status'])}>"

    def _repr_html_(self) -> str:
        return str(self.frame.to_html(max_rows=20))
