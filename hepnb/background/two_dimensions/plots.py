"""Figures of the f-test in two masses: projections, residuals in the plane, independence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.background.plots.display import curve, displayed, grid_edges, middles
from hepnb.background.two_dimensions.cells import Cells
from hepnb.background.two_dimensions.factorisation import Factorisation
from hepnb.background.two_dimensions.products import Factor, ProductFit
from hepnb.background.two_dimensions.result import FTest2D
from hepnb.errors import BadParameters
from hepnb.plotting.spectrum import Lower, draw_functions
from hepnb.plotting.style import COLOURS, axis_label, label, style

__all__ = ("plot_factorisation", "plot_projections", "plot_residuals")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_HIDDEN = "#d0d0d0"
_LARGEST = 4.0  # standard deviations, at the ends of the colours


def plot_projections(
    ftest: FTest2D, *, members: int = 5, lower: Lower = "difference", bins: int | None = None
) -> Any:
    """Draw both projections with the best products.

    Parameters
    ----------
    ftest
        The f-test.
    members
        Products that are drawn, the best ones: of the envelope, or of all if it is empty.
    lower
        What the lower panels show, against the best product.
    bins
        About how many are drawn of each mass.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        Of shape (2, 2): spectra above, comparisons below. Where a rectangle is hidden, the
        projections are of the candidates beside it, as is written on them.

    Raises
    ------
    BadParameters
        No product was fitted.
    """
    chosen = ftest.ranked[:members]
    if not chosen:
        raise BadParameters("no product was fitted; see the f-tests of the two masses")
    with style():
        figure, axes = plt.subplots(
            2, 2, figsize=(13.0, 6.0), sharex="col", height_ratios=(3.2, 1), layout="constrained"
        )
    figure.get_layout_engine().set(h_pad=0.02, hspace=0.0)
    both: tuple[Literal[0, 1], ...] = (0, 1)
    for axis in both:
        projection = ftest.spectrum.projection(axis)
        counts = displayed(projection, bins=bins)
        sides = [_Projected(fit, axis) for fit in chosen]
        # products that share their function of this mass are one curve here, but for the yield
        seen = {each.side.name: each for each in reversed(sides)}
        curves = [
            curve(each, counts.edges, bold=each is seen[sides[0].side.name])
            for each in sorted(seen.values(), key=sides.index)
        ]
        draw_functions(
            counts,
            middles(grid_edges(counts.edges)),
            curves,
            lower=lower,
            text=_band(ftest, axis),
            axes=axes[:, axis],
        )
        if lower == "difference":  # the panel is too low for the name of a function
            axes[1, axis].set_ylabel("Data $-$ best", loc="center", fontsize=11)
    refused = "" if ftest.envelope else ", which does not describe the data"
    label(axes[0, 0], ftest.spectrum.category)
    label(axes[0, 1], "", right=chosen[0].title + refused)
    return axes


def plot_residuals(fit: ProductFit, cells: Cells, *, ax: Any = None) -> Any:
    """Draw how many standard deviations the data are from a product, cell by cell.

    Parameters
    ----------
    fit
        The product.
    cells
        Such as ``ftest.cells``.
    ax
        Where; made if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    counts, expected = cells.sums(fit.spectrum.counts), cells.sums(fit.expected())
    ax = _plane(cells, _deviations(counts, expected), fit.spectrum.variables, fit.spectrum.unit, ax)
    label(ax, fit.title)
    return ax


