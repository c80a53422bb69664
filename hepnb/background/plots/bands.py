"""Bands of curves: where the fits of pseudo-experiments lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special as _special

from hepnb.errors import BadParameters

__all__ = ("LEVELS", "band_label", "toy_bands", "toy_curves")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

LEVELS = (0.6826894921370859, 0.9544997361036416)
"""One and two standard deviations."""


def toy_curves(fits: Sequence[Any] | ArrayLike, edges: ArrayLike) -> Floats:
    """Give the expectation of each refit in bins.

    Parameters
    ----------
    fits
        Objects with ``expected(edges)``, or their curves, of shape (toys, bins).
    edges
        Of the bins, of shape (bins + 1,).

    Returns
    -------
    ndarray
        Events, of shape (toys, bins).

    Raises
    ------
    BadParameters
        There is no toy, or the curves are not of these bins.
    """
    if len(fits) == 0:  # type: ignore[arg-type]
        message = "no toy was refitted; bands need at least two, better some hundreds"
        raise BadParameters(message)
    given = list(fits)  # type: ignore[arg-type]
    rows = [each.expected(edges) if hasattr(each, "expected") else each for each in given]
    curves = np.asarray(rows, float)
    bins = len(np.asarray(edges)) - 1
    if curves.ndim != 2 or curves.shape[1] != bins:
        message = f"curves of shape {curves.shape} do not fit {bins} bins; give (toys, {bins})"
        raise BadParameters(message)
    return curves


def toy_bands(
    fits: Sequence[Any] | ArrayLike,
    edges: ArrayLike,
    levels: Sequence[float] = LEVELS,
    *,
    centre: ArrayLike | None = None,
) -> dict[float, tuple[Floats, Floats]]:
    """Give central bands of curves from fits to pseudo-experiments, bin by bin.

    Parameters
    ----------
    fits
        Objects with ``expected(edges)``, or their curves, of shape (toys, bins).
    edges
        Of the bins, of shape (bins + 1,).
    levels
        Probability content of each band, between 0 and 1.
    centre
        Curve on which the bands are put in place of the median of the toys, of shape (bins,);
        pseudo-experiments of a constrained function scatter about their mean, not about it.

    Returns
    -------
    dict
        Level to lower and upper ends, each of shape (bins,).

    Raises
    ------
    BadParameters
        No toys, curves of other bins, or a level that is not between 0 and 1.
    """
    curves = toy_curves(fits, edges)
    for level in levels:
        if not 0 < level < 1:
            message = f"level {level:g} is not between 0 and 1"
            raise BadParameters(message)
    shift = 0.0 if centre is None else np.asarray(centre, float) - np.median(curves, axis=0)
    found = {}
    for level in levels:
        low, high = np.quantile(curves, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
        found[float(level)] = (low + shift, high + shift)
    return found


def band_label(level: float) -> str:
    """Name of a band in sigmas, or its per cent where it is no whole number of them."""
    sigmas = float(-_special.ndtri(0.5 * (1.0 - level)))
    whole = round(sigmas)
    if whole and abs(sigmas - whole) < 0.01:
        return rf"$\pm {whole}\sigma$"
    return f"{100 * level:.3g} %"
