"""Does corrected simulation look like data? Efficiencies at thresholds, bin by bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from hepnb.data.filling import fill
from hepnb.errors import BadParameters
from hepnb.pid.efficiency import truth_precut, weight_names
from hepnb.pid.formats.exports import write_frame
from hepnb.pid.tables.bin_efficiency import columns_of_sums
from hepnb.pid.tables.table_bins import rows_of

if TYPE_CHECKING:
    from hepnb.data.sample import Sample
    from hepnb.pid.response.applied import CorrectedCandidates

__all__ = ("ResponseCheck", "check_response")

Floats = npt.NDArray[np.float64]

_SIDES = ["data", "mc", "corrected"]


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False)
class ResponseCheck:
    """Efficiencies of thresholds in data, in simulation as it is, and corrected.

    Attributes
    ----------
    frame
        One row per threshold and bin: edges, ``threshold``, ``data`` and ``corrected`` with their
        ``_error``, ``mc``, ``template_error`` (of the calibration, from replicas; 0 without),
        ``pull`` and ``weight`` of the bin in data.
    total
        One row per threshold: the same at the kinematics of data.
    variable
        The PID variable.
    """

    frame: pd.DataFrame
    total: pd.DataFrame
    variable: str

    @property
    def largest(self) -> float:
        """Largest difference of corrected simulation and data, over all bins."""
        return float((self.total["corrected"] - self.total["data"]).abs().max())

    def summary(self) -> str:
        """Say how far efficiencies are apart, and how many bins agree."""
        before = float((self.total["mc"] - self.total["data"]).abs().max())
        pulls = self.frame["pull"].dropna()
        return (
            f"largest difference of efficiencies to data: {self.largest:.4f}, uncorrected "
            f"{before:.4f}; {int((pulls.abs() < 2).sum())} of {len(pulls)} thresholds and bins "
            "within two sigma"
        )

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Give the differences, for a run's record."""
        before = float((self.total["mc"] - self.total["data"]).abs().max())
        within = float((self.frame["pull"].dropna().abs() < 2).mean())
        values = {
            "largest_difference": self.largest,
            "largest_difference_uncorrected": before,
            "within_two_sigma": within,
        }
        return {
            name: {"value": each, "uncertainty": None, "unit": "", "status": "ok"}
            for name, each in values.items()
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw efficiency against threshold; see `hepnb.pid.response.plots`."""
        from hepnb.pid.response.plots import plot_check

        return plot_check(self, ax=ax)

    def save(self, directory: Path | str, name: str) -> list[Path]:
        """Write ``<name>.csv`` and ``<name>.total.csv``."""
        folder = Path(directory)
        return [
            write_frame(self.frame, folder / f"{name}.csv"),
            write_frame(self.total, folder / f"{name}.total.csv"),
        ]


def check_response(
    corrected: CorrectedCandidates,
    data: Sample,
    *,
    thresholds: Sequence[float],
    binning: Mapping[str, Sequence[float]],
    precut: str = "",
) -> ResponseCheck:
    """Compare corrected simulation with data, best with data that is not in the templates.

    Parameters
    ----------
    corrected
        Candidates; of these the true ones that have a corrected value are compared.
    data
        Candidates of the same particle, with weights that subtract background.
    thresholds
        Of the variable; what is above one passes.
    binning, precut
        Bins in which efficiencies are compared, and what counts at all.

    Raises
    ------
    BadParameters
        If there are no thresholds, or no bin has both data and simulation.
    """
    levels = np.unique(np.asarray(thresholds, float))
    if not len(levels):
        raise BadParameters("no thresholds; name values of the variable at which to compare")
    variable, name = corrected.correction.variable, corrected.name
    replicas = [name + end for end in corrected.variations if end[1:].isdigit()]
    seen = _efficiencies(data, [variable], levels, binning, precut)[variable]
    made = _efficiencies(corrected.sample, [variable, name, *replicas], levels, binning, precut)
    old, new = made[variable], made[name]
    moved = np.array([made[each].value for each in replicas]).reshape(-1, *new.value.shape)
    parts, totals = [], []
    rows = rows_of({axis: tuple(map(float, edges)) for axis, edges in binning.items()})
    for number, threshold in enumerate(levels):
        part = rows.assign(
            threshold=threshold,
            weight=seen.total,
            data=seen.value[number],
            data_error=seen.error[number],
            mc=old.value[number],
            corrected=new.value[number],
            corrected_error=new.error[number],
            template_error=_spread(moved[:, number]),
        )
        good = np.isfinite(part[_SIDES]).all(axis=1) & (part["weight"] > 0)
        part.loc[~good, _SIDES] = np.nan
        parts.append(part)
        if good.any():
            totals.append(_total(part[good], moved[:, number, good.to_numpy()]))
    if not totals:
        raise BadParameters("no bin has both data and simulation; check the binning and the precut")
    frame = pd.concat(parts, ignore_index=True)
    errors = [frame[f"{each}_error"] ** 2 for each in ("data", "corrected", "template")]
    frame["pull"] = (frame["corrected"] - frame["data"]) / np.sqrt(np.sum(errors, axis=0))
    return ResponseCheck(frame, pd.DataFrame(totals), variable)


class _Efficiencies(NamedTuple):
    """Efficiencies and errors of shape (thresholds, bins), and sums of weights of shape (bins,)."""

    value: Floats
    error: Floats
    total: Floats


def _efficiencies(
    sample: Sample,
    variables: Sequence[str],
    levels: Floats,
    binning: Mapping[str, Sequence[float]],
    precut: str,
) -> dict[str, _Efficiencies]:
    """Share of each bin above each threshold, in one pass for all variables.

    Candidates without a value are in no bin.
    """
    weight, _ = weight_names(sample)
    cut = truth_precut(sample, precut, weight=weight)
    # bins are [lo, hi): what is exactly at a threshold fails, as in a cut
    edges = np.nextafter([*levels, np.nextafter(levels[-1], np.inf)], np.inf)
    binnings: dict[str, Any] = {each: {**binning, each: edges} for each in variables}
    weights = tuple(dict.fromkeys((weight, None)))
    filled = fill(sample, binnings=binnings, precuts=[cut], weights=weights)
    inner = (slice(1, -1),) * len(binning)
    found = {}
    for each in variables:
        (passing, total), (_, raw) = (
            _beyond(filled.hist("", cut, which, each).view(flow=True)[inner])
            for which in (weight, None)
        )
        sums = {"passing": passing, "total": total, "raw": raw}
        columns = columns_of_sums(sums, "clopper_pearson" if weight is None else "weighted")
        eps, up, down, content = (
            part.reshape(len(levels), -1)
            for part in (*(columns[n] for n in ("efficiency", "stat_up", "stat_dn")), total[0])
        )
        found[each] = _Efficiencies(eps, np.maximum(up, down), content[0])
    return found


def _beyond(cells: Any) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Give sums of w and w^2 beyond each threshold, and of all; (thresholds * bins,) each.

    The last axis of `cells` is that of the thresholds, with one edge more and its flow bins.
    """
    passing, total = [], []
    for name in ("value", "variance"):
        part = np.asarray(cells[name], float).reshape(-1, cells.shape[-1]).T
        above = part[::-1].cumsum(axis=0)[::-1]
        passing.append(above[1:-1].ravel())
        total.append(np.tile(above[0], len(above) - 2))
    return (passing[0], passing[1]), (total[0], total[1])


def _spread(moved: Floats) -> Floats:
    """Give the standard deviation over the first axis, replicas; 0 where there are none."""
    return np.std(moved, axis=0, ddof=1) if len(moved) > 1 else np.zeros(moved.shape[1:])


def _total(part: pd.DataFrame, moved: Floats) -> dict[str, float]:
    """Sum over bins, each with its share of the data."""
    share = (part["weight"] / part["weight"].sum()).to_numpy()
    row = {"threshold": float(part["threshold"].iloc[0])}
    row |= {each: float(share @ part[each]) for each in _SIDES}
    for each in ("data_error", "corrected_error"):
        row[each] = float(np.sqrt(np.sum((share * part[each]) ** 2)))
    return row | {"template_error": float(_spread((moved @ share)[:, None])[0])}
