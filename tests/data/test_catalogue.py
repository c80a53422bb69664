"""Catalogues: names to samples, unions, and messages for whoever writes the YAML."""

from __future__ import annotations

import numpy as np
import pytest
import uproot
import yaml

from hepnb.data import file_lists, samples
from hepnb.data.catalogue import catalogue, sites
from hepnb.data.sample import Sample
from hepnb.data.site_file import CollectionEntry, Site, StudyEntry
from hepnb.errors import (
    BadCatalogue,
    DataNotFetched,
    MissingExtra,
    UnknownCollection,
    UnreadableFile,
)

MINE = """
site: mine
folders: {production: data}
collections:
  proc13:
    kind: data
    energy: 4S
    luminosity: 120
    studies:
      Dst: {files: "data/a*.csv", mass: D0_M, particles: {K: K}, weights: [sweight, other]}
      Lambda: {files: [data/l.csv], mass: Lambda_M}
  prompt:
    kind: data
    energy: 4S
    luminosity: 80.5
    process: continuum
    studies:
      Dst: {files: ["{production}/b.csv"], mass: D0_M, particles: {K: K}, weights: [sweight]}
  off+peak:
    kind: data
    energy: off-resonance
    studies:
      Dst: {files: [data/c.csv], mass: D0_M, particles: {K: K}, weights: [sweight]}
  MC15:
    kind: mc
    energy: 10.58
    studies:
      Dst: {files: [data/m.csv], mass: D0_M, truth: isSignal == 1, particles: {K: K}}
  broken:
    kind: data
    studies:
      Dst: {files: [nowhere/*.root], mass: D0_M}
batch: {cluster: LSFCluster, queue: l}
"""


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    for name in ("HEPNB_SITE", "HEPNB_OPEN_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEPNB_CACHE", str(tmp_path / "cache"))


def write(folder, text, name="mine.yaml"):
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "data").mkdir()
    for i, name in enumerate(["a1", "a2", "b", "c", "m", "l"]):
        rows = "".join(f"1.8{j},{i}\n" for j in range(i + 1))
        (tmp_path / "data" / f"{name}.csv").write_text(f"D0_M,sweight\n{rows}")
    return catalogue(write(tmp_path, MINE))


# ------------------------------------------------------------------ names and unions


def test_own_collections_come_on_top_of_the_local_ones(mine):
    local = catalogue().names()
    assert mine.site == "mine"
    assert set(local) <= set(mine)
    assert {"MC15", "off+peak", "broken"} <= set(mine)
    # the same name: one's own is meant
    assert mine["proc13"].study("Dst").files[0].endswith("data/a1.csv")
    assert dict(mine.batch) == {"cluster": "LSFCluster", "queue": "l"}


def test_study_is_a_sample_with_what_the_entry_says(mine, tmp_path):
    sample = mine["proc13"].study("Dst")
    assert isinstance(sample, Sample)
    assert sample.files == tuple(str(tmp_path / "data" / f"a{i}.csv") for i in (1, 2))
    assert (sample.name, sample.kind, sample.study) == ("proc13", "data", "Dst")
    assert (sample.mass, sample.truth, sample.luminosity) == ("D0_M", None, 120)
    assert sample.weights == ("sweight", "other")
    assert dict(sample.particles) == {"K": "K"}
    assert sample.entries == 3
    assert mine["MC15"].study("Dst").truth == "isSignal == 1"


def test_union_joins_files_luminosity_and_words(mine):
    both = mine["proc13 + prompt"]
    assert (both.name, both.kind) == ("proc13+prompt", "data")
    assert both.luminosity == 200.5
    assert (both.energy, both.process) == ("4S", "continuum")
    sample = both.study("Dst")
    assert sample.files == mine["proc13"].study("Dst").files + mine["prompt"].study("Dst").files
    assert sample.entries == 6
    assert sample.luminosity == 200.5
    # a weight is the union's only if all members have it
    assert sample.weights == ("sweight",)


def test_luminosity_of_a_union_is_unknown_if_any_is(mine):
    union = mine["proc13+off+peak"]
    assert union.luminosity is None
    assert union.energy == "4S + off-resonance"


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("off+peak", 1),
        ("off+peak+proc13", 3),
        ("proc13+off+peak", 3),
        ("prompt+off+peak+proc13", 4),
        ("MC15rd_proc13+prompt", 2),
    ],
)
def test_a_name_may_itself_hold_a_plus(mine, text, members, monkeypatch, tmp_path):
    monkeypatch.setattr(samples, "ensure", lambda: tmp_path)
    collection = mine[text]
    assert collection.name == text
    assert text in mine
    assert len(collection.study("Dst").files) == members


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("proc31", r"'proc31' is no collection of site 'mine', which has .*mean 'proc13'"),
        ("proc13+promt", r"'promt' \(in 'proc13\+promt'\) is no coll.*did you mean 'prompt'"),
        ("proc13+", r"'' \(in 'proc13\+'\)"),
        ("", "'' is no collection"),
        ("proc13+MC15", r"mixes data \('proc13'\) and simulation \('MC15'\)"),
        ("proc13+proc13", "names a collection twice"),
    ],
)
def test_unions_that_cannot_be_are_refused(mine, text, message):
    with pytest.raises(UnknownCollection, match=message):
        mine[text]
    assert text not in mine


