"""Records and results are read as strictly as they are written."""

import json
import math
import os
import time
from pathlib import Path

import numpy as np
import pytest

import hepnb
from hepnb.errors import BadResult, OutputNotWritable, UnreadableFile
from hepnb.runner.files import sha256_of_inputs, write_text, writing
from hepnb.runner.fingerprint import identify
from hepnb.runner.record import new_record, number, read_record, read_result, write_record
from hepnb.runner.surroundings import batch_job, versions

GOOD = {
    "stage": "tiny",
    "fingerprint": "0" * 64,
    "parameters": {},
    "numbers": {"n": {"value": 1.5, "uncertainty": None, "unit": "", "status": "ok"}},
    "products": [],
}


def test_result_is_read_back(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(GOOD))
    assert read_result(tmp_path).numbers["n"].value == 1.5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no result.json"),
        ("", "not valid"),
        ("{", "not valid"),
        ("[]", "not valid"),
        ("\xff", "not valid"),
        (json.dumps({**GOOD, "fingerprint": None}), "fingerprint"),
        (json.dumps({**GOOD, "schema_version": 2}), "schema_version"),
        (json.dumps({**GOOD, "more": 1}), "more"),
        (json.dumps({**GOOD, "numbers": {"n": {"value": math.nan}}}), "NaN"),
        (json.dumps({**GOOD, "numbers": {"n": {"value": "high"}}}), "numbers.n.value"),
    ],
)
def test_result_that_is_not_valid_is_refused_with_the_place(tmp_path, text, reason):
    if text is not None:
        (tmp_path / "result.json").write_text(text, encoding="latin-1")
    with pytest.raises(BadResult, match=reason):
        read_result(tmp_path)


@pytest.mark.parametrize(
    ("given", "value", "uncertainty", "status"),
    [
        (3, 3.0, None, "ok"),
        (np.float64(0.5), 0.5, None, "ok"),
        (math.nan, None, None, "not_finite"),
        ({"value": math.inf, "status": "zero_mc"}, None, None, "zero_mc"),
        ({"value": 1, "uncertainty": (0.1, math.nan)}, 1.0, (0.1, None), "ok"),
        ({"value": 1, "uncertainty": np.array([0.1, 0.2])}, 1.0, (0.1, 0.2), "ok"),
        ({"value": 1, "uncertainty": math.nan}, 1.0, None, "ok"),
    ],
)
def test_numbers_that_are_not_finite_become_null_with_a_status(given, value, uncertainty, status):
    made = number(given)
    assert (made.value, made.uncertainty, made.status) == (value, uncertainty, status)


@pytest.mark.parametrize("given", ["high", [1, 2], {"value": 1, "error": 2}, {"uncertainty": "x"}])
def test_what_is_no_number_is_refused(given):
    with pytest.raises(BadResult, match="not a number"):
        number(given)


def test_record_is_read_back_and_names_no_user_or_host(good_stage, tmp_path):
    record = new_record(identify(good_stage(seed=3)), status="running")
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    assert record.seeds == {"seed": 3}
    assert record.code.version == hepnb.__version__
    text = (tmp_path / "run.json").read_text()
    for word in (str(tmp_path), os.uname().nodename, str(Path.home())):
        assert word not in text


def test_versions_are_those_of_direct_dependencies():
    found = versions()
    assert found["numpy"] == np.__version__
    assert "pytest" not in found  # an extra that tests
    assert "traitlets" not in found  # a dependency of dependencies


@pytest.mark.parametrize(
    ("environment", "job"),
    [
        ({}, None),
        ({"LSB_JOBID": "12", "LSB_JOBINDEX": "0"}, ("LSF", "12")),
        ({"LSB_JOBID": "12", "LSB_JOBINDEX": "3"}, ("LSF", "12[3]")),
        ({"SLURM_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}, ("Slurm", "7[2]")),
        ({"JOB_ID": "5", "SGE_TASK_ID": "undefined"}, ("SGE", "5")),
        ({"_CONDOR_JOB_AD": "{ad}"}, ("HTCondor", "81.4")),
    ],
)
def test_batch_job_is_found(monkeypatch, tmp_path, environment, job):
    ad = tmp_path / "job.ad"
    ad.write_text('Owner = "somebody"\nClusterId = 81\nProcId = 4\n')
    for name in ("LSB_JOBID", "SLURM_JOB_ID", "JOB_ID", "_CONDOR_JOB_AD", "CONDOR_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(ad=ad))
    found = batch_job()
    assert (found and (found.system, found.id)) == job


def test_fingerprint_depends_on_parameters_inputs_and_code_only(make_stage, tmp_path):
    stage = make_stage("x = 1")
    (tmp_path / "a.csv").write_text("1")
    first = identify(stage(file=str(tmp_path / "a.csv"))).fingerprint
    assert identify(stage(file=str(tmp_path / "a.csv"))).fingerprint == first
    assert identify(stage(file=str(tmp_path / "a.csv"), number=2)).fingerprint != first
    (tmp_path / "a.csv").write_text("2")
    assert identify(stage(file=str(tmp_path / "a.csv"))).fingerprint != first
    (tmp_path / "a.csv").write_text("1")
    other = make_stage("x = 2")
    assert identify(other(file=str(tmp_path / "a.csv"))).fingerprint != first


def test_inputs_are_named_without_the_folders_of_this_machine(make_stage, tmp_path, monkeypatch):
    stage = make_stage("x = 1")
    (tmp_path / "a.csv").write_text("12")
    outside = identify(stage(file=str(tmp_path / "a.csv"))).inputs
    assert [(each.name, each.size) for each in outside] == [("a.csv", 2)]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.csv").write_text("1")
    assert identify(stage(file="in/b.csv")).inputs[0].name == "in/b.csv"


def test_remote_inputs_are_named_only(make_stage):
    [remote] = identify(make_stage("x = 1")(file="root://host//store/a.root")).inputs
    assert (remote.name, remote.sha256) == ("root://host//store/a.root", None)


def test_missing_input_is_named(make_stage, tmp_path):
    with pytest.raises(UnreadableFile, match=r"gone.csv cannot be read"):
        identify(make_stage("x = 1")(file=str(tmp_path / "gone.csv")))


def test_checksum_of_an_old_file_is_remembered_until_it_changes(tmp_path, monkeypatch):
    path, cache = tmp_path / "big.root", tmp_path / "notes"
    path.write_text("one")
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    first = sha256_of_inputs([path], cache)
    monkeypatch.setattr("hepnb.runner.files.sha256", lambda _: "read again")
    assert sha256_of_inputs([path], cache) == first
    path.write_text("two")
    assert sha256_of_inputs([path], cache) == ["read again"]


def test_checksum_of_a_file_written_just_now_is_not_remembered(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("one")
    sha256_of_inputs([path], tmp_path / "notes")
    assert not (tmp_path / "notes").exists()


def test_file_is_whole_or_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    write_text(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputNotWritable, match="make room"), writing(path):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]
