"""Sums of components that differ by one slope each."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families.family import Parts, Shape
from hepnb.background.families.tilted import tilted_densities, tilted_integrals

__all__ = ("SumOfTilted",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class SumOfTilted(Shape):
    """``K`` exponentials in a variable ``x(m)``, each with a free slope.

    Parameters
    ----------
    span
        Range of the mass.
    n_components
        K.
    parameter
        What the slopes are called; they are numbered from 1.
    bounds
        Allowed values of every slope.
    shift
        What is added to a parameter to give the slope in ``x``: the Jacobian of ``x(m)`` where
        that is itself an exponential of ``x``.
    """

    def __init__(
        self,
        span: tuple[float, float],
        n_components: int,
        parameter: str,
        bounds: tuple[float, float],
        *,
        shift: float,
    ) -> None:
        names = tuple(f"{parameter}_{k + 1}" for k in range(n_components))
        limits = np.tile(np.asarray(bounds, float), (n_components, 1))
        super().__init__(span, n_components, theta_names=names, bounds=limits)
        self.shift = shift
        ends = self.x(np.asarray(span, float))
        self._span = (float(ends[0]), float(ends[1]))

    def start(self) -> Floats:
        """Parameters that make every component flat in the mass, as far as bounds allow."""
        return np.clip(np.zeros(len(self.bounds)), *self.bounds.T)

    @abstractmethod
    def x(self, mass: Floats) -> Floats:
        """Variable in which the components are exponentials."""

    def jacobian(self, mass: Floats) -> Floats:
        """``dx/dm``, of the shape of `mass`."""
        return np.ones_like(mass)

    def integral_parts(self, low: Floats, high: Floats, theta: Floats) -> Parts:
        """Integrate each component over intervals, with derivatives; see `Shape`."""
        return tilted_integrals(self.x(low), self.x(high), self._span, theta + self.shift)

    def density_parts(self, mass: Floats, theta: Floats) -> Parts:
        """Give each component's density at masses, with derivatives; see `Shape`."""
        jacobian = self.jacobian(mass)[:, None]
        parts = tilted_densities(self.x(mass), self._span, theta + self.shift)
        return parts.mapped(lambda part: jacobian * part)

    def integrals(self, low: Floats, high: Floats, theta: Floats) -> Floats:
        """Integrate components of any slopes, of shape (K,), over intervals: shape (n, K)."""
        ends = self.x(low), self.x(high)
        return tilted_integrals(*ends, self._span, theta + self.shift, slopes_free=False).value

    def grid(self, points: int) -> Floats:
        """Slopes that cover the bounds, dense where components differ, of shape (points,).

        A component that falls by ``exp(-z)`` over the range differs from its neighbours as
        ``asinh(z)`` does.
        """
        width = self._span[1] - self._span[0]
        ends = np.arcsinh((self.bounds[0] + self.shift) * width / 2.0)
        slopes = np.sinh(np.linspace(ends[0], ends[1], points)) * 2.0 / width - self.shift
        return np.asarray(np.clip(slopes, *self.bounds[0]))
