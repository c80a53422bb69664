"""Bins of a plane merged into cells that are well filled and never half hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepnb.background.two_dimensions.spectrum import Spectrum2D

__all__ = ("Cells", "merged_cells")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Merged bins.

    Attributes
    ----------
    x_starts, y_starts
        First bin of each slice of x, shape (kx,), and of y.
    x_edges, y_edges
        Ends of the slices, shapes (kx + 1,) and (ky + 1,).
    visible
        Which cells may be seen, shape (kx, ky); each is visible or hidden as a whole.
    """

    x_starts: NDArray[np.intp]
    y_starts: NDArray[np.intp]
    x_edges: Floats
    y_edges: Floats
    visible: NDArray[np.bool_]

    def sums(self, values: Floats) -> Floats:
        """Sum values of bins, shape (..., nx, ny), in each cell: shape (..., kx, ky)."""
        rows = np.add.reduceat(values, self.x_starts, axis=-2)
        return np.asarray(np.add.reduceat(rows, self.y_starts, axis=-1))


def merged_cells(spectrum: Spectrum2D, *, per_cell: float, most: int) -> Cells:
    """Slice both masses so that slices hold about as many candidates each.

    Ends of hidden windows are ends of slices.

    Parameters
    ----------
    spectrum
        The data; their projections decide, not where in the plane they are.
    per_cell
        Candidates per cell, about.
    most
        Slices of each mass, at most; never fewer than 2.

    Returns
    -------
    Cells
    """
    number = int(np.clip(np.sqrt(spectrum.total / per_cell), 2, most))
    x = _starts(spectrum.visible, spectrum.counts.sum(axis=1), number)
    y = _starts(spectrum.visible.T, spectrum.counts.sum(axis=0), number)
    return Cells(
        x_starts=x,
        y_starts=y,
        x_edges=np.append(spectrum.x_edges[x], spectrum.x_edges[-1]),
        y_edges=np.append(spectrum.y_edges[y], spectrum.y_edges[-1]),
        visible=spectrum.visible[np.ix_(x, y)],
    )


def _starts(visible: NDArray[np.bool_], content: Floats, number: int) -> NDArray[np.intp]:
    # stretches of bins beside which the same is hidden
    changes = np.flatnonzero((visible[1:] != visible[:-1]).any(axis=1)) + 1
    begins, stops = np.append(0, changes), np.append(changes, len(content))
    starts: list[int] = []
    for begin, stop in zip(begins, stops, strict=True):
        sum_so_far = np.cumsum(content[begin:stop])
        parts = max(1, round(number * sum_so_far[-1] / max(content.sum(), 1.0)))
        wanted = sum_so_far[-1] * np.arange(1, parts) / parts
        inner = begin + 1 + np.searchsorted(sum_so_far, wanted)
        starts += [int(begin), *(int(each) for each in np.unique(inner) if begin < each < stop)]
    return np.asarray(starts, dtype=np.intp)
