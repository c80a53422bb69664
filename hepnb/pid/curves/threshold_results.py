"""What is made of scans in data and in simulation: calibrated efficiencies and ROC curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hepnb.errors import BadParameters
from hepnb.pid.curves.roc import RocCurve
from hepnb.pid.curves.threshold_scan import ThresholdScan

__all__ = ("EfficiencyCalibration", "IdVsMisid")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False)
class EfficiencyCalibration:
    """Efficiency against threshold in data and, if there is any, in simulation.

    Use it to choose a working point, and to see how far simulation is off at any other.

    Attributes
    ----------
    data, mc
        The scans; without simulation `mc` is None.
    wanted
        Efficiencies for which thresholds are asked.
    """

    data: ThresholdScan
    mc: ThresholdScan | None = None
    wanted: Sequence[float] = (0.8, 0.9, 0.95)

    def __post_init__(self) -> None:
        for each in self.wanted:
            if not 0 < each < 1:
                raise BadParameters(f"wanted efficiency {each:g} is not between 0 and 1")

    @property
    def scans(self) -> dict[str, ThresholdScan]:
        """The scans by side: "data", "mc"."""
        return {"data": self.data} | ({} if self.mc is None else {"mc": self.mc})

    def thresholds(self) -> pd.DataFrame:
        """Thresholds that reach the wanted efficiencies.

        Returns
        -------
        pandas.DataFrame
            One row per bin, wanted efficiency and side: ``bin, efficiency, side``, then
            ``threshold, stat_dn, stat_up, sys_shift, status`` of
            `hepnb.pid.curves.efficiency_curve.Threshold`.
        """
        rows = []
        for name in self.data.curves:
            for wanted in self.wanted:
                for side, scan in self.scans.items():
                    found = scan.curves[name].threshold_for(wanted)
                    rows.append((name or "all", wanted, side, *found))
        kinds = ["threshold", "stat_dn", "stat_up", "sys_shift", "status"]
        return pd.DataFrame(rows, columns=["bin", "efficiency", "side", *kinds])

    @property
    def frame(self) -> pd.DataFrame:
        """All curves: side, bin, threshold and the columns of an efficiency table."""
        parts = [scan.frame.assign(side=side) for side, scan in self.scans.items()]
        frame = pd.concat(parts, ignore_index=True)
        return frame[["side", *(each for each in frame if each != "side")]]

    def plot(self, ax: Any = None) -> Any:
        """Draw the curves of all candidates, with their ratio below; gives the axes."""
        from hepnb.pid.curves.threshold_plots import plot_calibration

        return plot_calibration(self, ax=ax)

    def plot_bins(self, ax: Any = None) -> Any:
        """Draw one panel for each bin of the axis; gives an array of axes."""
        from hepnb.pid.curves.threshold_plots import plot_calibration_bins

        return plot_calibration_bins(self, ax=ax)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Thresholds of all candidates, and the candidates by cause, for a run's record."""
        found: dict[str, dict[str, Any]] = {}
        table = self.thresholds()
        for row in table[table["bin"] == "all"].itertuples():
            name = f"{row.side}_threshold_{row.efficiency:g}"
            bars = [row.stat_dn, row.stat_up]
            found[name] = _number(row.threshold, bars, row.status)
            found[f"{name}_sys_shift"] = _number(row.sys_shift, None, row.status)
        return found | _counted(self.scans)

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<name>.csv``, all curves, and ``<name>.thresholds.csv``."""
        return _written(directory, {f"{name}.csv": self.frame, f"{name}.thresholds.csv":
                                    self.thresholds()})  # fmt: skip


@dataclass(frozen=True, eq=False)
class IdVsMisid:
    """ROC curves in data and, if there is any, in simulation.

    Attributes
    ----------
    data, mc
        The curves; without simulation `mc` is None.
    working_points
        Thresholds, among those scanned, that are tabulated and marked.
    true, fake
        What the two sets of candidates are, in words.
    """

    data: RocCurve
    mc: RocCurve | None = None
    working_points: Sequence[float] = ()
    true: str = "true"
    fake: str = "fake"

    @property
    def curves(self) -> dict[str, RocCurve]:
        """The curves by side: "data", "mc"."""
        return {"data": self.data} | ({} if self.mc is None else {"mc": self.mc})

    def points(self) -> pd.DataFrame:
        """Efficiency and fake rate at the working points: one row per threshold and side."""
        rows = [
            {"side": side} | curve.at(each).to_dict()
            for each in self.working_points
            for side, curve in self.curves.items()
        ]
        return pd.DataFrame(rows, columns=["side", *self.data.frame.columns])

    @property
    def frame(self) -> pd.DataFrame:
        """All curves, with the side in the first column."""
        parts = [curve.frame.assign(side=side) for side, curve in self.curves.items()]
        frame = pd.concat(parts, ignore_index=True)
        return frame[["side", *(each for each in frame if each != "side")]]

    def plot(self, ax: Any = None, *, log: bool = False) -> Any:
        """Draw efficiency against fake rate; with `log` the fake rate on a logarithmic axis."""
        from hepnb.pid.curves.threshold_plots import plot_roc

        return plot_roc(self, ax=ax, log=log)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Areas, rates at the working points and candidates by cause, for a run's record."""
        found: dict[str, dict[str, Any]] = {}
        for side, curve in self.curves.items():
            area = curve.area
            found[f"{side}_area"] = _number(area.value, area.stat)
            found[f"{side}_area_sys_shift"] = _number(area.sys_shift, None)
        for point in self.points().to_dict("records"):
            for rate in ("efficiency", "fake_rate"):
                name = f"{point['side']}_{rate}_at_{point['threshold']:g}"
                bars = [point[f"{rate}_stat_dn"], point[f"{rate}_stat_up"]]
                found[name] = _number(point[rate], bars, point[f"{rate}_status"])
        for kind in ("true", "fake"):
            scans = {f"{side}_{kind}": getattr(each, kind) for side, each in self.curves.items()}
            found |= _counted(scans)
        return found

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<name>.csv``, all curves, and ``<name>.points.csv``."""
        return _written(directory, {f"{name}.csv": self.frame, f"{name}.points.csv": self.points()})


def _number(value: float, bars: Any, status: str = "ok") -> dict[str, Any]:
    spread = bars
    if isinstance(bars, list):
        spread = bars if np.isfinite(bars).all() else None
    return {"value": float(value), "uncertainty": spread, "unit": "", "status": status}


def _counted(scans: dict[str, ThresholdScan]) -> dict[str, dict[str, Any]]:
    return {
        f"{side}_{cause}": {"value": number, "uncertainty": None, "unit": "candidates"}
        for side, scan in scans.items()
        for cause, number in scan.counts.items()
    }


def _written(directory: Path, frames: dict[str, pd.DataFrame]) -> list[Path]:
    folder = Path(directory)
    for file, frame in frames.items():
        frame.to_csv(folder / file, index=False, lineterminator="\n")
    return [folder / each for each in frames]
