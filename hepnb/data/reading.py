"""Open a data file of any supported format, or say why it cannot be read."""

from __future__ import annotations

from pathlib import Path

from hepnb.data.formats.reader import Column, Columns, Reader, one_line
from hepnb.errors import UnreadableFile

__all__ = ("FORMATS", "Column", "Columns", "Reader", "file_format", "open_reader", "tables")

FORMATS = {
    "ROOT": (".root",),
    "Parquet": (".parquet", ".pq"),
    "CSV": (".csv", ".tsv", ".txt"),
    "HDF5": (".h5", ".hdf5", ".hdf"),
}
"""Format to the suffixes of file names that promise it."""

_FIRST_BYTES = {b"root": "ROOT", b"PAR1": "Parquet", b"\x89HDF\r\n\x1a\n": "HDF5"}


def __dir__() -> tuple[str, ...]:
    return __all__


def open_reader(path: str | Path, tree: str | None = None) -> Reader:
    """Open a file for reading any range of entries of any columns.

    Parameters
    ----------
    path
        Path of a ROOT, Parquet, CSV or HDF5 file, or a root:// URL of a ROOT file.
    tree
        Name of the TTree, RNTuple or HDF5 table. None takes the only one. CSV and Parquet files
        hold one table without a name, so it is not looked at.

    Returns
    -------
    Reader
        A context manager with `columns`, `entries` and `read`.

    Raises
    ------
    UnreadableFile
        If the file is missing, empty (0 bytes), truncated or foreign, or has no such table. A
        table without entries is readable.
    MissingExtra
        If the format needs a package that is not installed.
    """
    path = str(path)
    kind = file_format(path)
    if kind == "ROOT":
        from hepnb.data.formats.root_file import RootReader

        return RootReader(path, tree)
    if kind == "HDF5":
        from hepnb.data.formats.hdf5_file import Hdf5Reader

        return Hdf5Reader(path, tree)
    if kind == "Parquet":
        from hepnb.data.formats.parquet_file import ParquetReader

        return ParquetReader(path)
    from hepnb.data.formats.csv_file import CsvReader

    return CsvReader(path)


def tables(path: str | Path) -> tuple[str | None, ...]:
    """Names of the tables of a file; None stands for the nameless table of CSV and Parquet.

    Raises
    ------
    UnreadableFile, MissingExtra
        As `open_reader` does.
    """
    path = str(path)
    kind = file_format(path)
    if kind == "ROOT":
        from hepnb.data.formats.root_file import trees

        return trees(path)
    if kind == "HDF5":
        from hepnb.data.formats import hdf5_file

        return hdf5_file.tables(path)
    return (None,)


def file_format(path: str) -> str:
    """Format of a file, one of `FORMATS`, by its first bytes and its suffix.

    Raises
    ------
    UnreadableFile
        If it is missing, not a file, empty, or not what its suffix promises.
    """
    if "://" in path:
        if path.startswith(("root://", "roots://")):
            return "ROOT"
        raise UnreadableFile(f"{path!r} is of no known kind of URL; only root:// can be read")
    start = _first_bytes(path)
    suffix = Path(path).suffix.lower()
    promised = next((kind for kind, suffixes in FORMATS.items() if suffix in suffixes), None)
    found = next((kind for magic, kind in _FIRST_BYTES.items() if start.startswith(magic)), None)
    if found is None and promised == "CSV":
        return "CSV"
    if found is None and promised is None:
        known = " ".join(each for suffixes in FORMATS.values() for each in suffixes)
        raise UnreadableFile(
            f"{path!r} is of no known format: it begins with {start[:16]!r}, and its suffix is "
            f"none of {known}"
        )
    if promised not in (None, found):
        held = f"it is a {found} file" if found else f"it begins with {start[:16]!r}"
        raise UnreadableFile(f"{path!r} is not a {promised} file, as its name says: {held}")
    return str(found)


def _first_bytes(path: str) -> bytes:
    file = Path(path)
    try:
        if not file.exists():
            raise UnreadableFile(f"{path!r} does not exist")
        if not file.is_file():
            raise UnreadableFile(f"{path!r} is not a file")
        with file.open("rb") as stream:
            start = stream.read(64)
    except OSError as error:
        raise UnreadableFile(f"{path!r} cannot be opened ({one_line(error)})") from error
    if not start:
        raise UnreadableFile(f"{path!r} is empty (0 bytes)")
    return start
