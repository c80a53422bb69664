"""The f-test: the default rule, its pseudo-experiments, and the choice that comes out."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hepnb.background import MassSpectrum, family, fit_background, read_spectrum, run_ftest
from hepnb.background.fitting.toys import Refitter
from hepnb.background.ftest.goodness import (
    asymptotic_goodness,
    deviance,
    deviance_moments,
    is_sparse,
)
from hepnb.background.ftest.pseudo_experiments import PseudoExperiments, counted_p
from hepnb.errors import BadParameters

EDGES = np.linspace(100.0, 180.0, 321)


def expected(name, order, theta, weights, events):
    shape = family(name).shape(order, 100.0, 180.0)
    return events * shape.fractions(EDGES, np.array(theta, float)) @ np.array(weights, float)


def falling(events):
    """Outside every single family: two exponentials and a power."""
    return expected("exponential", 3, [-0.06, -0.008], [0.6, 0.15], events) + 0.25 * expected(
        "powerlaw", 1, [-4.0], [1.0], events
    )


def drawn(mean, seed):
    return MassSpectrum(EDGES, np.random.default_rng(seed).poisson(mean).astype(float))


# ---- goodness of fit ------------------------------------------------------------------------


def test_moments_of_the_deviance_are_those_of_simulated_counts():
    nu = np.array([0.05, 0.9, 4.0, 30.0])
    counts = np.random.default_rng(1).poisson(nu, size=(400_000, 4)).astype(float)
    values = deviance(counts, nu)
    mean, variance = deviance_moments(nu)
    # 400,000 draws: standard errors 0.004 and 0.05
    assert mean == pytest.approx(values.mean(), abs=0.02)
    assert variance == pytest.approx(values.var(), abs=0.25)


@pytest.mark.parametrize("events", [300, 10_000])
def test_goodness_of_fit_is_uniform_for_the_true_function(events):
    mean = expected("bernstein", 3, [], [0.7, 0.1, 0.1, 0.1], events)
    fits = [fit_background(drawn(mean, seed), "bernstein", 3) for seed in range(150)]
    p_values = [asymptotic_goodness(fit).p for fit in fits]
    # false alarm 1e-3
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_goodness_of_fit_rejects_a_wrong_function():
    fit = fit_background(drawn(falling(100_000), 2), "laurent", 1)
    assert asymptotic_goodness(fit).p < 1e-6


def test_sparse_means_a_visible_bin_that_expects_fewer_than_five():
    assert is_sparse(fit_background(drawn(falling(300), 1), "bernstein", 2))
    assert not is_sparse(fit_background(drawn(falling(100_000), 1), "bernstein", 2))


# ---- pseudo-experiments ---------------------------------------------------------------------


def test_counted_p_value_is_the_share_of_extreme_experiments():
    values = np.random.default_rng(3).chisquare(1, size=2000)
    found = counted_p(lambda n: values[:n], 2.7055, thresholds=(0.1,), maximum=2000)
    # chi2(1) exceeds 2.7055 with probability 0.1, where it never stops early
    assert found.n == 2000
    assert found.p == pytest.approx(0.1, abs=4 * found.error)
    assert found.error == pytest.approx(np.sqrt(0.1 * 0.9 / 2000), rel=0.1)


def test_counting_stops_once_the_side_of_every_threshold_is_clear():
    values = np.random.default_rng(3).chisquare(1, size=2000)
    found = counted_p(lambda n: values[:n], 0.1, thresholds=(0.05, 0.1), maximum=2000)
    assert found.n == 50
    assert found.p > 0.5


def test_experiments_do_not_depend_on_how_many_are_drawn_at_a_time():
    fit = fit_background(drawn(falling(2000), 4), "bernstein", 2)
    higher = [fit_background(fit.spectrum, "bernstein", order) for order in (3, 4)]
    once = PseudoExperiments(fit, seed=7).gains(12, higher)
    piecewise = PseudoExperiments(fit, seed=7)
    piecewise.gains(5, higher)
    np.testing.assert_array_equal(piecewise.gains(12, higher), once)
    assert not np.array_equal(PseudoExperiments(fit, seed=8).gains(12, higher), once)


def test_an_interrupted_loop_keeps_the_experiments_that_are_done(monkeypatch):
    # row 14 of the edge cases: a cancelled cell
    fit = fit_background(drawn(falling(2000), 4), "bernstein", 2)
    fitted = Refitter.__call__
    calls = []

    def interrupted(self, counts):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return fitted(self, counts)

    monkeypatch.setattr(Refitter, "__call__", interrupted)
    drawn_experiments = PseudoExperiments(fit, seed=7)
    found = counted_p(drawn_experiments.deviances, 320.0, thresholds=(0.01,), maximum=100)
    assert found.n == 7
    assert drawn_experiments.interrupted


# ---- the choice -----------------------------------------------------------------------------


def test_look_ahead_finds_the_laurent_order_beyond_a_step_without_gain():
    spectrum = drawn(falling(10_000), 12)
    found = run_ftest(spectrum, families=["laurent"], toys=60)
    legacy = run_ftest(spectrum, families=["laurent"], rule="legacy")
    assert legacy.choice.truth["laurent"] == 1
    assert found.choice.truth["laurent"] >= 3
    assert "laurent2" not in found.choice.envelope
    assert found.choice.reasons["laurent2"] == "the same function as order 1"


def test_default_rule_on_the_reference_data(open_data_folder):
    spectrum = read_spectrum(open_data_folder / "ftest_reference/mid10k_hist320.csv")
    found = run_ftest(spectrum, toys=50)
    assert found.choice.truth["laurent"] >= 3
    # the true function holds two exponentials; a third gains nothing
    assert found.choice.truth["exponential"] == 3
    assert "bernstein1" not in found.choice.envelope
    assert found.choice.best in found.choice.envelope


def test_result_depends_neither_on_other_families_nor_on_the_scan():
    spectrum = drawn(falling(3000), 5)
    alone = run_ftest(spectrum, families=["bernstein"], toys=50)
    beside = run_ftest(spectrum, families=["laurent", "bernstein"], toys=50, scan="all")
    columns = ["nll", "q", "p (toys)"]
    pd.testing.assert_frame_equal(
        alone.frame[columns], beside.frame.loc[alone.frame.index, columns]
    )
    assert beside.choice.truth["bernstein"] == alone.choice.truth["bernstein"]


def test_scan_of_all_orders_fits_every_one_up_to_the_maximum():
    found = run_ftest(drawn(falling(1000), 5), scan="all", toys=0)
    names = [each.fit.name for each in found.fits]
    assert names == [
        *(f"bernstein{order}" for order in range(1, 8)),
        *(f"exponential{order}" for order in (1, 3, 5)),
        *(f"powerlaw{order}" for order in (1, 3, 5)),
        *(f"laurent{order}" for order in range(1, 7)),
    ]
    assert all(each.gof is not None for each in found.fits)


def test_best_function_is_that_of_least_penalised_likelihood():
    found = run_ftest(drawn(falling(10_000), 6), toys=0, penalty=2.0)
    fits = [found.fit(name) for name in found.choice.envelope]
    scores = [2 * fit.nll + 2.0 * fit.n_par for fit in fits]
    assert found.best is fits[int(np.argmin(scores))]


def test_every_function_left_out_has_its_reason():
    found = run_ftest(drawn(falling(10_000), 6), scan="all", toys=0)
    for each in found.fits:
        assert (each.fit.name in found.choice.envelope) == each.accepted
        assert bool(found.choice.reasons.get(each.fit.name)) == (not each.accepted)


def test_function_without_goodness_of_fit_is_left_out_whatever_the_test_says():
    found = run_ftest(
        drawn(falling(100_000), 2), families=["exponential"], max_order={"exponential": 1}, toys=0
    )
    assert found.choice.envelope == ()
    assert found.choice.best is None
    assert found.choice.truth == {"exponential": None}
    assert "exponential none" in found.summary()
    assert found.choice.reasons["exponential1"].startswith("goodness of fit p = ")


def test_a_scan_that_ends_at_its_highest_order_says_so():
    # row 8: order exhausted
    found = run_ftest(
        drawn(falling(3000), 6), families=["bernstein"], max_order={"bernstein": 3}, toys=0
    )
    assert found.choice.truth["bernstein"] == 3
    assert found.choice.exhausted == ("bernstein",)
    assert "raise max_order" in found.summary()


def test_hidden_window_changes_nothing():
    # row 10: what the window holds cannot reach the choice
    mean = falling(10_000)
    visible = (EDGES[:-1] < 115) | (EDGES[:-1] >= 135)
    spectrum = MassSpectrum(EDGES, np.where(visible, np.floor(mean), 0.0), visible=visible)
    found = run_ftest(spectrum, families=["bernstein", "exponential"], toys=20)
    assert found.best.spectrum.blind == ((115.0, 135.0),)
    inside = slice(60, 140)
    # the extrapolation into the window is the truth that was put in, within 10 %
    assert found.best.expected()[inside].sum() == pytest.approx(mean[inside].sum(), rel=0.1)


@pytest.mark.parametrize("events", [0, 1, 4])
def test_few_candidates_are_tested_at_first_order_only(events):
    # rows 1 and 2: N = 0 and N < 5
    counts = np.zeros(320)
    counts[[10, 40, 90, 200][:events]] = 1.0
    found = run_ftest(MassSpectrum(EDGES, counts), toys=20)
    assert [each.fit.order for each in found.fits] == [1, 1, 1, 1]
    if events == 0:
        assert {each.fit.status for each in found.fits} == {"empty"}
        assert found.choice.envelope == ()
        assert set(found.choice.reasons.values()) == {"no candidate is visible"}


def test_orders_with_as_many_parameters_as_candidates_are_not_tried():
    # row 2: N <= n_par
    counts = np.zeros(320)
    counts[[10, 40, 90, 150, 200]] = 1.0
    found = run_ftest(MassSpectrum(EDGES, counts), scan="all", toys=0)
    assert max(each.fit.n_par for each in found.fits) < 5


def test_candidates_at_one_mass_give_a_finite_result():
    # row 4: slopes run to their bounds
    counts = np.zeros(320)
    counts[0] = 50.0
    found = run_ftest(MassSpectrum(EDGES, counts), scan="all", toys=0)
    assert all(np.isfinite(each.fit.nll) for each in found.fits)
    statuses = {each.fit.name: each.fit.status for each in found.fits}
    assert statuses["exponential1"] == "at_bound"


@pytest.mark.parametrize("thresholds", [(0.1, 0.05), (0.0, 0.1), (0.05, 1.0)])
def test_thresholds_out_of_order_are_refused(thresholds):
    alpha, envelope_alpha = thresholds
    with pytest.raises(BadParameters, match=r"0 < alpha <= envelope_alpha < 1"):
        run_ftest(drawn(falling(100), 1), alpha=alpha, envelope_alpha=envelope_alpha)


def test_unknown_family_is_refused_with_the_nearest_name():
    with pytest.raises(BadParameters, match="did you mean 'laurent'"):
        run_ftest(drawn(falling(100), 1), families=["lorent"])


def test_unbinned_is_the_default_for_candidates_that_are_known():
    masses = np.random.default_rng(2).uniform(100, 180, 200)
    found = run_ftest(read_spectrum(masses), families=["bernstein"], toys=0)
    nll = -np.sum(np.log(found.fits[0].fit.density(np.sort(masses))))
    assert found.fits[0].fit.nll == pytest.approx(nll, abs=1e-9)
    assert found.settings["unbinned"]
    legacy = run_ftest(read_spectrum(masses), families=["bernstein"], rule="legacy", toys=0)
    assert not legacy.settings["unbinned"]


def test_products_carry_the_choice(tmp_path):
    found = run_ftest(drawn(falling(3000), 5), families=["bernstein", "powerlaw"], toys=0)
    found.save(tmp_path)
    written = json.loads((tmp_path / "ftest.json").read_text())
    assert written["choice"]["best"] == found.choice.best
    nll = {f"{each['family']}{each['order']}": each["nll"] for each in written["fits"]}
    assert nll[found.choice.best] == pytest.approx(found.best.nll, abs=1e-6)
    assert (
        f"truth=Bernstein:{found.choice.truth['bernstein']}:"
        in (tmp_path / "ftest.dat").read_text()
    )
    assert len(list((tmp_path / "ftest_hs3").iterdir())) == len(found.choice.envelope)


@pytest.mark.slow
@pytest.mark.parametrize("truth", ["exponential 1", "power law 1", "Bernstein 3, interior"])
def test_size_of_the_default_test_is_nominal_for_interior_truths(truth):
    from benchmarks.ftest_size import taken

    p_values = np.array(taken(truth, 10_000, experiments=300, toys=200, seed=1))
    # 0.05 +- 0.02 is asked for; 300 experiments know it to 0.013
    assert 0.05 - 0.02 - 0.013 < np.mean(p_values < 0.05) < 0.05 + 0.02 + 0.013
