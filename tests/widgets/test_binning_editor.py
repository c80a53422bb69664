from __future__ import annotations

import pytest

from hepnb.errors import BadParameters
from hepnb.widgets.number_lists import number_text, numbers


@pytest.mark.parametrize("text", ["0.5, 1, 4.5", "0.5 1 4.5", "[0.5, 1.0, 4.5]", " 0.5;1;4.5,"])
def test_edges_may_be_separated_as_one_likes(text):
    assert numbers(text) == [0.5, 1.0, 4.5]


def test_numbers_written_are_read_back_exactly():
    values = [0.1 + 0.2, -1e-12, 3.0, 1e22, 2 / 3]
    assert numbers(number_text(values)) == values


def test_number_of_bins_is_the_product_of_the_axes(form, fields):
    assert form.stage.binning == {"p": [0.5, 1.0, 2.5], "charge": [-2.0, 0.0, 2.0]}
    assert "2 \u00d7 2 = 4 bins" in fields["binning"].message.value


@pytest.mark.parametrize(
    ("variable", "edges", "reason"),
    [
        ("p", "1, 3, 2", "edges must increase, but 2 follows 3"),
        ("p", "1, 1", "edges must increase, but 1 follows 1"),
        ("p", "1", "two edges or more"),
        ("p", "1, x", "&#x27;x&#x27; is not a number"),
        ("p", "1, inf", "not finite"),
        ("", "1, 2", "no variable"),
        ("charge", "1, 2", "named by two axes"),
    ],
)
def test_wrong_axis_is_told_and_bars_the_way(form, fields, variable, edges, reason):
    axis = fields["binning"]._axes[0]
    axis.edges.value = edges
    axis.variable.value = variable
    assert reason in fields["binning"].message.value
    with pytest.raises(BadParameters, match="binning"):
        _ = form.stage


def test_unknown_variable_is_told_with_the_nearest(fields):
    fields["binning"]._axes[0].variable.value = "chrge"
    assert "did you mean &#x27;charge&#x27;" in fields["binning"].message.value


def test_axis_may_be_an_expression_of_variables(form, fields):
    fields["binning"]._axes[0].variable.value = "abs(D0_M - 1.865)"
    assert "hepnb-error" not in fields["binning"].message.value
    assert "abs(D0_M - 1.865)" in form.stage.binning


def test_axes_come_and_go(form, fields):
    editor = fields["binning"]
    editor._add("D0_M", "1.8, 1.9")
    assert list(form.stage.binning) == ["p", "charge", "D0_M"]
    editor.remove(editor._axes[0])
    assert list(form.stage.binning) == ["charge", "D0_M"]
    assert len(editor._rows.children) == 2


def test_variables_of_the_particle_are_suggested_without_prefix(fields):
    options = fields["binning"]._axes[0].variable.options
    assert options[:3] == ("p", "charge", "kaonID")
    assert "pi_p" in options
