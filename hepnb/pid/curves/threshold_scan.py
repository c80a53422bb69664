"""Efficiency of `variable > threshold` at every threshold of a fine grid, in one pass.

The thresholds are the edges of a histogram of the variable, and cumulative sums of w and w^2 are
all that any of the efficiencies needs. A candidate exactly at a threshold fails, as the cut
language has it, so that atoms (PID values of exactly 0 or 1) are on the right side of every
threshold; an undefined value (NaN) fails them all, and is counted.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hepnb.data.filling import Filled, fill
from hepnb.errors import BadParameters
from hepnb.pid.curves.efficiency_curve import Accept, EfficiencyCurve
from hepnb.pid.efficiency import truth_precut, weight_names
from hepnb.pid.tables.bin_efficiency import Interval, columns_of_sums

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.data.sample import Sample

__all__ = ("Accept", "ThresholdScan", "scan_thresholds", "threshold_grid")


def __dir__() -> tuple[str, ...]:
    return __all__


log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

_ALL = {"0": [-1.0, 1.0]}  # one bin that holds every candidate, whatever the variable is


@dataclass(frozen=True, eq=False, repr=False)
class ThresholdScan:
    """Efficiency against threshold, overall and in the bins of one axis.

    Attributes
    ----------
    curves
        Bin, in words (``""`` for all candidates), to its curve.
    variable, accept
        What is compared with the thresholds, and the side that passes.
    sample, precut
        Name of the collection, and what counts at all.
    weight, weight_sys
        Names of the weight columns, None where there is none.
    counts
        Candidates: read, passing the precut, with NaN in the variable (they fail) or in the
        weight (left out).
    """

    curves: Mapping[str, EfficiencyCurve]
    variable: str
    accept: Accept
    sample: str = ""
    precut: str = ""
    weight: str | None = None
    weight_sys: str | None = None
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def overall(self) -> EfficiencyCurve:
        """The curve of all candidates."""
        return self.curves[""]

    @property
    def frame(self) -> pd.DataFrame:
        """All curves, one row per bin and threshold, with the bin in the first column."""
        import pandas as pd

        parts = [curve.frame.assign(bin=name or "all") for name, curve in self.curves.items()]
        frame = pd.concat(parts, ignore_index=True)
        return frame[["bin", *(each for each in frame if each != "bin")]]

    def __repr__(self) -> str:
        sign = ">" if self.accept == "above" else "<"
        return f"<ThresholdScan of {self.variable} {sign} threshold: {len(self.curves)} curve(s)>"


def threshold_grid(lo: float, hi: float, steps: int = 1000) -> Floats:
    """Equidistant thresholds, with more of them near both ends, where PID variables peak.

    Parameters
    ----------
    lo, hi
        The range, both ends included.
    steps
        Equal steps; within the first and the last one the distance to the end falls by factors
        of 0.9 down to 1e-6 of the range.

    Returns
    -------
    ndarray
        Increasing.

    Raises
    ------
    BadParameters
        If the range is not finite and increasing, or there is no step.
    """
    if not (np.isfinite(lo) and np.isfinite(hi) and lo < hi) or steps < 1:
        raise BadParameters(f"{steps} steps from {lo:g} to {hi:g}: give lo < hi and steps >= 1")
    if steps >= 1e6:
        raise BadParameters(f"{steps} steps; below 1e6 suffice for any sample")
    near = (1 / steps) * 0.9 ** np.arange(1, 1 + int(np.log(1e6 / steps) / np.log(1 / 0.9)))
    inner = np.linspace(0.0, 1.0, steps + 1)
    grid = lo + (hi - lo) * np.concatenate([inner[:-1], near, 1.0 - near])
    return np.unique(np.append(grid, hi))


def scan_thresholds(
    sample: Sample,
    variable: str,
    *,
    thresholds: Sequence[float] | Floats,
    accept: Accept = "above",
    precut: str = "",
    axis: Mapping[str, Sequence[float]] | None = None,
    weight: str | None = "auto",
    weight_sys: str | None = "auto",
    truth: bool | None = None,
    workers: int = 1,
) -> ThresholdScan:
    """Efficiency of ``variable > threshold`` for many thresholds, in one pass over the sample.

    Parameters
    ----------
    sample
        Candidates of one particle: ``collection.study("Dst").particle("K")``.
    variable
        In the language of cuts, for instance ``binaryID(K, pi)``.
    thresholds
        Increasing; see `threshold_grid`.
    accept
        ``"above"``: ``variable > threshold`` passes; ``"below"``: ``variable < threshold``.
    precut
        Candidates that count at all.
    axis
        One variable with its edges: there is a curve for each of its bins too.
    weight, weight_sys, truth, workers
        As of `hepnb.pid.efficiency.measure_efficiency`.

    Returns
    -------
    ThresholdScan

    Raises
    ------
    BadParameters, CutSyntaxError, UnknownVariable, UnreadableFile
        Before anything is read.
    """
    if accept not in ("above", "below"):
        raise BadParameters(f"accept is {accept!r}; choose 'above' or 'below'")
    if axis is not None and (len(axis) != 1 or variable in axis):
        raise BadParameters(f"curves are made in bins of one other variable, not of {list(axis)}")
    weight, weight_sys = weight_names(sample, weight, weight_sys)
    precut = truth_precut(sample, precut, weight=weight, truth=truth)
    cuts = np.asarray(thresholds, float)
    # bins are [lo, hi): with edges just above the thresholds, one exactly there is below the edge
    edges = np.nextafter(cuts, np.inf) if accept == "above" else cuts
    binnings: dict[str, Any] = {"scan": {variable: edges}, "total": _ALL}
    if axis is not None:
        binnings |= {"scan in bins": {variable: edges} | dict(axis), "total in bins": dict(axis)}
    raw = None if weight is None else f"0 * ({weight}) + 1"
    filled = fill(
        sample,
        binnings=binnings,
        precuts=[precut],
        weights=tuple(dict.fromkeys((weight, weight_sys, raw))),
        workers=workers,
    )
    kinds = {"": weight, "_raw": raw}
    if weight_sys is not None:
        kinds["_sys"] = weight_sys
    interval: Interval = "clopper_pearson" if weight is None else "weighted"
    curves: dict[str, EfficiencyCurve] = {}
    for place, name in [("", ""), *_bins(axis)]:
        number = None if name == "" else len(curves) - 1
        found = _sums(filled, precut, kinds, place, number, accept=accept)
        columns = columns_of_sums(found, interval)
        curves[name] = EfficiencyCurve.of(cuts, columns, found, accept=accept)
    return ThresholdScan(
        MappingProxyType(curves),
        variable,
        accept,
        sample=sample.name,
        precut=precut,
        weight=weight,
        weight_sys=weight_sys,
        counts=_counts(filled, precut, weight, sample.name, variable),
    )


def _bins(axis: Mapping[str, Sequence[float]] | None) -> list[tuple[str, str]]:
    """Suffix of the binning, and name, of each bin of the axis."""
    if axis is None:
        return []
    [(name, edges)] = axis.items()
    return [(" in bins", f"{low:g} <= {name} < {high:g}") for low, high in pairwise(edges)]


def _sums(
    filled: Filled,
    precut: str,
    kinds: Mapping[str, str | None],
    place: str,
    number: int | None,
    *,
    accept: Accept,
) -> dict[str, tuple[Floats, Floats]]:
    """Give sums of w and w^2 of all candidates and of those that pass, at every threshold."""
    sums: dict[str, tuple[Floats, Floats]] = {}
    for suffix, weight in kinds.items():
        cells: Any = filled.hist("", precut, weight, f"scan{place}").view(flow=True)
        total: Any = filled.hist("", precut, weight, f"total{place}").view()
        if number is not None:
            cells = cells[:, number + 1]  # after the underflow of the axis
        one = total[number or 0]
        names = ("value", "variance")
        passing = [_passing(np.asarray(cells[name], float), accept) for name in names]
        size = len(passing[0])
        everything = [np.full(size, float(one[name])) for name in names]
        sums[f"passing{suffix}"] = (passing[0], passing[1])
        sums[f"total{suffix}"] = (everything[0], everything[1])
    sums["raw"] = sums.pop("total_raw")
    del sums["passing_raw"]
    return sums


def _passing(cells: Floats, accept: Accept) -> Floats:
    """Sum of the cells beyond each threshold; there is one cell more than thresholds."""
    if accept == "below":
        return np.asarray(np.cumsum(cells)[:-1])
    return np.asarray(np.cumsum(cells[::-1])[::-1][1:])


def _counts(
    filled: Filled, precut: str, weight: str | None, sample: str, variable: str
) -> Mapping[str, int]:
    found = filled.count(precut, weight, "total")
    lost = {
        "nan_in_precut": found.nan_precut,
        "nan_in_variable": filled.count(precut, weight, "scan").nan_axis,
        "nan_weight": found.nan_weight,
    }
    for cause, number in lost.items():
        if number:
            words = cause.replace("_", " ")
            log.warning("%s, %r: %d of %d candidates: %s", sample, variable, number,
                        found.read, words)  # fmt: skip
    known = {"read": found.read, "passing_precut": found.passed}
    return MappingProxyType(known | lost | {"in_curve": found.filled})
