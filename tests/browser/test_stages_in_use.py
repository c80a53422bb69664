"""Notebooks of further stages in JupyterLab: a field is changed, and the results with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import nbformat
import pandas as pd
import pytest
import uproot

from hepnb import stages

pytestmark = pytest.mark.browser

SLOW = 300_000  # milliseconds for all cells, on two busy cores


@dataclass
class Open:
    """A stage's notebook that has run once, and the folder of its results."""

    lab: Any
    folder: Any

    @property
    def result(self):
        return json.loads((self.folder / "result.json").read_text())

    def run_again(self):
        """Run what is below the form, once it has said that the parameters changed."""
        self.lab.wait_text(".hepnb-status .hepnb-warning", "Parameters changed")
        self.lab.run_below(self.lab.cell("form.stage"), SLOW)
        assert self.lab.errors() == []
        assert self.lab.problems == []
        self.lab.wait_text(".hepnb-status .hepnb-info", "The cells below use these values")


@pytest.fixture
def opened(open_notebook, server, small_site):
    def make(name, **values):
        stage = stages.find(name)
        copy = nbformat.read(stage.notebook_path(), as_version=4)
        [cell] = [each for each in copy.cells if "parameters" in each.metadata.get("tags", ())]
        values |= {"site": small_site} if "site" in stage.model_fields else {}
        cell.source += "".join(f"\n{key} = {value!r}" for key, value in values.items())
        nbformat.write(copy, server.root / f"{name}.ipynb")
        lab = open_notebook(f"{name}.ipynb")
        lab.run_all(SLOW)
        assert lab.errors() == []
        return Open(lab, server.root / f"{name}_results")

    return make


@pytest.mark.parametrize(
    ("stage", "field", "value", "drawn"),
    [
        ("mass_fit", "cut", "p > 1.5", "fit_axes = fit.plot()"),
        ("efficiency_table", "cut", "kaonID > 0.9", "table.plot()"),
        ("calibrate_efficiency", "variable", "pionID", "axes = curves.plot()"),
        ("id_vs_misid_curve", "variable", "kaonID", "roc.plot()"),
        ("apply_weights", "cut", "kaonID > 0.9", "closure.plot()"),
        ("pid_fit", "variable", "binaryID(K, pi)", "template.plot()"),
        ("pid_correction", "variable", "binaryID(K, pi)", "check.plot()"),
    ],
)
def test_a_field_that_is_changed_changes_the_figure(opened, stage, field, value, drawn):
    run = opened(stage)
    cell = run.lab.cell(drawn)
    before = run.lab.image(cell)
    entry = run.lab.find(f".hepnb-field-{field} input")
    entry.fill(value)
    entry.press("Tab")
    run.run_again()
    assert run.lab.image(cell) != before
    assert run.result["parameters"][field] == value


def test_another_variable_gives_another_distribution(opened):
    run = opened("plot_distribution", cuts=[""])
    drawn = run.lab.cell("distribution.plot(")
    before = run.lab.image(drawn)
    run.lab.find(".hepnb-field-variable input").fill("pionID")
    run.lab.find(".hepnb-field-bins input").fill("20")
    run.lab.find(".hepnb-field-bins input").press("Tab")
    run.run_again()
    assert run.lab.image(drawn) != before
    table = pd.read_csv(run.folder / "distribution.csv")
    assert len(table[table["side"] == "data"]) == 20
    # few kaons look like pions: most of them are in the first bin
    assert table["value"].iloc[0] > 0.5
    assert run.result["parameters"]["variable"] == "pionID"


def test_another_cut_of_an_entry_gives_its_table(opened):
    run = opened("fixed_weights")
    averages = run.lab.cell("tables.plot()")
    before = run.lab.image(averages)
    text = run.lab.find(".hepnb-field-weight_cfg_list textarea")
    text.fill(text.input_value().replace("kaonID > 0.9", "kaonID > 0.95"))
    text.press("Tab")
    run.run_again()
    assert run.lab.image(averages) != before
    index = pd.read_csv(run.folder / "weights" / "index.csv")
    assert set(index["cut"]) == {"kaonID > 0.5", "kaonID > 0.95", "binaryID(K, pi) > 0.6"}
    table = pd.read_csv(run.folder / "weights" / "kaons_K_K.csv")
    assert 0.95 in set(table["threshold"])


