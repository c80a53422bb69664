"""Weighted efficiencies against the second form of the variance and against pseudo-experiments."""

from __future__ import annotations

import numpy as np
import pytest

from hepnb.stats.weighted import effective_sample_size, efficiency, ratio


def test_both_forms_of_the_variance_agree():
    rng = np.random.default_rng(1)
    v_pass, v_fail = rng.uniform(0, 50, (2, 1000))
    s_pass, s_fail = rng.normal(20, 8, (2, 1000))
    s_total = s_pass + s_fail
    eps, variance = efficiency(s_pass, v_pass, s_total, v_pass + v_fail)
    other = ((1 - 2 * eps) * v_pass + eps**2 * (v_pass + v_fail)) / s_total**2
    positive = s_total > 0
    np.testing.assert_allclose(variance[positive], other[positive], rtol=1e-9)
    assert np.all(variance[positive] >= 0)


def test_without_weights_the_variance_is_binomial():
    eps, variance = efficiency(30, 30, 100, 100)
    assert float(eps) == pytest.approx(0.3, rel=1e-15)
    assert float(variance) == pytest.approx(0.3 * 0.7 / 100, rel=1e-14)


@pytest.mark.parametrize("total", [0.0, -0.436, np.nan, np.inf])
def test_total_without_signal_gives_nan(total):
    eps, variance = efficiency(0.3, 1.0, total, 2.0)
    assert np.isnan(eps)
    assert np.isnan(variance)


def test_unphysical_values_are_kept():
    eps, variance = efficiency([12.0, -1.0], [15.0, 2.0], [10.0, 10.0], [20.0, 30.0])
    np.testing.assert_allclose(eps, [1.2, -0.1])
    assert np.all(variance > 0)


def test_rounding_of_block_sums_leaves_no_negative_variance():
    eps, variance = efficiency(10.0, 20.000000000000004, 10.0, 20.0)
    assert float(eps) == 1.0
    assert float(variance) == 0.0


def test_variance_predicts_the_spread_of_weighted_pseudo_experiments():
    rng = np.random.default_rng(7)
    toys, mean, truth = 4000, 400, 0.8
    # weights of both signs, independent of the decision, as sWeights are
    counts = rng.poisson(mean, toys)
    results = np.empty((2, toys))
    for toy, count in enumerate(counts):
        w = rng.normal(1.0, 1.5, count)
        passed = rng.random(count) < truth
        results[:, toy] = efficiency(w[passed].sum(), (w[passed] ** 2).sum(), w.sum(), (w**2).sum())
    pulls = (results[0] - truth) / np.sqrt(results[1])
    assert abs(pulls.mean()) < 4 / np.sqrt(toys) + 0.03  # second-order bias of a ratio
    assert pulls.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * toys))  # 4 sigma: 6e-5


def test_effective_sample_size_of_equal_weights_is_their_number():
    np.testing.assert_allclose(effective_sample_size([50.0, 6.0], [25.0, 12.0]), [100.0, 3.0])
    assert effective_sample_size(0.0, 0.0) == 0.0


def test_symmetric_ratio_adds_relative_errors_in_quadrature():
    value, down, up = ratio(
        0.9, 0.8, numerator_errors=(0.01, 0.01), denominator_errors=(0.02, 0.02)
    )
    expected = 0.9 / 0.8 * np.hypot(0.01 / 0.9, 0.02 / 0.8)
    assert float(value) == pytest.approx(1.125)
    np.testing.assert_allclose([down, up], expected, rtol=1e-14)


def test_errors_of_the_denominator_act_the_other_way_round():
    value, down, up = ratio(0.9, 0.8, numerator_errors=(0.0, 0.0), denominator_errors=(0.02, 0.04))
    assert float(up) == pytest.approx(float(value) * 0.02 / 0.8)
    assert float(down) == pytest.approx(float(value) * 0.04 / 0.8)


@pytest.mark.parametrize(("num", "den"), [(-0.1, 0.8), (0.1, -0.8), (-0.1, -0.8), (0.0, 0.5)])
def test_small_shifts_of_either_sign_end_on_the_right_side(num, den):
    shift = 1e-6
    value, down, up = ratio(num, den, numerator_errors=(shift, 0), denominator_errors=(0, 0))
    moved = (num - shift) / den - value
    assert float(down if moved < 0 else up) == pytest.approx(abs(float(moved)), rel=1e-6)
    assert float(up if moved < 0 else down) == 0.0
    value, down, up = ratio(num, den, numerator_errors=(0, 0), denominator_errors=(shift, 0))
    moved = num / (den - shift) - value
    assert float(down if moved < 0 else up) == pytest.approx(abs(float(moved)), rel=1e-5)


def test_numerator_of_zero_keeps_its_upward_error():
    value, down, up = ratio(0.0, 0.5, numerator_errors=(0.0, 0.1), denominator_errors=(0.1, 0.1))
    assert (float(value), float(down)) == (0.0, 0.0)
    assert float(up) == pytest.approx(0.2)


@pytest.mark.parametrize("den", [0.0, np.nan])
def test_ratio_to_nothing_is_nan(den):
    assert np.all(np.isnan(ratio(1.0, den, numerator_errors=(1, 1), denominator_errors=(1, 1))))
