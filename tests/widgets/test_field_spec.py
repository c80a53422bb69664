from __future__ import annotations

from hepnb.widgets.field_spec import by_group, field_specs

KINDS = {
    "site": "site",
    "data": "collection",
    "mc": "collection",
    "study": "study",
    "particle": "particle",
    "cut": "cut",
    "binning": "binning",
    "mass_range": "interval",
    "mass_model": "mass_model",
    "weights": "file",
    "bad_bins": "choice",
    "label": "text",
    "bins": "integer",
    "threshold": "number",
    "unbinned": "switch",
    "seeds": "value",
    "note": "text",
}


def test_widget_kind_follows_metadata_then_type(every_kind):
    specs = field_specs(every_kind.EveryKind)
    assert {name: spec.kind for name, spec in specs.items()} == KINDS


def test_bounds_units_and_choices_are_told_in_words(every_kind):
    specs = field_specs(every_kind.EveryKind)
    assert specs["bins"].allowed == "20 <= value <= 2000"
    assert specs["threshold"].allowed == "0 < value <= 1"
    assert specs["bad_bins"].choices == ("keep", "drop")
    assert specs["threshold"].unit == "GeV"
    assert specs["note"].optional


def test_labels_keep_the_letters_of_abbreviations(every_kind):
    specs = field_specs(every_kind.EveryKind)
    assert [specs[name].label for name in ("mc", "mass_range")] == ["MC", "Mass range"]


def test_every_stage_has_each_parameter_in_one_group():
    from hepnb.stages import all_stages

    for stage in all_stages().values():
        names = [spec.name for members in by_group(stage).values() for spec in members]
        assert sorted(names) == sorted(stage.model_fields)
