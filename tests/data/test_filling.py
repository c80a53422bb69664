"""One pass fills what boost-histogram would, bit for bit the same however it is cut up."""

from __future__ import annotations

import math
import pickle
import time
import weakref
from unittest import mock

import boost_histogram as bh
import numpy as np
import pytest
import uproot

from hepnb.data import chunks, filling
from hepnb.data.binning import Axis
from hepnb.data.filling import Counts, fill
from hepnb.data.formats.reader import Reader
from hepnb.data.sample import DerivedColumn, Sample
from hepnb.errors import BadParameters, CutSyntaxError, UnknownVariable, UnreadableFile

N = 9_001
BLOCK = 2_000  # in place of 500,000, so that small tables have several blocks
BINNINGS = {
    "table": {"p": [0.0, 0.5, 1.0, 2.5], "cosTheta": [-0.8, 0.0, 0.5]},
    "momentum": {"p": [0.1, 1.0, 2.0]},
    "charge": {"charge": [-2, 0, 2], "abs(cosTheta)": [0, 0.25, 0.5, 1]},
}
CUTS = ["kaonID > 0.6", "kaonID > 0.9 or p < 0.3"]
PRECUTS = ["", "[-3 < dz < 3] and [dr < 1]"]
WEIGHTS = [None, "sweight", "sweight * 2 - 1"]


def make_table(n, seed=5):
    rng = np.random.default_rng(seed)
    return {
        "p": rng.exponential(1.0, n),
        "cosTheta": rng.uniform(-1, 1, n),
        "charge": rng.choice(np.array([-1, 1], dtype=np.int32), n),
        "kaonID": rng.random(n),
        "dz": rng.normal(0, 2, n),
        "dr": rng.exponential(0.5, n),
        "sweight": rng.normal(0.7, 1.0, n),
    }


@pytest.fixture(scope="module")
def table():
    return make_table(N)


@pytest.fixture(scope="module")
def files(table, tmp_path_factory):
    """Three files, the second without entries; baskets do not coincide with blocks."""
    folder = tmp_path_factory.mktemp("filling")
    paths = []
    for number, (start, stop) in enumerate([(0, 5300), (5300, 5300), (5300, N)]):
        paths.append(str(folder / f"{number}.root"))
        with uproot.recreate(paths[-1]) as file:
            tree = file.mktree("Dst", {name: column.dtype for name, column in table.items()})
            for first in range(start, stop, 700):
                last = min(first + 700, stop)
                tree.extend({name: column[first:last] for name, column in table.items()})
    return tuple(paths)


@pytest.fixture
def sample(files):
    return Sample("proc13", "data", files=files, tree="Dst")


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(filling, "BLOCK", BLOCK)


def fill_all(sample, **options):
    return fill(sample, binnings=BINNINGS, cuts=CUTS, precuts=PRECUTS, weights=WEIGHTS, **options)


def assert_same_bits(one, other):
    for name in BINNINGS:
        for precut in PRECUTS:
            for weight in WEIGHTS:
                for cut in ["", *CUTS]:
                    ours = one.hist(cut, precut, weight, name).view(flow=True)
                    assert (
                        ours.tobytes()
                        == other.hist(cut, precut, weight, name).view(flow=True).tobytes()
                    )
    assert one.counts.equals(other.counts)


# the right numbers


