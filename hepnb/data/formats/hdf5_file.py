"""HDF5 files, through h5py: a compound table, or a group of columns."""

from __future__ import annotations

from typing import Any

from hepnb.data.formats.reader import Columns, Reader, as_column, choose_table, one_line
from hepnb.errors import MissingExtra, UnreadableFile

__all__ = ("Hdf5Reader", "tables")


def __dir__() -> tuple[str, ...]:
    return __all__


class Hdf5Reader(Reader):
    """Rows of a table in an HDF5 file.

    A table is a one-dimensional dataset of a compound type (as PyTables and basf2 write), or a
    group whose one-dimensional datasets all have the same length.

    Parameters
    ----------
    path
        Path of the file.
    tree
        Path of the table within the file; ``/`` is the file's own top group. None takes the only
        one.

    Raises
    ------
    MissingExtra
        If h5py is not installed.
    UnreadableFile
        If the file is truncated or not an HDF5 file, or has no such table.
    """

    def __init__(self, path: str, tree: str | None = None) -> None:
        self.path = path
        self._file = _open(path)
        try:
            found = _tables(self._file)
            wanted = tree.strip("/") or "/" if tree else tree
            self._table = self._file[choose_table(path, wanted, found, "table")]
            if hasattr(self._table, "dtype"):
                types = {name: self._table.dtype[name] for name in self._table.dtype.names}
                self.entries = int(self._table.shape[0])
            else:
                types = {name: each.dtype for name, each in _flat_datasets(self._table).items()}
                lengths = {each.shape[0] for each in _flat_datasets(self._table).values()}
                self.entries = int(lengths.pop())
        except UnreadableFile:
            self._file.close()
            raise
        except Exception as error:
            self._file.close()
            raise UnreadableFile(f"{path!r} is damaged ({one_line(error)})") from error
        flat = {name: _is_flat(dtype) for name, dtype in types.items()}
        self.columns = tuple(name for name, good in flat.items() if good)
        self.skipped = {name: str(types[name]) for name, good in flat.items() if not good}

    def _read(self, columns: tuple[str, ...], start: int, stop: int) -> Columns:
        if hasattr(self._table, "dtype"):
            rows = self._table.fields(list(columns))[start:stop]
            return {each: as_column(rows[each]) for each in columns}
        return {each: as_column(self._table[each][start:stop]) for each in columns}

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def tables(path: str) -> tuple[str, ...]:
    """Paths of the tables within an HDF5 file.

    Raises
    ------
    MissingExtra
        If h5py is not installed.
    UnreadableFile
        If it cannot be opened as one.
    """
    with _open(path) as file:
        return tuple(_tables(file))


def _open(path: str) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtra(
            f"{path!r} is an HDF5 file, which needs h5py: `pip install hepnb[hdf5]`"
        ) from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise UnreadableFile(
            f"{path!r} is truncated or not an HDF5 file ({one_line(error)})"
        ) from error


def _tables(file: Any) -> list[str]:
    """Names without the leading slash."""
    found = ["/"] if _is_table(file) else []
    file.visititems(lambda name, each: found.append(name) if _is_table(each) else None)
    return found


def _is_table(node: Any) -> bool:
    if hasattr(node, "dtype"):
        return node.dtype.names is not None and len(node.shape) == 1
    return len({each.shape for each in _flat_datasets(node).values()}) == 1


def _flat_datasets(group: Any) -> dict[str, Any]:
    """Datasets of a group that may be columns."""
    return {
        name: each
        for name, each in group.items()
        if hasattr(each, "dtype") and len(each.shape) == 1 and each.dtype.names is None
    }


def _is_flat(dtype: Any) -> bool:
    import h5py

    return dtype.shape == () and (
        dtype.kind in "biufS" or h5py.check_string_dtype(dtype) is not None
    )
