"""Which bin of a table each candidate is in, and why some are in none.

Bins are [lo, hi): a value on an edge belongs to the bin above it, as in `table_bins`, in
SysVar and in correctionlib; basf2's `sysvar` takes (lo, hi]. A value on the last edge of an axis is
out of range, unless `last_edge="inclusive"` puts it into the last bin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from hepnb.errors import BadParameters
from hepnb.pid.tables.table_bins import Axes

__all__ = ("NAN", "OUT_OF_RANGE", "LastEdge", "check_last_edge", "find_bins")

LastEdge = Literal["exclusive", "inclusive"]

NAN = -2
"""In place of a bin: a value on an axis is NaN."""
OUT_OF_RANGE = -1
"""In place of a bin: a value is below the first edge or above the last one."""


def __dir__() -> tuple[str, ...]:
    return __all__


def check_last_edge(last_edge: str) -> LastEdge:
    """Refuse a rule for the last edge that does not exist."""
    if last_edge not in get_args(LastEdge):
        message = f"last_edge is {last_edge!r}; it must be 'exclusive' or 'inclusive'"
        raise BadParameters(message)
    return last_edge  # type: ignore[return-value]  # checked above


def find_bins(
    axes: Axes, values: Mapping[str, np.ndarray], *, last_edge: LastEdge = "exclusive"
) -> npt.NDArray[np.intp]:
    """Bin of each candidate, in the order of `hepnb.pid.tables.table_bins.rows_of`.

    Parameters
    ----------
    axes
        Axis name to edges.
    values
        Axis name to values, in the units of the edges, of shape (n,).
    last_edge
        Whether a value equal to the last edge of an axis is in the last bin.

    Returns
    -------
    ndarray of intp
        Shape (n,): a bin, `OUT_OF_RANGE`, or `NAN`, which comes first where both hold.
    """
    shape = next(iter(values.values())).shape
    found = np.zeros(shape, np.intp)
    outside, undefined = np.zeros(shape, bool), np.zeros(shape, bool)
    for name, edges in axes.items():
        column, bins = np.asarray(values[name], float), len(edges) - 1
        along = _along(column, edges)
        if last_edge == "inclusive":
            along[column == edges[-1]] = bins - 1
        undefined |= np.isnan(column)
        outside |= (along < 0) | (along >= bins)
        found *= bins
        found += along
    found[outside] = OUT_OF_RANGE
    found[undefined] = NAN
    return found


def _along(column: np.ndarray, edges: Sequence[float]) -> npt.NDArray[np.intp]:
    return np.searchsorted(np.asarray(edges, float), column, side="right") - 1
