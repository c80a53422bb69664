"""Goodness of fit against scipy and against pseudo-experiments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hepnb.errors import BadParameters
from hepnb.stats.goodness_of_fit import chi2_p_value, chi2_test, likelihood_chi2_test, pulls


def test_p_value_equals_scipy():
    chi2, ndf = np.array([0.0, 3.0, 40.0, 500.0]), np.array([1, 3, 30, 200])
    np.testing.assert_allclose(chi2_p_value(chi2, ndf), stats.chi2.sf(chi2, ndf), rtol=1e-12)


def test_no_freedom_has_no_p_value():
    assert np.isnan(chi2_p_value(1.0, 0))
    assert np.isnan(chi2_p_value(np.nan, 4))


def test_pearson_equals_scipy():
    observed, expected = np.array([16.0, 18, 16, 14, 12, 12]), np.array([16.0, 16, 16, 16, 16, 8])
    found = chi2_test(observed, expected, expected, n_parameters=1)
    reference = stats.chisquare(observed, expected)
    assert found.chi2 == pytest.approx(reference.statistic)
    assert found.ndf == 5
    assert found.p_value == pytest.approx(reference.pvalue)


def test_bins_without_information_are_left_out():
    found = chi2_test([1.0, 2.0, np.nan, 4.0], [1.0, 3.0, 1.0, 4.0], [1.0, 1.0, 1.0, 0.0])
    assert found == pytest.approx((1.0, 2, stats.chi2.sf(1.0, 2)))


def test_likelihood_statistic_equals_scipy_power_divergence():
    observed, expected = np.array([16.0, 18, 16, 14, 0, 12]), np.array([16.0, 16, 16, 16, 6, 6])
    found = likelihood_chi2_test(observed, expected)
    reference = stats.power_divergence(observed, expected, lambda_="log-likelihood")
    assert found.chi2 == pytest.approx(reference.statistic, rel=1e-12)
    assert found.ndf == 6


def test_sparse_neighbours_are_merged_and_nothing_is_lost():
    expected = np.array([1.0, 1, 1, 3, 10, 2, 2])
    merged = likelihood_chi2_test(expected, expected)
    assert merged.ndf == 2  # [1 1 1 3] and [10 2 2]
    assert merged.chi2 == pytest.approx(0.0, abs=1e-12)


def test_likelihood_p_values_are_uniform_for_the_true_model():
    rng = np.random.default_rng(3)
    expected = 300 * np.exp(-0.04 * np.arange(60)) + 50  # its mean exceeds 1 by 1 / (6 mu) per bin
    values = [likelihood_chi2_test(rng.poisson(expected), expected).p_value for _ in range(1000)]
    assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_pulls_are_in_standard_deviations():
    np.testing.assert_allclose(pulls([3.0, 5.0], [1.0, 5.0], [4.0, 0.0]), [1.0, np.nan])


def test_shapes_that_differ_are_refused():
    with pytest.raises(BadParameters, match=r"\(2,\).*\(3,\)"):
        chi2_test([1, 2], [1, 2, 3], [1, 2])
