"""Bins that follow the candidates: fine where there are many, and none of them wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hepnb.pid.response.interpolation import GridAxis

__all__ = ("FineCounts", "Part")

Floats = npt.NDArray[np.float64]

_FINE = 20_000  # bins from which quantiles are read
_FLAT = 0.5  # bins that are of equal width rather than content


def __dir__() -> tuple[str, ...]:
    return __all__


class Part(NamedTuple):
    """Candidates of a chunk: kinematics by variable, the PID variable and both weights."""

    kinematics: Mapping[str, Floats]
    value: Floats
    weight: Floats
    second: Floats


def _spread(counts: Floats, edges: Floats, bins: int) -> Floats:
    """Edges of bins that share content and width evenly."""
    total = counts.sum()
    share = (1 - _FLAT) * counts / total if total > 0 else np.zeros_like(counts)
    share = share + (1 - share.sum()) / len(counts)
    cumulative = np.concatenate([[0.0], np.cumsum(share)])
    made = np.interp(np.linspace(0, cumulative[-1], bins + 1), cumulative, edges)
    made[[0, -1]] = edges[[0, -1]]
    return np.asarray(made)


class FineCounts:
    """Fine histograms of the variable and of each axis, from which bins are made.

    Parameters
    ----------
    kinematics
        Variable to range, or to more edges: see `hepnb.pid.response.fit_response`.
    single
        Values of the PID variable that are in no bin.
    span
        Of the PID variable.
    """

    def __init__(
        self,
        kinematics: Mapping[str, Sequence[float]],
        single: Floats,
        span: tuple[float, float],
    ) -> None:
        self.single = single
        self.edges = np.linspace(*span, _FINE + 1)
        # bins are [lo, hi): a PID of exactly 1 is to be in the last one all the same
        self.edges[-1] = np.nextafter(self.edges[-1], np.inf)
        self.counts = np.zeros(_FINE)
        self.continuous = {name: len(edges) == 2 for name, edges in kinematics.items()}
        self.along = {
            name: np.linspace(edges[0], edges[-1], _FINE + 1)
            if self.continuous[name]
            else np.asarray(edges, float)
            for name, edges in kinematics.items()
        }
        # candidates, their weights, and weights times value
        self.sums = {name: np.zeros((3, len(edges) - 1)) for name, edges in self.along.items()}

    def add(self, part: Part) -> None:
        """Count the candidates of a chunk."""
        known = np.isfinite(part.value) & ~np.isin(part.value, self.single)
        self.counts += np.histogram(part.value[known], self.edges)[0]
        for name, edges in self.along.items():
            values = part.kinematics[name]
            cell = np.searchsorted(edges, values, "right") - 1
            known = (cell >= 0) & (cell < len(edges) - 1) & np.isfinite(part.weight)
            cell, values, weight = cell[known], values[known], part.weight[known]
            # one by one, so that chunks do not change the order of a sum
            for total, each in zip(
                self.sums[name], (np.ones_like(weight), weight, weight * values), strict=True
            ):
                np.add.at(total, cell, each)

    def bins(self, number: int) -> Floats:
        """Edges of the bins of the variable."""
        return _spread(self.counts, self.edges, number)

    def axes(self, cells: int) -> tuple[GridAxis, ...]:
        """Axes whose nodes are the means of the candidates in each cell."""
        axes = []
        for name, fine in self.along.items():
            counts, *sums = self.sums[name]
            continuous = self.continuous[name]
            edges = _spread(counts, fine, cells) if continuous else fine
            cell = np.clip(np.searchsorted(edges, fine[:-1], "right") - 1, 0, len(edges) - 2)
            w, wx = (np.bincount(cell, each, minlength=len(edges) - 1) for each in sums)
            middle = 0.5 * (edges[1:] + edges[:-1])
            mean = np.divide(wx, w, out=middle.copy(), where=w > 0)
            inside = continuous & (mean >= edges[:-1]) & (mean <= edges[1:])
            nodes = np.where(inside, mean, middle)
            axes.append(GridAxis(name, tuple(edges.tolist()), tuple(nodes.tolist()), continuous))
        return tuple(axes)
