"""Signal plus background headless: generated categories, and the Upsilon of CMS."""

import json

import nbformat
import numpy as np
import pandas as pd
import pytest

import hepnb
from hepnb.background.samples import hgg_masses
from hepnb.errors import BadParameters
from hepnb.stages.splusb import Splusb

pytestmark = pytest.mark.notebook

COMMON = {
    "category": "UntaggedTag_0, VBFTag_0",
    "function": "{UntaggedTag_0: exponential3, VBFTag_0: bernstein2}",
    "toys": 20,
}
FALSE_ALARM_SIGMAS = 3.3  # two-sided 1e-3


@pytest.fixture(scope="module")
def blinded(tmp_path_factory):
    return hepnb.run("splusb", tmp_path_factory.mktemp("runs") / "blinded", parameters=COMMON)


@pytest.fixture(scope="module")
def unblinded(tmp_path_factory):
    more = {"unblind": True, "float_mean": 2.0, "float_scale": 2.0, "panel": "ratio"}
    out = tmp_path_factory.mktemp("runs") / "unblinded"
    return hepnb.run("splusb", out, parameters=COMMON | more)


def test_a_blinded_run_gives_what_is_expected(blinded):
    strength = blinded.numbers["strength"]
    assert strength["status"] == "expected"
    assert strength["value"] == pytest.approx(1.0, abs=1e-3)
    assert blinded.numbers["VBFTag_0.window_background"]["uncertainty"] > 0
    assert "VBFTag_0.signal" not in blinded.numbers


def test_no_output_of_a_blinded_run_counts_the_window(blinded):
    table = pd.read_csv(blinded.directory / "categories.csv").set_index("category")
    for name, row in table.iterrows():
        masses = hgg_masses(name)
        beside = np.count_nonzero((masses < 115) | (masses >= 135))
        assert row["visible_events"] == beside
    assert table["strength"].isna().all()


def test_an_unblinded_run_finds_the_generated_signal(unblinded):
    for name, truth in (("strength", 1.0), ("signal_mean", 0.0), ("signal_scale", 1.0)):
        found = unblinded.numbers[name]
        assert found["status"] == "ok"
        assert abs(found["value"] - truth) < FALSE_ALARM_SIGMAS * found["uncertainty"]
    content = json.loads((unblinded.directory / "splusb.json").read_text())
    assert content["strength"] == unblinded.numbers["strength"]["value"]
    assert [each["function"] for each in content["categories"]] == ["exponential3", "bernstein2"]


@pytest.mark.parametrize("name", ["blinded", "unblinded"])
def test_a_run_holds_its_products_and_figures(name, request):
    run = request.getfixturevalue(name)
    figures = ["splusb_weighted.pdf", "splusb_UntaggedTag_0.png", "splusb_VBFTag_0.pdf"]
    for product in [*Splusb.products, *figures]:
        assert (run.directory / product).stat().st_size > 0
    notebook = nbformat.read(run.directory / "notebook.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    streams = [out for cell in code for out in cell.outputs if out.output_type == "stream"]
    assert not [out for out in streams if out.name == "stderr"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"data": "none.csv"}, "is no file"),
        ({"data": __file__}, "signal is empty"),
        ({"signal": "none.root"}, "signal = 'none.root' is no file"),
        ({"function": "bernstein0"}, "has no order 0"),
        ({"signal": "{shape: gauss}"}, "not one of double_sided"),
    ],
)
def test_bad_parameters_are_refused_before_work_starts(parameters, message):
    with pytest.raises(BadParameters, match=message):
        Splusb.from_values(parameters).check()


@pytest.fixture(scope="module")
def upsilon(open_data_folder):
    """The file, and the fit of the same candidates by the package of particle identification."""
    from hepnb.pid import fit_mass

    path = open_data_folder / "cms2011" / "upsilon_mumu.csv"
    mass = pd.read_csv(path)["M"]
    return path, fit_mass(mass, "crystal_ball", variable="M", range=(9.0, 9.7), bins=140)


def test_upsilon_yield_is_that_of_the_mass_fit(upsilon, tmp_path):
    path, mass_fit = upsilon
    shape = mass_fit.parameters.set_index("name")["value"]
    signal = {
        "shape": "double_sided_crystal_ball",
        "expected": 10_000,  # in the range: what is fitted is the ratio to it
        "lo": 9.0,
        "hi": 9.7,
        "mean": 9.46,
        "sigma": 0.07,
        "alpha_low": float(shape["alpha"]),
        "n_low": float(shape["n"]),
        "alpha_high": 30.0,  # no tail above, as in the other fit
        "n_high": 5.0,
    }
    parameters = {
        "data": str(path),
        "mass": "M",
        "mass_range": [9.0, 9.7],
        "bins": 140,
        "blind": [9.2, 9.6],
        "unblind": True,
        "category": "dimuons",
        "signal": json.dumps(signal),
        "function": "bernstein2",
        "float_mean": 0.05,
        "float_scale": 1.5,
        "toys": 0,
    }
    run = hepnb.run("splusb", tmp_path / "upsilon", parameters=parameters)
    found = run.numbers["dimuons.signal"]
    expected, error = mass_fit.yields["signal"], shape_error(mass_fit, "N_signal")
    # the same likelihood, once in yields with a positive Chebychev parabola, once as a strength
    # with the Bernstein polynomial of the same degree: where both stop, to 0.05 sigma
    assert found["value"] == pytest.approx(expected, abs=0.05 * error)
    mean = run.numbers["signal_mean"]
    assert 9.46 + mean["value"] == pytest.approx(shape["mean"], abs=1e-3)
    scale = run.numbers["signal_scale"]
    assert 0.07 * scale["value"] == pytest.approx(shape["sigma"], rel=0.02)


def shape_error(fit, name):
    return float(fit.parameters.set_index("name")["error"][name])
