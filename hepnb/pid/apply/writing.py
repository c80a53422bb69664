"""Weights as Parquet or as a ROOT tree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepnb.data.column_files import write_columns
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
    names = column_names(applied.tracks, per_particle=applied.per_particle)
    empty = {each: np.empty(0) for each in applied.keep} | {
        each: np.empty(0, np.float64 if each.endswith("Weight") else np.float32) for each in names
    }
    # a particle's weights take few values; products take many, and hashing those is in vain
    few = [name for name in names if "_Weight" in name]
    return write_columns(
        applied.iterate(chunk_size=chunk_size), path, empty=empty, tree=tree, few_values=few
    )
