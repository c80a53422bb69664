"""What range the candidates of a sample span in a variable, and bins of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BadParameters

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("bin_edges", "variable_span")


def __dir__() -> tuple[str, ...]:
    return __all__


def variable_span(
    sample: Sample, variable: str, *, cut: str = "", positive: bool = False
) -> tuple[float, float]:
    """Give the smallest and the largest finite value, which takes a pass over the sample.

    Parameters
    ----------
    sample, variable, cut
        Where to look.
    positive
        Leave out what is not above 0, for a logarithmic axis.

    Raises
    ------
    BadParameters
        If no two candidates have different values.
    """
    low, high = np.inf, -np.inf
    for chunk in sample.iterate([variable], cut=cut):
        values = np.asarray(chunk[variable], float)
        values = values[np.isfinite(values) & ((values > 0) | (not positive))]
        low = min(low, float(values.min(initial=np.inf)))
        high = max(high, float(values.max(initial=-np.inf)))
    if not low < high:
        message = f"{variable!r} has no two different finite values; check it and the cut"
        raise BadParameters(message)
    return low, high


def bin_edges(
    sample: Sample,
    variable: str,
    *,
    bins: int = 50,
    range: Sequence[float] | None = None,  # noqa: A002 -- the field's word, as in numpy
    cut: str = "",
    log: bool = False,
) -> NDArray[np.float64]:
    """Equal bins of a variable, on a logarithmic axis if asked.

    Parameters
    ----------
    sample, variable, cut
        Where to look for the range, if none is given.
    bins
        How many.
    range
        Both ends, included; None for all that the candidates span, with `log` the positive ones.
    log
        Bins of equal ratios.

    Returns
    -------
    ndarray
        Of shape (bins + 1,).

    Raises
    ------
    BadParameters
        If the candidates span no range, or a logarithmic one starts at 0 or below.
    """
    if range is None:
        low, high = variable_span(sample, variable, cut=cut, positive=log)
    else:
        low, high = (float(each) for each in range)
    if log and low <= 0:
        raise BadParameters(f"logarithmic bins cannot start at {low:g}; give a range above 0")
    edges = (np.geomspace if log else np.linspace)(low, high, bins + 1)
    # bins are [lo, hi): a PID of exactly 1 is to be in the last one all the same
    edges[[0, -1]] = low, np.nextafter(high, np.inf)
    return edges
