"""Uniform random numbers that belong to a track, not to its place in a file.

The number is a hash of the track's own columns and a seed (the finaliser of SplitMix64, G. Steele
et al., OOPSLA 2014): the same for any chunk size, number of workers and order of files, and for a
track that stands in several candidates. Columns that hardly vary make many tracks share a number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ("track_uniform",)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def __dir__() -> tuple[str, ...]:
    return __all__


def track_uniform(
    columns: Sequence[npt.NDArray[np.floating]], *, seed: int, stream: int = 0
) -> npt.NDArray[np.float64]:
    """Give numbers in [0, 1), of shape (n,).

    Parameters
    ----------
    columns
        Of shape (n,) each, that tell tracks apart.
    seed, stream
        Other seeds and streams give independent numbers.
    """
    first = (seed + int(_GOLDEN) * (stream + 1)) % 2**64
    state = _mixed(np.full(columns[0].shape, first, np.uint64))
    for column in columns:
        # -0.0 is 0.0
        bits = (np.asarray(column, np.float64) + 0.0).view(np.uint64)
        state = _mixed(state ^ bits)
    return np.asarray((state >> np.uint64(11)) * 2.0**-53)


def _mixed(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = state + _GOLDEN
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return np.asarray(state ^ (state >> np.uint64(31)))
