"""Bins of a table as rows: a rectangular grid written as ``<axis>_min``, ``<axis>_max`` columns.

Bins are half-open, ``[min, max)``: a value on an edge belongs to the bin above it, and a value on
the last edge to none. SysVar and correctionlib do the same; basf2's `sysvar` (PIDVar) takes
``(min, max]`` instead, so that the two sides differ for values exactly on an edge, and only there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from hist import Hist
from hist.axis import Variable
from hist.storage import Weight

from hepnb.errors import BadParameters, BadTable

__all__ = (
    "BLOCK",
    "Axes",
    "axes_of_histogram",
    "axes_of_rows",
    "axis_names",
    "difference",
    "grid_of_rows",
    "histogram_of",
    "rows_of",
    "single_bin",
    "sort_rows",
    "sums",
)


def __dir__() -> tuple[str, ...]:
    return __all__


Axes = Mapping[str, tuple[float, ...]]
"""Axis name to bin edges, in the order of the axes."""

BLOCK = "block"
"""Column of a table whose rows were blocks of several bins: the number of the block."""

_MOST_BINS = 100_000


def axes_of_histogram(histogram: Hist[Any]) -> dict[str, tuple[float, ...]]:
    """Names and edges of the axes of a histogram.

    Raises
    ------
    BadParameters
        If an axis has no name, or a name of its own is used twice.
    """
    names = [axis.name for axis in histogram.axes]
    if not names or not all(names) or len(set(names)) < len(names):
        message = f"axes are named {names}; give each axis of the histogram a name of its own"
        raise BadParameters(message)
    return {axis.name: tuple(map(float, axis.edges)) for axis in histogram.axes}


def rows_of(axes: Axes) -> pd.DataFrame:
    """One row per bin, the first axis varying slowest (the order of a flattened histogram).

    Parameters
    ----------
    axes
        Axis name to edges.

    Returns
    -------
    pandas.DataFrame
        Columns ``<axis>_min, <axis>_max`` for each axis, in its units.
    """
    index = np.indices([len(edges) - 1 for edges in axes.values()]).reshape(len(axes), -1)
    columns: dict[str, np.ndarray] = {}
    for (name, edges), along in zip(axes.items(), index, strict=True):
        columns[f"{name}_min"] = np.asarray(edges[:-1])[along]
        columns[f"{name}_max"] = np.asarray(edges[1:])[along]
    return pd.DataFrame(columns)


def axis_names(columns: Iterable[str]) -> list[str]:
    """Names of the axes among the columns of a table: exact pairs ``<axis>_min, <axis>_max``."""
    known = list(columns)
    return [each[:-4] for each in known if each.endswith("_min") and f"{each[:-4]}_max" in known]


def axes_of_rows(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Bin edges of a table, refusing rows that do not form a rectangular grid.

    Parameters
    ----------
    frame
        Rows with columns ``<axis>_min, <axis>_max``, in any order; bins may be missing.
    names
        Names of the axes.

    Returns
    -------
    dict
        Axis name to edges.

    Raises
    ------
    BadTable
        If a row has no width, two rows overlap or repeat each other, or a bin of one row is
        divided in another: a value would then have no single weight.
    """
    edges, low, high = _cells_of_rows(frame, names)
    _check_coverage(low, high, edges)
    return edges


def sort_rows(frame: pd.DataFrame, axes: Axes) -> pd.DataFrame:
    """All bins of `axes` in the order of `rows_of`, with the columns of `frame` (NaN if missing).

    Parameters
    ----------
    frame
        One row per bin at most, with the edges of `axes`.
    axes
        Axis name to edges.

    Returns
    -------
    pandas.DataFrame
        With a fresh index.
    """
    keys = [f"{name}_{end}" for name in axes for end in ("min", "max")]
    return rows_of(axes).merge(frame, on=keys, how="left", sort=False)[list(frame.columns)]


def grid_of_rows(frame: pd.DataFrame, names: Sequence[str]) -> tuple[dict[str, Any], pd.DataFrame]:
    """Grid of a table whose rows may be blocks of any size, as an automatic binning makes them.

    Parameters
    ----------
    frame
        Rows with columns ``<axis>_min, <axis>_max`` that do not overlap, in any order.
    names
        Names of the axes.

    Returns
    -------
    (dict, pandas.DataFrame)
        Axis name to edges, and all bins of that grid in the order of `rows_of` (NaN if missing).
        If a row is several bins, each has its values, and the column `BLOCK` tells which row it is
        of (-1 if missing): bins of one block are one measurement, and fluctuate together.

    Raises
    ------
    BadTable
        As `axes_of_rows`, or if the grid has more than 1e5 bins.
    """
    edges, low, high = _cells_of_rows(frame, names)
    shape = [len(each) - 1 for each in edges.values()]
    if (high - low).max(initial=1) == 1:
        _check_twins(low, shape)
        return edges, sort_rows(frame, edges)
    if math.prod(shape) > _MOST_BINS:
        message = (
            f"the blocks make a grid of {math.prod(shape)} bins; at most {_MOST_BINS} are read"
        )
        raise BadTable(message)
    block = np.full(shape, -1)
    for row, (first, last) in enumerate(zip(low.T, high.T, strict=True)):
        place = tuple(slice(*each) for each in zip(first, last, strict=True))
        if (block[place] >= 0).any():
            _refuse_overlap(row, low, high)
        block[place] = row
    blocks = block.ravel()
    rows = frame.reset_index(drop=True).reindex(blocks).reset_index(drop=True)
    return edges, rows.assign(**rows_of(edges)).assign(**{BLOCK: blocks})


