"""CSV files, through pyarrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from hepnb.data.formats.reader import Columns, Reader, as_column, one_line
from hepnb.errors import UnreadableFile

__all__ = ("CsvReader",)

_PIECE_BYTES = 1 << 21
_DELIMITERS = ",;\t"


def __dir__() -> tuple[str, ...]:
    return __all__


class CsvReader(Reader):
    """Rows of a text file with a header line.

    Text has no random access, so the file is read through once when it is opened: to find where
    pieces of about 2 MB begin, and of which type each column is in all of them. Numbers are
    rounded correctly, to the last bit. A field left empty (or NaN, NA, null) is NaN.

    Parameters
    ----------
    path
        Path of the file. Fields are separated by commas, semicolons or tabs, whichever the header
        has most of; a quoted field may hold the separator, but no line break.

    Raises
    ------
    UnreadableFile
        If it is no text, lines differ in their number of fields, or column names repeat.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.skipped = {}
        self._pieces: list[tuple[int, int]] = []
        self._firsts = [0]
        self._kinds: dict[str, str] = {}
        with Path(path).open("rb") as file:
            header = file.readline()
            self.columns, self._delimiter = _header(path, header)
            position = len(header)
            for piece in _pieces(file):
                if piece.strip():
                    self._study(piece, position)
                position += len(piece)
        self.entries = self._firsts[-1]

    def _study(self, piece: bytes, position: int) -> None:
        """Note where a piece begins, how many rows it has and what its columns hold."""
        table = self._parse(piece, position, self.columns, {})
        self._pieces.append((position, len(piece)))
        self._firsts.append(self._firsts[-1] + table.num_rows)
        for name in self.columns:
            kind = _kind(table.column(name))
            self._kinds[name] = _common(self._kinds.get(name, kind), kind)

    def _read(self, columns: tuple[str, ...], start: int, stop: int) -> Columns:
        import pyarrow as pa

        types = {
            each: _ARROW_TYPES.get(self._kinds.get(each, "empty"), "string") for each in columns
        }
        tables = [pa.table({each: pa.array([], kind) for each, kind in types.items()})]
        with Path(self.path).open("rb") as file:
            for first, next_first, (position, size) in zip(
                self._firsts, self._firsts[1:], self._pieces, strict=False
            ):
                if first < stop and start < next_first:
                    file.seek(position)
                    table = self._parse(file.read(size), position, columns, types)
                    if table.num_rows != next_first - first:
                        raise UnreadableFile(f"{self.path!r} has changed while it was read")
                    low = max(start - first, 0)
                    tables.append(table.slice(low, min(stop, next_first) - first - low))
        table = pa.concat_tables(tables)
        return {each: as_column(table.column(each).to_numpy()) for each in columns}

    def _parse(
        self, piece: bytes, position: int, columns: tuple[str, ...], types: dict[str, str]
    ) -> Any:
        from pyarrow import ArrowException, py_buffer
        from pyarrow import csv as arrow_csv

        try:
            return arrow_csv.read_csv(
                py_buffer(piece),
                read_options=arrow_csv.ReadOptions(
                    use_threads=False, column_names=self.columns, block_size=len(piece) + 1
                ),
                parse_options=arrow_csv.ParseOptions(delimiter=self._delimiter),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=columns, column_types=types
                ),
            )
        except ArrowException as error:
            raise UnreadableFile(
                f"{self.path!r} is not a valid CSV file: within {len(piece)} bytes from byte "
                f"{position}, {one_line(error)}"
            ) from error

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""


# a date is no number: it stays the text that it is
_ARROW_TYPES = {"empty": "float64", "int": "int64", "float": "float64", "bool": "bool"}


def _kind(column: Any) -> str:
    """Kind of the values of a piece of a column."""
    from pyarrow import types

    kind, missing = column.type, column.null_count > 0
    if types.is_null(kind):
        return "empty"
    if types.is_integer(kind):
        return "float" if missing else "int"
    if types.is_floating(kind):
        return "float"
    return "bool" if types.is_boolean(kind) and not missing else "text"


def _common(first: str, second: str) -> str:
    """Kind that can hold the values of both."""
    if first == second:
        return first
    return "float" if {first, second} <= {"empty", "int", "float"} else "text"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Parts of the file that end with a line."""
    while piece := file.read(_PIECE_BYTES):
        yield piece + file.readline()


def _header(path: str, line: bytes) -> tuple[tuple[str, ...], str]:
    """Column names and the character between them."""
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path!r} is not a CSV file: its first line is no text") from error
    delimiter = max(_DELIMITERS, key=text.count)
    given = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
    # the index that pandas writes has no name
    names = tuple(name.strip() or f"unnamed_{i}" for i, name in enumerate(given))
    if "\0" in text or not names or len(set(names)) < len(names):
        raise UnreadableFile(
            f"{path!r} has no header line with a name of its own for each column: "
            f"{text[:60].rstrip()!r}"
        )
    return names, delimiter
