"""How wide a signal is, and how much each category tells of it: effective sigma and S/(S+B)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.background.signal.shapes import Peak
from hepnb.errors import BadParameters

__all__ = (
    "ONE_SIGMA",
    "CategoryWeights",
    "category_weights",
    "effective_sigma",
    "narrowest_interval",
    "narrowest_window",
    "purity_weights",
)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

ONE_SIGMA = 0.6826894921370859
"""Probability of a normal variable within one standard deviation."""

_BINS = 20_000  # of a window of some widths: the linear interpolation is then good to 1e-6


class CategoryWeights(NamedTuple):
    """S/(S+B) of each category, and what it was computed from."""

    weights: dict[str, float]
    """Category to weight, scaled so that weighting does not change the sum of signals."""
    signal: dict[str, float]
    """Category to signal events inside its window."""
    background: dict[str, float]
    """Category to background events inside its window."""
    windows: dict[str, tuple[float, float]]
    """Category to the window: one effective sigma on each side, in units of mass."""


def narrowest_interval(
    edges: ArrayLike, contents: ArrayLike, level: float = ONE_SIGMA
) -> tuple[float, float]:
    """Shortest interval that holds a share of a histogram, bins being flat.

    Parameters
    ----------
    edges, contents
        Histogram, of shapes (bins + 1,) and (bins,); contents are not negative.
    level
        Share of the sum, between 0 and 1.

    Returns
    -------
    tuple of float
        The interval, exact: the length is piecewise linear in where the interval begins, hence
        smallest where it begins or ends at an edge.

    Raises
    ------
    BadParameters
        If `level` is not between 0 and 1, or the histogram is empty or negative.
    """
    x, n = np.asarray(edges, float), np.asarray(contents, float)
    if not 0 < level < 1:
        message = f"level {level:g} is not between 0 and 1"
        raise BadParameters(message)
    if len(x) != len(n) + 1 or not (n.min(initial=0.0) >= 0 and n.sum() > 0):
        message = f"{len(n)} contents of sum {n.sum():g}: give a histogram that is not empty"
        raise BadParameters(message)
    sums = np.concatenate([[0.0], np.cumsum(n)]) / n.sum()
    sums[-1] = 1.0
    starts = np.concatenate([sums, sums - level])
    starts = starts[(starts >= 0) & (starts <= 1.0 - level)]
    # empty bins would make the inverse ambiguous: the last edge of a plateau begins an interval,
    # the first one ends it
    last = np.append(np.diff(sums) > 0, True)
    first = np.insert(np.diff(sums) > 0, 0, True)
    low = np.interp(starts, sums[last], x[last])
    high = np.interp(starts + level, sums[first], x[first])
    best = int(np.argmin(high - low))
    return float(low[best]), float(high[best])


def narrowest_window(signal: Peak, level: float = ONE_SIGMA) -> tuple[float, float]:
    """Shortest interval of mass that holds a share of a signal's events inside its range.

    Parameters
    ----------
    signal
        The shape.
    level
        Share of the events inside the range.

    Returns
    -------
    tuple of float
        In units of mass, good to 1e-6 of the width.
    """
    reach = 4.0 * signal.width
    while True:
        low, high = max(signal.position - reach, signal.lo), min(signal.position + reach, signal.hi)
        share = float(signal.fractions([low, high])[0])
        # what lies beyond is thinner than anything inside
        if share > 1.0 - 0.25 * (1.0 - level) or reach > 1e6 * signal.width:
            break
        reach *= 2.0
    edges = np.linspace(low, high, _BINS + 1)
    return narrowest_interval(edges, signal.fractions(edges), level / share)


def effective_sigma(signal: Peak) -> float:
    """Half the length of the shortest interval with 68.27 % of the signal.

    Parameters
    ----------
    signal
        The shape; for a Gaussian this is its sigma.

    Returns
    -------
    float
        In units of mass.
    """
    low, high = narrowest_window(signal)
    return 0.5 * (high - low)


def purity_weights(signal: ArrayLike, background: ArrayLike, total: ArrayLike) -> Floats:
    """Weights S/(S+B), scaled so that the weighted sum of signals is the sum of signals.

    Parameters
    ----------
    signal, background
        Events of each category inside its window.
    total
        All signal events of each category, whose sum is kept.

    Returns
    -------
    ndarray
        ``w_c = S_c / (S_c + B_c) * sum(total) / sum(total S / (S + B))``, one per category; 1 for
        each where no category has any signal.

    Raises
    ------
    BadParameters
        If a number is negative or not finite, or a category is empty.

    Notes
    -----
    As in CMS, arXiv:1804.02716, figure 15, and its successors.
    """
    s, b, whole = (np.atleast_1d(np.asarray(each, float)) for each in (signal, background, total))
    for name, values in (("signal", s), ("background", b), ("total", whole)):
        if not (np.isfinite(values).all() and (values >= 0).all()):
            message = f"{name} = {values.tolist()}: expected events are finite and not negative"
            raise BadParameters(message)
    if not (s + b > 0).all():
        message = "a category expects neither signal nor background in its window; leave it out"
        raise BadParameters(message)
    purity = s / (s + b)
    kept = float(whole @ purity)
    return purity * whole.sum() / kept if kept > 0 else np.ones_like(purity)


def category_weights(fits: Mapping[str, object]) -> CategoryWeights:
    """Weights of categories from their fits of signal plus background.

    Parameters
    ----------
    fits
        Category to a fit with ``signal`` (a shape) and ``background`` (with ``expected(edges)``).

    Returns
    -------
    CategoryWeights
        From the signal expected at strength 1, so that weights do not follow a fluctuation of the
        data, and the fitted background, each in one effective sigma about the centre of the
        narrowest 68 % window.
    """
    windows = {name: narrowest_window(fit.signal) for name, fit in fits.items()}  # type: ignore[attr-defined]
    signal, background, total = {}, {}, []
    for name, fit in fits.items():
        shape, edges = fit.signal, np.array(windows[name])  # type: ignore[attr-defined]
        signal[name] = float(shape.expected * shape.fractions(edges)[0])
        background[name] = float(fit.background.expected(edges)[0])  # type: ignore[attr-defined]
        total.append(float(shape.expected))
    weights = purity_weights(list(signal.values()), list(background.values()), total)
    named = dict(zip(fits, weights.tolist(), strict=True))
    return CategoryWeights(named, signal, background, windows)
