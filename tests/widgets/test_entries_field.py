"""A list of entries is edited as YAML, and comes back as it was."""

from __future__ import annotations

import pytest
import yaml

import hepnb
from hepnb.errors import BadParameters
from hepnb.stages.apply_weights import ApplyWeights
from hepnb.stages.fixed_weights import FixedWeights
from hepnb.stages.production import Production


@pytest.fixture
def interactive_form(monkeypatch):
    monkeypatch.setattr("hepnb.widgets.stage_form.is_interactive", lambda: True)
    return hepnb.form


@pytest.mark.parametrize(
    ("stage", "name"), [(FixedWeights, "weight_cfg_list"), (Production, "tasks")]
)
def test_entries_are_shown_as_yaml_and_read_back(interactive_form, stage, name):
    form = interactive_form(stage, {})
    field = form._panel.fields[name]
    assert yaml.safe_load(field.text.value) == stage.model_fields[name].default
    assert getattr(stage.from_values({name: field.read()}), name) == getattr(stage(), name)
    assert form.stage == stage()


def test_tables_to_apply_are_entries_too_and_an_empty_list_shows_an_example(interactive_form):
    form = interactive_form(ApplyWeights, {})
    field = form._panel.fields["tables"]
    assert field.text.value == ""
    assert form.stage == ApplyWeights()
    field.text.value = field.text.placeholder
    assert form.stage.tables == [{"file": "weights.csv", "reco": 321, "truth": 321}]
    field.text.value = "- {file: weights.csv, reco: 321}"
    assert "table 1, truth: Field required" in field.message.value


def test_an_edit_changes_the_stage_and_its_command(interactive_form):
    form = interactive_form(FixedWeights, {})
    field = form._panel.fields["weight_cfg_list"]
    field.text.value = field.text.value.replace("kaonID > 0.9", "kaonID > 0.95")
    assert form.stage.weight_cfg_list[0].cuts[1] == "kaonID > 0.95"
    form._panel._toggle_command()
    assert "kaonID &gt; 0.95" in form._panel._command.value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{", "cannot be read as YAML"),
        ("- {prefix_name: x}", "at 0.data_proc_query: Field required"),
    ],
)
def test_a_wrong_entry_is_said_under_the_field(interactive_form, text, message):
    form = interactive_form(FixedWeights, {})
    field = form._panel.fields["weight_cfg_list"]
    field.text.value = text
    assert message in field.message.value


def test_a_key_that_an_entry_does_not_have_is_named_by_its_place():
    entry = {"path": "a.root", "proc": "p", "short_name": "KS", "modle": ""}
    with pytest.raises(BadParameters, match=r"tasks\.0\.modle.*not permitted"):
        Production.from_values({"tasks": [entry]})
