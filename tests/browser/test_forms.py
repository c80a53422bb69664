"""The form in a real JupyterLab: what a person sees and does."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
EVERY_KIND = HERE.parent / "widgets" / "every_kind.py"
FORM_CELL, READ_CELL, TABLE_CELL = 1, 2, 3
CELLS = (
    'cut = "kaonID > 0.7"',
    "import hepnb\nfrom every_kind import EveryKind\nform = hepnb.form(EveryKind, globals())\nform",
    "stage = form.stage\nprint(stage.data, '|', stage.cut, '|', stage.binning, '|', stage.bins)",
    "print('done')",
)

_HIDDEN_PARTS = """() => {
  const form = document.querySelector('.hepnb-form')
  const clipped = e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1
  const seen = e => e.offsetParent !== null
  const named = e => e.className + ': ' + e.textContent.slice(0, 40)
  const texts = form.querySelectorAll('.hepnb-label, .hepnb-help, .widget-button, .hepnb-group')
  const inputs = [...form.querySelectorAll('input[type=text], input[type=number]')]
  const boxes = form.querySelectorAll('.widget-box')
  return [...[...texts, ...boxes].filter(e => seen(e) && clipped(e)).map(named),
          ...inputs.filter(e => seen(e) && e.scrollWidth > e.clientWidth + 1).map(e => e.value)]
}"""
_LEFT_EDGES = """() => [...document.querySelectorAll('.hepnb-form .hepnb-body')].map(
  e => Math.round(e.getBoundingClientRect().left))"""
_CONTRASTS = """() => {
  const rgb = text => {
    const n = text.match(/[\\d.]+/g).map(Number)
    const scale = text.startsWith('color(') ? 1 : 255
    return [...n.slice(0, 3).map(v => v / scale), n.length > 3 ? n[3] : 1]
  }
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3]))
  const light = c => {
    const [r, g, b] = c.map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ground = e => {
    for (let each = e; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor
      if (colour !== 'rgba(0, 0, 0, 0)') return colour
    }
    return 'rgb(255, 255, 255)'
  }
  const parts = '.hepnb-group, .hepnb-label, .hepnb-help, .hepnb-note, input[type=text], select'
  const seen = [...document.querySelectorAll('.hepnb-form')[0].querySelectorAll(parts)].filter(
    e => e.offsetParent !== null)
  return seen.map(e => {
    const inner = e.querySelector('.widget-html-content') || e
    const [letters, paper] = [getComputedStyle(inner).color, ground(inner)].map(rgb)
    const [a, b] = [over(letters, paper), paper.slice(0, 3)].map(light)
    return [e.className, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]
  })
}"""


@pytest.fixture(scope="session")
def toy_notebook(server):
    """A notebook with a form of every kind of field, its stage and its data beside it."""
    shutil.copy(EVERY_KIND, server.root)
    spec = importlib.util.spec_from_file_location("every_kind", EVERY_KIND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_catalogue(server.root)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, server.root / "toy.ipynb")
    return "toy.ipynb"


@pytest.fixture
def lab(open_notebook, toy_notebook):
    """The notebook after Run All; whatever went wrong unseen fails the test at its end."""
    lab = open_notebook(toy_notebook)
    lab.run_all()
    lab.wait_text(".hepnb-message-cut", "candidates of early pass")
    yield lab
    assert lab.errors() == []
    assert lab.problems == []


def test_form_shows_each_parameter_aligned_and_whole(lab):
    module = importlib.util.spec_from_file_location("every_kind", EVERY_KIND)
    every_kind = importlib.util.module_from_spec(module)
    module.loader.exec_module(every_kind)
    for name in every_kind.EveryKind.model_fields:
        assert lab.find(f".hepnb-field-{name}").is_visible(), name
    assert lab.page.evaluate(_HIDDEN_PARTS) == []
    assert len(set(lab.page.evaluate(_LEFT_EDGES))) == 1
    assert not lab.find(".hepnb-parameters").is_visible()  # its twin waits behind it


def test_form_is_legible_in_the_light_and_in_the_dark_theme(lab):
    lab.find(".hepnb-field-cut input").fill("kaonID >")
    lab.find(".hepnb-field-mass_model select").focus()
    lab.wait_text(".hepnb-message-cut .hepnb-error", "expected a value")
    for theme in ("Light", "Dark"):
        lab.theme(theme)
        contrasts = lab.page.evaluate(_CONTRASTS)
        assert len(contrasts) > 40
        # 4.5 to 1 is the AA level of the Web Content Accessibility Guidelines
        assert [each for each in contrasts if each[1] < 4.5] == []


def test_mistake_in_a_cut_is_marked_and_a_good_cut_is_counted(lab):
    cut = lab.find(".hepnb-field-cut input")
    cut.fill("kaonIDD > 0.5")
    lab.wait_text(".hepnb-message-cut .hepnb-error", "did you mean 'kaonID'?")
    cut.fill("kaonID > 0.5 and")
    lab.wait_text(".hepnb-message-cut .hepnb-error", "(column 17)")
    marker = lab.find(".hepnb-message-cut pre").text_content()
    assert marker.splitlines()[1].index("^") == 16
    lab.wait_text(".hepnb-status", "Not valid: Cut")
    cut.fill("kaonID > 0.5")
    lab.wait_text(".hepnb-message-cut .hepnb-info", "of the first 20,000 candidates of early pass")
    text = lab.find(".hepnb-message-cut").text_content()
    # a uniform variable above its middle: half of 20,000, to 6 standard deviations
    assert int(re.match(r"\s*([\d,]+)", text)[1].replace(",", "")) == pytest.approx(9900, abs=425)


def test_collections_are_searched_and_joined(lab):
    lab.find(".hepnb-field-data .hepnb-browse").click()
    offers = ".hepnb-field-data .hepnb-offers select"
    names = lab.find(offers).locator("option").all_text_contents()
    assert {"early", "late", "proc13", "prompt"} == {each.split("\u00a0")[0] for each in names}
    lab.find(".hepnb-field-data .hepnb-search input").fill("LATE run")
    lab.page.wait_for_function(f"() => document.querySelector('{offers}').length === 2")
    lab.find(offers).select_option(index=[0, 1])
    lab.wait_text(".hepnb-message-data", "30.75 fb\u207b\u00b9, 2 files, 60,000 candidates")
    assert lab.find(".hepnb-field-data input").input_value() == "early+late"
    lab.find(".hepnb-field-study select").select_option("Lambda")
    lab.wait_text(".hepnb-message-data .hepnb-error", "Lambda")
    lab.find(".hepnb-field-study select").select_option("Dst")
    lab.wait_text(".hepnb-message-data", "60,000 candidates")
    lab.run_below(READ_CELL)
    assert lab.text(READ_CELL).startswith("early+late |")


def test_axes_are_edited_added_and_removed(lab):
    edges = lab.find(".hepnb-field-binning .hepnb-axis-edges input")
    edges.fill("0.5, 2.5, 1")
    edges.press("Enter")
    lab.wait_text(".hepnb-message-binning .hepnb-error", "edges must increase, but 1 follows 2.5")
    edges.fill("0.5, 1, 2.5, 4")
    edges.press("Enter")
    lab.wait_text(".hepnb-message-binning .hepnb-info", "3 \u00d7 2 = 6 bins")
    lab.find(".hepnb-field-binning .hepnb-axis-add").click()
    lab.wait_text(".hepnb-message-binning .hepnb-error", "an axis has no variable")
    rows = lab.page.locator(".hepnb-field-binning .hepnb-axis")
    rows.nth(2).locator(".hepnb-axis-variable input").fill("D0_M")
    rows.nth(2).locator(".hepnb-axis-edges input").fill("1.8 1.9")
    rows.nth(2).locator(".hepnb-axis-edges input").press("Enter")
    lab.wait_text(".hepnb-message-binning .hepnb-info", "3 \u00d7 2 \u00d7 1 = 6 bins")
    rows.nth(1).locator(".hepnb-axis-remove").click()
    lab.wait_text(".hepnb-message-binning .hepnb-info", "3 \u00d7 1 = 3 bins")
    lab.run_below(READ_CELL)
    assert "{'p': [0.5, 1.0, 2.5, 4.0], 'D0_M': [1.8, 1.9]}" in lab.text(READ_CELL)


def test_result_older_than_the_form_says_so_until_the_cells_run_again(lab):
    lab.wait_text(".hepnb-status", "The cells below use these values")
    bins = lab.find(".hepnb-field-bins input")
    bins.fill("7")
    bins.press("Enter")
    lab.wait_text(".hepnb-message-bins .hepnb-error", "greater than or equal to 20")
    bins.fill("90")
    bins.press("Enter")
    lab.wait_text(".hepnb-status .hepnb-warning", "Parameters changed: run the cells below")
    lab.run_below(READ_CELL)
    lab.wait_text(".hepnb-status .hepnb-info", "The cells below use these values")
    assert lab.text(READ_CELL).rstrip().endswith("| 90")
    # what is stored with the notebook is what was used, not what the form began with
    assert "<td" in (table := "".join(lab.outputs(FORM_CELL)[0]["data"]["text/html"]))
    assert re.search(r"bins</td><td[^>]*>90<", table)
    lab.find(".hepnb-copy").click()
    lab.wait_text(".hepnb-command pre", "hepnb run every_kind -p 'cut=kaonID > 0.7' -p bins=90")


def test_notebook_opened_again_without_its_kernel_shows_the_parameters(
    open_notebook, toy_notebook, server, end_kernels
):
    lab = open_notebook(toy_notebook)
    lab.run_all()
    lab.wait_text(".hepnb-message-cut", "candidates of early pass")
    lab.save()
    lab.page.context.close()
    end_kernels()
    notebook = nbformat.read(server.root / toy_notebook, as_version=4)
    notebook.cells[FORM_CELL].outputs[0]["data"]["text/html"] += "<!-- by somebody else -->"
    nbformat.write(notebook, server.root / "untrusted.ipynb")
    for name in (toy_notebook, "untrusted.ipynb"):
        lab = open_notebook(name)
        lab.wait_text(".hepnb-parameters", "kaonID > 0.7")
        assert lab.page.get_by_text("Error displaying widget").locator("visible=true").count() == 0
        cell = lab.find(".hepnb-parameters td")
        assert cell.evaluate("e => getComputedStyle(e).textAlign") == "left"
        lab.page.context.close()
