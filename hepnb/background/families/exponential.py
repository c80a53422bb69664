"""Sums of falling exponentials."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families.family import Family, register_family
from hepnb.background.families.sums import SumOfTilted

__all__ = ("Exponential",)


def __dir__() -> tuple[str, ...]:
    return __all__


class _ExponentialShape(SumOfTilted):
    def x(self, mass: NDArray[np.float64]) -> NDArray[np.float64]:
        return mass


class Exponential(Family):
    """``sum_k w_k exp(s_k m)``, normalised: order 1, 3, 5 has 1, 2, 3 terms.

    Parameters
    ----------
    slopes
        Allowed slopes, per unit of mass; None for no more than 80 e-folds over the range and no
        rise, which is [-1, 0] per GeV on 100 to 180 GeV.
    """

    name = "exponential"
    label = "Exponential"
    short = "exp"
    maximum = 5
    step = 2

    def __init__(self, slopes: tuple[float, float] | None = None) -> None:
        self.slopes = slopes

    def shape(self, order: int, lo: float, hi: float) -> SumOfTilted:
        """Give the sum of ``(order + 1) / 2`` exponentials; see `Family.shape`."""
        self.check_order(order)
        bounds = self.slopes or (-80.0 / (hi - lo), 0.0)
        return _ExponentialShape((lo, hi), (order + 1) // 2, "slope", bounds, shift=0.0)


register_family(Exponential())
