"""The rule of flashggFinalFit, with its flaws, exactly."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from hepnb.background import MassSpectrum, family, fit_background, read_spectrum, run_ftest
from hepnb.background.ftest import FAMILIES
from hepnb.background.ftest.legacy import legacy_goodness, legacy_orders, legacy_scan

SETS = ("low300", "mid10k")


@pytest.mark.parametrize("data", SETS)
def test_decisions_of_the_reference_are_reproduced(open_data_folder, data):
    folder = open_data_folder / "ftest_reference"
    decisions = json.loads((folder / "ftest_decisions.json").read_text())[data]
    spectrum = read_spectrum(folder / f"{data}_hist320.csv")
    for name in FAMILIES:
        reference = decisions[name]
        orders = [step["order"] for step in reference["steps"]]
        steps = [(order, fit_background(spectrum, name, order).nll) for order in orders]
        scan = legacy_scan(steps)
        assert scan.truth == reference["truth_order"]
        assert list(scan.envelope) == reference["envelope_orders_before_gof"]
        assert scan.exhausted == reference["scan_exhausted"]


@pytest.mark.parametrize("data", SETS)
def test_run_with_the_legacy_rule_chooses_the_truths_of_the_reference(open_data_folder, data):
    folder = open_data_folder / "ftest_reference"
    decisions = json.loads((folder / "ftest_decisions.json").read_text())[data]
    spectrum = read_spectrum(folder / f"{data}_hist320.csv").rebinned(4)
    found = run_ftest(spectrum, rule="legacy", families=["laurent", "powerlaw"])
    for name in ("laurent", "powerlaw"):
        assert found.choice.truth[name] == decisions[name]["truth_order"]


def steps(*nlls):
    return list(enumerate(nlls, 1))


@pytest.mark.parametrize(
    ("nlls", "truth", "envelope"),
    [
        ((100, 99.9), 1, (1,)),  # not significant
        ((100, 90, 89.9), 2, (1, 2)),  # 20 for one parameter, then nothing
        ((100, 98.5, 98.4), 1, (1, 2)),  # p = 0.083: in the envelope, not the truth
        ((100, 101, 80), 1, (1,)),  # a negative gain counts as none and ends the scan
        ((100, 90, 80, 70, 60), 4, (1, 2, 3, 4, 5)),  # the last is never chosen
    ],
)
def test_scan_stops_and_chooses_as_the_program_does(nlls, truth, envelope):
    scan = legacy_scan(steps(*nlls))
    assert scan.truth == truth
    assert scan.envelope == envelope


def test_a_scan_that_runs_out_of_orders_is_flagged():
    assert legacy_scan(steps(100, 90, 80)).exhausted
    assert not legacy_scan(steps(100, 90, 89.99)).exhausted


def test_orders_end_where_the_builders_do():
    assert legacy_orders(family("bernstein")) == (1, 2, 3, 4, 5)
    assert legacy_orders(family("exponential")) == (1, 3, 5)
    assert legacy_orders(family("laurent")) == (1, 2, 3, 4, 5, 6)


def test_chosen_order_needs_no_goodness_of_fit():
    # the flaw that let a function of p = 2e-31 into an envelope
    edges = np.linspace(100, 180, 321)
    shape = family("exponential").shape(3, 100, 180)
    mean = 1e5 * shape.fractions(edges, np.array([-0.06, -0.008])) @ np.array([0.7, 0.3])
    spectrum = MassSpectrum(edges, np.random.default_rng(1).poisson(mean).astype(float))
    found = run_ftest(spectrum, rule="legacy", families=["laurent"])
    truth = found.choice.truth["laurent"]
    (chosen,) = [each for each in found.fits if each.fit.order == truth]
    assert chosen.gof.p < 0.01
    assert chosen.fit.name in found.choice.envelope


def test_goodness_of_fit_leaves_out_empty_bins_but_counts_them():
    edges = np.linspace(100, 180, 9)
    counts = np.array([60.0, 50, 40, 0, 30, 20, 10, 8])
    fit = fit_background(MassSpectrum(edges, counts), "bernstein", 1)
    found = legacy_goodness(fit, np.random.default_rng(1))
    chi2 = 0.0
    for n, nu in zip(counts, fit.expected(), strict=True):
        if n:
            # central 68.27 % Poisson interval by its definition
            low = stats.gamma.ppf(0.15865, n)
            high = stats.gamma.ppf(1 - 0.15865, n + 1)
            chi2 += ((n - nu) / (n - low if n > nu else high - n)) ** 2
    reduced = chi2 / (7 - 2)
    assert found.value == pytest.approx(reduced * (8 - 2), rel=1e-4)
    assert found.p == pytest.approx(stats.chi2.sf(reduced * 6, 6), rel=1e-3)
    assert found.method == "chi2"


def test_goodness_of_fit_throws_toys_below_five_candidates_per_bin():
    edges = np.linspace(100, 180, 41)
    mean = 80 * family("bernstein").shape(1, 100, 180).fractions(edges, np.empty(0)) @ [0.9, 0.1]
    counts = np.random.default_rng(3).poisson(mean).astype(float)
    found = legacy_goodness(
        fit_background(MassSpectrum(edges, counts), "bernstein", 1), np.random.default_rng(1)
    )
    assert found.method == "toys"
    assert len(found.toys) == 500
    assert list(found.toys) == sorted(found.toys)
    assert found.p == np.mean(np.array(found.toys) >= found.value)
