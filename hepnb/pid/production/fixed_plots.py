"""The figure of many weight tables: the average weight of each, at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.plotting.style import COLOURS, new_axes, style

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("plot_mean_weights",)


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_mean_weights(index: pd.DataFrame, ax: Any = None) -> Any:
    """Draw the average weight of each table with its statistical uncertainty.

    Parameters
    ----------
    index
        See `hepnb.pid.production.fixed_weights.FixedWeights.index`.
    ax
        Axes; made if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    groups = list(index.groupby(["file", "precut"], sort=False))
    if ax is None:
        ax = new_axes(figsize=(7.2, 0.8 + 0.36 * (len(index) + len(groups))))
    row = 0
    ticks: list[int] = []
    labels: list[str] = []
    heads: list[int] = []  # places of the files among the labels
    with style():
        ax.axvline(1, color=COLOURS["data"], lw=0.8)
        for (file, _), tables in groups:
            own = (tables["reconstructed"] == tables["true"]).all()
            title = f"{file.removesuffix('.csv')} ({'efficiency' if own else 'fake rate'})"
            ticks.append(row)
            heads.append(len(labels))
            labels.append(title)
            places = row + 1 + np.arange(len(tables))
            ax.errorbar(
                tables["mean_weight"].to_numpy(),
                places,
                xerr=tables[["uncertainty_dn", "uncertainty_up"]].to_numpy().T,
                fmt="o",
                color=COLOURS["mc" if own else "signal"],
            )
            ticks += places.tolist()
            labels += tables["cut"].tolist()
            row += 1 + len(tables)
        ax.set_yticks(ticks, labels, fontsize=9)
        for number in heads:
            ax.get_yticklabels()[number].set_fontweight("bold")
        ax.tick_params(axis="y", which="both", length=0)
        ax.set_ylim(row - 0.4, -0.6)
        ax.set_xlabel("Average data/MC weight")
    return ax
