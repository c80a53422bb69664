"""Test I: kernel estimates on a grid are flat to the corners, keep sums, and adapt to peaks."""

import numpy as np
import pytest
from scipy import stats

from hepnb.pid.response.kernel import effective_counts, smooth_counts


@pytest.mark.parametrize("shape", [(60,), (24, 24), (12, 12, 12)])
@pytest.mark.parametrize("twicing", [True, False])
def test_a_uniform_sample_is_flat_up_to_edges_and_corners(shape, twicing):
    """The error of each cell is that of its weighted sum, from 400 toys of the same size."""
    n, toys = 200 * int(np.prod(shape)), 400
    rng = np.random.default_rng(1)
    widths = [2.0] * len(shape)
    found = np.array(
        [
            smooth_counts(rng.poisson(n / np.prod(shape), shape).astype(float), widths,
                          twicing=twicing) / 200
            for _ in range(toys)
        ]
    )  # fmt: skip
    pulls = (found[0] - 1) / found.std(axis=0)
    corners = np.array([pulls[index] for index in np.ndindex(*[2] * len(shape))
                        for index in [tuple(-each for each in index)]])  # fmt: skip
    assert np.abs(corners).max() < 3
    # nowhere is there a bias: the mean over toys is known 20 times better than one toy
    bias = (found.mean(axis=0) - 1) / (found.std(axis=0) / np.sqrt(toys))
    assert np.abs(bias).max() < 5  # 1728 cells at most: false alarm 1e-3


def test_without_boundary_correction_the_corner_would_be_off():
    """What the test above could see: half of the kernel is lost at each edge."""
    from scipy.ndimage import gaussian_filter

    plain = gaussian_filter(np.ones((24, 24)), 2.0, mode="constant")
    assert plain[0, 0] < 0.4
    np.testing.assert_allclose(smooth_counts(np.ones((24, 24)), [2.0, 2.0]), 1, rtol=1e-12)


@pytest.mark.parametrize("adaptive", [True, False])
def test_weights_of_both_signs_keep_their_sum(adaptive):
    rng = np.random.default_rng(2)
    counts = rng.normal(0.3, 1.0, (20, 30))
    smooth = smooth_counts(counts, [1.0, 2.0], adaptive=adaptive)
    assert (smooth < 0).any()
    assert smooth.sum() == pytest.approx(counts.sum(), rel=1e-6)


def test_a_sum_that_is_nothing_but_fluctuations_turns_no_sign():
    counts = np.zeros((8, 8))
    counts[0, 0], counts[4, 4] = 1.0, -0.999
    smooth = smooth_counts(counts, [1.0, 1.0])
    assert smooth[0, 0] > 0 > smooth[4, 4]
    assert np.abs(smooth).max() < 1.5


def test_smoothing_is_linear_so_that_signs_cancel():
    rng = np.random.default_rng(3)
    plus, minus = rng.poisson(5.0, (2, 15, 15)).astype(float)
    made = [smooth_counts(each, [1.5, 1.5]) for each in (plus, minus)]
    both = smooth_counts(plus - minus, [1.5, 1.5])
    # up to the overall factor that keeps the sum
    ratio = (made[0] - made[1]) / both
    assert np.nanstd(ratio[np.abs(both) > 0.1]) < 0.05


def integrated_squared_error(sigma, seed, **options):
    rng = np.random.default_rng(seed)
    edges = np.linspace(-1, 1, 201)
    n = 20_000
    sample = np.concatenate([rng.normal(0.1, sigma, n // 2), rng.uniform(-1, 1, n // 2)])
    truth = 0.5 * np.diff(stats.norm(0.1, sigma).cdf(edges)) + 0.5 / 200
    counts = np.histogram(sample, edges)[0].astype(float)
    return np.sum((smooth_counts(counts, [6.0], **options) / n - truth) ** 2)


def test_an_adaptive_kernel_follows_a_narrow_peak_better():
    fixed, adaptive = (
        np.mean([integrated_squared_error(0.04, seed, twicing=False, adaptive=each)
                 for seed in range(10)])
        for each in (False, True)
    )  # fmt: skip
    assert adaptive < 0.6 * fixed


def test_twicing_takes_back_most_of_the_broadening():
    once, twice = (
        np.mean([integrated_squared_error(0.1, seed, twicing=each) for seed in range(10)])
        for each in (False, True)
    )
    assert twice < 0.2 * once


def test_a_width_of_zero_changes_nothing():
    counts = np.random.default_rng(4).normal(size=(5, 6))
    np.testing.assert_allclose(smooth_counts(counts, [0.0, 0.0]), counts, rtol=1e-12)
    # and an axis of one cell has nothing to smooth over
    np.testing.assert_allclose(smooth_counts(counts[:1], [3.0, 0.0]), counts[:1], rtol=1e-12)


def test_effective_counts_are_those_of_the_weighted_kernel_sum():
    rng = np.random.default_rng(5)
    w = rng.normal(1, 1, 4000)
    cell = rng.integers(0, 40, 4000)
    counts, squares = (np.bincount(cell, w**k, minlength=40) for k in (1, 2))
    kernel = stats.norm(0, 2).pdf(np.arange(40)[:, None] - np.arange(40))
    by_hand = (kernel[:, cell] @ w) ** 2 / (kernel[:, cell] ** 2 @ w**2)
    # the kernel of a filter ends at four standard deviations
    np.testing.assert_allclose(effective_counts(counts, squares, [2.0]), by_hand, rtol=1e-2)
    assert effective_counts(np.zeros(4), np.zeros(4), [1.0]).tolist() == [0, 0, 0, 0]
