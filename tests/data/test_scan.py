"""Scanning a folder: what is found is what a catalogue then gives."""

from __future__ import annotations

import numpy as np
import pytest
import uproot
import yaml

from hepnb.data.catalogue import catalogue, scan
from hepnb.errors import BadParameters

COLUMNS = ("D0_M", "K_p", "K_charge", "pi_charge", "sweight")


def write_root(path, entries, columns=COLUMNS, tree="Dst"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with uproot.recreate(path) as file:
        file.mktree(tree, dict.fromkeys(columns, "float64"))
        if entries:
            file[tree].extend({name: np.arange(float(entries)) for name in columns})


@pytest.fixture
def production(tmp_path):
    top = tmp_path / "production [1]"
    write_root(top / "proc13" / "one.root", 3)
    write_root(top / "proc13" / "two.root", 4)
    write_root(top / "proc13" / "lambda" / "one.root", 5, ("Lambda_M", "p_charge"), "Lambda")
    write_root(top / "both" / "data.root", 1)
    write_root(top / "both" / "mc.root", 2, (*COLUMNS, "isSignal", "K_mcPDG"))
    write_root(top / ".hidden" / "old.root", 9)
    (top / "top.csv").write_text("M\n9.1\n9.2\n")
    (top / "notes.txt").write_text("not data\n")
    return top


def test_folders_become_collections_and_trees_studies(production):
    found = scan(production)
    table = found.summary.set_index(["collection", "study"])
    assert table["entries"].to_dict() == {
        ("production [1]", "top"): 2,
        ("both_data", "Dst"): 1,
        ("both_mc", "Dst"): 2,
        ("proc13", "Dst"): 7,
        ("proc13/lambda", "Lambda"): 5,
    }
    assert table.loc[("proc13", "Dst"), ["files", "branches"]].tolist() == [2, 5]
    size = sum((production / "proc13" / f"{name}.root").stat().st_size for name in ("one", "two"))
    assert table.loc[("proc13", "Dst"), "bytes"] == size
    assert not found.unreadable


def test_what_is_written_opens_as_a_catalogue_with_the_same_entries(production, tmp_path):
    found = scan(production, site="mine")
    path = tmp_path / "elsewhere" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(found.to_yaml())
    opened = catalogue(path)
    assert opened.site == "mine"
    for row in found.summary.itertuples():
        sample = opened[row.collection].study(row.study)
        assert sample.entries == row.entries
        assert len(sample.files) == row.files
        assert sample.kind == row.kind


def test_names_of_columns_tell_what_they_can(production):
    collections = scan(production).site["collections"]
    study = collections["proc13"]["studies"]["Dst"]
    assert study["mass"] == "D0_M"
    assert study["particles"] == {"K": "K", "pi": "pi"}
    assert study["weights"] == ["sweight"]
    assert "truth" not in study
    assert collections["both_mc"]["studies"]["Dst"]["truth"] == "`isSignal`"
    assert [each["kind"] for each in collections.values()].count("mc") == 1


def test_unreadable_files_are_left_out_with_their_reason(production):
    folder = production / "proc13"
    content = (folder / "one.root").read_bytes()
    (folder / "cut.root").write_bytes(content[:-100])
    (folder / "zero.root").touch()
    with uproot.recreate(folder / "histogram.root") as file:
        file["h"] = np.histogram([1.0])
    found = scan(production)
    reasons = {path.rsplit("/", 1)[1]: reason for path, reason in found.unreadable.items()}
    assert "truncated" in reasons.pop("cut.root")
    assert "is empty (0 bytes)" in reasons.pop("zero.root")
    assert "holds no tree" in reasons.pop("histogram.root")
    assert not reasons
    # a glob would take in what cannot be read: the others are listed one by one
    files = found.site["collections"]["proc13"]["studies"]["Dst"]["files"]
    assert files == [str(folder / f"{name}.root") for name in ("one", "two")]
    comments = [line for line in found.to_yaml().splitlines() if line.startswith("# left out")]
    assert len(comments) == 3
    assert yaml.safe_load(str(found)) == found.site


def test_a_whole_folder_is_one_glob(production):
    (pattern,) = scan(production).site["collections"]["proc13"]["studies"]["Dst"]["files"]
    assert pattern.endswith("/proc13/*.root")


def test_oddities_are_noted(tmp_path):
    write_root(tmp_path / "a.root", 3)
    write_root(tmp_path / "b.root", 0, (*COLUMNS, "extra"))
    (note,) = scan(tmp_path).summary["notes"]
    assert note == "b.root has no entries; not in all files: extra"


def test_files_without_trees_are_grouped_by_their_columns(tmp_path):
    for name, header in [("part0", "a,b"), ("part1", "a,b"), ("other", "c")]:
        (tmp_path / f"{name}.csv").write_text(f"{header}\n{header.replace('a', '1')}\n")
    table = scan(tmp_path).summary.set_index("study")
    assert table["files"].to_dict() == {"other": 1, "part0": 2}


def test_empty_and_missing_folders(tmp_path):
    assert scan(tmp_path).summary.empty
    assert scan(tmp_path).site["collections"] == {}
    with pytest.raises(BadParameters, match="is not a folder"):
        scan(tmp_path / "none")
