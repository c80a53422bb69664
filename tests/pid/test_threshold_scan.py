"""Efficiency against threshold: every number against the cut itself, and thresholds with errors."""

import numpy as np
import pytest
from scipy.stats import norm

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters
from hepnb.pid import calibrate_efficiency, scan_thresholds
from hepnb.pid.curves.threshold_scan import threshold_grid

N = 4_000


def awkward_sample(seed=1, kind="data", weights=("w", "w2")):
    """Values with atoms at exactly 0, 0.5 and 1 and NaN, weights of both signs and one NaN."""
    rng = np.random.default_rng(seed)
    x = rng.beta(2.0, 0.7, N)
    x[rng.random(N) < 0.1] = 0.0
    x[rng.random(N) < 0.2] = 1.0
    x[rng.random(N) < 0.05] = 0.5
    x[rng.random(N) < 0.03] = np.nan
    columns = {"x": x, "p": rng.uniform(0.5, 4.0, N)}
    columns |= {"w": rng.normal(0.8, 0.7, N), "w2": rng.normal(0.8, 0.7, N)}
    columns["w"][3] = np.nan
    return Sample.from_frame(columns, kind=kind, weights=weights), columns


def by_hand(columns, passing, weight):
    """Efficiency and variance of specs/pid.md 3.4, candidate by candidate."""
    w = columns[weight]
    known = np.isfinite(w)
    w, passing = w[known], passing[known]
    eps = w[passing].sum() / w.sum()
    fail = (w[~passing] ** 2).sum()
    variance = ((1 - eps) ** 2 * (w[passing] ** 2).sum() + eps**2 * fail) / w.sum() ** 2
    return eps, np.sqrt(variance)


@pytest.mark.parametrize("accept", ["above", "below"])
def test_every_threshold_agrees_with_the_cut_made_by_hand(accept):
    sample, columns = awkward_sample()
    cuts = [0.0, 0.2, 0.5, 0.75, 1.0]
    scan = scan_thresholds(
        sample, "x", thresholds=cuts, accept=accept, precut="p > 1", axis={"p": [1, 2, 4]}
    )
    in_bins = {"": (1, np.inf), "1 <= p < 2": (1, 2), "2 <= p < 4": (2, 4)}
    assert list(scan.curves) == list(in_bins)
    for name, (low, high) in in_bins.items():
        chosen = (columns["p"] > 1) & (columns["p"] >= low) & (columns["p"] < high)
        part = {key: column[chosen] for key, column in columns.items()}
        for cut, row in zip(cuts, scan.curves[name].frame.to_dict("records"), strict=True):
            with np.errstate(invalid="ignore"):
                passing = part["x"] > cut if accept == "above" else part["x"] < cut
            if not passing.any():
                assert row["efficiency"] == 0.0
                assert row["stat_up"] > 0.0  # nobody passes, which is not perfect knowledge
                continue
            eps, sigma = by_hand(part, passing, "w")
            # the order of sums differs: 1e-12 of a few thousand terms
            assert row["efficiency"] == pytest.approx(eps, rel=1e-12)
            assert row["stat_up"] == pytest.approx(sigma, rel=1e-11)
            shift = by_hand(part, passing, "w2")[0] - eps
            assert row["sys_shift"] == pytest.approx(shift, abs=1e-12)


def test_undefined_values_fail_and_are_counted():
    sample, columns = awkward_sample()
    scan = scan_thresholds(sample, "x", thresholds=[-1.0, 2.0])
    known = np.isfinite(columns["w"])
    defined = known & np.isfinite(columns["x"])
    expected = columns["w"][defined].sum() / columns["w"][known].sum()
    assert scan.overall.frame["efficiency"].to_list() == pytest.approx([expected, 0.0], rel=1e-12)
    assert scan.counts["nan_in_variable"] == np.isnan(columns["x"]).sum()
    assert scan.counts["nan_weight"] == 1


def test_simulation_is_counted_with_intervals_that_have_a_width():
    sample, columns = awkward_sample(kind="mc", weights=())
    scan = scan_thresholds(sample, "x", thresholds=[-1.0, 0.5])
    with np.errstate(invalid="ignore"):
        assert scan.overall.frame["efficiency"][1] == np.mean(columns["x"] > 0.5)
    assert (scan.overall.frame[["stat_dn", "stat_up"]] > 0).all().all()


def test_threshold_is_the_quantile_and_its_error_that_of_a_quantile():
    rng = np.random.default_rng(4)
    x = rng.uniform(0, 1, 20_000)
    sample = Sample.from_frame({"x": x}, kind="mc")
    for accept, share in (("above", 0.1), ("below", 0.9)):
        found = scan_thresholds(sample, "x", thresholds=threshold_grid(0, 1), accept=accept)
        threshold = found.overall.threshold_for(0.9)
        # within a step, 1e-3, the threshold is interpolated linearly
        assert threshold.value == pytest.approx(np.quantile(x, share), abs=2e-4)
        expected = np.sqrt(0.9 * 0.1 / len(x))  # the density is 1; Clopper-Pearson is a bit wider
        for bar in (threshold.stat_dn, threshold.stat_up):
            assert bar == pytest.approx(expected, rel=0.25)
        assert threshold.status == "ok"


