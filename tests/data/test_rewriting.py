"""Copies of ntuples: everything as it was but for the columns asked for, whatever the chunks."""

from __future__ import annotations

import dataclasses
import hashlib

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

from hepnb.data.derived import DerivedColumn
from hepnb.data.rewriting import copy_names, copy_ntuple
from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, OutputNotWritable, UnknownVariable, UnreadableFile

N = 1000


@pytest.fixture
def original(tmp_path):
    """A file with every plain type, two trees and a histogram, and its sample."""
    rng = np.random.default_rng(3)
    types = [
        "bool",
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "float32",
        "float64",
    ]
    columns = {f"of_{each}": rng.integers(0, 2, N).astype(each) for each in types}
    columns |= {"mass": rng.normal(1.865, 0.02, N), "sweight": rng.random(N).astype(np.float32)}
    columns["vector"] = rng.random((N, 3)).astype(np.float32)
    path = tmp_path / "in" / "data_v1.root"
    path.parent.mkdir()
    with uproot.recreate(path, compression=uproot.ZLIB(3)) as file:
        for name, size in (("main", N), ("other", 10)):
            tree = file.mktree(
                name,
                {key: np.dtype((col.dtype, col.shape[1:])) for key, col in columns.items()},
                title=f"title of {name}",
            )
            tree.extend({key: each[:size] for key, each in columns.items()})
        file["cutflow"] = hist.Hist.new.Reg(4, 0, 4).Double().fill([0.5, 1.5, 1.5])
    sample = Sample(name="data_v1", kind="data", files=(str(path),), tree="main", mass="mass")
    doubled = DerivedColumn(("mass",), lambda columns: 2 * columns["mass"])
    return path, sample.with_columns(doubled=doubled), columns


def everything(path, tree="main"):
    with uproot.open(path) as file:
        found = file[tree]
        return {name: branch.array(library="np") for name, branch in found.items()}, {
            name: branch.typename for name, branch in found.items()
        }


@pytest.mark.parametrize("chunk", [1, 333, N, 10**6])
def test_only_the_named_branch_changes_and_types_stay(original, tmp_path, chunk):
    path, sample, _ = original
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    target = tmp_path / "out" / "copy.root"
    # a chunk of one entry writes a thousand baskets: a short tree shows as much
    small = dataclasses.replace(sample, tree="other") if chunk == 1 else sample
    tree = small.tree
    asked = {"sweight": "doubled", "sweight_sys": "doubled + 1"}
    n = copy_ntuple(small, 0, target, asked, chunk=chunk)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    (old, types), (new, new_types) = everything(path, tree), everything(target, tree)
    assert n == len(old["mass"])
    assert list(new) == [*old, "sweight_sys"]
    assert new_types == types | {"sweight_sys": "double"}
    for name in set(old) - {"sweight"}:
        np.testing.assert_array_equal(new[name], old[name], err_msg=name)
    np.testing.assert_array_equal(new["sweight"], (2 * old["mass"]).astype(np.float32))
    np.testing.assert_array_equal(new["sweight_sys"], 2 * old["mass"] + 1)


def test_other_trees_histograms_titles_and_compression_come_along(original, tmp_path):
    path, sample, _ = original
    copy_ntuple(sample, 0, tmp_path / "copy.root", {"sweight": "doubled"})
    with uproot.open(path) as old, uproot.open(tmp_path / "copy.root") as new:
        assert new.classnames() == old.classnames()
        assert new["main"].title == "title of main"
        assert new.file.compression == old.file.compression
        np.testing.assert_array_equal(new["cutflow"].values(), [1, 2, 0, 0])
        for name in ("of_bool", "vector", "sweight"):
            a, b = (each["other"][name].array(library="np") for each in (old, new))
            np.testing.assert_array_equal(a, b)


def test_nothing_is_written_over_and_the_original_least_of_all(original, tmp_path):
    path, sample, _ = original
    with pytest.raises(BadParameters, match="the original, which is never changed"):
        copy_ntuple(sample, 0, path, {"sweight": "doubled"})
    (tmp_path / "taken.root").write_text("precious")
    with pytest.raises(OutputNotWritable, match="there already"):
        copy_ntuple(sample, 0, tmp_path / "taken.root", {"sweight": "doubled"})
    assert (tmp_path / "taken.root").read_text() == "precious"


def test_a_failure_half_way_leaves_nothing(original, tmp_path):
    _, sample, _ = original

    def breaks(columns):
        if columns["mass"][0] != first:
            raise ZeroDivisionError
        return columns["mass"]

    first = sample.read(["mass"], max_entries=1)["mass"][0]
    broken = sample.with_columns(broken=DerivedColumn(("mass",), breaks))
    with pytest.raises(ZeroDivisionError):
        copy_ntuple(broken, 0, tmp_path / "out" / "copy.root", {"sweight": "broken"}, chunk=100)
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_copied_unchanged_is_refused(original, tmp_path):
    _, sample, _ = original
    with pytest.raises(UnknownVariable, match="tripled"):
        copy_ntuple(sample, 0, tmp_path / "copy.root", {"sweight": "tripled"})
    jagged = tmp_path / "jagged.root"
    with uproot.recreate(jagged) as file:
        file.mktree("main", {"x": "var * float32"}).extend({"x": ak.Array([[1.0], [2.0, 3.0]])})
    odd = Sample(name="jagged", kind="data", files=(str(jagged),), tree="main")
    with pytest.raises(UnreadableFile, match="branch 'x' is a float"):
        copy_ntuple(odd, 0, tmp_path / "copy.root", {"y": "nx"})
    assert not (tmp_path / "copy.root").exists()


@pytest.mark.parametrize(
    ("files", "suffixes", "expected"),
    [
        (["/a/x.root"], ("", "_v2"), ["x_v2.root"]),
        (["/a/x_v1.root", "/a/y.root"], ("_v1", "_v2"), ["x_v2.root", "y_v2.root"]),
        (["/a/e12/x.root", "/a/e13/x.root"], ("", "_n"), ["e12/x_n.root", "e13/x_n.root"]),
    ],
)
def test_copies_are_named_by_the_suffix(files, suffixes, expected):
    names = copy_names(files, old_suffix=suffixes[0], new_suffix=suffixes[1])
    assert [each.as_posix() for each in names] == expected


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["root://host//x.root"], "no local ROOT file"),
        (["/a/x.csv"], "no local ROOT file"),
        (["/a/x_v1.root", "/a/x.root"], "would have one name"),
    ],
)
def test_names_that_clash_or_files_of_other_kinds_are_refused(files, message):
    with pytest.raises(BadParameters, match=message):
        copy_names(files, old_suffix="_v1", new_suffix="_v2")
