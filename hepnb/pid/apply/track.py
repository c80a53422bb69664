"""One particle of a candidate: its variables, its tables, and the weight of each table bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from hepnb.errors import BadTable
from hepnb.pid.apply.coverage import CAUSES
from hepnb.pid.apply.factors import Requirement, Variation, bin_weights, replicas_of
from hepnb.pid.apply.lookup import NAN, OUT_OF_RANGE, LastEdge, find_bins
from hepnb.pid.apply.species_tables import SpeciesTables
from hepnb.pid.tables.table_bins import Axes

if TYPE_CHECKING:
    from hepnb.data.expressions import BoundExpression

__all__ = ("Block", "Located", "Track", "Variables", "table_blocks")

IN_TABLE = -1
_SIDES: Mapping[Requirement, tuple[Literal["pass", "fail"], ...]] = {
    "pass": ("pass",),
    "fail": ("fail",),
    "cut": ("pass", "fail"),
}


def __dir__() -> tuple[str, ...]:
    return __all__


class Located(NamedTuple):
    """Where the tracks of a chunk are, each of shape (n,).

    ``rows`` of the weights of the particle, the last of which is the default; ``causes``, index in
    `hepnb.pid.apply.coverage.CAUSES` or -1 for tracks in a table; ``values`` on each axis; and the
    number of tracks whose requirement is ``undecided``.
    """

    rows: npt.NDArray[np.intp]
    causes: npt.NDArray[np.int8]
    values: Mapping[str, np.ndarray]
    undecided: int


@dataclass(frozen=True)
class Block:
    """Rows of one table among the weights of a particle.

    Attributes
    ----------
    species
        (|reco|, |true|).
    axes
        Of the table.
    start, bins
        First row, and number of bins.
    cut
        Requirement of the table.
    """

    species: tuple[int, int]
    axes: Axes
    start: int
    bins: int
    cut: str


@dataclass(frozen=True)
class Variables:
    """What is read of a particle.

    Attributes
    ----------
    truth, hypothesis
        PDG codes; no hypothesis where it is the same for all.
    axes
        Every axis of its tables.
    cuts
        Requirement of its tables, where they are evaluated.
    """

    truth: BoundExpression
    hypothesis: BoundExpression | None
    axes: Mapping[str, BoundExpression]
    cuts: Mapping[str, BoundExpression]

    @property
    def all(self) -> Sequence[BoundExpression]:
        """Every expression."""
        own = [self.truth, *([self.hypothesis] if self.hypothesis else [])]
        return [*own, *self.axes.values(), *self.cuts.values()]


@dataclass(frozen=True)
class Track:
    """One particle of a candidate, ready to be looked up.

    Attributes
    ----------
    name
        Prefix of its columns.
    hypothesis
        |PDG| that it was reconstructed as, or None if a column says so.
    variables
        What is read of it.
    blocks
        Its tables.
    requirement
        ``"pass"``, ``"fail"`` or ``"cut"``.
    nominal, replicas
        Weights, of shapes (rows,) and (replicas, rows); the last row is the default.
    last_edge
        See `find_bins`.
    """

    name: str
    hypothesis: int | None
    variables: Variables
    blocks: tuple[Block, ...]
    requirement: Requirement
    nominal: npt.NDArray[np.float64]
    replicas: npt.NDArray[np.float32]
    last_edge: LastEdge

    def locate(self, columns: Mapping[str, np.ndarray]) -> Located:
        """Row of the weights for each track of a chunk, and why some have the default."""
        truth = np.abs(self.variables.truth.evaluate(columns))
        reco = self._hypotheses(columns, truth.shape)
        values = {name: each.evaluate(columns) for name, each in self.variables.axes.items()}
        rows = np.full(truth.shape, len(self.nominal) - 1)
        causes = np.full(truth.shape, CAUSES.index("wrong_truth"), np.int8)
        causes[np.isnan(truth) | np.isnan(reco)] = CAUSES.index("nan")
        decisions = {
            text: each.mask_counting(columns) for text, each in self.variables.cuts.items()
        }
        for block in self.blocks:
            mine = np.flatnonzero((reco == block.species[0]) & (truth == block.species[1]))
            where = {name: values[name][mine] for name in block.axes}
            found = find_bins(block.axes, where, last_edge=self.last_edge)
            cause = np.full(found.shape, IN_TABLE, np.int8)
            cause[found == NAN] = CAUSES.index("nan")
            cause[found == OUT_OF_RANGE] = CAUSES.index("out_of_range")
            inside = np.flatnonzero(found >= 0)
            row = block.start + found[inside]
            if decisions:
                row += np.where(decisions[block.cut][0][mine[inside]], 0, block.bins)
            good = np.isfinite(self.nominal[row])
            cause[inside[~good]] = CAUSES.index("bad_bin")
            rows[mine[inside[good]]] = row[good]
            causes[mine] = cause
        return Located(rows, causes, values, sum(each[1] for each in decisions.values()))

    def _hypotheses(self, columns: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        if self.variables.hypothesis is None:
            return np.full(shape, float(self.hypothesis or 0))
        return np.asarray(np.abs(self.variables.hypothesis.evaluate(columns)))


def table_blocks(
    tables: SpeciesTables, requirement: Requirement, variation: Variation, default: float
) -> tuple[tuple[Block, ...], npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """Lay the weights of several tables out in rows, with the default as the last one.

    Returns
    -------
    (tuple of Block, ndarray, ndarray)
        Where each table is, and the weights of shapes (rows,) and (replicas, rows). Of
        requirement ``"cut"`` each table has two sets: of tracks that pass, then of those that fail.
    """
    blocks, nominal, replicas, start = [], [], [], 0
    for species, table in tables.items():
        bins = len(table.frame)
        if requirement == "cut" and not table.cut.strip():
            message = f"table for {species} does not say its requirement; choose 'pass' or 'fail'"
            raise BadTable(message)
        blocks.append(Block(species, table.axes, start, bins, table.cut))
        for side in _SIDES[requirement]:
            weights = bin_weights(table, side)
            nominal.append(weights.nominal)
            replicas.append(replicas_of(table, weights, variation, species))
        start += bins * len(_SIDES[requirement])
    nominal.append(np.array([default]))
    replicas.append(np.full((variation.replicas, 1), default))
    made = np.ascontiguousarray(np.concatenate(replicas, axis=1), np.float32)
    return tuple(blocks), np.concatenate(nominal), made