def test_studies_of_a_union_are_those_of_all_its_members(mine):
    assert mine["proc13"].studies == ("Dst", "Lambda")
    assert mine["proc13+prompt"].studies == ("Dst",)
    with pytest.raises(UnknownCollection, match=r"'prompt' has no study 'Lambda'; it has Dst"):
        mine["proc13+prompt"].study("Lambda")
    with pytest.raises(UnknownCollection, match="did you mean 'Lambda'"):
        mine["proc13"].study("Lamda")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tree", "other"),
        ("mass", "D_M"),
        ("particles", {"pi": "pi"}),
        ("aliases", {"x": "D0_M - 1"}),
        ("codes", {"kind": {"G": 1}}),
    ],
)
def test_studies_that_differ_have_no_union(tmp_path, key, value):
    entry = {"kind": "data", "studies": {"Dst": {"files": "a.csv", "mass": "D0_M"}}}
    other = {"kind": "data", "studies": {"Dst": {"files": "b.csv", "mass": "D0_M", key: value}}}
    content = {"site": "s", "collections": {"A": entry, "B": other}}
    found = catalogue(write(tmp_path, yaml.safe_dump(content)))
    with pytest.raises(BadCatalogue, match=f"'Dst' of 'A' and of 'B' have no union: {key} is"):
        found["A+B"].study("Dst")
    assert found["A"].study("Dst").files == (str(tmp_path / "a.csv"),)


def test_files_in_two_members_would_count_twice(tmp_path):
    entry = {"kind": "data", "studies": {"Dst": {"files": ["a.csv"]}}}
    content = {"site": "s", "collections": {"A": entry, "B": entry}}
    with pytest.raises(BadCatalogue, match=r"a\.csv' belongs to both 'A' and 'B'"):
        catalogue(write(tmp_path, yaml.safe_dump(content)))["A+B"].study("Dst")


def test_what_is_handed_out_cannot_be_changed(mine):
    collection = mine["proc13"]
    with pytest.raises(AttributeError):
        collection.luminosity = 1.0
    with pytest.raises(TypeError):
        collection.particles("Dst")["pi"] = "pi"
    with pytest.raises(TypeError):
        mine.batch["queue"] = "s"
    with pytest.raises(TypeError):
        collection.study("Dst").aliases["x"] = "1"


# ------------------------------------------------------------------ files


def test_broken_entry_spoils_nothing_until_it_is_used(mine):
    assert mine["broken"].particles("Dst") == {}
    assert mine["proc13"].study("Dst").entries == 3
    with pytest.raises(UnreadableFile, match=r"mine.yaml: .*'broken'.*no file matches 'nowhere/"):
        mine["broken"].study("Dst")


def test_file_entries_are_expanded(tmp_path, monkeypatch):
    for name in ("x/2.csv", "x/1.csv", "x/y/3.csv", "x/odd[1].csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a\n1\n")
    monkeypatch.setenv("PLACE", str(tmp_path / "x"))
    monkeypatch.setenv("HOME", str(tmp_path))

    def expand(*entries):
        found = file_lists.expand(entries, base=tmp_path, folders={"f": "x/"}, owner="me")
        return [each.removeprefix(f"{tmp_path}/") for each in found]

    assert expand("x/[0-9].csv") == ["x/1.csv", "x/2.csv"]
    assert expand("x/2.csv", "x/[0-9].csv") == ["x/2.csv", "x/1.csv"]
    assert expand("x/**/*.csv") == ["x/1.csv", "x/2.csv", "x/odd[1].csv", "x/y/3.csv"]
    assert expand("x/odd[1].csv") == ["x/odd[1].csv"]
    assert expand("$PLACE/1.csv") == expand("~/x/1.csv") == expand("{f}/1.csv") == ["x/1.csv"]
    assert expand("absent.csv") == ["absent.csv"]
    assert expand("root://server//a.root") == ["root://server//a.root"]
    with pytest.raises(BadCatalogue, match=r"me: 'root://.*wildcards; list the files"):
        expand("root://server//*.root")
    with pytest.raises(BadCatalogue, match="no root:// URL"):
        expand("https://server/a.root")
    with pytest.raises(BadCatalogue, match="folder 'g', which `folders` lacks; it has f"):
        expand("{g}/1.csv")


