"""Mass models against scipy, numerical derivatives and brute-force positivity."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, interpolate, stats

from hepnb.errors import BadParameters
from hepnb.pid.mass import densities as shapes
from hepnb.pid.mass.models import (
    Component,
    Guess,
    MassModel,
    Parameter,
    mass_model,
    mass_model_names,
    register_mass_model,
)

LO, HI = 1.8, 1.95
GUESS = Guess(LO, HI, 1.865, 0.006, -0.2)
BUILT_IN = (
    "two_gaussians",
    "two_gaussians_bernstein",
    "two_gaussians_linear",
    "single_gaussian",
    "gaussian_linear",
    "crystal_ball",
    "student",
)


def random_values(model, rng):
    """Shape parameters anywhere within their limits; the mean away from the edges."""
    values = []
    for each in model.parameters:
        low, high = each.limits_for(GUESS)
        if each.name == "sigma":
            low = 0.002  # so that derivatives can be taken on a common grid
        values.append(rng.uniform(low, high))
    return values


@pytest.mark.parametrize("name", BUILT_IN)
def test_bin_integrated_densities_sum_to_one_and_are_not_negative(name):
    model, rng = mass_model(name), np.random.default_rng(1)
    for bins in (1, 7, 150):
        edges = np.linspace(LO, HI, bins + 1)
        for _ in range(40):
            shares = model.bin_probabilities(edges, random_values(model, rng))
            np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-11)
            assert np.all(shares > -1e-14)  # rounding of a difference of integrals near 1


@pytest.mark.parametrize("name", BUILT_IN)
def test_pdf_is_the_derivative_of_the_cdf(name):
    model, rng = mass_model(name), np.random.default_rng(2)
    x, h = np.linspace(LO + 1e-4, HI - 1e-4, 301), 2e-5
    for _ in range(20):
        values = random_values(model, rng)
        slope = (model.cdf(x + h, LO, HI, values) - model.cdf(x - h, LO, HI, values)) / (2 * h)
        pdf = model.pdf(x, LO, HI, values)
        # second-order differences: (h / sigma)^2 / 6 of the peak, and the kink of a crystal ball
        np.testing.assert_allclose(pdf, slope, atol=2e-4 * pdf.max(), rtol=2e-4)


@pytest.mark.parametrize("name", BUILT_IN)
def test_pdf_is_positive_and_integrates_to_one(name):
    model, rng = mass_model(name), np.random.default_rng(3)
    x = np.linspace(LO, HI, 20_001)
    for _ in range(10):
        pdf = model.pdf(x, LO, HI, random_values(model, rng))
        assert np.all(pdf >= 0)
        np.testing.assert_allclose(integrate.simpson(pdf, x=x, axis=1), 1.0, rtol=1e-5)


def test_gaussians_equal_scipy():
    x = np.linspace(LO, HI, 50)
    mean, sigma, ratio, fraction = 1.84, 0.03, 2.5, 0.3
    narrow, wide = (
        stats.truncnorm((LO - mean) / s, (HI - mean) / s, mean, s) for s in (sigma, ratio * sigma)
    )
    both = shapes.TWO_GAUSSIANS
    for kind in ("pdf", "cdf"):
        expected = fraction * getattr(narrow, kind)(x) + (1 - fraction) * getattr(wide, kind)(x)
        found = getattr(both, kind)(x, LO, HI, mean, sigma, ratio, fraction)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("alpha", "n"), [(0.7, 1.3), (1.5, 4.0), (4.0, 30.0)])
def test_crystal_ball_equals_scipy(alpha, n):
    x, mean, sigma = np.linspace(LO, HI, 60), 1.87, 0.01
    whole = stats.crystalball(alpha, n, mean, sigma)
    inside = whole.cdf(HI) - whole.cdf(LO)
    found = shapes.CRYSTAL_BALL.pdf(x, LO, HI, mean, sigma, alpha, n)
    np.testing.assert_allclose(found, whole.pdf(x) / inside, rtol=1e-9)
    found = shapes.CRYSTAL_BALL.cdf(x, LO, HI, mean, sigma, alpha, n)
    np.testing.assert_allclose(found, (whole.cdf(x) - whole.cdf(LO)) / inside, atol=1e-10)


@pytest.mark.parametrize("nu", [1.0, 4.5, 80.0])
def test_student_equals_scipy(nu):
    x, mean, sigma = np.linspace(LO, HI, 60), 1.87, 0.01
    whole = stats.t(nu, mean, sigma)
    inside = whole.cdf(HI) - whole.cdf(LO)
    found = shapes.STUDENT.pdf(x, LO, HI, mean, sigma, nu)
    np.testing.assert_allclose(found, whole.pdf(x) / inside, rtol=1e-9)
    found = shapes.STUDENT.cdf(x, LO, HI, mean, sigma, nu)
    np.testing.assert_allclose(found, (whole.cdf(x) - whole.cdf(LO)) / inside, atol=1e-10)


def test_chebychev_equals_numpy():
    x, tilt, c2 = np.linspace(LO, HI, 40), 0.6, 0.5
    c1 = tilt * np.sqrt(8 * c2 * (1 - c2))
    series = np.polynomial.Chebyshev([1, c1, c2], domain=[LO, HI])
    norm = series.integ(lbnd=LO)
    np.testing.assert_allclose(
        shapes.CHEBYCHEV2.pdf(x, LO, HI, tilt, c2), series(x) / norm(HI), rtol=1e-12
    )
    np.testing.assert_allclose(
        shapes.CHEBYCHEV2.cdf(x, LO, HI, tilt, c2), norm(x) / norm(HI), atol=1e-12
    )


def test_bernstein_equals_scipy():
    x, middle, left = np.linspace(LO, HI, 40), 0.2, 0.7
    shares = np.array([0.8 * 0.7, 0.2, 0.8 * 0.3]) * 3 / (HI - LO)
    polynomial = interpolate.BPoly(shares[:, np.newaxis], [LO, HI])
    pdf, cdf = (
        getattr(shapes.BERNSTEIN2, kind)(x, LO, HI, middle, left) for kind in ("pdf", "cdf")
    )
    np.testing.assert_allclose(pdf, polynomial(x), rtol=1e-12)
    np.testing.assert_allclose(cdf, polynomial.antiderivative()(x), atol=1e-12)


def test_every_positive_parabola_and_no_other_is_reached():
    rng = np.random.default_rng(5)
    t = np.linspace(-1, 1, 4001)
    for c1, c2 in rng.uniform([-2.0, -1.2], [2.0, 1.2], (2000, 2)):
        lowest = np.min(1 + c1 * t + c2 * (2 * t**2 - 1))
        # the largest slope is what the density itself takes for its own
        reachable = abs(c2) <= 1 and abs(c1) <= shapes._largest_slope(c2)
        if abs(lowest) > 1e-5:  # the grid does not hit the minimum exactly
            assert reachable == (lowest > 0), (c1, c2)


@pytest.mark.parametrize("c2", [-0.9, -0.3, 0.2, 1 / 3, 0.6, 0.95])
@pytest.mark.parametrize("tilt", [-1.0, 1.0])
def test_chebychev_just_touches_zero_at_its_limit(tilt, c2):
    x = np.linspace(-1, 1, 100_001)
    pdf = shapes.CHEBYCHEV2.pdf(x, -1, 1, tilt, c2)
    assert np.all(pdf >= 0)
    assert pdf.min() == pytest.approx(0.0, abs=1e-8)


def test_numerical_density_equals_the_closed_form():
    x, mean, sigma = np.linspace(LO, HI, 77), 1.86, 0.004
    closed = shapes.GAUSSIAN
    numerical = shapes.numerical_density(lambda m, mu, s: 7 * np.exp(-0.5 * ((m - mu) / s) ** 2))
    for kind in ("pdf", "cdf"):
        expected = getattr(closed, kind)(x, LO, HI, mean, sigma)
        found = getattr(numerical, kind)(x, LO, HI, mean, sigma)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def test_unknown_model_names_the_nearest():
    with pytest.raises(BadParameters, match=r"'two_gausians' .* did you mean 'two_gaussians'"):
        mass_model("two_gausians")


def test_built_in_models_are_listed_and_described():
    assert set(BUILT_IN) <= set(mass_model_names())
    assert all(mass_model(name).description for name in BUILT_IN)
    assert mass_model("two_gaussians").component_names == ("signal", "background")


def test_models_register_once_unless_replacement_is_asked_for():
    component = Component("signal", shapes.LINEAR, ("tilt",))
    tilt = Parameter("tilt", 0.0, (-1, 1))
    first = MassModel("registered_by_a_test", (component,), (tilt,))
    second = MassModel("registered_by_a_test", (component,), (tilt,), "another")
    assert register_mass_model(first) is first
    assert register_mass_model(first) is first
    with pytest.raises(BadParameters, match=r"registered_by_a_test.*replace=True"):
        register_mass_model(second)
    assert mass_model("registered_by_a_test") is first
    register_mass_model(second, replace=True)
    assert mass_model("registered_by_a_test") is second
    assert mass_model(second) is second


@pytest.mark.parametrize(
    ("components", "parameters", "message"),
    [
        ((), (), "no component"),
        ((Component("s", shapes.LINEAR, ("tild",)),), (Parameter("tilt", 0, (-1, 1)),), "'tilt'"),
        ((Component("s", shapes.LINEAR),) * 2, (), "component 's' more than once"),
        (
            (Component("s", shapes.LINEAR, ("tilt",)),),
            (Parameter("tilt", 0, (-1, 1)),) * 2,
            "parameter 'tilt' more than once",
        ),
    ],
)
def test_inconsistent_models_are_refused(components, parameters, message):
    with pytest.raises(BadParameters, match=message):
        MassModel("wrong", components, parameters)


@pytest.mark.parametrize(
    ("lo", "hi", "peak", "sigma"),
    [(1.8, 1.95, 1.8648, 0.005), (1.10, 1.13, 1.1157, 0.0012), (9.0, 9.7, 9.46, 0.07)],
)
def test_guess_finds_the_peak_and_its_width(lo, hi, peak, sigma):
    edges = np.linspace(lo, hi, 151)
    shares = np.diff(shapes.GAUSSIAN.cdf(edges, lo, hi, peak, sigma))
    counts = np.random.default_rng(1).poisson(20_000 * shares + 100.0).astype(float)
    guess = Guess.from_histogram(counts, edges)
    assert guess.peak == pytest.approx(peak, abs=sigma)
    assert guess.width == pytest.approx(sigma, rel=0.5)


@pytest.mark.parametrize("counts", [np.zeros(50), np.ones(50), np.linspace(5, 1, 50)])
def test_guess_without_a_peak_starts_in_the_middle(counts):
    guess = Guess.from_histogram(counts, np.linspace(0, 1, 51))
    assert 0 < guess.peak < 1
    assert 0 < guess.width <= 0.25
    assert abs(guess.tilt) <= 0.9


def test_starts_lie_clear_of_their_limits():
    edge = Guess(LO, HI, LO, 0.3, -0.9)
    for name in BUILT_IN:
        for each in mass_model(name).parameters:
            low, high = each.limits_for(edge)
            assert low < each.start_for(edge) < high
