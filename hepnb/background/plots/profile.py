"""The discrete profile: Lambda of each function, their envelope, and its intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.background.plots.functions import FAMILY_COLOURS
from hepnb.plotting.room import make_room
from hepnb.plotting.style import COLOURS, label, new_axes, style

__all__ = ("plot_profile",)


def __dir__() -> tuple[str, ...]:
    return __all__


_LEVELS = {1.0: "68.3 %", 4.0: "95.4 %"}
_DASHES = ("--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (9, 3)))


def plot_profile(
    strengths: ArrayLike,
    curves: Mapping[str, ArrayLike],
    *,
    envelope: ArrayLike | None = None,
    intervals: Mapping[float, Sequence[tuple[float, float]]] | None = None,
    best: float | None = None,
    xlabel: str = r"Signal strength $\mu$",
    top: float = 8.0,
    text: str = "",
    ax: Any = None,
) -> Any:
    """Draw the scan of each function and, in bold, the envelope of them all.

    Parameters
    ----------
    strengths
        Signal strengths of the scan, of shape (n,).
    curves
        Name of a function to its ``2 NLL + c n_par``, of shape (n,); NaN where a fit failed. All
        are drawn above the lowest value of the envelope.
    envelope
        Lowest of all curves; None takes it from them.
    intervals
        Height (1, 4) to the intervals of strength below it; disjoint ones are drawn one by one.
    best
        Strength at the minimum; None takes that of the scan.
    xlabel
        Title of the horizontal axis.
    top
        Upper end of the vertical axis, before room is made for the legend.
    text
        Above the frame.
    ax
        Axes; made if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = new_axes() if ax is None else ax
    x = np.asarray(strengths, float)
    heights = {name: np.asarray(each, float) for name, each in curves.items()}
    lowest = np.nanmin(list(heights.values()), axis=0) if envelope is None else envelope
    bold = np.asarray(lowest, float)
    zero = float(np.nanmin(bold))
    with style():
        for (name, each), look in zip(heights.items(), _looks(list(heights)), strict=True):
            ax.plot(x, _cut(each - zero, top), lw=1.3, label=name, zorder=3, **look)
        data = COLOURS["data"]
        ax.plot(x, _cut(bold - zero, top), color=data, lw=3.0, zorder=2.5, label="Envelope")
        ax.set_xlim(x.min(), x.max())
        ax.set_ylim(0.0, top)
        for height, name in _LEVELS.items():
            ax.axhline(height, color="#9a9a9a", lw=1.0, zorder=1)
            ax.text(0.985, height, name, **_beside(ax))
        for height, pieces in (intervals or {}).items():
            _draw_interval(ax, height, pieces)
        middle = float(x[np.nanargmin(bold)]) if best is None else best
        ax.plot([middle], [0.0], marker="^", ms=9, color=COLOURS["signal"], clip_on=False, zorder=6)
        ax.set_xlabel(xlabel)
        ax.set_ylabel(r"$\Lambda(\mu) - \min\,\Lambda$")
        _explain(ax, text)
    return ax


def _cut(values: NDArray[np.float64], top: float) -> NDArray[np.float64]:
    """Leave out what is far above the frame, so that it needs no room."""
    return np.where(values <= 1.15 * top, values, np.nan)


def _beside(ax: Any) -> dict[str, Any]:
    place = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "bottom"}
    return place | {"fontsize": 9.5, "color": "#6a6a6a"}


def _draw_interval(ax: Any, height: float, pieces: Sequence[tuple[float, float]]) -> None:
    look = {"color": COLOURS["signal"], "zorder": 5, "solid_capstyle": "butt"}
    for low, high in pieces:
        ax.plot([low, high], [height, height], lw=2.4, **look)
        for end in (low, high):
            ax.plot([end, end], [0.0, height], lw=0.9, ls=":", color=COLOURS["signal"], zorder=4)
            ax.plot([end], [height], marker="|", ms=9, mew=2.0, **look)


def _looks(names: Sequence[str]) -> list[dict[str, Any]]:
    """Colour by family, dashes by order, as in the figure of the envelope."""
    seen: dict[str, int] = {}
    looks = []
    for name in names:
        key = name.lower().replace(" ", "").rstrip("0123456789")
        place = seen[key] = seen.get(key, -1) + 1
        colour = {"color": FAMILY_COLOURS[key]} if key in FAMILY_COLOURS else {}
        looks.append({"ls": ("-", *_DASHES)[place % (1 + len(_DASHES))], **colour})
    return looks


def _explain(ax: Any, text: str) -> None:
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: (labels[i] != "Envelope", i))
    columns = min(3, 1 + len(labels) // 5)
    legend = ax.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="upper center",
        ncols=columns,
        fontsize=9.5,
    )
    make_room(ax, [legend])
    if text:
        label(ax, text)
