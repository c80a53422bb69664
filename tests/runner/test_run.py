"""A run is whole or it is not there."""

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from hepnb.errors import (
    BadParameters,
    BadResult,
    CellFailed,
    KernelDied,
    NotebookIncomplete,
    OutputNotWritable,
    RunInProgress,
    RunTimeout,
    UnknownStage,
    UnknownVariable,
)
from hepnb.runner import load, run
from hepnb.runner.files import sha256

pytestmark = pytest.mark.notebook


def siblings(directory: Path) -> list[str]:
    """What lies beside a run, hidden files too, besides the test's own folders."""
    return sorted({each.name for each in directory.parent.iterdir()} - {"stage", "cache"})


def failed_record(out: Path) -> dict:
    return json.loads(out.with_name(f"{out.name}.failed").joinpath("run.json").read_text())


def failed_notebook(out: Path):
    return nbformat.read(out.with_name(f"{out.name}.failed") / "notebook.ipynb", as_version=4)


def executed(notebook) -> list[bool]:
    return [c.execution_count is not None for c in notebook.cells if c.cell_type == "code"]


def test_finished_run_holds_notebook_record_result_and_products(finished):
    _, done = finished
    assert siblings(done.directory) == ["run"]
    names = {each.name for each in done.directory.iterdir()}
    assert names == {"notebook.ipynb", "result.json", "run.json", "table.csv"}
    assert (done.directory / "table.csv").read_text() == "number\n1\n"
    number = {"value": 1.0, "uncertainty": (0.5, 0.25), "unit": "GeV", "status": "ok"}
    assert done.numbers["n"] == number
    assert load(done.directory).record == done.record


def test_record_has_the_checksum_of_every_product(finished):
    _, done = finished
    products = done.record.products
    assert set(products) == {"notebook.ipynb", "result.json", "table.csv"}
    for name, product in products.items():
        assert product.sha256 == sha256(done.directory / name)
        assert product.size == (done.directory / name).stat().st_size


def test_label_of_digits_stays_a_string(finished):
    _, done = finished
    assert done.record.parameters["label"] == "007"
    assert done.result.parameters["label"] == "007"


def test_executed_notebook_names_no_place_of_this_machine(finished):
    _, done = finished
    text = (done.directory / "notebook.ipynb").read_text()
    assert "papermill" not in text
    assert str(done.directory.parent) not in text
    assert executed(nbformat.reads(text, as_version=4)) == [True, True, True]


def test_finished_run_is_found_and_not_repeated(finished, monkeypatch):
    stage, done = finished
    # somebody may edit the sources while the tests run
    monkeypatch.setattr("hepnb.runner.fingerprint._code", lambda _: done.record.code)
    monkeypatch.setattr("papermill.execute_notebook", None)  # would raise if it were called
    again = run(stage, done.directory, parameters={"label": "007"})
    assert again.found
    assert again.record == done.record


def test_damaged_run_is_not_taken_for_a_finished_one(finished, tmp_path):
    stage, done = finished
    copy = tmp_path / "run"
    copy.mkdir()
    for each in done.directory.iterdir():
        (copy / each.name).write_bytes(each.read_bytes())
    (copy / "table.csv").unlink()
    with pytest.raises(OutputNotWritable, match="--force"):
        run(stage(label="007"), copy)


def test_another_run_is_refused_unless_forced_and_foreign_files_survive(good_stage, tmp_path):
    out = tmp_path / "run"
    first = run(good_stage, out, progress=False)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(OutputNotWritable, match="--force"):
        run(good_stage(number=2), out)
    assert load(out).record == first.record
    second = run(good_stage, out, parameters={"number": 2}, force=True, progress=False)
    assert second.record.fingerprint != first.record.fingerprint
    assert (out / "table.csv").read_text() == "number\n2\n"
    assert (out / "notes.txt").read_text() == "mine"
    assert siblings(out) == ["run"]


def test_directory_of_something_else_is_never_replaced(good_stage, tmp_path):
    out = tmp_path / "home"
    out.mkdir()
    (out / "thesis.tex").write_text("all of it")
    with pytest.raises(OutputNotWritable, match="no run of hepnb"):
        run(good_stage, out, force=True)
    assert (out / "thesis.tex").read_text() == "all of it"


