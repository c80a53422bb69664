"""JupyterLab is for one person, on a host that many share."""

import socket

import pytest

from hepnb.errors import MissingExtra, UnknownStage, UnreadableFile
from hepnb.runner.lab import prepare

pytest.importorskip("jupyterlab")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_server_listens_on_loopback_and_the_token_is_in_no_argument():
    lab = prepare(browser=False)
    assert "--ServerApp.ip=127.0.0.1" in lab.command
    token = lab.environment["JUPYTER_TOKEN"]
    assert len(token) == 48
    assert token in lab.address
    assert not any(token in each for each in lab.command)
    assert prepare().environment["JUPYTER_TOKEN"] != token


def test_forwarded_port_is_the_one_that_the_server_takes():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    lab = prepare(port=port)
    assert f"--ServerApp.port={port}" in lab.command
    assert "--ServerApp.port_retries=0" in lab.command
    assert lab.forwarding.startswith(f"ssh -L {port}:127.0.0.1:{port} ")
    assert f"localhost:{port}/lab" in lab.address


def test_port_in_use_is_not_chosen(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr("hepnb.runner.lab._PORTS", range(port, port + 50))
        assert f"--ServerApp.port={port}" not in prepare().command


def test_notebook_of_a_stage_is_copied_once(good_stage, tmp_path, monkeypatch):
    monkeypatch.setattr("hepnb.runner.lab.find", lambda _: good_stage)
    lab = prepare("tiny")
    assert "/lab/tree/tiny.ipynb?token=" in lab.address
    assert f"--ServerApp.root_dir={tmp_path}" in lab.command
    (tmp_path / "tiny.ipynb").write_text("my changes")
    prepare("tiny")
    assert (tmp_path / "tiny.ipynb").read_text() == "my changes"


def test_file_elsewhere_is_opened_in_its_folder(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    (tmp_path / "mine.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path / "work")
    lab = prepare("../mine.ipynb")
    assert f"--ServerApp.root_dir={tmp_path.resolve()}" in lab.command
    assert "/lab/tree/mine.ipynb?" in lab.address


def test_what_is_no_notebook_is_told(monkeypatch):
    def unknown(name):
        raise UnknownStage("no stage 'nosuch'")

    monkeypatch.setattr("hepnb.runner.lab.find", unknown)
    with pytest.raises(UnknownStage, match="or give a file"):
        prepare("nosuch")
    with pytest.raises(UnreadableFile, match=r"nosuch\.ipynb is no notebook"):
        prepare("nosuch.ipynb")


def test_missing_jupyterlab_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"hepnb\[lab\]"):
        prepare()
