from __future__ import annotations

import pytest

from hepnb.errors import BadParameters


@pytest.mark.parametrize("name", ["site", "data", "binning", "seeds", "note", "threshold"])
def test_untouched_field_reads_the_value_it_was_given(form, fields, name):
    assert fields[name].read() == getattr(form.stage, name)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("mass_range", "1.8, 1.95", [1.8, 1.95]),
        ("mass_range", "", None),
        ("seeds", "5, 6, 7", [5, 6, 7]),
        ("seeds", "[5]", [5]),
        ("note", "  ", None),
        ("note", "007", "007"),
        ("label", "", ""),
    ],
)
def test_text_becomes_the_value_that_it_says(form, fields, name, text, value):
    fields[name].text.value = text
    assert getattr(form.stage, name) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("mass_range", "1.8, a", "is not a number"),
        ("mass_range", "1.95, 1.8", "must increase"),
        ("seeds", "{", "YAML"),
        ("seeds", "a", "valid integer"),
    ],
)
def test_text_that_cannot_be_read_bars_the_way(form, fields, name, text, words):
    fields[name].text.value = text
    assert words in fields[name].message.value
    with pytest.raises(BadParameters, match=f"{name}"):
        _ = form.stage


def test_number_out_of_bounds_is_refused_and_not_moved(form, fields):
    fields["threshold"].box_of_number.value = 0.0
    assert fields["threshold"].read() == 0.0
    assert "greater than 0" in fields["threshold"].message.value
    with pytest.raises(BadParameters, match=r"threshold = 0\.0"):
        _ = form.stage
    fields["threshold"].box_of_number.value = 1.0
    assert fields["threshold"].message.value == ""
    assert form.stage.threshold == 1.0


def test_two_wrong_fields_have_their_own_messages(form, fields):
    fields["bins"].box_of_number.value = 3
    fields["seeds"].text.value = "{"
    assert "hepnb-error" in fields["bins"].message.value
    assert "hepnb-error" in fields["seeds"].message.value
    fields["bins"].box_of_number.value = 30
    assert fields["bins"].message.value == ""
    assert "hepnb-error" in fields["seeds"].message.value
    assert [each.name for each in form._panel.verdict.problems] == ["seeds"]


def test_file_is_looked_for(fields, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("a.csv").write_text("x" * 1500)
    for text, words in {
        "a.csv": "1.5 kB",
        "*.csv": "1 files",
        "b.csv": "no such file",
        "*.root": "no file matches",
        str(tmp_path): "this is a folder",
        "root://server//a.root": "a remote file",
    }.items():
        fields["weights"].text.value = text
        assert words in fields["weights"].message.value, text


def test_names_that_exist_are_suggested_and_others_kept(form, fields):
    assert {"Dst", "Lambda"} < set(fields["study"].menu.options)
    assert fields["particle"].menu.options == ("K", "pi")
    assert "two_gaussians" in fields["mass_model"].menu.options
    assert len(fields["mass_model"].menu.options) > 1


def test_name_that_does_not_exist_stays_with_a_warning(every_kind, catalogue_file, interactive):
    import hepnb

    values = {"site": str(catalogue_file), "study": "Xi"}
    study = hepnb.form(every_kind.EveryKind, values)._panel.fields["study"]
    assert study.read() == "Xi"
    assert study.menu.options[0] == "Xi"
    assert {"Dst", "Lambda"} < set(study.menu.options)
    assert "hepnb-warning" in study.message.value


def test_unknown_site_is_told_under_its_field_and_breaks_nothing(form, fields):
    fields["site"].text.value = "nowhere"
    assert "nowhere" in fields["site"].message.value
    assert "hepnb-error" in fields["site"].message.value
    assert form.stage.site == "nowhere"