@pytest.mark.parametrize(
    ("wanted", "lo", "hi", "status"),
    [(0.5, 0.4, 1.0, "step"), (0.9, 0.6, 1.0, "not_reached"), (0.1, 0.0, 0.6, "exceeded")],
)
def test_a_threshold_that_does_not_give_the_efficiency_says_so(wanted, lo, hi, status):
    x = np.concatenate([np.linspace(0, 1, 4_000), np.full(4_000, 0.5)])
    sample = Sample.from_frame({"x": x}, kind="mc")
    found = scan_thresholds(sample, "x", thresholds=np.linspace(lo, hi, 101))
    threshold = found.overall.threshold_for(wanted)
    assert threshold.status.startswith(status)
    assert np.isnan(threshold.value) == (status != "step")


def test_a_second_weight_shifts_the_threshold():
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 1, 50_000)
    columns = {"x": x, "w": np.ones(len(x)), "w2": 2 * x}  # eps2 = 1 - t^2
    sample = Sample.from_frame(columns, weights=("w", "w2"))
    found = scan_thresholds(sample, "x", thresholds=threshold_grid(0, 1)).overall
    threshold = found.threshold_for(0.75)
    # 0.5 - 0.25, each known to some 2e-3
    assert threshold.sys_shift == pytest.approx(0.25, abs=8e-3)


def test_grid_is_dense_at_both_ends_where_pid_peaks():
    grid = threshold_grid(0, 1, 1000)
    assert grid[0] == 0.0
    assert grid[-1] == 1.0
    assert (np.diff(grid) > 0).all()
    assert grid[1] < 2e-6
    assert 1 - grid[-2] < 2e-6
    assert np.isin(np.round(np.linspace(0, 1, 1001), 12), np.round(grid, 12)).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"axis": {"p": [1, 2], "x": [0, 1]}}, "one other variable"),
        ({"axis": {"x": [0, 1]}}, "one other variable"),
        ({"accept": "over"}, "choose 'above' or 'below'"),
    ],
)
def test_a_scan_that_makes_no_sense_is_refused(options, words):
    sample, _ = awkward_sample()
    with pytest.raises(BadParameters, match=words):
        scan_thresholds(sample, "x", thresholds=[0.5], **options)


def test_a_wanted_efficiency_is_between_0_and_1():
    sample, _ = awkward_sample()
    with pytest.raises(BadParameters, match=r"1.2 is not between 0 and 1"):
        calibrate_efficiency(sample, variable="x", wanted=[0.9, 1.2])


def mixture(rng, true, background):
    """Candidates with the exact sWeights of a Gaussian mass on a flat one, in [0, 1]."""
    n_s, n_b = rng.poisson(true), rng.poisson(background)
    m = np.concatenate([rng.normal(0.5, 0.05, n_s), rng.random(n_b)])
    x = np.concatenate([rng.beta(3, 1, n_s), rng.beta(1, 2, n_b)])
    # W = integral of p_i p_j / D: a function of the mass alone, the same in every toy
    yields, grid = np.array([true, background]), np.linspace(0, 1, 4_001)
    shape = [norm(0.5, 0.05).pdf, np.ones_like]
    on_grid, here = (np.stack([each(where) for each in shape]) for where in (grid, m))
    matrix = (on_grid / (yields @ on_grid)) @ on_grid.T * (grid[1] - grid[0])
    w = np.linalg.inv(matrix)[0] @ here / (yields @ here)
    return Sample.from_frame({"x": x, "w": w}, weights=("w",))


@pytest.mark.slow
def test_interval_of_a_threshold_covers_with_sweights():
    rng, hits, misses, toys = np.random.default_rng(7), 0, [], 400
    truth = 0.2 ** (1 / 3)  # beta(3, 1): eps = 1 - t^3
    for _ in range(toys):
        found = scan_thresholds(
            mixture(rng, 3_000, 3_000), "x", thresholds=threshold_grid(0, 1, 300)
        ).overall.threshold_for(0.8)
        hits += -found.stat_dn < truth - found.value < found.stat_up
        half = 0.5 * (found.stat_dn + found.stat_up)
        misses.append((found.value - truth) / half)
    # binomial: 0.6827 +- 0.0233, at 3.3 sigma; the mean pull is known to 0.05
    assert hits / toys == pytest.approx(0.6827, abs=0.077)
    assert np.mean(misses) == pytest.approx(0.0, abs=0.2)
