"""Efficiency against fake rate: the area pair by pair, its variance, and what two sets share."""

import numpy as np
import pytest
from scipy import stats

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters
from hepnb.pid import id_vs_misid, roc_curve, scan_thresholds

CUTS = np.linspace(0.0, 1.0, 11)


def sample(x, w=None, **columns):
    names = () if w is None else ("w",)
    given = {"x": np.asarray(x, float), **({} if w is None else {"w": w}), **columns}
    return Sample.from_frame(given, kind="data", weights=names)


def scans(true, fake, accept="above"):
    return [scan_thresholds(each, "x", thresholds=CUTS, accept=accept) for each in (true, fake)]


def between_cuts(rng, n, a, b):
    """Values in the middle between thresholds, so that cells are ties."""
    return np.floor(10 * rng.beta(a, b, n)) / 10 + 0.05


@pytest.mark.parametrize("accept", ["above", "below"])
def test_area_is_the_weighted_share_of_pairs_in_the_right_order(accept):
    rng = np.random.default_rng(1)
    x, y = between_cuts(rng, 300, 3, 1), between_cuts(rng, 200, 1, 2)
    w, v = rng.normal(1, 1, 300), rng.normal(1, 1, 200)
    x[:5] = np.nan  # fails every threshold, so looks worse than all
    curve = roc_curve(*scans(sample(x, w), sample(y, v), accept))
    worst = -np.inf if accept == "above" else np.inf
    difference = np.where(np.isnan(x), worst, x)[:, None] - y[None, :]
    sign = 1 if accept == "above" else -1
    right = 0.5 * (1 + np.sign(sign * difference))
    expected = w @ right @ v / (w.sum() * v.sum())
    assert curve.area.value == pytest.approx(expected, rel=1e-12)


def test_variance_of_unweighted_candidates_is_that_of_delong():
    rng = np.random.default_rng(2)
    x, y = between_cuts(rng, 300, 3, 1), between_cuts(rng, 200, 1, 2)
    true, fake = (sample(each, np.ones(len(each))) for each in (x, y))
    right = 0.5 * (1 + np.sign(x[:, None] - y[None, :]))
    # variances of the placements, with n rather than n - 1, as sums of weights have it
    expected = right.mean(axis=1).var() / len(x) + right.mean(axis=0).var() / len(y)
    assert roc_curve(*scans(true, fake)).area.stat == pytest.approx(np.sqrt(expected), rel=1e-10)


def test_area_of_two_gaussians_is_the_known_one():
    rng = np.random.default_rng(3)
    true, fake = (sample(rng.normal(mean, 1, 20_000), np.ones(20_000)) for mean in (1, 0))
    found = id_vs_misid(true, fake, variable="x", range=(-5, 6))
    expected = stats.norm.cdf(1 / np.sqrt(2))
    assert found.data.area.value == pytest.approx(expected, abs=4 * found.data.area.stat)


def test_what_two_sets_share_counts_in_the_uncertainty_of_the_area():
    """Signal and background of the same candidates, as sWeights make them: w + v = 1."""
    rng = np.random.default_rng(4)
    signal = rng.random(1_500) < 0.5
    x = np.where(signal, rng.beta(3, 1, 1_500), rng.beta(1, 2, 1_500))
    w = np.where(signal, 1.6, -0.4) * rng.uniform(0.4, 1.6, 1_500)
    columns = {"x": x, "w": w, "v": 1 - w}
    true = Sample.from_frame(columns, weights=("w",))
    fake = Sample.from_frame(columns, weights=("v",))
    fake = type(fake)(**{**fake.__dict__, "frame": true.frame})
    together = roc_curve(*scans(true, fake), samples=(true, fake)).area
    apart = roc_curve(*scans(true, fake)).area
    cells = np.digitize(x, CUTS, right=True)

    def area(number):
        s, b = (np.bincount(cells, number * each, 12) for each in (w, 1 - w))
        return s @ (np.cumsum(b) - b / 2) / (s.sum() * b.sum())

    assert together.value == pytest.approx(area(np.ones(1_500)), rel=1e-12)
    replicas = [area(rng.poisson(1, 1_500)) for _ in range(1_000)]
    # the spread of 1000 replicas is known to 2.2 %, and linearisation costs a little
    assert together.stat == pytest.approx(np.std(replicas), rel=0.1)
    assert abs(apart.stat / np.std(replicas) - 1) > 0.1


def test_working_points_are_those_of_the_cut_itself():
    rng = np.random.default_rng(5)
    x, y = rng.random(500), rng.random(400)
    true, fake = sample(x, np.ones(500)), sample(y, np.ones(400))
    found = id_vs_misid(true, fake, variable="x", working_points=[0.1234])
    [point] = found.points().to_dict("records")
    assert point["efficiency"] == np.mean(x > 0.1234)
    assert point["fake_rate"] == np.mean(y > 0.1234)
    with pytest.raises(BadParameters, match="was not scanned"):
        found.data.at(0.4321987)


def test_steps_that_go_the_wrong_way_are_kept():
    """A candidate of negative weight makes the efficiency rise where the cut tightens."""
    true = sample([0.35, 0.55, 0.75], np.array([1.0, -0.5, 1.5]))
    fake = sample([0.15, 0.55], np.ones(2))
    eps = roc_curve(*scans(true, fake)).frame["efficiency"].to_numpy()
    assert eps[4] == pytest.approx(0.5)
    assert eps[6] == pytest.approx(0.75)


def test_curves_of_different_scans_are_refused():
    one = sample([0.1, 0.2], np.ones(2))
    first = scan_thresholds(one, "x", thresholds=CUTS)
    for options in ({"thresholds": CUTS[:-1]}, {"thresholds": CUTS, "accept": "below"}):
        with pytest.raises(BadParameters, match="cannot be compared"):
            roc_curve(first, scan_thresholds(one, "x", **options))
