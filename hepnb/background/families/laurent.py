"""Laurent series: sums of fixed negative powers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families.family import Family, Parts, Shape, register_family
from hepnb.background.families.powerlaw import check_positive
from hepnb.background.families.tilted import tilted_densities, tilted_integrals

__all__ = ("Laurent",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class _LaurentShape(Shape):
    def __init__(self, span: tuple[float, float], powers: tuple[int, ...]) -> None:
        super().__init__(span, len(powers))
        self._slopes = np.asarray(powers, float) + 1.0
        self._span = (float(np.log(span[0])), float(np.log(span[1])))

    def integral_parts(self, low: Floats, high: Floats, theta: Floats) -> Parts:  # noqa: ARG002 (no parameters)
        ends = np.log(low), np.log(high)
        return tilted_integrals(*ends, self._span, self._slopes, slopes_free=False)

    def density_parts(self, mass: Floats, theta: Floats) -> Parts:  # noqa: ARG002 (no parameters)
        by_log = tilted_densities(np.log(mass), self._span, self._slopes, slopes_free=False)
        return Parts(by_log.value / mass[:, None])


class Laurent(Family):
    """``sum_k w_k m^p_k`` with powers -4; then -5, -3, -6, -2, ... as the order rises.

    Order ``o`` has ``o + 1`` powers: -4, ``ceil(o / 2)`` lower ones and ``floor(o / 2)`` higher
    ones, as in flashggFinalFit.
    """

    name = "laurent"
    label = "Laurent"
    short = "lau"
    maximum = 6

    def powers(self, order: int) -> tuple[int, ...]:
        """Powers of that order: -4, the lower ones, the higher ones."""
        lower = tuple(-4 - i for i in range(1, (order + 1) // 2 + 1))
        higher = tuple(-4 + i for i in range(1, order // 2 + 1))
        return (-4, *lower, *higher)

    def shape(self, order: int, lo: float, hi: float) -> Shape:
        """Give the series of that order; see `Family.shape`."""
        self.check_order(order)
        check_positive(self.label, lo)
        return _LaurentShape((lo, hi), self.powers(order))


register_family(Laurent())