@pytest.mark.parametrize("name", BINNINGS)
@pytest.mark.parametrize("precut", PRECUTS)
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.usefixtures("small_blocks")
def test_histograms_are_those_of_boost_histogram(sample, table, name, precut, weight):
    filled = fill_all(sample)
    columns = {**table, "abs(cosTheta)": np.abs(table["cosTheta"])}
    selected = np.ones(N, dtype=bool)
    if precut:
        selected = (np.abs(table["dz"]) < 3) & (table["dr"] < 1)
    weights = {
        None: np.ones(N),
        "sweight": table["sweight"],
        "sweight * 2 - 1": table["sweight"] * 2 - 1,
    }[weight]
    masks = {
        "": np.ones(N, dtype=bool),
        CUTS[0]: table["kaonID"] > 0.6,
        CUTS[1]: (table["kaonID"] > 0.9) | (table["p"] < 0.3),
    }
    for cut, mask in masks.items():
        chosen = mask & selected
        expected = bh.Histogram(
            *[bh.axis.Variable(edges) for edges in BINNINGS[name].values()],
            storage=bh.storage.Weight(),
        )
        expected.fill(*[columns[axis][chosen] for axis in BINNINGS[name]], weight=weights[chosen])
        found = filled.hist(cut, precut, weight, name)
        assert found.axes.name == tuple(BINNINGS[name])
        # only the order of the additions differs: up to 9001 terms of order 1 in each bin
        for field in ("value", "variance"):
            np.testing.assert_allclose(
                found.view(flow=True)[field],
                expected.view(flow=True)[field],
                rtol=1e-12,
                atol=1e-11,
            )


def test_bins_include_their_lower_edge_and_not_their_upper(small_blocks):
    edges = [0.1, 0.2, 0.3, 0.7]
    near = [np.nextafter(edge, toward) for edge in edges for toward in (-1, 1)]
    values = np.array([*edges, *near, -np.inf, np.inf])
    found = fill(Sample.from_frame({"x": values}), binnings={"x": edges}).hist()
    expected = bh.Histogram(bh.axis.Variable(edges)).fill(values)
    np.testing.assert_array_equal(found.view(flow=True).value, expected.view(flow=True))
    assert found.values().tolist() == [3, 3, 3]  # edge, just above it, just below the next


@pytest.mark.parametrize("number", [2, 64, 65, 127, 300])
def test_any_number_of_edges_is_looked_up_like_boost_histogram_does(number):
    edges = np.sort(np.random.default_rng(number).normal(size=number))
    values = np.concatenate([np.random.default_rng(1).normal(size=5000), edges])
    found = Axis("x", tuple(edges)).digitise(values)
    np.testing.assert_array_equal(found, bh.axis.Variable(edges).index(values) + 1)


def test_float32_weights_are_summed_in_double_precision():
    weights = np.full(1_100_000, 0.1, dtype=np.float32)
    sample = Sample.from_frame({"x": np.zeros(1_100_000), "w": weights})
    filled = fill(sample, binnings={"x": [-1, 1]}, weights=["w"]).hist(weight="w")
    exact = math.fsum([float(weights[0])] * 1_100_000)
    # 5e5 additions, each to half a unit of 2^-53, in every block; in single precision 1e-3
    assert filled.values()[0] == pytest.approx(exact, rel=1e-11)


def test_derived_columns_serve_as_axis_cut_and_weight(sample, table, small_blocks):
    derived = sample.with_columns(
        fast=DerivedColumn(("p",), lambda columns: columns["p"] ** 2),
    )
    filled = fill(
        derived, binnings={"fast": [0.2, 1, 4]}, cuts=["fast > 0.5"], weights=["fast * sweight"]
    )
    fast = table["p"] ** 2
    chosen = fast > 0.5
    expected, _ = np.histogram(fast[chosen], [0.2, 1, 4], weights=(fast * table["sweight"])[chosen])
    found = filled.hist("fast > 0.5", weight="fast * sweight").values()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


# the same bits


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("chunk_size", [37, 1000, 250_000, 10**9])
def test_bits_do_not_depend_on_chunk_size_and_workers(sample, small_blocks, chunk_size, workers):
    assert_same_bits(fill_all(sample, chunk_size=chunk_size, workers=workers), fill_all(sample))


@pytest.mark.parametrize(("chunk_size", "workers"), [(10_000, 2), (500_000, 2), (10**9, 1)])
def test_bits_do_not_depend_on_chunk_size_at_full_block_size(chunk_size, workers):
    sample = Sample.from_frame(make_table(1_100_000))
    options = {"binnings": {"p": [0, 0.5, 1, 3]}, "cuts": ["kaonID > 0.5"], "weights": ["sweight"]}
    one = fill(sample, **options, chunk_size=33_333)
    other = fill(sample, **options, chunk_size=chunk_size, workers=workers)
    for cut in ("", "kaonID > 0.5"):
        first, second = (each.hist(cut, weight="sweight").view(flow=True) for each in (one, other))
        assert first.tobytes() == second.tobytes()


