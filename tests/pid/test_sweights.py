"""sWeights: their identities, an independent package, and a brute-force optimum."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import optimize, stats

from hepnb.errors import BadParameters, FitFailed
from hepnb.pid.subtraction.sweights import fit_yields, sweights, weight_matrix

EXACT = 1e-9  # relative, as specified; rounding of sums over 1e5 candidates stays below 1e-11


def densities(mass):
    """Peak and slope on [0, 1]."""
    peak = stats.truncnorm(-0.4 / 0.05, 0.6 / 0.05, 0.4, 0.05)
    return np.array([peak.pdf(mass), 1.3 - 0.6 * mass])


def toy(n_signal, n_background, seed=1):
    rng = np.random.default_rng(seed)
    signal = rng.normal(0.4, 0.05, rng.poisson(n_signal))
    u = rng.random(rng.poisson(n_background))
    background = (1.3 - np.sqrt(1.69 - 1.2 * u)) / 0.6
    return np.concatenate([signal, background])


def passes_of(p, q=None, block=10_000):
    def passes():
        for start in range(0, p.shape[1], block):
            part = slice(start, start + block)
            yield p[:, part], None if q is None else q[part]

    return passes


@pytest.mark.parametrize(
    ("n_signal", "n_background"), [(30_000, 20_000), (3000, 12_000), (400, 50_000), (40, 20)]
)
def test_identities_hold_to_rounding(n_signal, n_background):
    p = densities(toy(n_signal, n_background))
    fit = fit_yields(passes_of(p), np.array([1.0, 1.0]) * p.shape[1] / 2)
    w = sweights(p, fit.yields, fit.covariance)
    np.testing.assert_allclose(w.sum(axis=0), fit.yields, rtol=EXACT)
    np.testing.assert_allclose(fit.covariance.sum(axis=1), fit.yields, rtol=EXACT)
    np.testing.assert_allclose(w.sum(axis=1), 1.0, rtol=EXACT)
    np.testing.assert_allclose((w**2).sum(axis=0), np.diagonal(fit.covariance), rtol=EXACT)
    total = fit.yields @ p
    np.testing.assert_allclose((p / total).sum(axis=1), 1.0, rtol=EXACT)


def test_component_of_two_per_mille_meets_the_sum_rules():
    rng = np.random.default_rng(4)
    narrow = np.append(rng.normal(0.4, 1e-4, 100), rng.random(50_000))
    p = np.array([stats.norm.pdf(narrow, 0.4, 1e-4), np.ones(len(narrow))])
    fit = fit_yields(passes_of(p), np.array([25_000.0, 25_000.0]))
    assert fit.yields[0] == pytest.approx(100, abs=4 * np.sqrt(fit.covariance[0, 0]))
    w = sweights(p, fit.yields, fit.covariance)
    np.testing.assert_allclose(w.sum(axis=0), fit.yields, rtol=EXACT)
    np.testing.assert_allclose((p / (fit.yields @ p)).sum(axis=1), 1.0, rtol=EXACT)


def test_weights_equal_the_sweights_package(capsys):
    with warnings.catch_warnings():
        # the package and what it loads (numba, awkward types) warn on import
        warnings.simplefilter("ignore")
        sweights_package = pytest.importorskip("sweights")
    mass = toy(6000, 9000, seed=2)
    mass = mass[(mass >= 0) & (mass <= 1)]
    p = densities(mass)
    fit = fit_yields(passes_of(p), np.array([6000.0, 9000.0]))
    peer = sweights_package.SWeight(
        mass,
        [lambda m: densities(m)[0], lambda m: densities(m)[1]],
        list(fit.yields),
        [(0.0, 1.0)],
        method="summation",
        checks=False,
    )
    capsys.readouterr()
    # the package divides by norms that it integrates numerically; here they are exact
    np.testing.assert_allclose(peer.pdfnorms, 1.0, rtol=1e-10)
    expected = np.column_stack([peer.get_weight(k, mass) for k in range(2)])
    found = sweights(p, fit.yields, fit.covariance)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_yields_are_the_brute_force_optimum():
    p = densities(toy(300, 700, seed=3))
    fit = fit_yields(passes_of(p), np.array([500.0, 500.0]))

    def nll(yields):
        return np.sum(yields) - np.sum(np.log(yields @ p))

    best = optimize.minimize(
        nll, [400.0, 600.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}
    )
    np.testing.assert_allclose(fit.yields, best.x, rtol=1e-5)  # a flat minimum hides the rest
    step = 1e-2 * np.eye(2)
    hessian = [
        [
            (nll(best.x + a + b) - nll(best.x + a - b) - nll(best.x - a + b) + nll(best.x - a - b))
            / (4e-4)
            for a in step
        ]
        for b in step
    ]
    np.testing.assert_allclose(np.linalg.inv(hessian), fit.covariance, rtol=1e-2)


@pytest.mark.parametrize("start", [(1e-3, 1e6), (1e6, 1e-3), (1.0, 1.0), (1e9, 1e9)])
def test_any_positive_start_leads_to_the_same_yields(start):
    p = densities(toy(2000, 3000))
    good = fit_yields(passes_of(p), np.array([2000.0, 3000.0]))
    found = fit_yields(passes_of(p), np.array(start))
    np.testing.assert_allclose(found.yields, good.yields, rtol=1e-12)
    assert found.residual < 1e-12


def test_blocks_change_nothing_but_rounding():
    p = densities(toy(20_000, 30_000))
    start = np.array([1.0, 1.0])
    whole, parts = (fit_yields(passes_of(p, block=size), start) for size in (10**6, 777))
    np.testing.assert_allclose(whole.yields, parts.yields, rtol=1e-12)
    np.testing.assert_allclose(whole.covariance, parts.covariance, rtol=1e-11)


def test_weighted_candidates_keep_the_first_sum_rule():
    p = densities(toy(5000, 5000))
    q = np.random.default_rng(8).uniform(0.5, 2.0, p.shape[1])
    fit = fit_yields(passes_of(p, q), np.array([1.0, 1.0]))
    w = sweights(p, fit.yields, fit.covariance)
    np.testing.assert_allclose(q @ w, fit.yields, rtol=EXACT)
    np.testing.assert_allclose(
        weight_matrix(p, fit.yields, q), np.linalg.inv(fit.covariance), rtol=EXACT
    )
    twice = fit_yields(passes_of(np.repeat(p, 2, axis=1)), np.array([1.0, 1.0]))
    as_weight = fit_yields(passes_of(p, np.full(p.shape[1], 2.0)), np.array([1.0, 1.0]))
    np.testing.assert_allclose(twice.yields, as_weight.yields, rtol=1e-12)


def test_single_component_weighs_everything_one():
    p = densities(toy(500, 0.5))[:1]
    fit = fit_yields(passes_of(p), np.array([3.0]))
    assert fit.yields[0] == pytest.approx(p.shape[1], rel=1e-12)
    np.testing.assert_allclose(sweights(p, fit.yields, fit.covariance), 1.0, rtol=1e-12)
    assert fit.correlation == 0.0


def test_three_components_keep_the_identities():
    mass = np.append(toy(5000, 5000), np.sqrt(np.random.default_rng(9).random(5000)))
    p = np.vstack([densities(mass), 2.0 * mass])
    p = p[:, (mass > 0) & (mass < 1)]
    fit = fit_yields(passes_of(p), np.array([5000.0, 3000.0, 2000.0]))
    w = sweights(p, fit.yields, fit.covariance)
    np.testing.assert_allclose(w.sum(axis=0), fit.yields, rtol=EXACT)
    np.testing.assert_allclose((w**2).sum(axis=0), np.diagonal(fit.covariance), rtol=EXACT)


def test_similar_components_are_flagged_and_logged(caplog):
    # thrown from their even mixture, so that both yields are positive
    rng = np.random.default_rng(0)
    t = rng.random(200_000)
    t = t[rng.random(200_000) * 1.3 < 1.275 - 0.55 * t]
    p = np.array([1.3 - 0.6 * t, 1.25 - 0.5 * t])
    fit = fit_yields(passes_of(p), np.array([1.0, 1.0]) * len(t) / 2)
    assert fit.alike
    assert fit.correlation > 0.95
    assert fit.condition > 100
    assert "two components are alike" in caplog.text


def test_equal_components_are_refused():
    p = densities(toy(500, 500))
    with pytest.raises(FitFailed, match="same shape"):
        fit_yields(passes_of(p[[0, 0]]), np.array([1.0, 1.0]))


def test_absent_component_is_refused():
    mass = np.random.default_rng(0).uniform(0, 0.1, 500)  # far from the peak
    with pytest.raises(FitFailed, match="not in this sample"):
        fit_yields(passes_of(densities(mass) + 1e-9), np.array([10.0, 500.0]))


def test_candidate_without_density_is_refused():
    with pytest.raises(FitFailed, match="no density"):
        fit_yields(passes_of(np.array([[1.0, 0.0], [1.0, 0.0]])), np.array([1.0, 1.0]))


def test_start_that_is_not_positive_is_refused():
    with pytest.raises(BadParameters, match="above 0"):
        fit_yields(passes_of(np.ones((2, 3))), np.array([1.0, 0.0]))
