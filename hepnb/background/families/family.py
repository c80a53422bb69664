"""What a family of background functions is, and the list of those known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BadParameters, nearest

__all__ = ("Family", "Parts", "Shape", "family", "family_names", "register_family")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class Parts(NamedTuple):
    """Components with their derivatives by the parameters."""

    value: Floats
    """Of shape (n, K)."""
    first: Floats | None = None
    """Of shape (n, n_theta): by each parameter, of the component that it belongs to."""
    second: Floats | None = None
    """The same, second derivatives; None where they are not known."""

    def mapped(self, function: Callable[[Floats], Floats]) -> Parts:
        """Apply the same function to values and derivatives."""
        first = None if self.first is None else function(self.first)
        second = None if self.second is None else function(self.second)
        return Parts(function(self.value), first, second)


class Shape(ABC):
    """One function of a family on a range: positive components, each normalised on that range.

    The density is ``sum_k w_k phi_k(m; theta)`` with weights that are not negative and sum to
    one; the weights are no part of the shape.

    Attributes
    ----------
    lo, hi
        Range, in the units of the mass.
    n_components
        K, how many components are mixed.
    theta_names
        Names of the parameters of the components; empty where they are fixed.
    bounds
        Allowed values of these parameters, of shape (n_theta, 2).
    owner
        Which component each parameter belongs to, of shape (n_theta,).
    """

    def __init__(
        self,
        span: tuple[float, float],
        n_components: int,
        *,
        theta_names: tuple[str, ...] = (),
        bounds: Floats | None = None,
    ) -> None:
        self.lo, self.hi = span
        self.n_components = n_components
        self.theta_names = theta_names
        self.bounds = np.empty((0, 2)) if bounds is None else bounds
        self.owner = np.arange(len(theta_names), dtype=np.intp)

    @abstractmethod
    def integral_parts(self, low: Floats, high: Floats, theta: Floats) -> Parts:
        """Integrate each component over intervals ``[low, high]``, with derivatives."""

    @abstractmethod
    def density_parts(self, mass: Floats, theta: Floats) -> Parts:
        """Give each component's density at masses, per unit of mass, with derivatives."""

    def integrals(self, low: Floats, high: Floats, theta: Floats) -> Floats:
        """Integrate each component over intervals ``[low, high]``: shape (n, K)."""
        return self.integral_parts(low, high, theta).value

    def density(self, mass: Floats, theta: Floats) -> Floats:
        """Give each component's density at masses, per unit of mass: shape (n, K)."""
        return self.density_parts(mass, theta).value

    def start(self) -> Floats:
        """Give values of the parameters to begin with: shape (n_theta,)."""
        return np.asarray(self.bounds.mean(axis=1))

    def fractions(self, edges: Floats, theta: Floats) -> Floats:
        """Give each component's share of every bin: shape (bins, K)."""
        return self.integrals(edges[:-1], edges[1:], theta)


class Family(ABC):
    """Functions of rising order that describe a smooth spectrum.

    Use it by subclassing, then `register_family`; see `FunctionFamily` for a family that is given
    as a formula.

    Attributes
    ----------
    name
        For instance ``bernstein``.
    label
        For figures and tables.
    short
        Name in flashggFinalFit's tables (``pol``, ``exp``, ``pow``, ``lau``).
    maximum
        Highest order that a scan tries unless told otherwise.
    step
        Difference between two orders.
    """

    name: str
    label: str
    short: str
    maximum: int
    step: int = 1

    def orders(self, up_to: int | None = None) -> tuple[int, ...]:
        """Orders that exist, from 1 to `up_to` or the family's maximum."""
        return tuple(range(1, (self.maximum if up_to is None else up_to) + 1, self.step))

    def n_par(self, order: int) -> int:
        """Free shape parameters of that order; the normalisation is not counted."""
        return order

    def check_order(self, order: int) -> None:
        """Refuse an order that the family does not have.

        Raises
        ------
        BadParameters
            With the orders that it has.
        """
        if order < 1 or (order - 1) % self.step:
            known = ", ".join(str(each) for each in self.orders())
            message = f"{self.label} has no order {order}; it has {known}, ..."
            raise BadParameters(message)

    @abstractmethod
    def shape(self, order: int, lo: float, hi: float) -> Shape:
        """Give the function of that order on the range ``[lo, hi]``.

        Raises
        ------
        BadParameters
            If the family has no such order or is not defined on the range.
        """


_FAMILIES: dict[str, Family] = {}


def register_family(new: Family) -> Family:
    """Make a family known by its name, everywhere a name of a family is taken.

    Parameters
    ----------
    new
        The family; a later one of the same name takes the place of the former.

    Returns
    -------
    Family
        The same, so that a subclass can be registered where it is made.
    """
    _FAMILIES[new.name] = new
    return new


def family_names() -> tuple[str, ...]:
    """Names of the families known, those of installed packages included.

    A package adds its own through the entry point group ``hepnb.background_families``.
    """
    for point in entry_points(group="hepnb.background_families"):
        if point.name not in _FAMILIES:
            register_family(point.load())
    return tuple(_FAMILIES)


def family(name: str | Family) -> Family:
    """Give the family of that name.

    Raises
    ------
    BadParameters
        With the names that exist.
    """
    if isinstance(name, Family):
        return name
    if name not in _FAMILIES and name not in family_names():
        known = ", ".join(_FAMILIES)
        message = f"no family {name!r}{nearest(name, _FAMILIES)} (known: {known})"
        raise BadParameters(message)
    return _FAMILIES[name]
