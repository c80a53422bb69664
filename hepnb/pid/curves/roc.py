"""Efficiency against misidentification: the ROC curve of a PID variable, with uncertainties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hepnb.errors import BadParameters
from hepnb.pid.curves.efficiency_curve import EfficiencyCurve
from hepnb.pid.curves.threshold_scan import ThresholdScan

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("Area", "RocCurve", "roc_curve")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class Area(NamedTuple):
    """Area under a ROC curve: how often a true candidate looks truer than a fake one."""

    value: float
    stat: float
    """One standard deviation."""
    sys_shift: float
    """Change with the second weights; 0 without any."""


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Efficiency and fake rate of `variable > threshold` (or `<`) at the same thresholds.

    Attributes
    ----------
    frame
        One row per threshold, increasing: ``threshold``; ``efficiency`` and ``fake_rate``; for
        each of the two ``_stat_dn, _stat_up, _sys_shift`` and ``_status``. sWeights of both signs
        make steps that go the wrong way; they are kept, since what hides them would bias the
        rest.
    area
        Under the curve of efficiency against fake rate.
    true, fake
        The two scans.
    """

    frame: pd.DataFrame
    area: Area
    true: ThresholdScan
    fake: ThresholdScan

    def at(self, threshold: float) -> pd.Series:
        """Row of a threshold of the scan.

        Raises
        ------
        BadParameters
            If it was not scanned.
        """
        found = self.frame[self.frame["threshold"] == threshold]
        if found.empty:
            message = f"threshold {threshold:g} was not scanned; give it with the others"
            raise BadParameters(message)
        return found.iloc[0]


def roc_curve(
    true: ThresholdScan, fake: ThresholdScan, *, samples: tuple[Sample, Sample] | None = None
) -> RocCurve:
    """ROC curve of two scans: of candidates that are what is asked for, and that are not.

    Parameters
    ----------
    true, fake
        Scans of one variable with the same thresholds.
    samples
        The two samples. Where they are of the same files, as the two tracks of a decay are, or
        signal and background of one fit, the covariance of the area's two terms is taken from
        them, in one more pass; without samples they are taken as independent.

    Returns
    -------
    RocCurve

    Raises
    ------
    BadParameters
        If the two scans differ in variable, side or thresholds.

    Notes
    -----
    The area is ``sum S_k (B_<k + B_k / 2) / (S B)`` over the cells between thresholds, in which
    ties count half. Its variance is that of sums of weights, ::

        sum_k V^S_k (F_k - A)^2 / S^2 + sum_k V^B_k (E_k - A)^2 / B^2,

    with F_k the share of fakes that look worse than cell k, E_k the share of true candidates that
    look better, both with half of the cell's own, and V sums of squared weights; for weights of 1
    this is E. R. DeLong et al., Biometrics 44 (1988) 837. Of candidates i that are in both sets,
    with weights w, v, the covariance ``2 sum_i w_i v_i (F_i - A) (E_i - A) / (S B)`` is added.
    """
    ours, theirs = true.overall, fake.overall
    cuts = ours.frame["threshold"]
    same = cuts.equals(theirs.frame["threshold"])
    if (true.variable, true.accept) != (fake.variable, fake.accept) or not same:
        message = (
            f"{true!r} and {fake!r} cannot be compared; scan the same variable, side and thresholds"
        )
        raise BadParameters(message)
    columns: dict[str, Any] = {"threshold": cuts}
    for name, curve in (("efficiency", ours), ("fake_rate", theirs)):
        columns[name] = curve.frame["efficiency"]
        for each in ("stat_dn", "stat_up", "sys_shift", "status"):
            columns[f"{name}_{each}"] = curve.frame[each]
    nominal = _Ranks.of(_cells(ours, ""), _cells(theirs, ""))
    shifted = _Ranks.of(
        *(_cells(each, "_sys" if "total_sys" in each.sums else "") for each in (ours, theirs))
    )
    variance = nominal.variance
    if samples is not None and _same_candidates(*samples):
        variance += 2.0 * _covariance(nominal, (true, fake), samples)
    stat = float(np.sqrt(variance)) if variance >= 0 else np.nan
    area = Area(nominal.area, stat, shifted.area - nominal.area)
    return RocCurve(pd.DataFrame(columns), area, true, fake)


def _cells(curve: EfficiencyCurve, suffix: str) -> tuple[Floats, Floats]:
    """Give sums of w and w^2 between thresholds, from what fails them all to what passes all."""
    loose = curve.by_looseness
    cells = []
    for passing, total in zip(curve.sums[f"passing{suffix}"], curve.sums[f"total{suffix}"],
                              strict=True):  # fmt: skip
        cumulative = np.concatenate([total[:1], passing[loose], [0.0]])
        cells.append(-np.diff(cumulative))
    return cells[0], np.maximum(cells[1], 0.0)


class _Ranks(NamedTuple):
    """How cells look beside the other set: what the area and its variance are made of."""

    area: float
    variance: float
    worse: Floats
    """Share of fakes that look worse than a cell."""
    better: Floats
    """Share of true candidates that look better than a cell."""
    scale: float
    """``1 / (S B)``, of the sums of weights."""

    @classmethod
    def of(cls, true: tuple[Floats, Floats], fake: tuple[Floats, Floats]) -> _Ranks:
        (s, s2), (b, b2) = true, fake
        s_all, b_all = s.sum(), b.sum()
        if not (s_all > 0 and b_all > 0):
            return cls(np.nan, np.nan, s, b, np.nan)
        worse = (np.cumsum(b) - 0.5 * b) / b_all
        better = (s_all - np.cumsum(s) + 0.5 * s) / s_all
        area = float(s @ worse / s_all)
        variance = s2 @ (worse - area) ** 2 / s_all**2 + b2 @ (better - area) ** 2 / b_all**2
        return cls(area, float(variance), worse, better, float(1.0 / (s_all * b_all)))


def _same_candidates(true: Sample, fake: Sample) -> bool:
    if true.frame is not None or fake.frame is not None:
        return true.frame is fake.frame
    return true.files == fake.files and true.tree == fake.tree


def _covariance(
    ranks: _Ranks, scans: tuple[ThresholdScan, ThresholdScan], samples: tuple[Sample, Sample]
) -> float:
    cuts = scans[0].overall.frame["threshold"].to_numpy(float)
    terms = (ranks.worse - ranks.area, ranks.better - ranks.area)
    streams = [_weighted_places(*each, cuts) for each in zip(scans, samples, strict=True)]
    total = 0.0
    for (place, w), (other, v) in zip(*streams, strict=True):
        total += float(np.sum(w * terms[0][place] * v * terms[1][other]))
    return total * ranks.scale


def _weighted_places(
    scan: ThresholdScan, sample: Sample, cuts: Floats
) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Cell and weight of every candidate, in blocks; the weight of those left out is 0."""
    wanted = [each for each in (scan.variable, scan.weight, scan.precut) if each]
    for chunk in sample.iterate(list(dict.fromkeys(wanted))):
        values = np.asarray(chunk[scan.variable], float)
        known = np.where(np.isnan(values), -np.inf if scan.accept == "above" else np.inf, values)
        place = np.searchsorted(cuts, known, side="left" if scan.accept == "above" else "right")
        if scan.accept == "below":
            place = len(cuts) - place
        weight = np.ones(len(values)) if scan.weight is None else chunk[scan.weight]
        kept = np.isfinite(weight)
        if scan.precut:
            kept &= np.asarray(chunk[scan.precut]).astype(bool)
        yield place, np.where(kept, weight, 0.0)
