"""Figures of templates and of corrected simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.plotting import COLOURS, axis_label, label, new_axes, new_axes_grid, style

if TYPE_CHECKING:
    from hepnb.pid.response.check import ResponseCheck
    from hepnb.pid.response.template import PidTemplate

__all__ = ("plot_check", "plot_template")

_PANELS = 3
_POINTS = 50


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_template(template: PidTemplate, *, ax: Any = None) -> Any:
    """Draw the distribution of the variable in up to three ranges of the first axis.

    Parameters
    ----------
    template
        What to draw: points are weighted candidates, the line is the template at their kinematics.
    ax
        Axes, one for each range; by default a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
    """
    first = template.axes[0]
    panels = min(_PANELS, first.cells)
    if ax is None:
        size = (1.2 + 3.6 * panels, 3.9)
        ax = new_axes_grid(1, panels, figsize=size, sharex=True, sharey=False)
    axes = np.asarray(ax, dtype=object).ravel()
    groups = np.array_split(np.arange(first.cells), panels)
    with style():
        for panel, cells in zip(axes, groups, strict=True):
            _draw_group(panel, template, cells)
            low, high = first.edges[cells[0]], first.edges[cells[-1] + 1]
            name = axis_label(first.variable).partition(" [")[0]
            label(panel, f"{low:.3g} < {name} < {high:.3g}")
            panel.set_xlabel(axis_label(template.variable))
        axes[0].set_ylabel("candidates / bin")
        handles, labels = axes[0].get_legend_handles_labels()
        axes[0].figure.legend(handles, labels, loc="outside upper left", ncols=3)
    return axes


def _draw_group(ax: Any, template: PidTemplate, cells: np.ndarray) -> None:
    counts, squares = (each[cells] for each in (template.counts, template.squares))
    bins = counts.shape[-1]
    content = counts.sum(axis=-1, dtype=float).ravel()
    cdf = template.conditional.cdf.reshape(*template.shape, bins + 1)[cells]
    share = np.nan_to_num(np.diff(cdf.astype(float), axis=-1)).reshape(-1, bins)
    edges = np.linspace(template.edges[0], template.edges[-1], min(_POINTS, bins) + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    sums = [each.reshape(-1, bins).sum(axis=0, dtype=float) for each in (counts, squares)]
    value, variance, line = (
        _rebinned(each, template.edges, edges) for each in (*sums, content @ share)
    )
    error = np.sqrt(variance)
    clear = value > error
    ax.stairs(line, edges, color=COLOURS["fit"], label="template", baseline=None)
    points = {"fmt": "o", "ms": 3, "elinewidth": 1.0, "color": COLOURS["data"]}
    ax.errorbar(middle, value, error, label="candidates", **points)
    ax.set_yscale("log", nonpositive="mask")
    ax.set_ylim(bottom=0.3 * float(value[clear].min()) if clear.any() else None)
    ax.set_xlim(edges[0], edges[-1])


def _rebinned(content: np.ndarray, edges: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Content of other bins, as if it were even within each."""
    return np.diff(np.interp(wanted, edges, np.concatenate([[0.0], np.cumsum(content)])))


def plot_check(check: ResponseCheck, *, ax: Any = None) -> Any:
    """Draw efficiency against threshold in data and simulation, and what is left between them.

    Parameters
    ----------
    check
        What to draw, at the kinematics of data.
    ax
        Two axes; by default a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The band is the uncertainty of the corrected simulation: its size and the calibration.
    """
    upper, lower = new_axes(panel=True) if ax is None else ax
    total = check.total
    at = total["threshold"].to_numpy()
    band = np.hypot(total["corrected_error"], total["template_error"])
    points = {"fmt": "o", "color": COLOURS["data"], "zorder": 4}
    with style():
        upper.plot(at, total["mc"], "--", color=COLOURS["background"], label="simulation")
        upper.plot(at, total["corrected"], color=COLOURS["mc"], label="simulation, corrected")
        upper.errorbar(at, total["data"], total["data_error"], label="data", **points)
        upper.set_ylabel("efficiency above the threshold")
        upper.set_ylim(bottom=0)
        upper.legend(loc="lower left")
        for name, colour, line in (("mc", "background", "--"), ("corrected", "mc", "-")):
            lower.plot(at, total[name] - total["data"], line, color=COLOURS[colour])
        left = total["corrected"] - total["data"]
        lower.fill_between(at, left - band, left + band, color=COLOURS["mc"], alpha=0.3, lw=0)
        lower.errorbar(at, np.zeros(len(at)), total["data_error"], **points)
        reach = 1.3 * float(np.nanmax(np.abs([total["mc"] - total["data"], left])))
        lower.set_ylim(-max(reach, 0.005), max(reach, 0.005))
        lower.axhline(0, color="black", lw=0.8)
        lower.set_xlabel(axis_label(check.variable))
        lower.set_ylabel("minus data")
        label(upper, check.variable, right=f"largest difference {check.largest:.4f}")
    return np.array([upper, lower])