def test_bits_do_not_depend_on_the_order_in_which_blocks_end(table, small_blocks):
    def late_at_first(columns):
        if columns["p"][0] == table["p"][0]:
            time.sleep(0.2)
        return columns["p"]

    sample = Sample.from_frame(table)
    slow = sample.with_columns(late=DerivedColumn(("p",), late_at_first))
    ours = fill(slow, binnings={"late": [0, 1, 2]}, weights=["sweight"], workers=3)
    expected = fill(sample, binnings={"p": [0, 1, 2]}, weights=["sweight"])
    first, second = (each.hist(weight="sweight").view(flow=True) for each in (ours, expected))
    assert first.tobytes() == second.tobytes()


def test_bits_do_not_depend_on_a_cluster(sample, small_blocks):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        filled = fill_all(sample, client=client, chunk_size=300)
    assert_same_bits(filled, fill_all(sample))


def test_the_work_on_a_block_travels_to_another_process(sample, small_blocks):
    def there_and_back(function, items, **_):
        list(map(function, items[:1] if isinstance(items, range) else ()))  # with open files
        return map(pickle.loads(pickle.dumps(function)), items)

    expected = fill_all(sample)
    with mock.patch.object(filling, "ordered_map", there_and_back):
        assert_same_bits(fill_all(sample), expected)


# counted, never silently put in a bin


def test_what_is_not_in_a_bin_is_counted_by_cause(small_blocks):
    nan = np.nan
    columns = {
        "x": [0.5, nan, 5.0, 0.5, 0.5, nan, 0.5, 5.0],
        "y": [0.5, 0.5, 0.5, -9.0, 0.5, 0.5, 0.5, 0.5],
        "w": [2.0, 2.0, 2.0, 2.0, nan, nan, np.inf, nan],
    }
    sample = Sample.from_frame(columns)
    filled = fill(sample, binnings={"x": [0, 1], "y": [0, 1]}, weights=[None, "w"])
    assert filled.count() == Counts(8, 0, 8, nan_axis=2, nan_weight=0, out_of_range=3, filled=3)
    assert filled.count(weight="w") == Counts(
        8, 0, 8, nan_axis=2, nan_weight=3, out_of_range=2, filled=1
    )
    weighted = filled.hist(weight="w")
    assert weighted.values().tolist() == [[2.0]]
    assert weighted.sum(flow=True).value == 2.0 * 3  # one in range, two in flow bins
    assert filled.hist().sum(flow=True).value == 6.0  # without the two that are nowhere


def test_undefined_decisions_are_counted_among_those_that_pass_the_precut(small_blocks):
    columns = {
        "x": np.full(6, 0.5),
        "a": [1, np.nan, np.nan, 0, 1, 1],
        "b": [1, 1, 0, 1, 1, np.nan],
    }
    filled = fill(
        Sample.from_frame(columns),
        binnings={"x": [0, 1]},
        cuts=["a > 0.5", "not a > 0.5"],
        precuts=["", "b > 0.5"],
    )
    assert filled.nan_decisions("a > 0.5") == 2
    assert filled.nan_decisions("a > 0.5", "b > 0.5") == 1
    assert filled.count(precut="b > 0.5") == Counts(6, 1, 4, 0, 0, 0, 4)
    assert filled.hist("a > 0.5", "b > 0.5").values().tolist() == [2]
    assert filled.hist("not a > 0.5").values().tolist() == [3]  # a comparison with NaN is False
    frame = filled.counts.set_index("precut")
    assert frame.loc["b > 0.5", "nan: a > 0.5"] == 1
    assert frame.loc["", "passed"] == 6


