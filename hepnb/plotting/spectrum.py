"""Figures of a counted spectrum: data, functions over it, signal on background, bands of toys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.plotting.lower_panel import (
    Counts,
    Lower,
    compare,
    contain_lines,
    draw_lower,
    draw_points,
    name_lower,
    shade_hidden,
)
from hepnb.plotting.room import make_room
from hepnb.plotting.style import COLOURS, new_axes, style

__all__ = ("BANDS", "Counts", "Curve", "Lower", "draw_functions", "draw_signal_and_background")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
Band = tuple[Floats, Floats]

BANDS = ("#8fb573", "#f5d98b")
"""One and two standard deviations: green and yellow that differ in lightness too."""


class Curve(NamedTuple):
    """A function over a spectrum, in the units of its contents."""

    label: str
    """In the legend."""
    values: Floats
    """On the grid of masses."""
    expected: Floats
    """In the bins of the spectrum."""
    colour: str = ""
    """Empty for the next one of the palette."""
    dashes: Any = "-"
    """Line style of matplotlib."""
    bold: bool = False
    """Whether it stands out."""


def draw_functions(
    counts: Counts,
    grid: Floats,
    curves: Sequence[Curve],
    *,
    reference: int = 0,
    lower: Lower = "difference",
    text: str = "",
    log: bool = False,
    axes: Any = None,
) -> Any:
    """Draw functions over a spectrum, and below how data and functions differ from one of them.

    Parameters
    ----------
    counts
        The spectrum.
    grid
        Masses at which the functions are drawn.
    curves
        The functions.
    reference
        Index of the one that the lower panel refers to.
    lower
        What the lower panel shows.
    text
        Lines in the upper left corner.
    log
        Whether the vertical axis is logarithmic.
    axes
        Pair of axes, or a single one for the spectrum alone; made if None.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The two axes, or the one.
    """
    axes = new_axes(panel=True) if axes is None else axes
    pair = np.atleast_1d(np.asarray(axes, dtype=object))
    with style():
        _draw_counts(pair[0], counts)
        _draw_curves(pair[0], grid, curves)
        if len(pair) > 1:
            main = curves[reference]
            draw_lower(pair[1], counts, main.expected, lower)
            for each in curves:
                values = compare(each.values, main.values, lower, main.values)
                _draw_curves(pair[1], grid, [each._replace(values=values)])
            name_lower(pair[1], lower, main.label)
        _finish(pair, counts, text, log=log)
    return axes if len(pair) == 1 else pair


def draw_signal_and_background(
    counts: Counts,
    grid: Floats,
    background: Curve,
    *,
    signal: Floats | None = None,
    signal_label: str = "S + B fit",
    bands: Mapping[str, Band] | None = None,
    lower: Lower = "difference",
    text: str = "",
    axes: Any = None,
) -> Any:
    """Draw data, signal plus background, the background with its bands, and both less background.

    Parameters
    ----------
    counts
        The spectrum.
    grid
        Masses at which curves and bands are given.
    background
        The background component.
    signal
        The signal on top of it, on the grid.
    signal_label
        Of the sum of both.
    bands
        Label to lower and upper ends on the grid, of the background; the narrowest first.
    lower, text, axes
        As for `draw_functions`.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The two axes, or the one.
    """
    axes = new_axes(panel=True) if axes is None else axes
    pair = np.atleast_1d(np.asarray(axes, dtype=object))
    line = {"color": COLOURS["signal"], "zorder": 4}
    total = None if signal is None else background.values + signal
    with style():
        _draw_counts(pair[0], counts)
        if total is not None:
            pair[0].plot(grid, total, label=signal_label, **line)
        pair[0].plot(grid, background.values, "--", label=background.label, **line)
        _draw_bands(pair[0], grid, bands or {})
        if len(pair) > 1:
            draw_lower(pair[1], counts, background.expected, lower)
            b = background.values
            for dashes, curve in (("-", total), ("--", background.values)):
                if curve is not None:
                    pair[1].plot(grid, compare(curve, b, lower, b), dashes, **line)
            compared_bands = {
                name: (compare(low, b, lower, b), compare(high, b, lower, b))
                for name, (low, high) in (bands or {}).items()
            }
            _draw_bands(pair[1], grid, compared_bands)
            contain_lines(pair[1])
            name_lower(pair[1], lower, "B", subtracted="B component subtracted")
        _finish(pair, counts, text)
    return axes if len(pair) == 1 else pair


def _draw_counts(ax: Any, counts: Counts) -> None:
    seen = counts.visible
    centres = 0.5 * (counts.edges[1:] + counts.edges[:-1])
    draw_points(ax, centres[seen], counts.values[seen], np.asarray(counts.errors)[:, seen])
    shade_hidden(ax, counts)


def _draw_curves(ax: Any, grid: Floats, curves: Sequence[Curve]) -> None:
    for each in curves:
        colour = {"color": each.colour} if each.colour else {}
        width, height = (2.8, 5) if each.bold else (1.5, 4)
        ax.plot(
            grid, each.values, ls=each.dashes, lw=width, zorder=height, label=each.label, **colour
        )


def _draw_bands(ax: Any, grid: Floats, bands: Mapping[str, Band]) -> None:
    for depth, (colour, (name, (low, high))) in enumerate(zip(BANDS, bands.items(), strict=False)):
        ax.fill_between(grid, low, high, color=colour, lw=0, zorder=2 - depth, label=name)


def _finish(pair: Any, counts: Counts, text: str, *, log: bool = False) -> None:
    top = pair[0]
    for ax in pair:
        ax.set_xlim(counts.edges[0], counts.edges[-1])
    top.set_ylabel(counts.ylabel)
    pair[-1].set_xlabel(counts.xlabel)
    if len(pair) > 1:
        top.tick_params(labelbottom=False)
    seen = counts.values[counts.visible] if counts.visible.any() else np.zeros(1)
    drawn = [seen + np.asarray(counts.errors[1])[counts.visible]] if counts.visible.any() else []
    drawn += [np.asarray(line.get_ydata(), float) for line in top.lines]
    highest = max((float(np.nanmax(each, initial=0.0)) for each in drawn), default=0.0) or 1.0
    if log:
        top.set_yscale("log")
        smallest = float(np.min(seen[seen > 0], initial=highest))
        top.set_ylim(0.3 * smallest, 2.0 * highest)
    else:
        top.set_ylim(min(0.0, 1.1 * float(np.min(seen, initial=0.0))), 1.08 * highest)
    _explain(top, text)


def _explain(ax: Any, text: str) -> None:
    handles, labels = ax.get_legend_handles_labels()
    # data first, then functions in their order, then what is shaded
    rank = {"Data": 0, "Blinded": 2}
    order = sorted(range(len(labels)), key=lambda i: (rank.get(labels[i], 1), i))
    columns = 1 + (len(labels) > 7)
    legend = ax.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="upper right",
        ncols=columns,
        fontsize=10.5 if columns == 1 else 9.5,
        columnspacing=1.2,
    )
    boxes = [legend]
    if text:
        boxes.append(
            ax.text(0.025, 0.965, text, transform=ax.transAxes, va="top", fontsize=10.5, zorder=7)
        )
    make_room(ax, boxes)
