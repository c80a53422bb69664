"""The sums over one block of candidates, for every cut, precut, weight and binning at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from hepnb.data.binning import Axis, Grid
from hepnb.data.chunks import Block, Source
from hepnb.data.derived import ColumnRecipe
from hepnb.data.formats.reader import Columns

if TYPE_CHECKING:
    from hepnb.data.expressions import BoundExpression

__all__ = ("Filling", "Place", "Sums")

Place = tuple[str, str, str | None]
"""Names of binning, precut and weight."""

_KEPT = 31 << 20  # the largest block that has this effect is 32 MiB (mallopt(3), M_MMAP_THRESHOLD)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass
class Sums:
    """What is added up, in double precision, and what is counted.

    The sum of w is kept as the real part of a complex number and that of w^2 as the imaginary
    part: one pass of numpy then makes both, for two thirds of the cost of two.
    """

    weighted: dict[Place, np.ndarray]  # complex: (1 + cuts, cells), all candidates first
    seen: dict[Place, np.ndarray]  # candidates with a finite weight, and without: (2, cells)
    passed: dict[str, np.ndarray]  # by precut: read, undecided, passed, then undecided by cut

    def add(self, other: Sums) -> None:
        """Add the sums of the block that follows."""
        for place, array in other.weighted.items():
            self.weighted[place] += array
            self.seen[place] += other.seen[place]
        for precut, numbers in other.passed.items():
            self.passed[precut] += numbers


@dataclass(frozen=True)
class Filling:
    """The work on one block, ready to be sent to another process."""

    source: Source
    recipe: ColumnRecipe
    grids: tuple[Grid, ...]
    variables: Mapping[str, BoundExpression]
    cuts: tuple[BoundExpression, ...]
    precuts: Mapping[str, BoundExpression | None]
    weights: Mapping[str | None, BoundExpression | None]
    chunk_size: int

    def nothing(self) -> Sums:
        """Start with the sums over no candidate."""
        cells = {grid.name: grid.cells for grid in self.grids}
        places = list(product(cells, self.precuts, self.weights))
        rows = 1 + len(self.cuts)
        return Sums(
            {place: np.zeros((rows, cells[place[0]]), dtype=complex) for place in places},
            {place: np.zeros((2, cells[place[0]]), dtype=np.int64) for place in places},
            {precut: np.zeros(2 + rows, dtype=np.int64) for precut in self.precuts},
        )

    def __call__(self, block: Block) -> Sums:
        """Sum over a block, in the order of its entries whatever the size of the chunks."""
        # glibc hands freed memory back to the system, so that the arrays of every chunk cost page
        # faults again, a fifth of all CPU time; freeing one large block makes it keep some 60 MB
        np.empty(_KEPT, dtype=np.uint8)
        sums = self.nothing()
        for piece in block.split(self.chunk_size):
            self._add(self.recipe.read(self.source, piece), sums)
        return sums

    def _add(self, columns: Columns, sums: Sums) -> None:
        rows = len(next(iter(columns.values())))
        located = dict(self._locate(columns))
        for precut, bound in self.precuts.items():
            chosen, cells, undecided = columns, located, 0
            if bound is not None:
                mask, undecided = bound.mask_counting(columns)
                chosen = {name: column[mask] for name, column in columns.items()}
                cells = {name: cell[mask] for name, cell in located.items()}
            decided = [cut.mask_counting(chosen) for cut in self.cuts]
            passed = len(next(iter(chosen.values())))
            sums.passed[precut] += [rows, undecided, passed, *(number for _, number in decided)]
            self._add_weights(chosen, cells, [mask for mask, _ in decided], precut, sums)

    def _locate(self, columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
        values = {each: _floats(bound, columns) for each, bound in self.variables.items()}
        missing = {each: np.isnan(column) for each, column in values.items()}
        digits: dict[Axis, np.ndarray] = {}
        for grid in self.grids:
            nowhere = np.zeros(len(next(iter(columns.values()))), dtype=bool)
            for axis in grid.axes:
                if axis not in digits:
                    digits[axis] = axis.digitise(values[axis.variable])
                nowhere |= missing[axis.variable]
            yield grid.name, grid.locate(digits, nowhere)

    def _add_weights(
        self,
        columns: Columns,
        cells: Mapping[str, np.ndarray],
        masks: Sequence[np.ndarray],
        precut: str,
        sums: Sums,
    ) -> None:
        for weight, bound in self.weights.items():
            terms, finite = None, None
            if bound is not None:
                values = _floats(bound, columns)
                finite = np.isfinite(values)
                if finite.all():
                    finite = None
                else:  # adds nothing wherever the candidate belongs
                    values = np.where(finite, values, 0.0)
                terms = np.empty(len(values), dtype=complex)
                terms.real = values
                np.multiply(values, values, out=terms.imag)
            for name, cell in cells.items():
                place = (name, precut, weight)
                size = sums.seen[place].shape[1]
                known = cell if finite is None else cell[finite]
                sums.seen[place][0] += np.bincount(known, minlength=size)
                if finite is not None:
                    sums.seen[place][1] += np.bincount(cell[~finite], minlength=size)
                _add_cuts(sums.weighted[place], cell, masks, terms)


def _add_cuts(
    total: np.ndarray,
    cell: np.ndarray,
    masks: Sequence[np.ndarray],
    terms: np.ndarray | None,
) -> None:
    """Add candidates to the sums of (1 + cuts, cells); those that fail a cut go to cell 0."""
    for row in range(1 + len(masks)):
        where = cell if row == 0 else cell * masks[row - 1]
        if terms is None:
            total[row] += (1 + 1j) * np.bincount(where, minlength=total.shape[1])
        else:
            # as fast as bincount, and goes on from the sum of the chunk before, term by term
            np.add.at(total[row], where, terms)


def _floats(bound: BoundExpression, columns: Columns) -> np.ndarray:
    return bound.evaluate(columns).astype(np.float64, copy=False)
