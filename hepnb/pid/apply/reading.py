"""Columns that several particles need, read in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hepnb.data.chunks import positive
from hepnb.pid.apply.track import Track

if TYPE_CHECKING:
    from hepnb.data.expressions import BoundExpression
    from hepnb.data.sample import Sample

__all__ = ("chunks",)


def __dir__() -> tuple[str, ...]:
    return __all__


def chunks(
    sample: Sample,
    tracks: Sequence[Track],
    cut: BoundExpression | None,
    keep: Mapping[str, BoundExpression],
    chunk_size: int,
) -> Iterator[Mapping[str, np.ndarray]]:
    """Physical columns of the candidates that pass the cut, in order.

    Unlike `Sample.iterate`, which knows one particle, it reads for several.

    Yields
    ------
    mapping
        Column name to array of shape (n passing,).
    """
    needed = [each for track in tracks for each in track.variables.all]
    recipe = sample.recipe([*needed, *keep.values(), *([cut] if cut else [])])
    for block in sample.source.blocks(recipe.branches, positive("chunk_size", chunk_size)):
        columns = recipe.read(sample.source, block)
        if cut is not None:
            mask = cut.mask(columns)
            columns = {each: column[mask] for each, column in columns.items()}
        yield columns
