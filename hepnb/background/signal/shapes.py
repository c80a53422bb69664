"""Shapes of a signal in mass: what every shape gives, and the base that ours share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BadParameters

__all__ = ("Peak", "SignalShape", "check_positive", "normal_integral")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@runtime_checkable
class SignalShape(Protocol):
    """What a fit asks of a signal; any object with these three is one."""

    @property
    def expected(self) -> float:
        """Events at signal strength 1, within the range of the shape."""
        ...

    def fractions(self, edges: ArrayLike) -> Floats:
        """Share of `expected` in each bin, of shape (bins,)."""
        ...

    def density(self, mass: ArrayLike) -> Floats:
        """Density per unit of mass, of shape (n,); its integral over the range is 1."""
        ...


@dataclass(frozen=True, kw_only=True)
class Peak(ABC):
    """A peak of known shape, cut off at the ends of a range.

    Subclasses give the integral and density of the shape on the whole axis; this class cuts,
    normalises, moves and stretches.

    Attributes
    ----------
    expected
        Events at signal strength 1 inside [lo, hi].
    lo, hi
        Range; the default is the whole axis, so that `expected` is the number of all events.

    Raises
    ------
    BadParameters
        If `expected` is negative or not finite, the range is empty, or none of the peak is in it.
    """

    expected: float = 1.0
    lo: float = -math.inf
    hi: float = math.inf

    def __post_init__(self) -> None:
        if not (math.isfinite(self.expected) and self.expected >= 0):
            message = f"expected = {self.expected:g} events; give a finite number that is not < 0"
            raise BadParameters(message)
        if not self.lo < self.hi:
            message = f"range [{self.lo:g}, {self.hi:g}] is empty; give lo < hi"
            raise BadParameters(message)
        self._check()
        if not self.contained > 0:
            message = (
                f"none of the peak at {self.position:g} lies in [{self.lo:g}, {self.hi:g}]; "
                "move the peak or widen the range"
            )
            raise BadParameters(message)

    @abstractmethod
    def _check(self) -> None:
        """Refuse parameters that make no peak."""

    @abstractmethod
    def _integral(self, low: Floats, high: Floats) -> Floats:
        """Probability between `low` and `high` on the whole axis; accurate in both tails."""

    @abstractmethod
    def _density(self, mass: Floats) -> Floats:
        """Density on the whole axis."""

    @property
    @abstractmethod
    def position(self) -> float:
        """Where the peak is, and what `shifted` stretches it about."""

    @property
    @abstractmethod
    def width(self) -> float:
        """Scale of the peak: a standard deviation, of the core where there are tails."""

    @abstractmethod
    def _moved(self, mean: float, scale: float) -> Self:
        """Move the position by `mean` and stretch the widths, at the same `expected`."""

    @property
    def contained(self) -> float:
        """Share of the whole peak that is inside [lo, hi]."""
        return float(self._integral(np.array([self.lo]), np.array([self.hi]))[0])

    def fractions(self, edges: ArrayLike) -> Floats:
        """Share of the `expected` events in each bin.

        Parameters
        ----------
        edges
            Increasing bin edges, of shape (bins + 1,); what is outside [lo, hi] holds nothing.

        Returns
        -------
        ndarray
            Exact integrals, of shape (bins,).
        """
        cut = np.clip(np.asarray(edges, float), self.lo, self.hi)
        return self._integral(cut[:-1], cut[1:]) / self.contained

    def density(self, mass: ArrayLike) -> Floats:
        """Density per unit of mass, normalised on [lo, hi] and 0 outside."""
        m = np.asarray(mass, float)
        inside = (m >= self.lo) & (m <= self.hi)
        return np.where(inside, self._density(m) / self.contained, 0.0)

    def within(self, lo: float, hi: float) -> Self:
        """Give the same peak on another range, with as many events as fall into it."""
        other = replace(self, lo=lo, hi=hi)
        return replace(other, expected=self.expected * other.contained / self.contained)

    def shifted(self, mean: float = 0.0, scale: float = 1.0) -> Self:
        """Give the same events at another place, as when energies are scaled or smeared.

        Parameters
        ----------
        mean
            Added to the position, in units of mass.
        scale
            Factor on every width, about the position.

        Returns
        -------
        Peak
            With the same number of events on the whole axis; those that leave the range are no
            longer expected.

        Raises
        ------
        BadParameters
            If `scale` is not positive or the shift is not finite.
        """
        check_positive("scale", scale)
        if not math.isfinite(mean):
            message = f"shift of the mean by {mean}; give a finite number"
            raise BadParameters(message)
        moved = self._moved(mean, scale)
        return replace(moved, expected=self.expected * moved.contained / self.contained)

    def scaled(self, factor: float) -> Self:
        """Give the same peak with `factor` times the events."""
        return replace(self, expected=factor * self.expected)


def check_positive(name: str, value: float) -> None:
    """Refuse a width or scale that is not positive and finite.

    Raises
    ------
    BadParameters
        With name and value.
    """
    if not (math.isfinite(value) and value > 0):
        message = f"{name} = {value:g} must be positive and finite"
        raise BadParameters(message)


def normal_integral(low: Floats, high: Floats) -> Floats:
    """Probability of a standard normal variable between two values, accurate in both tails."""
    from scipy.special import ndtr

    # the tail above is that below of the mirrored variable, where differences do not cancel
    mirrored = low > 0
    first, second = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    return np.asarray(ndtr(second) - ndtr(first), float)
