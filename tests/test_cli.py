"""The command line says in one line what is wrong, and leaves with the right status."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hepnb import cli
from hepnb.errors import CellFailed, KernelDied
from hepnb.runner import publish
from hepnb.stages import all_stages, find


@pytest.fixture
def hepnb(capsys):
    """Give a function that runs a command: status, standard output, standard error."""

    def command(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return command


@pytest.fixture
def asked(monkeypatch):
    """Catch what `hepnb run` would run."""
    calls = []

    def run(stage, out, **options):
        calls.append((stage, out, options))
        number = SimpleNamespace(value=0.5, uncertainty=(0.1, None), unit="GeV", status="ok")
        result = SimpleNamespace(numbers={"n": number})
        return SimpleNamespace(result=result, directory=Path("runs/x"), found=False)

    monkeypatch.setattr("hepnb.runner.run", run)
    return calls


def test_list_names_every_stage(hepnb):
    status, out, _ = hepnb("list")
    assert status == 0
    assert all(name in out for name in all_stages())


def test_list_as_json_gives_parameters_and_products(hepnb):
    _, out, _ = hepnb("list", "--json")
    stages = {each["name"]: each for each in json.loads(out)}
    assert set(stages) == set(all_stages())
    for name, facts in stages.items():
        kind = find(name)
        assert [each["name"] for each in facts["parameters"]] == list(kind.model_fields)
        assert facts["products"] == dict(kind.products)
        defaults = kind().model_dump(mode="json")
        assert {each["name"]: each["default"] for each in facts["parameters"]} == defaults


def test_show_explains_each_parameter_with_brackets_as_they_are(hepnb):
    status, out, _ = hepnb("show", "weight_table")
    assert status == 0
    assert "stored | fit | cows" in out
    assert "weights.csv" in out
    shown = " ".join(out.split())
    assert "[-3 < dz < 3]" in shown  # not taken for markup


@pytest.mark.parametrize("command", ["show", "run"])
def test_unknown_stage_suggests_the_nearest(hepnb, command):
    status, out, err = hepnb(command, "weight_tabel")
    assert status == 2
    assert out == ""
    assert err.startswith("hepnb: UnknownStage: no stage 'weight_tabel'; did you mean")
    assert "Traceback" not in err


def test_unknown_parameter_suggests_the_nearest(hepnb, asked):
    status, _, err = hepnb("run", "weight_table", "-p", "cutt=p > 1")
    assert status == 2
    assert "hepnb: BadParameters" in err
    assert "did you mean 'cut'" in err
    assert not asked


def test_parameters_of_command_line_go_on_top_of_those_of_a_file(hepnb, asked, tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text("study: Lambda\nparticle: p\nbinning: {p: [1, 2]}\n")
    status, out, _ = hepnb(
        "run", "weight_table", "-f", file, "-p", "study=007", "-p", "mass_range=[1.8, 1.9]",
        "-p", "cut=[p > 1] and [kaonID > 0.5]", "-o", "there", "--timeout", "5", "--force",
    )  # fmt: skip
    assert status == 0
    [(stage, where, options)] = asked
    assert (stage.study, stage.particle, stage.binning) == ("007", "p", {"p": [1, 2]})
    assert stage.mass_range == [1.8, 1.9]
    assert stage.cut == "[p > 1] and [kaonID > 0.5]"
    assert (where, options) == (Path("there"), {"force": True, "timeout": 5.0})
    assert "-0.1 +not defined" in out
    assert "finished: runs/x" in out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot be read"),
        ("a: [", "is not YAML"),
        ("- a", "holds a list"),
        ("nosuch: 1", "no such parameter"),
    ],
)
def test_parameter_file_that_is_none_is_told(hepnb, asked, tmp_path, text, reason):
    file = tmp_path / "parameters.yaml"
    if text is not None:
        file.write_text(text)
    status, _, err = hepnb("run", "weight_table", "-f", file)
    assert (status, asked) == (2, [])
    assert reason in err


@pytest.mark.parametrize(
    ("error", "expected"), [(CellFailed("cell 3"), 1), (KernelDied("cell 3"), 3)]
)
def test_exit_status_tells_a_failed_stage_from_a_dead_kernel(hepnb, monkeypatch, error, expected):
    def run(*_, **__):
        raise error

    monkeypatch.setattr("hepnb.runner.run", run)
    status, _, err = hepnb("run", "weight_table")
    assert status == expected
    assert err == f"hepnb: {type(error).__name__}: cell 3\n"


def test_debug_shows_the_traceback(hepnb):
    _, _, err = hepnb("--debug", "show", "nosuch")
    assert "Traceback" in err
    _, _, err = hepnb("show", "nosuch")
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [("run",), ("nosuch",), ("run", "weight_table", "--nosuch")])
def test_wrong_usage_is_status_2(hepnb, arguments):
    status, _, err = hepnb(*arguments)
    assert status == 2
    assert "Traceback" not in err


def test_trace_says_stage_parameters_and_code(hepnb, tmp_path, monkeypatch):
    monkeypatch.delenv("HEPNB_RUN_DIR", raising=False)
    monkeypatch.setattr("hepnb.stages.weight_table.WeightTable.input_files", lambda _: ())
    stage = find("weight_table")(cut="kaonID > 0.77")
    publish(tmp_path / "one", stage, products={"facts": {"a": 1}})
    status, out, _ = hepnb("trace", tmp_path / "one" / "facts.json")
    assert status == 0
    assert "weight_table" in out
    assert "kaonID > 0.77" in out
    _, out, _ = hepnb("trace", tmp_path / "one" / "facts.json", "--json")
    assert json.loads(out)["record"]["parameters"]["cut"] == "kaonID > 0.77"
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    copy = tmp_path / "elsewhere" / "deep" / "slide.json"
    copy.write_bytes((tmp_path / "one" / "facts.json").read_bytes() + b"\n")
    status, out, _ = hepnb("trace", copy)
    assert status == 1
    assert "--runs" in out
    status, _, _ = hepnb("trace", copy, "--runs", tmp_path)
    assert status == 0


def test_lab_prints_forwarding_and_address_before_it_starts(hepnb, monkeypatch, tmp_path):
    pytest.importorskip("jupyterlab")
    monkeypatch.chdir(tmp_path)
    started = []
    monkeypatch.setattr("subprocess.call", lambda *args, **_: started.append(args) or 0)
    status, out, _ = hepnb("lab", "--no-browser")
    assert status == 0
    assert "ssh -L" in out
    assert "http://localhost:" in out
    assert len(started) == 1


def test_variables_lists_the_meta_variables(hepnb):
    status, out, _ = hepnb("variables")
    assert status == 0
    assert "binaryID" in out


def test_collections_lists_all_or_one(hepnb, monkeypatch, tmp_path):
    monkeypatch.delenv("HEPNB_SITE", raising=False)
    status, out, _ = hepnb("collections")
    assert status == 0
    assert "MC15rd_proc13+prompt" in out
    assert "nan" not in out.lower()
    status, _, err = hepnb("collections", "proc14")
    assert status == 2
    assert "did you mean 'proc13'" in err


def test_samples_are_made_scanned_and_found_by_their_catalogue(hepnb, tmp_path):
    folder = tmp_path / "samples"
    status, _, _ = hepnb("samples", "make", "-o", folder, "--events", "500", "--seed", "3")
    assert status == 0
    status, out, _ = hepnb("collections", "--site", folder / "catalogue.yaml", "proc13+prompt")
    assert status == 0
    assert "K_kaonID" in out
    status, _, _ = hepnb("collections", "scan", folder, "-o", tmp_path / "found.yaml")
    assert status == 0
    status, out, _ = hepnb("collections", "--site", tmp_path / "found.yaml", "--entries")
    assert status == 0
    status, out, _ = hepnb("collections", "scan", folder)
    assert "collections:" in out


def test_scan_into_a_folder_that_cannot_be_written_is_told(hepnb, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = hepnb("collections", "scan", tmp_path, "-o", tmp_path / "file" / "a.yaml")
    assert status == 2
    assert "OutputNotWritable" in err


def test_unknown_open_data_is_told(hepnb):
    status, _, err = hepnb("data", "fetch", "nosuch")
    assert status == 2
    assert "cms2011" in err


def test_demo_hands_its_options_on(hepnb, monkeypatch, tmp_path):
    calls = []

    def demo(out, **options):
        calls.append((out, options))
        return out / "index.html"

    monkeypatch.setattr("hepnb.runner.demo.demo", demo)
    status, out, _ = hepnb("demo", "-o", tmp_path, "--events", "40000", "--force")
    assert status == 0
    assert out.strip() == str(tmp_path / "index.html")
    assert calls == [(tmp_path, {"events": 40000, "force": True})]


def test_help_is_quick_and_loads_nothing_heavy():
    code = (
        "import sys\nfrom hepnb.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "names = ('numpy', 'pandas', 'pydantic', 'papermill', 'matplotlib')\n"
        "print('LOADED', *[name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "LOADED"
    for command in ("list", "show", "run", "demo", "trace", "lab", "variables", "collections"):
        assert f" {command} " in done.stdout
