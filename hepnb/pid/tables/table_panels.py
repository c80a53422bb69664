"""How the bins of a table become small multiples: panels, series within a panel, points.

The first axis runs along each panel, a charge axis becomes colours, and every other axis becomes
panels. Nothing here draws.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hepnb.pid.tables.table_bins import Axes
from hepnb.plotting import axis_label

__all__ = ("MAX_PANELS", "Layout", "Panel", "grid_shape", "layout_of", "slots")

log = logging.getLogger(__name__)

MAX_PANELS = 40


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Panel:
    """One panel of the figure.

    Attributes
    ----------
    title
        Its bin of the other axes, ``-0.87 < cos(theta) < -0.42``; empty for a single panel.
    rows
        Rows of the frame, one array of shape (bins along,) for each series.
    """

    title: str
    rows: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Layout:
    """What a figure of a table shows where.

    Attributes
    ----------
    along
        Name of the axis along each panel.
    edges
        Its bin edges.
    series
        Sign of each series: 1, -1, or 0 where there is no charge axis.
    panels
        In reading order.
    columns
        Panels in a row of the figure.
    hidden
        Number of panels that are left out.
    """

    along: str
    edges: np.ndarray
    series: tuple[int, ...]
    panels: tuple[Panel, ...]
    columns: int
    hidden: int = 0


def layout_of(axes: Axes) -> Layout:
    """Lay out a table with these axes.

    Parameters
    ----------
    axes
        Axis name to edges.

    Returns
    -------
    Layout
        With at most `MAX_PANELS` panels; what is left out is logged.
    """
    along = next((each for each in axes if each != "charge"), "charge")
    signed = "charge" in axes and along != "charge" and _is_sign(axes["charge"])
    others = [each for each in axes if each != along and not (signed and each == "charge")]
    index = np.arange(_size(axes)).reshape([len(edges) - 1 for edges in axes.values()])
    order = [list(axes).index(each) for each in others]
    tail = [*([list(axes).index("charge")] if signed else []), list(axes).index(along)]
    index = np.transpose(index, order + tail)
    counts = [len(axes[each]) - 1 for each in others]
    index = index.reshape(-1, len(axes["charge"]) - 1 if signed else 1, len(axes[along]) - 1)
    panels = tuple(
        Panel(title, tuple(rows)) for title, rows in zip(_titles(axes, others), index, strict=True)
    )
    hidden = max(0, len(panels) - MAX_PANELS)
    if hidden:
        log.warning("%d of %d panels are not drawn; plot fewer bins", hidden, len(panels))
    return Layout(
        along,
        np.asarray(axes[along]),
        tuple(int(np.sign(a + b)) for a, b in itertools.pairwise(axes["charge"]))
        if signed
        else (0,),
        panels[:MAX_PANELS],
        grid_shape(min(len(panels), MAX_PANELS), counts)[1],
        hidden,
    )


def grid_shape(panels: int, counts: list[int] | None = None) -> tuple[int, int]:
    """Rows and columns for a number of panels, so that the figure fits a slide.

    Parameters
    ----------
    panels
        Number of panels.
    counts
        Bins of each axis that becomes panels; with two or more the last one fills the rows.
    """
    if counts and len(counts) > 1 and 2 <= counts[-1] <= 5:
        columns = counts[-1]
    else:
        columns = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 9: 3}.get(panels, 4)
    return -(-panels // columns), columns


def slots(edges: np.ndarray, series: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre and width of the place of each series within each bin, so that no points overlap.

    Parameters
    ----------
    edges
        Bin edges, of shape (bins + 1,).
    series
        Number of series.

    Returns
    -------
    (ndarray, ndarray)
        Centres, of shape (series, bins), and widths, of shape (bins,).
    """
    width = np.diff(edges)
    share = 0.84 if series > 1 else 0.0
    offset = (np.arange(series) + 0.5) / series - 0.5
    centres = edges[:-1] + width * (0.5 + share * offset[:, None])
    return centres, width * (share / series if series > 1 else 0.5)


def _is_sign(edges: tuple[float, ...]) -> bool:
    """Whether the bins of a charge axis are one below and one above zero."""
    return len(edges) == 3 and edges[0] < 0 < edges[2] and edges[1] == 0


def _size(axes: Axes) -> int:
    return int(np.prod([len(edges) - 1 for edges in axes.values()]))


def _titles(axes: Axes, others: list[str]) -> Iterator[str]:
    bins = [
        [
            f"{_short(a)} < {axis_label(name, '')} < {_short(b)}"
            for a, b in itertools.pairwise(axes[name])
        ]
        for name in others
    ]
    return ("\n".join(each) for each in itertools.product(*bins))


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
