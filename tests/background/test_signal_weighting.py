"""Effective sigma and S/(S+B) weights against numbers that are known exactly."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import optimize, stats

from hepnb.background.signal import (
    DoubleSidedCrystalBall,
    SumOfGaussians,
    TemplateSignal,
    category_weights,
    effective_sigma,
    narrowest_window,
    purity_weights,
)
from hepnb.background.signal.weighting import ONE_SIGMA, narrowest_interval
from hepnb.errors import BadParameters


@pytest.mark.parametrize("sigma", [1e-3, 1.19, 40.0])
def test_effective_sigma_of_a_gaussian_is_its_sigma(sigma):
    # linear interpolation between 20,000 points over 8 sigma is good to about 1e-8
    found = effective_sigma(SumOfGaussians(mean=125.0, sigma=sigma))
    assert found == pytest.approx(sigma, rel=1e-6)


def test_window_of_a_gaussian_is_centred():
    assert narrowest_window(SumOfGaussians(mean=125.0, sigma=2.0)) == pytest.approx(
        (123.0, 127.0),
        abs=1e-2,  # flat minimum: the length is fixed to 1e-6, its place is not
    )


def test_effective_sigma_of_a_flat_signal_is_its_share_of_half_the_range():
    flat = TemplateSignal(edges=[120.0, 130.0], values=[7.0])
    assert effective_sigma(flat) == pytest.approx(5.0 * ONE_SIGMA, rel=1e-6)


def test_effective_sigma_of_a_crystal_ball_is_where_both_ends_are_equally_dense():
    ball = DoubleSidedCrystalBall(
        mean=125, sigma=1.5, alpha_low=1.2, n_low=3.0, alpha_high=2.0, n_high=5.0
    )

    def upper(low):
        return optimize.brentq(
            lambda high: ball.fractions([low, high])[0] - ONE_SIGMA, low, 160, xtol=1e-12
        )

    low = optimize.brentq(
        lambda x: (ball.density([x]) - ball.density([upper(x)]))[0], 121.0, 123.9, xtol=1e-12
    )
    assert effective_sigma(ball) == pytest.approx(0.5 * (upper(low) - low), rel=1e-6)


def test_effective_sigma_counts_only_what_is_in_the_range():
    half = SumOfGaussians(mean=125.0, sigma=1.0, lo=125.0, hi=200.0)
    expected = 0.5 * stats.halfnorm.ppf(ONE_SIGMA)
    assert effective_sigma(half) == pytest.approx(expected, rel=1e-6)


def test_narrowest_interval_is_that_of_a_brute_force_search():
    rng = np.random.default_rng(5)
    edges = np.cumsum(rng.uniform(0.5, 2.0, 13))
    for contents in (rng.poisson(3.0, 12), np.array([4, 0, 0, 9, 1, 0, 8, 8, 0, 0, 2, 5])):
        sums = np.concatenate([[0], np.cumsum(contents)]) / contents.sum()
        # many starts, and for each the first end that holds enough
        starts = np.linspace(edges[0], edges[-1], 20_001)
        begin = np.interp(starts, edges, sums)
        starts, begin = starts[begin <= 1 - 0.5], begin[begin <= 1 - 0.5]
        place = np.searchsorted(sums, begin + 0.5 - 1e-12)
        share = (begin + 0.5 - sums[place - 1]) / (sums[place] - sums[place - 1])
        ends = edges[place - 1] + share * (edges[place] - edges[place - 1])
        low, high = narrowest_interval(edges, contents, 0.5)
        assert np.interp([low, high], edges, sums) @ [-1, 1] == pytest.approx(0.5)
        # the search has steps of 1e-3
        assert high - low == pytest.approx((ends - starts).min(), abs=2e-3)
        assert high - low <= (ends - starts).min() + 1e-12


@pytest.mark.parametrize(
    ("edges", "contents", "level"),
    [([0, 1], [1], 0.0), ([0, 1], [1], 1.0), ([0, 1], [0], 0.5), ([0, 1, 2], [1, -1], 0.5)],
)
def test_an_interval_of_nothing_is_refused(edges, contents, level):
    with pytest.raises(BadParameters):
        narrowest_interval(edges, contents, level)


def test_weights_by_hand():
    # S/(S+B) = 1/2, 1/5; sum of signals 30 = k (10/2 + 20/5) => k = 30/9
    found = purity_weights([5, 10], [5, 40], total=[10, 20])
    np.testing.assert_allclose(found, [30 / 9 / 2, 30 / 9 / 5], rtol=1e-14)


def test_weighting_keeps_the_sum_of_signals():
    rng = np.random.default_rng(2)
    signal, background, total = rng.uniform(1, 50, (3, 14))
    weights = purity_weights(signal, background, total)
    assert weights @ total == pytest.approx(total.sum(), rel=1e-12)
    purity = signal / (signal + background)
    np.testing.assert_allclose(weights / weights[0], purity / purity[0], rtol=1e-12)


def test_one_category_has_weight_one():
    assert purity_weights([3.0], [400.0], [4.0])[0] == pytest.approx(1.0, rel=1e-14)


def test_without_any_signal_all_weights_are_one():
    assert purity_weights([0.0, 0.0], [3.0, 4.0], [0.0, 0.0]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("signal", "background", "message"),
    [([-1.0], [1.0], "signal"), ([1.0], [np.nan], "background"), ([0.0], [0.0], "leave it out")],
)
def test_weights_of_what_cannot_be_are_refused(signal, background, message):
    with pytest.raises(BadParameters, match=message):
        purity_weights(signal, background, [1.0])


def test_category_weights_count_inside_one_effective_sigma():
    def fit(sigma, events, per_gev):
        signal = SumOfGaussians(mean=125.0, sigma=sigma, expected=events)
        flat = SimpleNamespace(expected=lambda edges: per_gev * np.diff(edges))
        return SimpleNamespace(signal=signal, background=flat)

    found = category_weights({"narrow": fit(1.0, 20.0, 5.0), "wide": fit(2.5, 60.0, 100.0)})
    s = np.array([20.0, 60.0]) * ONE_SIGMA
    b = np.array([5.0 * 2.0, 100.0 * 5.0])
    assert list(found.signal.values()) == pytest.approx(s, rel=1e-6)
    assert list(found.background.values()) == pytest.approx(b, rel=1e-5)
    purity = s / (s + b)
    expected = purity * 80.0 / (purity @ [20.0, 60.0])
    assert list(found.weights.values()) == pytest.approx(expected, rel=1e-5)
    low, high = found.windows["wide"]
    assert (low, high) == pytest.approx((122.5, 127.5), abs=0.05)
