from __future__ import annotations

import shlex

import pytest
import yaml

from hepnb.widgets.command import as_command, as_yaml, chosen

CHOICES = [
    {},
    {"cut": "kaonID > 0.7 and p != 'x'".replace("'x'", "2"), "bins": 30},
    {"label": "007", "note": "007", "unbinned": True, "threshold": 0.25},
    {"label": "it's -o x", "note": "yes", "bad_bins": "drop"},
    {"binning": {"p": [0.5, 1e-3 + 1, 4.5]}, "mass_range": [1.8, 1.95], "seeds": [3]},
]


@pytest.mark.parametrize("values", CHOICES)
def test_command_line_gives_the_same_stage_again(every_kind, values):
    stage = every_kind.EveryKind(**values)
    words = shlex.split(as_command(stage))
    assert words[:3] == ["hepnb", "run", "every_kind"]
    assert words[-2:] == ["-o", "DIR"]
    given = [words[i + 1] for i, word in enumerate(words) if word == "-p"]
    assert every_kind.EveryKind.from_strings(given) == stage


@pytest.mark.parametrize("values", CHOICES)
def test_parameter_file_gives_the_same_stage_again(every_kind, values):
    stage = every_kind.EveryKind(**values)
    assert every_kind.EveryKind.from_values(yaml.safe_load(as_yaml(stage))) == stage


def test_only_what_differs_from_the_defaults_is_given(every_kind):
    assert chosen(every_kind.EveryKind()) == {}
    assert chosen(every_kind.EveryKind(bins=30, label="toy")) == {"bins": 30}
