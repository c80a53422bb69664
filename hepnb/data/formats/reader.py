"""What every reader does, whatever the format: check the request, name the fault."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from hepnb.errors import BadParameters, HepnbError, UnknownVariable, UnreadableFile, nearest

__all__ = ("Column", "Columns", "Reader", "as_column", "choose_table", "one_line")

Column = npt.NDArray[np.generic]
Columns = dict[str, Column]


def __dir__() -> tuple[str, ...]:
    return __all__


class Reader(ABC):
    """One table of one file: its columns, its entries, and any range of them.

    Only flat columns (a number, a boolean or a string per entry) are columns; others are listed in
    `skipped`. A reader may be shared by threads, not by processes.

    Attributes
    ----------
    path
        Path or URL of the file.
    columns
        Names of the columns that can be read, in the order of the file.
    skipped
        Columns that are not flat, each with what it holds.
    entries
        Number of entries of the table.
    """

    path: str
    columns: tuple[str, ...]
    skipped: dict[str, str]
    entries: int

    def read(self, columns: Sequence[str], start: int = 0, stop: int | None = None) -> Columns:
        """Read a range of entries of some columns.

        Parameters
        ----------
        columns
            Names; nothing else is read from the file.
        start, stop
            Range of entries, from `start` to `stop` exclusive; by default, all of them.

        Returns
        -------
        dict
            Name to array of shape (stop - start,), numeric in native byte order, bool, or object
            (of str). The type of a column does not depend on the range.

        Raises
        ------
        UnknownVariable
            If the table has no such flat column.
        BadParameters
            If the range is not within the table.
        UnreadableFile
            If the file is damaged where these entries are.
        """
        stop = self.entries if stop is None else stop
        if not 0 <= start <= stop <= self.entries:
            raise BadParameters(
                f"entries [{start}, {stop}) asked of {self.path!r}, which has {self.entries}"
            )
        for name in columns:
            if name not in self.columns:
                raise UnknownVariable(self._lacks(name))
        if not columns:
            return {}
        try:
            found = self._read(tuple(dict.fromkeys(columns)), start, stop)
        except (HepnbError, MemoryError):
            raise
        except Exception as error:
            raise UnreadableFile(
                f"{self.path!r} is damaged: entries [{start}, {stop}) cannot be read "
                f"({one_line(error)})"
            ) from error
        for name, column in found.items():
            if len(column) != stop - start:
                raise UnreadableFile(
                    f"{self.path!r} is damaged: entries [{start}, {stop}) of {name!r} hold "
                    f"{len(column)} values"
                )
        return {name: found[name] for name in columns}

    @abstractmethod
    def _read(self, columns: tuple[str, ...], start: int, stop: int) -> Columns: ...

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _lacks(self, name: str) -> str:
        if name in self.skipped:
            return (
                f"column {name!r} of {self.path!r} holds {self.skipped[name]}; only one number, "
                "boolean or string per entry can be read"
            )
        return f"{self.path!r} has no column {name!r}{nearest(name, self.columns)}"


def as_column(values: npt.ArrayLike) -> Column:
    """Array of shape (n,) in native byte order, strings as objects.

    Parameters
    ----------
    values
        Numbers, booleans, strings or bytes (taken as UTF-8).
    """
    column = np.asarray(values)
    if column.dtype.kind in "SU":
        column = column.astype(object)
    if column.dtype.kind == "O":
        text = [each.decode() if isinstance(each, bytes) else each for each in column]
        column = np.empty(len(text), dtype=object)
        column[:] = text
    return column.astype(column.dtype.newbyteorder("="), copy=False)


def choose_table(path: str, wanted: str | None, found: Iterable[str], what: str) -> str:
    """Name of the table to read: the one wanted, or the only one.

    Raises
    ------
    UnreadableFile
        If there is none, no such one, or several and none was wanted; the message lists them.
    """
    found = list(found)
    if not found:
        raise UnreadableFile(f"{path!r} holds no {what}")
    if wanted in found:
        return str(wanted)
    listed = ", ".join(found[:20]) + (", ..." if len(found) > 20 else "")
    if wanted:
        raise UnreadableFile(
            f"{path!r} has no {what} {wanted!r}; it has {listed}{nearest(wanted, found)}"
        )
    if len(found) > 1:
        raise UnreadableFile(f"{path!r} holds several tables: {listed}; say which as `tree`")
    return found[0]


def one_line(error: BaseException) -> str:
    """Type and first line of the message of an error of another library."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0].strip()}" if text else type(error).__name__