def histogram_of(axes: Axes, values: np.ndarray, variances: np.ndarray) -> Hist[Any]:
    """Histogram with Weight storage from flat arrays in the order of `rows_of`."""
    made = Hist(*(Variable(edges, name=name) for name, edges in axes.items()), storage=Weight())
    shape = tuple(len(edges) - 1 for edges in axes.values())
    made.view()["value"] = np.reshape(values, shape)
    made.view()["variance"] = np.reshape(variances, shape)
    return made


def sums(histogram: Hist[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Give the sums of weights and of squared weights of the bins, flat, without the flow bins."""
    values, variances = histogram.values(flow=False), histogram.variances(flow=False)
    assert variances is not None
    return np.asarray(values, float).ravel(), np.asarray(variances, float).ravel()


def difference(total: Hist[Any], passing: Hist[Any]) -> Hist[Any]:
    """Histogram of the candidates that fail: both sums subtract alike."""
    value, variance = (a - b for a, b in zip(sums(total), sums(passing), strict=True))
    # partial sums may differ in the last digit where every candidate passes
    return histogram_of(axes_of_histogram(total), value, np.maximum(variance, 0.0))


def single_bin(histogram: Hist[Any]) -> Hist[Any]:
    """Histogram with all bins added into one."""
    axes = {name: (edges[0], edges[-1]) for name, edges in axes_of_histogram(histogram).items()}
    return histogram_of(axes, *(each.sum(keepdims=True) for each in sums(histogram)))


def _cells_of_rows(
    frame: pd.DataFrame, names: Sequence[str]
) -> tuple[dict[str, tuple[float, ...]], np.ndarray, np.ndarray]:
    """Give the edges, and first and last cell of each row, of shape (axes, rows)."""
    edges, low, high = {}, [], []
    for name in names:
        starts, stops = (frame[f"{name}_{end}"].to_numpy(float) for end in ("min", "max"))
        _check_widths(name, starts, stops)
        edges[name] = tuple(map(float, np.unique(np.concatenate([starts, stops]))))
        low.append(np.searchsorted(edges[name], starts))
        high.append(np.searchsorted(edges[name], stops))
    return edges, np.array(low), np.array(high)


def _check_widths(name: str, low: np.ndarray, high: np.ndarray) -> None:
    wrong = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high) & (low < high)))
    if len(wrong):
        row = int(wrong[0])
        message = (
            f"row {row + 1}: {name}_min = {low[row]:g} and {name}_max = {high[row]:g}; "
            "every bin needs finite edges with min < max"
        )
        raise BadTable(message)


def _check_coverage(low: np.ndarray, high: np.ndarray, edges: Axes) -> None:
    shape = [len(each) - 1 for each in edges.values()]
    spans = (high - low).prod(axis=0)
    if spans.max(initial=1) == 1:
        _check_twins(low, shape)
        return
    row = int(np.argmax(spans > 1))
    _refuse_overlap(row, low, high)
    message = (
        f"row {row + 1} spans {spans[row]} cells of the grid that the edges of all rows make "
        f"({math.prod(shape)} cells): bins are not rectangular; tabulate on one grid"
    )
    raise BadTable(message)


def _check_twins(low: np.ndarray, shape: Sequence[int]) -> None:
    cells = np.ravel_multi_index(tuple(low), shape)
    _, first, count = np.unique(cells, return_index=True, return_counts=True)
    if (count > 1).any():
        twin = cells == cells[first[np.argmax(count > 1)]]
        raise BadTable(f"rows {_rows(twin)} give the same bin; keep one of them")


def _refuse_overlap(row: int, low: np.ndarray, high: np.ndarray) -> None:
    """Refuse a row that overlaps others; without such it passes."""
    inside = np.all((low < high[:, row, None]) & (high > low[:, row, None]), axis=0)
    inside[row] = False
    if inside.any():
        message = (
            f"row {row + 1} overlaps row(s) {_rows(inside)}: a value in both has no single "
            "weight; keep either the wide bin or the fine ones"
        )
        raise BadTable(message)


def _rows(mask: np.ndarray) -> str:
    found = np.flatnonzero(mask) + 1
    shown = ", ".join(map(str, found[:5]))
    return shown + (f" and {len(found) - 5} more" if len(found) > 5 else "")
