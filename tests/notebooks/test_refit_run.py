"""The refit stage: new weights in copies, which other stages then use."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import uproot

import hepnb
from hepnb.data.samples import true_efficiency
from hepnb.pid import measure_efficiency
from hepnb.pid.studies import study

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def originals(small_samples):
    return [small_samples / f"{name}_Dst.root" for name in ("proc13", "prompt")]


@pytest.fixture(scope="module")
def refit(small_site, originals, tmp_path_factory):
    before = [hashlib.sha256(path.read_bytes()).hexdigest() for path in originals]
    parameters = {"site": small_site, "new_suffix": "_v2"}
    run = hepnb.run("refit", tmp_path_factory.mktemp("runs") / "refit", parameters=parameters)
    after = [hashlib.sha256(path.read_bytes()).hexdigest() for path in originals]
    assert after == before
    return run


def test_copies_hold_all_branches_and_new_weights(refit, originals):
    weights = {"sweight", "sweight_sys"}
    for path in originals:
        copy = refit.directory / "ntuples" / f"{path.stem}_v2.root"
        with uproot.open(path) as old, uproot.open(copy) as new:
            a, b = old["Dst"], new["Dst"]
            assert a.keys() == b.keys()
            for name in a.keys():  # noqa: SIM118 -- uproot's trees are no mappings
                assert a[name].typename == b[name].typename
                one, other = (each[name].array(library="np") for each in (a, b))
                if name in weights:
                    assert (one != other).any()
                    # the stored ones are of the generating densities: alike, but for the fit
                    assert np.corrcoef(one, other)[0, 1] > 0.99
                else:
                    np.testing.assert_array_equal(one, other)


def test_new_weights_sum_to_the_true_signal(refit, small_samples):
    files = json.loads((small_samples / "truth.json").read_text())["files"]
    truth = sum(files[f"{name}_Dst.root"]["signal"] for name in ("proc13", "prompt"))
    sample = hepnb.catalogue(refit.directory / "ntuples.yaml")["proc13+prompt_v2"].study("Dst")
    frame = sample.read(["sweight", "sweight_sys"])
    uncertainty = refit.numbers["nominal_N_signal"]["uncertainty"]
    assert frame["sweight"].sum() == pytest.approx(truth, abs=4 * uncertainty)
    assert frame["sweight_sys"].sum() == pytest.approx(truth, rel=0.03)
    assert (frame["sweight"] != frame["sweight_sys"]).all()


def test_the_catalogue_of_the_copies_serves_every_measurement(refit):
    data = hepnb.catalogue(refit.directory / "ntuples.yaml")["proc13+prompt_v2"]
    assert (data.kind, data.luminosity, data.energy) == ("data", 200.0, "4S")
    table = measure_efficiency(
        data.study("Dst").particle("K"), cut="kaonID > 0.6", binning={"p": [1, 2, 3]}
    )
    truth = true_efficiency("Dst", "K", "data", cut="kaonID > 0.6", binning={"p": [1, 2, 3]})
    pulls = (table.frame["efficiency"] - truth["efficiency"]) / table.frame["stat_up"]
    assert pulls.abs().max() < 4


def test_weights_are_those_of_a_fit_made_by_hand(refit, small_site):
    sample = hepnb.catalogue(small_site)["proc13+prompt"].study("Dst")
    fit = study("Dst").fit(sample)
    copies = hepnb.catalogue(refit.directory / "ntuples.yaml")["proc13+prompt_v2"].study("Dst")
    mass, weight = copies.read(["D0_M", "sweight"]).to_numpy().T
    np.testing.assert_array_equal(fit.sweights(mass)[:, 0], weight)


@pytest.mark.parametrize(
    ("study_name", "particle"),
    [
        ("Jpsi_ee", "e"),
        pytest.param("KS", "pi", marks=pytest.mark.slow),
        pytest.param("Jpsi_mumu", "mu", marks=pytest.mark.slow),
        pytest.param("Dst_Kpipi0", "pi0", marks=pytest.mark.slow),
    ],
)
def test_mass_fit_takes_every_study_with_its_own_models(
    small_site, tmp_path, study_name, particle, small_samples
):
    run = hepnb.run(
        "mass_fit",
        tmp_path / "fit",
        parameters={"site": small_site, "study": study_name, "particle": particle},
    )
    assert run.numbers["p_value"]["value"] > 1e-3  # false-alarm rate of each
    files = json.loads((small_samples / "truth.json").read_text())["files"]
    truth = sum(files[f"{name}_{study_name}.root"]["signal"] for name in ("proc13", "prompt"))
    signal = run.numbers["N_signal"]
    assert signal["value"] == pytest.approx(truth, abs=4 * signal["uncertainty"])
    assert (run.directory / "benchmarks.pdf").stat().st_size > 0
