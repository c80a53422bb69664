"""Goodness of fit: where the data's statistic lies among those of pseudo-experiments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from hepnb.plotting.room import make_room
from hepnb.plotting.style import COLOURS, new_axes, style

__all__ = ("plot_goodness_of_fit",)


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_goodness_of_fit(
    observed: float,
    toys: ArrayLike = (),
    *,
    p_value: float | None = None,
    ndof: float | None = None,
    statistic: str = "deviance",
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw the statistic of toys, the asymptotic density, and the value of the data.

    Parameters
    ----------
    observed
        Statistic of the data.
    toys
        Statistics of pseudo-experiments, in any order; empty where none were made.
    p_value
        Of the fit; None: the share of toys at or above the data's value.
    ndof
        Degrees of freedom of the chi-square distribution that is drawn; None draws none.
    statistic
        Its name, for the axis.
    title
        Above the frame, such as the name of the function.
    ax
        Axes; made if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = new_axes() if ax is None else ax
    found = np.sort(np.asarray(toys, float))
    found = found[np.isfinite(found)]
    with style():
        low, high = _range(observed, found, ndof)
        if len(found):
            _draw_toys(ax, found, observed, (low, high))
        if ndof is not None:
            grid = np.linspace(low, high, 400)
            ax.plot(
                grid,
                stats.chi2.pdf(grid, ndof),
                color=COLOURS["alternative"],
                label=rf"$\chi^2$, {ndof:g} degrees of freedom",
            )
        ax.set_xlim(low, high)
        highest = max((np.max(line.get_ydata()) for line in ax.lines), default=1.0)
        ax.set_ylim(0, 1.08 * highest)
        told = {"color": COLOURS["signal"], "label": _told(observed, found, p_value)}
        ax.plot([observed, observed], [0.0, 0.6 * highest], lw=2.2, zorder=5, **told)
        ax.set_xlabel(f"{statistic[:1].upper()}{statistic[1:]}")
        ax.set_ylabel("Probability density")
        if title:
            ax.set_title(title, loc="left", fontsize=12, fontweight="bold")
        make_room(ax, [ax.legend(loc="upper right")])
    return ax


def _told(observed: float, toys: Any, p_value: float | None) -> str:
    if p_value is None and len(toys):
        p_value = float(np.mean(toys >= observed))
    text = f"Data: {observed:.4g}"
    return text if p_value is None else f"{text}, p = {p_value:.3g}"


def _range(observed: float, toys: Any, ndof: float | None) -> tuple[float, float]:
    ends = [observed]
    if len(toys):
        ends += np.quantile(toys, [0.001, 0.999]).tolist()
    if ndof is not None:
        ends += stats.chi2.ppf([0.001, 0.999], ndof).tolist()
    margin = 0.06 * (max(ends) - min(ends)) or 1.0
    return max(min(ends) - margin, 0.0), max(ends) + margin


def _draw_toys(ax: Any, toys: Any, observed: float, limits: tuple[float, float]) -> None:
    bins = int(np.clip(2.0 * len(toys) ** (1.0 / 3.0), 10, 60))
    heights, edges = np.histogram(toys, bins, limits)
    # those outside the frame count too
    heights = heights / (len(toys) * np.diff(edges))
    look = {"color": COLOURS["mc"], "lw": 1.4, "drawstyle": "steps-post"}
    ax.stairs(heights, edges, fill=True, alpha=0.3, color=COLOURS["mc"], label=f"{len(toys)} toys")
    ax.plot(edges, np.append(heights, heights[-1]), **look)
    # the tail that the p-value counts, cut at the data's value and not at a bin's edge
    tail = np.clip(edges, observed, None)
    ax.stairs(heights, tail, fill=True, alpha=0.55, color=COLOURS["signal"], lw=0)
