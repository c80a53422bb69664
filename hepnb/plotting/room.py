"""Make room on axes, so that legends and boxes hide nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ("make_room",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_MARGIN = 0.025  # of the axes, between a box and what is drawn


def make_room(ax: Any, boxes: Iterable[Any]) -> None:
    """Raise the upper end of the vertical axis until boxes at the top hide nothing drawn.

    Parameters
    ----------
    ax
        Axes, linear or logarithmic; what is drawn is final but for the upper limit.
    boxes
        Legends and texts inside the axes, all of them anchored at the top.
    """
    ax.figure.draw_without_rendering()
    scale, bottom_top = ax.yaxis.get_transform(), np.array(ax.get_ylim())
    points = _drawn_points(ax)
    across = (ax.transData + ax.transAxes.inverted()).transform(points)[:, 0]
    bottom, top = scale.transform(bottom_top)
    heights = scale.transform(points[:, 1])
    for box in boxes:
        extent = box.get_window_extent().transformed(ax.transAxes.inverted())
        below = (across > extent.x0 - _MARGIN) & (across < extent.x1 + _MARGIN)
        highest = float(heights[below].max(initial=bottom))
        top = max(top, bottom + (highest - bottom) / max(extent.y0 - _MARGIN, 0.2))
    ax.set_ylim(bottom_top[0], float(scale.inverted().transform(np.array([top]))[0]))


def _drawn_points(ax: Any) -> Floats:
    """Points of lines, error bars and bands that cross the axes, in data coordinates."""
    lines = [
        line.get_xydata() for line in ax.lines if line.get_transform().contains_branch(ax.transData)
    ]
    bars = [segment for each in ax.containers for bar in each[2] for segment in bar.get_segments()]
    # the background of the mass fit is a band that ends at a line, hence nothing new
    return np.concatenate([np.asarray(each, float) for each in (*lines, *bars) if len(each)])
