"""The uncertainty of an sWeighted efficiency covers: pulls over pseudo-experiments.

Shapes are known; yields are fitted anew in each pseudo-experiment. The recipe and the four working
points are those of specs/pid.md, sections 4.4 and 8 C.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from hepnb.pid.subtraction.sweights import fit_yields, sweights
from hepnb.stats.weighted import effective_sample_size, efficiency


class Point(NamedTuple):
    n_signal: int
    n_background: int
    signal_efficiency: tuple[float, ...]
    background_efficiency: float


class Candidates(NamedTuple):
    densities: np.ndarray
    bin: np.ndarray
    passed: np.ndarray


def candidates(point, rng):
    """Masses in [0, 1]; bins of equal content; decisions that do not look at the mass."""
    n_signal, n_background = rng.poisson(point.n_signal), rng.poisson(point.n_background)
    n = n_signal + n_background
    # the peak is ten widths away from either end, so that cutting it off changes nothing
    mass = np.append(rng.normal(0.5, 0.05, n_signal), rng.random(n_background))
    peak = np.exp(-0.5 * ((mass - 0.5) / 0.05) ** 2) / (0.05 * np.sqrt(2 * np.pi))
    bins = rng.integers(len(point.signal_efficiency), size=n)
    chance = np.where(
        np.arange(n) < n_signal,
        np.asarray(point.signal_efficiency)[bins],
        point.background_efficiency,
    )
    return Candidates(np.array([peak, np.ones(n)]), bins, rng.random(n) < chance)


def efficiencies(toy, bins, q=None):
    """Efficiency, its standard deviation, the binomial one, and effective numbers, per bin."""
    start = np.full(2, toy.densities.shape[1] / 2)
    fit = fit_yields(lambda: [(toy.densities, q)], start)
    w = sweights(toy.densities, fit.yields, fit.covariance)[:, 0] * (1 if q is None else q)
    sums = [
        np.bincount(toy.bin[select], weights, minlength=bins)
        for select, weights in (
            (toy.passed, w[toy.passed]),
            (toy.passed, w[toy.passed] ** 2),
            (slice(None), w),
            (slice(None), w**2),
        )
    ]
    eps, variance = efficiency(*sums)
    n_effective = effective_sample_size(sums[2], sums[3])
    with np.errstate(invalid="ignore"):
        naive = np.sqrt(eps * (1 - eps) / sums[2])
    return eps, np.sqrt(variance), naive, n_effective


def pulls(point, toys, seed):
    """Pulls of shape (toys, bins) with the right and with the binomial uncertainty."""
    rng, bins = np.random.default_rng(seed), len(point.signal_efficiency)
    out = np.empty((2, toys, bins))
    truth = np.asarray(point.signal_efficiency)
    for toy in range(toys):
        eps, sigma, naive, _ = efficiencies(candidates(point, rng), bins)
        out[:, toy] = (eps - truth) / sigma, (eps - truth) / naive
    return out


def test_pulls_per_bin_are_standard_normal():
    point = Point(8000, 12_000, (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95), 0.3)
    right, binomial = pulls(point, 500, seed=1)  # 4000 (toy, bin) pairs
    # standard deviations of mean and width are 0.016 and 0.011: both limits are near four of them
    assert abs(right.mean()) < 0.06
    assert 0.95 < right.std() < 1.05
    # the test has the power to tell: the binomial formula, blind to the background, is far off
    assert np.nanstd(binomial) > 1.3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "toys"),
    [
        (Point(3000, 3000, (0.9,) * 10, 0.3), 600),
        (Point(3000, 3000, (0.9,), 0.3), 4000),
        (Point(3000, 12_000, (0.9,) * 10, 0.1), 600),
        (Point(3000, 12_000, (0.1,) * 10, 0.05), 600),
    ],
    ids=["clean_bins", "clean_whole", "dirty_high", "dirty_low"],
)
def test_pulls_at_the_specified_points(point, toys, record_property):
    right, binomial = pulls(point, toys, seed=2)
    record_property("mean", right.mean())
    record_property("width", right.std())
    record_property("binomial_width", np.nanstd(binomial))
    # the specification saw means up to 0.11 (second order of a ratio) and widths of 0.98 to 1.00
    assert abs(right.mean()) < 0.12
    assert 0.95 < right.std() < 1.05


@pytest.mark.slow
def test_bootstrap_with_fixed_shapes_agrees_with_the_formula():
    point = Point(3000, 3000, (0.9, 0.6), 0.3)
    rng = np.random.default_rng(3)
    toy = candidates(point, rng)
    _, sigma, _, n_effective = efficiencies(toy, 2)
    assert np.all(n_effective * 0.1 > 20)
    replicas = np.array(
        [efficiencies(toy, 2, rng.poisson(1.0, len(toy.bin)).astype(float))[0] for _ in range(1500)]
    )
    # 5 % is 2.7 standard deviations of a width from 1500 replicas
    np.testing.assert_allclose(replicas.std(axis=0), sigma, rtol=0.05)
