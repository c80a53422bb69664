"""Every minimum known of the reference spectra is reached, and none is missed from below."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from hepnb.background.families import family
from hepnb.background.fitting import fit_background
from hepnb.background.spectrum import MassSpectrum

EDGES = np.linspace(100.0, 180.0, 321)
ROUNDING = 6e-6  # the reference values have five decimals
CASES = [("low300", "binint"), ("low300", "unbinned"), ("mid10k", "binint")]


@pytest.fixture(scope="module")
def reference():
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("HEPNB_OPEN_DATA", beside)) / "ftest_reference"
    if not (folder / "nll_reference.json").exists():
        pytest.skip("reference minima are not here; HEPNB_OPEN_DATA is to hold ftest_reference")
    return folder


def spectrum(folder: Path, name: str, convention: str) -> MassSpectrum:
    if convention == "unbinned":
        masses = np.loadtxt(folder / f"{name}_events.csv", skiprows=1)
        return MassSpectrum(EDGES, np.zeros(320)).with_masses(masses)
    table = np.loadtxt(folder / f"{name}_hist320.csv", delimiter=",", skiprows=1)
    return MassSpectrum(EDGES, table[:, 2])


@pytest.mark.parametrize(("name", "convention"), CASES)
@pytest.mark.parametrize("of", ["bernstein", "exponential", "powerlaw", "laurent"])
def test_every_reference_minimum_is_reached(reference, name, convention, of):
    known = json.loads((reference / "nll_reference.json").read_text())["datasets"][name]
    data = spectrum(reference, name, convention)
    allowed = 1e-4 if of in {"bernstein", "laurent"} else 2e-3
    lower = None
    for order in family(of).orders():
        expected = known[convention][f"{of}{order}"]
        fit = fit_background(data, of, order, lower=lower, unbinned=convention == "unbinned")
        assert fit.valid
        # never above; never below by more than rounding either, where the minimum is proven
        assert fit.nll - expected["nll"] < min(allowed, ROUNDING)
        assert fit.nll - expected["nll"] > -1e-4
        assert fit.n_par == expected["npar"]
        if "kkt" in expected:
            assert fit.certificate < 1e-9
            np.testing.assert_allclose(
                np.sort(fit.weights), np.sort(expected["weights"]), atol=2e-3
            )
        else:
            # both are maxima over a grid of slopes
            assert fit.certificate == pytest.approx(expected["npmle_gap"], rel=0.02, abs=1e-3)
        lower = fit


@pytest.mark.parametrize("of", ["exponential", "powerlaw"])
def test_no_lower_order_at_hand_gives_the_same_minimum(reference, of):
    data = spectrum(reference, "low300", "binint")
    chain = None
    for order in (1, 3, 5):
        chain = fit_background(data, of, order, lower=chain)
    assert fit_background(data, of, 5).nll == pytest.approx(chain.nll, abs=1e-9)


def test_nineteen_functions_of_one_category_take_less_than_half_a_cpu_second(reference):
    data = spectrum(reference, "mid10k", "binint")
    spent = []
    for _ in range(3):  # other work on the machine disturbs
        began = time.process_time()
        for of in ("bernstein", "exponential", "powerlaw", "laurent"):
            lower = None
            for order in family(of).orders():
                lower = fit_background(data, of, order, lower=lower)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.5