def test_other_names_of_copies_are_written_and_the_old_ones_go(opened):
    run = opened("refit", data="proc13", study="KS", particle="pi")
    assert (run.folder / "ntuples" / "proc13_KS_refit.root").exists()
    run.lab.find(".hepnb-field-new_suffix input").fill("_again")
    run.lab.find(".hepnb-field-new_suffix input").press("Tab")
    run.run_again()
    [copy] = (run.folder / "ntuples").glob("*.root")
    assert copy.name == "proc13_KS_again.root"
    with uproot.open(copy) as file:
        weights = file["KS"]["sweight"].array(library="np")
    signal = run.result["numbers"]["nominal_N_signal"]
    assert weights.sum() == pytest.approx(signal["value"], abs=signal["uncertainty"])


def test_another_campaign_has_its_name_in_every_file(opened, small_samples):
    tasks = [{"path": f"{small_samples}/proc13_KS.root", "proc": "proc13", "short_name": "KS"}]
    run = opened("production", tasks=tasks)
    assert len(pd.read_csv(run.folder / "tasks.csv")) == 1
    text = run.lab.find(".hepnb-field-tasks textarea")
    more = f"- {{path: {small_samples}/proc13_ee.root, proc: proc13, short_name: ee}}\n"
    text.fill(text.input_value() + more)
    text.press("Tab")
    run.lab.find(".hepnb-field-campaign input").fill("spring")
    run.lab.find(".hepnb-field-campaign input").press("Tab")
    run.run_again()
    table = pd.read_csv(run.folder / "tasks.csv")
    assert table["status"].tolist() == ["ok", "no mass to fit"]
    assert "spring" in (run.folder / "campaign.yaml").read_text()
    assert run.result["parameters"]["campaign"] == "spring"


def test_a_window_closed_in_the_form_is_gone_from_the_f_test(opened):
    run = opened("ftest", category="VBFTag_0", families=["powerlaw"], toys=0)
    drawn = run.lab.cell("ftest.plot_table(")
    before = run.lab.image(drawn)
    whole = json.loads((run.folder / "ftest.json").read_text())
    run.lab.find(".hepnb-field-blind input").fill("115, 135")
    run.lab.find(".hepnb-field-families input").fill("powerlaw, laurent")
    run.lab.find(".hepnb-field-families input").press("Tab")
    run.run_again()
    assert run.lab.image(drawn) != before
    written = json.loads((run.folder / "ftest.json").read_text())
    assert {each["family"] for each in written["fits"]} == {"powerlaw", "laurent"}
    assert written["observable"]["blind"] == [[115.0, 135.0]]
    assert written["counts"]["sideband"] < whole["counts"]["sideband"]


def test_opening_the_window_in_the_form_fits_the_signal(opened):
    run = opened("splusb", category="UntaggedTag_0", function="bernstein4", toys=0)
    assert run.result["parameters"]["unblind"] is False
    drawn = run.lab.cell("result.plot_weighted(")
    before = run.lab.image(drawn)
    run.lab.find(".hepnb-field-unblind input").check()
    run.run_again()
    assert run.lab.image(drawn) != before
    strength = run.result["numbers"]["strength"]
    # generated with strength 1
    assert strength["value"] == pytest.approx(1.0, abs=4 * strength["uncertainty"])


def test_other_strengths_in_the_form_are_those_of_the_bias_study(opened):
    small = {"truths": ["powerlaw1"], "functions": ["powerlaw1", "laurent1"], "strengths": [0.0]}
    run = opened("bias_study", category="VBFTag_0", toys=3, **small)
    assert set(pd.read_csv(run.folder / "bias.csv")["injected"]) == {0.0}
    run.lab.find(".hepnb-field-strengths input").fill("1, 2")
    run.lab.find(".hepnb-field-strengths input").press("Tab")
    run.run_again()
    assert set(pd.read_csv(run.folder / "bias.csv")["injected"]) == {1.0, 2.0}


def test_families_of_the_form_are_those_of_the_products(opened):
    run = opened("ftest_2d", families=["exponential"], toys=0)
    run.lab.find(".hepnb-field-families input").fill("powerlaw")
    run.lab.find(".hepnb-field-families input").press("Tab")
    run.run_again()
    written = json.loads((run.folder / "ftest_2d.json").read_text())
    named = json.dumps(written)
    assert "powerlaw" in named
    assert "exponential" not in named
