"""flashggFinalFit's configuration is understood, never executed, and its misprints are named."""

from __future__ import annotations

import numpy as np
import pytest
import uproot

from hepnb.background.legacy_config import (
    category_jobs,
    read_legacy_config,
)
from hepnb.background.reading import read_spectrum
from hepnb.errors import BadParameters, UnknownVariable, UnreadableFile

# as the original's own example is laid out
EXAMPLE = """# Config file: options for background fitting
_year = '2022preEE'
backgroundScriptCfg = {

  # Setup
  'inputWS':'ws/allData.root', # location of 'allData.root' file
  'cats':'auto', # auto: automatically inferred from input ws
  'catOffset':3, # add offset to category numbers
  'ext':f'test_{_year}', # extension to add to output directory
  'year':f'{_year}', # Use combined when merging all years

  # Job submission options
  'batch':'condor', # [condor,SGE,IC,local]
  'queue':'microcentury'
}
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "ws").mkdir()
    with uproot.recreate(tmp_path / "ws" / "allData.root") as file:
        for number, name in enumerate(("ggH_Tag0", "VBF Tag1")):
            tree = file.mktree(f"tagsDumper/Data_13TeV_{name}", {"CMS_hgg_mass": "f8"})
            tree.extend({"CMS_hgg_mass": np.full(5 + number, 120.0)})
    return tmp_path


def written(place, text):
    path = place / "config.py"
    path.write_text(text)
    return path


def config(place, **values):
    values = {"inputWS": "ws/allData.root", **values}
    given = {name: value for name, value in values.items() if value is not None}
    return read_legacy_config(written(place, f"backgroundScriptCfg = {given!r}\n"))


def test_the_example_of_the_original_is_read(place):
    read = read_legacy_config(written(place, EXAMPLE))
    assert read.data == place / "ws" / "allData.root"
    assert read.cats is None
    assert (read.cat_offset, read.ext, read.year) == (3, "test_2022preEE", "2022preEE")
    assert (read.batch, read.cluster, read.queue) == ("condor", "HTCondorCluster", "microcentury")


def test_there_is_one_job_per_category_whose_parameters_read_it(place):
    jobs = category_jobs(read_legacy_config(written(place, EXAMPLE)))
    assert [job.category for job in jobs] == ["ggH_Tag0", "VBF Tag1"]
    assert [job.number for job in jobs] == [3, 4]
    assert {str(job.out.parent) for job in jobs} == {"outdir_test_2022preEE"}
    parameters = [dict(job.parameters) for job in jobs]
    assert [set(each) for each in parameters] == [{"data", "tree", "mass", "category"}] * 2
    totals = []
    for each in parameters:
        spectrum = read_spectrum(each.pop("data"), **each)
        totals.append((spectrum.category, spectrum.total))
    assert totals == [("ggH_Tag0", 5), ("VBF Tag1", 6)]


def test_row_15_folders_of_jobs_are_safe_and_differ(place):
    folders = [job.out.name for job in category_jobs(config(place))]
    assert folders[0] == "ggH_Tag0"
    assert folders[1].startswith("VBF_Tag1-")


@pytest.mark.parametrize("cats", ["VBF Tag1, ggH_Tag0", ["VBF Tag1", "ggH_Tag0"]])
def test_categories_may_be_listed_in_any_order(place, cats):
    assert [job.category for job in category_jobs(config(place, cats=cats))] == [
        "VBF Tag1",
        "ggH_Tag0",
    ]


def test_a_folder_stands_for_its_all_data_file(place):
    expected = place / "ws" / "allData.root"
    assert config(place, inputWS=None, inputWSDir="ws").data == expected
    assert config(place, inputWS=None, inputWSDir=str(place / "ws")).data == expected
    assert config(place, inputWS=None, inputWSDir="ws/allData.root").data == expected
    expected.rename(place / "ws" / "other.root")
    assert config(place, inputWS="ws").data.name == "other.root"


def test_left_out_keys_have_the_values_of_a_local_combined_run(place):
    read = config(place)
    assert (read.year, read.batch, read.cat_offset, read.cats) == ("all", "local", 0, None)
    assert config(place, year="merged").year == "all"
    assert config(place, year=2018).year == "2018"


def test_nothing_of_the_file_is_executed(place):
    read_legacy_config(written(place, "import os\nopen('made', 'w')\nraise SystemExit\n" + EXAMPLE))
    assert not (place / "made").exists()


@pytest.mark.parametrize(
    "value", ["os.getcwd()", "'a' + 'b'", "unknown", "f'{1:02d}{unknown}'", "[x for x in 'ab']"]
)
def test_a_computed_value_is_refused_by_its_line(place, value):
    text = f"import os\n\nbackgroundScriptCfg = {{'inputWS': 'a', 'ext': {value}}}\n"
    with pytest.raises(BadParameters, match=r"line 3: .* is computed; the file is not executed"):
        read_legacy_config(written(place, text))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"inputWSFile": "a"}, "no key 'inputWSFile'; did you mean 'inputWS'"),
        ({"catoffset": 1}, "did you mean 'catOffset'"),
        ({"inputWSDir": "ws"}, "both of inputWSDir and inputWS"),
        ({"inputWS": None}, "neither of inputWSDir and inputWS"),
        ({"inputWS": 3}, "inputWS = 3; give a path"),
        ({"year": "2015"}, "year = '2015'; give one of 2016"),
        ({"year": "2016PostVFP"}, "did you mean '2016postVFP'"),
        ({"batch": "HTCONDOR"}, "batch = 'HTCONDOR'; give one of condor"),
        ({"catOffset": -1}, "catOffset = -1"),
        ({"catOffset": "1"}, "catOffset = '1'"),
        ({"cats": ""}, "names no category"),
        ({"cats": "a,b,a"}, "names 'a' twice"),
        ({"cats": 3}, "cats = 3"),
        ({"ext": "../up"}, "no name of a folder"),
    ],
)
def test_what_is_not_allowed_is_named(place, values, said):
    with pytest.raises(BadParameters, match=said):
        config(place, **values)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "assigns no dictionary"),
        ("backgroundScriptCfg = 3\n", "assigns no dictionary"),
        ("backgroundScriptCfg = {\n", "line 1"),
        ("a\x00b", "cannot be read|line"),
    ],
)
def test_a_file_of_another_form_is_refused(place, text, said):
    with pytest.raises(BadParameters, match=said):
        read_legacy_config(written(place, text))
    with pytest.raises(BadParameters, match="cannot be read"):
        read_legacy_config(place / "absent.py")


def test_faults_of_the_data_are_told(place):
    with pytest.raises(BadParameters, match=r"'ggH_Tag1' has no tree.*did you mean 'ggH_Tag0'"):
        category_jobs(config(place, cats="ggH_Tag1"))
    with pytest.raises(UnreadableFile, match="does not exist"):
        category_jobs(config(place, inputWS="absent.root"))
    (place / "empty").mkdir()
    with pytest.raises(BadParameters, match=r"holds no ROOT file, and no allData\.root"):
        config(place, inputWS="empty")
    with uproot.recreate(place / "other.root") as file:
        file.mktree("cat", {"M": "f8"}).extend({"M": np.ones(2)})
    with pytest.raises(UnknownVariable, match="has no CMS_hgg_mass or mass; it has M"):
        category_jobs(config(place, inputWS="other.root"))
    with uproot.recreate(place / "none.root") as file:
        file["h"] = np.histogram([1.0], 3)
    with pytest.raises(UnreadableFile, match="holds no tree"):
        category_jobs(config(place, inputWS="none.root"))