def test_missing_file_without_wildcards_is_named_by_the_sample(tmp_path):
    text = "site: s\ncollections: {A: {kind: data, studies: {Dst: {files: [gone.csv]}}}}"
    sample = catalogue(write(tmp_path, text))["A"].study("Dst")
    with pytest.raises(UnreadableFile, match=r"gone.csv' does not exist"):
        sample.check()


def test_root_url_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    text = "site: s\ncollections: {A: {kind: data, studies: {Dst: {files: 'root://s//a.root'}}}}"
    sample = catalogue(write(tmp_path, text))["A"].study("Dst")
    with pytest.raises(MissingExtra, match="fsspec-xrootd"):
        _ = sample.columns


def test_embedded_collections_lie_where_the_samples_are_made(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "ensure", lambda: tmp_path / "made")
    with_both = catalogue()["MC15rd_proc13+prompt"]
    assert with_both.studies[:2] == ("Dst", "Lambda")
    assert with_both.study("Dst").files == tuple(
        str(tmp_path / "made" / f"MC15rd_{each}_Dst.root") for each in ("proc13", "prompt")
    )
    data = catalogue()["proc13+prompt"]
    assert data.study("Lambda").mass == "Lambda_M"
    assert data.particles("Lambda") == {"p": "p", "pi": "pi"}
    assert data.luminosity == with_both.luminosity


# ------------------------------------------------------------------ sites


def test_packaged_sites_are_valid(monkeypatch):
    assert sites() == ("local", "kekcc", "naf")
    kekcc, naf = catalogue("kekcc"), catalogue("naf")
    assert kekcc.batch["cluster"] == "LSFCluster"
    assert naf.batch["cluster"] == "HTCondorCluster"
    # nothing is claimed to exist that nobody has seen
    assert kekcc.names() == naf.names() == catalogue("local").names()
    monkeypatch.setenv("HEPNB_SITE", "naf")
    assert catalogue().site == "naf"
    assert catalogue("kekcc").site == "kekcc"


@pytest.mark.parametrize("site", ["kekcc", "naf"])
def test_batch_settings_are_taken_by_dask_jobqueue(site):
    dask_jobqueue = pytest.importorskip("dask_jobqueue", reason="the extra `batch` is missing")
    settings = dict(catalogue(site).batch)
    job = getattr(dask_jobqueue, settings.pop("cluster")).job_cls
    script = job(None, name="test", **settings).job_script()
    assert {"kekcc": "#BSUB -q s", "naf": "+RequestRuntime = 10800"}[site] in script


def test_own_file_builds_on_a_packaged_site(tmp_path):
    text = """
site: mine
extends: kekcc
folders: {scratch: /scratch}
collections:
  A: {kind: data, studies: {Dst: {files: ["{systematics}/x/a.root", "{scratch}/b.root"]}}}
"""
    found = catalogue(write(tmp_path, text))
    assert found.batch == catalogue("kekcc").batch
    assert found["A"].study("Dst").files == (
        "/group/belle2/dataproduct/Systematics/production/x/a.root",
        "/scratch/b.root",
    )