def test_unknown_parameter_is_refused_before_anything_is_written(good_stage, tmp_path):
    with pytest.raises(BadParameters, match="did you mean 'number'"):
        run(good_stage, tmp_path / "run", parameters={"nummer": 2})
    assert siblings(tmp_path / "run") == []


def test_unknown_stage_names_its_neighbour(tmp_path):
    pytest.importorskip("hepnb.data.catalogue")
    with pytest.raises(UnknownStage, match="weight_table"):
        run("weight_tabel", tmp_path / "run")


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_timeout_that_is_none_is_refused(good_stage, tmp_path, timeout):
    with pytest.raises(BadParameters, match="timeout"):
        run(good_stage, tmp_path / "run", timeout=timeout)


def test_notebook_without_parameters_cell_is_refused(make_stage, tmp_path):
    with pytest.raises(BadParameters, match="tagged 'parameters'"):
        run(make_stage("x = 1", parameters=None), tmp_path / "run")


def test_killed_kernel_is_told_and_the_notebook_up_to_it_kept(make_stage, tmp_path):
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    stage = make_stage("x = 1", "# Much memory", kill, "y = 1")
    with pytest.raises(KernelDied, match=r"SIGKILL.*memory.*cell 4 \('Much memory'\)") as caught:
        run(stage, tmp_path / "run", progress=False)
    assert caught.value.exit_code == 3
    assert siblings(tmp_path / "run") == ["run.failed"]
    before, after = [True, True, True], [False]  # the cell that ended it may have a number
    cells = executed(failed_notebook(tmp_path / "run"))
    assert (cells[:3], cells[4:]) == (before, after)
    record = failed_record(tmp_path / "run")
    assert (record["status"], record["error"]["type"]) == ("failed", "KernelDied")


@pytest.mark.parametrize("at_end", [True, False])
def test_leaving_with_status_0_is_not_success(make_stage, write_result, tmp_path, at_end):
    cells = [write_result, "import sys\nsys.exit(0)", *([] if at_end else ["x = 1"])]
    with pytest.raises(NotebookIncomplete, match="cell 4") as caught:
        run(make_stage(*cells), tmp_path / "run", progress=False)
    assert caught.value.exit_code == 1
    assert siblings(tmp_path / "run") == ["run.failed"]


def test_slow_cell_ends_the_run_with_its_preview(make_stage, tmp_path):
    late = tmp_path / "cache" / "late"
    late.parent.mkdir()
    stage = make_stage(
        f"import pathlib, time\ntry:\n    time.sleep(60)\nfinally:\n"
        f"    pathlib.Path({str(late)!r}).touch()"
    )
    with pytest.raises(RunTimeout, match=r"longer than 1 s.*\n.*\n.*\n.*sleep\(60\)") as caught:
        run(stage, tmp_path / "run", timeout=1, progress=False)
    assert not late.exists()  # nothing goes on in a kernel that is given up
    assert caught.value.exit_code == 3
    assert failed_record(tmp_path / "run")["error"]["type"] == "RunTimeout"


def test_failing_cell_is_named_with_heading_and_traceback(make_stage, write_result, tmp_path):
    stage = make_stage("# How clean?", "def f(x):\n    return 1 / x\nf(0)", write_result)
    with pytest.raises(CellFailed) as caught:
        run(stage, tmp_path / "run", progress=False)
    text = str(caught.value)
    assert "cell 3 ('How clean?') raised ZeroDivisionError: division by zero" in text
    assert "return 1 / x" in text
    assert "\x1b" not in text
    assert caught.value.exit_code == 1
    notebook = failed_notebook(tmp_path / "run")
    assert executed(notebook) == [True, True, True, False]
    assert notebook.cells[3].outputs[0].ename == "ZeroDivisionError"
    assert failed_record(tmp_path / "run")["status"] == "failed"


def test_error_of_hepnb_in_a_cell_is_raised_as_what_it_is(make_stage, tmp_path):
    raising = "from hepnb.errors import UnknownVariable\nraise UnknownVariable(\"'kaonIDD'\")"
    with pytest.raises(UnknownVariable, match=r"'kaonIDD' \(cell 3\b") as caught:
        run(make_stage(raising), tmp_path / "run", progress=False)
    assert caught.value.exit_code == 2


def test_success_removes_the_failure_before_it(make_stage, write_result, tmp_path):
    with pytest.raises(CellFailed):
        run(make_stage("1 / 0"), tmp_path / "run", progress=False)
    run(make_stage(write_result), tmp_path / "run", progress=False)
    assert siblings(tmp_path / "run") == ["run"]


