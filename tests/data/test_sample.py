"""Samples: names mean the same everywhere, and how the reading is cut up changes nothing."""

from __future__ import annotations

import copy
import pickle
import threading
import time
import weakref
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import uproot

from hepnb.data.formats.reader import Reader
from hepnb.data.sample import DerivedColumn, Sample
from hepnb.errors import (
    BadParameters,
    BadVariable,
    CutSyntaxError,
    UnknownVariable,
    UnreadableFile,
)

N = 1000
SIZES = (613, 0, 387)  # entries of three files, the second without any


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(11)
    return {
        "K_p": rng.exponential(1.0, N),
        "pi_p": rng.exponential(0.5, N),
        "K_kaonID": rng.random(N),
        "K_pionID": rng.random(N),
        "D0_M": rng.normal(1.86, 0.01, N),
        "sweight": rng.normal(0.7, 1.0, N).astype(np.float32),
        "run": rng.integers(1, 9, N).astype(np.int32),
        "good": rng.random(N) < 0.5,
    }


def write(path, table, start, stop, skip=()):
    with uproot.recreate(path) as file:
        kept = {name: column for name, column in table.items() if name not in skip}
        tree = file.mktree("Dst", {name: column.dtype for name, column in kept.items()})
        for first in range(start, stop, 100):
            last = min(first + 100, stop)
            tree.extend({name: column[first:last] for name, column in kept.items()})
    return str(path)


