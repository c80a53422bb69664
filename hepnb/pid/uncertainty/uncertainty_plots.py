"""Figure of the components of an uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.plotting import COLOURS, new_axes, style

if TYPE_CHECKING:
    from hepnb.pid.uncertainty.uncertainties import Uncertainties

__all__ = ("plot_uncertainties",)


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_uncertainties(found: Uncertainties, ax: Any = None) -> Any:
    """Draw the size of each component in every bin.

    Parameters
    ----------
    found
        What to draw.
    ax
        Axes; made if None.

    Returns
    -------
    matplotlib.axes.Axes
        Bins are numbered from 1 in the order of the table, the last axis varying fastest; a light
        line stands wherever the first axis moves on.
    """
    frame, bins = found.frame, len(found.frame)
    edges = np.arange(bins + 1) + 0.5
    with style():
        axes = new_axes() if ax is None else ax
        total, statistical = (frame[name].to_numpy(float) for name in ("total", "statistical"))
        top = np.nanmax(total) if np.isfinite(total).any() else 1.0
        # what is below a hundredth of the statistical uncertainty lies on the frame
        least = max(0.01 * float(np.nanmedian(statistical)), 1e-4 * top)
        grey = {"fill": True, "color": COLOURS["background"], "alpha": 0.45}
        axes.stairs(statistical, edges, label="statistical", **grey)
        for name in found.shifts:
            size = np.maximum(np.abs(frame[name].to_numpy(float)), least)
            axes.stairs(size, edges, label=name.replace("_", " "), lw=1.8)
        axes.stairs(total, edges, color=COLOURS["data"], lw=1.2, label="total")
        first, *others = (len(each) - 1 for each in found.axes.values())
        step = int(np.prod(others))
        for place in range(1, first if step > 1 else 1):
            axes.axvline(place * step + 0.5, color="0.85", lw=0.8, zorder=0)
        axes.set(xlim=(edges[0], edges[-1]), yscale="log", ylim=(least, 12 * top))
        axes.set_xlabel(f"Bin ({', '.join(found.axes)})")
        axes.set_ylabel(f"Uncertainty of the {found.what}")
        axes.xaxis.set_minor_locator(_no_ticks())
        axes.legend(ncols=3, loc="upper left", fontsize=10)
    return axes


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()
