"""Simulated background in the bins of data, for the test of spurious signals."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.background.reading import read_spectrum
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = ("read_template",)


def __dir__() -> tuple[str, ...]:
    return __all__


def read_template(
    source: Any, data: MassSpectrum, *, events: float, weight: str = "", **options: Any
) -> dict[str, Any]:
    """Read simulated background in the bins of data, and how it compares with them.

    Parameters
    ----------
    source
        As of `hepnb.background.read_spectrum`.
    data
        Spectrum whose bins are filled; no count of it is used.
    events
        Background events of the data in the whole range.
    weight
        Expression for the weight of a candidate; empty: none.
    **options
        As of `hepnb.background.read_spectrum`: ``mass``, ``cut``, ``tree``, ``category``.

    Returns
    -------
    dict
        ``template``, ``scale`` and ``weight`` of `spurious_signal`.

    Raises
    ------
    BadParameters
        The bins are not of equal width, or the template is empty.
    """
    if not np.allclose(data.widths, data.widths.mean()):
        message = "the bins have unequal widths; read the template with `read_spectrum` instead"
        raise BadParameters(message)
    binned: dict[str, Any] = {"range": (data.lo, data.hi), "bins": len(data.counts)} | options
    template = read_spectrum(source, weight=weight, **binned)
    if not template.total > 0.0:
        message = "the template is empty in the range of the data; widen one or the other"
        raise BadParameters(message)
    mean = 1.0
    if weight:
        squares = read_spectrum(source, weight=f"({weight}) * ({weight})", **binned)
        mean = squares.total / template.total
    return {"template": template, "scale": events / template.total, "weight": mean}
