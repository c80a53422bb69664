"""Columns written chunk by chunk, as Parquet or as a ROOT tree, and renamed when whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np

from hepnb.errors import BadParameters

__all__ = ("whole_or_not", "write_columns")

Columns = Mapping[str, np.ndarray]


def __dir__() -> tuple[str, ...]:
    return __all__


def write_columns(
    parts: Iterable[Columns],
    path: Path,
    *,
    empty: Columns,
    tree: str = "tree",
    few_values: Sequence[str] = (),
) -> Path:
    """Write columns; ``.parquet`` or ``.root`` says how. The file appears when it is whole.

    Parameters
    ----------
    parts
        Chunks, each a mapping of name to array of shape (n,).
    path
        Where to.
    empty
        The columns without rows: a file without candidates has them all the same.
    tree
        Name of the ROOT tree, which can be a friend of another.
    few_values
        Columns that take few values, which Parquet then stores in little space.

    Raises
    ------
    BadParameters
        If the ending is another one.
    """
    if path.suffix not in {".parquet", ".root"}:
        raise BadParameters(f"{path.name}: columns are written as .parquet or .root")
    with whole_or_not(path) as beside:
        if path.suffix == ".parquet":
            _parquet(beside, chain(parts, [empty]), few_values)
        else:
            _root(beside, chain(parts, [empty]), tree)
    return path


def _parquet(path: Path, parts: Iterator[Columns], few_values: Sequence[str]) -> None:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    first = next(parts)
    schema = pa.schema([(name, pa.from_numpy_dtype(each.dtype)) for name, each in first.items()])
    options = {"compression": "snappy", "write_statistics": False}
    with ParquetWriter(path, schema, use_dictionary=list(few_values), **options) as file:
        for part in chain([first], parts):
            if len(next(iter(part.values()))):
                file.write_table(pa.table(dict(part), schema=schema))


def _root(path: Path, parts: Iterator[Columns], tree: str) -> None:
    import uproot

    first = next(parts)
    with uproot.recreate(path, compression=uproot.LZ4(1)) as file:
        # assigning to file[...] would write an RNTuple, which no tree can have as a friend
        made = file.mktree(tree, {name: each.dtype for name, each in first.items()})
        for part in chain([first], parts):
            if len(next(iter(part.values()))):
                made.extend(dict(part))


@contextmanager
def whole_or_not(path: Path) -> Iterator[Path]:
    """Give a path beside, which takes the place of `path` if nothing fails."""
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
