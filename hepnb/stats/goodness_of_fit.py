"""How well a model describes binned counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special as _special

from hepnb.errors import BadParameters

__all__ = (
    "Chi2Test",
    "chi2_p_value",
    "chi2_test",
    "likelihood_chi2_test",
    "pulls",
    "two_sample_chi2_test",
)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class Chi2Test(NamedTuple):
    """Outcome of a chi-square test."""

    chi2: float
    """The test statistic."""
    ndf: int
    """Number of degrees of freedom: bins used less parameters fitted."""
    p_value: float
    """Probability of a statistic at least this large; NaN without degrees of freedom."""


def chi2_p_value(chi2: ArrayLike, ndf: ArrayLike) -> Floats:
    """Probability that a chi-square variable of `ndf` degrees of freedom exceeds `chi2`.

    Parameters
    ----------
    chi2, ndf
        Statistic and degrees of freedom, of shapes that broadcast.

    Returns
    -------
    ndarray
        p-values; NaN where `ndf` is not positive or `chi2` is NaN.
    """
    statistic, freedom = np.broadcast_arrays(np.asarray(chi2, float), np.asarray(ndf, float))
    usable = np.isfinite(statistic) & (freedom > 0)
    values = _special.chdtrc(np.where(usable, freedom, 1.0), np.where(usable, statistic, 0.0))
    return np.where(usable, values, np.nan)


def chi2_test(
    observed: ArrayLike, expected: ArrayLike, variance: ArrayLike, *, n_parameters: int = 0
) -> Chi2Test:
    """Pearson's or Neyman's chi-square of values with known variances.

    Parameters
    ----------
    observed, expected
        Values, one per bin.
    variance
        Variance of ``observed - expected`` per bin. Bins where it is not positive, or where
        a value is NaN, hold no information and are left out.
    n_parameters
        Number of parameters that were fitted to these bins.

    Returns
    -------
    Chi2Test
        Statistic, degrees of freedom and p-value.

    Raises
    ------
    BadParameters
        If the shapes do not match.
    """
    seen, model, spread = _matched(observed, expected, variance)
    used = (spread > 0) & np.isfinite(seen) & np.isfinite(model) & np.isfinite(spread)
    chi2 = float(np.sum((seen[used] - model[used]) ** 2 / spread[used]))
    return _outcome(chi2, int(np.count_nonzero(used)), n_parameters)


def likelihood_chi2_test(
    observed: ArrayLike, expected: ArrayLike, *, n_parameters: int = 0, minimum: float = 5.0
) -> Chi2Test:
    """Poisson likelihood-ratio chi-square of counts, with neighbouring sparse bins merged.

    Parameters
    ----------
    observed, expected
        Counts and their expectations, one per bin, in order of the variable.
    n_parameters
        Number of parameters that were fitted to these bins.
    minimum
        Neighbours are merged until each bin expects at least this many, since the statistic
        follows a chi-square distribution only in well filled bins.

    Returns
    -------
    Chi2Test
        Statistic, degrees of freedom and p-value.

    Raises
    ------
    BadParameters
        If the shapes do not match.

    Notes
    -----
    S. Baker and R. D. Cousins, Nucl. Instrum. Meth. 221 (1984) 437:
    ``2 sum [mu - n + n ln(n / mu)]``.
    """
    seen, model, _ = _matched(observed, expected, expected)
    groups = _grouped(model, minimum)
    n = np.add.reduceat(seen, groups)
    mu = np.maximum(np.add.reduceat(model, groups), np.finfo(float).tiny)
    chi2 = float(2.0 * np.sum(mu - n + _special.xlogy(n, n / mu)))
    return _outcome(max(chi2, 0.0), n.size, n_parameters)


def two_sample_chi2_test(
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    *,
    counts: ArrayLike,
    normalised: bool = True,
    minimum: float = 10.0,
) -> Chi2Test:
    """Chi-square of the hypothesis that two independent weighted histograms are alike.

    Parameters
    ----------
    first, second
        Sums of weights and of squared weights, one per bin, in order of the variable.
    counts
        The smaller of the two numbers of unweighted entries, per bin.
    normalised
        Compare shapes, each divided by its sum; otherwise the sums of weights as they are.
    minimum
        Neighbours are merged until each bin has this many entries, so that its sums are Gaussian.

    Returns
    -------
    Chi2Test
        Statistic, degrees of freedom and p-value; NaN where a sum of weights is not positive.

    Raises
    ------
    BadParameters
        If the shapes do not match.

    Notes
    -----
    With shares ``f = a / A`` the covariance of the shares of one histogram is
    ``[diag(v) - f v^T - v f^T + f f^T sum(v)] / A^2``, from independent weighted bins. Shares add
    up to 1, so that one bin carries no information: it is left out, and the full covariance of
    the others is inverted, which also holds where weights differ from bin to bin.
    """
    entries, a, b = _matched(counts, first[0], second[0])
    _, va, vb = _matched(counts, first[1], second[1])
    groups = _grouped(entries, minimum)
    a, b, va, vb = (np.add.reduceat(each, groups) for each in (a, b, va, vb))
    if not normalised:
        return chi2_test(a, b, va + vb)
    if not (a.sum() > 0 and b.sum() > 0):
        return Chi2Test(np.nan, 0, np.nan)
    difference = (a / a.sum() - b / b.sum())[:-1]
    covariance = (_share_covariance(a, va) + _share_covariance(b, vb))[:-1, :-1]
    if len(difference) == 0 or np.linalg.matrix_rank(covariance) < len(difference):
        return Chi2Test(np.nan, 0, np.nan)
    return _outcome(float(difference @ np.linalg.solve(covariance, difference)), len(a), 1)


def _share_covariance(content: Floats, variance: Floats) -> Floats:
    share = content / content.sum()
    cross = np.outer(share, variance)
    spread = np.diag(variance) - cross - cross.T + np.outer(share, share) * variance.sum()
    return np.asarray(spread / content.sum() ** 2)


def pulls(observed: ArrayLike, expected: ArrayLike, variance: ArrayLike) -> Floats:
    """Residuals in units of their standard deviation.

    Parameters
    ----------
    observed, expected
        Values, one per bin.
    variance
        Variance of ``observed - expected`` per bin.

    Returns
    -------
    ndarray
        ``(observed - expected) / sqrt(variance)``; NaN where the variance is not positive.

    Raises
    ------
    BadParameters
        If the shapes do not match.
    """
    seen, model, spread = _matched(observed, expected, variance)
    usable = spread > 0
    sigma = np.sqrt(np.where(usable, spread, 1.0))
    return np.where(usable, (seen - model) / sigma, np.nan)


def _matched(*arrays: ArrayLike) -> tuple[Floats, Floats, Floats]:
    first, second, third = (np.atleast_1d(np.asarray(each, float)).ravel() for each in arrays)
    if not first.shape == second.shape == third.shape or first.size == 0:
        message = (
            f"observed {first.shape}, expected {second.shape} and variance {third.shape} must be "
            "of one shape, with at least one bin"
        )
        raise BadParameters(message)
    return first, second, third


def _grouped(expected: Floats, minimum: float) -> NDArray[np.intp]:
    """Give the first bin of each group; a sparse rest joins the last group."""
    starts, content = [0], 0.0
    for index, value in enumerate(expected):
        if content >= minimum:
            starts.append(index)
            content = 0.0
        content += value
    if content < minimum and len(starts) > 1:
        starts.pop()
    return np.asarray(starts, dtype=np.intp)


def _outcome(chi2: float, bins: int, n_parameters: int) -> Chi2Test:
    ndf = bins - n_parameters
    return Chi2Test(chi2, ndf, float(chi2_p_value(chi2, ndf)))
