"""The f-test's stage: what is asked for on the command line ends up in ftest.json, and is right."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import hepnb
from hepnb.background import MassSpectrum, family, run_ftest
from hepnb.errors import BadParameters
from hepnb.runner.trace import trace

pytestmark = pytest.mark.notebook

EDGES = np.linspace(100.0, 180.0, 81)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Rows of lo,hi,count of a steep spectrum."""
    shape = family("exponential").shape(3, 100.0, 180.0)
    mean = 2000 * shape.fractions(EDGES, np.array([-0.06, -0.01])) @ np.array([0.7, 0.3])
    counts = np.random.default_rng(11).poisson(mean)
    lines = [f"{lo},{hi},{n}" for lo, hi, n in zip(EDGES[:-1], EDGES[1:], counts, strict=True)]
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    path.write_text("\n".join(["lo,hi,count", *lines]))
    return path, counts.astype(float)


@pytest.fixture(scope="module")
def run(rows, tmp_path_factory):
    parameters = {"data": str(rows[0]), "scan": "all", "toys": 20}
    return hepnb.run("ftest", tmp_path_factory.mktemp("runs") / "ftest", parameters=parameters)


def test_file_holds_every_function_at_its_minimum(run, rows):
    written = json.loads((run.directory / "ftest.json").read_text())
    expected = run_ftest(MassSpectrum(EDGES, rows[1]), scan="all", toys=0)
    nll = {f"{each['family']}{each['order']}": each["nll"] for each in written["fits"]}
    assert nll == {each.fit.name: pytest.approx(each.fit.nll, abs=1e-6) for each in expected.fits}
    assert len(nll) == 19


def test_convention_is_the_bin_integrated_density(run, rows):
    """The first exponential again, from the formula alone."""

    def nll(slope):
        below = np.exp(slope * (EDGES - 100.0))
        share = np.diff(below) / (below[-1] - below[0])
        return -rows[1] @ np.log(share / np.diff(EDGES))

    best = minimize_scalar(nll, bounds=(-0.2, -0.001), method="bounded", options={"xatol": 1e-10})
    written = json.loads((run.directory / "ftest.json").read_text())
    (found,) = [f for f in written["fits"] if (f["family"], f["order"]) == ("exponential", 1)]
    assert found["nll"] == pytest.approx(best.fun, abs=1e-6)
    assert found["params"]["slope_1"] == pytest.approx(best.x, abs=1e-6)


def test_numbers_of_the_run_are_those_of_the_choice(run):
    written = json.loads((run.directory / "ftest.json").read_text())
    for name, order in written["choice"]["truth"].items():
        assert run.numbers[f"order_{name}"]["value"] == order
    assert run.numbers["functions_in_envelope"]["value"] == len(written["choice"]["envelope"])
    assert run.numbers["background_yield"]["value"] == pytest.approx(written["counts"]["total"])


def test_figures_and_documents_are_there_and_traceable(run):
    for name in ("table", "truths", "envelope", "goodness"):
        assert (run.directory / f"{name}.png").stat().st_size > 5000
    members = json.loads((run.directory / "ftest.json").read_text())["choice"]["envelope"]
    documents = sorted((run.directory / "ftest_hs3").iterdir())
    assert len(documents) == len(members)
    assert trace(run.directory / "ftest.json") is not None


def test_blinded_run_says_nothing_of_its_window(rows, tmp_path):
    path, counts = rows
    other = tmp_path / "other.csv"
    hidden = (EDGES[:-1] >= 115) & (EDGES[:-1] < 135)
    changed = np.where(hidden, 10 * counts + 1, counts).astype(int)
    lines = [f"{lo},{hi},{n}" for lo, hi, n in zip(EDGES[:-1], EDGES[1:], changed, strict=True)]
    other.write_text("\n".join(["lo,hi,count", *lines]))
    fits = []
    for number, data in enumerate((path, other)):
        parameters = {"data": str(data), "families": ["bernstein"], "blind": [115, 135]}
        done = hepnb.run("ftest", tmp_path / f"run{number}", parameters=parameters | {"toys": 0})
        written = json.loads((done.directory / "ftest.json").read_text())
        assert written["counts"]["total"] is None
        assert written["observable"]["blind"] == [[115.0, 135.0]]
        fits.append(written["fits"])
    assert fits[0] == fits[1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"data": "nowhere.csv"}, "'nowhere.csv' is no file"),
        ({"families": ["bernstien"]}, "did you mean 'bernstein'"),
        ({"max_order": {"lorent": 3}}, "did you mean 'laurent'"),
        ({"alpha": 0.2}, "0 < alpha <= envelope_alpha"),
        ({"blind": [135, 115]}, "must increase"),
    ],
)
def test_bad_parameters_are_refused_before_a_kernel_starts(parameters, message, tmp_path):
    with pytest.raises(BadParameters, match=message):
        hepnb.run("ftest", tmp_path / "run", parameters=parameters)
    assert not (tmp_path / "run.failed").exists()
