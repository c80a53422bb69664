"""Figures of threshold scans: efficiency against threshold, and against fake rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hepnb.plotting import COLOURS, axis_label, label, new_axes, new_axes_grid, style

if TYPE_CHECKING:
    from hepnb.pid.curves.roc import RocCurve
    from hepnb.pid.curves.threshold_results import EfficiencyCalibration, IdVsMisid
    from hepnb.pid.curves.threshold_scan import ThresholdScan

__all__ = ("plot_calibration", "plot_calibration_bins", "plot_roc")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_NAMES = {"data": "Data", "mc": "Simulation"}
_MARKS = ("o", "s", "D", "^", "v", "P", "X")
_LEAST = 2e-4  # of the fake rate, below which a curve of ordinary samples is noise


def plot_calibration(result: EfficiencyCalibration, *, ax: Any = None) -> Any:
    """Draw the efficiency of all candidates against the threshold, and data over simulation.

    Parameters
    ----------
    result
        What to draw. Bands are statistical, and with the systematic shift where there is one;
        dots mark the wanted efficiencies.
    ax
        Axes, or a pair of them; made if None, with a lower panel where there is simulation.

    Returns
    -------
    Axes, or pair of Axes
    """
    if ax is None:
        ax = new_axes(panel=True) if result.mc is not None else new_axes()
    pair = np.atleast_1d(np.asarray(ax, dtype=object))
    with style():
        for side, scan in result.scans.items():
            _draw_curve(pair[0], scan.overall.frame, COLOURS[side], _NAMES[side])
        _mark_thresholds(pair[0], result, "all")
        _frame_efficiency(pair[0], result)
        pair[0].set_ylabel("Efficiency")
        pair[0].legend(loc="lower left" if result.data.accept == "above" else "lower right")
        label(pair[0], _side(result.data), right=_samples(result.scans))
        if len(pair) > 1 and result.mc is not None:
            _draw_ratio(pair[1], result.data.overall.frame, result.mc.overall.frame)
            pair[0].tick_params(labelbottom=False)
        pair[-1].set_xlabel(f"Threshold of {axis_label(result.data.variable)}")
        cuts = result.data.overall.frame["threshold"]
        for each in pair:
            each.set_xlim(cuts.iloc[0], cuts.iloc[-1])
    return ax


def plot_calibration_bins(result: EfficiencyCalibration, *, ax: Any = None) -> Any:
    """Draw the efficiency against the threshold, one panel for each bin of the axis.

    Parameters
    ----------
    result
        What to draw; without an axis there is one panel with all candidates.
    ax
        As many axes as there are bins; made if None.

    Returns
    -------
    ndarray of Axes
    """
    names = [each for each in result.data.curves if each] or [""]
    columns = min(3, len(names))
    if ax is None:
        ax = new_axes_grid(-(-len(names) // columns), columns).ravel()
        for spare in ax[len(names) :]:
            spare.remove()
    panels = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()[: len(names)]
    cuts = result.data.overall.frame["threshold"]
    with style():
        for number, (panel, name) in enumerate(zip(panels, names, strict=True)):
            for side, scan in result.scans.items():
                _draw_curve(panel, scan.curves[name].frame, COLOURS[side], _NAMES[side])
            _mark_thresholds(panel, result, name or "all")
            panel.set_title(name.replace("<=", "\u2264"), fontsize=11)
            panel.set(xlim=(cuts.iloc[0], cuts.iloc[-1]), ylim=(-0.03, 1.08))
            panel.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
            if number % columns == 0:
                panel.set_ylabel("Efficiency")
            if number + columns >= len(names):
                panel.set_xlabel(f"Threshold of {axis_label(result.data.variable)}")
                panel.tick_params(labelbottom=True)
        corner = "lower left" if result.data.accept == "above" else "lower right"
        panels[0].legend(loc=corner, fontsize=10)
    return panels


def plot_roc(result: IdVsMisid, *, ax: Any = None, log: bool = False) -> Any:
    """Draw efficiency against fake rate, with bands at fixed fake rate.

    Parameters
    ----------
    result
        What to draw; working points are marked, those of data full, those of simulation open.
    ax
        Axes; made if None.
    log
        Whether the fake rate is on a logarithmic axis.

    Returns
    -------
    Axes
    """
    ax = new_axes() if ax is None else ax
    scan = result.data.true
    with style():
        for side, curve in result.curves.items():
            area = curve.area
            shift = f" $\\pm$ {abs(area.sys_shift):.4f}" if area.sys_shift else ""
            text = f"{_NAMES[side]}, area {area.value:.4f} $\\pm$ {area.stat:.4f}{shift}"
            _draw_roc(ax, curve, COLOURS[side], text, filled=side == "data")
        _mark_points(ax, result)
        _frame_roc(ax, result.data, log=log)
        ax.set_xlabel(f"Fake rate ({result.fake})")
        ax.set_ylabel(f"Efficiency ({result.true})")
        corner = "upper left" if log else "lower right"
        ax.legend(loc=corner, fontsize=10)
        label(ax, _side(scan), right=_samples({k: v.true for k, v in result.curves.items()}))
    return ax


def _draw_curve(ax: Any, frame: pd.DataFrame, colour: str, name: str) -> None:
    cut, eps = frame["threshold"], frame["efficiency"]
    shifted = frame["sys_shift"].fillna(0.0)
    down, up = (np.hypot(frame[each], shifted) for each in ("stat_dn", "stat_up"))
    if shifted.any():
        ax.fill_between(cut, eps - down, eps + up, color=colour, alpha=0.18, lw=0)
    ax.fill_between(cut, eps - frame["stat_dn"], eps + frame["stat_up"], color=colour, alpha=0.35,
                    lw=0)  # fmt: skip
    ax.plot(cut, eps, color=colour, label=name, lw=1.5)


def _draw_ratio(ax: Any, data: pd.DataFrame, mc: pd.DataFrame) -> None:
    from hepnb.stats.weighted import ratio

    bars = [(each["stat_dn"], each["stat_up"]) for each in (data, mc)]
    found = ratio(
        data["efficiency"], mc["efficiency"], numerator_errors=bars[0], denominator_errors=bars[1]
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = (data["sys_shift"] / mc["efficiency"]).fillna(0.0)
    colour, cut = COLOURS["data"], data["threshold"]
    ax.axhline(1.0, color="0.45", lw=1.0, ls="--")
    down, up = np.hypot(found.down, shift), np.hypot(found.up, shift)
    if shift.any():
        ax.fill_between(cut, found.value - down, found.value + up, color=colour, alpha=0.18, lw=0)
    ax.fill_between(cut, found.value - found.down, found.value + found.up, color=colour,
                    alpha=0.35, lw=0)  # fmt: skip
    ax.plot(cut, found.value, color=colour, lw=1.2)
    # the ends, where next to nothing passes, must not set the range
    certain = np.isfinite(found.value) & (down + up < 0.2) & (mc["efficiency"] > 0.05)
    shown = found.value[certain] if certain.any() else np.ones(1)
    reach = 1.3 * max(0.03, float(np.abs(shown - 1.0).max()))
    ax.set(ylim=(1 - reach, 1 + reach))
    ax.set_ylabel("Data / MC", loc="center")


def _frame_efficiency(ax: Any, result: EfficiencyCalibration) -> None:
    """From zero, unless all but the last few steps of the thresholds are far from it."""
    low = min(float(each.overall.frame["efficiency"].quantile(0.02))
              for each in result.scans.values())  # fmt: skip
    ax.set_ylim(low - 0.1 * (1 - low) if low > 0.6 else -0.03, 1.0 + 0.08 * (1 - max(low, 0.0)))


def _mark_thresholds(ax: Any, result: EfficiencyCalibration, name: str) -> None:
    found = result.thresholds()
    for row in found[found["bin"] == name].itertuples():
        if np.isfinite(row.threshold):
            face = COLOURS["data"] if row.side == "data" else "white"
            ax.plot(row.threshold, row.efficiency, "o", color=COLOURS[row.side],
                    markerfacecolor=face, ms=5, zorder=5)  # fmt: skip
    for wanted in result.wanted:
        ax.axhline(wanted, color="0.6", lw=0.8, ls=":", zorder=0)


def _draw_roc(ax: Any, curve: RocCurve, colour: str, text: str, *, filled: bool) -> None:
    frame = curve.frame
    fake, eps = (frame[each].to_numpy(float) for each in ("fake_rate", "efficiency"))
    ax.plot(fake, eps, color=colour, label=text, lw=1.5, ls="-" if filled else "--")
    # one hundred places along the curve: the slope between neighbours would be noise
    length = np.cumsum(np.append(0.0, np.hypot(np.diff(fake), np.diff(eps))))
    if not np.isfinite(length[-1]) or length[-1] <= 0:
        return
    places = np.unique(np.searchsorted(length, np.linspace(0, length[-1], 100)).clip(max=len(fake)-1))  # noqa: E501  # fmt: skip
    x, y = fake[places], eps[places]
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.gradient(y) / np.gradient(x)
    slope = np.where(np.isfinite(slope), np.clip(slope, 0.0, 1e3), 1e3)
    at = frame.iloc[places]
    stat = _at_fixed_fake_rate(
        slope,
        at[["efficiency_stat_dn", "efficiency_stat_up"]].max(axis=1).to_numpy(float),
        at[["fake_rate_stat_dn", "fake_rate_stat_up"]].max(axis=1).to_numpy(float),
    )
    shift = at["efficiency_sys_shift"] - slope * at["fake_rate_sys_shift"]
    both = np.hypot(stat, shift.fillna(0.0))
    for width, alpha in ((both, 0.15), (stat, 0.3)):
        ax.fill_between(x, y - width, y + width, color=colour, alpha=alpha, lw=0)


def _at_fixed_fake_rate(slope: Floats, efficiency: Floats, fake: Floats) -> Floats:
    """Uncertainty of the efficiency where the fake rate is given: both errors, independent."""
    return np.asarray(np.hypot(efficiency, slope * fake))


def _mark_points(ax: Any, result: IdVsMisid) -> None:
    for mark, cut in zip(_MARKS * len(result.working_points), result.working_points, strict=False):
        for side, curve in result.curves.items():
            row = curve.at(cut)
            face = COLOURS[side] if side == "data" else "white"
            sign = ">" if curve.true.accept == "above" else "<"
            name = f"{sign} {cut:g}" if side == "data" else None
            ax.errorbar(
                row["fake_rate"],
                row["efficiency"],
                [[row["efficiency_stat_dn"]], [row["efficiency_stat_up"]]],
                [[row["fake_rate_stat_dn"]], [row["fake_rate_stat_up"]]],
                fmt=mark, color=COLOURS[side], mfc=face, ms=6, lw=1.0, zorder=5, label=name,
            )  # fmt: skip


def _frame_roc(ax: Any, curve: RocCurve, *, log: bool) -> None:
    ax.set_ylim(0.0, 1.05)
    if not log:
        ax.set_xlim(0.0, 1.0)
        ax.plot([0, 1], [0, 1], color="0.7", lw=0.8, ls=":", zorder=0)
        return
    rates = curve.frame["fake_rate"].to_numpy(float)
    known = rates > np.maximum(_LEAST, curve.frame["fake_rate_stat_up"])
    ax.set(xscale="log", xlim=(rates[known].min() if known.any() else _LEAST, 1.0))
    ax.set_ylim(0.0, 1.35)  # room for the legend


def _side(scan: ThresholdScan) -> str:
    return f"{scan.variable} {'>' if scan.accept == 'above' else '<'} threshold"


def _samples(scans: dict[str, ThresholdScan]) -> str:
    return ", ".join(dict.fromkeys(each.sample for each in scans.values()))
