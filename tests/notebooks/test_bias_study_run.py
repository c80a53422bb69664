"""The bias study runs headless: few toys, right numbers, nothing of the blinded window."""

import json

import nbformat
import numpy as np
import pandas as pd
import pytest

import hepnb
from hepnb.background.samples import CATEGORIES

pytestmark = pytest.mark.notebook

FEW = {
    "truths": ["powerlaw1"],
    "functions": ["powerlaw1", "bernstein2", "laurent2"],
    "strengths": [1.0],
    "toys": 5,
    "category": "VBFTag_0",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "bias"
    return hepnb.run("bias_study", out, parameters=FEW)


def test_products_hold_what_was_asked_for(run):
    table = pd.read_csv(run.directory / "bias.csv")
    assert list(table["function"]) == ["powerlaw1", "bernstein2", "laurent2", "envelope"]
    assert (table["toys"] + table["failed"] == 5).all()
    toys = pd.read_parquet(run.directory / "bias.toys.parquet")
    assert len(toys) == 20
    assert json.loads((run.directory / "bias.json").read_text())["toys_done"] == 5
    scan = json.loads((run.directory / "envelope.json").read_text())
    [[low, high]] = scan["intervals"]["1"]
    assert low < scan["strength"] < high
    assert run.numbers["strength"]["value"] == pytest.approx(scan["strength"])
    from hepnb.stages.bias_study import BiasStudy

    for name in BiasStudy.products:
        assert (run.directory / name).stat().st_size > 0


def test_the_true_function_has_no_spurious_signal(run):
    table = pd.read_csv(run.directory / "spurious.csv").set_index("function")
    expected = CATEGORIES["VBFTag_0"].signal
    assert abs(table.loc["powerlaw1", "spurious"]) < 1e-4 * expected
    assert json.loads((run.directory / "spurious.json").read_text())["chosen"] == "powerlaw1"


def test_figures_are_there_and_the_notebook_is_whole(run):
    for name in ("truths", "envelope_scan", "mean_pulls", "coverage", "spurious_signal"):
        assert (run.directory / f"{name}.pdf").stat().st_size > 0
    notebook = nbformat.read(run.directory / "notebook.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code if cell.source)


@pytest.mark.slow
def test_a_simulated_template_and_open_data_go_through(tmp_path):
    from hepnb.background.samples import embedded

    parameters = FEW | {
        "category": "UntaggedTag_0",
        "unblind": True,
        "template": str(embedded("hgg_background.root")),
        "template_weight": "weight",
        "correction": "finite_akaike",
        "window": None,
    }
    run = hepnb.run("bias_study", tmp_path / "bias", parameters=parameters)
    masses = pd.read_csv(run.directory / "spurious.masses.csv")
    assert (masses["mc_error"] > 0).all()
    assert np.isclose(masses["mass"].min(), 100.0)
    # unblinded: the scan is of the data, which hold a signal of strength 1
    number = run.numbers["strength"]
    assert abs(number["value"] - 1.0) < 4 * max(number["uncertainty"])
