from __future__ import annotations

import re

import pytest

from hepnb.widgets.cut_field import count_text
from hepnb.widgets.messages import cut_error_html
from hepnb.widgets.preview import PREVIEW_ENTRIES, Count


def test_count_is_that_of_the_first_candidates_of_the_collection(every_kind, fields):
    frame = every_kind.candidates(seed=0)[:PREVIEW_ENTRIES]
    expected = int(((frame.K_kaonID > 0.25) & (frame.K_p < 2)).sum())
    fields["cut"].text.value = "kaonID > 0.25 and p < 2"
    words = fields["cut"].message.value
    assert f"{expected:,} of the first 20,000 candidates of early pass" in words
    assert "undefined (NaN) for 200" in words  # one in a hundred


def test_cut_without_a_requirement_passes_everything(fields):
    fields["cut"].text.value = " "
    assert "all candidates pass" in fields["cut"].message.value
    fields["cut"].text.value = "1 > 2"
    assert "0 of the first 20,000" in fields["cut"].message.value
    fields["cut"].text.value = "1 < 2"
    assert "20,000 of the first 20,000 candidates of early pass (100.0 %)" in (
        fields["cut"].message.value
    )


def test_columns_are_read_once_for_any_number_of_cuts(fields, monkeypatch):
    from hepnb.data.sample import Sample

    read = []
    iterate = Sample.iterate

    def spied(self, expressions, **options):
        read.extend(expressions)
        return iterate(self, expressions, **options)

    monkeypatch.setattr(Sample, "iterate", spied)
    for threshold in range(10):
        fields["cut"].text.value = f"kaonID > 0.{threshold} and D0_M > 1.8"
    assert read == ["D0_M"]  # K_kaonID was read when the form was made


def test_other_collection_gives_another_count(fields):
    before = fields["cut"].message.value
    fields["data"].text.value = "late"
    assert "of late pass" in fields["cut"].message.value
    assert fields["cut"].message.value != before


@pytest.mark.parametrize(
    ("cut", "column", "words"),
    [("kaonID >", 9, "expected"), ("p > 1 and kaonIDD > 0.5", 11, "did you mean")],
)
def test_mark_stands_under_the_column_of_the_mistake(fields, cut, column, words):
    fields["cut"].text.value = cut
    message = fields["cut"].message.value
    assert "hepnb-error" in message
    assert words in message
    mark = re.search(r"<pre>(.*)\n( *)\^</pre>", message)
    assert len(mark[2]) + 1 == column


def test_unknown_variable_does_not_bar_the_way_but_a_syntax_error_does(form, fields):
    from hepnb.errors import BadParameters

    fields["cut"].text.value = "made_later > 1"
    assert form.stage.cut == "made_later > 1"
    fields["cut"].text.value = "made_later >"
    with pytest.raises(BadParameters, match="cut = 'made_later >'"):
        _ = form.stage


def test_text_of_a_cut_is_shown_and_not_obeyed():
    html = cut_error_html("<b> > 1", 'stray in cut "<b> > 1" (column 1)')
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_empty_sample_is_said_to_be_empty():
    assert count_text(Count(0, 0, 0), "x") == "x has no candidates"