def test_run_without_result_is_no_success(make_stage, tmp_path):
    with pytest.raises(BadResult, match=r"no result\.json"):
        run(make_stage("x = 1"), tmp_path / "run", progress=False)
    assert siblings(tmp_path / "run") == ["run.failed"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ('result["parameters"]["number"] = 5', "use the parameters"),
        ('result["products"].append("gone.csv")', "gone.csv"),
    ],
)
def test_run_with_a_wrong_result_is_no_success(make_stage, write_result, tmp_path, change, reason):
    rewrite = f'{change}\n(run / "result.json").write_text(json.dumps(result))'
    with pytest.raises(BadResult, match=reason):
        run(make_stage(write_result + rewrite), tmp_path / "run", progress=False)
    assert siblings(tmp_path / "run") == ["run.failed"]


@pytest.mark.parametrize("out", ["file/run", "file/deeper/run", "file"])
def test_output_below_a_file_is_refused_before_work_starts(good_stage, tmp_path, monkeypatch, out):
    monkeypatch.setattr("papermill.execute_notebook", None)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputNotWritable, match="choose another") as caught:
        run(good_stage, tmp_path / out)
    assert caught.value.exit_code == 2
    assert siblings(tmp_path / "file") == ["file"]


def test_full_disk_in_a_cell_is_told(make_stage, tmp_path):
    stage = make_stage('with open("/dev/full", "w") as file:\n    file.write("x")')
    with pytest.raises(OutputNotWritable, match=r"No space left.*make room") as caught:
        run(stage, tmp_path / "run", progress=False)
    assert caught.value.exit_code == 2


def test_full_disk_when_the_notebook_is_saved_is_told(good_stage, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hepnb.runner.engine.write_text", full)
    with pytest.raises(OutputNotWritable, match=r"No space left.*make room"):
        run(good_stage, tmp_path / "run", progress=False)
    assert siblings(tmp_path / "run") == ["run.failed"]


def test_second_run_into_a_directory_is_refused_at_once(make_stage, write_result, tmp_path):
    go, begun = tmp_path / "cache" / "go", tmp_path / "cache" / "begun"
    begun.parent.mkdir()
    wait = (
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\n"
        f"while not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.05)"
    )
    stage = make_stage(wait, write_result)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run, stage, tmp_path / "run", progress=False)
        while not begun.exists():
            assert not first.done(), first.exception()
            time.sleep(0.05)
        start = time.monotonic()
        with pytest.raises(RunInProgress, match="another run"):
            run(stage, tmp_path / "run")
        assert time.monotonic() - start < 1
        go.touch()
        assert first.result().record.status == "finished"
    assert siblings(tmp_path / "run") == ["run"]


