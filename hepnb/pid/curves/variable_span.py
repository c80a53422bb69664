"""What range the candidates of a sample span in a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepnb.errors import BadParameters

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("variable_span",)


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
