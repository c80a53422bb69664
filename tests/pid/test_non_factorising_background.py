"""Test E: a background whose mass depends on momentum and PID, with known truth.

The toy of specs/pid.md, section 4.6: 30 % signal; the background's slope in mass runs from -0.9 to
+0.3 with the momentum, and its kaons are more or less frequent with mass and momentum.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import pytest

from hepnb.data import samples
from hepnb.data.sample import Sample
from hepnb.pid.efficiency import measure_efficiency
from hepnb.pid.mass.fit import fit_mass
from hepnb.pid.subtraction.factorisation import control_variables, factorisation_test
from hepnb.pid.subtraction.sweight_columns import choose_sweights

CUT, BINNING = "kaonID > 0.6", {"p": [0.5, 1.0, 1.5, 2.5, 4.5]}


class Measured(NamedTuple):
    pulls: np.ndarray
    bias: np.ndarray  # of the yield, relative
    sigma: np.ndarray


@functools.cache
def generated():
    return samples.true_efficiency("Dst", "K", "data", cut=CUT, binning=BINNING, tracks=1_000_000)


class Toy:
    """Candidates of known truth, two mass fits of them, and what each kind of weights gives."""

    def __init__(self, n, *, factorising=False, seed=1):
        columns = samples.candidates("proc13", "Dst", 0, n, factorising=factorising, seed=seed)
        needed = ("D0_M", "K_p", "K_kaonID", "isSignal")
        self.sample = Sample.from_frame(
            {name: columns[name] for name in needed},
            name="toy",
            mass="D0_M",
            particles={"K": "K"},
            prefix="K",
        )
        momenta = columns["K_p"][columns["isSignal"] == 1]
        self.yields = np.histogram(momenta, BINNING["p"])[0]
        self.fits = [fit_mass(self.sample, model) for model in ("two_gaussians", "student")]

    def measured(self, choice, degree=2):
        chosen = choose_sweights(self.sample, choice, *self.fits, degree=degree)
        frame = measure_efficiency(chosen, cut=CUT, binning=BINNING).frame
        truth = generated()
        sigma = np.hypot(frame["stat_up"], truth["uncertainty"])
        pulls = (frame["efficiency"] - truth["efficiency"]) / sigma
        return Measured(
            pulls.to_numpy(), (frame["sum_w"] / self.yields - 1).to_numpy(), frame["stat_up"]
        )

    def test(self):
        return factorisation_test(self.sample, self.fits[0], control_variables(BINNING, CUT))


@pytest.fixture(scope="module")
def toy():
    return Toy(1_000_000)


def test_one_global_fit_is_off_by_more_than_four_sigma_and_warned_about(toy, caplog):
    assert np.max(np.abs(toy.measured("fit").pulls)) > 4
    # though the spectrum itself looks perfect
    assert toy.fits[0].p_value > 0.01
    found = toy.test()
    assert found.dependent == ["p", "kaonID"]
    assert "does not factorise" in caplog.text


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_cows_of_degree_two_or_more_close_in_every_bin(toy, degree):
    measured = toy.measured("cows", degree)
    assert np.max(np.abs(measured.pulls)) < 2.5
    assert np.max(np.abs(measured.bias)) < 0.01


def test_cows_of_too_low_a_degree_do_not_close(toy):
    assert np.max(np.abs(toy.measured("cows", 0).pulls)) > 20
    assert np.max(np.abs(toy.measured("cows", 1).pulls)) > 4


def test_the_price_of_degree_two_is_less_than_a_fifth_of_the_precision(toy):
    price = toy.measured("cows").sigma / toy.measured("fit").sigma
    assert np.all((price > 1) & (price < 1.2))


def test_where_the_background_factorises_both_close_and_nothing_is_said(caplog):
    toy = Toy(200_000, factorising=True)
    for choice in ("fit", "cows"):
        assert np.max(np.abs(toy.measured(choice).pulls)) < 3.5  # 4 bins: 0.2 % false alarms
    assert toy.test().passed
    assert not [each for each in caplog.records if "factorise" in each.message]


@pytest.mark.slow
def test_cows_close_and_the_global_fit_does_not_over_ten_toys(record_property):
    """Pulls of COWs, degree 2 and 3, are standard normal over 10 x 1e6 candidates x 4 bins."""
    pulls = {"fit": [], "degree 2": [], "degree 3": []}
    for seed in range(10):
        toy = Toy(1_000_000, seed=100 + seed)
        pulls["fit"].append(toy.measured("fit").pulls)
        for degree in (2, 3):
            pulls[f"degree {degree}"].append(toy.measured("cows", degree).pulls)
    for name, found in pulls.items():
        record_property(f"{name}: mean pull per bin", np.mean(found, axis=0).round(2).tolist())
        record_property(f"{name}: width", float(np.std(found)))
    assert np.mean(np.max(np.abs(pulls["fit"]), axis=1)) > 4
    for degree in (2, 3):
        found = np.array(pulls[f"degree {degree}"])
        # per bin: the mean of 10 pulls has a standard deviation of 0.32; all: a width within 11 %
        assert np.max(np.abs(found.mean(axis=0))) < 1.1
        assert 0.6 < found.std() < 1.3
