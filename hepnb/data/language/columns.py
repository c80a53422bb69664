"""Take columns out of a mapping or a DataFrame as arrays of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hepnb.errors import BadVariable, UnknownVariable, nearest

__all__ = ("rows_of", "take")

_FLOAT = np.dtype(np.float64)


def __dir__() -> tuple[str, ...]:
    return __all__


def rows_of(columns: Mapping[str, Any]) -> int:
    """Give the number of rows."""
    name = next(iter(columns), None)
    return 0 if name is None else len(columns[name])


def take(columns: Mapping[str, Any], name: str) -> npt.NDArray[Any]:
    """Take one column as a one-dimensional array of floats, integers or booleans.

    What pandas and numpy know as missing becomes NaN.

    Raises
    ------
    UnknownVariable
        When there is no such column.
    BadVariable
        When it holds anything but one number per row.
    """
    try:
        values = columns[name]
    except KeyError:
        hint = nearest(name, map(str, columns))
        raise UnknownVariable(f"column {name!r} is not among those given{hint}") from None
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(_FLOAT), np.nan)
    array = np.asarray(values)
    if array.ndim != 1:
        raise BadVariable(f"column {name!r} has {array.ndim} dimensions, not one number per row")
    if array.dtype.kind == "O":
        array = _from_objects(values, array)
    if array.dtype.kind not in "biuf":
        what = "text" if array.dtype.kind in "UST" else f"of type {array.dtype}"
        raise BadVariable(f"column {name!r} is {what}: give it number codes in the catalogue")
    return array


def _from_objects(values: Any, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Read pandas' nullable types, and Python numbers kept as objects."""
    if any(isinstance(each, str | bytes) for each in array):
        return array.astype(str)  # "1.5" would pass for a number: a text column never does
    try:
        if hasattr(values, "to_numpy"):
            return np.asarray(values.to_numpy(dtype=_FLOAT, na_value=np.nan))
        return array.astype(_FLOAT)
    except (TypeError, ValueError):
        return array
