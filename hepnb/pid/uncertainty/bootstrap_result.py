"""Replicas of an efficiency in every bin, and what their spread tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hepnb.errors import BadParameters
from hepnb.pid.tables.table_bins import Axes, rows_of

__all__ = ("Bootstrap",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Replicas of the efficiency in every bin; failed ones are NaN.

    Attributes
    ----------
    axes
        Axis name to bin edges.
    measured
        Efficiency without resampling, of shape (bins,), by "nominal" and "alternative" fit, from
        weights that are constant over a mass bin.
    fixed
        Replicas with the nominal fit's shapes, only its yields fitted again: (replicas, bins).
    floating
        The same with all parameters fitted again.
    alternative
        The same with the alternative fit, all parameters fitted again; None without one.
    failed
        Replicas without a usable fit.
    """

    axes: Axes
    measured: Mapping[str, Floats]
    fixed: Floats
    floating: Floats
    alternative: Floats | None
    failed: int

    @property
    def statistical(self) -> Floats:
        """Standard deviation of each bin with fixed shapes: what ``sum w^2`` estimates."""
        return _spread(self.fixed)

    @property
    def total(self) -> Floats:
        """Standard deviation of each bin with floating shapes."""
        return _spread(self.floating)

    @property
    def shape(self) -> Floats:
        """Shift of each bin by one standard deviation of the shapes, with its sign.

        The spread over replicas of what refitting the shapes changes, which is exact to far fewer
        replicas than the difference of two variances; signs are those of its largest principal
        component, as the shapes are common to all bins.
        """
        change = self.floating - self.fixed
        size = _spread(change)
        whole = change[np.isfinite(change).all(axis=1)][:, np.isfinite(size)]
        signs: Floats = np.ones(len(size))
        if len(whole) > 1:
            first = np.linalg.svd(whole - whole.mean(axis=0), full_matrices=False)[2][0]
            signs[np.isfinite(size)] = np.where(first < 0, -1.0, 1.0)
            signs *= 1.0 if np.nansum(signs * size) >= 0 else -1.0
        return np.asarray(signs * size)

    def difference(self) -> pd.DataFrame:
        """Alternative less nominal in each bin, and how significant that is.

        Returns
        -------
        pandas.DataFrame
            Edges of the bins, difference, its error, and significance in standard deviations. Both
            efficiencies are of the same candidates: the error is the spread over replicas of
            their difference, far less than that of either.

        Raises
        ------
        BadParameters
            If there was no alternative fit.
        """
        if self.alternative is None:
            message = "there was one fit only; give bootstrap_efficiency the alternative too"
            raise BadParameters(message)
        found = self.measured["alternative"] - self.measured["nominal"]
        error = _spread(self.alternative - self.floating)
        columns = {"difference": found, "error": error, "significance": np.abs(found) / error}
        return pd.concat([rows_of(self.axes), pd.DataFrame(columns)], axis=1)


def _spread(replicas: Floats) -> Floats:
    """Give the standard deviation of each bin; NaN with fewer than two replicas."""
    known = np.isfinite(replicas).sum(axis=0) > 1
    found = np.full(replicas.shape[1], np.nan)
    found[known] = np.nanstd(replicas[:, known], axis=0, ddof=1)
    return found
