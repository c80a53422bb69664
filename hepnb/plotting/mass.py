"""Figures of a mass fit: spectrum, model and pulls; sWeights as functions of the mass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.plotting.room import make_room
from hepnb.plotting.style import COLOURS, new_axes, style

__all__ = ("draw_mass_fit", "draw_weights")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_SPARE = ("#e76300", "#832db6", "#b9ac70", "#92dadd", "#717581")


def draw_mass_fit(
    edges: Floats,
    counts: Floats,
    errors: tuple[Floats, Floats],
    *,
    grid: Floats,
    components: Mapping[str, Floats],
    pulls: Floats,
    label: str,
    unit: str,
    text: str = "",
    axes: Any = None,
) -> Any:
    """Draw a mass spectrum with its fit, and the pulls in a panel below.

    Parameters
    ----------
    edges, counts
        Histogram, of shapes (bins + 1,) and (bins,).
    errors
        Lengths of the error bars ``(down, up)``, each of shape (bins,).
    grid, components
        Masses, and for each component, by name, its expectation per bin at these masses.
    pulls
        Of shape (bins,); bins that are NaN are left blank.
    label, unit
        Of the mass axis, with its unit, and the unit alone.
    text
        Lines for a box in the upper left corner, such as yields.
    axes
        Pair of axes (spectrum, pulls), or a single one for the spectrum alone; made if None.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The two axes, or the one.
    """
    if axes is None:
        axes = new_axes(panel=True)
    pair = np.atleast_1d(np.asarray(axes, dtype=object))
    with style():
        _draw_model(pair[0], grid, components)
        _draw_data(pair[0], edges, counts, errors)
        pair[0].set_ylabel(f"Candidates / ({np.diff(edges).mean():.3g}{unit and ' ' + unit})")
        if len(pair) > 1:
            _draw_pulls(pair[1], edges, pulls)
            pair[0].tick_params(labelbottom=False)
        pair[-1].set_xlabel(label)
        _annotate(pair[0], text)
    return axes if isinstance(axes, np.ndarray) or len(pair) == 1 else pair


def _draw_model(ax: Any, grid: Floats, components: Mapping[str, Floats]) -> None:
    spare = iter(_SPARE * (1 + len(components)))
    for name, curve in components.items():
        colour = COLOURS.get(name) or next(spare)
        if name == "background":
            ax.fill_between(grid, curve, color=colour, alpha=0.35, lw=0, zorder=1)
        dashes = "-" if name == "background" else "--"
        ax.plot(grid, curve, dashes, color=colour, label=name.capitalize(), zorder=2)
    total = np.sum(list(components.values()), axis=0)
    ax.plot(grid, total, color=COLOURS["fit"], label="Fit", zorder=3)


def _draw_data(ax: Any, edges: Floats, counts: Floats, errors: tuple[Floats, Floats]) -> None:
    centres = 0.5 * (edges[1:] + edges[:-1])
    style = {"fmt": "o", "ms": 3, "lw": 0.9, "color": COLOURS["data"], "zorder": 4}
    ax.errorbar(centres, counts, yerr=np.asarray(errors), label="Data", **style)
    ax.set_xlim(edges[0], edges[-1])
    bottom, top = float(np.min(counts - errors[0])), float(np.max(counts + errors[1]))
    ax.set_ylim(min(0.0, 1.1 * bottom), 1.12 * top)


def _draw_pulls(ax: Any, edges: Floats, pulls: Floats) -> None:
    ax.axhspan(-3, 3, color=COLOURS["background"], alpha=0.18, lw=0)
    ax.axhspan(-2, 2, color=COLOURS["background"], alpha=0.28, lw=0)
    ax.axhline(0, color=COLOURS["fit"], lw=1.2)
    ax.bar(0.5 * (edges[1:] + edges[:-1]), pulls, np.diff(edges), color=COLOURS["data"], zorder=2)
    reach = max(4.0, 1.1 * float(np.nanmax(np.abs(pulls), initial=0.0)))
    ax.set_ylim(-reach, reach)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylabel("Pull", loc="center")


def _annotate(ax: Any, text: str) -> None:
    """Put the legend and the box in the upper corners, and make room until they hide nothing."""
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: (labels[i] != "Data", labels[i] != "Fit", i))
    legend = ax.legend([handles[i] for i in order], [labels[i] for i in order], loc="upper right")
    boxes = [legend]
    if text:
        boxes.append(
            ax.text(0.025, 0.965, text, transform=ax.transAxes, va="top", fontsize=9.5, zorder=5)
        )
    make_room(ax, boxes)


def draw_weights(
    curves: Mapping[tuple[str, str, str], tuple[Floats, Floats]], *, label: str, ax: Any = None
) -> Any:
    """Draw sWeights as functions of the mass.

    Parameters
    ----------
    curves
        Component, name of the model and line style, to masses and weights of one shape.
    label
        Of the mass axis, with its unit.
    ax
        Axes; made if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = new_axes() if ax is None else ax
    spare = iter(_SPARE * (1 + len(curves)))
    colours: dict[str, str] = {}
    with style():
        ax.axhline(0.0, color=COLOURS["data"], lw=0.8)
        for (component, model, line), (mass, weights) in curves.items():
            colour = colours.setdefault(component, COLOURS.get(component) or next(spare))
            text = f"{component.capitalize()} ({model})"
            ax.plot(mass, weights, line, color=colour, label=text)
        ax.margins(x=0)
        ax.set_xlabel(label)
        ax.set_ylabel("sWeight")
        _annotate(ax, "")
    return ax
