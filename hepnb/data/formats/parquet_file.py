"""Parquet files, through pyarrow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from hepnb.data.formats.reader import Columns, Reader, as_column, one_line
from hepnb.errors import UnreadableFile

__all__ = ("ParquetReader",)

# rows decoded at a time within a row group, which may be as large as the file
_BATCH = 65_536
_BUFFER_BYTES = 1 << 20


def __dir__() -> tuple[str, ...]:
    return __all__


class ParquetReader(Reader):
    """Rows of a Parquet file.

    A row group can only be decoded from its start, so the reader keeps its place: ranges asked for
    in order cost one pass over the file. Integers and booleans of a column with missing values
    become float64 in every range, with NaN where missing.

    Parameters
    ----------
    path
        Path of the file.

    Raises
    ------
    UnreadableFile
        If the file is truncated or not a Parquet file.
    """

    def __init__(self, path: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = path
        try:
            self._file = pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFile(
                f"{path!r} is truncated or not a Parquet file ({one_line(error)})"
            ) from error
        metadata = self._file.metadata
        self.entries = int(metadata.num_rows)
        self.skipped = {}
        self._types: dict[str, Any] = {}
        for field in self._file.schema_arrow:
            kind = _flat_type(field.type)
            if kind is None:
                self.skipped[field.name] = str(field.type)
            else:
                self._types[field.name] = kind
        self.columns = tuple(self._types)
        for name in _with_missing(metadata, self.columns):
            if not pa.types.is_large_string(self._types[name]):
                self._types[name] = pa.float64()
        self._first_rows = [0]
        for group in range(metadata.num_row_groups):
            self._first_rows.append(self._first_rows[-1] + metadata.row_group(group).num_rows)
        self._lock = threading.Lock()
        self._place: _Place | None = None

    def _read(self, columns: tuple[str, ...], start: int, stop: int) -> Columns:
        import pyarrow as pa

        with self._lock:
            batches = self._batches(columns, start, stop)
        schema = pa.schema([(each, self._file.schema_arrow.field(each).type) for each in columns])
        table = pa.Table.from_batches(batches, schema=schema)
        return {each: self._column(table, each) for each in columns}

    def _batches(self, columns: tuple[str, ...], start: int, stop: int) -> list[Any]:
        """Record batches that make up exactly the range asked for."""
        if start == stop:
            return []
        group = sum(first <= start for first in self._first_rows) - 1
        place, self._place = self._place, None  # it is lost if reading fails half way
        # going on from the last place is cheaper, unless a row group begins between the two
        near = place is not None and self._first_rows[group] <= place.row <= start
        if place is None or not near or place.columns != columns:
            rest = self._file.iter_batches(
                batch_size=_BATCH,
                row_groups=range(group, len(self._first_rows) - 1),
                columns=list(columns),
                use_threads=False,
            )
            place = _Place(columns, self._first_rows[group], rest)
        place.take(start - place.row)
        found = place.take(stop - start)
        self._place = place
        return found

    def _column(self, table: Any, name: str) -> Any:
        import pyarrow as pa

        column = table.column(name).cast(self._types[name], safe=False)
        if pa.types.is_large_string(column.type):
            column = column.fill_null("")
        return as_column(column.to_numpy())

    def close(self) -> None:
        """Close the file."""
        self._place = None
        self._file.close()


class _Place:
    """Where the last range ended."""

    def __init__(self, columns: tuple[str, ...], row: int, batches: Iterator[Any]) -> None:
        self.columns = columns
        self.row = row
        self._batches = batches
        self._rest: Any = None

    def take(self, rows: int) -> list[Any]:
        """Give the next rows, as batches."""
        taken = []
        self.row += rows
        while rows > 0:
            batch = next(self._batches) if self._rest is None else self._rest
            taken.append(batch.slice(0, rows))
            self._rest = batch.slice(rows) if batch.num_rows > rows else None
            rows -= min(rows, batch.num_rows)
        return taken


def _flat_type(kind: Any) -> Any:
    """Type to read a column as, or None if it is not flat."""
    from pyarrow import float32, float64, large_string, types

    if types.is_dictionary(kind):
        return _flat_type(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind):
        return large_string()
    if types.is_float16(kind):
        return float32()
    if types.is_decimal(kind) or types.is_null(kind):
        return float64()
    flat = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)
    return kind if flat else None


def _with_missing(metadata: Any, columns: tuple[str, ...]) -> set[str]:
    """Columns in which values are missing, or may be for all that the file says."""
    found = set()
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for index in range(row_group.num_columns):
            column = row_group.column(index)
            statistics = column.statistics
            sure = statistics is not None and statistics.has_null_count
            if column.path_in_schema in columns and not (sure and statistics.null_count == 0):
                found.add(column.path_in_schema)
    return found
