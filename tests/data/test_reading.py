"""Readers: the same columns from every format, whatever the ranges; faults named."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import awkward as ak
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from hepnb.data import reading
from hepnb.data.formats import csv_file, root_file
from hepnb.data.reading import open_reader
from hepnb.errors import BadParameters, MissingExtra, UnknownVariable, UnreadableFile

N = 997


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(7)
    mass = rng.normal(1.86, 0.01, N)
    mass[[3, 500]] = np.nan, np.inf
    return {
        "D0_M": mass,
        "K_p": rng.exponential(1.0, N).astype(np.float32),
        "event": rng.integers(0, 2**53, N),
        "K_charge": rng.choice(np.array([-1, 1], dtype=np.int32), N),
        "K_good": rng.random(N) < 0.5,
        "kind": rng.choice(np.array(["G", "T"], dtype=object), N),
    }


def write_ttree(path, table):
    numbers = {name: column for name, column in table.items() if column.dtype != object}
    with uproot.recreate(path) as file:
        tree = file.mktree("Dst", {name: column.dtype for name, column in numbers.items()})
        for start in range(0, N, 300):
            tree.extend({name: column[start : start + 300] for name, column in numbers.items()})


def write_rntuple(path, table):
    numbers = {name: column for name, column in table.items() if column.dtype != object}
    with uproot.recreate(path) as file:
        ntuple = file.mkrntuple("Dst", {name: column[:300] for name, column in numbers.items()})
        for start in range(300, N, 300):
            ntuple.extend({name: column[start : start + 300] for name, column in numbers.items()})


def write_parquet(path, table):
    pq.write_table(pa.table(table), path, row_group_size=300)


def write_csv(path, table):
    lines = [",".join(table)]
    lines += [",".join(str(value) for value in row) for row in zip(*table.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n")


def write_hdf5_group(path, table):
    with h5py.File(path, "w") as file:
        for name, column in table.items():
            text = column.dtype == object
            file.create_dataset(f"Dst/{name}", data=column.astype("S1") if text else column)


def write_hdf5_compound(path, table):
    types = [
        (name, h5py.string_dtype() if column.dtype == object else column.dtype)
        for name, column in table.items()
    ]
    rows = np.zeros(N, dtype=types)
    for name, column in table.items():
        rows[name] = column
    with h5py.File(path, "w") as file:
        file["Dst"] = rows


WRITERS = {
    "ttree.root": write_ttree,
    "rntuple.root": write_rntuple,
    "table.parquet": write_parquet,
    "table.csv": write_csv,
    "group.h5": write_hdf5_group,
    "compound.h5": write_hdf5_compound,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("formats")
    for name, write in WRITERS.items():
        write(folder / name, table)
    return folder


@pytest.fixture
def small_pieces(monkeypatch):
    """So that even small CSV files are read in several pieces."""
    monkeypatch.setattr(csv_file, "_PIECE_BYTES", 1000)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_back_what_was_written(folder, table, name, small_pieces):
    with open_reader(folder / name, "Dst") as reader:
        assert reader.entries == N
        assert set(reader.columns) == {
            each for each in table if "root" not in name or table[each].dtype != object
        }
        for each, column in reader.read(reader.columns).items():
            # 9 and 17 digits are written, so that text is as exact as binary
            wanted = table[each].astype(column.dtype) if "csv" in name else table[each]
            assert column.dtype == wanted.dtype
            assert column.shape == (N,)
            if each == "K_p" and "csv" in name:
                np.testing.assert_array_equal(column.astype(np.float32), table[each])
            else:
                np.testing.assert_array_equal(column, wanted)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("chunk", [1, 64, 299, 300, 301, N])
def test_chunks_joined_are_the_whole(folder, name, chunk, small_pieces):
    with open_reader(folder / name, "Dst") as reader:
        whole = reader.read(["D0_M", "event"])
        starts = range(0, N, chunk) if chunk > 1 else [0, 299, 300, 996]
        for start in starts:
            stop = min(start + chunk, N)
            part = reader.read(["D0_M", "event"], start, stop)
            for each, column in part.items():
                assert column.dtype == whole[each].dtype
                np.testing.assert_array_equal(column, whole[each][start:stop])


@pytest.mark.parametrize("name", WRITERS)
def test_ranges_in_any_order_are_right(folder, name, small_pieces):
    rng = np.random.default_rng(11)
    with open_reader(folder / name, "Dst") as reader:
        whole = reader.read(reader.columns)
        for _ in range(30):
            start, stop = np.sort(rng.integers(0, N + 1, 2)).tolist()
            columns = rng.permutation(reader.columns)[:2].tolist()
            part = reader.read(columns, start, stop)
            assert list(part) == columns
            for each, column in part.items():
                np.testing.assert_array_equal(column, whole[each][start:stop])


@pytest.mark.parametrize("name", WRITERS)
def test_threads_may_share_a_reader(folder, name, small_pieces):
    with open_reader(folder / name, "Dst") as reader, ThreadPoolExecutor(8) as pool:
        whole = reader.read(["D0_M", "event"])
        starts = np.random.default_rng(2).integers(0, N - 50, 200).tolist()
        parts = pool.map(lambda start: reader.read(["D0_M", "event"], start, start + 50), starts)
        for start, part in zip(starts, parts, strict=True):
            for each, column in part.items():
                np.testing.assert_array_equal(column, whole[each][start : start + 50])


@pytest.mark.parametrize("name", WRITERS)
def test_requests_that_cannot_be_met_say_why(folder, name):
    with open_reader(folder / name, "Dst") as reader:
        with pytest.raises(UnknownVariable, match="no column 'K_P'; did you mean 'K_p'"):
            reader.read(["K_P"])
        for start, stop in ((-1, 5), (5, 4), (0, N + 1)):
            with pytest.raises(BadParameters, match=rf"\[{start}, {stop}\).* has {N}"):
                reader.read(["K_p"], start, stop)
        assert reader.read([], 0, 5) == {}


def test_only_the_columns_asked_for_are_read(tmp_path, folder):
    # a column whose bytes are destroyed does not matter to those who do not read it
    path = tmp_path / "damaged.root"
    path.write_bytes(_with_damage(folder / "ttree.root", "K_p"))
    with open_reader(path, "Dst") as reader:
        whole = reader.read(["D0_M", "event"])
        assert len(whole["event"]) == N
        with pytest.raises(UnreadableFile, match=r"damaged: entries \[0, 300\) cannot be read"):
            reader.read(["K_p"], 0, 300)


def _with_damage(path, branch):
    """Bytes of a ROOT file with the first basket of a branch overwritten."""
    content = bytearray(path.read_bytes())
    with uproot.open(path) as file:
        start = int(file["Dst"][branch].member("fBasketSeek")[0])
    # behind the header of the record: the compressed data
    content[start + 60 : start + 160] = bytes(100)
    return bytes(content)


# ------------------------------------------------------------------ faults


@pytest.mark.parametrize("suffix", [".root", ".parquet", ".h5", ".csv"])
def test_missing_and_empty_files_are_told_apart(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    with pytest.raises(UnreadableFile, match="does not exist"):
        open_reader(path)
    path.touch()
    with pytest.raises(UnreadableFile, match=r"is empty \(0 bytes\)"):
        open_reader(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UnreadableFile, match="is not a file"):
        open_reader(path)


@pytest.mark.parametrize("name", [name for name in WRITERS if "csv" not in name])
@pytest.mark.parametrize("kept", [0.999, 0.5])
def test_truncated_files_are_named(folder, tmp_path, name, kept):
    content = (folder / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UnreadableFile, match="truncated"):
        open_reader(path, "Dst")


def test_csv_cut_within_a_line_is_named(folder, tmp_path):
    path = tmp_path / "cut.csv"
    path.write_bytes((folder / "table.csv").read_bytes()[:-10])
    with pytest.raises(UnreadableFile, match=r"not a valid CSV.*Expected 6 columns, got"):
        open_reader(path)


@pytest.mark.parametrize("suffix", [".root", ".parquet", ".h5"])
def test_text_under_another_name_is_refused(tmp_path, suffix):
    path = tmp_path / f"list{suffix}"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UnreadableFile, match="as its name says: it begins with b'a,b"):
        open_reader(path)


def test_binary_under_another_name_is_refused(folder, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes((folder / "ttree.root").read_bytes())
    with pytest.raises(UnreadableFile, match="not a CSV file, as its name says: it is a ROOT file"):
        open_reader(path)
    path = tmp_path / "noise.csv"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(UnreadableFile):
        open_reader(path)


def test_format_is_told_by_content_where_the_name_is_silent(folder, tmp_path):
    path = tmp_path / "ntuple.mdst"
    path.write_bytes((folder / "ttree.root").read_bytes())
    assert open_reader(path, "Dst").entries == N
    path.write_text("no table\n")
    with pytest.raises(UnreadableFile, match=r"of no known format: it begins with b'no table"):
        open_reader(path)
    with pytest.raises(UnreadableFile, match="only root://"):
        open_reader("ftp://server/file.root")


def test_zero_entries_are_no_fault(tmp_path):
    with uproot.recreate(tmp_path / "empty.root") as file:
        file.mktree("Dst", {"K_p": "float64"})
        file.mkrntuple("nt", {"K_p": "float64"})
    (tmp_path / "empty.csv").write_text("K_p\n")
    pq.write_table(pa.table({"K_p": np.empty(0)}), tmp_path / "empty.parquet")
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file["t/K_p"] = np.empty(0)
    for name, tree in [
        ("empty.root", "Dst"),
        ("empty.root", "nt"),
        ("empty.csv", None),
        ("empty.parquet", None),
        ("empty.h5", None),
    ]:
        with open_reader(tmp_path / name, tree) as reader:
            assert reader.entries == 0
            assert reader.read(["K_p"])["K_p"].shape == (0,)


# ------------------------------------------------------------------ ROOT


@pytest.fixture(scope="module")
def several_trees(tmp_path_factory):
    path = tmp_path_factory.mktemp("trees") / "several:trees.root"
    with uproot.recreate(path.parent / "plain.root") as file:
        file.mktree("Dst", {"K_p": "float64", "hits": "var * float64", "pos": ("f4", (3,))})
        file["Dst"].extend({"K_p": [1.0], "hits": ak.Array([[1.0, 2.0]]), "pos": np.zeros((1, 3))})
        file.mktree("steering/Lambda", {"p_p": "float64"})
        file["counts"] = np.histogram([1.0])
    with uproot.update(path.parent / "plain.root") as file:
        file.mktree("Dst", {"K_p": "float64"})
        file["Dst"].extend({"K_p": [2.0, 3.0]})
    return (path.parent / "plain.root").rename(path)


def test_trees_are_listed_once_without_cycles(several_trees):
    assert reading.tables(several_trees) == ("Dst", "steering/Lambda")


def test_missing_tree_lists_those_present(several_trees):
    with pytest.raises(
        UnreadableFile, match="no tree 'Dts'; it has Dst, steering/Lambda; did you mean 'Dst'"
    ):
        open_reader(several_trees, "Dts")
    with pytest.raises(UnreadableFile, match="several tables: Dst, steering/Lambda"):
        open_reader(several_trees)


def test_highest_cycle_is_taken_unless_one_is_named(several_trees):
    assert open_reader(several_trees, "Dst").entries == 2
    assert open_reader(several_trees, "Dst;1").entries == 1
    assert open_reader(several_trees, "steering/Lambda").entries == 0


def test_branches_that_are_not_flat_are_skipped_with_their_type(several_trees):
    reader = open_reader(several_trees, "Dst;1")
    assert reader.skipped == {"hits": "double[]", "pos": "float[3]"}
    with pytest.raises(UnknownVariable, match=r"'hits' of .* holds double\[\]; only one number"):
        reader.read(["hits"])


def test_root_file_without_a_tree_is_unreadable(tmp_path):
    path = tmp_path / "histograms.root"
    with uproot.recreate(path) as file:
        file["counts"] = np.histogram([1.0])
    with pytest.raises(UnreadableFile, match="holds no tree"):
        open_reader(path)


def test_xrootd_urls_go_to_uproot_as_they_are(monkeypatch):
    opened = mock.Mock(side_effect=OSError("no route to server"))
    monkeypatch.setattr(root_file.importlib.util, "find_spec", mock.Mock())
    monkeypatch.setattr(uproot, "open", opened)
    with pytest.raises(UnreadableFile, match="OSError: no route to server"):
        open_reader("root://server//store/file.root", "Dst")
    assert opened.call_args.args == ({"root://server//store/file.root": None},)


def test_xrootd_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(root_file.importlib.util, "find_spec", mock.Mock(return_value=None))
    with pytest.raises(MissingExtra, match="pip install xrootd fsspec-xrootd"):
        open_reader("root://server//store/file.root", "Dst")


def test_rntuple_strings_are_read(tmp_path):
    with uproot.recreate(tmp_path / "text.root") as file:
        file["Dst"] = {"kind": ak.Array(["G", "T", "GG"]), "M": np.arange(3.0)}
    column = open_reader(tmp_path / "text.root").read(["kind"], 1, 3)["kind"]
    assert column.tolist() == ["T", "GG"]


# ------------------------------------------------------------------ Parquet, CSV, HDF5


def test_missing_values_have_one_type_in_every_range(tmp_path):
    values = {"a": [1, 2, None, 4], "flag": [True, None, True, False], "text": ["x", None, "", "y"]}
    path = tmp_path / "missing.parquet"
    pq.write_table(pa.table(values), path, row_group_size=2)
    reader = open_reader(path)
    for start, stop in ((0, 1), (0, 4), (3, 4)):
        part = reader.read(["a", "flag", "text"], start, stop)
        assert part["a"].dtype == part["flag"].dtype == np.float64
        np.testing.assert_array_equal(part["a"], np.array([1, 2, np.nan, 4])[start:stop])
        assert part["text"].tolist() == ["x", "", "", "y"][start:stop]


def test_parquet_lists_are_skipped_and_categories_are_text(tmp_path):
    path = tmp_path / "types.parquet"
    category = pa.array(["EB", "EE", "EB"]).dictionary_encode()
    half = pa.array(np.arange(3, dtype=np.float16))
    pq.write_table(pa.table({"list": [[1], [2], []], "type": category, "half": half}), path)
    reader = open_reader(path)
    assert list(reader.skipped) == ["list"]
    found = reader.read(["type", "half"])
    assert found["type"].tolist() == ["EB", "EE", "EB"]
    assert found["half"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        ("1 2 3", np.int64, [1, 2, 3]),
        ("1 2.5 3", np.float64, [1, 2.5, 3]),
        ("1  3", np.float64, [1, np.nan, 3]),
        ("nan -inf 1e3", np.float64, [np.nan, -np.inf, 1000]),
        ("  ", np.float64, [np.nan] * 3),
        ("True False true", np.bool_, [True, False, True]),
        ("1 2 G", object, ["1", "2", "G"]),
        (" 2 G", object, ["", "2", "G"]),
        ("2011-01-01 2012-01-01 x", object, ["2011-01-01", "2012-01-01", "x"]),
        ("0.1 4.369669999999999 5e-324", np.float64, [0.1, 4.369669999999999, 5e-324]),
    ],
)
def test_type_of_a_csv_column_is_that_of_all_its_rows(tmp_path, monkeypatch, cells, dtype, values):
    path = tmp_path / "cells.csv"
    path.write_text("n,x\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells.split(" "))))
    for piece in (1, 1 << 20):
        monkeypatch.setattr(csv_file, "_PIECE_BYTES", piece)
        reader = open_reader(path)
        for start in range(3):
            column = reader.read(["x"], start, start + 1)["x"]
            assert column.dtype == dtype
            np.testing.assert_array_equal(column, np.array(values[start : start + 1], dtype=dtype))


def test_csv_numbers_are_rounded_correctly(tmp_path):
    values = np.random.default_rng(3).normal(size=2000) * 10.0 ** np.arange(-100, 100).repeat(10)
    path = tmp_path / "digits.csv"
    path.write_text("x\n" + "".join(f"{value!r}\n" for value in values.tolist()))
    np.testing.assert_array_equal(open_reader(path).read(["x"])["x"], values)


@pytest.mark.parametrize(
    "text",
    [
        "a;b\n1;2\n3;4\n",
        "a\tb\n1\t2\n3\t4\n",
        "\ufeffa,b\r\n1,2\r\n3,4\r\n",
        '"a","b"\n1,2\n\n3,4',
        "a,b\n1,2\n3,4\n\n\n\n",
    ],
)
def test_csv_dialects_in_use_are_read(tmp_path, text, monkeypatch):
    path = tmp_path / "table.csv"
    path.write_text(text, newline="", encoding="utf-8")
    for piece in (1 << 20, 1):
        monkeypatch.setattr(csv_file, "_PIECE_BYTES", piece)
        reader = open_reader(path)
        assert reader.columns == ("a", "b")
        assert reader.entries == 2
        assert reader.read(["b"])["b"].tolist() == [2, 4]


def test_unnamed_csv_column_has_a_name_and_repeated_names_are_refused(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(",a\n0,1\n")
    assert open_reader(path).columns == ("unnamed_0", "a")
    path.write_text("a,a\n0,1\n")
    with pytest.raises(UnreadableFile, match="a name of its own for each column: 'a,a'"):
        open_reader(path)


def test_csv_that_changes_under_the_reader_is_named(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a\n10\n11\n")
    reader = open_reader(path)
    path.write_text("a\n1\n2\n3\n")
    with pytest.raises(UnreadableFile, match="has changed"):
        reader.read(["a"])


def test_hdf5_without_h5py_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtra, match=r"pip install hepnb\[hdf5\]"):
        open_reader(folder / "group.h5", "Dst")


def test_hdf5_tables_are_found(folder, tmp_path):
    path = tmp_path / "tables.h5"
    with h5py.File(path, "w") as file:
        file["top"] = np.arange(3)
        file["data/train/x"] = np.arange(5.0)
        file["data/train/image"] = np.zeros((5, 2))
        file["data/odd/x"], file["data/odd/y"] = np.arange(5.0), np.arange(4.0)
    assert reading.tables(path) == ("/", "data/train")
    assert open_reader(path, "/data/train").read(["x"], 1, 3)["x"].tolist() == [1, 2]
    assert open_reader(path, "/").columns == ("top",)
    with pytest.raises(UnreadableFile, match="no table 'data/odd'; it has /, data/train"):
        open_reader(path, "data/odd")


def test_reading_root_imports_neither_pandas_nor_h5py(folder):
    code = (
        "import sys; from hepnb.data.reading import open_reader; "
        f"open_reader({str(folder / 'ttree.root')!r}, 'Dst').read(['K_p']); "
        "sys.exit(' '.join({'pandas', 'h5py'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
