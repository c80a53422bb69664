"""Figures of efficiency and weight tables: small multiples with shared axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hepnb.errors import BadTable
from hepnb.pid.tables.table_drawing import Figure, Series, draw
from hepnb.pid.tables.table_panels import Layout, layout_of
from hepnb.plotting import COLOURS

if TYPE_CHECKING:
    from hepnb.pid.tables.efficiency_result import EfficiencyTable
    from hepnb.pid.tables.weight_result import WeightTable

__all__ = ("plot_efficiencies", "plot_efficiency_table", "plot_ratio")

_SIGNS = {1: "positive", -1: "negative"}


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_efficiency_table(table: EfficiencyTable, *, ax: Any = None) -> Any:
    """Draw one efficiency table against its first axis.

    Parameters
    ----------
    table
        What to draw. A charge axis becomes colours, other axes become panels.
    ax
        Axes, or as many as there are panels; by default a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        One per panel. Thick bars are statistical, thin ones include the systematic uncertainty.
        Points outside the frame are triangles on its edge; bins without a value are crosses.
    """
    layout = layout_of(table.axes)
    series = [_series(table.frame, "", layout, which) for which in range(len(layout.series))]
    about = {"sample": table.sample, "precut": table.precut}
    return draw(Figure(layout, series, "efficiency", table.cut, about), table.frame["status"], ax)


def plot_efficiencies(table: WeightTable, *, ax: Any = None) -> Any:
    """Draw the efficiencies in data (filled) and in simulation (open) against the first axis.

    Parameters
    ----------
    table, ax
        As in `plot_efficiency_table`.

    Returns
    -------
    ndarray of matplotlib.axes.Axes

    Raises
    ------
    BadTable
        If the table was read from a file that does not hold efficiencies.
    """
    if table.frame["data_efficiency"].isna().all():
        message = "this table holds no efficiencies; read it from its CSV or UHI file instead"
        raise BadTable(message)
    layout = layout_of(table.axes)
    series = [
        _series(table.frame, side, layout, which)
        for which in range(len(layout.series))
        for side in ("data", "MC")
    ]
    return draw(
        Figure(layout, series, "efficiency", table.cut, _about(table)), table.frame["status"], ax
    )


def plot_ratio(table: WeightTable, *, ax: Any = None) -> Any:
    """Draw the data/MC ratio with statistical bars and systematic bands, and a line at 1.

    Parameters
    ----------
    table, ax
        As in `plot_efficiency_table`.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
    """
    layout = layout_of(table.axes)
    series = [_series(table.frame, "data_MC", layout, which) for which in range(len(layout.series))]
    made = Figure(layout, series, "data / MC", table.cut, _about(table), ratio=True)
    return draw(made, table.frame["status"], ax)


def _about(table: WeightTable) -> dict[str, str]:
    return {
        "data": table.data_sample,
        "simulation": table.mc_sample,
        "precut": table.precut,
    }


def _series(frame: pd.DataFrame, side: str, layout: Layout, which: int) -> Series:
    """Points of one side (data, MC, data_MC, or the only one) and one charge."""
    value = {"": "efficiency", "data_MC": "data_MC_ratio"}.get(side, f"{side}_efficiency")
    bar = f"{side}_uncertainty_" if side else ""
    stat, sys = (
        np.array([frame[f"{bar}{kind}_{end}"].to_numpy(float) for end in ("dn", "up")])
        for kind in ("stat", "sys")
    )
    sign = layout.series[which]
    words = [side] if side in ("data", "MC") else []
    words += [_SIGNS[sign]] if sign else []
    return Series(
        frame[value].to_numpy(float),
        stat,
        sys,
        COLOURS[_SIGNS.get(sign, "mc" if side == "MC" else "data")],
        ", ".join(words),
        which,
        filled=side != "MC",
    )
