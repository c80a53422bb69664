"""Columns made while reading, in the order in which they can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepnb.data.chunks import Block, Source
from hepnb.data.formats.reader import Columns
from hepnb.errors import BadParameters, BadVariable

if TYPE_CHECKING:
    from hepnb.data.expressions import BoundExpression

__all__ = ("ColumnRecipe", "DerivedColumn", "DerivedStep", "make_recipe")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class DerivedColumn:
    """A column made from others while reading, such as sWeights from the mass.

    Attributes
    ----------
    dependencies
        Names (or expressions) that the function needs; they resolve as in any cut on the sample.
    function
        Takes a mapping from each dependency, as written, to an array of shape (n,) and gives an
        array of shape (n,). It must treat candidates one by one: it sees a chunk at a time.
    """

    dependencies: tuple[str, ...]
    function: Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class DerivedStep:
    """How one derived column is made: its arguments are evaluated, then its function is called."""

    name: str
    arguments: Mapping[str, BoundExpression]
    function: Callable[[Mapping[str, np.ndarray]], np.ndarray]

    def make(self, columns: Columns) -> np.ndarray:
        """Make the column.

        Raises
        ------
        BadVariable
            If the function does not give one value per candidate.
        """
        arguments = {text: each.evaluate(columns) for text, each in self.arguments.items()}
        made = np.asarray(self.function(arguments))
        expected = (len(next(iter(columns.values()), ())),)
        if made.shape != expected:
            raise BadVariable(
                f"derived column {self.name!r} has shape {made.shape} where its function was "
                f"given arrays of shape {expected}; it must give one value per candidate"
            )
        return made


@dataclass(frozen=True)
class ColumnRecipe:
    """Branches to read, string codes to apply, and columns to derive, in this order."""

    branches: tuple[str, ...]
    steps: tuple[DerivedStep, ...]
    codes: Mapping[str, Mapping[str, float]]

    def read(self, source: Source, block: Block) -> Columns:
        """Read a block and complete it: name to array of shape (entries,)."""
        columns = source.read(self.branches, block)
        for name, numbers in self.codes.items():
            if name in columns and columns[name].dtype.kind == "O":
                columns[name] = _numbers(columns[name], numbers)
        for step in self.steps:
            columns[step.name] = step.make(columns)
        return columns


def _numbers(column: np.ndarray, codes: Mapping[str, float]) -> np.ndarray:
    found = (codes.get(each, np.nan) for each in column)
    return np.fromiter(found, dtype=np.float64, count=len(column))


def make_recipe(
    bound: Iterable[BoundExpression],
    derived: Mapping[str, DerivedColumn],
    codes: Mapping[str, Mapping[str, float]],
    bind: Callable[[str], BoundExpression],
) -> ColumnRecipe:
    """Find out what bound expressions need.

    Parameters
    ----------
    bound
        The expressions.
    derived, codes
        As in `Sample`.
    bind
        Binds a dependency of a derived column.

    Raises
    ------
    BadParameters
        If derived columns depend on each other.
    """
    branches: set[str] = set()
    steps: dict[str, DerivedStep] = {}

    def need(names: Iterable[str], above: tuple[str, ...]) -> None:
        for name in names:
            if name not in derived:
                branches.add(name)
            elif name in above:
                chain = " -> ".join((*above, name))
                raise BadParameters(f"derived columns depend on each other: {chain}")
            elif name not in steps:
                column = derived[name]
                arguments = {each: bind(each) for each in column.dependencies}
                for argument in arguments.values():
                    need(argument.columns, (*above, name))
                steps[name] = DerivedStep(name, arguments, column.function)

    for expression in bound:
        need(expression.columns, ())
    return ColumnRecipe(tuple(sorted(branches)), tuple(steps.values()), dict(codes))
