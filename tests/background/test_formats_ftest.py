"""The f-test as JSON and as flashggFinalFit's table."""

import dataclasses
import json
import math

import numpy as np
import pytest

from hepnb.background import formats
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadTable


@pytest.fixture(scope="module")
def blinded(ftest_by_hand, falling_spectrum):
    return ftest_by_hand(falling_spectrum(blind=(115.0, 135.0)))


@pytest.fixture
def written(blinded, tmp_path):
    return formats.write_ftest(blinded, tmp_path / "ftest.json")


def no_constant(text):
    raise AssertionError(f"{text} is not JSON")


def test_file_holds_the_fields_of_the_specification(written, blinded):
    document = json.loads(written.read_text(), parse_constant=no_constant)
    first = document["fits"][0]
    assert {"schema_version", "tool_version", "seed", "observable", "category", "counts"} < set(
        document
    )
    assert {"family", "order", "n_par", "params", "weights", "nll", "q", "dof", "p_asym"} < set(
        first
    )
    assert {"p_toy", "p_toy_err", "gof", "status", "at_bound"} < set(first)
    assert {"stat", "value", "ndof", "p", "method"} <= set(first["gof"])
    assert set(document["choice"]) >= {"truth", "envelope", "best", "reasons"}
    assert document["seed"] == 11
    assert first["family"] == "bernstein"
    assert first["nll"] == blinded.fits[0].fit.nll
    assert document["choice"]["truth"]["powerlaw"] is None


def test_numbers_without_a_value_are_null(written):
    first = json.loads(written.read_text())["fits"][0]
    assert first["q"] is None
    assert first["p_asym"] is None
    assert first["dof"] is None
    assert first["p_toy"] == 0.25


def test_hidden_counts_are_not_claimed(written, blinded):
    counts = json.loads(written.read_text())["counts"]
    assert counts["total"] is None
    assert counts["sideband"] == blinded.spectrum.counts.sum()
    assert counts["dropped"] == {"above": 3}
    assert json.loads(written.read_text())["observable"]["blind"] == [[114.0, 136.0]]


def test_what_is_read_is_what_was_written(written, blinded):
    record = formats.read_ftest(written)
    assert record.category == "Untagged Tag/0"
    assert record.observable.edges is None
    assert record.choice.envelope == blinded.choice.envelope
    for mine, theirs in zip(record.fits, blinded.fits, strict=True):
        assert mine.weights == tuple(theirs.fit.weights.tolist())
        assert mine.params == theirs.fit.params
        assert mine.gof.p == theirs.gof.p


def test_edges_are_kept_where_bins_are_not_even(ftest_by_hand, falling_spectrum, tmp_path):
    even = falling_spectrum()
    edges = np.concatenate((even.edges[:20], even.edges[20::2]))
    uneven = MassSpectrum(
        edges, np.add.reduceat(even.counts, np.searchsorted(even.edges, edges[:-1]))
    )
    path = formats.write_ftest(ftest_by_hand(uneven), tmp_path / "ftest.json")
    assert formats.read_ftest(path).observable.edges == tuple(edges.tolist())


def test_empty_spectrum_is_written_too(ftest_by_hand, falling_spectrum, tmp_path):
    path = formats.write_ftest(ftest_by_hand(falling_spectrum(events=0)), tmp_path / "ftest.json")
    record = formats.read_ftest(path)
    assert {each.status for each in record.fits} == {"empty"}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda d: d.update(schema_version=2), "schema_version"),
        (lambda d: d["fits"][1].update(p_toy=1.5), "fits.1.p_toy"),
        (lambda d: d["choice"].pop("best"), "choice.best"),
        (lambda d: d.update(surprise=1), "surprise"),
    ],
)
def test_other_documents_are_refused_by_what_is_wrong(written, change, where):
    document = json.loads(written.read_text())
    change(document)
    written.write_text(json.dumps(document))
    with pytest.raises(BadTable, match=rf"ftest\.json.*{where}"):
        formats.read_ftest(written)


def test_files_that_are_no_json_are_refused(tmp_path):
    path = tmp_path / "ftest.json"
    path.write_text("{")
    with pytest.raises(BadTable, match=r"ftest\.json"):
        formats.read_ftest(path)


def test_schema_describes_every_field_of_a_fit():
    described = formats.ftest_schema()["$defs"]["FitRecord"]["properties"]
    bare = [name for name, each in described.items() if "description" not in each]
    assert set(bare) <= {"order", "params", "gof"}


def test_legacy_table_is_that_of_flashggfinalfit(blinded, tmp_path):
    path = formats.write_dat([formats.legacy_choice(blinded, 3)], tmp_path / "fTest.dat")
    assert path.read_text() == (
        "cat=3\n"
        "truth=Bernstein:2:pol2\n"
        "truth=Exponential:1:exp1\n"
        "truth=Laurent:1:lau1\n"
        "paul=Bernstein:2:pol2\n"
        "paul=Exponential:1:exp1\n"
        "\n"
    )


def test_legacy_table_of_several_categories_is_read_back(blinded, tmp_path):
    choices = tuple(formats.legacy_choice(blinded, number) for number in (0, 1, 12))
    path = formats.write_dat(choices, tmp_path / "fTest.dat")
    assert formats.read_dat(path) == choices


def test_empty_envelope_leaves_no_paul_line(blinded, tmp_path):
    bare = dataclasses.replace(blinded.choice, envelope=(), best=None)
    choice = formats.legacy_choice(dataclasses.replace(blinded, choice=bare), 0)
    assert "paul" not in formats.write_dat([choice], tmp_path / "fTest.dat").read_text()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("truth=Bernstein:2:pol2\n", 1),
        ("cat=0\n\npaul=Bernstein:2:pol3\n", 3),
        ("cat=zero\n", 1),
        ("cat=0\nbest=Bernstein:2:pol2\n", 2),
    ],
)
def test_lines_of_no_known_form_are_named(tmp_path, text, line):
    path = tmp_path / "fTest.dat"
    path.write_text(text)
    with pytest.raises(BadTable, match=rf"fTest\.dat, line {line}:"):
        formats.read_dat(path)


def test_one_category_twice_is_refused(blinded, tmp_path):
    with pytest.raises(BadTable, match="category 1 comes twice"):
        formats.write_dat([formats.legacy_choice(blinded, 1)] * 2, tmp_path / "fTest.dat")


def test_probabilities_out_of_range_are_never_written(blinded, tmp_path):
    wrong = dataclasses.replace(blinded.fits[0], p_asym=math.inf, p_toy=1.1)
    with pytest.raises(ValueError, match="p_toy"):
        formats.write_ftest(dataclasses.replace(blinded, fits=(wrong,)), tmp_path / "ftest.json")
    assert not list(tmp_path.iterdir())