def test_counts_agree_with_a_loop_over_candidates(table, small_blocks):
    rng = np.random.default_rng(3)
    holed = {
        name: np.where(rng.random(N) < 0.1, np.nan, table[name])
        for name in ("p", "cosTheta", "kaonID", "dz", "sweight")
    }
    expected = dict.fromkeys(Counts._fields, 0) | {"undecided": 0}
    for p, cos, pid, dz, weight in zip(*holed.values(), strict=True):
        expected["read"] += 1
        expected["nan_precut"] += math.isnan(dz)
        if not abs(dz) < 2:
            continue
        expected["passed"] += 1
        expected["undecided"] += math.isnan(pid)
        if math.isnan(p) or math.isnan(cos):
            expected["nan_axis"] += 1
        elif math.isnan(weight):
            expected["nan_weight"] += 1
        elif not (0.2 <= p < 2 and -0.5 <= cos < 0.5):
            expected["out_of_range"] += 1
        else:
            expected["filled"] += 1
    filled = fill(
        Sample.from_frame(holed),
        binnings={"p": [0.2, 1, 2], "cosTheta": [-0.5, 0, 0.5]},
        cuts=["kaonID > 0.5"],
        precuts=["abs(dz) < 2"],
        weights=["sweight"],
        chunk_size=999,
    )
    assert filled.nan_decisions("kaonID > 0.5", "abs(dz) < 2") == expected.pop("undecided")
    found = filled.count("abs(dz) < 2", "sweight")
    assert found._asdict() == expected
    assert found.passed == found.nan_axis + found.nan_weight + found.out_of_range + found.filled


def test_text_without_a_code_is_counted_and_in_no_bin():
    kinds = {"kind": np.array(["G", "T", "?", "G"], dtype=object)}
    sample = Sample.from_frame(kinds, codes={"kind": {"G": 1, "T": 0}})
    filled = fill(sample, binnings={"kind": [-0.5, 0.5, 1.5]}, cuts=["kind == 1"])
    assert filled.hist().view(flow=True).value.tolist() == [0, 1, 2, 0]
    assert filled.count().nan_axis == 1
    assert filled.nan_decisions("kind == 1") == 1


@pytest.mark.parametrize(
    "empty",
    [{"p": np.empty(0), "sweight": np.empty(0)}, {"p": np.ones(5), "sweight": np.ones(5)}],
    ids=["no candidate", "none passes"],
)
def test_nothing_to_fill_gives_empty_histograms(empty):
    filled = fill(
        Sample.from_frame(empty),
        binnings={"p": [0, 1, 2]},
        cuts=["p > 0"],
        precuts=["p > 7"],
        weights=[None, "sweight"],
    )
    assert filled.hist("p > 0", "p > 7", "sweight").sum(flow=True).value == 0
    assert filled.count("p > 7").passed == 0


# refused before anything is read


@pytest.mark.parametrize(
    ("binnings", "message"),
    [
        ({"p": [0, 2, 1]}, r"axis 'p' must increase; 1 \(number 3\) follows 2"),
        ({"p": [0, 1, 1]}, "must increase"),
        ({"p": [0, np.nan]}, "must be finite"),
        ({"p": [-np.inf, 0]}, "must be finite"),
        ({"p": [0]}, "at least two numbers"),
        ({"p": []}, "at least two numbers"),
        ({"p": 3}, "at least two numbers"),
        ({"p": "0, 1"}, "at least two numbers"),
        ({"p": ["a", "b"]}, "at least two numbers"),
        ({"p": [[0, 1], [2, 3]]}, "at least two numbers"),
        ({"table": {"p": [0, 1]}, "p": [0, 1]}, "'p' holds no axes"),
        ({"table": {}}, "'table' has no axis"),
        ({}, "no axis"),
        ({f"p + {i}": np.linspace(0, 1, 100) for i in range(4)}, "GiB"),
    ],
)
def test_impossible_binnings_are_refused(sample, binnings, message):
    with (
        mock.patch.object(Reader, "read", side_effect=AssertionError),
        pytest.raises(BadParameters, match=message),
    ):
        fill(sample, binnings=binnings)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"binnings": {"momentum": [0, 1]}}, UnknownVariable),
        ({"cuts": ["kaonIDD > 0.5"]}, UnknownVariable),
        ({"precuts": ["nowhere"]}, UnknownVariable),
        ({"weights": ["weight"]}, UnknownVariable),
        ({"cuts": ["kaonID >"]}, CutSyntaxError),
        ({"chunk_size": 0}, BadParameters),
        ({"workers": 0}, BadParameters),
    ],
)
def test_wrong_strings_are_refused(sample, options, error):
    with (
        mock.patch.object(Reader, "read", side_effect=AssertionError),
        pytest.raises(error),
    ):
        fill(sample, **{"binnings": {"p": [0, 1]}, **options})


