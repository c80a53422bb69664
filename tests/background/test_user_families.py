"""A user's formula is normalised, fitted and compared like the families of the house."""

from __future__ import annotations

import numpy as np
import pytest

from hepnb.background.families import FunctionFamily, family, register_family
from hepnb.background.families.family import _FAMILIES
from hepnb.background.fitting import fit_background
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

EDGES = np.linspace(100.0, 180.0, 81)
INF = float("inf")


def falling(events: int = 5000) -> MassSpectrum:
    masses = 100.0 + np.random.default_rng(6).exponential(25.0, 3 * events)
    return MassSpectrum(EDGES, np.zeros(80)).with_masses(masses[masses < 180.0][:events])


def exponential(mass, slope):
    return np.exp(slope * (mass - 100.0))


def dijet(mass, p0, p1):
    x = mass / 1000.0
    return (1 - x) ** p0 / x**p1


def bent(mass, p0, p1, p2):
    x = mass / 1000.0
    return (1 - x) ** p0 / x ** (p1 + p2 * np.log(x))


PLAIN = FunctionFamily("plain", {1: (exponential, {"slope": (-0.02, -1.0, 0.0)})})
DIJET = FunctionFamily(
    "dijet",
    {
        2: (dijet, {"p0": (5.0, -100.0, 100.0), "p1": (3.0, -20.0, 30.0)}),
        3: (bent, {"p0": (5.0, -200.0, 200.0), "p1": (3.0, -40, 60), "p2": (0.0, -9.0, 9.0)}),
    },
    label="Dijet",
    short="dij",
)


@pytest.mark.parametrize("unbinned", [False, True])
def test_a_formula_gives_the_fit_of_the_family_that_has_it_too(unbinned):
    data = falling()
    mine = fit_background(data, PLAIN, 1, unbinned=unbinned)
    ours = fit_background(data, "exponential", 1, unbinned=unbinned)
    # derivatives are numerical
    assert mine.nll == pytest.approx(ours.nll, abs=1e-7)
    assert mine.theta[0] == pytest.approx(ours.theta[0], rel=1e-5)
    np.testing.assert_allclose(mine.expected(), ours.expected(), rtol=1e-5)
    # and second derivatives are left out: what they add vanishes in the mean
    errors = [np.sqrt(np.diag(fit.covariance)) for fit in (mine, ours)]
    np.testing.assert_allclose(*errors, rtol=0.05)


def test_a_formula_is_not_certified_and_says_so():
    fit = fit_background(falling(), PLAIN, 1)
    assert np.isnan(fit.certificate)
    assert (fit.status, fit.n_active, fit.name, fit.legacy_name) == ("ok", 1, "plain1", "plain1")
    assert fit.params == {"slope": fit.theta[0], "weight_1": 1.0}


def test_a_higher_order_begins_from_parameters_of_the_same_name_and_is_not_above():
    data = falling()
    two = fit_background(data, DIJET, 2)
    three = fit_background(data, DIJET, 3, lower=two)
    alone = fit_background(data, DIJET, 3)
    assert (alone.tries, three.tries) == (1, 2)
    assert three.nll <= min(two.nll, alone.nll) + 1e-9
    assert (two.n_par, three.n_par, two.title) == (2, 3, "Dijet 2")


def test_a_warm_start_finds_what_the_start_values_miss():
    def wavy(mass, slope, wiggle):
        return np.exp(slope * (mass - 100.0)) * (1.001 + np.cos(wiggle * (mass - 100.0)))

    # far from its start the slope's own basin is left: the likelihood has many minima in wiggle
    low = {"slope": (-0.02, -1.0, 0.0), "wiggle": (0.31, 0.29, 0.33)}
    high = {"slope": (-0.9, -1.0, 0.0), "wiggle": (2.0, 0.0, 3.0)}
    wave = FunctionFamily("wave", {1: (wavy, low), 2: (wavy, high)})
    expected = 1e4 * wave.shape(1, 100.0, 180.0).fractions(EDGES, np.array([-0.03, 0.3]))[:, 0]
    data = MassSpectrum(EDGES, expected)
    first = fit_background(data, wave, 1)
    assert first.theta == pytest.approx([-0.03, 0.3], rel=1e-3)
    assert fit_background(data, wave, 2, lower=first).nll <= first.nll + 1e-8
    assert fit_background(data, wave, 2).nll > first.nll + 100.0


def test_parameters_without_bounds_are_fitted():
    free = FunctionFamily("free", {1: (exponential, {"slope": (-0.02, -INF, INF)})})
    fit = fit_background(falling(), free, 1)
    assert fit.status == "ok"
    assert fit.theta[0] == pytest.approx(fit_background(falling(), PLAIN, 1).theta[0], rel=1e-4)


def test_a_parameter_at_the_end_of_its_bounds_is_named():
    tight = FunctionFamily("tight", {1: (exponential, {"slope": (-0.005, -0.01, 0.0)})})
    fit = fit_background(falling(), tight, 1)
    assert (fit.status, fit.at_bound) == ("at_bound", ("slope",))
    assert fit.theta[0] == pytest.approx(-0.01)


def test_a_formula_without_parameters_is_a_shape():
    flat = FunctionFamily("flat", {1: (lambda mass: np.full_like(mass, 7.0), {})})
    fit = fit_background(falling(), flat, 1)
    assert fit.nll == pytest.approx(5000 * np.log(80.0), rel=1e-12)
    assert fit.total_error == pytest.approx(np.sqrt(5000.0), rel=1e-9)


def test_row_7_a_formula_that_is_negative_is_refused_with_where():
    line = FunctionFamily("line", {1: (lambda m, a: 1.0 - a * (m - 100.0), {"a": (0.1, 0.0, 1.0)})})
    with pytest.raises(
        BadParameters, match=r"line 1 is -.* at mass 1\d\d.* with a = 0.1; .*bounds"
    ):
        fit_background(falling(), line, 1)
    infinite = FunctionFamily("inf", {1: (lambda m: np.full_like(m, INF), {})})
    with pytest.raises(BadParameters, match="is inf at mass"):
        fit_background(falling(), infinite, 1)


def test_row_7_a_formula_that_is_zero_everywhere_or_at_candidates_is_refused():
    none = FunctionFamily("none", {1: (np.zeros_like, {})})
    with pytest.raises(BadParameters, match="is 0 everywhere"):
        fit_background(falling(), none, 1)
    half = FunctionFamily("half", {1: (lambda mass: (mass < 140.0) * 1.0, {})})
    with pytest.raises(BadParameters, match="zero where there are candidates"):
        fit_background(falling(), half, 1)


def test_a_family_is_checked_when_it_is_made():
    with pytest.raises(
        BadParameters, match=r"outside 1: a starts at 5, which is not inside \[0, 1"
    ):
        FunctionFamily("outside", {1: (dijet, {"a": (5.0, 0.0, 1.0)})})
    with pytest.raises(BadParameters, match="'empty' has no function"):
        FunctionFamily("empty", {})


def test_orders_are_those_given_and_others_are_refused():
    assert DIJET.orders() == (2, 3)
    assert DIJET.orders(2) == (2,)
    with pytest.raises(BadParameters, match="Dijet has no order 1; it has 2, 3"):
        fit_background(falling(), DIJET, 1)


def test_a_registered_formula_is_fitted_by_name():
    register_family(DIJET)
    try:
        assert family("dijet") is DIJET
        assert fit_background(falling(), "dijet", 2).valid
    finally:
        del _FAMILIES["dijet"]
