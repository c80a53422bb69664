"""Evaluate a bound expression over columns, quickly and in bounded memory.

An expression becomes a flat program: a list of steps, each a numpy function from registers to a
register. Columns go through it in blocks that fit into the processor's cache, so that a column is
fetched from memory once however many steps read it, and into buffers that are used again and
again. A column is searched for NaN only from the first block on whose maximum is NaN (numpy's
maximum passes NaN on), so that counting undecided candidates costs one quick look at data that
are in the cache anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hepnb.data.language.columns import rows_of, take
from hepnb.errors import BadVariable

__all__ = ("BLOCK", "DECIDING", "Program", "Step", "as_float", "different", "nonzero")

BLOCK = 65_536  # rows: half a megabyte of a column, which the second-level cache of any core holds

Array = npt.NDArray[Any]
_FLOAT = np.dtype(np.float64)


def __dir__() -> tuple[str, ...]:
    return __all__


def different(left: Any, right: Any, out: Array | None = None) -> Any:
    """`left != right`, yet False where either is NaN, as every comparison is."""
    return np.logical_or(np.less(left, right, out), np.greater(left, right), out)


def nonzero(value: Any, out: Array | None = None) -> Any:
    """Truth of a bare variable: any number but 0; NaN is False."""
    return value if value.dtype.kind == "b" else different(value, 0, out)


def as_float(value: Any, out: Array | None = None) -> Any:
    """Give the same value in double precision; without copying what has it already."""
    if value.dtype == _FLOAT:
        return value
    if out is None:
        return np.float64(value)
    np.copyto(out, value)
    return out


DECIDING: frozenset[Callable[..., Any]] = frozenset(
    {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, different, nonzero}
)
"""The functions in which a candidate is decided: NaN among their inputs is counted."""


class Step(NamedTuple):
    """One step of a program.

    Attributes
    ----------
    function
        Takes inputs and the buffer for its outcome; None notes where the target is NaN.
    target
        Register for the outcome, which is the buffer or a column.
    gather
        Takes inputs and buffer out of the registers.
    """

    function: Callable[..., Any] | None
    target: int
    gather: Callable[[list[Any]], tuple[Any, ...]]


@dataclass(frozen=True)
class Program:
    """A bound expression, ready to run. Holds no data; may be pickled.

    Its registers are, in this order: columns, constants, values, and the buffers of the values.

    Attributes
    ----------
    columns
        Names of the physical columns needed.
    constants
        Values of constants.
    buffers
        Type of each buffer; there are as many values.
    steps
        What is done to the registers.
    result
        Register that holds the outcome.
    dtype
        Of the outcome: float64 or bool.
    undecidable
        A constant operand of a comparison is NaN, so that no candidate can be decided.
    """

    columns: tuple[str, ...]
    constants: tuple[Any, ...]
    buffers: tuple[np.dtype[Any], ...]
    steps: tuple[Step, ...]
    result: int
    dtype: np.dtype[Any]
    undecidable: bool

    def run(self, columns: Mapping[str, Any]) -> tuple[Array, int]:
        """Evaluate over columns.

        Parameters
        ----------
        columns
            Equal-length 1-d arrays by name; more than needed is fine.

        Returns
        -------
        outcome, undecided
            Array of shape (rows,), and the number of rows for which a comparison met NaN.

        Raises
        ------
        UnknownVariable
            When a column needed is not there.
        BadVariable
            When a column is not a one-dimensional array of numbers, lengths differ, or a plug-in
            fails.
        """
        arrays = [take(columns, name) for name in self.columns]
        rows = len(arrays[0]) if arrays else rows_of(columns)
        for name, array in zip(self.columns, arrays, strict=True):
            if len(array) != rows:
                first = self.columns[0]
                raise BadVariable(
                    f"columns differ in length: {first!r} has {rows} rows, {name!r} {len(array)}"
                )
        outcome = np.empty(rows, dtype=self.dtype)
        buffers = [np.empty(min(rows, BLOCK), dtype) for dtype in self.buffers]
        others = [*self.constants, *[None] * len(buffers)]
        given, undecided = len(arrays) + len(self.constants), 0
        with_nan: set[int] = set()
        with np.errstate(all="ignore"):  # 0/0 and log(-1) are NaN, which is counted instead
            for start in range(0, rows, BLOCK):
                stop = min(start + BLOCK, rows)
                registers = [array[start:stop] for array in arrays]
                registers += others
                registers += [buffer[: stop - start] for buffer in buffers]
                part = outcome[start:stop]
                if self.result >= given:  # let the last step write straight into the outcome
                    registers[self.result + len(buffers)] = part
                undecided += self._block(registers, with_nan)
                if registers[self.result] is not part:
                    part[:] = registers[self.result]
        return outcome, rows if self.undecidable else undecided

    def _block(self, registers: list[Any], with_nan: set[int]) -> int:
        """Run all steps; `with_nan` remembers, from block to block, the looks that found NaN."""
        undecided: Array | None = None
        for number, (function, target, gather) in enumerate(self.steps):
            if function is not None:
                registers[target] = function(*gather(registers))
                continue
            value = registers[target]
            if value.dtype.kind != "f":
                continue
            if number not in with_nan:
                largest = np.maximum.reduce(value)
                if largest == largest:  # noqa: PLR0124 -- no NaN, at a tenth of the cost of isnan
                    continue
                with_nan.add(number)
            missing = np.not_equal(value, value)  # as isnan, in two thirds of the time
            undecided = missing if undecided is None else np.logical_or(undecided, missing)
        return 0 if undecided is None else int(np.count_nonzero(undecided))
