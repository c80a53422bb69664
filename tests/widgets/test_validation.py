from __future__ import annotations

import pytest

from hepnb.errors import BadParameters
from hepnb.widgets.validation import taken_from, validate


def test_names_that_are_no_parameters_are_left_alone(every_kind):
    namespace = {"bins": 30, "numpy": object(), "_": 1}
    assert taken_from(every_kind.EveryKind, namespace) == {"bins": 30}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"bins": 7},
            "bins = 7: .* greater than or equal to 20; allowed: 20 <= value <= 2000; default: 150",
        ),
        ({"bad_bins": "kep"}, "bad_bins = 'kep': .*allowed: keep, drop; did you mean 'keep'"),
        ({"cut": "a >"}, r"cut = 'a >': .*\(column 4\)"),
        ({"binning": {"p": [2, 1]}}, "binning = .*must increase, but 1 follows 2"),
        ({"seeds": [1, "x"]}, r"seeds = .*at 1: .*\(got 'x'\)"),
        ({"mass_range": [1.8]}, "mass_range = .*an interval has two"),
    ],
)
def test_refused_value_gives_one_line_with_value_allowed_and_remedy(every_kind, values, line):
    verdict = validate(every_kind.EveryKind, values)
    assert verdict.stage is None
    (problem,) = verdict.problems
    with pytest.raises(BadParameters, match=line):
        verdict.or_raise(every_kind.EveryKind)
    assert "\n" not in problem.line


def test_every_refused_value_has_its_line(every_kind):
    verdict = validate(every_kind.EveryKind, {"bins": 7, "cut": "a >", "threshold": 2})
    assert {each.name for each in verdict.problems} == {"bins", "cut", "threshold"}
    with pytest.raises(BadParameters) as raised:
        verdict.or_raise(every_kind.EveryKind)
    assert len(str(raised.value).splitlines()) == 4


def test_required_parameter_without_value_is_named():
    from hepnb.stages import Stage

    class Needy(Stage):
        mass: float

    (problem,) = validate(Needy, {}).problems
    assert problem.name == "mass"
    assert "no default" in problem.line
