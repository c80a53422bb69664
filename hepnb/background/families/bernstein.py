"""Bernstein polynomials with coefficients that are not negative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, comb

from hepnb.background.families.family import Family, Parts, Shape, register_family

__all__ = ("Bernstein",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class _BernsteinShape(Shape):
    def integral_parts(self, low: Floats, high: Floats, theta: Floats) -> Parts:  # noqa: ARG002 (no parameters)
        return Parts(self._below(high) - self._below(low))

    def density_parts(self, mass: Floats, theta: Floats) -> Parts:  # noqa: ARG002 (no parameters)
        degree = self.n_components - 1
        k = np.arange(degree + 1)
        t = self._unit(mass)
        basis = comb(degree, k) * t**k * (1.0 - t) ** (degree - k)
        return Parts((degree + 1) / (self.hi - self.lo) * basis)

    def _unit(self, mass: Floats) -> Floats:
        return np.clip((mass - self.lo) / (self.hi - self.lo), 0.0, 1.0)[:, None]

    def _below(self, mass: Floats) -> Floats:
        degree = self.n_components - 1
        k = np.arange(degree + 1)
        return np.asarray(betainc(k + 1.0, degree - k + 1.0, self._unit(mass)))


class Bernstein(Family):
    """``sum_k w_k (o + 1) B_k,o(t) / (hi - lo)`` with ``t`` from 0 to 1 on the range.

    Every basis polynomial of one degree has the same integral, so that the weights of the
    normalised components are the polynomial's coefficients up to a factor.
    """

    name = "bernstein"
    label = "Bernstein"
    short = "pol"
    maximum = 7

    def shape(self, order: int, lo: float, hi: float) -> Shape:
        """Give the polynomial of degree `order`; see `Family.shape`."""
        self.check_order(order)
        return _BernsteinShape((lo, hi), order + 1)


register_family(Bernstein())