def plot_factorisation(found: Factorisation, *, unit: str = "GeV") -> Any:
    """Draw the data against independent masses in the plane, and the G-test with its toys.

    Parameters
    ----------
    found
        The test.
    unit
        Of both masses.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The plane and the histogram.
    """
    with style():
        _, axes = plt.subplots(
            1, 2, figsize=(13.0, 4.8), layout="constrained", width_ratios=(1.2, 1)
        )
        _plane(
            found.cells, _deviations(found.counts, found.expected), found.variables, unit, axes[0]
        )
        label(axes[0], "data against independent masses")
        right = axes[1]
        right.hist(found.toys, bins=40, color=COLOURS["mc"], alpha=0.5, label="pseudo-experiments")
        right.axvline(
            found.g, ymax=0.7, color=COLOURS["signal"], label=f"data, p = {found.g_p:.2g}"
        )
        right.set_xlabel("G")
        right.set_ylabel("Pseudo-experiments")
        right.set_ylim(0, 1.4 * right.get_ylim()[1])
        text = (
            f"mixed term ${found.mixed:+.2f} \\pm {found.mixed_error:.2f}$, p = {found.mixed_p:.2g}"
        )
        right.legend(loc="upper right", title=text, alignment="right", title_fontsize=11)
        verdict = {
            "ok": "no dependence seen",
            "does_not_factorise": "the masses do not factorise",
            "too_few": "too few candidates to tell",
        }
        label(right, verdict[found.status])
    return axes


@dataclass(frozen=True)
class _Projected:
    """A product as a function of one mass: events beside what is hidden."""

    fit: ProductFit
    axis: Literal[0, 1]

    @property
    def side(self) -> Factor:
        return (self.fit.x, self.fit.y)[self.axis]

    @property
    def title(self) -> str:
        return self.side.title

    def expected(self, edges: ArrayLike | None = None) -> Floats:
        plane = self.fit.spectrum
        ends = (plane.x_edges, plane.y_edges)
        other = (self.fit.y, self.fit.x)[self.axis].fractions(ends[1 - self.axis])
        beside = float(other[plane.bands[self.axis]].sum())
        return (
            self.fit.total
            * beside
            * self.side.fractions(ends[self.axis] if edges is None else edges)
        )


def _band(ftest: FTest2D, axis: Literal[0, 1]) -> str:
    """Say in which part of the other mass a projection is made; empty: in all."""
    spectrum = ftest.spectrum
    other = spectrum.projection(1 if axis == 0 else 0)
    band = spectrum.bands[axis]
    if band.all():
        return ""
    left = np.flatnonzero(np.diff(np.concatenate([[0], (~band).astype(int), [0]])))
    windows = " and ".join(
        f"[{other.edges[low]:g}, {other.edges[high]:g})"
        for low, high in zip(left[::2], left[1::2], strict=True)
    )
    return f"{axis_label(other.variable, '')} outside\n{windows} {spectrum.unit}"


def _deviations(counts: Floats, expected: Floats) -> Floats:
    positive = expected > 0
    root = np.sqrt(np.where(positive, expected, 1.0))
    return np.where(positive, (counts - expected) / root, 0.0)


def _plane(cells: Cells, values: Floats, variables: tuple[str, str], unit: str, ax: Any) -> Any:
    with style():
        if ax is None:
            _, ax = plt.subplots(figsize=(7.2, 4.8), layout="constrained")
        shown = np.ma.masked_where(~cells.visible, values)
        mesh = ax.pcolormesh(
            cells.x_edges, cells.y_edges, shown.T, cmap="RdBu_r", vmin=-_LARGEST, vmax=_LARGEST,
            edgecolors="white", linewidth=0.4,
        )  # fmt: skip
        ax.set_facecolor(_HIDDEN)
        bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
        bar.set_label(r"(data $-$ expected) / $\sqrt{\mathrm{expected}}$", loc="center")
        if not cells.visible.all():
            ax.plot([], [], "s", color=_HIDDEN, ms=10, label="Blinded")
            ax.legend(loc="upper right", frameon=True, framealpha=0.8)
        ax.set_xlabel(axis_label(variables[0], _unit(variables[0], unit)))
        ax.set_ylabel(axis_label(variables[1], _unit(variables[1], unit)))
    return ax


def _unit(variable: str, unit: str) -> str | None:
    """Give the unit of a name that is not known; those known have their own."""
    return None if "[" in axis_label(variable) else unit