@pytest.fixture(scope="module")
def files(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    stops = np.cumsum(SIZES)
    return tuple(
        write(folder / f"{stop}_{size}.root", table, stop - size, stop)
        for stop, size in zip(stops, SIZES, strict=True)
    )


@pytest.fixture
def sample(files):
    return Sample(
        "proc13",
        "data",
        "Dst",
        files,
        tree="Dst",
        mass="D0_M",
        particles={"K": "K", "pi": "pi"},
        aliases={"ratio": "K_p / pi_p", "twice": "2 * ratio"},
    )


def joined(chunks, name):
    return np.concatenate([chunk[name] for chunk in chunks])


# what names mean


def test_names_resolve_by_alias_prefix_column_and_meta_variable(sample, table):
    kaon = sample.particle("K")
    frame = kaon.read(["p", "pi_p", "twice", "D0_M", "binaryID(K, pi)"])
    likelihoods = table["K_kaonID"], table["K_pionID"]
    np.testing.assert_array_equal(frame["p"], table["K_p"])
    np.testing.assert_array_equal(frame["pi_p"], table["pi_p"])
    np.testing.assert_array_equal(frame["twice"], 2 * (table["K_p"] / table["pi_p"]))
    np.testing.assert_array_equal(frame["D0_M"], table["D0_M"])
    np.testing.assert_array_equal(
        frame["binaryID(K, pi)"], likelihoods[0] / (likelihoods[0] + likelihoods[1])
    )
    np.testing.assert_array_equal(sample.particle("pi").read(["p"])["p"], table["pi_p"])


def test_unknown_particle_is_named_with_those_there_are(sample):
    with pytest.raises(BadParameters, match=r"'Ka' is not a particle of .* has K, pi"):
        sample.particle("Ka")


def test_columns_and_entries_are_those_of_the_files(sample, table):
    assert sample.columns == tuple(table)
    assert sample.entries == N


@pytest.mark.parametrize(
    ("expressions", "cut", "error"),
    [
        (["K_q"], "", UnknownVariable),
        (["K_p"], "kaonIDD > 0.5", UnknownVariable),
        (["K_p"], "K_p >", CutSyntaxError),
    ],
)
def test_a_wrong_string_is_refused_before_anything_is_read(sample, expressions, cut, error):
    with mock.patch.object(Reader, "read", side_effect=AssertionError), pytest.raises(error):
        sample.iterate(expressions, cut=cut)


def test_only_the_branches_named_are_read(sample):
    wanted = set()
    read = Reader.read

    def spied(self, columns, *span):
        wanted.update(columns)
        return read(self, columns, *span)

    with mock.patch.object(Reader, "read", spied):
        sample.read(["ratio"], cut="D0_M > 1.85")
    assert wanted == {"K_p", "pi_p", "D0_M"}


def test_a_column_that_a_later_file_lacks_is_named_with_the_file(tmp_path, files, table):
    short = write(tmp_path / "short.root", table, 0, 50, skip=("K_p",))
    sample = Sample("proc13", "data", files=(*files, short), tree="Dst")
    with pytest.raises(UnknownVariable, match=r"short.root.*has no column 'K_p'"):
        list(sample.iterate(["K_p"]))
    assert len(sample.read(["D0_M"])) == N + 50


# how the reading is cut up


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("chunk_size", [37, 613, 10**9])
def test_chunks_give_the_same_candidates_in_the_same_order(sample, table, chunk_size, workers):
    chunks = sample.iterate(["K_p", "run"], cut="good", chunk_size=chunk_size, workers=workers)
    chunks = list(chunks)
    expected = sum(-(-size // chunk_size) for size in SIZES)
    assert len(chunks) == expected
    np.testing.assert_array_equal(joined(chunks, "K_p"), table["K_p"][table["good"]])
    np.testing.assert_array_equal(joined(chunks, "run"), table["run"][table["good"]])


@pytest.mark.parametrize("workers", [1, 2])
def test_chunks_held_at_once_are_bounded(table, workers):
    lock = threading.Lock()
    made = alive = most = 0

    def gone():
        nonlocal alive
        with lock:
            alive -= 1

    def spied(columns):
        nonlocal made, alive, most
        column = columns["K_p"] + 0.0
        weakref.finalize(column, gone)
        with lock:
            made, alive = made + 1, alive + 1
            most = max(most, alive)
        return column

    sample = Sample.from_frame(table).with_columns(spy=DerivedColumn(("K_p",), spied))
    taken = 0
    for taken, _ in enumerate(sample.iterate(["spy"], chunk_size=10, workers=workers), start=1):
        time.sleep(0.001)  # slower than the reading
        assert made <= taken + workers + 1
    assert taken == made == N // 10
    assert most <= workers + 2


def test_threads_end_when_the_reading_is_given_up(table):
    chunks = Sample.from_frame(table).iterate(["K_p"], chunk_size=10, workers=2)
    next(chunks)
    chunks.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("hepnb-read")]


@pytest.mark.parametrize("option", ["chunk_size", "workers"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "many", None])
def test_sizes_that_are_no_positive_whole_number_are_refused(sample, option, value):
    with pytest.raises(BadParameters, match=f"{option} is {value!r}"):
        sample.iterate(["K_p"], **{option: value})


# derived columns and codes


@pytest.mark.parametrize("chunk_size", [7, 10**6])
def test_a_derived_column_is_usable_wherever_a_branch_is(sample, table, chunk_size):
    derived = sample.particle("K").with_columns(
        heavy=DerivedColumn(("D0_M - 1.86",), lambda columns: columns["D0_M - 1.86"] * 1000),
        heavier=DerivedColumn(("heavy", "p"), lambda columns: columns["heavy"] + columns["p"]),
    )
    chunks = list(derived.iterate(["heavier / 2"], cut="heavy > 0", chunk_size=chunk_size))
    heavy = (table["D0_M"] - 1.86) * 1000
    expected = ((heavy + table["K_p"]) / 2)[heavy > 0]
    np.testing.assert_array_equal(joined(chunks, "heavier / 2"), expected)


def test_derived_columns_in_a_circle_are_refused(sample):
    def first(columns):
        return next(iter(columns.values()))

    circle = sample.with_columns(
        one=DerivedColumn(("other",), first), other=DerivedColumn(("one",), first)
    )
    with pytest.raises(BadParameters, match="one -> other -> one"):
        circle.iterate(["one"])


def test_a_derived_column_must_give_one_value_per_candidate(sample):
    total = sample.with_columns(total=DerivedColumn(("K_p",), lambda columns: columns["K_p"].sum()))
    with pytest.raises(BadVariable, match=r"'total' has shape \(\)"):
        total.read(["total"])


@pytest.mark.parametrize(
    ("name", "what"), [("sweight", "branch"), ("p", "branch"), ("ratio", "alias")]
)
def test_a_derived_column_does_not_hide_another(sample, name, what):
    with pytest.raises(BadParameters, match=f"'{name}' is already an? {what}"):
        sample.with_columns(**{name: DerivedColumn(("D0_M",), np.abs)})


def test_a_derived_column_may_be_replaced_by_a_later_fit(sample, table):
    once = sample.with_columns(w=DerivedColumn(("D0_M",), lambda columns: columns["D0_M"]))
    again = once.with_columns(w=DerivedColumn(("D0_M",), lambda columns: -columns["D0_M"]))
    np.testing.assert_array_equal(again.read(["w"])["w"], -table["D0_M"])


def test_text_is_read_by_its_codes_and_what_has_none_is_nan():
    kinds = {"kind": np.array(["G", "T", "?", "G"], dtype=object), "x": np.arange(4.0)}
    sample = Sample.from_frame(kinds, codes={"kind": {"G": 1, "T": 0}})
    np.testing.assert_array_equal(sample.read(["kind"])["kind"], [1, 0, np.nan, 1])
    np.testing.assert_array_equal(sample.read(["x"], cut="kind == 1")["x"], [0, 3])
    with pytest.raises(BadVariable, match="'kind' is text"):
        Sample.from_frame(kinds).read(["kind"])


# all in memory


def test_read_gives_a_frame_of_the_passing_candidates(sample, table):
    frame = sample.read(["K_p", "run == 3", "run", "K_p"], cut="K_p > 1")
    chosen = table["K_p"] > 1
    run = table["run"][chosen]
    expected = pd.DataFrame(
        {"K_p": table["K_p"][chosen], "run == 3": run == 3, "run": run.astype(float)}
    )
    pd.testing.assert_frame_equal(frame, expected)


@pytest.mark.parametrize("most", [0, 1, 600, 10**6])
def test_read_stops_at_the_number_asked_for(sample, table, most):
    np.testing.assert_array_equal(
        sample.read(["K_p"], max_entries=most)["K_p"], table["K_p"][:most]
    )


def test_read_refuses_a_negative_number(sample):
    with pytest.raises(BadParameters, match="max_entries is -1"):
        sample.read(["K_p"], max_entries=-1)


def test_a_constant_has_one_value_per_candidate(sample):
    assert sample.read(["2 + 1"], cut="K_p > 1e9")["2 + 1"].tolist() == []
    assert (sample.read(["2 + 1"])["2 + 1"] == 3).sum() == N


def test_a_sample_without_candidates_reads_as_such(files):
    empty = Sample("none", "data", files=files[1:2], tree="Dst")
    assert empty.entries == 0
    assert list(empty.iterate(["K_p"])) == []
    assert list(empty.read(["K_p"]).columns) == ["K_p"]
    assert Sample.from_frame({"x": []}).read(["x"]).empty


def test_a_frame_and_a_mapping_make_the_same_sample(table):
    frame = Sample.from_frame(pd.DataFrame(table), name="toy", kind="mc")
    mapping = Sample.from_frame(table, name="toy", kind="mc")
    assert frame.columns == mapping.columns
    pd.testing.assert_frame_equal(frame.read(["K_p * 2"]), mapping.read(["K_p * 2"]))
    assert frame == mapping


def test_columns_in_memory_must_be_flat_and_of_one_length():
    with pytest.raises(BadParameters, match="one length"):
        Sample.from_frame({"x": [1, 2], "y": [1]})
    with pytest.raises(BadParameters, match="flat"):
        Sample.from_frame({"x": [[1, 2]]})


# files at fault, and what a sample is


def test_check_names_every_bad_file_with_its_reason(tmp_path, files):
    (tmp_path / "empty.root").touch()
    (tmp_path / "foreign.root").write_text("run,mass\n1,2\n")
    (tmp_path / "short.root").write_bytes(Path(files[0]).read_bytes()[:-2000])
    bad = [tmp_path / f"{name}.root" for name in ("missing", "empty", "foreign", "short")]
    sample = Sample("proc13", "data", files=(*files, *map(str, bad)), tree="Dst")
    with pytest.raises(UnreadableFile, match="4 of 7 files of sample 'proc13'") as caught:
        sample.check()
    assert all(each.name in str(caught.value) for each in bad)
    assert not any(each in str(caught.value) for each in files)
    Sample("proc13", "data", files=files, tree="Dst").check()


def test_a_sample_without_files_says_so():
    with pytest.raises(UnreadableFile, match="'proc13' Dst has no files"):
        Sample("proc13", "data", "Dst").bind("x > 1")


def test_a_sample_cannot_be_changed(sample, table):
    with pytest.raises(AttributeError):
        sample.name = "other"
    with pytest.raises(TypeError):
        sample.aliases["ratio"] = "1"
    held = Sample.from_frame(table, codes={"kind": {"a": 1}})
    with pytest.raises(TypeError):
        held.codes["kind"]["a"] = 2
    with pytest.raises(ValueError, match="read-only"):
        held.frame["K_p"][0] = 0
    assert table["K_p"].flags.writeable


def test_a_sample_travels_to_another_process(sample, table):
    kaon = sample.particle("K")
    kaon.read(["p"])  # with open files
    for copied in (pickle.loads(pickle.dumps(kaon)), copy.deepcopy(kaon)):
        assert copied == kaon
        assert hash(copied) == hash(kaon)
        np.testing.assert_array_equal(copied.read(["p"])["p"], table["K_p"])
