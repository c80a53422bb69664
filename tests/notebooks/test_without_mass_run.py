"""Tables of a mode without a mass to fit, through the notebooks, against the generated truth."""

import json

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hepnb
from hepnb.data import samples
from hepnb.pid import measure_efficiency

pytestmark = pytest.mark.notebook

CUT = "muonID > 0.6"
BINNING = {"p": [1.0, 1.5, 2.0, 2.5, 3.5], "cosTheta": [-0.5, 0.2, 0.8]}
COMMON = {
    "study": "mumugamma",
    "particle": "mu",
    "data": "data",
    "mc": "mc",
    "cut": CUT,
    "precut": "",
    "binning": BINNING,
}
FALSE_ALARM = 1e-3  # of each statistical test below


@pytest.fixture(scope="module")
def muons(tmp_path_factory):
    """40 000 candidates each of data (7 % background) and simulation (5 %)."""
    folder = tmp_path_factory.mktemp("muons")
    entries = []
    for name, of in (("data", "proc13"), ("mc", "MC15rd_proc13")):
        columns = samples.candidates(of, "mumugamma", 0, 40_000)
        wanted = ("mu_", "gamma_E", "missingEnergy", *(["isSignal"] if name == "mc" else []))
        kept = {k: v for k, v in columns.items() if k.startswith(wanted)}
        pd.DataFrame(kept).to_parquet(folder / f"{name}.parquet")
        truth = "truth: '`isSignal`', " if name == "mc" else ""
        study = f"{{files: [{name}.parquet], {truth}particles: {{mu: mu}}}}"
        entries.append(f"  {name}: {{kind: {name}, studies: {{mumugamma: {study}}}}}")
    site = folder / "site.yaml"
    site.write_text("\n".join(["site: toy", "collections:", *entries]))
    return str(site)


def true(kind):
    return samples.true_efficiency("mumugamma", "mu", kind, cut=CUT, binning=BINNING)


def p_value(difference, sigma, *truths):
    total = np.sqrt(sigma**2 + sum(each["uncertainty"] ** 2 for each in truths))
    return stats.chi2.sf(np.sum((difference / total) ** 2), len(sigma))


def shown(run, cell):
    notebook = nbformat.read(run.directory / "notebook.ipynb", as_version=4)
    [found] = [each for each in notebook.cells if each.id == cell]
    return json.dumps(found.outputs)


def test_without_subtraction_the_efficiency_is_far_off(muons):
    """So that closing means something."""
    sample = hepnb.catalogue(muons)["data"].study("mumugamma").particle("mu")
    found = measure_efficiency(sample, cut=CUT, binning=BINNING, weight=None).frame
    pulls = (found["efficiency"] - true("data")["efficiency"]) / found["stat_up"]
    assert pulls.mean() < -5


def test_efficiency_less_the_simulated_background_is_the_truth(muons, tmp_path):
    """The scale is measured: data have 1.4 times the background that simulation has."""
    own = {"sweights": "simulation", "control_region": "missingEnergy > 0.9 and gamma_E < 1.6"}
    run = hepnb.run("efficiency_table", tmp_path / "out", parameters=COMMON | {"site": muons} | own)
    table = pd.read_csv(run.directory / "efficiency.csv")
    difference = table["efficiency"] - true("data")["efficiency"]
    assert p_value(difference, table["stat_up"], true("data")) > FALSE_ALARM
    scale = run.numbers["scale(background)"]
    assert scale["value"] == pytest.approx(1.4, abs=3 * scale["uncertainty"])
    components = pd.read_csv(run.directory / "uncertainties.csv")
    assert "shapes" not in components
    np.testing.assert_allclose(components["second_weights"], table["sys_shift"], atol=1e-12)
    assert (run.directory / "purity.png").stat().st_size > 0
    assert not (run.directory / "factorisation.csv").exists()
    assert "Nothing has to factorise" in shown(run, "factorisation")


def test_weights_with_a_learned_score_are_the_true_ratios(muons, tmp_path):
    run = hepnb.run(
        "weight_table",
        tmp_path / "out",
        parameters=COMMON | {"site": muons, "sweights": "learned"},
    )
    table = pd.read_csv(run.directory / "weights.csv")
    data, mc = true("data"), true("mc")
    difference = table["data_MC_ratio"] - data["efficiency"] / mc["efficiency"]
    assert p_value(difference, table["data_MC_uncertainty_stat_up"], data, mc) > FALSE_ALARM
    background = run.numbers["N_background"]
    assert background["value"] == pytest.approx(0.07 * 40_000, abs=4 * background["uncertainty"])
    tested = pd.read_csv(run.directory / "factorisation.csv")
    assert set(tested["species"]) == {"signal", "background"}
    assert (tested["status"] == "ok").all()
    assert (run.directory / "score_fit.png").stat().st_size > 0
    assert "within a species" in shown(run, "factorisation")


def test_fixed_weights_with_a_learned_score_are_the_true_ratios(muons, tmp_path):
    entry = {
        "prefix_name": "muons",
        "efficiency_particle_type": "mu",
        "track_variables": list(BINNING),
        "binning": list(BINNING.values()),
        "cuts": [CUT, "muonID > 0.9"],
        "data_proc_query": "data",
        "mc_proc_query": "mc",
        "apply_std_constraints": False,
        "sweights": "learned",
    }
    run = hepnb.run(
        "fixed_weights",
        tmp_path / "out",
        parameters={"site": muons, "weight_cfg_list": [entry]},
    )
    table = pd.read_csv(run.directory / "weights" / "muons_mu_mu.csv").query("threshold == 0.6")
    data, mc = true("data"), true("mc")
    difference = table["data_MC_ratio"] - data["efficiency"] / mc["efficiency"]
    assert p_value(difference, table["data_MC_uncertainty_stat_up"], data, mc) > FALSE_ALARM
