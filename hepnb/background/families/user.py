"""Families that a user gives as a formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families.family import Family, Parts, Shape
from hepnb.errors import BadParameters

__all__ = ("FunctionFamily",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
Formula = Callable[..., Floats]

_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(8)
_PANELS = 64  # into which the range is cut to normalise the formula


class _FunctionShape(Shape):
    """A formula, normalised numerically, with numerical derivatives."""

    def __init__(
        self,
        span: tuple[float, float],
        formula: Formula,
        parameters: Mapping[str, tuple[float, float, float]],
        title: str,
    ) -> None:
        values = np.array(list(parameters.values()), float).reshape(-1, 3)
        super().__init__(span, 1, theta_names=tuple(parameters), bounds=values[:, 1:])
        self.owner = np.zeros(len(parameters), dtype=np.intp)
        self._start, self._formula, self._title = values[:, 0], formula, title

    def start(self) -> Floats:
        return self._start

    def integral_parts(self, low: Floats, high: Floats, theta: Floats) -> Parts:
        return self._with_derivatives(
            lambda at: self._integrated(low, high, at) / self._norm(at), theta
        )

    def density_parts(self, mass: Floats, theta: Floats) -> Parts:
        return self._with_derivatives(lambda at: self._values(mass, at) / self._norm(at), theta)

    def _with_derivatives(self, function: Callable[[Floats], Floats], theta: Floats) -> Parts:
        value = function(theta)[:, None]
        columns = []
        for index, (low, high) in enumerate(self.bounds):
            step = 1e-5 * (high - low if np.isfinite(high - low) else max(1.0, abs(theta[index])))
            up, down = theta.copy(), theta.copy()
            up[index], down[index] = min(theta[index] + step, high), max(theta[index] - step, low)
            columns.append((function(up) - function(down)) / (up[index] - down[index]))
        return Parts(value, np.column_stack(columns) if columns else np.empty((len(value), 0)))

    def _norm(self, theta: Floats) -> float:
        ends = np.linspace(self.lo, self.hi, _PANELS + 1)
        norm = float(self._integrated(ends[:-1], ends[1:], theta).sum())
        if norm <= 0.0:
            message = f"{self._title} is 0 everywhere with {self._named(theta)}; narrow the bounds"
            raise BadParameters(message)
        return norm

    def _integrated(self, low: Floats, high: Floats, theta: Floats) -> Floats:
        half, centre = 0.5 * (high - low), 0.5 * (high + low)
        points = centre[:, None] + half[:, None] * _NODES
        values = self._values(points.ravel(), theta).reshape(points.shape)
        return np.asarray(half * (values @ _NODE_WEIGHTS))

    def _values(self, mass: Floats, theta: Floats) -> Floats:
        values = np.broadcast_to(np.asarray(self._formula(mass, *theta), float), mass.shape)
        bad = ~(values >= 0.0) | ~np.isfinite(values)
        if bad.any():
            at = float(mass[np.argmax(bad)])
            message = (
                f"{self._title} is {values[np.argmax(bad)]:g} at mass {at:g} with "
                f"{self._named(theta)}; a density is finite and not negative: mend the formula or "
                "narrow the bounds"
            )
            raise BadParameters(message)
        return values

    def _named(self, theta: Floats) -> str:
        return ", ".join(f"{k} = {v:g}" for k, v in zip(self.theta_names, theta, strict=True))


class FunctionFamily(Family):
    """A family given as formulas, one per order.

    Use it for a function that is not a sum of fixed or exponential components, such as
    ``(1 - x)^p0 / x^(p1 + p2 ln x)`` for dijets, then `register_family`.

    Parameters
    ----------
    name
        By which it is asked for.
    functions
        Order to ``(formula, parameters)``: ``formula(mass, *values)`` gives a density of any
        normalisation; parameters map each name to ``(start, low, high)``.
    label, short
        For figures, and for the legacy tables; the name if left out.

    Raises
    ------
    BadParameters
        No function; a parameter that does not start between its bounds.

    Notes
    -----
    Bins are integrated with eight Gauss-Legendre points each, and derivatives are numerical: such
    fits are slower, and their minimum is not certified (`BackgroundFit.certificate` is NaN). A fit
    begins at the start values and, where the fit of a lower order is given, at its values of the
    parameters of the same name too.
    """

    def __init__(
        self,
        name: str,
        functions: Mapping[int, tuple[Formula, Mapping[str, tuple[float, float, float]]]],
        *,
        label: str = "",
        short: str = "",
    ) -> None:
        self.name, self.label, self.short = name, label or name, short or name
        self._functions = dict(functions)
        if not self._functions:
            raise BadParameters(f"family {name!r} has no function; give at least one order")
        for order, (_, parameters) in self._functions.items():
            for parameter, (start, low, high) in parameters.items():
                if not (low <= start <= high and low < high):
                    message = (
                        f"{name} {order}: {parameter} starts at {start:g}, which is not inside "
                        f"[{low:g}, {high:g}]; give (start, low, high)"
                    )
                    raise BadParameters(message)
        self.maximum = max(self._functions)

    def orders(self, up_to: int | None = None) -> tuple[int, ...]:
        """Orders that were given."""
        limit = self.maximum if up_to is None else up_to
        return tuple(order for order in sorted(self._functions) if order <= limit)

    def n_par(self, order: int) -> int:
        """Free shape parameters of that order."""
        self.check_order(order)
        return len(self._functions[order][1])

    def check_order(self, order: int) -> None:
        """Refuse an order that was not given; see `Family.check_order`."""
        if order not in self._functions:
            known = ", ".join(str(each) for each in self.orders())
            message = f"{self.label} has no order {order}; it has {known}"
            raise BadParameters(message)

    def shape(self, order: int, lo: float, hi: float) -> Shape:
        """Give the formula of that order on a range; see `Family.shape`."""
        self.check_order(order)
        formula, parameters = self._functions[order]
        return _FunctionShape((lo, hi), formula, parameters, f"{self.label} {order}")
