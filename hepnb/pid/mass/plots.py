"""Figures of mass fits: the fit itself, and its sWeights as functions of the mass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.plotting.mass import draw_mass_fit, draw_weights
from hepnb.plotting.style import axis_label
from hepnb.stats.intervals import poisson

if TYPE_CHECKING:
    from hepnb.pid.mass.result import Floats, MassFit

__all__ = ("plot_mass_fit", "plot_sweights")


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_mass_fit(fit: MassFit, ax: Any = None, *, box: bool = True) -> Any:
    """Draw the spectrum, the fit with its components, and the pulls.

    Parameters
    ----------
    fit
        What to draw.
    ax
        Pair of axes (spectrum, pulls) or a single one; made if None.
    box
        Whether yields and the quality of the fit are written in a corner.

    Returns
    -------
    matplotlib.axes.Axes or ndarray of them
    """
    spectrum, (lo, hi) = fit.spectrum, fit.range
    # where bins differ in width, contents are per mean width, so that the model is one curve
    width = (hi - lo) / len(spectrum.counts)
    relative = np.diff(spectrum.edges) / width
    grid = np.linspace(lo, hi, 600)
    curves = fit.model.pdf(grid, lo, hi, fit.shape_values) * width
    low, high = _error_bars(fit)
    return draw_mass_fit(
        spectrum.edges,
        spectrum.counts / relative,
        (low / relative, high / relative),
        grid=grid,
        components={
            name: n * curve for (name, n), curve in zip(fit.yields.items(), curves, strict=True)
        },
        pulls=fit.pulls,
        label=_mass_label(fit),
        unit=_tex(fit.unit),
        text=fit.summary() if box else "",
        axes=ax,
    )


def plot_sweights(fit: MassFit, alternative: MassFit | None = None, ax: Any = None) -> Any:
    """Draw the sWeights of each component as functions of the mass.

    Parameters
    ----------
    fit
        Whose weights are drawn as full lines.
    alternative
        Fit with another model, whose weights are drawn as dashed lines.
    ax
        Axes; made if None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    FitFailed
        If a fit gives no sWeights.
    """
    curves = {}
    for each, style in ((fit, "-"), (alternative, "--")):
        if each is None:
            continue
        # the upper end is outside the range
        grid = np.linspace(*each.range, 600, endpoint=False)
        for name, weights in zip(each.model.component_names, each.sweights(grid).T, strict=True):
            curves[name, each.model.name, style] = (grid, weights)
    return draw_weights(curves, label=_mass_label(fit), ax=ax)


def _error_bars(fit: MassFit) -> tuple[Floats, Floats]:
    counts = fit.spectrum.counts
    if fit.spectrum.weighted:
        sigma = np.sqrt(fit.spectrum.variances)
        return sigma, sigma
    low, high = poisson(counts)
    return counts - low, high - counts


def _tex(unit: str) -> str:
    return unit.replace("c^2", "$c^2$")


def _mass_label(fit: MassFit) -> str:
    name = fit.variable or "mass"
    return axis_label(name, _tex(fit.unit)) if fit.unit else axis_label(name)
