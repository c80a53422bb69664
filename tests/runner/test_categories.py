"""Category runs: one run each, one table, and a failure that stops no other."""

import json
import threading

import pytest
import uproot

from hepnb import cli
from hepnb.background.formats import read_dat
from hepnb.background.legacy_config import LegacyConfig
from hepnb.background.samples import hgg_masses
from hepnb.errors import BadParameters
from hepnb.runner import categories, load
from hepnb.runner.categories import batch_client, run_categories

QUICK = {"toys": 0, "families": ["bernstein", "exponential"], "unbinned": False, "bins": 80}


def write(path, **trees):
    with uproot.recreate(path) as file:
        for name, columns in trees.items():
            tree = file.mktree(name, {key: values.dtype for key, values in columns.items()})
            tree.extend(columns)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two good categories, and one whose tree has no mass."""
    masses = hgg_masses("VBFTag_0", seed=3)
    return write(
        tmp_path_factory.mktemp("data") / "allData.root",
        Data_13TeV_VBFTag_0={"CMS_hgg_mass": masses},
        Data_13TeV_Broken={"pt": masses},
        Data_13TeV_VBFTag_1={"CMS_hgg_mass": hgg_masses("VBFTag_0", seed=4)},
    )


@pytest.fixture
def config(data, tmp_path):
    path = tmp_path / "config.py"
    path.write_text(
        f"backgroundScriptCfg = {{'inputWS': '{data}', 'cats': 'VBFTag_1,Broken,VBFTag_0', "
        "'catOffset': 5, 'ext': 'may', 'year': '2018', 'batch': 'local', 'queue': ''}\n"
    )
    return path


@pytest.fixture
def hepnb(capsys):
    def command(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return command


@pytest.mark.notebook
def test_good_categories_finish_beside_a_broken_one_and_the_exit_status_tells(
    hepnb, config, tmp_path
):
    options = tmp_path / "options.yaml"
    options.write_text(json.dumps(QUICK))
    out = tmp_path / "out"
    status, printed, err = hepnb("categories", config, "-o", out, "--jobs", "2", "-f", options)
    assert status == 1
    assert "hepnb: Broken: UnknownVariable: tree 'Data_13TeV_Broken'" in err
    assert "1 of 3 categories failed" in err
    lines = [line.split() for line in printed.splitlines()]
    assert [line[:3] for line in lines[1:4]] == [
        ["5", "VBFTag_1", "finished"],
        ["6", "Broken", "failed"],
        ["7", "VBFTag_0", "finished"],
    ]
    # numbers of the original's blocks, those of the good ones alone
    table = {block.category: block for block in read_dat(out / "fTest.dat")}
    assert list(table) == [5, 7]
    for number, name in ((5, "VBFTag_1"), (7, "VBFTag_0")):
        run = load(out / name)
        assert run.record.parameters["category"] == name
        choice = json.loads((out / name / "ftest.json").read_text())["choice"]
        assert dict(table[number].truth) == choice["truth"]
        assert [f"{family}{order}" for family, order in table[number].envelope] == choice[
            "envelope"
        ]
    told = json.loads((out / "categories.json").read_text())
    assert [each["exit_code"] for each in told] == [0, 2, 0]
    # what is there is found, not run again
    again = run_categories(config, out, parameters=QUICK)
    assert [each.status for each in again] == ["found", "failed", "found"]


@pytest.fixture
def stub(monkeypatch):
    """In place of the notebook: what was asked for, and a failure for Broken."""
    asked = []

    def run(stage, out, **options):
        asked.append((stage, out, options))
        if stage.category == "Broken":
            raise RuntimeError("no luck")
        out.mkdir(exist_ok=True)
        (out / "ftest.dat").write_text("cat=0\ntruth=Bernstein:2:pol2\npaul=Bernstein:2:pol2\n\n")
        (out / "ftest.json").write_text('{"choice": {"best": "bernstein2"}}')
        return type("Run", (), {"found": False})

    monkeypatch.setattr(categories, "run", run)
    return asked


def test_a_file_of_trees_gives_one_run_per_tree_in_its_own_folder(data, stub, tmp_path):
    runs = run_categories(
        data, tmp_path, parameters={"mass": "CMS_hgg_mass", "blind": [115, 135]}, force=True
    )
    assert [each.category for each in runs] == ["VBFTag_0", "Broken", "VBFTag_1"]
    assert [each.status for each in runs] == ["finished", "failed", "finished"]
    assert runs[1].error == "RuntimeError: no luck"
    assert {out.name for _, out, _ in stub} == {"VBFTag_0", "Broken", "VBFTag_1"}
    for stage, _, options in stub:
        assert stage.tree == f"Data_13TeV_{stage.category}"
        assert stage.blind == [115, 135]
        assert options == {"force": True, "timeout": None, "progress": False}


def test_a_configuration_without_a_folder_writes_where_the_original_does(
    config, stub, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    runs = run_categories(config, jobs=1)
    assert runs[0].directory == tmp_path / "outdir_may" / "VBFTag_1"
    assert [block.category for block in read_dat(tmp_path / "outdir_may" / "fTest.dat")] == [5, 7]


def test_workers_of_dask_run_them_too(data, stub, tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra batch is not installed")
    with distributed.Client(processes=False, dashboard_address=None, n_workers=1) as client:
        runs = run_categories(data, tmp_path, parameters={"mass": "CMS_hgg_mass"}, client=client)
    assert [each.status for each in runs] == ["finished", "failed", "finished"]


def test_an_interrupt_starts_no_further_category(data, monkeypatch, tmp_path):
    started, begun, end = [], threading.Event(), threading.Event()

    def run(stage, out, **options):
        started.append(stage.category)
        begun.set()
        end.wait(30)
        raise RuntimeError

    def interrupted(_):
        begun.wait(30)
        raise KeyboardInterrupt

    monkeypatch.setattr(categories, "run", run)
    monkeypatch.setattr(categories, "as_completed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_categories(data, tmp_path, parameters={"mass": "CMS_hgg_mass"}, jobs=1)
    end.set()
    for thread in threading.enumerate():
        if thread.name.startswith("hepnb-run"):
            thread.join(30)
    assert started == ["VBFTag_0"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"toyz": 3}, "did you mean 'toys'"),
        ({"tree": "t"}, "tree is that of each category"),
        ({"alpha": 2}, "alpha = 2"),
    ],
)
def test_parameters_are_checked_before_anything_runs(data, stub, tmp_path, parameters, message):
    with pytest.raises(BadParameters, match=message):
        run_categories(data, tmp_path / "out", parameters=parameters)
    assert not stub
    assert not (tmp_path / "out").exists()


def test_no_jobs_at_a_time_is_refused(data, stub, tmp_path):
    with pytest.raises(BadParameters, match="from 1"):
        run_categories(data, tmp_path, jobs=0)


def test_batch_jobs_need_a_host_that_submits(hepnb, config, monkeypatch):
    monkeypatch.setenv("PATH", "")
    config.write_text(config.read_text().replace("'local'", "'condor'"))
    status, _, err = hepnb("categories", config)
    assert status == 2
    assert "condor_submit, which is not on this machine" in err
    with (
        pytest.raises(BadParameters, match="qsub"),
        batch_client(LegacyConfig(config, batch="SGE"), 1),
    ):
        pass


def test_queue_and_flavour_of_a_configuration_reach_the_batch_system(config, monkeypatch):
    jobqueue = pytest.importorskip("dask_jobqueue", reason="the extra batch is not installed")
    distributed = pytest.importorskip("distributed")
    asked = []

    class Cluster:
        def __init__(self, **options):
            asked.append(options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def scale(self, jobs):
            asked.append(jobs)

    monkeypatch.setattr(categories.shutil, "which", lambda name: name)
    monkeypatch.setattr(jobqueue, "HTCondorCluster", Cluster)
    monkeypatch.setattr(jobqueue, "SGECluster", Cluster)
    monkeypatch.setattr(distributed, "Client", lambda _: Cluster())
    for batch, queue in (("condor", "espresso"), ("IC", "hep.q")):
        with batch_client(LegacyConfig(config, batch=batch, queue=queue), 3):
            pass
    assert asked[0]["job_extra_directives"] == {"+JobFlavour": '"espresso"'}
    assert asked[3]["queue"] == "hep.q"
    assert asked[1] == asked[4] == 3


def test_the_order_of_the_table_is_that_of_the_categories(data, stub, tmp_path):
    run_categories(data, tmp_path, parameters={"mass": "CMS_hgg_mass"}, jobs=3)
    numbers = [block.category for block in read_dat(tmp_path / "fTest.dat")]
    assert numbers == sorted(numbers) == [0, 2]
