"""Products are written whole, with the mark of their run, and the result last."""

import json
from pathlib import Path

import hist
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import uhi.io.json

from hepnb.errors import BadResult, OutputNotWritable
from hepnb.runner import load, publish
from hepnb.runner.fingerprint import mark
from hepnb.runner.record import read_result

CODE = "ab" * 32


@pytest.fixture
def figure():
    figure, axes = plt.subplots(1, 2)
    axes[0].plot([1, 3, 2], label="a")
    yield axes
    plt.close(figure)


@pytest.fixture
def in_run(tmp_path, monkeypatch):
    """Pretend to be a cell of a run."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("HEPNB_RUN_DIR", str(folder))
    monkeypatch.setenv("HEPNB_FINGERPRINT", CODE)
    return folder


class Table:
    """A product as the stages make them."""

    def __init__(self, **files):
        self.files = files

    def save(self, directory, name):
        paths = [directory / f"{name}.{ending}" for ending in self.files]
        for path, text in zip(paths, self.files.values(), strict=True):
            path.write_text(text)
        return paths

    def numbers(self):
        return {"yield": {"value": 10.0, "uncertainty": 3.0, "unit": "", "status": "ok"}}


def test_products_figures_and_numbers_of_a_run(good_stage, in_run, figure):
    histogram = hist.Hist.new.Reg(2, 0, 1, name="p").Weight().fill([0.1, 0.2], weight=[2, 3])
    frame = pd.DataFrame({"p_min": [0.5, 1.0], "ratio": [np.nan, 1 / 3]})
    written = publish(
        None,
        good_stage(),
        numbers={"chi2": 3.5, "lost": np.nan},
        figures={"fit": figure},
        products={"weights": frame, "total": histogram, "table": Table(csv="a\n", txt="b\n")},
    )
    names = ["weights.csv", "weights.parquet", "total.json", "table.csv", "table.txt"]
    assert [each.name for each in written] == [*names, "fit.pdf", "fit.png", "result.json"]
    assert {each.name for each in in_run.iterdir()} == {each.name for each in written}
    result = read_result(in_run)
    assert result.fingerprint == CODE
    assert list(result.numbers) == ["chi2", "lost", "yield"]
    assert result.numbers["lost"].status == "not_finite"
    pd.testing.assert_frame_equal(pd.read_csv(in_run / "weights.csv"), frame)
    pd.testing.assert_frame_equal(pd.read_parquet(in_run / "weights.parquet"), frame)
    text = (in_run / "total.json").read_text()
    assert hist.Hist(json.loads(text, object_hook=uhi.io.json.object_hook)) == histogram


def test_products_carry_the_mark_of_their_run(good_stage, in_run, figure):
    publish(
        None,
        good_stage(),
        figures={"fit": figure},
        products={
            "frame": pd.DataFrame({"a": [1]}),
            "histogram": hist.Hist.new.Reg(2, 0, 1, name="p").Weight(),
            "facts": {"working_point": 0.6},
        },
    )
    for name in ("fit.pdf", "fit.png", "frame.parquet", "histogram.json", "facts.json"):
        assert mark(CODE).encode() in (in_run / name).read_bytes(), name
    metadata = pyarrow.parquet.read_schema(in_run / "frame.parquet").metadata
    assert metadata[b"hepnb"] == mark(CODE).encode()


def test_equal_figures_give_equal_bytes(good_stage, tmp_path, figure, monkeypatch):
    for moment in ("one", "two"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(len(moment) + (moment == "two")))
        publish(tmp_path / moment, good_stage(), figures={"fit": figure}, fingerprint=CODE)
    for name in ("fit.pdf", "fit.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_live_session_writes_beside_the_notebook_with_a_record(good_stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEPNB_RUN_DIR", raising=False)
    publish(None, good_stage(number=1), products={"old": {"a": 1}})
    (tmp_path / "tiny_results" / "notes.txt").write_text("mine")
    publish(None, good_stage(number=2), products={"new": {"a": 1}})
    names = {each.name for each in (tmp_path / "tiny_results").iterdir()}
    assert names == {"new.json", "notes.txt", "result.json", "run.json"}
    live = load("tiny_results")
    assert live.record.status == "interactive"
    assert live.record.parameters["number"] == 2
    assert set(live.record.products) == {"new.json", "result.json"}
    assert live.record.fingerprint == live.result.fingerprint


def test_numbers_of_the_same_name_are_told_apart_by_their_product(good_stage, in_run):
    publish(None, good_stage(), products={"fit": Table(a=""), "alternative": Table(a="")})
    assert list(read_result(in_run).numbers) == ["yield", "alternative.yield"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"products": {"x": object()}}, "product 'x' is a object; allowed are"),
        ({"products": {"../x": {}}}, "a name is made of"),
        ({"products": {"result": {}}}, "both write result.json"),
        ({"products": {"a": Table(csv=""), "a.csv": Table()}}, None),
        ({"products": {"x": {"a": np.nan}}}, "cannot be written as JSON"),
        ({"products": {"x": pd.DataFrame({"a": [1, "b"]})}}, "one type"),
        ({"figures": {"x": 3}}, "figure 'x' is a int"),
        ({"figures": {"x": []}}, "axes of 0 figures"),
        ({"figures": {"x": None}, "products": {"y": {}}}, "figure 'x'"),
        ({"numbers": {"x": "high"}}, "not a number"),
    ],
)
def test_what_cannot_be_published_is_refused_and_leaves_nothing(good_stage, in_run, given, reason):
    if reason is None:
        publish(None, good_stage(), **given)
        return
    with pytest.raises(BadResult, match=reason):
        publish(None, good_stage(), **given)
    assert list(in_run.iterdir()) == []


def test_two_that_write_the_same_file_are_refused(good_stage, in_run, figure):
    with pytest.raises(BadResult, match=r"figure 'fit' and product 'fit' both write fit.pdf"):
        publish(None, good_stage(), figures={"fit": figure}, products={"fit": Table(pdf="")})
    assert list(in_run.iterdir()) == []


def test_full_disk_leaves_the_older_result_as_it_was(good_stage, tmp_path, figure, monkeypatch):
    folder = tmp_path / "results"
    publish(folder, good_stage(), products={"a": {"x": 1}}, fingerprint=CODE)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    with pytest.raises(OutputNotWritable, match=r"No space left.*make room"):
        publish(folder, good_stage(), products={"a": {"x": 2}}, figures={"fit": figure})
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_result_is_the_last_file_to_appear(good_stage, in_run, monkeypatch):
    order = []
    replace = Path.replace

    def note(self, target):
        if Path(target).parent == in_run:
            order.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", note)
    publish(None, good_stage(), products={"z": {"x": 1}, "a": {"x": 1}})
    assert order == ["a.json", "z.json", "result.json"]