def test_unknown_sites_are_named(tmp_path):
    with pytest.raises(BadCatalogue, match=r"'kekc' is unknown; .*did you mean 'kekcc'"):
        catalogue("kekc")
    with pytest.raises(BadCatalogue, match=r"no catalogue file '.*none.yaml'"):
        catalogue(tmp_path / "none.yaml")
    with pytest.raises(BadCatalogue, match="extends 'cern' is unknown"):
        catalogue(write(tmp_path, "site: s\nextends: cern\n"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadCatalogue, match="cannot be read"):
        catalogue(tmp_path / "binary.yaml")


# ------------------------------------------------------------------ mistakes in the YAML

STUDY = "site: s\ncollections: {A: {kind: data, studies: {Dst: {files: [a.csv], %s}}}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("site: s\ncollections: [", r"mine.yaml, line \d, column \d+ is not valid YAML"),
        ("- a\n- b\n", "holds no mapping; at its top it may have site, extends, folders"),
        ("", "holds no mapping"),
        ("collections: {}", "the file lacks the key 'site'"),
        ("site: s\ncolections: {}", "unknown key 'colections'; .*mean 'collections'"),
        ("site: s\ncollections: {A: {}}", "collections.A lacks the key 'kind'"),
        (
            "site: s\ncollections: {A: {kind: datum, studies: {D: {files: [a]}}}}",
            "collections.A.kind is 'datum': Input should be 'data' or 'mc'",
        ),
        (
            "site: s\ncollections: {A: {kind: mc, luminosity: -1, studies: {D: {files: a}}}}",
            "collections.A.luminosity is -1: .*greater than or equal to 0",
        ),
        (
            "site: s\ncollections: {A: {kind: mc, studies: {}}}",
            r"collections.A.studies: .*at least 1 item",
        ),
        (
            "site: s\ncollections: {A: {kind: mc, studies: {D: {files: []}}}}",
            "collections.A.studies.D.files is .*at least 1 item",
        ),
        (
            STUDY % "tre: Dst",
            "A.studies.Dst has the unknown key 'tre'; allowed are files, .*mean 'tree'",
        ),
        (STUDY % "mass: 'D0_M >'", r"Dst.mass is 'D0_M >': .*column"),
        (STUDY % "aliases: {x: ''}", "Dst.aliases.x is '': is blank"),
        (STUDY % "truth: isSignal", "collections.A: kind is data, yet study 'Dst' has a truth"),
        (STUDY % "codes: {t: {N: 1, G: x}}", "codes.t.G is 'x': .*valid number"),
        (STUDY % "codes: {t: {no: 1}}", "quote it"),
        ("site: s\nsite: t\n", r"line 1.*key 'site' is given twice"),
        (
            "site: s\ncollections:\n  A: {kind: mc}\n  A: {kind: mc}\n",
            "line 3.* 'A' is given twice",
        ),
    ],
)
def test_mistakes_name_file_entry_and_what_is_allowed(tmp_path, text, message):
    with pytest.raises(BadCatalogue, match=message) as caught:
        catalogue(write(tmp_path, text))
    assert "mine.yaml" in str(caught.value)


def test_yaml_cannot_run_code(tmp_path):
    with pytest.raises(BadCatalogue, match="not valid YAML"):
        catalogue(write(tmp_path, "site: !!python/object/apply:os.getcwd []"))


def test_yaml_anchors_and_merges_work(tmp_path):
    text = """
site: s
collections:
  A: &first {kind: data, luminosity: 1, studies: {Dst: {files: [a.csv]}}}
  B: {<<: *first, luminosity: 2}
"""
    found = catalogue(write(tmp_path, text))
    assert (found["A"].luminosity, found["B"].luminosity) == (1, 2)


@pytest.mark.parametrize("model", [Site, CollectionEntry, StudyEntry])
def test_every_field_of_the_schema_is_described(model):
    assert all(field.description for field in model.model_fields.values())
    assert model.model_config["extra"] == "forbid"


# ------------------------------------------------------------------ tables


def test_description_lists_every_collection_and_opens_no_file(mine):
    table = mine.describe().set_index("name")
    assert tuple(table.index) == mine.names()
    assert list(table.columns) == [
        "kind",
        "studies",
        "energy",
        "luminosity",
        "process",
        "entries",
        "files",
    ]
    assert table.loc["proc13", "studies"] == "Dst, Lambda"
    assert table.loc["MC15", "energy"] == "10.58"
    assert np.isnan(table.loc["off+peak", "luminosity"])
    assert table["entries"].isna().all()


def test_counting_tells_what_cannot_be_read(mine, monkeypatch, tmp_path):
    monkeypatch.setattr(samples, "ensure", lambda: tmp_path / "not there")
    table = mine.describe(entries=True).set_index("name")
    # of the studies together: a1, a2 and l
    assert table.loc["proc13", ["entries", "files"]].tolist() == [1 + 2 + 6, 3]
    assert table.loc["broken", ["entries", "files"]].isna().all()
    one = mine["broken"].describe()
    assert one.loc[0, "status"].startswith("UnreadableFile: ")
    two = mine["proc13"].describe().set_index("study")
    assert two.loc["Dst", ["files", "entries", "status"]].tolist() == [2, 3, "ok"]


def test_open_data_is_never_fetched_unasked():
    sample = catalogue()["cms2011_upsilon"]
    assert sample.studies == ("Upsilon",)
    with pytest.raises(DataNotFetched, match="hepnb data fetch cms2011"):
        sample.study("Upsilon")


def test_tree_named_in_the_catalogue_is_read(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("Dst", {"D0_M": "float64"})
        file["Dst"].extend({"D0_M": np.arange(4.0)})
        file.mktree("Lambda", {"Lambda_M": "float64"})
    text = "site: s\ncollections: {A: {kind: data, studies: {Dst: {files: '*.root', tree: Dst}}}}"
    sample = catalogue(write(tmp_path, text))["A"].study("Dst")
    assert sample.columns == ("D0_M",)
    assert sample.read(["D0_M"], cut="D0_M > 1")["D0_M"].tolist() == [2, 3]
