"""Signal on background: each category, and all of them weighted by S/(S+B)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.background.plots.bands import LEVELS, band_label, toy_bands, toy_curves
from hepnb.background.plots.display import (
    Drawable,
    curve,
    displayed,
    grid_edges,
    middles,
    on_grid,
    rebinned_to,
)
from hepnb.background.signal.shapes import SignalShape
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters
from hepnb.plotting.spectrum import Counts, Curve, Lower, draw_signal_and_background
from hepnb.stats.intervals import poisson

__all__ = ("CategoryFit", "plot_category", "plot_weighted_sum", "weighted_counts")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class CategoryFit(NamedTuple):
    """A category as the figures take it."""

    spectrum: MassSpectrum
    """The data."""
    background: Drawable
    """The background component: anything with ``expected(edges)`` and a ``title``."""
    signal: SignalShape | None = None
    """Shape of the signal; None draws background alone."""
    strength: float = 1.0
    """Multiple of the signal that is drawn on top."""
    toys: Sequence[Any] = ()
    """Backgrounds of refitted pseudo-experiments, with ``expected(edges)``."""


def plot_category(
    fit: CategoryFit,
    *,
    lower: Lower = "difference",
    bins: int | None = None,
    levels: Sequence[float] = LEVELS,
    label: str = "",
    text: str = "",
    axes: Any = None,
) -> Any:
    """Draw one category: data, signal plus background, background with its bands.

    Parameters
    ----------
    fit
        The category. Where a window is hidden, the signal is the one expected and is named so.
    lower
        What the lower panel shows: ``difference`` is data less background.
    bins
        About how many bins are drawn; None: 80, or fewer where events are few.
    levels
        Probability content of the bands.
    label
        Title of the mass axis; empty: from the spectrum.
    text
        Lines in the upper left corner; empty: the category.
    axes
        Pair of axes, or a single one; made if None.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The two axes, or the one.
    """
    counts = displayed(fit.spectrum, bins=bins, label=label)
    grid = grid_edges(counts.edges)
    background = curve(fit.background, counts.edges, label="B component")
    toys = toy_curves(fit.toys, grid) if len(fit.toys) else None
    return _draw(
        counts,
        background,
        None if fit.signal is None else on_grid(_signal(fit, grid), grid, counts.edges),
        toys if toys is None else on_grid(toys, grid, counts.edges),
        name=_sum_name(fit),
        levels=levels,
        lower=lower,
        text=text or fit.spectrum.category,
        axes=axes,
    )


def plot_weighted_sum(
    fits: Mapping[str, CategoryFit],
    weights: Mapping[str, float],
    *,
    lower: Lower = "difference",
    bins: int | None = None,
    levels: Sequence[float] = LEVELS,
    label: str = "",
    text: str = "All categories\nS/(S+B) weighted",
    axes: Any = None,
) -> Any:
    """Draw the sum of categories, each weighted by how much it tells of the signal.

    Parameters
    ----------
    fits
        Category to its fit; all in the same bins of the fit.
    weights
        Category to weight, as `category_weights` gives them.
    lower, bins, levels, label, text, axes
        As for `plot_category`.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The two axes, or the one.

    Raises
    ------
    BadParameters
        The categories differ in their bins, or one has no weight.
    """
    counts = weighted_counts({name: fit.spectrum for name, fit in fits.items()}, weights, bins=bins)
    counts = counts._replace(xlabel=label or counts.xlabel)
    grid, edges = grid_edges(counts.edges), counts.edges
    factors = [weights[name] for name in fits]
    each = [curve(fit.background, edges, label="B component") for fit in fits.values()]
    background = each[0]._replace(
        values=_weighted(factors, [one.values for one in each]),
        expected=_weighted(factors, [one.expected for one in each]),
    )
    signals = [_signal(fit, grid) for fit in fits.values() if fit.signal is not None]
    toys = [toy_curves(fit.toys, grid) for fit in fits.values() if len(fit.toys)]
    # toys of categories are independent, so that any order of each makes toys of the sum
    number = min((len(one) for one in toys), default=0)
    summed = _weighted(factors, [one[:number] for one in toys]) if len(toys) == len(fits) else None
    return _draw(
        counts,
        background,
        on_grid(_weighted(factors, signals), grid, edges) if len(signals) == len(fits) else None,
        None if summed is None else on_grid(summed, grid, edges),
        name=_sum_name(next(iter(fits.values()))),
        levels=levels,
        lower=lower,
        text=text,
        axes=axes,
    )


def weighted_counts(
    spectra: Mapping[str, MassSpectrum], weights: Mapping[str, float], *, bins: int | None = None
) -> Counts:
    """Add spectra with weights, as they are drawn.

    Parameters
    ----------
    spectra
        Category to spectrum; all in the same bins.
    weights
        Category to weight.
    bins
        About how many bins are drawn.

    Returns
    -------
    Counts
        A bin is visible where it is so in every category. The error bars are those of a Poisson
        number with the same relative variance, scaled (G. Bohm and G. Zech, Nucl. Instrum. Meth. A
        748 (2014) 1); those of an empty bin have the mean weight of all events.

    Raises
    ------
    BadParameters
        There is no spectrum, bins differ, or a category has no weight.
    """
    _check_same(spectra, weights)
    first = next(iter(spectra.values()))
    together = first.with_counts(sum(each.counts for each in spectra.values()))
    n_bins = len(rebinned_to(together, bins).counts)
    drawn = [displayed(each, bins=n_bins) for each in spectra.values()]
    factors = [weights[name] for name in spectra]
    sum_w = _weighted(factors, [each.values for each in drawn])
    sum_w2 = _weighted(np.square(factors), [each.values for each in drawn])
    events = float(sum(each.values.sum() for each in drawn))
    mean = sum_w.sum() / events if events else 1.0
    scale = np.where(sum_w > 0, sum_w2 / np.where(sum_w > 0, sum_w, 1.0), mean)
    low, high = poisson(sum_w / scale)
    return Counts(
        drawn[0].edges,
        sum_w,
        (sum_w - scale * low, scale * high - sum_w),
        np.all([each.visible for each in drawn], axis=0),
        drawn[0].xlabel,
        f"S/(S+B) weighted {drawn[0].ylabel[:1].lower()}{drawn[0].ylabel[1:]}",
    )


def _check_same(spectra: Mapping[str, MassSpectrum], weights: Mapping[str, float]) -> None:
    if not spectra:
        message = "there is no category to add up; give at least one"
        raise BadParameters(message)
    (first, one), *others = spectra.items()
    for name, each in others:
        if not np.array_equal(one.edges, each.edges):
            message = (
                f"categories {first!r} and {name!r} have different bins; read them with the same "
                "range and bins"
            )
            raise BadParameters(message)
    for name in spectra:
        if name not in weights:
            message = f"category {name!r} has no weight (known: {', '.join(weights) or 'none'})"
            raise BadParameters(message)


def _weighted(factors: Any, arrays: Sequence[Floats]) -> Floats:
    return np.asarray(sum(w * each for w, each in zip(factors, arrays, strict=True)), float)


def _signal(fit: CategoryFit, edges: Floats) -> Floats:
    shape = fit.signal
    assert shape is not None
    return np.asarray(fit.strength * shape.expected * shape.fractions(edges), float)


def _sum_name(fit: CategoryFit) -> str:
    if fit.spectrum.visible.all():
        return "S + B fit"
    return rf"B + expected S, $\mu$ = {fit.strength:g}"


def _draw(
    counts: Counts,
    background: Curve,
    signal: Floats | None,
    toys: Floats | None,
    *,
    name: str,
    levels: Sequence[float],
    **options: Any,
) -> Any:
    grid = grid_edges(counts.edges)
    bands = None
    if toys is not None:
        found = toy_bands(toys, grid, levels, centre=background.values)
        bands = {band_label(level): ends for level, ends in found.items()}
    return draw_signal_and_background(
        counts, middles(grid), background, signal=signal, signal_label=name, bands=bands, **options
    )
