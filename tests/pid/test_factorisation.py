"""The factorisation test: Kendall's tau against scipy, and where it warns."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters
from hepnb.pid.mass.fit import fit_mass
from hepnb.pid.subtraction.factorisation import control_variables, factorisation_test, kendall

LO, HI = 1.80, 1.95


def toy(dependence, *, n=20_000, seed=3, kind="data"):
    """Signal with p and pid of its own; the mean p of the background follows the mass."""
    rng = np.random.default_rng(seed)
    signal = np.arange(n) < n // 2
    mass = np.where(signal, rng.normal(1.865, 0.006, n), rng.uniform(LO, HI, n))
    t = 2 * (mass - LO) / (HI - LO) - 1
    p = np.where(signal, rng.normal(3, 0.3, n), rng.normal(1.5, 0.5, n) + dependence * t)
    columns = {
        "M": mass,
        "K_p": p,
        "K_pid": np.where(rng.random(n) < 0.01, np.nan, rng.random(n)),
        "K_charge": rng.choice([-1.0, 1.0], n),
        "K_one": np.ones(n),
        "isSignal": signal.astype(float),
    }
    return Sample.from_frame(
        columns, mass="M", particles={"K": "K"}, prefix="K", truth="isSignal == 1", kind=kind
    )


VARIABLES = ("p", "pid", "charge")


@pytest.fixture(scope="module")
def fit():
    return fit_mass(toy(0.0), "gaussian_linear", range=(LO, HI))


@pytest.mark.parametrize("kind", ["continuous", "ties", "two_values", "ties_in_both"])
def test_significance_equals_the_probability_of_scipy(kind):
    rng = np.random.default_rng(1)
    x, y = rng.random((2, 300))
    y = y + 0.1 * x
    if kind == "ties":
        y = np.round(y, 1)
    if kind == "two_values":
        y = (y > 0.7).astype(float)
    if kind == "ties_in_both":
        x, y = np.round(x, 1), np.round(y, 1)
    found, expected = kendall(x, y), stats.kendalltau(x, y, method="asymptotic")
    assert found.tau == expected.statistic
    probability = 2 * stats.norm.sf(found.significance)
    assert probability == pytest.approx(expected.pvalue, rel=1e-9, abs=0)


def test_significance_stays_finite_where_the_probability_underflows():
    x = np.linspace(0, 1, 5000)
    found = kendall(x, x)
    assert found.tau == pytest.approx(1, rel=1e-12)
    assert 100 < found.significance < 1000


def test_error_is_the_spread_over_independent_samples():
    rng = np.random.default_rng(2)
    each = [kendall(*rng.random((2, 200))) for _ in range(1500)]
    # a width of 1500 numbers is known to 1.8 %
    assert np.std([t.tau for t in each]) == pytest.approx(each[0].error, rel=0.07)


def test_independent_background_passes_though_the_mixture_depends(fit):
    found = factorisation_test(toy(0.0), fit, VARIABLES)
    assert found.passed
    assert (found.frame["status"] == "ok").all()
    assert "sidebands of M" in found.summary()
    columns = toy(0.0).read(["M", "p"])
    away = np.abs(columns["M"] - 1.865)  # signal and background differ, as the test must not see
    assert kendall(away.to_numpy(), columns["p"].to_numpy()).significance > 20


def test_dependent_background_is_named_and_logged(fit, caplog):
    found = factorisation_test(toy(0.3), fit, VARIABLES)
    assert not found.passed
    assert found.dependent == ["p"]
    assert found.frame.set_index("variable").loc["p", "significance"] > 10
    assert "does not factorise" in caplog.text
    assert "depends on p" in found.summary()
    assert "COWs" in found.summary()


def test_background_by_truth_uses_the_whole_range(fit):
    data = factorisation_test(toy(0.05), fit, VARIABLES)
    mc = factorisation_test(toy(0.05, kind="mc"), fit, VARIABLES)
    assert mc.region == "not [isSignal == 1]"
    assert mc.frame["candidates"].iloc[0] > data.frame["candidates"].iloc[0]
    explicit = factorisation_test(toy(0.05), fit, VARIABLES, background="isSignal == 0")
    pd.testing.assert_frame_equal(explicit.frame, mc.frame)


def test_false_alarms_are_as_rare_as_the_threshold_says(fit):
    found = [factorisation_test(toy(0.0, n=2000, seed=s), fit, ["p"]) for s in range(100)]
    z = np.array([each.frame["tau"].iloc[0] / each.frame["error"].iloc[0] for each in found])
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert np.max(np.abs(z)) < 4


def test_undefined_constant_and_rare_are_told(fit, caplog):
    found = factorisation_test(toy(0.0), fit, ["pid", "one", "p"]).frame.set_index("variable")
    assert found.loc["one", "status"] == "constant"
    assert found.loc["pid", "candidates"] < found.loc["p", "candidates"]  # NaN are left out
    few = factorisation_test(toy(0.0, n=60), fit, VARIABLES)
    assert (few.frame["status"] == "too_few").all()
    assert "Too few" in few.summary()
    assert few.passed
    assert not caplog.records


def test_selection_and_limit_are_kept(fit):
    limited = factorisation_test(toy(0.0), fit, VARIABLES, max_candidates=1000)
    assert limited.frame["candidates"].iloc[0] == 1000
    cut = factorisation_test(toy(0.0), fit, VARIABLES, cut="charge > 0")
    assert cut.frame.set_index("variable").loc["charge", "status"] == "constant"


def test_variables_are_those_of_binning_and_cut():
    assert control_variables({"p": [0, 1], "cosTheta": [0, 1]}, "kaonID > 0.5 and p > 1") == (
        "p",
        "cosTheta",
        "kaonID",
    )


@pytest.mark.parametrize("variables", [(), ("p", "M")])
def test_no_variable_or_the_mass_itself_is_refused(fit, variables):
    with pytest.raises(BadParameters, match="others than the mass"):
        factorisation_test(toy(0.0), fit, variables)


def test_table_and_numbers_hold_what_was_found(fit, tmp_path):
    found = factorisation_test(toy(0.3), fit, VARIABLES)
    [path] = found.save(tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(path), found.frame)
    numbers = json.loads(json.dumps(found.numbers()))
    assert numbers["tau(p)"]["status"] == "depends_on_mass"
    html = found._repr_html_()
    assert "does not factorise" in html
    assert "depends_on_mass" in html
