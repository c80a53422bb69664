"""Weights of candidates as functions of the mass: what sWeights and COWs have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.data.derived import DerivedColumn
from hepnb.errors import BadParameters, nearest
from hepnb.pid.mass.models import MassModel
from hepnb.pid.mass.spectrum import BLOCK

__all__ = ("MassWeights",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MassWeights(ABC):
    """Weights as a function of the mass: small, so that it can travel to workers.

    Attributes
    ----------
    model, lo, hi, values
        Shapes: the model, the fit range ``[lo, hi)`` and the shape parameters.
    """

    model: MassModel
    lo: float
    hi: float
    values: tuple[float, ...]

    @abstractmethod
    def inside(self, mass: Floats) -> Floats:
        """Weights of shape (n, components) for masses of shape (n,), all within the range."""

    def __call__(self, mass: ArrayLike) -> Floats:
        """Weights of shape (n, components) for masses of shape (n,); NaN outside the range."""
        places = np.atleast_1d(np.asarray(mass, float))
        out = np.full((len(places), len(self.model.components)), np.nan)
        for start in range(0, len(places), BLOCK):
            part = places[start : start + BLOCK]
            known = (part >= self.lo) & (part < self.hi)
            out[start : start + BLOCK][known] = self.inside(part[known])
        return out

    def column(self, variable: str, component: str) -> DerivedColumn:
        """Column of one component's weights, from a mass expression.

        Raises
        ------
        BadParameters
            If the model has no such component.
        """
        names = self.model.component_names
        if component not in names:
            known = ", ".join(names)
            raise BadParameters(
                f"{component!r} is not one of the components {known}{nearest(component, names)}"
            )
        return DerivedColumn((variable,), _Column(self, variable, names.index(component)))


@dataclass(frozen=True)
class _Column:
    """One component's weights from the columns of a chunk."""

    function: MassWeights
    variable: str
    component: int

    def __call__(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.function(columns[self.variable])[:, self.component]
