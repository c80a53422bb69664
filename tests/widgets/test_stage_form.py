from __future__ import annotations

import json

import pytest

import hepnb
from hepnb.errors import BadParameters

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def shown(monkeypatch):
    """What a cell displays."""
    outputs = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: outputs.append(data))
    return outputs


def test_bad_parameters_cell_is_refused_with_a_line_each(every_kind):
    with pytest.raises(BadParameters) as raised:
        hepnb.form(every_kind.EveryKind, {"bins": 3, "bad_bins": "drp"})
    lines = str(raised.value).splitlines()
    assert lines[0] == "the parameters of every_kind are not valid:"
    assert "did you mean 'drop'" in lines[1]
    assert "20 <= value <= 2000" in lines[2]


def test_headless_form_is_a_table_without_widgets(every_kind, shown):
    form = hepnb.form(every_kind.EveryKind, {"bins": 30})
    form._ipython_display_()
    assert [each.keys() for each in shown] == [{"text/plain", "text/html"}]
    assert form.stage == every_kind.EveryKind(bins=30)
    assert "bins" in repr(form)


def test_interactive_form_comes_with_its_static_twin(form, shown):
    form._ipython_display_()
    twin, view = shown
    assert "<table" in twin["text/html"]
    assert view[WIDGET]["model_id"] == form._panel.box.model_id


def test_form_can_be_found_by_its_style_classes(form, fields):
    assert "hepnb-form" in form._panel.box._dom_classes
    for name, field in fields.items():
        assert f"hepnb-field-{name}" in field.box._dom_classes
        assert f"hepnb-message-{name}" in field.message._dom_classes


def test_stage_is_the_present_one_and_frozen(form, fields):
    before = form.stage
    fields["bins"].box_of_number.value = 40
    assert (before.bins, form.stage.bins) == (150, 40)
    with pytest.raises(Exception, match="frozen"):
        before.bins = 3


def test_status_tells_whether_results_are_older_than_the_form(form, fields):
    def status():
        return form._panel._status.value

    assert "Ready" in status()
    _ = form.stage
    assert "use these values" in status()
    fields["bins"].box_of_number.value = 40
    assert "Parameters changed: run the cells below" in status()
    fields["bins"].box_of_number.value = 150
    assert "use these values" in status()
    fields["bins"].box_of_number.value = 1
    assert "Not valid: Bins" in status()
    fields["bins"].box_of_number.value = 50
    _ = form.stage
    assert "use these values" in status()


def test_results_older_than_the_form_are_not_published(form, fields, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _ = form.stage
    fields["bins"].box_of_number.value = 40
    with pytest.raises(BadParameters, match=r"the form changed after form\.stage was read"):
        form.publish(numbers={"x": 1.0})
    assert list(tmp_path.iterdir()) == []
    _ = form.stage
    form.publish(numbers={"x": 1.0})
    result = json.loads((tmp_path / "every_kind_results" / "result.json").read_text())
    assert result["parameters"]["bins"] == 40


def test_published_files_are_listed_with_links_beside_the_notebook(
    every_kind, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    form = hepnb.form(every_kind.EveryKind, {})
    _ = form.stage
    written = form.publish(table={"a": 1})
    html = written._repr_html_()
    assert 'href="every_kind_results/result.json"' in html
    for name in written.names:
        assert (tmp_path / "every_kind_results" / name).is_file()
        assert name in html
        assert name in repr(written)
    assert str(tmp_path) not in html + repr(written)


def test_command_panel_follows_the_form(form, fields):
    panel = form._panel
    panel._toggle_command()
    fields["bins"].box_of_number.value = 40
    assert "-p bins=40" in panel._command.value
    fields["bins"].box_of_number.value = 1
    assert "not before every field is valid" in panel._command.value


def test_failing_preview_never_breaks_the_form(every_kind, tmp_path, interactive):
    site = every_kind.write_catalogue(tmp_path)
    (tmp_path / "early.parquet").write_bytes(b"nothing of the kind")
    form = hepnb.form(every_kind.EveryKind, {"site": str(site)})
    assert "early.parquet" in form._panel.fields["data"].message.value
    assert form.stage.data == "early"
