"""What is drawn of a spectrum and of the functions fitted to it: bins of a talk, smooth curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.background.spectrum import MassSpectrum
from hepnb.plotting.spectrum import Counts, Curve
from hepnb.plotting.style import axis_label
from hepnb.stats.intervals import poisson

__all__ = (
    "BINS",
    "Drawable",
    "curve",
    "displayed",
    "event_label",
    "grid_edges",
    "middles",
    "on_grid",
    "rebinned_to",
)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

BINS = 80
"""Bins that are drawn, where those of the fit are a multiple: 1 GeV from 100 to 180 GeV."""

_EVENTS = 2.0  # per bin on average; where there are fewer, fewer bins are drawn
_FEWEST = 20  # bins

_GRID = 640  # points of a curve


class Drawable(Protocol):
    """A fitted function: its expectation in any bins, and what it is called."""

    @property
    def title(self) -> str:
        """In the legend."""
        ...

    def expected(self, edges: ArrayLike | None = None) -> Floats:
        """Events in each bin."""
        ...


def rebinned_to(spectrum: MassSpectrum, bins: int | None = None) -> MassSpectrum:
    """Merge bins to about as many as asked for, as near as a divisor of their number comes.

    Parameters
    ----------
    spectrum
        Fine bins.
    bins
        How many are wanted; None for `BINS`, or as few as 20 where they would be all but empty.

    Returns
    -------
    MassSpectrum
        Equal neighbours merged.
    """
    n = len(spectrum.counts)
    if bins is None:
        filled = spectrum.total / _EVENTS / max(float(spectrum.visible.mean()), 1.0 / n)
        bins = int(np.clip(filled, _FEWEST, BINS))
    divisors = [each for each in range(1, n + 1) if n % each == 0]
    # nearest in ratio, the finer one of two that are as near
    factor = min(divisors, key=lambda each: (abs(np.log(n / each / bins)), each))
    return spectrum.rebinned(factor) if factor > 1 else spectrum


def displayed(spectrum: MassSpectrum, *, bins: int | None = None, label: str = "") -> Counts:
    """Give a spectrum as it is drawn, with Poisson error bars.

    Parameters
    ----------
    spectrum
        Of any binning.
    bins
        About how many to draw; None: as `rebinned_to` finds best.
    label
        Title of the mass axis, with its unit; empty: from the spectrum.

    Returns
    -------
    Counts
        In bins of equal width as they are; contents of uneven ones per mean width.
    """
    coarse = rebinned_to(spectrum, bins)
    width, relative = _widths(coarse.edges)
    low, high = poisson(coarse.counts)
    errors = ((coarse.counts - low) / relative, (high - coarse.counts) / relative)
    if coarse.weighted:  # no candidate is counted, so that only the size of the sum is known
        errors = (np.sqrt(coarse.counts) / relative,) * 2
    return Counts(
        coarse.edges,
        coarse.counts / relative,
        errors,
        coarse.visible,
        label or axis_label(coarse.variable, coarse.unit),
        event_label(width, coarse.unit),
    )


def event_label(width: float, unit: str) -> str:
    """Title of the vertical axis: ``Events / GeV``, ``Events / (0.5 GeV)``."""
    if not unit:
        return f"Events / {width:.3g}"
    return f"Events / {unit}" if np.isclose(width, 1.0) else f"Events / ({width:.3g} {unit})"


def grid_edges(edges: Floats) -> Floats:
    """Give narrow bins over the range of others, in which curves are evaluated."""
    return np.linspace(edges[0], edges[-1], _GRID + 1)


def on_grid(expected: Floats, grid: Floats, edges: Floats) -> Floats:
    """Turn events in narrow bins into the height of a curve over the bins of a spectrum.

    Parameters
    ----------
    expected
        Events in the bins of `grid`, of shape (..., points).
    grid
        Edges of narrow bins, of shape (points + 1,).
    edges
        Edges of the bins that are drawn.

    Returns
    -------
    ndarray
        Events per mean width of the drawn bins, at the middles of the narrow ones.
    """
    return np.asarray(expected / np.diff(grid) * _widths(edges)[0])


def curve(fit: Drawable, edges: Floats, *, label: str = "", **look: Any) -> Curve:
    """Give a fitted function as it is drawn over bins.

    Parameters
    ----------
    fit
        The function.
    edges
        Bins that are drawn.
    label
        In the legend; empty: the title of the fit.
    **look
        ``colour``, ``dashes``, ``bold`` of `Curve`.

    Returns
    -------
    Curve
        Its grid is the middles of `grid_edges`.
    """
    grid = grid_edges(edges)
    values = on_grid(fit.expected(grid), grid, edges)
    return Curve(label or fit.title, values, fit.expected(edges) / _widths(edges)[1], **look)


def _widths(edges: Floats) -> tuple[float, Floats]:
    widths = np.diff(edges)
    return float(widths.mean()), widths / widths.mean()


def middles(edges: Sequence[float] | Floats) -> Floats:
    """Middles of bins."""
    ends = np.asarray(edges, float)
    return np.asarray(0.5 * (ends[1:] + ends[:-1]))
