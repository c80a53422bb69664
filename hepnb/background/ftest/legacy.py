"""The f-test as flashggFinalFit does it, thresholds and flaws included.

It is here so that its results can be compared; `hepnb.background.ftest.lookahead` is better.
Known flaws: the scan ends at the first step without gain; a negative gain counts as none; where
the highest order is still significant, the one before it is chosen; Wilks' theorem is used
although parameters sit at bounds; goodness of fit leaves out empty bins, yet counts them as
degrees of freedom; the chosen order needs no goodness of fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hepnb.background.families import Family
from hepnb.background.fitting import BackgroundFit
from hepnb.background.fitting.toys import Refitter
from hepnb.background.ftest.goodness import GoodnessOfFit
from hepnb.stats.intervals import poisson

__all__ = ("LegacyScan", "legacy_goodness", "legacy_orders", "legacy_scan")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_MAXIMUM = 7  # the scan goes on while the order is below
_LAST_BERNSTEIN = 5
_TOYS = 500
_MEAN_PER_BIN = 5.0


class LegacyScan(NamedTuple):
    """What the sequential rule makes of the orders of a family."""

    truth: int
    """The chosen order."""
    envelope: tuple[int, ...]
    """Orders that enter the envelope if their goodness of fit allows it."""
    exhausted: bool
    """Whether the scan ended because no order was left, not because a step failed."""


def legacy_orders(family: Family) -> tuple[int, ...]:
    """Orders that the program's builders know, of at most 6."""
    orders = family.orders(_MAXIMUM - 1)
    if family.name == "bernstein":
        return tuple(order for order in orders if order <= _LAST_BERNSTEIN)
    return orders


def legacy_scan(
    steps: Sequence[tuple[int, float]], *, alpha: float = 0.05, envelope_alpha: float = 0.1
) -> LegacyScan:
    """Choose orders of one family by the sequential rule.

    Parameters
    ----------
    steps
        Order and negative logarithm of the likelihood, orders ascending.
    alpha
        The truth scan goes on while the p-value of a step is below.
    envelope_alpha
        The same for the envelope's scan.

    Returns
    -------
    LegacyScan
    """
    tried, p = _tried(steps, alpha)
    in_envelope, _ = _tried(steps, envelope_alpha)
    return LegacyScan(
        truth=tried[max(len(tried) - 2, 0)][0],
        envelope=tuple(order for order, each in in_envelope if each < envelope_alpha),
        exhausted=len(tried) == len(steps) and p < alpha,
    )


def legacy_goodness(fit: BackgroundFit, rng: np.random.Generator) -> GoodnessOfFit:
    """Neyman's chi-square with asymmetric Poisson errors, empty bins left out.

    Parameters
    ----------
    fit
        The fitted function.
    rng
        For the 500 toys that are thrown where there are fewer than five candidates per bin.

    Returns
    -------
    GoodnessOfFit
        ``value`` is chi2 / ndf times the number of bins less parameters.
    """
    ndof = len(fit.spectrum.counts) - fit.n_par - 1
    reduced = _reduced_chi2(fit.spectrum.counts, fit.expected(), fit.n_par)
    if fit.spectrum.total / len(fit.spectrum.counts) >= _MEAN_PER_BIN:
        p = float(stats.chi2.sf(reduced * ndof, ndof))
        return GoodnessOfFit("neyman", reduced * ndof, ndof, p, "chi2")
    refitter = Refitter(fit.spectrum, fit.family, (fit.order,))
    # each toy has a Poisson number of candidates
    drawn = rng.poisson(fit.expected(), size=(_TOYS, len(fit.spectrum.counts))) * 1.0
    values = np.array(
        [_reduced_chi2(counts, refitter(counts)[0].expected, fit.n_par) for counts in drawn]
    )
    p = float(np.mean(values >= reduced))
    error = float(np.sqrt(p * (1.0 - p) / len(values)))
    statistics = tuple(float(value) for value in np.sort(values) * ndof)
    return GoodnessOfFit("neyman", reduced * ndof, ndof, p, "toys", error, statistics)


def _tried(
    steps: Sequence[tuple[int, float]], alpha: float
) -> tuple[list[tuple[int, float]], float]:
    """Orders tried with the p-value of the step to each, and the last p-value."""
    tried: list[tuple[int, float]] = []
    p = 0.0
    for index, (order, nll) in enumerate(steps):
        if tried and p >= alpha:
            break
        if index:
            before, nll_before = steps[index - 1]
            p = float(stats.chi2.sf(max(2.0 * (nll_before - nll), 0.0), order - before))
        tried.append((order, p))
    return tried, p


def _reduced_chi2(counts: Floats, expected: Floats, n_par: int) -> float:
    filled = counts > 0
    n, nu = counts[filled], expected[filled]
    low, high = poisson(n)
    error = np.where(n > nu, n - low, high - n)
    ndof = max(int(filled.sum()) - n_par - 1, 1)
    return float(np.sum(((n - nu) / error) ** 2) / ndof)
