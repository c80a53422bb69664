"""The table of data/MC weights: the ratio of two efficiencies, bin by bin."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from hepnb.errors import BadParameters
from hepnb.pid.tables.bin_status import STATUSES, join_status, status_counts, status_numbers
from hepnb.pid.tables.efficiency_result import EfficiencyTable
from hepnb.pid.tables.flat_table import OnBad, check_on_bad, flat_rows
from hepnb.pid.tables.table_bins import Axes, rows_of
from hepnb.stats import weighted

__all__ = ("WeightTable",)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False, repr=False)
class WeightTable:
    """Weights that correct simulated candidates which pass a requirement, bin by bin.

    Use it to look at the weights, and to write them for those who apply them. Made by
    `hepnb.pid.weight_table.data_mc_ratio` or `from_efficiencies`, or read from a file it wrote.

    Attributes
    ----------
    frame
        One row per bin: the columns of the flat table (see `flat_table`: edges, ratio,
        efficiencies, lengths of error bars); ``data_MC_sys_shift, data_sys_shift, MC_sys_shift``,
        the systematic shifts with their sign, each correlated over all bins; ``data_n_raw,
        data_n_eff, data_sum_w`` and the same for MC; ``data_status, MC_status`` and ``status``
        (see `hepnb.pid.tables.bin_status`). What a file does not hold is absent after reading it.
    axes
        Axis name to bin edges; bins are [lo, hi), see `hepnb.pid.tables.table_bins`.
    cut, precut
        The requirement, and what counts at all.
    data_sample, mc_sample
        Names of the collections.
    data, mc
        The two efficiency tables; None after reading a file that does not hold them.
    bad_bins
        What `save` and `create_weights` do with bins that have no ratio; see `on_bad`.
    """

    frame: pd.DataFrame
    axes: Axes
    cut: str = ""
    precut: str = ""
    data_sample: str = ""
    mc_sample: str = ""
    data: EfficiencyTable | None = None
    mc: EfficiencyTable | None = None
    bad_bins: OnBad = "keep"

    @classmethod
    def from_efficiencies(
        cls, data: EfficiencyTable, mc: EfficiencyTable, *, on_bad: OnBad = "keep"
    ) -> Self:
        """Ratio of two efficiency tables with the same bins.

        Parameters
        ----------
        data, mc
            Efficiencies of one requirement in data and in simulation.
        on_bad
            See `on_bad`.

        Raises
        ------
        BadParameters
            If the tables have different bins or requirements.
        """
        if data.axes != mc.axes or data.cut != mc.cut:
            message = (
                f"data has {data.cut!r} in bins {dict(data.axes)}, simulation {mc.cut!r} in bins "
                f"{dict(mc.axes)}; measure both with the same cut and binning"
            )
            raise BadParameters(message)
        frame = pd.concat([rows_of(data.axes), _ratio_columns(data.frame, mc.frame)], axis=1)
        return cls(
            frame,
            data.axes,
            cut=data.cut,
            precut=data.precut,
            data_sample=data.sample,
            mc_sample=mc.sample,
            data=data,
            mc=mc,
            bad_bins=check_on_bad(on_bad),
        )

    def on_bad(self, how: OnBad) -> Self:
        """Give the same table with another rule for bins that have no ratio.

        Parameters
        ----------
        how
            ``"keep"`` writes nan, ``"drop"`` leaves the row out, ``"unity"`` writes 1 with a
            statistical uncertainty of 1, ``"error"`` refuses to write. What is not kept is logged
            with its number, and the status file tells which bins they are.
        """
        return dataclasses.replace(self, bad_bins=check_on_bad(how))

    def create_weights(self) -> pd.DataFrame:
        """Give the flat table that PIDVar and SysVar read: these columns in this order, no others.

        Returns
        -------
        pandas.DataFrame
            See `hepnb.pid.tables.flat_table`. Write it with `to_csv`, which keeps every digit.
        """
        return flat_rows(self.frame, self.axes, self.cut, on_bad=self.bad_bins)

    def plot(self, ax: Any = None) -> Any:
        """Draw the ratio with statistical bars and systematic bands; gives an array of axes."""
        from hepnb.pid.tables.table_plots import plot_ratio

        return plot_ratio(self, ax=ax)

    def plot_efficiency(self, ax: Any = None) -> Any:
        """Draw the efficiencies in data and in simulation; gives an array of axes."""
        from hepnb.pid.tables.table_plots import plot_efficiencies

        return plot_efficiencies(self, ax=ax)

    def summary(self) -> str:
        """Say what is compared, how many bins are good, and where the other candidates went."""
        lines = [
            f"{self.cut!r}, {self.data_sample or 'data'} over {self.mc_sample or 'simulation'}",
            status_counts(self.frame["status"]),
        ]
        for side, table in (("data", self.data), ("simulation", self.mc)):
            if table is not None:
                lines += [f"{side}: {each}" for each in table.summary().splitlines()]
        return "\n".join(lines)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Average weight, inclusive efficiencies, bins by status and lost candidates.

        The average weight is that of simulated candidates that pass (bins without a ratio are
        left out); its uncertainty is statistical.
        """
        found = status_numbers(self.frame["status"], {})
        if self.mc is None or self.data is None:
            return found
        frame, good = self.frame, np.isfinite(self.frame["data_MC_ratio"].to_numpy())
        passing = np.where(good, frame["MC_sum_w"] * frame["MC_efficiency"], 0.0)
        share = passing[good] / passing[good].sum() if passing[good].any() else passing[good]
        spread = [
            float(np.hypot.reduce(share * frame[f"data_MC_uncertainty_stat_{side}"][good]))
            for side in ("dn", "up")
        ]
        found["mean_weight"] = {
            "value": float(np.sum(share * frame["data_MC_ratio"][good])),
            "uncertainty": spread,
            "unit": "",
            "status": "ok" if good.all() else f"{int((~good).sum())} bins without a ratio left out",
        }
        for side, table in (("data", self.data), ("mc", self.mc)):
            numbers = table.numbers()
            found |= {f"{side}_{each}": value for each, value in numbers.items()}
        return found

    def to_csv(self, path: str | Path) -> list[Path]:
        """Write the flat table, and beside it ``<name>.status.csv`` with all that has no column."""
        from hepnb.pid.formats.exports import write_csv

        return write_csv(self, path)

    def to_correctionlib(
        self, path: str | Path, *, on_bad: OnBad = "error", name: str | None = None
    ) -> Path:
        """Write the ratio as correctionlib JSON; see `exports.write_correctionlib`."""
        from hepnb.pid.formats.exports import write_correctionlib

        return write_correctionlib(self, path, on_bad=on_bad, name=name)

    def to_uhi(self, path: str | Path) -> Path:
        """Write all histograms as UHI JSON, from which `from_uhi` makes the same table again."""
        from hepnb.pid.formats.exports import write_uhi

        return write_uhi(self, path)

    @classmethod
    def from_csv(cls, path: str | Path) -> WeightTable:
        """Read a table that `to_csv` wrote; see `hepnb.pid.formats.exports.read_csv`."""
        from hepnb.pid.formats.exports import read_csv

        return read_csv(path)

    @classmethod
    def from_correctionlib(cls, path: str | Path) -> WeightTable:
        """Read a table that `to_correctionlib` wrote; it holds the ratio, not the efficiencies."""
        from hepnb.pid.formats.exports import read_correctionlib

        return read_correctionlib(path)

    @classmethod
    def from_uhi(cls, path: str | Path) -> WeightTable:
        """Read a table that `to_uhi` wrote."""
        from hepnb.pid.formats.exports import read_uhi

        return read_uhi(path)

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<name>.csv``, ``.status.csv``, ``.correctionlib.json`` and ``.uhi.json``.

        The rule of `bad_bins` holds for the first and the third; as correctionlib bins form a
        full grid, ``"drop"`` gives NaN there.
        """
        folder = Path(directory)
        written = self.to_csv(folder / f"{name}.csv")
        on_bad: OnBad = "keep" if self.bad_bins == "drop" else self.bad_bins
        path = folder / f"{name}.correctionlib.json"
        return [
            *written,
            self.to_correctionlib(path, on_bad=on_bad),
            *([self.to_uhi(folder / f"{name}.uhi.json")] if self.data and self.mc else []),
        ]

    def __repr__(self) -> str:
        return f"<WeightTable of {self.cut!r}: {status_counts(self.frame['status'])}>"

    def _repr_html_(self) -> str:
        return str(self.frame.to_html(max_rows=20))


def _ratio_columns(data: pd.DataFrame, mc: pd.DataFrame) -> pd.DataFrame:
    """Columns of a weight table (specs/pid.md 3.5), in the order of the flat table."""
    eps_data, eps_mc = (each["efficiency"].to_numpy() for each in (data, mc))
    bars = [(each["stat_dn"].to_numpy(), each["stat_up"].to_numpy()) for each in (data, mc)]
    ratio = weighted.ratio(eps_data, eps_mc, numerator_errors=bars[0], denominator_errors=bars[1])
    shifted = [(each["efficiency"] + each["sys_shift"]).to_numpy() for each in (data, mc)]
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = shifted[0] / shifted[1] - ratio.value
    columns: dict[str, Any] = {
        "data_MC_ratio": ratio.value,
        "data_MC_uncertainty_stat_up": ratio.up,
        "data_MC_uncertainty_stat_dn": ratio.down,
        "data_MC_uncertainty_sys_up": np.abs(shift),
        "data_MC_uncertainty_sys_dn": np.abs(shift),
    }
    sides = {"data": data, "MC": mc}
    for side, frame in sides.items():
        columns[f"{side}_efficiency"] = frame["efficiency"]
        for each in ("stat_up", "stat_dn", "sys_up", "sys_dn"):
            columns[f"{side}_uncertainty_{each}"] = frame[each]
    columns["data_MC_sys_shift"] = shift
    for side, frame in sides.items():
        for each in ("sys_shift", "n_raw", "n_eff", "sum_w", "status"):
            columns[f"{side}_{each}"] = frame[each]
    flags = {
        each: data["status"].str.contains(each) | mc["status"].str.contains(each)
        for each in STATUSES
    }
    flags["zero_mc"] = ~np.isfinite(eps_mc) | (eps_mc == 0)
    return pd.DataFrame(columns | {"status": join_status(flags)})
