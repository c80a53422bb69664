"""Families are what their formulas say: integrals, limits, derivatives, ranges, names."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from hepnb.background.families import (
    Exponential,
    Laurent,
    PowerLaw,
    family,
    family_names,
    register_family,
)
from hepnb.background.families.family import _FAMILIES
from hepnb.background.families.tilted import tilted_densities, tilted_integrals
from hepnb.errors import BadParameters

RANGES = [(100.0, 180.0), (9.0, 9.7), (0.5, 2000.0)]

# slopes per range width, flat and nearly flat ones among them
STEEPNESS = (-79.0, -3.0, -1e-9, 0.0)
POWERS = (-9.0, -1.0 - 1e-9, -1.0, 0.0, 1.0)


def formula(name: str, order: int, k: int, theta: float, span: tuple[float, float]):
    """Component k in plain Python, of any normalisation."""
    lo, hi = span
    if name == "bernstein":
        return lambda m: ((m - lo) / (hi - lo)) ** k * ((hi - m) / (hi - lo)) ** (order - k)
    if name == "exponential":
        return lambda m: math.exp(theta * (m - lo))
    if name == "powerlaw":
        return lambda m: (m / lo) ** theta
    return lambda m: (m / lo) ** Laurent().powers(order)[k]


def parameters(name: str, n: int, lo: float, hi: float) -> np.ndarray:
    """Parameters of n components, limits among them."""
    if name == "exponential":
        return np.resize(np.array(STEEPNESS) / (hi - lo), n)
    return np.resize(np.array(POWERS), n) if name == "powerlaw" else np.empty(0)


CASES = [("bernstein", 1), ("bernstein", 7), ("laurent", 2), ("laurent", 6), ("powerlaw", 9)]
CASES += [("exponential", 7)]


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize(("name", "order"), CASES)
def test_bins_and_densities_equal_numerical_integrals(name, order, span):
    lo, hi = span
    shape = family(name).shape(order, lo, hi)
    theta = parameters(name, shape.n_components, lo, hi)
    edges = np.array([lo, lo + 0.01 * (hi - lo), 0.4 * lo + 0.6 * hi, 0.3 * lo + 0.7 * hi, hi])
    shares = shape.fractions(edges, theta)
    for k in range(shape.n_components):
        f = formula(name, order, k, theta[k] if len(theta) else 0.0, span)
        precise = {"epsabs": 0.0, "epsrel": 1e-11, "limit": 200}
        # cut finely where the steepest components live
        cuts = np.unique(np.concatenate([lo + (hi - lo) * 2.0 ** -np.arange(0.0, 13.0), edges]))
        parts = np.array([quad(f, a, b, **precise)[0] for a, b in pairwise(cuts)])
        whole = parts.sum()
        owner = np.searchsorted(edges, cuts[:-1], side="right") - 1
        expected = np.bincount(owner, parts, minlength=4) / whole
        np.testing.assert_allclose(shares[:, k], expected, rtol=1e-8, atol=1e-30)
        at = np.array([lo, 0.5 * (lo + hi), hi])
        density = shape.density(at, theta)[:, k]
        np.testing.assert_allclose(density, [f(m) / whole for m in at], rtol=1e-8, atol=1e-30)


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize(("name", "order"), CASES)
def test_every_component_sums_to_one_over_the_range(name, order, span):
    shape = family(name).shape(order, *span)
    theta = parameters(name, shape.n_components, *span)
    shares = shape.fractions(np.linspace(*span, 321), theta)
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, rtol=1e-12)
    assert shares.min() >= 0.0


def test_row_12_a_slope_of_zero_is_flat_and_a_power_of_minus_one_logarithmic():
    edges = np.linspace(100.0, 180.0, 321)
    flat = Exponential().shape(1, 100.0, 180.0).fractions(edges, np.zeros(1))[:, 0]
    np.testing.assert_allclose(flat, 1 / 320, rtol=1e-13)
    log = PowerLaw().shape(1, 100.0, 180.0).fractions(edges, np.array([-1.0]))[:, 0]
    np.testing.assert_allclose(log, np.diff(np.log(edges)) / np.log(1.8), rtol=1e-11)


@pytest.mark.parametrize("near", [0.0, 0.15, 1.2])
def test_slopes_next_to_a_limit_or_a_join_of_series_are_smooth(near):
    low, high = np.array([1.0]), np.array([3.0])  # z = s, as half the interval is 1
    slopes = near + np.array([-2e-9, -1e-9, 0.0, 1e-9, 2e-9])
    parts = tilted_integrals(low, high, (0.0, 4.0), slopes)
    for column in (parts.value[0], parts.first[0], parts.second[0]):
        # what is left of a straight line is rounding
        assert np.abs(np.diff(column, 2)).max() < 1e-15 + 1e-11 * np.abs(column).max()


@pytest.mark.parametrize("name", ["exponential", "powerlaw"])
@pytest.mark.parametrize("span", RANGES)
def test_derivatives_by_the_slopes_equal_finite_differences(name, span):
    lo, hi = span
    shape = family(name).shape(7, lo, hi)
    theta = np.array([-60.0, -8.0, -1.0, -1e-3]) / (hi - lo)
    if name == "powerlaw":
        theta = np.array([-8.5, -4.0, -1.0, 0.5])
    edges, mass = np.linspace(lo, hi, 41), np.linspace(lo, hi, 30)
    step = 1e-4 / (hi - lo) if name == "exponential" else 1e-4
    for give in (
        lambda at: shape.integral_parts(edges[:-1], edges[1:], at),
        lambda at: shape.density_parts(mass, at),
    ):
        here, up, down = give(theta), give(theta + step), give(theta - step)
        first = (up.value - down.value) / (2 * step)
        second = (up.first - down.first) / (2 * step)
        # truncation at third order: about 1e-8 of the derivative; rounding: 1e-16 over the step
        scale = np.abs(here.value).max(axis=0)
        for analytic, numeric in ((here.first, first), (here.second, second)):
            size = np.abs(analytic).max(axis=0) + 1e-5 * scale
            assert (np.abs(analytic - numeric) / size).max() < 1e-6


def test_densities_without_free_slopes_are_the_same():
    x, slopes = np.linspace(0.0, 4.0, 7), np.array([-3.0, 0.0, 2.0])
    free = tilted_densities(x, (0.0, 4.0), slopes)
    fixed = tilted_densities(x, (0.0, 4.0), slopes, slopes_free=False)
    np.testing.assert_array_equal(free.value, fixed.value)
    assert fixed.first is None


@pytest.mark.parametrize("order", range(1, 7))
def test_a_bernstein_polynomial_of_higher_degree_can_be_the_same(order):
    rng = np.random.default_rng(order)
    w = rng.dirichlet(np.ones(order + 1))
    # c_k of degree o + 1: (k c_{k-1} + (o + 1 - k) c_k) / (o + 1), times (o + 1) / (o + 2)
    k = np.arange(order + 2)
    raised = k * np.append(0.0, w) + (order + 1 - k) * np.append(w, 0.0)
    raised /= order + 2
    assert raised.sum() == pytest.approx(1.0, rel=1e-13)
    edges, mass, none = np.linspace(9.0, 9.7, 15), np.linspace(9.0, 9.7, 9), np.empty(0)
    low, high = (family("bernstein").shape(o, 9.0, 9.7) for o in (order, order + 1))
    for of in ("fractions", "density"):
        where = edges if of == "fractions" else mass
        same = getattr(high, of)(where, none) @ raised
        np.testing.assert_allclose(same, getattr(low, of)(where, none) @ w, rtol=1e-12, atol=1e-15)


def test_laurent_powers_are_those_of_the_legacy_program():
    powers = {order: set(Laurent().powers(order)) for order in range(1, 7)}
    assert powers == {
        1: {-4, -5},
        2: {-4, -5, -3},
        3: {-4, -5, -6, -3},
        4: {-4, -5, -6, -3, -2},
        5: {-4, -5, -6, -7, -3, -2},
        6: {-4, -5, -6, -7, -3, -2, -1},
    }


def test_orders_and_parameters_are_those_of_the_scan():
    orders = {name: family(name).orders() for name in ("bernstein", "exponential", "laurent")}
    assert orders == {
        "bernstein": (1, 2, 3, 4, 5, 6, 7),
        "exponential": (1, 3, 5),
        "laurent": (1, 2, 3, 4, 5, 6),
    }
    assert family("powerlaw").orders(7) == (1, 3, 5, 7)
    for name, order in (("bernstein", 4), ("exponential", 5), ("powerlaw", 3), ("laurent", 6)):
        shape = family(name).shape(order, 100.0, 180.0)
        # weights that sum to one, and slopes
        assert family(name).n_par(order) == shape.n_components - 1 + len(shape.theta_names) == order


@pytest.mark.parametrize("name", ["powerlaw", "laurent"])
@pytest.mark.parametrize("lo", [0.0, -5.0])
def test_row_13_powers_need_masses_above_zero(name, lo):
    with pytest.raises(BadParameters, match=f"begins at {lo:g}; raise it"):
        family(name).shape(1, lo, 10.0)


def test_row_13_bounds_of_exponential_slopes_follow_the_range():
    np.testing.assert_array_equal(family("exponential").shape(1, 100, 180).bounds, [[-1.0, 0.0]])
    narrow = family("exponential").shape(3, 9.0, 9.7)
    np.testing.assert_allclose(narrow.bounds, [[-80 / 0.7, 0.0]] * 2)
    given = Exponential(slopes=(-2.0, 1.0)).shape(1, 9.0, 9.7)
    np.testing.assert_array_equal(given.bounds, [[-2.0, 1.0]])


@pytest.mark.parametrize(("name", "order"), [("exponential", 2), ("laurent", 0), ("powerlaw", -1)])
def test_an_order_that_does_not_exist_is_refused_with_those_that_do(name, order):
    with pytest.raises(BadParameters, match=rf"no order {order}; it has 1, "):
        family(name).shape(order, 100.0, 180.0)


def test_an_unknown_family_is_answered_with_the_nearest_name():
    with pytest.raises(BadParameters, match=r"bernstien.*bernstein"):
        family("bernstien")


def test_a_registered_family_is_known_by_its_name():
    class Steep(Exponential):
        name = "steep"

    register_family(Steep(slopes=(-5.0, -0.1)))
    try:
        assert "steep" in family_names()
        assert family("steep").orders() == (1, 3, 5)
        assert family(family("steep")) is family("steep")
    finally:
        del _FAMILIES["steep"]


@pytest.mark.parametrize("name", ["exponential", "powerlaw"])
def test_the_grid_of_slopes_covers_the_bounds_in_ascending_order(name):
    shape = family(name).shape(1, 100.0, 180.0)
    grid = shape.grid(50)
    assert (np.diff(grid) > 0).all()
    np.testing.assert_allclose(grid[[0, -1]], shape.bounds[0], atol=1e-12)
