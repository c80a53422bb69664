"""Scans of a variable in data and in simulation, together: calibrated efficiencies, ROC curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.pid.curves.efficiency_curve import Accept
from hepnb.pid.curves.roc import RocCurve, roc_curve
from hepnb.pid.curves.threshold_results import EfficiencyCalibration, IdVsMisid
from hepnb.pid.curves.threshold_scan import scan_thresholds, threshold_grid
from hepnb.pid.curves.variable_span import variable_span

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("calibrate_efficiency", "id_vs_misid")


def __dir__() -> tuple[str, ...]:
    return __all__


def calibrate_efficiency(
    data: Sample,
    mc: Sample | None = None,
    *,
    variable: str,
    accept: Accept = "above",
    range: Sequence[float] | None = (0.0, 1.0),  # noqa: A002 -- the field's word, as in numpy
    steps: int = 1000,
    wanted: Sequence[float] = (0.8, 0.9, 0.95),
    precut: str = "",
    axis: Mapping[str, Sequence[float]] | None = None,
    workers: int = 1,
) -> EfficiencyCalibration:
    """Efficiency against threshold in data and simulation, in one pass over each.

    Parameters
    ----------
    data, mc
        Candidates of one particle: data with its sWeights, simulation of which the true
        candidates are counted.
    variable, accept, precut, axis, workers
        As of `hepnb.pid.curves.threshold_scan.scan_thresholds`.
    range, steps
        Of the thresholds, see `threshold_scan.threshold_grid`; None for the range that
        the candidates of `data` span.
    wanted
        Efficiencies for which thresholds are asked.

    Returns
    -------
    EfficiencyCalibration
    """
    options: dict[str, Any] = {"accept": accept, "precut": precut, "axis": axis}
    options |= {"thresholds": _thresholds(data, variable, range, steps=steps, cut=precut)}
    scans = [
        None if each is None else scan_thresholds(each, variable, workers=workers, **options)
        for each in (data, mc)
    ]
    assert scans[0] is not None
    return EfficiencyCalibration(scans[0], scans[1], tuple(wanted))


def id_vs_misid(
    true: Sample,
    fake: Sample,
    *,
    true_mc: Sample | None = None,
    fake_mc: Sample | None = None,
    variable: str,
    accept: Accept = "above",
    range: Sequence[float] | None = (0.0, 1.0),  # noqa: A002 -- the field's word, as in numpy
    steps: int = 1000,
    working_points: Sequence[float] = (),
    precut: str = "",
    names: tuple[str, str] = ("true", "fake"),
    workers: int = 1,
) -> IdVsMisid:
    """ROC curves: efficiency of what is to pass against that of what is not.

    Parameters
    ----------
    true, fake
        The two kinds of candidates in data: two particles of one study, each with its sWeights,
        or one particle with the sWeights of signal and of background.
    true_mc, fake_mc
        The same in simulation; both or none.
    variable, accept, precut, workers
        As of `hepnb.pid.curves.threshold_scan.scan_thresholds`.
    range, steps
        As of `calibrate_efficiency`.
    working_points
        Thresholds that are tabulated and marked.
    names
        Of the two kinds, for the axes.

    Returns
    -------
    IdVsMisid
    """
    grid = _thresholds(true, variable, range, steps=steps, cut=precut)
    options: dict[str, Any] = {"accept": accept, "precut": precut, "workers": workers}
    options |= {"thresholds": np.union1d(grid, np.asarray(working_points, float))}

    def curve(first: Sample, second: Sample) -> RocCurve:
        scans = [scan_thresholds(each, variable, **options) for each in (first, second)]
        return roc_curve(scans[0], scans[1], samples=(first, second))

    mc = None if true_mc is None or fake_mc is None else curve(true_mc, fake_mc)
    points = tuple(float(each) for each in working_points)
    return IdVsMisid(curve(true, fake), mc, points, true=names[0], fake=names[1])


def _thresholds(
    sample: Sample, variable: str, bounds: Sequence[float] | None, *, steps: int, cut: str
) -> Any:
    low, high = variable_span(sample, variable, cut=cut) if bounds is None else bounds
    return threshold_grid(float(low), float(high), steps)
