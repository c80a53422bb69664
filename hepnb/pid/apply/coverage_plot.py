"""Figure of the coverage: which fraction of the tracks is in a table, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.errors import BadParameters
from hepnb.pid.apply.coverage import physical_range
from hepnb.plotting import COLOURS, axis_label, label, new_axes_grid, style

if TYPE_CHECKING:
    from hepnb.pid.apply.coverage import Coverage, Map

__all__ = ("plot_coverage",)


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_coverage(coverage: Coverage, *, ax: Any = None) -> Any:
    """Draw per cell the fraction of the tracks of each particle that are in a table.

    Parameters
    ----------
    coverage
        What to draw.
    ax
        Axes, as many as there are particles; by default a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        One per particle. The frame of the tables is dashed; cells without tracks are white.
    """
    maps = coverage.maps
    if not maps:
        raise BadParameters("the tables have no axis but the charge: there is no map to draw")
    if ax is None:
        wide = len(maps)
        size = (1.0 + 4.9 * wide, 4.3)
        ax = new_axes_grid(1, wide, figsize=size, sharex=False, sharey=False)
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != len(maps):
        raise BadParameters(f"{len(axes)} axes for {len(maps)} particles ({', '.join(maps)})")
    with style():
        for each, (name, found) in zip(axes, maps.items(), strict=True):
            (_draw_cells if len(found.ranges) == 2 else _draw_steps)(each, found)
            counts = coverage.counts[name]
            share = 100 * counts["in_table"] / max(counts["read"], 1)
            label(each, name, right=f"{share:.1f} % of {counts['read']:,} in a table")
    return axes


def _fraction(found: Map) -> np.ndarray:
    total, covered = found.total.values(), found.covered.values()
    return np.where(total > 0, covered / np.where(total > 0, total, 1), np.nan)


def _draw_cells(ax: Any, found: Map) -> None:
    first, second = found.ranges
    mesh = ax.pcolormesh(
        *(axis.edges for axis in found.total.axes),
        _fraction(found).T,
        vmin=0,
        vmax=1,
        cmap="viridis",
        rasterized=True,
    )
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label("fraction in a table")
    bar.ax.tick_params(which="both", direction="in")
    (x0, x1), (y0, y1) = found.ranges.values()
    ax.plot(
        [x0, x1, x1, x0, x0],
        [y0, y0, y1, y1, y0],
        "--",
        color=COLOURS["signal"],
        lw=1.6,
        label="range of the tables",
    )
    ax.set(xlabel=axis_label(first), ylabel=axis_label(second))
    # the frame of the tables must not shrink what is shown
    ax.set(xlim=_limits(found, 0), ylim=_limits(found, 1))
    ax.legend(loc="lower right", frameon=True, framealpha=0.85, fontsize=9)


def _draw_steps(ax: Any, found: Map) -> None:
    ((name, (low, high)),) = found.ranges.items()
    ax.stairs(_fraction(found), found.total.axes[0].edges, color=COLOURS["mc"], lw=1.8)
    for edge, text in ((low, "range of the tables"), (high, None)):
        ax.axvline(edge, ls="--", color=COLOURS["signal"], lw=1.4, label=text)
    ax.set(xlabel=axis_label(name), ylabel="fraction in a table", ylim=(0, 1.1))
    ax.legend(loc="lower center", fontsize=9)


def _limits(found: Map, which: int) -> tuple[float, float]:
    axis = found.total.axes[which]
    least, most = physical_range(axis.name)
    return max(axis.edges[0], least), min(axis.edges[-1], most)
