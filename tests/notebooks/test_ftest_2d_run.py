"""The stage ftest_2d runs headless, blinded and not, and its numbers are those of the truth."""

import json

import nbformat
import pyarrow as pa
import pyarrow.parquet
import pytest

import hepnb
from hepnb.background.samples import mgg_mjj
from hepnb.background.two_dimensions.record import read_ftest_2d

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def blinded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    data = folder / "candidates.parquet"
    pa.parquet.write_table(pa.table(mgg_mjj(seed=9)), data)
    parameters = {
        "data": str(data),
        "blind": [115, 135],
        "other_blind": [105, 145],
        "toys": 20,
        "families": ["exponential", "powerlaw"],
    }
    return hepnb.run("ftest_2d", folder / "ftest_2d", parameters=parameters)


def test_the_hidden_yield_is_the_generated_one_within_its_error(blinded):
    numbers = blinded.numbers
    assert numbers["factorisation_p"]["status"] == "ok"
    total = numbers["background_yield"]
    assert total["value"] == pytest.approx(3000, abs=4 * total["uncertainty"])
    candidates = mgg_mjj(seed=9)
    signal_region = (abs(candidates["mass"] - 125) < 10) & (abs(candidates["mjj"] - 125) < 20)
    assert numbers["candidates"]["value"] == len(candidates["mass"]) - signal_region.sum()
    # background alone: the dozen events of signal are no part of it
    hidden = numbers["hidden_yield"]["value"]
    assert hidden == pytest.approx(signal_region.sum() - 12, abs=4 * signal_region.sum() ** 0.5)


def test_products_and_figures_are_there(blinded):
    record = read_ftest_2d(blinded.directory / "ftest_2d.json")
    assert record.choice.best in record.choice.envelope
    assert all(each.joint for each in record.products)
    assert record.x.observable.blind == record.y.observable.blind == ()
    for name in ("factorisation", "projections", "residuals"):
        assert (blinded.directory / f"{name}.pdf").stat().st_size > 5000


def test_every_cell_was_executed_without_a_warning(blinded):
    notebook = nbformat.read(blinded.directory / "notebook.ipynb", as_version=4)
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert all(out.get("name") != "stderr" for out in outputs), json.dumps(outputs)[:500]
