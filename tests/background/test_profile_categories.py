"""Categories that share a strength: the sum of envelopes, and two other ways to its minimum."""

import json

import numpy as np
import pandas as pd
import pytest

from hepnb.background.profiling import (
    fit_members,
    minimise_exhaustively,
    minimise_iteratively,
    scan_categories,
    scan_envelope,
)
from hepnb.background.signal import SumOfGaussians
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

EDGES = np.linspace(110.0, 150.0, 81)
FUNCTIONS = ("powerlaw1", "exponential1", "bernstein2")
KINDS = {"Tag 0": (800, -5.0), "Tag/1": (4000, -3.0), "VBF": (300, -7.0)}


def category(name, seed):
    events, power = KINDS[name]
    shares = np.diff(EDGES ** (power + 1))
    signal = SumOfGaussians(expected=0.02 * events, mean=125.0, sigma=1.2, lo=110.0, hi=150.0)
    expected = events * shares / shares.sum() + signal.expected * signal.fractions(EDGES)
    counts = np.random.default_rng([seed, list(KINDS).index(name)]).poisson(expected)
    return MassSpectrum(edges=EDGES, counts=counts, category=name), signal


def study(seed):
    both = {name: category(name, seed) for name in KINDS}
    return {name: each[0] for name, each in both.items()}, {k: v[1] for k, v in both.items()}


@pytest.fixture(scope="module")
def combined():
    return scan_categories(study(0)[0], FUNCTIONS, study(0)[1])


@pytest.mark.parametrize("seed", range(3))
def test_the_iteration_the_exhaustive_search_and_the_scan_agree(seed):
    spectra, signals = study(seed)
    members = [fit_members(spectra[name], FUNCTIONS, signals[name])[0] for name in KINDS]
    scanned = scan_categories(spectra, FUNCTIONS, signals)
    every = minimise_exhaustively(members)
    turns = minimise_iteratively(members)
    assert every.rounds == 27
    # each ends within 1e-7 of a bracket around the minimum
    for height, strength, functions in (
        (turns.height, turns.strength, turns.functions),
        (scanned.minimum, scanned.strength, tuple(scanned.best.values())),
    ):
        assert height == pytest.approx(every.height, abs=1e-6)
        assert strength == pytest.approx(every.strength, abs=1e-4)
        assert functions == every.functions
    from_afar = minimise_iteratively(members, start=turns.strength + 0.3)
    assert from_afar.height >= every.height - 1e-6


def test_the_combined_curve_is_the_lowest_of_all_combinations(combined):
    at = len(combined.strengths) // 3
    parts = [list(each.curves.values()) for each in combined.categories.values()]
    heights = [a[at] + b[at] + c[at] for a in parts[0] for b in parts[1] for c in parts[2]]
    assert combined.lowest[at] == pytest.approx(min(heights), abs=1e-8)


def test_ends_of_the_interval_lie_one_above_the_minimum(combined):
    spectra, signals = study(0)
    for level in (1.0, 4.0):
        ends = combined.interval(level)
        again = scan_categories(spectra, FUNCTIONS, signals, strengths=[*ends, combined.strength])
        rises = again.lowest[np.isin(again.strengths, ends)] - combined.minimum
        np.testing.assert_allclose(rises, level, atol=1e-5)


def test_twice_the_same_category_is_twice_the_likelihood():
    spectrum, signal = category("Tag/1", 4)
    one = scan_envelope(spectrum, FUNCTIONS, signal, levels=(0.5, 2.0))
    two = scan_categories({"a": spectrum, "b": spectrum}, FUNCTIONS, signal, levels=(1.0, 4.0))
    assert two.strength == pytest.approx(one.strength, abs=1e-5)
    np.testing.assert_allclose(two.interval(1.0), one.interval(0.5), atol=1e-5)
    np.testing.assert_allclose(two.interval(4.0), one.interval(2.0), atol=1e-5)


def test_a_category_may_have_functions_of_its_own(combined):
    spectra, signals = study(0)
    own = {"Tag 0": ["laurent1"], "Tag/1": ["bernstein3"], "VBF": ["powerlaw1"]}
    found = scan_categories(spectra, own, signals)
    assert found.best == {"Tag 0": "laurent1", "Tag/1": "bernstein3", "VBF": "powerlaw1"}
    with pytest.raises(BadParameters, match="'VBF' has no functions"):
        scan_categories(spectra, {name: own[name] for name in ("Tag 0", "Tag/1")}, signals)
    with pytest.raises(BadParameters, match="no category"):
        scan_categories({}, FUNCTIONS, signals)


def test_names_with_spaces_and_slashes_are_saved_and_drawn(combined, tmp_path):
    files = combined.save(tmp_path, "combined")
    assert [each.name for each in files] == ["combined.csv", "combined.json"]
    table = pd.read_csv(files[0])
    assert {"Tag 0", "Tag/1", "Tag/1:function"} <= set(table)
    content = json.loads(files[1].read_text())
    assert content["best"] == dict(combined.best)
    assert combined.numbers()["strength"]["status"] == "ok"
    labels = {text.get_text() for text in combined.plot().get_legend().get_texts()}
    assert labels == {"Envelope", *KINDS}