def test_four_runs_at_once_in_threads(good_stage, tmp_path):
    stages = [good_stage(number=number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        outs = [tmp_path / f"run{stage.number}" for stage in stages]
        done = list(pool.map(lambda stage, out: run(stage, out, progress=False), stages, outs))
    assert [each.numbers["n"]["value"] for each in done] == [0, 1, 2, 3]
    assert siblings(outs[0]) == ["run0", "run1", "run2", "run3"]


def test_kernel_works_in_the_folder_of_the_caller_with_one_thread(
    make_stage, write_result, tmp_path, monkeypatch
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    check = (
        f"import os, sys\nassert os.getcwd() == {str(tmp_path / 'here')!r}\n"
        f"assert sys.executable == {sys.executable!r}\n"
        'assert os.environ["OMP_NUM_THREADS"] == "1"\n'
        'assert "tcp" not in open(sys.argv[sys.argv.index("-f") + 1]).read()'
    )
    done = run(make_stage(check, write_result), progress=False)
    assert done.directory.parent == tmp_path / "here" / "runs"
    assert done.directory.name == f"tiny-{done.record.fingerprint[:10]}"


def test_kernel_that_does_not_start_is_tried_again(good_stage, tmp_path, monkeypatch):
    from hepnb.runner import engine

    spec = engine._Manager.kernel_spec
    managers = []

    def first_broken(self):
        found = spec.fget(self)
        if self not in managers:
            managers.append(self)
        if self is managers[0]:
            found.argv = [sys.executable, "-c", "raise SystemExit(1)"]
        return found

    monkeypatch.setattr(engine._Manager, "kernel_spec", property(first_broken))
    assert run(good_stage, tmp_path / "run", progress=False).record.status == "finished"
    assert len(managers) == 2


def test_kernel_that_never_starts_is_told(good_stage, tmp_path, monkeypatch):
    from hepnb.runner import engine

    def broken(self):
        argv = [sys.executable, "-c", "raise SystemExit('no such library')"]
        return engine.KernelSpec(argv=argv, language="python", display_name="broken")

    monkeypatch.setattr(engine._Manager, "kernel_spec", property(broken))
    with pytest.raises(KernelDied, match=r"could not be started(.|\n)*no such library"):
        run(good_stage, tmp_path / "run", progress=False)


def test_interrupt_while_the_kernel_starts_ends_the_kernel(good_stage, tmp_path, monkeypatch):
    from hepnb.runner import engine

    kernels = []

    def interrupted(self):
        kernels.append(self.km.provisioner.process)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine._Client, "start_new_kernel_client", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(good_stage, tmp_path / "run", progress=False)
    assert [kernel.wait(5) for kernel in kernels] == [-signal.SIGKILL]
    assert failed_record(tmp_path / "run")["status"] == "interrupted"


INTERRUPTED = """
import sys
sys.path.insert(0, {tests!r})
import typer
from pathlib import Path
from conftest import write_stage
from hepnb import cli
stage = write_stage(Path("stage"), "x = 1", {cell!r}, "y = 1")
import hepnb.stages
hepnb.stages.find = lambda name: stage
cli.main(["run", "tiny", "-o", "run"])
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_run_ends_its_kernel_and_leaves_nothing_half_written(tmp_path, number, status):
    cell = (
        "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\n"
        "while True:\n    time.sleep(0.1)"
    )
    script = INTERRUPTED.format(tests=str(Path(__file__).parent), cell=cell)
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    pid = tmp_path / "pid"
    try:
        while not (pid.exists() and pid.read_text()):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == status, err
    assert "Traceback" not in err
    assert siblings(tmp_path / "run") == ["pid", "run.failed"]
    assert failed_record(tmp_path / "run")["status"] == "interrupted"
    before, after = [True, True, True], [False]  # the cell that ended it may have a number
    cells = executed(failed_notebook(tmp_path / "run"))
    assert (cells[:3], cells[4:]) == (before, after)
    deadline = time.monotonic() + 5
    while alive(int(pid.read_text())):
        assert time.monotonic() < deadline, "the kernel is still there"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_run_in_a_log_prints_one_plain_line_for_each_cell_and_nothing_else(tmp_path):
    script = (
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nimport logging\n"
        "from pathlib import Path\nfrom conftest import WRITE_RESULT, write_stage\n"
        "from hepnb.runner import run\n"
        'log = logging.getLogger("hepnb")\nlog.addHandler(logging.StreamHandler())\n'
        'log.setLevel("INFO")\n'
        'run(write_stage(Path("stage"), WRITE_RESULT), "run")\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert done.stderr.splitlines() == [f"tiny: cell {each} of 3" for each in (1, 2, 3)]


PUBLISH = """
import sys
sys.path.insert(0, {tests!r})
from conftest import TinyBase
from hepnb.runner import publish
class Tiny(TinyBase):
    folder = __import__("pathlib").Path({folder!r})
stage = Tiny(number=number, label=label, file=file, seed=seed)
publish(None, stage, numbers={{"n": number}}, products={{"facts": {{"label": label}}}})
"""


def test_notebook_that_publishes_runs_under_hepnb_and_under_plain_papermill(
    make_stage, tmp_path, monkeypatch
):
    cell = PUBLISH.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "stage"))
    stage = make_stage(cell)
    done = run(stage, tmp_path / "run", parameters={"label": "007"}, progress=False)
    assert done.numbers["n"]["value"] == 1
    assert json.loads((done.directory / "facts.json").read_text())["label"] == "007"

    here = tmp_path / "here"
    here.mkdir()
    papermill = [sys.executable, "-m", "papermill", "--no-progress-bar", "-p", "number", "5"]
    subprocess.run(
        [*papermill, str(stage.notebook_path()), "out.ipynb"],
        cwd=here,
        check=True,
        capture_output=True,
    )
    assert load(here / "tiny_results").numbers["n"]["value"] == 5
    assert {each.name for each in here.iterdir()} == {"out.ipynb", "tiny_results"}
