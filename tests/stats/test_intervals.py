"""Intervals against closed forms, brute-force inversion and exact coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from hepnb.errors import BadParameters
from hepnb.stats.intervals import clopper_pearson, poisson, wilson


def exact_coverage(interval, n, truth, level=0.6827):
    """Sum the binomial probabilities of the outcomes whose interval holds the truth."""
    k = np.arange(n + 1)
    low, high = interval(k, n, level)
    return float(stats.binom.pmf(k, n, truth)[(low <= truth) & (truth <= high)].sum())


@pytest.mark.parametrize(("interval", "low"), [(clopper_pearson, 0.912), (wilson, 0.952)])
def test_all_twenty_of_twenty_pass(interval, low):
    found, high = interval(20, 20)
    assert float(found) == pytest.approx(low, abs=5e-4)  # printed with three digits
    assert float(high) == 1.0


@pytest.mark.parametrize(
    ("interval", "n", "truth", "expected"),
    [
        (clopper_pearson, 20, 0.95, 0.9245),  # P(k >= 18)
        (clopper_pearson, 20, 0.99, 0.98),
        (clopper_pearson, 100, 0.98, 0.73),
        (wilson, 20, 0.95, 0.38),
        (wilson, 20, 0.99, 0.82),
        (wilson, 100, 0.98, 0.73),
        (wilson, 1000, 0.995, 0.74),
    ],
)
def test_exact_coverage_is_as_tabulated(interval, n, truth, expected):
    assert exact_coverage(interval, n, truth) == pytest.approx(expected, abs=0.0051)


def test_clopper_pearson_never_covers_less_than_its_level():
    truths = np.linspace(0.003, 0.997, 71)
    for n in (1, 5, 20, 50):
        for level in (0.6827, 0.95):
            covered = [exact_coverage(clopper_pearson, n, truth, level) for truth in truths]
            assert min(covered) >= level - 1e-12


def test_wilson_covers_its_level_on_average():
    truths = np.linspace(0.005, 0.995, 199)
    covered = np.mean([exact_coverage(wilson, 40, truth) for truth in truths])
    assert covered == pytest.approx(0.6827, abs=0.03)  # known to be near nominal on average


@pytest.mark.parametrize(("k", "n"), [(1, 7), (3, 10), (49, 50), (500, 1000)])
def test_clopper_pearson_inverts_the_binomial_tails(k, n):
    low, high = clopper_pearson(k, n, 0.9)
    by_root_low = optimize.brentq(lambda p: stats.binom.sf(k - 1, n, p) - 0.05, 1e-12, 1)
    by_root_high = optimize.brentq(lambda p: stats.binom.cdf(k, n, p) - 0.05, 0, 1 - 1e-12)
    assert float(low) == pytest.approx(by_root_low, rel=1e-9)
    assert float(high) == pytest.approx(by_root_high, rel=1e-9)


def test_wilson_limits_solve_the_score_equation():
    k, n = np.array([1, 4, 19]), 20
    for limit in wilson(k, n, 0.6827):
        z = (k / n - limit) / np.sqrt(limit * (1 - limit) / n)
        np.testing.assert_allclose(np.abs(z), stats.norm.isf(0.5 * (1 - 0.6827)), rtol=1e-12)


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
def test_edges_are_exact_and_nothing_tried_means_nothing_known(interval):
    low, high = interval([0, 0, 5, np.nan], [5, 0, 5, 5])
    assert low[0] == 0.0
    assert 0 < high[0] < 1
    assert (low[1], high[1]) == (0.0, 1.0)
    assert high[2] == 1.0
    assert np.isnan(low[3])
    assert np.isnan(high[3])


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
def test_interval_holds_the_estimate_and_mirrors(interval):
    k = np.arange(31)
    low, high = interval(k, 30)
    assert np.all((low <= k / 30) & (k / 30 <= high))
    np.testing.assert_allclose(low, 1 - high[::-1], atol=1e-12)
    assert low.shape == (31,)


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
@pytest.mark.parametrize(("k", "n", "level"), [(5, 4, 0.68), (-1, 4, 0.68), (1, 4, 1.0)])
def test_impossible_counts_and_levels_are_refused(interval, k, n, level):
    with pytest.raises(BadParameters, match=r"k = .* of n = |level"):
        interval(k, n, level)


def test_poisson_limits_invert_the_tails():
    n = np.array([1, 3, 20, 400])
    low, high = poisson(n, 0.9)
    np.testing.assert_allclose(stats.poisson.sf(n - 1, low), 0.05, rtol=1e-9)
    np.testing.assert_allclose(stats.poisson.cdf(n, high), 0.05, rtol=1e-9)


def test_poisson_interval_of_nothing_ends_at_a_known_limit():
    low, high = poisson([0, np.nan], 0.9)
    assert low[0] == 0.0
    assert high[0] == pytest.approx(-np.log(0.05), rel=1e-12)
    assert np.isnan(low[1])
    with pytest.raises(BadParameters, match="k = -1"):
        poisson(-1)
