"""A signal that is a histogram, of simulation or of another measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hepnb.background.signal.shapes import Peak
from hepnb.errors import BadParameters

__all__ = ("TemplateSignal",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TemplateSignal(Peak):
    """Use it where the shape is only known as a histogram; the density is flat inside each bin.

    Attributes
    ----------
    edges
        Increasing bin edges in units of mass, of shape (bins + 1,).
    values
        Contents, of shape (bins,), in any unit; none negative, not all zero.

    Raises
    ------
    BadParameters
        If the shapes do not match, edges do not increase, or a content is negative.
    """

    edges: Sequence[float] | Floats
    values: Sequence[float] | Floats

    def __post_init__(self) -> None:
        for name in ("edges", "values"):
            given = np.ravel(np.asarray(getattr(self, name), float))
            object.__setattr__(self, name, tuple(given.tolist()))
        super().__post_init__()

    @classmethod
    def from_hist(cls, histogram: Any, **options: Any) -> Self:
        """Signal of a `hist.Hist` of one axis; `expected` is its sum unless given."""
        if len(histogram.axes) != 1:
            message = f"the template has {len(histogram.axes)} axes; project it to one"
            raise BadParameters(message)
        values = np.asarray(histogram.values(), float)
        options = {"expected": float(values.sum())} | options
        return cls(edges=np.asarray(histogram.axes[0].edges, float), values=values, **options)

    def _check(self) -> None:
        edges, values = np.array(self.edges), np.array(self.values)
        if len(edges) != len(values) + 1 or not len(values):
            message = f"{len(edges)} edges and {len(values)} values; n values need n + 1 edges"
            raise BadParameters(message)
        if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
            message = "edges of the template must be finite and increasing"
            raise BadParameters(message)
        if not (np.isfinite(values).all() and values.min() >= 0 < values.sum()):
            message = (
                f"values of the template reach from {values.min():g} to {values.max():g}; a "
                "density is finite, not negative and not all zero: merge bins of negative weight"
            )
            raise BadParameters(message)

    @property
    def _shares(self) -> Floats:
        values = np.array(self.values)
        return np.asarray(values / values.sum())

    @property
    def position(self) -> float:
        """Mean of the histogram."""
        edges = np.array(self.edges)
        return float(self._shares @ (0.5 * (edges[1:] + edges[:-1])))

    @property
    def width(self) -> float:
        """Standard deviation of the histogram, bins being flat."""
        edges = np.array(self.edges)
        offset = 0.5 * (edges[1:] + edges[:-1]) - self.position
        return float(np.sqrt(self._shares @ (offset**2 + np.diff(edges) ** 2 / 12.0)))

    def _integral(self, low: Floats, high: Floats) -> Floats:
        edges = np.array(self.edges)
        sums = np.concatenate([[0.0], np.cumsum(self._shares)])
        first, last = (np.clip(each, edges[0], edges[-1]) for each in (low, high))
        return np.asarray(np.interp(last, edges, sums) - np.interp(first, edges, sums))

    def _density(self, mass: Floats) -> Floats:
        edges = np.array(self.edges)
        index = np.searchsorted(edges, mass, side="right") - 1
        inside = (index >= 0) & (index < len(self.values))
        heights = self._shares / np.diff(edges)
        return np.where(inside, heights[np.clip(index, 0, len(heights) - 1)], 0.0)

    def _moved(self, mean: float, scale: float) -> Self:
        centre = self.position
        return replace(self, edges=centre + mean + scale * (np.array(self.edges) - centre))
