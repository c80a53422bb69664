"""The forms of all stages in JupyterLab: shown whole, without complaint, and usable."""

from __future__ import annotations

import nbformat
import pytest

from hepnb import stages

pytestmark = pytest.mark.browser

STAGES = stages.all_stages()
SLOW = 300_000  # milliseconds: ten forms, each with previews of its cuts, on two busy cores


@pytest.fixture
def notebook(server, small_site):
    """One cell per stage that shows its form, and one that reads all of them."""
    sources = ["import hepnb\nfrom hepnb import stages\nforms = {}"]
    for name, stage in STAGES.items():
        values = {"site": small_site} if "site" in stage.model_fields else {}
        sources.append(f"forms[{name!r}] = hepnb.form(stages.find({name!r}), {values!r})")
        sources[-1] += f"\nforms[{name!r}]"
    sources.append("print({name: form.stage.model_dump() for name, form in forms.items()})")
    cells = [nbformat.v4.new_code_cell(each) for each in sources]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(made, server.root / "forms.ipynb")
    return "forms.ipynb"


def test_every_stage_has_a_form_that_is_whole_and_can_be_used(open_notebook, notebook):
    lab = open_notebook(notebook)
    lab.run_all(SLOW)
    assert lab.errors() == []
    forms = lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .hepnb-form")
    assert forms.count() == len(STAGES)
    expected = {}
    for number, (name, stage) in enumerate(STAGES.items()):
        form = forms.nth(number)
        for each in stage.model_fields:
            assert form.locator(f".hepnb-field-{each}").first.is_visible(), (name, each)
        complaints = form.locator(".hepnb-error:visible, .hepnb-warning:visible")
        assert complaints.all_text_contents() == [], name
        if "study" in stage.model_fields:
            form.locator(".hepnb-field-study select").select_option(label="Lambda")
            expected[name] = "Lambda"
    lab.run_below(lab.cell("form.stage.model_dump()"), SLOW)
    assert lab.errors() == []
    said = lab.text(lab.cell("form.stage.model_dump()"))
    for name in STAGES:
        assert f"'{name}'" in said
    assert said.count("'study': 'Lambda'") == len(expected)
