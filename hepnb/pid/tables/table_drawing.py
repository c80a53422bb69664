"""Draw small multiples of points with bars: panels, ranges, marks, legend."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes as MplAxes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from hepnb.errors import BadParameters
from hepnb.pid.tables.table_panels import Layout, Panel, slots
from hepnb.plotting import axis_label, new_axes_grid, style

__all__ = ("Figure", "Series", "draw")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Series:
    """Points of one kind, for all bins; lengths of bars are of shape (2, bins), downwards first."""

    value: np.ndarray
    stat: np.ndarray
    sys: np.ndarray
    colour: str
    label: str
    which: int
    filled: bool = True

    @property
    def bars(self) -> np.ndarray:
        """Statistical and systematic bars together."""
        both: np.ndarray = np.hypot(self.stat, np.nan_to_num(self.sys))
        return both

    @property
    def marker(self) -> dict[str, Any]:
        """Look of the points: full for data, open for simulation."""
        face = self.colour if self.filled else "white"
        return {"color": self.colour, "markerfacecolor": face, "markeredgewidth": 1.2}

    def at(self, rows: np.ndarray) -> Series:
        """Give the points of some rows."""
        chosen = {each: getattr(self, each)[..., rows] for each in ("value", "stat", "sys")}
        return replace(self, **chosen)


@dataclass(frozen=True)
class Figure:
    """What a figure shows, before it is drawn."""

    layout: Layout
    series: Sequence[Series]
    what: str
    title: str
    about: Mapping[str, str]
    ratio: bool = False

    @property
    def with_sys(self) -> bool:
        """Whether there is a systematic uncertainty to draw."""
        return any(np.nan_to_num(each.sys).any() for each in self.series)


def draw(figure: Figure, status: pd.Series, ax: Any) -> Any:
    """Draw a figure.

    Parameters
    ----------
    figure
        What it shows.
    status
        Of every bin; starved and bad ones do not set the vertical range.
    ax
        Axes, or as many as there are panels; None for a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        One per panel.

    Raises
    ------
    BadParameters
        If there are fewer axes than panels.
    """
    layout = figure.layout
    with style():
        panels = _panel_axes(layout, ax)
        limits = _range(figure, status)
        used: set[str] = set()
        for panel, each in zip(layout.panels, panels, strict=True):
            each.set(xlim=layout.edges[[0, -1]], ylim=limits)
            each.set_title(panel.title, fontsize=11, pad=5)
            each.vlines(layout.edges[1:-1], *limits, color="0.9", linewidth=0.7, zorder=0)
            if figure.ratio:
                each.axhline(1.0, color="0.45", linewidth=1.0, linestyle="--", zorder=1)
            used |= _draw_panel(each, panel, figure, limits)
        _label_axes(figure, panels, own=ax is None)
        _legend(figure, panels, used, own=ax is None)
    return panels


def _panel_axes(layout: Layout, ax: Any) -> Any:
    wanted = len(layout.panels)
    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(given) < wanted:
            message = f"{len(given)} axes given for {wanted} panels; leave ax out for a new figure"
            raise BadParameters(message)
        return given[:wanted]
    if wanted == 1:
        return new_axes_grid(1, 1, figsize=(7.2, 5.2)).ravel()
    rows = -(-wanted // layout.columns)
    grid = new_axes_grid(rows, layout.columns, sharey=True).ravel()
    for each in grid[wanted:]:
        each.remove()
    return grid[:wanted]


def _range(figure: Figure, status: pd.Series) -> tuple[float, float]:
    """Vertical range that shows the good bins with their bars; a starved bin must not set it."""
    quiet = ~status.str.contains("low_stat|bad_total|zero_mc").to_numpy(bool)
    ends = [
        (each.value + sign * bar)[quiet]
        for each in figure.series
        for sign, bar in zip((-1, 1), each.bars, strict=True)
    ]
    found = np.concatenate(ends)
    found = found[np.isfinite(found)]
    if figure.ratio:
        low = max(min([*found, 0.95]), 0.0)
        high = min(max([*found, 1.05]), 2.5)
    else:
        low = max(min(found, default=0.0), 0.0)
        high = min(max(found, default=1.0), 1.1)
        # from zero, unless all values are high
        low = low if low > 0.5 else 0.0
    margin = 0.08 * (high - low)
    return (low - margin if low > 0 else -0.5 * margin), high + margin


def _draw_panel(ax: MplAxes, panel: Panel, figure: Figure, limits: tuple[float, float]) -> set[str]:
    used: set[str] = set()
    centres, width = slots(figure.layout.edges, len(figure.series))
    for all_points, x in zip(figure.series, centres, strict=True):
        points = all_points.at(panel.rows[all_points.which])
        _bars(ax, points, x, width if figure.ratio else None)
        edge = np.clip(points.value, *limits)
        for where, name in ((points.value > limits[1], "^"), (points.value < limits[0], "v")):
            if where.any():
                used.add("off scale")
                ax.plot(x[where], edge[where], name, **points.marker, clip_on=False, zorder=4)
        lost = ~np.isfinite(points.value)
        if lost.any():
            used.add("no value")
            floor = limits[0] + 0.04 * (limits[1] - limits[0])
            ax.plot(x[lost], np.full(lost.sum(), floor), "x", color=points.colour, zorder=4)
    return used


def _bars(ax: MplAxes, points: Series, x: np.ndarray, band: np.ndarray | None) -> None:
    """Points with statistical bars; systematic bands of these widths, or thin outer bars."""
    known = np.isfinite(points.value)
    x, points = x[known], points.at(np.flatnonzero(known))
    look = points.marker | {"markersize": 4.5 if len(known) <= 6 else 3.6}
    if band is not None:
        bottom, height = points.value - points.sys[0], points.sys.sum(axis=0)
        ax.bar(x, height, band[known], bottom, color=points.colour, alpha=0.25, linewidth=0)
    else:
        ax.errorbar(x, points.value, points.bars, fmt="none", ecolor=points.colour, elinewidth=0.8)
    ax.errorbar(x, points.value, points.stat, fmt="o", elinewidth=1.6, zorder=3, **look)


def _label_axes(figure: Figure, panels: Any, *, own: bool) -> None:
    layout = figure.layout
    signs = layout.along == "charge" and len(layout.edges) == 3
    # fixed numbers of ticks: those that follow the size make the layout jump to and fro
    most = (5, 6) if len(panels) > 1 else (9, 8)
    for number, each in enumerate(panels):
        for axis, ticks in zip((each.xaxis, each.yaxis), most, strict=True):
            axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
        each.tick_params(axis="x", pad=6)  # clear of the lowest number of the other axis
        if signs:
            each.set_xticks([-1, 1], ["negative", "positive"])
            each.tick_params(axis="x", which="minor", bottom=False, top=False)
        if number % layout.columns == 0 or not own:
            each.set_ylabel(figure.what)
        if number + layout.columns >= len(panels) or not own:
            each.set_xlabel(axis_label(layout.along, "" if signs else None))
            each.tick_params(labelbottom=True)


def _legend(figure: Figure, panels: Any, used: set[str], *, own: bool) -> None:
    """Above all panels, where it can hide nothing, with what the figure shows below them."""

    def handle(label: str, **look: Any) -> Line2D:
        return Line2D([], [], **({"color": "0.35", "linestyle": "none", "label": label} | look))

    handles: list[Any] = [
        handle(each.label, marker="o", **each.marker) for each in figure.series if each.label
    ]
    handles.append(handle("statistical", marker="|", markersize=11, markeredgewidth=1.8))
    if figure.with_sys and figure.ratio:
        handles.append(Patch(color="0.35", alpha=0.25, linewidth=0, label="systematic"))
    elif figure.with_sys:
        handles.append(handle("with systematic", marker="|", markersize=11, markeredgewidth=0.8))
    marks = {"off scale": "^", "no value": "x"}
    handles += [handle(each, marker=marks[each]) for each in sorted(used)]
    if not own:
        panels[0].legend(handles=handles, loc="best", fontsize=9)
        return
    canvas = panels[0].figure
    inches = canvas.get_figwidth()
    title = textwrap.fill(figure.title, int(10 * inches), max_lines=3)
    legend = canvas.legend(
        handles=handles,
        loc="outside upper left",
        ncols=max(1, min(len(handles), int(inches / 1.55))),
        title=title,
        alignment="left",
        columnspacing=1.4,
        handletextpad=0.3,
    )
    legend.get_title().set(fontweight="bold", fontsize=12)
    about = "   ".join(f"{name}: {text}" for name, text in figure.about.items() if text)
    if figure.layout.hidden:
        about += f"   {figure.layout.hidden} panels not shown"
    footer = textwrap.fill(about, int(15 * inches), max_lines=3)
    canvas.supxlabel(footer, x=0.01, ha="left", fontsize=8.5, color="0.4")
