"""A file leads back to its run, wherever it has been copied to."""

import shutil
import sys

import matplotlib.pyplot as plt
import pytest

from hepnb.errors import UnreadableFile
from hepnb.runner import publish, trace


@pytest.fixture
def runs(make_stage, tmp_path, monkeypatch):
    """Two published runs with a figure each."""
    monkeypatch.delenv("HEPNB_RUN_DIR", raising=False)
    stage = make_stage("x = 1")
    for number in (1, 2):
        figure, axes = plt.subplots()
        axes.plot([0, number])
        out = tmp_path / "runs" / "campaign" / str(number)
        products = {"facts": {"number": number}}
        publish(out, stage(number=number), figures={"fit": axes}, products=products)
        plt.close(figure)
    return tmp_path / "runs"


def test_product_in_its_directory_is_traced_by_its_checksum(runs):
    found = trace(runs / "campaign" / "2" / "fit.png")
    assert (found.how, found.record.parameters["number"]) == ("checksum", 2)
    assert found.directory == runs / "campaign" / "2"


def test_product_in_a_folder_of_its_run_is_traced(runs):
    run = runs / "campaign" / "1"
    (run / "for_the_talk").mkdir()
    copy = shutil.copy(run / "fit.pdf", run / "for_the_talk" / "mass.pdf")
    assert trace(copy).directory == run


@pytest.mark.parametrize("name", ["fit.pdf", "fit.png", "facts.json"])
def test_copy_of_a_product_is_traced_in_the_folder_of_runs(runs, tmp_path, name):
    copy = shutil.copy(runs / "campaign" / "2" / name, tmp_path / "slide17")
    found = trace(copy, [runs])
    assert (found.how, found.record.parameters["number"]) == ("checksum", 2)


def test_changed_copy_is_traced_by_its_mark(runs, tmp_path):
    copy = tmp_path / "cropped.pdf"
    copy.write_bytes((runs / "campaign" / "2" / "fit.pdf").read_bytes() + b"% cropped")
    found = trace(copy, [runs])
    assert (found.how, found.record.parameters["number"]) == ("mark", 2)


def test_runs_below_the_current_folder_are_searched(runs, tmp_path, monkeypatch):
    copy = shutil.copy(runs / "campaign" / "1" / "fit.png", tmp_path / "stage" / "plot.png")
    monkeypatch.chdir(tmp_path)
    assert trace(copy).record.parameters["number"] == 1


def test_mark_is_told_when_its_run_is_not_found(runs, tmp_path):
    copy = shutil.copy(runs / "campaign" / "1" / "fit.png", tmp_path / "stage" / "plot.png")
    found = trace(copy)
    assert (found.how, found.record) == ("mark", None)
    assert found.fingerprint == trace(runs / "campaign" / "1" / "fit.png").fingerprint


def test_mark_across_the_blocks_in_which_a_file_is_read_is_found(tmp_path, monkeypatch):
    # the package's `trace` is the function
    monkeypatch.setattr(sys.modules["hepnb.runner.trace"], "_BLOCK", 100)
    path = tmp_path / "file"
    path.write_bytes(b"." * 60 + b"hepnb-fingerprint:" + b"ab" * 32 + b"." * 300)
    assert trace(path).fingerprint == "ab" * 32


def test_product_that_was_edited_is_told(runs):
    path = runs / "campaign" / "1" / "facts.json"
    path.write_text("{}")
    found = trace(path)
    assert (found.how, found.record.parameters["number"]) == ("name", 1)


def test_file_of_nobody_is_told(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"no mark")
    with pytest.raises(UnreadableFile, match=r"names no run.*--runs"):
        trace(tmp_path / "photo.png")


def test_missing_file_is_told(tmp_path):
    with pytest.raises(UnreadableFile, match="cannot be read"):
        trace(tmp_path / "gone.png")
