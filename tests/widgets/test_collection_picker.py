from __future__ import annotations

import pytest

from hepnb.widgets.collection_picker import split_union

KNOWN = ("proc13", "prompt", "MC_proc13+prompt", "MC_proc13", "a+b", "a", "b", "c")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("proc13", ("proc13",)),
        ("proc13+prompt", ("proc13", "prompt")),
        ("MC_proc13+prompt", ("MC_proc13+prompt",)),
        ("a+b+c", ("a+b", "c")),
        ("c+a+b", ("c", "a+b")),
        ("proc13+nothing", ()),
        ("", ()),
    ],
)
def test_union_is_split_into_names_that_may_hold_a_plus(name, parts):
    assert split_union(name, KNOWN) == parts


def names(field):
    return {each for _, each in field.list.options}


def test_only_collections_of_the_kind_and_with_the_study_are_offered(fields):
    data = fields["data"]
    mc = fields["mc"]
    for field in (data, mc):
        field.refresh()
    # the collections of a file come on top of the embedded ones, which have both studies
    assert names(data) == {"proc13", "prompt", "early", "late"}
    assert names(mc) == {"MC15rd_proc13", "MC15rd_prompt", "MC15rd_proc13+prompt", "sim"}
    fields["study"].menu.value = "Lambda"
    assert names(data) == {"proc13", "prompt", "late"}
    assert "sim" not in names(mc)


def test_several_picked_are_their_union_and_survive_a_search(form, fields):
    data = fields["data"]
    data.refresh()
    data.list.value = ("early", "late")
    assert form.stage.data == "early+late"
    data.search.value = "LATE RUN"
    assert data.list.value == ("early", "late")
    assert form.stage.data == "early+late"


def test_typed_name_is_selected_in_the_list(fields):
    fields["data"].refresh()
    fields["data"].text.value = "late"
    assert fields["data"].list.value == ("late",)


def test_message_gives_kind_luminosity_files_and_candidates(fields):
    fields["data"].text.value = "early+late"
    assert "data, 30.75 fb\u207b\u00b9, 2 files, 60,000 candidates" in fields["data"].message.value
    assert "simulation, 1 file, 30,000 candidates" in fields["mc"].message.value


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("erly", "did you mean &#x27;early&#x27;"),
        ("sim", "sim is mc, where data is wanted"),
        ("", "hepnb-error"),
    ],
)
def test_collection_that_will_not_do_says_why_under_its_field(fields, name, words):
    fields["data"].text.value = name
    assert words in fields["data"].message.value
