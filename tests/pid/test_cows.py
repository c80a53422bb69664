"""Custom orthogonal weight functions: orthogonality, an independent package, and columns."""

from __future__ import annotations

import dataclasses
import pickle
import warnings

import numpy as np
import pytest
from scipy import integrate, stats

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, FitFailed
from hepnb.pid.mass.fit import fit_mass
from hepnb.pid.mass.models import mass_model
from hepnb.pid.subtraction.cows import bernstein_basis, cow_function, make_cows
from hepnb.pid.subtraction.sweight_columns import choose_sweights, cow_columns

LO, HI = 1.80, 1.95
VARIANCES = ("fit", "histogram", "constant")


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(7)
    mass = np.append(rng.normal(1.865, 0.006, 8000), rng.triangular(1.80, 1.80, 2.1, 16_000))
    columns = {"D0_M": mass, "x": rng.random(len(mass))}
    return Sample.from_frame(columns, mass="D0_M")


@pytest.fixture(scope="module")
def fits(sample):
    return [fit_mass(sample, model, range=(LO, HI)) for model in ("single_gaussian", "student")]


def peer(fit, degree, variance):
    with warnings.catch_warnings():
        # the package and what it loads (numba, awkward types) warn on import
        warnings.simplefilter("ignore")
        package = pytest.importorskip("sweights")
        from sweights.util import make_bernstein_pdf

        def density(component):
            def pdf(m):
                at = np.atleast_1d(np.asarray(m, float))
                found = fit.model.pdf(at, LO, HI, fit.shape_values)
                return found[component].reshape(np.shape(m))

            return pdf

        def total(m):
            return sum(fit.yields[n] * density(i)(m) for i, n in enumerate(fit.yields))

        given = {
            "constant": None,
            "histogram": (fit.spectrum.counts, fit.spectrum.edges),
            "fit": total,
        }
        basis = list(make_bernstein_pdf(degree, LO, HI))
        return package.Cow((LO, HI), density(0), basis, given[variance])


@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("degree", [1, 3])
def test_weights_equal_the_sweights_package(sample, degree, variance):
    # the package integrates bin by bin, hence few of them
    fit = fit_mass(sample, "single_gaussian", range=(LO, HI), bins=25)
    mass = np.linspace(LO, HI, 2000, endpoint=False)
    expected = peer(fit, degree, variance).get_weight(0, mass)
    found = cow_function(fit, degree=degree, variance=variance)(mass)[:, 0]
    # as specified; the package's integrals have this accuracy where I(m) is no constant
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("degree", range(5))
def test_weights_keep_the_signal_and_remove_every_polynomial(fits, degree, variance):
    function = cow_function(fits[0], degree=degree, variance=variance)
    mass = np.linspace(LO, HI, 300_001)[:-1] + 0.5 * (HI - LO) / 300_000
    weight = function(mass)
    step = (HI - LO) / 300_000
    signal = fits[0].model.pdf(mass, LO, HI, fits[0].shape_values)[0]
    # midpoint rule: exact to some 1e-7 where I(m) has steps
    assert np.sum(weight[:, 0] * signal) * step == pytest.approx(1, abs=1e-6)
    for power in range(degree + 1):
        moment = ((mass - LO) / (HI - LO)) ** power
        assert np.sum(weight[:, 0] * moment) * step / (HI - LO) == pytest.approx(0, abs=1e-6)
        whole = np.sum(weight[:, 1] * moment) * step / (HI - LO)
        assert whole == pytest.approx(1 / (power + 1), abs=1e-6)


def test_basis_is_normalised_and_adds_up_to_a_constant():
    for degree in range(5):
        for k in range(degree + 1):
            area, _ = integrate.quad(
                lambda m, d=degree, k=k: bernstein_basis(np.array([m]), LO, HI, d)[k, 0], LO, HI
            )
            assert area == pytest.approx(1, rel=1e-10)
        total = bernstein_basis(np.linspace(LO, HI, 7), LO, HI, degree).sum(axis=0)
        np.testing.assert_allclose(total, (degree + 1) / (HI - LO), rtol=1e-12)


def test_fitted_variance_gives_nearly_the_yield_and_precision_of_sweights(fits):
    """With I(m) the fitted density, degree 2 differs from sWeights by its freedom alone."""
    fit = fits[0]
    mass = np.concatenate([block for block, _ in fit.spectrum.candidates()])
    weight = cow_function(fit)(mass)
    np.testing.assert_allclose(weight.sum(axis=1), 1, rtol=1e-9)  # I(m) is in their span
    assert weight[:, 0].sum() == pytest.approx(fit.yields["signal"], abs=fit.errors["signal"])
    spread = {v: np.sum(cow_function(fit, variance=v)(mass)[:, 0] ** 2) for v in VARIANCES}
    assert np.sum(fit.sweights(mass)[:, 0] ** 2) < spread["fit"] < spread["constant"]


def test_higher_degrees_cost_precision(fits):
    mass = np.linspace(LO, HI, 5000, endpoint=False)
    rate = fits[0].expected
    assert callable(rate)
    density = np.array(list(fits[0].yields.values())) @ fits[0].model.pdf(
        mass, LO, HI, fits[0].shape_values
    )
    spread = [np.sum(density * cow_function(fits[0], degree=d)(mass)[:, 0] ** 2) for d in range(5)]
    assert np.all(np.diff(spread) > 0)


