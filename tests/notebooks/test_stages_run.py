"""Every stage's notebook runs headless on small samples, and its numbers are right."""

import json
from pathlib import Path

import correctionlib
import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from scipy import stats

import hepnb
from hepnb.data import samples

pytestmark = pytest.mark.notebook

HEADER = (
    "p_min,p_max,cosTheta_min,cosTheta_max,data_MC_ratio,data_MC_uncertainty_stat_up,"
    "data_MC_uncertainty_stat_dn,data_MC_uncertainty_sys_up,data_MC_uncertainty_sys_dn,"
    "data_efficiency,data_uncertainty_stat_up,data_uncertainty_stat_dn,data_uncertainty_sys_up,"
    "data_uncertainty_sys_dn,MC_efficiency,MC_uncertainty_stat_up,MC_uncertainty_stat_dn,"
    "MC_uncertainty_sys_up,MC_uncertainty_sys_dn,threshold,variable"
)
BINNING = {"p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.5], "cosTheta": [-0.4226, 0.225, 0.766]}
ROOT = Path(__file__).parents[2]
FALSE_ALARM = 1e-3  # of each statistical test below


@pytest.fixture(scope="module")
def mass_fit(small_site, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "mass_fit"
    return hepnb.run("mass_fit", out, parameters={"site": small_site, "save_sweights": True})


@pytest.fixture(scope="module")
def weight_table(small_site, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "weight_table"
    return hepnb.run("weight_table", out, parameters={"site": small_site, "binning": BINNING})


@pytest.fixture(scope="module")
def efficiency_table(small_site, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "efficiency_table"
    parameters = {"site": small_site, "binning": BINNING, "sweights": "fit", "precut": ""}
    return hepnb.run("efficiency_table", out, parameters=parameters | {"replicas": 15})


def p_value(pulls):
    return stats.chi2.sf(np.sum(np.square(pulls)), len(pulls))


def test_mass_fit_finds_the_generated_signal(mass_fit, small_samples):
    files = json.loads((small_samples / "truth.json").read_text())["files"]
    generated = sum(files[f"{name}_Dst.root"]["signal"] for name in ("proc13", "prompt"))
    signal = mass_fit.numbers["N_signal"]
    assert signal["value"] == pytest.approx(generated, abs=4 * signal["uncertainty"])
    assert mass_fit.numbers["p_value"]["value"] > FALSE_ALARM


def test_mass_fit_writes_sweights_that_sum_to_the_yield(mass_fit):
    weights = pd.read_parquet(mass_fit.directory / "sweights.parquet")
    assert len(weights) == 20_000
    # the yields are fitted once more at fixed shapes: they differ from the full fit by little
    expected = mass_fit.numbers["N_signal"]
    assert weights["sweight"].sum() == pytest.approx(
        expected["value"], abs=0.5 * expected["uncertainty"]
    )


def test_efficiency_table_agrees_with_the_generated_truth(efficiency_table):
    table = pd.read_csv(efficiency_table.directory / "efficiency.csv")
    truth = samples.true_efficiency("Dst", "K", "data", cut="kaonID > 0.6", binning=BINNING)
    assert (table["status"] == "ok").all()
    pulls = (table["efficiency"] - truth["efficiency"]) / table["stat_up"]
    assert p_value(pulls) > FALSE_ALARM


def test_components_of_the_uncertainty_are_told(efficiency_table):
    table = pd.read_csv(efficiency_table.directory / "efficiency.csv")
    found = pd.read_csv(efficiency_table.directory / "uncertainties.csv")
    covariance = np.loadtxt(
        efficiency_table.directory / "uncertainties.covariance.csv", delimiter=","
    )
    np.testing.assert_allclose(found["statistical"], table["stat_up"], rtol=1e-9)
    np.testing.assert_allclose(found["second_weights"], table["sys_shift"], rtol=1e-6, atol=1e-12)
    assert found[["shapes", "binning"]].notna().all(axis=None)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), found["total"], rtol=1e-9)


def test_weight_table_agrees_with_the_generated_truth(weight_table):
    table = pd.read_csv(weight_table.directory / "weights.csv")
    data, mc = (
        samples.true_efficiency("Dst", "K", kind, cut="kaonID > 0.6", binning=BINNING)
        for kind in ("data", "mc")
    )
    expected = data["efficiency"] / mc["efficiency"]
    up, down = "data_MC_uncertainty_stat_up", "data_MC_uncertainty_stat_dn"
    difference = table["data_MC_ratio"] - expected
    pulls = difference / np.where(difference > 0, table[down], table[up])
    assert p_value(pulls) > FALSE_ALARM


def test_weight_table_has_the_header_that_its_readers_expect(weight_table):
    first = (weight_table.directory / "weights.csv").read_bytes().split(b"\n", 1)[0]
    assert first.decode() == HEADER


def test_correctionlib_reads_the_values_of_the_table(weight_table):
    table = pd.read_csv(weight_table.directory / "weights.csv")
    path = weight_table.directory / "weights.correctionlib.json"
    [correction] = correctionlib.CorrectionSet.from_file(str(path)).values()
    p = (table["p_min"] + table["p_max"]).to_numpy() / 2
    cos_theta = (table["cosTheta_min"] + table["cosTheta_max"]).to_numpy() / 2
    known = {"p": p, "cosTheta": cos_theta}
    for systematic, expected in (
        ("nominal", table["data_MC_ratio"]),
        ("stat_up", table["data_MC_ratio"] + table["data_MC_uncertainty_stat_up"]),
    ):
        inputs = [known.get(each.name, systematic) for each in correction.inputs]
        # the C++ reader differs from Python's by up to one unit in the last place
        np.testing.assert_allclose(correction.evaluate(*inputs), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["mass_fit", "weight_table", "efficiency_table"])
def test_a_run_holds_its_products_and_reads_well_without_a_kernel(name, request):
    run = request.getfixturevalue(name)
    stage = hepnb.stages.find(name)
    for product in stage.products:
        assert (run.directory / product).stat().st_size > 0
    notebook = nbformat.read(run.directory / "notebook.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    [form] = [cell for cell in code if cell.id == "form"]
    [shown] = form.outputs
    assert "text/html" in shown.data
    assert "application/vnd.jupyter.widget-view+json" not in shown.data
    assert not [
        out
        for cell in code
        for out in cell.outputs
        if out.output_type == "stream" and out.name == "stderr"
    ]


def test_plain_papermill_runs_the_notebook_too(small_site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    papermill.execute_notebook(
        str(hepnb.stages.find("mass_fit").notebook_path()),
        str(tmp_path / "out.ipynb"),
        parameters={"site": small_site, "study": "Lambda", "particle": "p"},
        progress_bar=False,
    )
    result = json.loads((tmp_path / "mass_fit_results" / "result.json").read_text())
    assert result["numbers"]["N_signal"]["value"] > 1000


@pytest.mark.parametrize(
    "tutorial", sorted(ROOT.glob("tutorials/*.ipynb")), ids=lambda path: path.stem
)
def test_tutorials_run_from_top_to_bottom(tutorial, small_site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEPNB_SITE", small_site)
    done = papermill.execute_notebook(str(tutorial), "out.ipynb", progress_bar=False)
    assert all(cell.execution_count for cell in done.cells if cell.cell_type == "code")


def test_mass_fit_and_efficiency_on_real_muons(open_data_folder, tmp_path):
    """CMS 2011 dimuons: the probe of an Upsilon is a global muon, by parameters alone."""
    site = tmp_path / "cms.yaml"
    site.write_text(f"""
site: cms
collections:
  dimuons:
    kind: data
    studies:
      Upsilon:
        files: [{open_data_folder}/cms2011/upsilon_mumu.csv]
        mass: M
        particles: {{mu: mu}}
        codes: {{Type2: {{G: 1, T: 0}}}}
        aliases: {{pt: pt2, isGlobal: "Type2 == 1"}}
""")
    common = {"site": str(site), "data": "dimuons", "study": "Upsilon", "particle": "mu"}
    common |= {"mass_model": "crystal_ball", "mass_range": [9.0, 9.7]}
    fit = hepnb.run("mass_fit", tmp_path / "fit", parameters=common)
    assert fit.numbers["mean"]["value"] == pytest.approx(9.4604, abs=0.02)  # PDG: 9.46040 GeV
    assert fit.numbers["p_value"]["value"] > FALSE_ALARM
    table = hepnb.run(
        "efficiency_table",
        tmp_path / "table",
        parameters=common
        | {
            "cut": "isGlobal",
            "precut": "",
            "sweights": "fit",
            "binning": {"pt": [3.5, 4, 4.5, 5, 6, 8, 12, 20]},
        },
    )
    frame = pd.read_csv(table.directory / "efficiency.csv")
    assert frame["n_raw"].sum() > 18_000
    assert frame["efficiency"].between(0.85, 1.05).all()
    assert frame["stat_up"].gt(0).all()
