"""Weights as Parquet or as a ROOT tree, written chunk by chunk and renamed when whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepnb.errors import BadParameters
from hepnb.pid.apply.applied import column_names

if TYPE_CHECKING:
    from hepnb.pid.apply.applied import AppliedWeights

__all__ = ("write_weights",)


def __dir__() -> tuple[str, ...]:
    return __all__


def write_weights(applied: AppliedWeights, path: Path, *, tree: str, chunk_size: int) -> Path:
    """Write all columns of `applied`; ``.parquet`` or ``.root`` says how.

    Raises
    ------
    BadParameters
        If the ending is another one.
    """
    writers = {".parquet": _parquet, ".root": _root}
    if path.suffix not in writers:
        message = f"{path.name}: weights are written as {' or '.join(writers)}"
        raise BadParameters(message)
    parts = chain(applied.iterate(chunk_size=chunk_size), [_empty(applied)])
    with _whole_or_not(path) as beside:
        writers[path.suffix](beside, parts, tree)
    return path


def _empty(applied: AppliedWeights) -> dict[str, np.ndarray]:
    """Columns without rows: a sample without files or candidates gives a file all the same."""
    names = column_names(applied.tracks, per_particle=applied.per_particle)
    kept = {each: np.empty(0) for each in applied.keep}
    return kept | {
        each: np.empty(0, np.float64 if each.endswith("Weight") else np.float32) for each in names
    }


def _parquet(path: Path, parts: Iterator[dict[str, np.ndarray]], _: str) -> None:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    first = next(parts)
    schema = pa.schema([(name, pa.from_numpy_dtype(each.dtype)) for name, each in first.items()])
    # a particle's weights take few values, products many: hashing those is in vain
    few = [name for name in first if "_Weight" in name]
    options = {"compression": "snappy", "use_dictionary": few, "write_statistics": False}
    with ParquetWriter(path, schema, **options) as file:
        for part in chain([first], parts):
            if len(next(iter(part.values()))):
                file.write_table(pa.table(part, schema=schema))


def _root(path: Path, parts: Iterator[dict[str, np.ndarray]], tree: str) -> None:
    import uproot

    first = next(parts)
    with uproot.recreate(path, compression=uproot.LZ4(1)) as file:
        # assigning to file[...] would write an RNTuple, which no tree can have as a friend
        made = file.mktree(tree, {name: each.dtype for name, each in first.items()})
        for part in chain([first], parts):
            if len(next(iter(part.values()))):
                made.extend(part)


@contextmanager
def _whole_or_not(path: Path) -> Iterator[Path]:
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