def test_any_variance_function_is_unbiased_and_its_squares_are_the_variance():
    """Even with 30 candidates per bin of a histogram that the same candidates fill."""
    rng = np.random.default_rng(12)
    pulls = {variance: [] for variance in VARIANCES}
    for _ in range(40):
        signal, background = rng.poisson([1500, 3000])
        mass = np.append(rng.normal(1.865, 0.006, signal), rng.uniform(LO, HI, background))
        fit = fit_mass(mass, "gaussian_linear", range=(LO, HI), variable="M", bins=100)
        for variance, found in pulls.items():
            w = cow_function(fit, degree=1, variance=variance)(mass)[:, 0]
            found.append((np.nansum(w) - 1500) / np.sqrt(np.nansum(w**2)))
    # mean and width of 40 pulls have standard deviations of 0.16 and 0.11
    for found in pulls.values():
        assert abs(np.mean(found)) < 0.5
        assert 0.65 < np.std(found) < 1.4


def test_a_third_component_keeps_its_own_density():
    model = mass_model("gaussian_linear")
    peaking = dataclasses.replace(model.components[0], name="peaking", parameters=("m2", "s2"))
    more = [
        dataclasses.replace(each, name=name)
        for each, name in zip(model.parameters, ("m2", "s2"), strict=False)
    ]
    three = dataclasses.replace(
        model,
        name="three",
        components=(model.components[0], model.components[1], peaking),
        parameters=(*model.parameters, *more),
    )
    values = (1.865, 0.006, 0.1, 1.90, 0.01)
    function = make_cows(three, (LO, HI), values, np.array([5.0, 9.0, 2.0]), degree=1)
    mass = np.linspace(LO, HI, 100_001)[:-1]
    products = function(mass).T @ three.pdf(mass, LO, HI, values).T * (HI - LO) / 100_000
    np.testing.assert_allclose(products, np.eye(3), atol=1e-4)  # rectangle rule at the ends


def test_density_that_reaches_zero_gives_finite_weights(fits):
    model = mass_model("gaussian_linear")
    values = (1.83, 0.004, -1.0)  # the line is 0 at the upper end, far from the peak
    function = make_cows(model, (LO, HI), values, np.array([1000.0, 1000.0]), degree=2)
    mass = np.linspace(LO, HI, 1000, endpoint=False)
    assert np.all(np.abs(function(mass)) < 50)


def test_columns_equal_the_function_and_travel(sample, fits):
    columns = cow_columns(*fits, degree=3)
    assert tuple(columns) == ("sweight_cows", "sweight_sys_cows")
    read = sample.with_columns(**columns).read(["D0_M", *columns])
    for name, fit in zip(columns, fits, strict=True):
        expected = cow_function(fit, degree=3)(read["D0_M"])[:, 0]
        np.testing.assert_array_equal(read[name], expected)
        copy = pickle.loads(pickle.dumps(columns[name]))
        masses = {"D0_M": np.linspace(1.7, 2.0, 50)}
        np.testing.assert_array_equal(copy.function(masses), columns[name].function(masses))
    outside = ~read["D0_M"].between(LO, HI, inclusive="left")
    assert outside.any()
    assert read["sweight_cows"].isna().equals(outside)


def test_cows_are_chosen_by_name(sample, fits):
    chosen = choose_sweights(sample, "cows", *fits, degree=1)
    assert chosen.weights == ("sweight_cows", "sweight_sys_cows")
    read = chosen.read(["D0_M", "sweight_cows"])
    expected = cow_function(fits[0], degree=1)(read["D0_M"])[:, 0]
    np.testing.assert_array_equal(read["sweight_cows"], expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degree": 5}, "0 to 4"),
        ({"degree": -1}, "0 to 4"),
        ({"variance": "fits"}, "fit, histogram, constant"),
        ({"background": "signol"}, "name its background"),
    ],
)
def test_wrong_options_are_refused(fits, options, message):
    with pytest.raises(BadParameters, match=message):
        cow_function(fits[0], **options)


def test_signal_as_wide_as_a_polynomial_is_refused():
    model = mass_model("gaussian_linear")
    values = (1.875, 1e4 * (HI - LO), 0.0)
    with pytest.raises(FitFailed, match="lower the degree"):
        make_cows(model, (LO, HI), values, np.array([10.0, 10.0]), degree=2)


def test_kolmogorov_weighted_spectrum_of_a_dependent_background_is_that_of_the_signal():
    """Where the background's mass depends on x, COWs still give the signal's distribution of x."""
    rng = np.random.default_rng(5)
    x = rng.random(60_000)
    slope = 2 * x - 1  # of the line, from falling to rising
    u, v = rng.random((2, 60_000))
    line = np.where(rng.random(60_000) < 0.5 * (1 + slope), np.maximum(u, v), np.minimum(u, v))
    mass = np.append(rng.normal(1.865, 0.006, 30_000), LO + (HI - LO) * line)
    x = np.append(rng.beta(2, 1, 30_000), x)
    fit = fit_mass(mass, "gaussian_linear", range=(LO, HI), variable="M")
    edges = np.linspace(0, 1, 9)
    truth = 30_000 * np.diff(stats.beta(2, 1).cdf(edges))
    chi2 = {}
    for name, w in (
        ("sweights", fit.sweights(mass)[:, 0]),
        ("cows", cow_function(fit, degree=1)(mass)[:, 0]),
    ):
        total, variance = (np.histogram(x, edges, weights=w**k)[0] for k in (1, 2))
        chi2[name] = np.sum((total - truth) ** 2 / variance)
    assert stats.chi2.sf(chi2["cows"], 8) > 1e-3
    assert stats.chi2.sf(chi2["sweights"], 8) < 1e-6
