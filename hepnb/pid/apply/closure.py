"""Do the weights do what they are for: weighted simulation against data, bin by bin.

Simulated signal that passes the requirement, weighted, over all simulated signal is the efficiency
that the weights predict; the efficiency in data is measured with sWeights. As the spectra of data
and simulation may differ, yields are compared at equal numbers of candidates per bin: predicted
yield = (candidates in data) x (predicted efficiency).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hepnb.errors import BadParameters
from hepnb.pid.apply.lookup import find_bins
from hepnb.pid.apply.reading import chunks
from hepnb.pid.efficiency import measure_efficiency
from hepnb.pid.tables.table_bins import rows_of

if TYPE_CHECKING:
    from hepnb.data.sample import Sample
    from hepnb.pid.apply.applied import AppliedWeights
    from hepnb.pid.apply.track import Track

__all__ = ("Closure", "compare_with_data")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False, repr=False)
class Closure:
    """Weighted simulation against data.

    Attributes
    ----------
    frame
        One row per bin: edges; ``data_total``, ``data_yield`` and its ``data_error``;
        ``mc_yield``, unweighted, and ``predicted_yield``, weighted, both scaled to ``data_total``;
        ``mc_error`` and ``table_error`` of the prediction; ``pull``.
    total
        The same summed over the bins, with the correlations of the weights.
    axes
        Axis name to edges.
    cut
        The requirement.
    """

    frame: pd.DataFrame
    total: Mapping[str, float]
    axes: Mapping[str, Sequence[float]]
    cut: str

    @property
    def good(self) -> pd.DataFrame:
        """Bins in which both sides have a number."""
        return self.frame[np.isfinite(self.frame["pull"])]

    @property
    def p_value(self) -> float:
        """Probability of the sum of squared pulls, as if bins were independent."""
        from scipy.stats import chi2

        pulls = self.good["pull"]
        return float(chi2.sf((pulls**2).sum(), len(pulls)))

    def plot(self, ax: Any = None) -> Any:
        """Draw the yields along the first axis; see `hepnb.pid.apply.closure_plot`."""
        from hepnb.pid.apply.closure_plot import plot_closure

        return plot_closure(self, ax=ax)

    def summary(self) -> str:
        """Say how well the totals agree, and how many bins agree within two sigma."""
        total, pulls = self.total, self.good["pull"]
        known = total["table_error"] > 0
        tables = f" ± {total['table_error']:.1f} (tables)" if known else ", tables without replicas"
        return (
            f"data {total['data_yield']:.1f} ± {total['data_error']:.1f}, weighted simulation "
            f"{total['predicted_yield']:.1f} ± {total['mc_error']:.1f} (its size){tables}, "
            f"without weights {total['mc_yield']:.1f}: "
            f"{total['pull']:+.2f} sigma\n{int((pulls.abs() < 2).sum())} of {len(pulls)} bins "
            f"within two sigma, p-value {self.p_value:.2g}"
        )

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Totals, pull and p-value, in the form of a run's record."""
        total = self.total
        spread = {
            "data_yield": total["data_error"],
            "predicted_yield": float(np.hypot(total["mc_error"], total["table_error"])),
            "mc_yield": None,
            "pull": 1.0,
        }
        values = {f"closure_{name}": (total[name], error) for name, error in spread.items()}
        values["closure_p_value"] = (self.p_value, None)
        within = float((self.good["pull"].abs() < 2).mean()) if len(self.good) else float("nan")
        values["closure_within_two_sigma"] = (within, None)
        return {
            name: {"value": value, "uncertainty": error, "unit": "", "status": "ok"}
            for name, (value, error) in values.items()
        }

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<name>.csv``."""
        from hepnb.pid.formats.exports import write_frame

        return [write_frame(self.frame, Path(directory) / f"{name}.csv")]

    def __repr__(self) -> str:
        return f"<Closure of {self.cut!r}: {self.total['pull']:+.2f} sigma>"


def compare_with_data(
    applied: AppliedWeights,
    data: Sample,
    *,
    binning: Mapping[str, Sequence[float]],
    precut: str = "",
    cut: str | None = None,
) -> Closure:
    """Compare weighted simulated signal with data that was not used for the tables.

    Parameters
    ----------
    applied
        Weights; those of the particle that is the first one are looked at. Candidates that pass
        the requirement are compared, or those that fail it where that was asked for.
    data
        Candidates of the same particle in data, with sWeights.
    binning, precut
        The bins, and what counts at all, on both sides.
    cut
        The requirement; by default that of the tables.

    Raises
    ------
    BadParameters
        If the tables have several requirements, or do not tell theirs, and `cut` is not given.
    """
    track = applied.tracks[0]
    cut = _requirement(track) if cut is None else cut
    failing = track.requirement == "fail"
    efficiency = measure_efficiency(data, cut=cut, binning=binning, precut=precut)
    measured = (efficiency.failing() if failing else efficiency).frame
    sums = _sums(applied, track, cut=cut, failing=failing, binning=binning, precut=precut)
    yields, variance = _scaled(*sums, measured["sum_w"].to_numpy())
    replicas = yields[2:]
    frame = rows_of({name: tuple(map(float, edges)) for name, edges in binning.items()}).assign(
        data_total=measured["sum_w"],
        data_yield=measured["efficiency"] * measured["sum_w"],
        data_error=measured[["stat_up", "stat_dn"]].max(axis=1) * measured["sum_w"],
        mc_yield=yields[0],
        predicted_yield=yields[1],
        mc_error=np.sqrt(variance),
        # without replicas nothing is known of the tables
        table_error=replicas.std(axis=0, ddof=1) if len(replicas) > 1 else 0.0 * yields[1],
    )
    frame = frame.assign(pull=_pull(frame))
    good = np.isfinite(frame["pull"]).to_numpy()
    summed = frame[good].sum()
    total = {name: float(summed[name]) for name in ("data_yield", "mc_yield", "predicted_yield")}
    for name in ("data_error", "mc_error"):
        total[name] = float(np.sqrt((frame.loc[good, name] ** 2).sum()))
    together = replicas[:, good].sum(axis=1)
    total["table_error"] = float(together.std(ddof=1)) if len(together) > 1 else 0.0
    total["pull"] = float(_pull(total)) if good.any() else float("nan")
    return Closure(frame, total, binning, f"not [{cut}]" if failing else cut)


def _scaled(
    total: np.ndarray, weights: np.ndarray, squares: np.ndarray, data: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give yields of simulation at as many candidates as in data, and the nominal's variance."""
    known = np.where(total > 0, total, np.nan)
    share = data / known
    eps = weights[1] / known
    # of sum_i (w_i - eps) over all candidates, with w_i = 0 for those that are not counted
    variance = np.maximum(squares - 2 * eps * weights[1] + eps**2 * total, 0.0)
    return weights * share, variance * share**2


