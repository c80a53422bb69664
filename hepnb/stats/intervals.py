"""Confidence intervals of counted numbers: efficiencies (k of n) and Poisson counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special as _special

from hepnb.errors import BadParameters

__all__ = ("clopper_pearson", "poisson", "wilson")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


def clopper_pearson(k: ArrayLike, n: ArrayLike, level: float = 0.6827) -> tuple[Floats, Floats]:
    """Central interval of an efficiency that never covers less than `level`.

    Parameters
    ----------
    k, n
        Number that passed and number tried, unweighted, of shapes that broadcast.
    level
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of ndarray
        Lower and upper limits, in the common shape. With ``k = 0`` the lower limit is 0, with
        ``k = n`` the upper limit is 1, with ``n = 0`` the interval is ``[0, 1]``. NaN in gives NaN.

    Raises
    ------
    BadParameters
        If a count is negative, `k` exceeds `n`, or `level` is not between 0 and 1.

    Notes
    -----
    C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404. Guaranteed coverage, at the price
    of width: use it for limits and for small `n`. `wilson` is the compact alternative.
    """
    passed, tried = _checked(k, n, level)
    tail = 0.5 * (1.0 - level)
    with np.errstate(invalid="ignore"):
        low = _special.betaincinv(_least(passed), tried - passed + 1.0, tail)
        high = _special.betainccinv(passed + 1.0, _least(tried - passed), tail)
    low = np.where(passed == 0, 0.0, low)
    high = np.where(passed == tried, 1.0, high)
    return _known(low, passed, tried), _known(high, passed, tried)


def wilson(k: ArrayLike, n: ArrayLike, level: float = 0.6827) -> tuple[Floats, Floats]:
    """Score interval of an efficiency: compact, never of zero width, covers `level` on average.

    Parameters
    ----------
    k, n
        Number that passed and number tried, unweighted, of shapes that broadcast.
    level
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of ndarray
        Lower and upper limits, in the common shape; ``[0, 1]`` for ``n = 0``. NaN in gives NaN.

    Raises
    ------
    BadParameters
        If a count is negative, `k` exceeds `n`, or `level` is not between 0 and 1.

    Notes
    -----
    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209. It can cover too little where `n` is small
    and the efficiency is near 0 or 1 (38 % in place of 68 % at n = 20 and 0.95).
    """
    passed, tried = _checked(k, n, level)
    z = float(-_special.ndtri(0.5 * (1.0 - level)))
    # k (n - k) / n is zero without trials, so the interval is then exactly [0, 1]
    spread = passed * (tried - passed) / np.where(tried > 0, tried, 1.0)
    centre = (passed + 0.5 * z * z) / (tried + z * z)
    half = z / (tried + z * z) * np.sqrt(spread + 0.25 * z * z)
    low = np.where(passed == 0, 0.0, centre - half)
    high = np.where(passed == tried, 1.0, centre + half)
    return _known(low, passed, tried), _known(high, passed, tried)


def poisson(n: ArrayLike, level: float = 0.6827) -> tuple[Floats, Floats]:
    """Central interval of the expectation of a Poisson count, for error bars of a spectrum.

    Parameters
    ----------
    n
        Counts.
    level
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of ndarray
        Lower and upper limits; the lower one of ``n = 0`` is 0. NaN in gives NaN.

    Raises
    ------
    BadParameters
        If a count is negative, or `level` is not between 0 and 1.

    Notes
    -----
    F. Garwood, Biometrika 28 (1936) 437. It never covers less than `level`.
    """
    counts, _ = _checked(n, np.inf, level)
    tail = 0.5 * (1.0 - level)
    low = np.where(counts == 0, 0.0, _special.gammaincinv(_least(counts), tail))
    high = _special.gammainccinv(counts + 1.0, tail)
    return _known(low, counts, counts), _known(high, counts, counts)


def _checked(k: ArrayLike, n: ArrayLike, level: float) -> tuple[Floats, Floats]:
    if not 0.0 < level < 1.0:
        message = f"level {level} is not between 0 and 1; use 0.6827 for one standard deviation"
        raise BadParameters(message)
    passed, tried = np.broadcast_arrays(np.asarray(k, float), np.asarray(n, float))
    wrong = (passed < 0) | (passed > tried)
    if np.any(wrong):
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        message = (
            f"k = {passed[first]:g} of n = {tried[first]:g}: counts need 0 <= k <= n; "
            "for weighted counts use hepnb.stats.weighted.efficiency"
        )
        raise BadParameters(message)
    return passed, tried


def _least(count: Floats) -> Floats:
    """Keep a count of zero, whose limit is known, off the edge of a function's domain."""
    return np.where(count > 0, count, 1.0)


def _known(limit: Floats, passed: Floats, tried: Floats) -> Floats:
    return np.where(np.isnan(passed) | np.isnan(tried), np.nan, limit)
