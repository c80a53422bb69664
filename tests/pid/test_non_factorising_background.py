"""Test E: a background whose mass depends on momentum and PID, with known truth.

The toy of specs/pid.md, section 4.6: 30 % signal; the background's slope in mass runs from -0.9 to
+0.3 with the momentum, and its chance to pass the requirement falls with mass and momentum. What
passes is then a polynomial of degree 2 in mass at each momentum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from hepnb.data.sample import Sample
from hepnb.pid.efficiency import measure_efficiency
from hepnb.pid.mass.fit import fit_mass
from hepnb.pid.subtraction.factorisation import control_variables, factorisation_test
from hepnb.pid.subtraction.sweight_columns import choose_sweights

CUT, BINNING = "kaonID > 0.6", {"p": [0.5, 1.0, 1.5, 2.5, 4.5]}
EFFICIENCY = np.array([0.95, 0.92, 0.88, 0.80])  # of the signal in each bin
MASSES = 1.80, 1.95  # GeV/c^2


def candidates(n, seed, *, factorising=False):
    """Columns of n candidates; if `factorising`, mass, momentum and PID know nothing of each other.

    The background is 1 + a t in t of [-1, 1], the mass on the range of the fit.
    """
    rng = np.random.default_rng(seed)
    signal = rng.random(n) < 0.3
    p = truncated_exponential(rng.random(n), np.where(signal, 1.6, 1.2), 0.5, 4.5)
    slope = np.full(n, -0.3) if factorising else -0.9 + 0.3 * (p - 0.5)
    t = (-1 + np.sqrt((1 - slope) ** 2 + 4 * slope * rng.random(n))) / slope
    core = rng.random(n) < 0.6
    mass = np.where(
        signal,
        rng.normal(1.865, np.where(core, 0.006, 0.014)),
        np.mean(MASSES) + np.diff(MASSES) / 2 * t,
    )
    fakes = np.full(n, 0.3) if factorising else 0.3 - 0.1 * t - 0.02 * (p - 0.5)
    of_signal = EFFICIENCY[np.searchsorted(BINNING["p"], p, side="right") - 1]
    passes = rng.random(n) < np.where(signal, of_signal, fakes)
    pid = rng.random(n)
    columns = {
        "D0_M": mass,
        "K_p": p,
        "K_kaonID": np.where(passes, 0.6 + 0.4 * pid, 0.6 * pid),
        "isSignal": signal.astype(float),
    }
    inside = (mass > MASSES[0]) & (mass < MASSES[1])
    return {name: values[inside] for name, values in columns.items()}


def truncated_exponential(u, scale, low, high):
    return low - scale * np.log(1 - u * (1 - np.exp(-(high - low) / scale)))


class Measured(NamedTuple):
    pulls: np.ndarray
    bias: np.ndarray  # of the yield, relative
    sigma: np.ndarray


class Toy:
    """Candidates of known truth, two mass fits of them, and what each kind of weights gives."""

    def __init__(self, n, *, factorising=False, seed=1):
        columns = candidates(n, seed, factorising=factorising)
        self.sample = Sample.from_frame(
            columns, name="toy", mass="D0_M", particles={"K": "K"}, prefix="K"
        )
        momenta = columns["K_p"][columns["isSignal"] == 1]
        self.yields = np.histogram(momenta, BINNING["p"])[0]
        self.fits = [fit_mass(self.sample, model) for model in ("two_gaussians", "student")]

    def measured(self, choice, degree=2):
        chosen = choose_sweights(self.sample, choice, *self.fits, degree=degree)
        frame = measure_efficiency(chosen, cut=CUT, binning=BINNING).frame
        pulls = (frame["efficiency"] - EFFICIENCY) / frame["stat_up"]
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
def test_in_each_of_ten_toys_the_global_fit_fails_and_cows_close(record_property):
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
    assert np.min(np.max(np.abs(pulls["fit"]), axis=1)) > 4
    for degree in (2, 3):
        found = np.array(pulls[f"degree {degree}"])
        # per bin: the mean of 10 pulls has a standard deviation of 0.32; all: a width within 11 %
        assert np.max(np.abs(found.mean(axis=0))) < 1.1
        assert 0.6 < found.std() < 1.3