def test_faults_of_the_last_file_are_found_before_anything_is_read(tmp_path, files):
    with uproot.recreate(tmp_path / "other.root") as file:
        file.mktree("Dst", {"p": "f8"}).extend({"p": np.ones(3)})
    (tmp_path / "empty.root").touch()
    for name, error in (("other.root", UnknownVariable), ("empty.root", UnreadableFile)):
        sample = Sample("proc13", "data", files=(*files, str(tmp_path / name)), tree="Dst")
        with (
            mock.patch.object(Reader, "read", side_effect=AssertionError),
            pytest.raises(error, match=name),
        ):
            fill(sample, binnings={"p": [0, 1]}, cuts=["kaonID > 0.5"])


def test_what_was_not_filled_is_refused_with_what_was(sample):
    filled = fill(sample, binnings={"p": [0, 1]}, cuts=["kaonID > 0.5"], weights=["sweight"])
    with pytest.raises(
        BadParameters, match=r"cut 'kaonID > 0\.6' was not filled; filled were 'kaon"
    ):
        filled.hist("kaonID > 0.6", weight="sweight")
    with pytest.raises(BadParameters, match="weight None was not filled; filled were 'sweight'"):
        filled.hist()
    with pytest.raises(BadParameters, match="precut 'p > 1'"):
        filled.hist(precut="p > 1", weight="sweight")
    with pytest.raises(BadParameters, match="say which binning; filled were table, momentum"):
        fill_all(sample).hist()


# bounded work and memory


def test_each_branch_is_read_once_however_much_is_filled(sample, small_blocks):
    entries = dict.fromkeys(("p", "kaonID", "sweight"), 0)
    read = Reader.read

    def spied(self, columns, start, stop):
        for name in columns:
            entries[name] += stop - start
        return read(self, columns, start, stop)

    with mock.patch.object(Reader, "read", spied):
        fill(
            sample,
            binnings={"one": {"p": [0, 1]}, "two": {"p": [0, 2]}},
            cuts=[f"kaonID > {each / 20}" for each in range(20)],
            precuts=["", "p > 0.1"],
            weights=[None, "sweight"],
        )
    assert entries == {"p": N, "kaonID": N, "sweight": N}


@pytest.mark.parametrize("workers", [1, 2])
def test_at_most_one_chunk_per_worker_is_held(table, small_blocks, workers):
    alive, most = set(), 0

    def spied(columns):
        nonlocal most
        column = columns["p"] + 0.0
        alive.add(id(column))
        weakref.finalize(column, alive.discard, id(column))
        most = max(most, len(alive))
        return column

    sample = Sample.from_frame(table).with_columns(spy=DerivedColumn(("p",), spied))
    filled = fill(sample, binnings={"spy": [0, 1]}, chunk_size=100, workers=workers)
    assert filled.count().read == N
    assert most <= workers + 1  # the next is made before the last is dropped


def test_sums_waiting_to_be_added_are_bounded():
    started = []
    outcomes = chunks.ordered_map(started.append, range(100), workers=2)
    for taken, _ in enumerate(outcomes, start=1):
        assert len(started) <= taken + 3
