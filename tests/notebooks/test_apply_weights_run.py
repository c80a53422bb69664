"""The stage apply_weights on small samples: its weights, its closure, and tables from files."""

import json

import nbformat
import numpy as np
import pandas as pd
import pytest
import uproot

import hepnb
from hepnb.errors import BadParameters
from hepnb.stages.apply_weights import ApplyWeights

pytestmark = pytest.mark.notebook

BINNING = {"p": [0.5, 1.5, 2.5, 3.5], "cosTheta": [-0.866, 0.225, 0.9563]}
COARSE = {"p": [0.5, 2.0, 3.5]}


@pytest.fixture(scope="module")
def made_here(small_site, tmp_path_factory):
    parameters = {"site": small_site, "binning": BINNING, "fake_binning": COARSE, "replicas": 20}
    out = tmp_path_factory.mktemp("runs") / "apply_weights"
    return hepnb.run("apply_weights", out, parameters=parameters)


def test_a_run_without_tables_makes_them_and_closes(made_here):
    """Specs section 8, test F, on 20,000 candidates: the heavier one is in tests/pid."""
    numbers = made_here.numbers
    assert abs(numbers["closure_pull"]["value"]) < 3
    assert numbers["closure_p_value"]["value"] > 1e-3
    # without weights simulation is off: the check can fail
    error = numbers["closure_data_yield"]["uncertainty"]
    assert numbers["closure_mc_yield"]["value"] - numbers["closure_data_yield"]["value"] > 5 * error
    for name in ApplyWeights.products:
        assert (made_here.directory / name).stat().st_size > 0


def test_weights_have_a_row_per_candidate_and_the_coverage_says_what_is_missing(
    made_here, small_site
):
    weights = pd.read_parquet(made_here.directory / "weights.parquet")
    sample = hepnb.catalogue(small_site)["MC15rd_prompt"].study("Dst")
    columns = sample.read(["K_p", "K_cosTheta", "K_mcPDG"])
    assert len(weights) == sample.entries
    assert list(weights)[:2] == ["K_Weight", "K_Weight_0"]
    truth = columns["K_mcPDG"].abs()
    ranges = BINNING["p"][0], BINNING["p"][-1], BINNING["cosTheta"][0], BINNING["cosTheta"][-1]
    inside = columns["K_p"].between(*ranges[:2], inclusive="left")
    in_angle = columns["K_cosTheta"].between(*ranges[2:], inclusive="left")
    covered = inside & (((truth == 321) & in_angle) | (truth == 211))
    coverage = pd.read_csv(made_here.directory / "weights.coverage.csv").iloc[0]
    assert coverage["in_table"] + coverage["bad_bin"] == pytest.approx(covered.mean(), abs=1e-12)
    assert coverage["wrong_truth"] == pytest.approx((~truth.isin([321, 211])).mean(), abs=1e-12)
    assert (weights["K_Weight"][~covered] == 1.0).all()
    assert (weights.filter(like="Weight_")[~covered] == 1.0).all(axis=None)


def test_a_table_of_weight_table_is_applied_from_its_file_as_a_friend_tree(small_site, tmp_path):
    common = {"site": small_site, "binning": BINNING}
    table = hepnb.run("weight_table", tmp_path / "table", parameters=common)
    csv = table.directory / "weights.csv"
    parameters = {"site": small_site, "replicas": 2, "file_format": "root", "check_data": ""}
    parameters["tables"] = [{"file": str(csv), "reco": 321, "truth": -321}]
    run = hepnb.run("apply_weights", tmp_path / "applied", parameters=parameters)
    with uproot.open(run.directory / "weights.root") as file:
        found = file["weights"].arrays(["Weight", "K_Weight_1"], library="np")
    sample = hepnb.catalogue(small_site)["MC15rd_prompt"].study("Dst")
    columns = sample.read(["K_p", "K_cosTheta", "K_mcPDG"])
    expected = np.ones(len(columns))
    for row in pd.read_csv(csv).itertuples():
        inside = columns["K_p"].between(row.p_min, row.p_max, inclusive="left")
        inside &= columns["K_cosTheta"].between(
            row.cosTheta_min, row.cosTheta_max, inclusive="left"
        )
        expected[inside & (columns["K_mcPDG"].abs() == 321)] = row.data_MC_ratio
    np.testing.assert_array_equal(found["Weight"], expected)
    record = json.loads((run.directory / "run.json").read_text())
    assert any("weights.csv" in json.dumps(each) for each in record["inputs"])
    notebook = nbformat.read(run.directory / "notebook.ipynb", as_version=4)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("tables=[{file: w.csv, reco: 321}]", "table 1, truth: Field required"),
        ("tables=[{file: w.csv, reco: 321, truth: 321, cut: x}]", "table 1, cut: Extra inputs"),
        ("requirement=passed", "'pass', 'fail' or 'cut'"),
        ("more_particles={pi: pion}", "valid integer"),
    ],
)
def test_bad_parameters_are_refused(assignment, said):
    with pytest.raises(BadParameters, match=said):
        ApplyWeights.from_strings([assignment])
