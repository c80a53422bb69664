"""The notebook of the weight table in JupyterLab: other choices in the form, other results."""

from __future__ import annotations

import json

import nbformat
import pandas as pd
import pytest

from hepnb.stages.weight_table import WeightTable

pytestmark = pytest.mark.browser

SLOW = 300_000  # milliseconds for all cells: imports, two fits, figures, on two busy cores


@pytest.fixture
def notebook(server, small_site):
    """Copy of the notebook, on small samples and with few bins; JupyterLab saves into it."""
    copy = nbformat.read(WeightTable.notebook_path(), as_version=4)
    parameters = next(each for each in copy.cells if "parameters" in each.metadata.get("tags", ()))
    parameters.source += f"\nsite = {small_site!r}\nbinning = {{'p': [0.5, 1.5, 2.5, 4.5]}}"
    nbformat.write(copy, server.root / "weight_table.ipynb")
    return "weight_table.ipynb"


def test_other_collection_and_cut_give_another_table_and_plot(open_notebook, notebook, server):
    lab = open_notebook(notebook)
    lab.run_all(SLOW)
    assert lab.errors() == []
    read, summary = lab.cell("form.stage"), lab.cell("table.summary()")
    plot = lab.cell("table.plot()")
    lab.wait_text(".hepnb-message-cut", "candidates of proc13+prompt pass")
    first = lab.text(summary), table_shown(lab, summary), lab.image(plot)
    loose = table_written(server)

    lab.find(".hepnb-field-data .hepnb-browse").click()
    names = lab.page.locator(".hepnb-field-data .hepnb-offers option").all_text_contents()
    prompt = next(each for each in names if each.startswith("prompt"))
    lab.find(".hepnb-field-data .hepnb-offers select").select_option(label=prompt)
    lab.wait_text(".hepnb-message-data", "80 fb\u207b\u00b9, 1 file")
    lab.find(".hepnb-field-cut input").fill("kaonID > 0.9 && pionID < 0.1")
    lab.wait_text(".hepnb-message-cut .hepnb-info", "candidates of prompt pass")
    lab.wait_text(".hepnb-status .hepnb-warning", "Parameters changed: run the cells below")

    lab.run_below(read, SLOW)
    assert lab.errors() == []
    assert lab.problems == []
    second = lab.text(summary), table_shown(lab, summary), lab.image(plot)
    for before, after in zip(first, second, strict=True):
        assert before != after
    assert "'kaonID > 0.9 && pionID < 0.1', prompt over" in second[0]
    lab.wait_text(".hepnb-status .hepnb-info", "The cells below use these values")
    result = json.loads((server.root / "weight_table_results" / "result.json").read_text())
    assert result["parameters"]["data"] == "prompt"
    # the tighter requirement keeps fewer kaons, in each bin of data and of simulation
    tight = table_written(server)
    assert (tight["data_efficiency"] < loose["data_efficiency"]).all()
    assert (tight["MC_efficiency"] < loose["MC_efficiency"]).all()


def table_shown(lab, index):
    data = (each.get("data", {}).get("text/html", "") for each in lab.outputs(index))
    return "".join(map("".join, data))


def table_written(server):
    return pd.read_csv(server.root / "weight_table_results" / "weights.csv")
