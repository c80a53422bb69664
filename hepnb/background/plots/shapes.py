"""Shapes of the signal, category by category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hepnb.background.signal.shapes import Peak
from hepnb.background.signal.weighting import effective_sigma
from hepnb.plotting.room import make_room
from hepnb.plotting.style import new_axes, style

__all__ = ("plot_signal_shapes",)


def __dir__() -> tuple[str, ...]:
    return __all__


_REACH = 5.0  # widths on either side that are shown


def plot_signal_shapes(
    signals: Mapping[str, Peak], *, label: str = "", unit: str = "GeV", ax: Any = None
) -> Any:
    """Draw the densities of signals, with their effective widths and expected events.

    Parameters
    ----------
    signals
        Category to signal.
    label
        Title of the mass axis, with its unit.
    unit
        Of the mass.
    ax
        Axes; made if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = new_axes() if ax is None else ax
    ends = [(each.position - _REACH * each.width, each.position + _REACH * each.width)
            for each in signals.values()]  # fmt: skip
    low = max(min(low for low, _ in ends), min(each.lo for each in signals.values()))
    high = min(max(high for _, high in ends), max(each.hi for each in signals.values()))
    edges = np.linspace(low, high, 801)
    with style():
        for (name, each), dashes in zip(signals.items(), _dashes(len(signals)), strict=True):
            # shares of bins, so that the steps of a template are drawn as what they are
            height = each.fractions(edges) / np.diff(edges)
            told = rf"$\sigma_\mathrm{{eff}}$ = {effective_sigma(each):.3g} {unit}"
            text = f"{name}: S = {each.expected:.3g}, {told}"
            ax.plot(0.5 * (edges[1:] + edges[:-1]), height, dashes, label=text)
        ax.set_xlim(low, high)
        ax.set_ylim(0.0, 1.08 * ax.dataLim.y1)
        ax.set_xlabel(label or f"mass [{unit}]")
        ax.set_ylabel(f"Probability / {unit}")
        make_room(ax, [ax.legend(loc="upper right", fontsize=10)])
    return ax


def _dashes(number: int) -> list[str]:
    """Give another dash once the palette of seven colours is used up."""
    return [("-", "--", "-.", ":")[(i // 7) % 4] for i in range(number)]
