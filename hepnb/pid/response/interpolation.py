"""Conditional distributions between the cells of a grid: cumulative values and quantiles.

Each cell of the kinematic grid has a distribution function over the bins of the PID variable.
Between the nodes of cells it is their multilinear mean, over those of the neighbours that are
known; within a bin it is linear. Nothing is allocated per candidate and bin: positions are found
by bisection, so that a million candidates take seconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ("GridAxis", "Mixture", "Neighbours", "neighbours")

Floats = npt.NDArray[np.float64]


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class GridAxis:
    """One kinematic axis of a template.

    Attributes
    ----------
    variable
        In the language of cuts.
    edges
        Of its cells, in the unit of the variable; cells are [lo, hi).
    nodes
        Where the distribution of each cell belongs: the mean of the variable in it.
    continuous
        Whether distributions vary smoothly along it. If not, as for the charge, every cell is by
        itself: nothing is smoothed or interpolated.
    """

    variable: str
    edges: tuple[float, ...]
    nodes: tuple[float, ...]
    continuous: bool = True

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.edges) - 1

    def find(self, values: Floats) -> npt.NDArray[np.intp]:
        """Cell of each value, -1 where it is outside or NaN."""
        cell = np.searchsorted(self.edges, values, side="right") - 1
        return np.where((cell < self.cells) & ~np.isnan(values), cell, -1)

    def between(
        self, values: Floats
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
        """Give the two cells whose nodes are around each value, and the share of the upper one.

        Beyond the outermost nodes both are the outermost cell.
        """
        position = np.interp(values, self.nodes, np.arange(self.cells))
        lower = position.astype(np.intp)
        upper = np.minimum(lower + 1, self.cells - 1)
        return lower, upper, (position - lower).astype(np.float32)


class Neighbours(NamedTuple):
    """Cells around each candidate: flat ``cells`` and their ``shares``, of shape (2^k, n)."""

    cells: npt.NDArray[np.intp]
    shares: npt.NDArray[np.float32]

    def mean(self, of_cells: Floats) -> Floats:
        """Mean of numbers of shape (cells, k) over the cells around, but for NaN; (n, k)."""
        values = of_cells[self.cells]
        share = self.shares[..., None] * ~np.isnan(values)
        total = share.sum(axis=0)
        found = (share * np.nan_to_num(values)).sum(axis=0)
        return np.asarray(np.divide(found, total, out=np.zeros_like(found), where=total > 0))


def neighbours(axes: Sequence[GridAxis], values: Sequence[Floats]) -> Neighbours:
    """Find the cells around candidates that are on the grid.

    Parameters
    ----------
    axes
        Of the grid, in order.
    values
        On each axis, of shape (n,), none of them outside.
    """
    sides: list[tuple[tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]], ...]] = []
    for axis, column in zip(axes, values, strict=True):
        if axis.continuous and axis.cells > 1:
            lower, upper, share = axis.between(column)
            sides.append(((lower, 1 - share), (upper, share)))
        else:
            sides.append(((axis.find(column), np.ones(1, np.float32)),))
    cells, shares = [], []
    for corner in itertools.product(*sides):
        flat, share = np.zeros(len(values[0]), np.intp), np.ones(len(values[0]), np.float32)
        for axis, (cell, part) in zip(axes, corner, strict=True):
            flat = flat * axis.cells + cell
            share = share * part
        cells.append(flat)
        shares.append(share)
    return Neighbours(np.array(cells), np.array(shares))


class Mixture:
    """Distribution functions of candidates, as means of those of the cells around them.

    Parameters
    ----------
    cdf
        Of each cell at the edges of the PID bins, of shape (cells, bins + 1); rows of an unknown
        cell are NaN.
    around
        Cells around each of n candidates.

    Attributes
    ----------
    known
        Whether any cell around a candidate is known, of shape (n,).
    """

    def __init__(self, cdf: npt.NDArray[np.float32], around: Neighbours) -> None:
        self._flat, self._stride = cdf.ravel(), cdf.shape[1]
        usable = ~np.isnan(cdf[:, 0])[around.cells]
        shares = np.where(usable, around.shares, np.float32(0))
        total = shares.sum(axis=0)
        self.known = total > 0
        self._shares = shares / np.where(self.known, total, 1)
        # cells without a share are read too: of these any that is known will do
        some = int(np.argmax(~np.isnan(cdf[:, 0])))
        self._start = np.where(usable, around.cells, some) * self._stride

    def at_edge(self, edge: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Distribution function at one edge for each candidate."""
        total = np.zeros(edge.shape, np.float32)
        for start, share in zip(self._start, self._shares, strict=True):
            total += share * self._flat[start + edge]
        return total

    def at(self, values: Floats, edges: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Distribution function at values within the edges, and where it does not rise there."""
        bin_ = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, self._stride - 2)
        low, high = self.at_edge(bin_).astype(float), self.at_edge(bin_ + 1).astype(float)
        within = (values - edges[bin_]) / (edges[bin_ + 1] - edges[bin_])
        return low + within * (high - low), high <= low

    def quantile(self, u: Floats, edges: Floats) -> Floats:
        """Value at which the distribution function is u, in [0, 1)."""
        low = np.zeros(u.shape, np.intp)
        high = np.full(u.shape, self._stride - 1)
        for _ in range(int(np.ceil(np.log2(self._stride - 1)))):
            middle = (low + high) // 2
            below = self.at_edge(middle) <= u
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        high = np.maximum(high, low + 1)
        first, last = self.at_edge(low).astype(float), self.at_edge(high).astype(float)
        within = np.divide(u - first, last - first, out=np.full(u.shape, 0.5), where=last > first)
        return np.asarray(edges[low] + np.clip(within, 0, 1) * (edges[high] - edges[low]))
