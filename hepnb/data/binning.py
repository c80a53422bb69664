"""Binnings: checked before anything is read, and looked up fast in any number of dimensions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hepnb.errors import BadParameters

__all__ = ("Axis", "Edges", "Grid", "check_edges", "make_grids")

Edges = Sequence[float]

# up to here one comparison per edge is faster than a binary search, which mispredicts branches
_FEW_EDGES = 64


def __dir__() -> tuple[str, ...]:
    return __all__


def check_edges(edges: Any, what: str) -> tuple[float, ...]:
    """Give edges as floats if they can be the edges of an axis.

    Raises
    ------
    BadParameters
        Unless they are at least two finite, strictly increasing numbers.
    """
    try:
        numbers = np.asarray([] if isinstance(edges, str) else edges, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.ndim != 1 or len(numbers) < 2:
        raise BadParameters(f"edges of {what} are {edges!r}; give at least two numbers")
    if not np.isfinite(numbers).all():
        raise BadParameters(f"edges of {what} must be finite; found {edges!r}")
    falls = np.flatnonzero(np.diff(numbers) <= 0)
    if len(falls):
        low, high = numbers[falls[0] : falls[0] + 2]
        raise BadParameters(
            f"edges of {what} must increase; {high:g} (number {falls[0] + 2}) follows {low:g}"
        )
    return tuple(numbers.tolist())


@dataclass(frozen=True)
class Axis:
    """One axis: a variable and its edges.

    Attributes
    ----------
    variable
        In the language of cuts.
    edges
        Shape (bins + 1,).
    """

    variable: str
    edges: tuple[float, ...]

    def digitise(self, values: np.ndarray) -> np.ndarray:
        """Bin of each value: 0 below the range, 1 for the first bin, ``len(edges)`` above it.

        Bins are [lo, hi), so that the last edge is above the range; NaN gives any number.
        """
        if len(self.edges) > _FEW_EDGES:
            return np.searchsorted(self.edges, values, side="right")
        found = np.zeros(len(values), dtype=np.int8)
        for edge in self.edges:
            found += values >= edge
        return found


@dataclass(frozen=True)
class Grid:
    """A binning in several dimensions as a flat array of cells.

    Cell 0 takes what belongs to no bin at all; from 1 on follow the bins, each axis with its
    underflow and overflow, the last axis varying fastest.
    """

    name: str
    axes: tuple[Axis, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Bins of each axis, with its underflow and overflow."""
        return tuple(len(axis.edges) + 1 for axis in self.axes)

    @cached_property
    def cells(self) -> int:
        """Number of cells, cell 0 included."""
        return 1 + math.prod(self.shape)

    @cached_property
    def inside(self) -> np.ndarray:
        """Which cells are bins within the range of every axis: bool of shape (cells,)."""
        inner = np.zeros(self.shape, dtype=bool)
        inner[(slice(1, -1),) * len(self.shape)] = True
        return np.concatenate(([False], inner.ravel()))

    def locate(self, digits: Mapping[Axis, np.ndarray], missing: np.ndarray) -> np.ndarray:
        """Cell of each candidate, of shape (n,).

        Parameters
        ----------
        digits
            Of each axis, as `Axis.digitise` gives them.
        missing
            Candidates of cell 0, for want of a number on some axis: bool of shape (n,).
        """
        cell = np.ones(len(missing), dtype=np.intp)
        stride = 1
        for axis, size in zip(reversed(self.axes), reversed(self.shape), strict=True):
            cell += np.multiply(digits[axis], stride, dtype=np.intp)
            stride *= size
        if missing.any():
            cell[missing] = 0
        return cell


def make_grids(
    binnings: Mapping[str, Mapping[str, Edges]] | Mapping[str, Edges],
) -> dict[str, Grid]:
    """Check one binning, or several by name.

    Parameters
    ----------
    binnings
        Variable to edges, or name to such a mapping. One without a name is called after its
        variables: ``"p, cosTheta"``.

    Raises
    ------
    BadParameters
        If there is none, or edges are not finite and strictly increasing.
    """
    nested = {name: isinstance(each, Mapping) for name, each in binnings.items()}
    if any(nested.values()) and not all(nested.values()):
        flat = [name for name, each in nested.items() if not each]
        raise BadParameters(f"binnings mix names and variables: {flat[0]!r} holds no axes")
    named: Any = binnings if any(nested.values()) else {", ".join(map(str, binnings)): binnings}
    grids = {}
    for name, axes in named.items():
        if not axes:
            raise BadParameters(f"binning {name!r} has no axis; give a variable and its edges")
        checked = [
            Axis(str(variable), check_edges(edges, f"axis {variable!r}"))
            for variable, edges in axes.items()
        ]
        grids[str(name)] = Grid(str(name), tuple(checked))
    return grids
