"""Figures of distributions: one column of panels for each requirement, ratio and p-value below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.plotting import COLOURS, axis_label, new_axes_grid, style
from hepnb.stats.weighted import ratio

if TYPE_CHECKING:
    from hepnb.pid.curves.distributions import Comparison, Distribution

__all__ = ("plot_comparison",)


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_comparison(
    result: Comparison, *, ax: Any = None, log_x: bool = False, log_y: bool = False
) -> Any:
    """Draw distributions, and the ratio of the two samples below.

    Parameters
    ----------
    result
        What to draw. Bars are statistical, thin ones include the change with the second weight.
    ax
        Axes: two for each requirement (upper panels first), or one where there is one sample;
        made if None.
    log_x, log_y
        Logarithmic axes.

    Returns
    -------
    ndarray of Axes
        Of shape (1 or 2, requirements).
    """
    rows, columns = (2 if result.tests else 1), len(result.cuts)
    own = ax is None
    if own:
        ax = _new_axes(rows, columns)
    panels = np.asarray(ax, dtype=object).reshape(rows, columns)
    with style():
        for column, cut in enumerate(result.cuts):
            upper = panels[0, column]
            _draw_upper(upper, result, cut, log_y=log_y)
            if rows == 2:
                _draw_ratio(panels[1, column], result, cut)
            last = panels[-1, column]
            last.set_xlabel(axis_label(result.variable))
            last.set_xlim(result.edges[0], result.edges[-1])
            if log_x:
                last.set_xscale("log")
        what = "Share of candidates" if result.normalised else "Candidates"
        panels[0, 0].set_ylabel(f"{what} / bin")
        if rows == 2:
            names = [{"data": "Data", "mc": "MC"}.get(each, each) for each in result.kinds]
            panels[1, 0].set_ylabel(" / ".join(names), loc="center")
        _legend(panels[0], own=own)
    return panels


def _new_axes(rows: int, columns: int) -> Any:
    size = (max(7.2, 1.0 + 4.4 * columns), 6.2 if rows == 2 else 5.2)
    heights = (3.2, 1) if rows == 2 else (1,)
    grid = new_axes_grid(rows, columns, figsize=size, height_ratios=heights, sharey=False)
    grid[0, 0].figure.get_layout_engine().set(h_pad=0.02, hspace=0.0)
    return grid


def _draw_upper(ax: Any, result: Comparison, cut: str, *, log_y: bool) -> None:
    tops = []
    floor = _floor(result, cut) if log_y else 0.0
    for kind, name, each in reversed(
        list(zip(result.kinds, result.names, (result.first, result.second), strict=False))
    ):
        shown = each[cut]
        if kind == "data":
            _draw_points(ax, result.edges, shown, name)
        else:
            colour = COLOURS.get(kind, COLOURS["mc"])
            _draw_steps(ax, result.edges, shown, name, colour, floor=floor)
        tops.append(np.nanmax(shown.value + np.sqrt(shown.variance), initial=0.0))
    if any((each[cut].value < 0).any() for each in (result.first, result.second) if each):
        ax.axhline(0.0, color="0.45", lw=0.8)
    if log_y:
        ax.set_yscale("log", nonpositive="mask")
        ax.set_ylim(floor, max(tops) * (max(tops) / floor) ** 0.2)
    else:
        top = (1.25 if result.tests else 1.1) * max(tops, default=1.0)
        ax.set_ylim(min(ax.get_ylim()[0], 0.0), top)
    title = cut or "all candidates"
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold")
    if cut in result.tests:
        test = result.tests[cut]
        text = f"$\\chi^2$ / ndf = {test.chi2:.1f} / {test.ndf}\np = {test.p_value:.2g}"
        ax.text(0.03, 0.965, text, transform=ax.transAxes, va="top", fontsize=9.5, in_layout=False)


def _legend(panels: Any, *, own: bool) -> None:
    """Above all panels, where it can hide nothing."""
    handles, labels = panels[0].get_legend_handles_labels()
    if own:
        panels[0].figure.legend(
            handles[::-1], labels[::-1], loc="outside upper left", ncols=2, columnspacing=1.4
        )
    else:
        panels[0].legend(handles[::-1], labels[::-1], loc="upper right", fontsize=10)


def _draw_points(ax: Any, edges: Any, shown: Distribution, name: str) -> None:
    centres, stat = 0.5 * (edges[1:] + edges[:-1]), np.sqrt(shown.variance)
    look = {"color": COLOURS["data"], "ms": 3.5, "zorder": 4}
    if shown.shift.any():
        both = np.hypot(stat, shown.shift)
        ax.errorbar(centres, shown.value, both, fmt="none", ecolor="0.55", elinewidth=3.0, zorder=3)
    ax.errorbar(centres, shown.value, stat, fmt="o", elinewidth=1.1, label=name, **look)


def _floor(result: Comparison, cut: str) -> float:
    """Lower end of a logarithmic axis: half the smallest share that is clear of its error."""
    shown = [each[cut] for each in (result.first, result.second) if each]
    clear = [each.value[each.value > np.sqrt(each.variance)] for each in shown]
    found = np.concatenate(clear)
    return 0.5 * float(found.min()) if len(found) else 1e-3


def _draw_steps(
    ax: Any, edges: Any, shown: Distribution, name: str, colour: str, *, floor: float
) -> None:
    stat = np.sqrt(shown.variance)
    value = np.maximum(shown.value, floor) if floor > 0 else shown.value
    ax.stairs(value, edges, baseline=floor, fill=True, color=colour, alpha=0.25, zorder=1)
    ax.stairs(value, edges, baseline=floor, color=colour, lw=1.5, label=name, zorder=2)
    ends = np.array([shown.value - stat, shown.value + stat])
    # on a logarithmic axis nothing is below the floor; elsewhere values may be negative
    low, high = np.pad(np.maximum(ends, floor) if floor > 0 else ends, ((0, 0), (0, 1)), "edge")
    ax.fill_between(edges, low, high, step="post", color=colour, alpha=0.35, lw=0, zorder=2)


def _draw_ratio(ax: Any, result: Comparison, cut: str) -> None:
    first, second = result.first[cut], result.second[cut]
    bars = [(np.sqrt(each.variance),) * 2 for each in (first, second)]
    found = ratio(first.value, second.value, numerator_errors=bars[0], denominator_errors=bars[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = (first.value + first.shift) / (second.value + second.shift)
    shift = np.nan_to_num(np.abs(shifted - found.value), posinf=0.0)
    edges, centres = result.edges, 0.5 * (result.edges[1:] + result.edges[:-1])
    ax.axhline(1.0, color="0.45", lw=1.0, ls="--")
    if shift.any():
        ax.bar(centres, 2 * shift, np.diff(edges), found.value - shift, color="0.35", alpha=0.25,
               lw=0)  # fmt: skip
    ax.errorbar(centres, found.value, [found.down, found.up], fmt="o", color=COLOURS["data"], ms=3,
                elinewidth=1.0)  # fmt: skip
    sure = np.isfinite(found.value) & (found.up + found.down < 0.5)
    reach = max(0.15, float(np.abs(found.value[sure] - 1).max(initial=0.0)))
    reach = min(1.25 * reach, 1.0)
    ax.set_ylim(1 - reach, 1 + reach)
    off = np.isfinite(found.value) & (np.abs(found.value - 1) > reach)
    edge = np.where(found.value > 1, 1 + reach, 1 - reach)
    for side, mark in ((1, "^"), (-1, "v")):
        where = off & (np.sign(found.value - 1) == side)
        ax.plot(centres[where], edge[where], mark, color=COLOURS["data"], ms=4, clip_on=False,
                in_layout=False)  # fmt: skip
