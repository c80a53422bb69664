"""Two weighted histograms of one shape: the p-value is uniform, whatever the weights."""

import numpy as np
import pytest
from scipy import stats

from hepnb.errors import BadParameters
from hepnb.stats.goodness_of_fit import two_sample_chi2_test

SHAPE = np.array([0.05, 0.1, 0.2, 0.3, 0.2, 0.1, 0.05])


def histogram(rng, n, spread):
    """Sums over Poisson candidates whose weights vary from bin to bin and change sign."""
    counts = rng.poisson(n * SHAPE)
    bins = np.repeat(np.arange(len(SHAPE)), counts)
    w = rng.normal(1.0, spread[bins])
    return (np.bincount(bins, w, 7), np.bincount(bins, w * w, 7)), counts


@pytest.mark.parametrize("normalised", [True, False])
def test_p_value_is_uniform_under_the_hypothesis(normalised):
    rng = np.random.default_rng(1)
    found = []
    for _ in range(400):
        first, counts = histogram(rng, 20_000, np.linspace(0.0, 3.0, 7))
        second, others = histogram(rng, 20_000, np.zeros(7))
        test = two_sample_chi2_test(
            first, second, counts=np.minimum(counts, others), normalised=normalised
        )
        found.append(test.p_value)
    assert test.ndf == (6 if normalised else 7)
    assert stats.kstest(found, "uniform").pvalue > 1e-3  # false alarms


def test_shapes_of_two_bins_are_two_shares():
    """With two bins the test is that of the difference of two independent shares."""
    first, second = (np.array([300.0, 700.0]), np.array([400.0, 500.0]))
    test = two_sample_chi2_test((first, first), (second, second), counts=first)
    shares = [each[0] / each.sum() for each in (first, second)]
    variance = sum(
        share * (1 - share) / each.sum()
        for share, each in zip(shares, (first, second), strict=True)
    )
    assert test.ndf == 1
    assert test.chi2 == pytest.approx((shares[0] - shares[1]) ** 2 / variance, rel=1e-12)


def test_scale_does_not_matter_to_shapes_and_does_to_sums():
    rng = np.random.default_rng(2)
    (value, variance), counts = histogram(rng, 5_000, np.ones(7))
    other = (3 * value, 9 * variance)
    assert two_sample_chi2_test((value, variance), other, counts=counts).chi2 < 1e-18
    plain = two_sample_chi2_test((value, variance), other, counts=counts, normalised=False)
    assert plain.p_value < 1e-10


def test_sparse_neighbours_are_merged_and_nothing_gives_no_answer():
    value = np.array([2.0, 3.0, 20.0, 4.0, 30.0, 1.0])
    test = two_sample_chi2_test((value, value), (value, value), counts=value)
    assert test.ndf == 1  # {2, 3, 20}, {4, 30, 1}
    nothing = two_sample_chi2_test((0 * value, value), (value, value), counts=value)
    assert np.isnan(nothing.p_value)
    with pytest.raises(BadParameters, match="one shape"):
        two_sample_chi2_test((value, value), (value[1:], value[1:]), counts=value)
