"""Real muon pairs of CMS: the continuum beside the Upsilon, and the Upsilon on top of it."""

from __future__ import annotations

import pandas as pd
import pytest

from hepnb.background import fit_signal_strength, read_spectrum, run_ftest, scan_envelope
from hepnb.background.signal import DoubleSidedCrystalBall
from hepnb.pid import fit_mass

RANGE = (9.0, 9.7)
PEAK = (9.2, 9.6)


@pytest.fixture(scope="module")
def path(open_data_folder):
    return open_data_folder / "cms2011" / "upsilon_mumu.csv"


@pytest.fixture(scope="module")
def ftest(path):
    sidebands = read_spectrum(path, mass="M", range=RANGE, bins=140, blind=PEAK)
    return run_ftest(sidebands, toys=50)


@pytest.fixture(scope="module")
def mass_fit(path):
    return fit_mass(pd.read_csv(path)["M"], "crystal_ball", variable="M", range=RANGE, bins=140)


@pytest.fixture(scope="module")
def signal(mass_fit):
    shape = mass_fit.parameters.set_index("name")["value"]
    return DoubleSidedCrystalBall(
        expected=10_000,
        lo=RANGE[0],
        hi=RANGE[1],
        mean=float(shape["mean"]),
        sigma=float(shape["sigma"]),
        alpha_low=float(shape["alpha"]),
        n_low=float(shape["n"]),
        alpha_high=30.0,  # no tail above, as in the other fit
        n_high=5.0,
    )


def test_rising_continuum_is_left_to_polynomials(ftest):
    # the spectrum rises; exponentials may not, powers not that steeply, and no one is exempt
    assert {fit.family.name for fit in ftest.envelope} == {"bernstein"}
    assert ftest.choice.best == "bernstein3"
    for name in ("exponential1", "powerlaw1", "laurent1"):
        assert ftest.choice.reasons[name].startswith("goodness of fit p = ")


def test_yield_on_the_chosen_function_is_that_of_the_mass_fit(ftest, mass_fit, signal, path):
    whole = read_spectrum(path, mass="M", range=RANGE, bins=140)
    found = fit_signal_strength(whole, ftest.best.family, ftest.best.order, signal)
    error = float(mass_fit.parameters.set_index("name")["error"]["N_signal"])
    # a cubic where the mass fit has a parabola: within a fifth of its uncertainty, 670
    assert found.yield_ == pytest.approx(mass_fit.yields["signal"], abs=0.2 * error)


def test_interval_of_the_envelope_holds_the_yield_of_the_mass_fit(ftest, mass_fit, signal, path):
    whole = read_spectrum(path, mass="M", range=RANGE, bins=140)
    envelope = scan_envelope(whole, ftest.envelope, signal)
    low, high = envelope.interval()
    assert low < mass_fit.yields["signal"] / signal.expected < high
