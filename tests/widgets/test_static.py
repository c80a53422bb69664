from __future__ import annotations

from html.parser import HTMLParser

import pytest

from hepnb.widgets.static import table_html, table_text, value_text


class Cells(HTMLParser):
    """Text of each table cell, read as a browser would."""

    def __init__(self):
        super().__init__()
        self.rows = []
        self.open = []

    def handle_starttag(self, tag, _):
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open:
            self.rows[-1][-1] += data


def test_table_has_every_parameter_with_value_unit_and_description(every_kind):
    stage = every_kind.EveryKind(cut="a < 1 && b", mass_range=[1.8, 1.95], label="<b>x</b>")
    cells = Cells()
    cells.feed(table_html(stage))
    rows = {row[0]: row[1:] for row in cells.rows if row}
    assert rows.keys() == type(stage).model_fields.keys()
    assert rows["cut"][0] == "a < 1 && b"
    assert rows["mass_range"] == ["1.8, 1.95 GeV/c\u00b2", "range of the fit"]
    assert rows["label"][0] == "<b>x</b>"  # shown, not obeyed
    assert cells.open == []


def test_table_carries_no_colour_or_style_sheet_that_a_theme_could_contradict(every_kind):
    html = table_html(every_kind.EveryKind())
    assert "<style" not in html
    assert "color" not in html


def test_text_has_a_line_per_parameter(every_kind):
    lines = table_text(every_kind.EveryKind()).splitlines()
    assert lines[0] == "parameters of every_kind"
    assert len(lines) == 1 + len(every_kind.EveryKind.model_fields)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (2.0, "2"),
        (0.1, "0.1"),
        ([0.5, 1.0], "0.5, 1"),
        ({"p": [0.5, 1.0], "q": [1.0, 2.0]}, "p: 0.5, 1; q: 1, 2"),
        ("", ""),
    ],
)
def test_values_are_written_as_a_person_would(value, text):
    assert value_text(value) == text
