"""Calibration toys in memory, and tables made from them, for the tests of efficiencies."""

import matplotlib as mpl
import numpy as np
import pytest
from hist import Hist
from hist.axis import Variable
from hist.storage import Weight

from hepnb.data.sample import Sample
from hepnb.pid.weight_table import data_mc_ratio

mpl.use("Agg")

BINNING = {
    "p": [0.5, 1.0, 2.0, 4.5],
    "cosTheta": [-0.866, -0.4226, 0.225, 0.9563],
    "charge": [-2, 0, 2],
}


def toy_columns(n, *, seed, kind):
    """Candidates with weights of both signs, as sWeights are, that sum to the signal."""
    rng = np.random.default_rng(seed)
    columns = {
        "K_p": rng.uniform(0.3, 5.0, n),
        "K_cosTheta": rng.uniform(-0.95, 0.99, n),
        "K_charge": rng.choice([-1.0, 1.0], n),
        "isSignal": (rng.random(n) < 0.6).astype(float),
    }
    steepness = 1.5 if kind == "data" else 3.0
    columns["K_kaonID"] = np.where(
        columns["isSignal"] == 1, rng.random(n) ** (1 / steepness), rng.random(n) ** 2
    )
    columns["w"] = np.where(columns["isSignal"] == 1, 1.2, -0.3) + rng.normal(0, 0.1, n)
    columns["w_sys"] = columns["w"] * (1 + 0.1 * columns["K_kaonID"])
    return columns


def toy_sample(n=6000, *, seed=5, kind="data", columns=None, **fields):
    columns = toy_columns(n, seed=seed, kind=kind) if columns is None else columns
    options = {"data": {"weights": ("w", "w_sys")}, "mc": {"truth": "isSignal == 1"}}[kind]
    options |= {"name": f"toy {kind}", "particles": {"K": "K"}, "prefix": "K"}
    return Sample.from_frame(columns, kind=kind, **(options | fields))


def toy_table(binning=None, *, n=6000, cut="kaonID > 0.6", **options):
    return data_mc_ratio(
        toy_sample(n, seed=5, kind="data"),
        toy_sample(n, seed=6, kind="mc"),
        cut=cut,
        binning=BINNING if binning is None else binning,
        **options,
    )


def histogram(values, variances=None, edges=None, name="p"):
    """One-dimensional histogram with Weight storage; counts where no variances are given."""
    values = np.asarray(values, float)
    edges = np.arange(len(values) + 1.0) if edges is None else edges
    made = Hist(Variable(edges, name=name), storage=Weight())
    made.view()["value"] = values
    made.view()["variance"] = np.abs(values) if variances is None else variances
    return made


@pytest.fixture(scope="session")
def binning():
    return BINNING


@pytest.fixture(scope="session")
def make_columns():
    return toy_columns


@pytest.fixture(scope="session")
def make_sample():
    return toy_sample


@pytest.fixture(scope="session")
def make_table():
    return toy_table


@pytest.fixture(scope="session")
def make_histogram():
    return histogram


@pytest.fixture(scope="session")
def table():
    return toy_table()


@pytest.fixture(scope="session")
def table_with_bad_bins():
    """Bins beyond the candidates are empty: no efficiency in data, none in simulation."""
    return toy_table({"p": [0.5, 1.0, 5.0, 9.0], "cosTheta": [-0.866, 0.2, 0.9563]})
