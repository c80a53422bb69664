"""Statistics of weighted counts: efficiencies, their ratios and effective sample sizes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ("Efficiency", "Ratio", "effective_sample_size", "efficiency", "ratio")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class Efficiency(NamedTuple):
    """An efficiency and its variance, elementwise."""

    value: Floats
    """Efficiency; it may lie outside [0, 1] with weights of both signs."""
    variance: Floats
    """Variance of the efficiency; never negative."""


class Ratio(NamedTuple):
    """A ratio and the lengths of its error bars, elementwise."""

    value: Floats
    """Numerator over denominator."""
    down: Floats
    """Length of the downward error bar, not negative."""
    up: Floats
    """Length of the upward error bar, not negative."""


def effective_sample_size(sum_w: ArrayLike, sum_w2: ArrayLike) -> Floats:
    """Give the number of unweighted entries that would have the same relative uncertainty.

    Parameters
    ----------
    sum_w, sum_w2
        Sum of weights and of squared weights, of shapes that broadcast.

    Returns
    -------
    ndarray
        ``sum_w**2 / sum_w2``; 0 where there are no entries (``sum_w2 == 0``).
    """
    total, square = np.broadcast_arrays(np.asarray(sum_w, float), np.asarray(sum_w2, float))
    some = square != 0
    return np.where(some, total**2 / np.where(some, square, 1.0), 0.0)


def efficiency(
    pass_w: ArrayLike, pass_w2: ArrayLike, total_w: ArrayLike, total_w2: ArrayLike
) -> Efficiency:
    """Efficiency of a requirement from weighted counts, with its variance.

    Parameters
    ----------
    pass_w, pass_w2
        Sum of weights and of squared weights of the candidates that pass.
    total_w, total_w2
        The same sums over all candidates, those that pass included.

    Returns
    -------
    Efficiency
        ``(value, variance)`` in the common shape. Both are NaN where the total is not positive or
        not finite: such a bin holds no signal to measure, so it is neither 0 nor 1. Values
        outside [0, 1], which weights of both signs can give, are kept.

    Notes
    -----
    With S, V the sums of w and w^2, passing and failing candidates are independent Poisson
    samples, hence::

        Var = [(1 - eps)^2 V_pass + eps^2 V_fail] / S_total^2
            = [(1 - 2 eps) V_pass + eps^2 V_total] / S_total^2

    The first form is computed, as it does not cancel when eps is near 1. The uncertainty of the
    shapes from which sWeights were made is not in these sums: see specs/pid.md, section 3.4.
    """
    arrays = (np.asarray(each, float) for each in (pass_w, pass_w2, total_w, total_w2))
    s_pass, v_pass, s_total, v_total = np.broadcast_arrays(*arrays)
    good = np.isfinite(s_total) & (s_total > 0)
    safe = np.where(good, s_total, 1.0)
    with np.errstate(invalid="ignore"):
        eps = np.where(good, s_pass / safe, np.nan)
        # sums over blocks may differ in the last digit where every candidate passes
        v_fail = np.maximum(v_total - v_pass, 0.0)
        variance = ((1.0 - eps) ** 2 * v_pass + eps**2 * v_fail) / safe**2
    return Efficiency(eps, variance)


def ratio(
    numerator: ArrayLike,
    denominator: ArrayLike,
    *,
    numerator_errors: tuple[ArrayLike, ArrayLike],
    denominator_errors: tuple[ArrayLike, ArrayLike],
) -> Ratio:
    """Ratio of two independent numbers with asymmetric errors, such as data over simulation.

    Parameters
    ----------
    numerator, denominator
        The two values.
    numerator_errors, denominator_errors
        Lengths ``(down, up)`` of their error bars.

    Returns
    -------
    Ratio
        ``(value, down, up)``; all NaN where the denominator is 0 or not finite.

    Notes
    -----
    ``up = R sqrt((s_num^up / num)^2 + (s_den^down / den)^2)`` and vice versa, as errors of the
    denominator act the other way round. Computed in absolute terms, so that a numerator of 0 keeps
    its upward error. Where a value is negative the bars swap sides with the sign.
    """
    num, den = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    num_dn, num_up = (np.asarray(each, float) for each in numerator_errors)
    den_dn, den_up = (np.asarray(each, float) for each in denominator_errors)
    good = np.isfinite(den) & (den != 0)
    safe = np.where(good, den, 1.0)
    value = np.where(good, num / safe, np.nan)
    by_num = 1.0 / safe  # dR/dnum
    by_den = -value / safe  # dR/dden
    down = np.hypot(
        by_num * np.where(by_num > 0, num_dn, num_up), by_den * np.where(by_den > 0, den_dn, den_up)
    )
    up = np.hypot(
        by_num * np.where(by_num > 0, num_up, num_dn), by_den * np.where(by_den > 0, den_up, den_dn)
    )
    return Ratio(value, down, up)
