"""The components of an uncertainty in every bin, how they are correlated, and their sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BadParameters
from hepnb.pid.tables.table_bins import Axes, rows_of

if TYPE_CHECKING:
    from hepnb.pid.tables.efficiency_result import EfficiencyTable
    from hepnb.pid.tables.weight_result import WeightTable

__all__ = ("Uncertainties",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

UNCORRELATED = "independent from bin to bin"
CORRELATED = "one shift of all bins: fully correlated"


@dataclass(frozen=True, eq=False, repr=False)
class Uncertainties:
    """Components of the uncertainty of a table, as made by `hepnb.pid.uncertainty.systematics`.

    Attributes
    ----------
    frame
        One row per bin: edges; ``value``; ``statistical``; a column per systematic component, a
        shift with its sign; ``systematic``, their quadratic sum; and ``total``.
    axes
        Axis name to bin edges.
    shifts
        Names of the systematic components.
    what
        The quantity.
    """

    frame: pd.DataFrame
    axes: Axes
    shifts: tuple[str, ...]
    what: str

    @classmethod
    def combined(
        cls,
        axes: Axes,
        value: ArrayLike,
        statistical: ArrayLike,
        shifts: Mapping[str, ArrayLike],
        *,
        what: str = "value",
    ) -> Self:
        """Combine components, each of shape (bins,), in the units of the value.

        Raises
        ------
        BadParameters
            If a component has another shape, or the name of another column.
        """
        edges = rows_of(axes)
        columns = {"value": value, "statistical": statistical, **shifts}
        if len(columns) < 2 + len(shifts) or {"systematic", "total"} & set(shifts):
            message = f"components {list(shifts)} must not be called as the columns of the table"
            raise BadParameters(message)
        arrays = {name: np.asarray(each, float) for name, each in columns.items()}
        for name, each in arrays.items():
            if each.shape != (len(edges),):
                message = (
                    f"component {name!r} has shape {each.shape}; the table has {len(edges)} bins"
                )
                raise BadParameters(message)
        squares = [arrays[name] ** 2 for name in shifts]
        systematic = np.sqrt(np.sum(squares, axis=0)) if squares else np.zeros(len(edges))
        arrays["systematic"] = systematic
        arrays["total"] = np.hypot(arrays["statistical"], systematic)
        frame = pd.concat([edges, pd.DataFrame(arrays)], axis=1)
        return cls(frame, MappingProxyType(dict(axes)), tuple(shifts), what)

    @classmethod
    def of_efficiency(cls, table: EfficiencyTable, shifts: Mapping[str, ArrayLike]) -> Self:
        """Combine shifts of an efficiency with its statistical uncertainty (longer error bar)."""
        frame = table.frame
        statistical = np.maximum(frame["stat_up"], frame["stat_dn"])
        return cls.combined(table.axes, frame["efficiency"], statistical, shifts, what="efficiency")

    def of_ratio(self, table: WeightTable, **others: ArrayLike) -> Self:
        """Carry the components of the efficiency in data over to the ratio of a weight table.

        Parameters
        ----------
        table
            The weights; the statistical uncertainty is theirs, that of simulation included.
        **others
            Components of the ratio itself, which take the place of those of the same name, such
            as ``binning=in_bin_variation(table, fine)``.

        Raises
        ------
        BadParameters
            If the table has other bins.
        """
        if dict(table.axes) != dict(self.axes):
            raise BadParameters(f"the weight table has other bins: {dict(table.axes)}")
        frame = table.frame
        ratio = frame["data_MC_ratio"].to_numpy(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = ratio / self.frame["value"].to_numpy(float)
        shifts = {name: self.frame[name].to_numpy(float) * factor for name in self.shifts}
        shifts |= {name: np.asarray(each, float) for name, each in others.items()}
        bars = [frame[f"data_MC_uncertainty_stat_{end}"] for end in ("up", "dn")]
        return self.combined(table.axes, ratio, np.maximum(*bars), shifts, what="data/MC ratio")

    def covariance(self) -> Floats:
        """Covariance of the bins, of shape (bins, bins).

        ``diag(stat^2) + sum_c shift_c shift_c^T``: the statistical part is independent from bin
        to bin, each component of the rest is one shift of all bins, and components are
        independent of each other.
        """
        out = np.diag(self.frame["statistical"].to_numpy(float) ** 2)
        for name in self.shifts:
            shift = self.frame[name].to_numpy(float)
            out = out + np.outer(shift, shift)
        return np.asarray(out)

    @property
    def correlations(self) -> dict[str, str]:
        """How each component is correlated between bins, in words."""
        return {"statistical": UNCORRELATED} | dict.fromkeys(self.shifts, CORRELATED)

    def summary(self) -> str:
        """Give the median size of each component and how it is correlated, a line each."""
        lines = [f"Median over {len(self.frame)} bins of the uncertainty of the {self.what}:"]
        for name, how in self.correlations.items():
            size = np.nanmedian(np.abs(self.frame[name]))
            lines.append(f"  {name.replace('_', ' ')}: {size:.5f} ({how})")
        return "\n".join([*lines, f"  total: {np.nanmedian(self.frame['total']):.5f}"])

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Median size of each component, for the record of a run."""
        return {
            f"median_{name}": {
                "value": float(np.nanmedian(np.abs(self.frame[name]))),
                "uncertainty": None,
                "unit": "",
                "status": "ok",
            }
            for name in ("statistical", *self.shifts, "systematic", "total")
        }

    def save(self, directory: Path | str, name: str = "uncertainties") -> list[Path]:
        """Write `frame` as ``<name>.csv``, and the covariance as ``<name>.covariance.csv``."""
        folder = Path(directory)
        paths = [folder / f"{name}.csv", folder / f"{name}.covariance.csv"]
        self.frame.to_csv(paths[0], index=False)
        pd.DataFrame(self.covariance()).to_csv(paths[1], index=False, header=False)
        return paths

    def plot(self, ax: Any = None) -> Any:
        """Draw the size of each component against the number of the bin."""
        from hepnb.pid.uncertainty.uncertainty_plots import plot_uncertainties

        return plot_uncertainties(self, ax)

    def __repr__(self) -> str:
        return f"<Uncertainties of {self.what}: {', '.join(self.correlations)}>"

    def _repr_html_(self) -> str:
        return str(self.frame.to_html(max_rows=20))