def _requirement(track: Track) -> str:
    cuts = {block.cut for block in track.blocks}
    if len(cuts) != 1 or not (cut := cuts.pop()).strip():
        message = "the tables do not tell one requirement; say which with cut="
        raise BadParameters(message)
    return cut


def _pull(of: Any) -> Any:
    sigma = np.sqrt(of["data_error"] ** 2 + of["mc_error"] ** 2 + of["table_error"] ** 2)
    return (of["predicted_yield"] - of["data_yield"]) / sigma


def _sums(
    applied: AppliedWeights,
    track: Track,
    *,
    cut: str,
    failing: bool,
    binning: Mapping[str, Sequence[float]],
    precut: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add up simulated signal per bin.

    Returns
    -------
    (ndarray, ndarray, ndarray)
        All candidates, of shape (bins,); those that pass (or fail, if `failing`) with weight one,
        with the nominal weight and with each replica, of shape (2 + replicas, bins); and the
        squares of the nominal one.
    """
    sample = dataclasses.replace(applied.sample, prefix=track.name)
    axes = {name: tuple(map(float, edges)) for name, edges in binning.items()}
    bound = {f"axis {name}": sample.bind(name) for name in axes}
    bound |= {"cut": sample.bind(cut), "precut": sample.bind(precut)}
    bound["truth"] = sample.bind(sample.truth or "")
    bins = len(rows_of(axes))
    total, squares = np.zeros(bins), np.zeros(bins)
    sums = np.zeros((2 + len(track.replicas), bins))
    for columns in chunks(sample, applied.tracks, applied.cut, bound, 100_000):
        rows = track.locate(columns).rows
        counted = bound["precut"].mask(columns) & bound["truth"].mask(columns)
        values = {name: bound[f"axis {name}"].evaluate(columns) for name in axes}
        found = find_bins(axes, values)
        counted &= found >= 0
        total += np.bincount(found[counted], minlength=bins)
        # what is undefined (NaN) fails, in simulation as in data
        chosen = counted & (bound["cut"].mask(columns) ^ failing)
        row, cell = rows[chosen], found[chosen]
        series = [np.ones(len(track.nominal)), track.nominal, *track.replicas]
        for i, weight in enumerate(series):
            sums[i] += np.bincount(cell, weight[row], minlength=bins)
        squares += np.bincount(cell, track.nominal[row] ** 2, minlength=bins)
    return total, sums, squares
