"""Sums of power laws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families.family import Family, register_family
from hepnb.background.families.sums import SumOfTilted
from hepnb.errors import BadParameters

__all__ = ("PowerLaw", "PowerShape")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class PowerShape(SumOfTilted):
    """Powers of the mass, as exponentials of its logarithm: ``m^a dm = exp((a + 1) x) dx``."""

    def x(self, mass: Floats) -> Floats:
        """Logarithm of the mass."""
        return np.log(mass)

    def jacobian(self, mass: Floats) -> Floats:
        """``dx/dm``."""
        return 1.0 / mass


def check_positive(label: str, lo: float) -> None:
    """Refuse a range on which powers of the mass are not defined.

    Raises
    ------
    BadParameters
        If the range does not begin above zero.
    """
    if lo <= 0.0:
        message = f"{label} needs masses above 0, but the range begins at {lo:g}; raise it"
        raise BadParameters(message)


class PowerLaw(Family):
    """``sum_k w_k m^a_k``, normalised: order 1, 3, 5 has 1, 2, 3 terms.

    Parameters
    ----------
    powers
        Allowed powers.
    """

    name = "powerlaw"
    label = "Power law"
    short = "pow"
    maximum = 5
    step = 2

    def __init__(self, powers: tuple[float, float] = (-9.0, 1.0)) -> None:
        self.powers = powers

    def shape(self, order: int, lo: float, hi: float) -> SumOfTilted:
        """Give the sum of ``(order + 1) / 2`` powers; see `Family.shape`."""
        self.check_order(order)
        check_positive(self.label, lo)
        return PowerShape((lo, hi), (order + 1) // 2, "power", self.powers, shift=1.0)


register_family(PowerLaw())
