"""Figure of the closure: weighted simulation over data, along the first axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.errors import BadParameters
from hepnb.plotting import COLOURS, axis_label, label, new_axes, style

if TYPE_CHECKING:
    from hepnb.pid.apply.closure import Closure

__all__ = ("plot_closure",)


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_closure(closure: Closure, *, ax: Any = None) -> Any:
    """Draw the yields of passing candidates in data and in simulation, and their ratio.

    Parameters
    ----------
    closure
        What to draw, summed over all axes but the first.
    ax
        Two axes, for yields and ratios; by default a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The band is the uncertainty of the weighted simulation: its size and the tables; that of
        the tables is added linearly over the bins that are summed, which overstates it.
    """
    upper, lower = new_axes(panel=True) if ax is None else ax
    name = next(iter(closure.axes))
    along, edges = _summed(closure, name), np.asarray(closure.axes[name], float)
    width, middle = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    half = width / 2
    data, error = along["data_yield"], along["data_error"]
    shown, spread = along["predicted_yield"], np.hypot(along["mc_error"], along["table_error"])
    with style():
        upper.stairs(
            along["mc_yield"] / width,
            edges,
            color=COLOURS["background"],
            ls="--",
            lw=1.8,
            label="simulation, no weights",
        )
        upper.stairs(shown / width, edges, color=COLOURS["mc"], lw=2, label="simulation, weighted")
        _band(upper, edges, (shown - spread) / width, (shown + spread) / width)
        points = {"fmt": "o", "color": COLOURS["data"]}
        upper.errorbar(middle, data / width, error / width, half, label="data", **points)
        upper.set(ylabel=f"passing candidates / {_unit(name)}")
        upper.set_ylim(bottom=0)
        upper.margins(x=0)
        upper.legend()
        with np.errstate(invalid="ignore", divide="ignore"):
            lower.stairs(
                along["mc_yield"] / data,
                edges,
                color=COLOURS["background"],
                ls="--",
                lw=1.8,
                baseline=None,
            )
            lower.errorbar(middle, shown / data, None, half, fmt="none", color=COLOURS["mc"], lw=2)
            _band(lower, edges, (shown - spread) / data, (shown + spread) / data)
            lower.errorbar(middle, np.ones(len(middle)), error / data, half, **points)
        seen = np.concatenate(
            [along["mc_yield"] / data, (shown - spread) / data, (shown + spread) / data]
        )
        off = 1.25 * max(np.nanmax(np.abs(seen - 1)), 0.02)
        lower.set_ylim(1 - min(off, 1.0), 1 + off)
        lower.axhline(1, color="black", lw=0.8)
        lower.set(xlabel=axis_label(name), ylabel="over data")
        label(
            upper,
            closure.cut,
            right=rf"total: {closure.total['pull']:+.1f} $\sigma$, $p$ = {closure.p_value:.2g}",
        )
    return np.array([upper, lower])


def _summed(closure: Closure, name: str) -> dict[str, np.ndarray]:
    """Columns summed over all axes but one; errors in quadrature but for those of the tables."""
    if closure.good.empty:
        raise BadParameters("no bin has both data and simulation: there is nothing to draw")
    low = [float(each) for each in closure.axes[name][:-1]]
    groups = closure.good.groupby(f"{name}_min")
    found = {}
    for each in ("data_yield", "mc_yield", "predicted_yield", "table_error"):
        found[each] = groups[each].sum().reindex(low).to_numpy()
    for each in ("data_error", "mc_error"):
        found[each] = np.sqrt(groups[each].agg(lambda x: (x**2).sum()).reindex(low).to_numpy())
    return found


def _band(ax: Any, edges: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    ax.stairs(high, edges, baseline=low, fill=True, color=COLOURS["mc"], alpha=0.3, lw=0)


def _unit(name: str) -> str:
    unit = axis_label(name).partition("[")[2].rstrip("]")
    return unit or f"unit of {axis_label(name)}"
