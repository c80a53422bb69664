"""A campaign: task lists checked, ntuples weighted and registered, the grid's file written."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from hepnb.data.catalogue import catalogue
from hepnb.errors import BadParameters
from hepnb.pid.production.b2luigi_file import b2luigi_text
from hepnb.pid.production.production import produce
from hepnb.pid.production.production_files import NtupleTask, read_settings, read_tasks
from hepnb.pid.studies import study

TASKS = """
- {path: "%(folder)s/proc13_KS.root", proc: proc13, short_name: KS, model: two_gaussians}
- {path: "%(folder)s/p*_Jpsi_ee.root", proc: proc13, short_name: Jpsi_ee, cms_energy: 10.58}
- {path: "%(folder)s/MC15rd_proc13_KS.root", proc: MC15rd_proc13, short_name: KS}
- {path: "%(folder)s/proc13_ee.root", proc: proc13, short_name: ee}
- {path: "%(folder)s/missing_*.root", proc: prompt, short_name: KS}
- {path: /belle/collection/Data/proc14, proc: proc14, short_name: Dst, cms_energy: 4S}
"""


@pytest.fixture(scope="module")
def tasks(small_samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("tasks") / "tasks.yaml"
    path.write_text(TASKS % {"folder": small_samples})
    return read_tasks(path)


@pytest.fixture(scope="module")
def campaign(tasks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign")
    made = produce(tasks, name="spring", settings=None)
    return made, folder, made.save(folder, "spring")


def test_every_task_ends_done_failed_or_on_the_grid(campaign):
    made, _, _ = campaign
    status = made.summary.set_index(["proc", "short_name"])["status"]
    assert status["proc13", "KS"] == status["MC15rd_proc13", "KS"] == "ok"
    assert status["proc13", "ee"] == "no mass to fit"
    assert status["prompt", "KS"].startswith("UnreadableFile: ")
    assert "no file matches" in status["prompt", "KS"]
    assert status["proc14", "Dst"] == "on the grid"
    counted = {
        key: made.numbers()[f"tasks_{key}"]["value"] for key in ("done", "failed", "on_grid")
    }
    assert counted == {"done": 4, "failed": 1, "on_grid": 1}


def test_a_collection_of_data_and_simulation_is_refused_before_anything_is_fitted(
    small_samples, monkeypatch
):
    monkeypatch.delattr("hepnb.pid.production.production.refit_ntuples")
    tasks = [
        NtupleTask(path=f"{small_samples}/{name}.root", proc="both", short_name=name[-2:])
        for name in ("proc13_KS", "MC15rd_proc13_ee")
    ]
    with pytest.raises(BadParameters, match="'both' is data in one task and mc in another"):
        produce(tasks)


def test_the_catalogue_registers_one_campaign_with_both_weights(campaign, small_samples):
    _, folder, _ = campaign
    found = catalogue(folder / "spring.yaml")
    collection = found["proc13"]
    assert collection.studies == ("KS", "Jpsi_ee", "ee")
    assert (collection.kind, found["MC15rd_proc13"].kind) == ("data", "mc")
    assert found["MC15rd_proc13"].study("KS").truth == "`isSignal`"
    assert collection.study("ee").weights == ()
    truth = json.loads((small_samples / "truth.json").read_text())["files"]
    for name, files in (("KS", ["proc13_KS"]), ("Jpsi_ee", ["proc13_Jpsi_ee", "prompt_Jpsi_ee"])):
        sample = collection.study(name)
        assert sample.weights == ("sweight", "sweight_sys")
        frame = sample.read([sample.mass, "sweight", "sweight_sys"])
        fit = study(name).fit(sample)
        np.testing.assert_array_equal(fit.sweights(frame.iloc[:, 0])[:, 0], frame["sweight"])
        signal = sum(truth[f"{each}.root"]["signal"] for each in files)
        assert frame["sweight"].sum() == pytest.approx(signal, abs=4 * fit.errors["signal"])
        assert (frame["sweight_sys"] != frame["sweight"]).all()


def test_the_file_for_the_grid_is_python_and_names_each_task(campaign):
    made, folder, written = campaign
    text = (folder / "spring_b2luigi.py").read_text()
    assert folder / "spring_b2luigi.py" in written
    compile(text, "spring_b2luigi.py", "exec")
    names: dict = {}
    exec(text[text.index("TASKS =") : text.index("class Ntuple")], names)
    assert names["TASKS"] == [
        {
            "proc": "proc14",
            "short_name": "Dst",
            "cms_energy": "4S",
            "gbasf2_input_dataset": "/belle/collection/Data/proc14",
        }
    ]
    assert "python3 spring_b2luigi.py" in made.what_to_run()
    assert json.loads((folder / "settings.json").read_text())["batch_system"] == "gbasf2"


def test_a_data_set_name_cannot_become_code():
    task = NtupleTask(path='/belle/x"]; import os #', proc="p", short_name="KS")
    text = b2luigi_text("spring", [task])
    names: dict = {}
    exec(text[text.index("TASKS =") : text.index("class Ntuple")], names)
    assert names["TASKS"][0]["gbasf2_input_dataset"] == task.path
    assert "os" not in names


def test_csv_and_yaml_give_the_same_tasks(tasks, tmp_path):
    path = tmp_path / "tasks.csv"
    rows = ["path,proc,short_name,model,cms_energy"]
    rows += [f"{t.path},{t.proc},{t.short_name},{'+'.join(t.model)},{t.cms_energy}" for t in tasks]
    path.write_text("\n".join(rows) + "\n")
    assert read_tasks(path) == tasks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {path: a, proc: b, short_name: Dts}", r"task 1: .*did you mean 'Dst'"),
        ("- {path: a, proc: b, short_name: KS, model: two_gausians}", "two_gaussians"),
        ("- {path: a, proc: b, short_name: KS, modle: x}", "did you mean 'model'"),
        ("- {proc: b, short_name: KS}", "path: Field required"),
        ("- {path: a, proc: b/c, short_name: KS}", "proc: "),
        ("[]", "holds no list of tasks"),
        ("{", "is not YAML"),
    ],
)
def test_a_wrong_task_list_is_refused_by_task_and_key(tmp_path, text, message):
    (tmp_path / "tasks.yaml").write_text(text)
    with pytest.raises(BadParameters, match=message):
        read_tasks(tmp_path / "tasks.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"batch_system": "lfs"}', "batch_system"),
        ('{"result_dri": "x"}', "did you mean 'result_dir'"),
        ('{"gbasf2_project_name_prefix": "%s"}' % ("x" * 30), "at most 22"),
        ("{", "is not JSON"),
        ("[1]", "dictionary"),
    ],
)
def test_wrong_settings_are_refused(tmp_path, text, message):
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(BadParameters, match=message):
        read_settings(tmp_path / "settings.json")


def test_keys_that_only_b2luigi_knows_are_passed_on(tmp_path, caplog):
    (tmp_path / "settings.json").write_text('{"htcondor_settings": {"request_cpus": 1}}')
    with caplog.at_level(logging.INFO):
        settings = read_settings(tmp_path / "settings.json")
    assert settings.model_dump()["htcondor_settings"] == {"request_cpus": 1}
    assert "htcondor_settings" in caplog.text


def test_tasks_that_contradict_each_other_are_refused(tasks, small_samples):
    with pytest.raises(BadParameters, match="two tasks are for proc13 KS"):
        produce([tasks[0], tasks[0]])
    mixed = NtupleTask(
        path=f"{small_samples}/proc13_KS.root", proc="MC15rd_proc13", short_name="KS"
    )
    other = NtupleTask(
        path=f"{small_samples}/MC15rd_proc13_Jpsi_ee.root",
        proc="MC15rd_proc13",
        short_name="Jpsi_ee",
    )
    with pytest.raises(BadParameters, match="data in one task and mc in another"):
        produce([mixed, other])
