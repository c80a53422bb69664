"""Mass fits against known truth, other cost functions and real collisions."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import hist
import numpy as np
import pandas as pd
import pytest
from iminuit import cost as reference_cost

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, FitFailed
from hepnb.pid.mass import densities as shapes
from hepnb.pid.mass import spectrum as mass_spectrum
from hepnb.pid.mass.fit import fit_mass
from hepnb.pid.mass.likelihood import BinnedLikelihood, UnbinnedLikelihood
from hepnb.pid.mass.models import Component, MassModel, Parameter, mass_model

# name: range, shape parameters of "two_gaussians" in GeV
MODES = {
    "D0": ((1.80, 1.95), (1.865, 0.0045, 2.1, 0.7, -0.32, 0.1)),
    "Lambda": ((1.10, 1.13), (1.1157, 0.0009, 2.4, 0.65, 0.5, -0.1)),
    "Upsilon": ((9.0, 9.7), (9.455, 0.055, 2.0, 0.6, 0.05, -0.05)),
}


def toy_mass(mode, n_signal, n_background, seed=1):
    """Draw masses, shuffled, by inverting the distribution functions on a fine grid."""
    (lo, hi), values = MODES[mode]
    rng = np.random.default_rng(seed)
    grid = np.linspace(lo, hi, 20_001)
    cdf = mass_model("two_gaussians").cdf(grid, lo, hi, values)
    parts = [
        np.interp(rng.random(rng.poisson(n)), each, grid)
        for n, each in zip((n_signal, n_background), cdf, strict=True)
    ]
    return rng.permutation(np.concatenate(parts))


def toy_histogram(mode, n_signal, n_background, rng, bins=100):
    (lo, hi), values = MODES[mode]
    found = hist.Hist(hist.axis.Regular(bins, lo, hi))
    shares = mass_model("two_gaussians").bin_probabilities(found.axes[0].edges, values)
    found[:] = rng.poisson(np.array([n_signal, n_background]) @ shares)
    return found


@pytest.fixture(scope="module")
def d0():
    mass = toy_mass("D0", 12_000, 8000)
    return mass, fit_mass(mass, variable="D0_M", range=MODES["D0"][0])


@pytest.mark.parametrize("mode", MODES)
def test_fit_recovers_the_truth_from_data_driven_starts(mode):
    bounds, truth = MODES[mode]
    fit = fit_mass(toy_mass(mode, 60_000, 40_000), range=bounds)
    assert fit.valid
    assert fit.status == "ok"
    assert fit.p_value > 1e-3
    expected = dict(zip(mass_model("two_gaussians").parameter_names, truth, strict=True))
    expected |= {"N_signal": 60_000, "N_background": 40_000}
    for row in fit.parameters.itertuples():
        assert row.value == pytest.approx(expected[row.name], abs=3 * row.error), row.name


def test_bernstein_background_finds_the_same_yield():
    fit = fit_mass(toy_mass("D0", 60_000, 40_000), "two_gaussians_bernstein", range=(1.80, 1.95))
    assert fit.valid
    assert fit.yields["signal"] == pytest.approx(60_000, abs=3 * fit.errors["signal"])


def test_pulls_of_the_signal_yield_are_standard_normal():
    rng, toys = np.random.default_rng(11), 200
    pulls = np.empty(toys)
    for toy in range(toys):
        fit = fit_mass(toy_histogram("D0", 6000, 4000, rng))
        pulls[toy] = (fit.yields["signal"] - 6000) / fit.errors["signal"]
    assert abs(pulls.mean()) < 4 / np.sqrt(toys)  # 4 sigma: false alarm 6e-5
    assert pulls.std(ddof=1) == pytest.approx(1.0, abs=4 / np.sqrt(2 * toys))


def test_identities_hold_for_a_real_fit(d0):
    mass, fit = d0
    w = fit.sweights(mass)
    w = w[np.isfinite(w[:, 0])]
    covariance = fit.refit.covariance
    np.testing.assert_allclose(w.sum(axis=0), fit.refit.yields, rtol=1e-9)
    np.testing.assert_allclose(covariance.sum(axis=1), fit.refit.yields, rtol=1e-9)
    np.testing.assert_allclose(w.sum(axis=1), 1.0, rtol=1e-9)
    np.testing.assert_allclose((w**2).sum(axis=0), np.diagonal(covariance), rtol=1e-9)


def test_binned_and_unbinned_fits_agree(d0):
    mass, binned = d0
    unbinned = fit_mass(mass, range=(1.80, 1.95), unbinned=True)
    assert unbinned.valid
    assert unbinned.unbinned
    both = binned.parameters.merge(unbinned.parameters, on="name")
    # 150 bins, five across the narrow width, lose little information
    assert np.all(np.abs(both.value_x - both.value_y) < 0.3 * both.error_x)
    np.testing.assert_allclose(both.error_x, both.error_y, rtol=0.1)


def test_binned_likelihood_differs_from_iminuit_by_half_alone():
    model, ((lo, hi), values) = mass_model("two_gaussians"), MODES["D0"]
    counts, edges = toy_histogram("D0", 500, 300, np.random.default_rng(2)).to_numpy()
    variances = 2.0 * counts

    def scaled_cdf(x, n_s, n_b, *pars):
        return np.array([n_s, n_b]) @ model.cdf(x, lo, hi, pars)

    point = (450.0, 350.0, *values)
    counted = reference_cost.ExtendedBinnedNLL(counts, edges, scaled_cdf)
    assert 2 * BinnedLikelihood(model, edges, counts)(*point) == pytest.approx(
        counted(*point), rel=1e-9
    )
    full = np.maximum(counts, 1.0)  # an empty weighted bin is treated otherwise
    weighted = reference_cost.ExtendedBinnedNLL(
        np.column_stack([full, variances + 1]), edges, scaled_cdf
    )
    assert 2 * BinnedLikelihood(model, edges, full, variances + 1)(*point) == pytest.approx(
        weighted(*point), rel=1e-9
    )


def test_unbinned_likelihood_differs_from_iminuit_by_half_alone():
    model, ((lo, hi), values) = mass_model("two_gaussians"), MODES["D0"]
    mass = toy_mass("D0", 300, 200)

    def scaled_pdf(x, n_s, n_b, *pars):
        return n_s + n_b, np.array([n_s, n_b]) @ model.pdf(x, lo, hi, pars)

    own = UnbinnedLikelihood(model, lo, hi, mass)
    reference = reference_cost.ExtendedUnbinnedNLL(mass, scaled_pdf)
    first, second = (290.0, 210.0, *values), (330.0, 170.0, *values)
    # the reference leaves out a constant
    assert 2 * (own(*first) - own(*second)) == pytest.approx(
        reference(*first) - reference(*second), rel=1e-9
    )


def test_order_of_candidates_and_reading_from_a_sample_change_only_rounding(d0, monkeypatch):
    mass, fit = d0
    sample = Sample.from_frame({"D0_M": mass}, mass="D0_M")
    reordered = fit_mass(sample, range=(1.80, 1.95))
    assert dict(reordered.yields) == dict(fit.yields)
    assert reordered.variable == "D0_M"
    monkeypatch.setattr(mass_spectrum, "_IN_MEMORY", 0)  # read anew in each pass
    streamed = fit_mass(sample, range=(1.80, 1.95))
    assert dict(streamed.yields) == dict(fit.yields)
    np.testing.assert_allclose(streamed.refit.yields, fit.refit.yields, rtol=1e-12)
    np.testing.assert_allclose(streamed.sweights(mass), fit.sweights(mass), rtol=1e-9)


def test_any_expression_cut_and_series_can_be_fitted(d0):
    mass, fit = d0
    frame = pd.DataFrame({"D0_M": mass, "good": np.arange(len(mass)) % 2})
    sample = Sample.from_frame(frame, mass="D0_M")
    halves = [fit_mass(sample, range=(1.80, 1.95), cut=cut) for cut in ("good", "not good")]
    assert sum(each.counts["in_range"] for each in halves) == fit.counts["in_range"]
    scaled = fit_mass(sample, variable="D0_M * 1000", range=(1800, 1950), unit="MeV/c^2")
    assert scaled.yields["signal"] == pytest.approx(fit.yields["signal"], rel=1e-3)
    assert fit_mass(frame["D0_M"], range=(1.80, 1.95)).yields["signal"] == fit.yields["signal"]


def test_histogram_fits_like_its_candidates(d0):
    mass, fit = d0
    filled = hist.Hist(hist.axis.Regular(150, 1.80, 1.95)).fill(mass)
    from_bins = fit_mass(filled)
    assert from_bins.yields["signal"] == pytest.approx(fit.yields["signal"], rel=1e-6)
    difference = from_bins.sweights(mass) - fit.sweights(mass)
    assert np.nanmax(np.abs(difference)) < 1e-2  # identities hold for bins, not candidates
    assert from_bins.counts["in_range"] == filled.sum()


def test_candidates_outside_the_range_are_counted_and_have_no_weight(d0):
    mass, fit = d0
    more = np.concatenate([mass, [1.70, 1.95, 2.1, np.nan, np.inf, -np.inf]])
    with_more = fit_mass(more, range=(1.80, 1.95))
    assert with_more.counts == {
        "candidates": len(more),
        "in_range": len(mass),
        "below": 1,
        "above": 2,  # the upper end is exclusive
        "not_finite": 3,
        "bad_weight": 0,
    }
    assert dict(with_more.yields) == dict(fit.yields)
    weights = with_more.sweights(more)
    assert weights.shape == (len(more), 2)
    assert np.isnan(weights[-6:]).all()
    assert np.isfinite(weights[:-6]).all()


def test_range_is_by_default_what_candidates_span(d0):
    mass, _ = d0
    fit = fit_mass(np.append(mass, np.nan))
    assert fit.range[0] == mass.min()
    assert fit.counts["in_range"] == len(mass)


def test_weighted_pulls_are_standard_normal():
    rng, toys = np.random.default_rng(5), 60
    pulls = np.empty(toys)
    for toy in range(toys):
        mass = toy_mass("D0", 6000, 4000, seed=1000 + toy)
        q = rng.uniform(0, 2, len(mass))  # mean 1, so that the yields keep their expectation
        fit = fit_mass(mass, range=(1.80, 1.95), weights=q, bins=60)
        pulls[toy] = (fit.yields["signal"] - 6000) / fit.errors["signal"]
    assert abs(pulls.mean()) < 4 / np.sqrt(toys)
    assert pulls.std(ddof=1) == pytest.approx(1.0, abs=4 / np.sqrt(2 * toys))


def test_user_model_with_a_numerical_density_is_fitted(d0):
    mass, _ = d0
    peak = mass_model("two_gaussians").components[0]
    falling = shapes.numerical_density(lambda m, slope: np.exp(-slope * (m - 1.8)))
    model = MassModel(
        "exponential_background",
        (peak, Component("background", falling, ("slope",))),
        (*mass_model("two_gaussians").parameters[:4], Parameter("slope", 2.0, (-50.0, 50.0))),
    )
    fit = fit_mass(mass, model, range=(1.80, 1.95))
    assert fit.valid
    assert fit.yields["signal"] == pytest.approx(12_000, abs=4 * fit.errors["signal"])


def test_three_components_are_fitted():
    rng = np.random.default_rng(4)
    mass = np.concatenate(
        [rng.normal(0.3, 0.02, 4000), rng.normal(0.6, 0.02, 2000), rng.random(4000)]
    )
    model = MassModel(
        "two_peaks",
        (
            Component("first", shapes.GAUSSIAN, ("mean_first", "sigma")),
            Component("second", shapes.GAUSSIAN, ("mean_second", "sigma")),
            Component("background", shapes.LINEAR, ("tilt",)),
        ),
        (
            Parameter("mean_first", 0.3, (0.2, 0.4)),
            Parameter("mean_second", 0.6, (0.5, 0.7)),
            Parameter("sigma", 0.03, (0.005, 0.1)),
            Parameter("tilt", 0.0, (-1.0, 1.0)),
        ),
    )
    fit = fit_mass(mass, model, range=(0.0, 1.0), unit="")
    for name, truth in (("first", 4000), ("second", 2000), ("background", 4000)):
        assert fit.yields[name] == pytest.approx(truth, abs=4 * fit.errors[name])
    assert fit.sweights(mass).shape == (10_000, 3)


def test_background_at_its_limit_is_flagged():
    rng = np.random.default_rng(3)
    mass = np.append(rng.normal(0.5, 0.03, 5000), np.sqrt(rng.random(20_000)))  # density 2 m
    fit = fit_mass(mass[(mass > 0) & (mass < 1)], "gaussian_linear", range=(0, 1))
    tilt = fit.parameters.set_index("name").loc["tilt"]
    assert tilt.value > 0.98
    assert ("at_limit:tilt" in fit.status) == bool(tilt.at_limit)


def test_fit_without_signal_says_so_and_gives_no_sweights():
    rng = np.random.default_rng(0)
    fits = [fit_mass(rng.random(2000), range=(0, 1), bins=50) for _ in range(6)]
    absent = [each for each in fits if each.refit is None]
    for fit in absent:
        assert "no_sweights" in fit.status
        with pytest.raises(FitFailed, match="no sWeights from this fit"):
            fit.sweights([0.5])
    for fit in fits:
        assert fit.yields["signal"] < 600


def test_poor_model_is_flagged():
    mass = toy_mass("D0", 100_000, 50_000)
    fit = fit_mass(mass, "gaussian_linear", range=(1.80, 1.95))
    assert "poor_fit" in fit.status
    assert fit.valid


def test_coarse_bins_do_not_bias_since_integrals_are_exact():
    mass = toy_mass("D0", 60_000, 40_000)
    fit = fit_mass(mass, range=(1.80, 1.95), bins=30)  # 5 MeV bins, narrow width 4.5 MeV
    assert fit.yields["signal"] == pytest.approx(60_000, abs=3 * fit.errors["signal"])


@pytest.mark.parametrize(
    ("mass", "options", "message"),
    [
        ([], {"range": (0, 1)}, "of 0 candidates"),
        ([], {}, "different finite masses"),
        ([np.nan] * 9, {"range": (0, 1)}, "9 not finite"),
        ([np.nan] * 9, {}, "different finite masses"),
        ([0.5] * 9, {}, "different finite masses"),
        ([1.0, 2.0, 1850.0], {"range": (1.8, 1.95)}, "1 are below, 2 above"),
    ],
)
def test_nothing_to_fit_says_what_was_seen(mass, options, message):
    with pytest.raises(FitFailed, match=message):
        fit_mass(np.array(mass), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "two_gaussian"}, "did you mean 'two_gaussians'"),
        ({"range": (2, 1)}, "lower one first"),
        ({"range": (np.nan, 1)}, "two finite numbers"),
        ({"bins": 0}, "0 bins"),
        ({"bins": [0, 2, 1]}, "must increase"),
        ({"bins": [0, 1, 2], "range": (0, 1)}, "not that of the bin edges"),
        ({"cut": "p > 1"}, "needs a sample"),
        ({"weights": "w"}, "needs a sample"),
        ({"weights": [1.0, 2.0]}, r"weights \(2,\) must be flat"),
        ({"unbinned": True, "weights": np.ones(500)}, "without weights"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadParameters, match=message):
        fit_mass(np.random.default_rng(0).random(500), **options)


def test_samples_without_a_mass_and_histograms_with_cuts_are_refused():
    sample = Sample.from_frame({"x": np.ones(3)}, name="nameless")
    with pytest.raises(BadParameters, match="names no mass"):
        fit_mass(sample)
    with pytest.raises(BadParameters, match="given as an array"):
        fit_mass(sample, variable="x", weights=np.ones(3))
    filled = hist.Hist(hist.axis.Regular(10, 0, 1)).fill([0.5, 0.6])
    with pytest.raises(BadParameters, match="slice it"):
        fit_mass(filled, range=(0, 0.5))
    with pytest.raises(BadParameters, match="candidates without weights"):
        fit_mass(filled, unbinned=True)
    with pytest.raises(BadParameters, match="one axis"):
        fit_mass(hist.Hist(hist.axis.Regular(2, 0, 1), hist.axis.Regular(2, 0, 1)))
    with pytest.raises(FitFailed, match="empty"):
        fit_mass(hist.Hist(hist.axis.Regular(10, 0, 1)))


@pytest.mark.parametrize("n", [1, 2, 3, 10, 30])
def test_few_candidates_end_in_a_fit_or_a_clear_error(n):
    mass = np.random.default_rng(n).normal(0.5, 0.05, n)
    try:
        fit = fit_mass(mass, range=(0, 1))
    except FitFailed:
        return  # its message is tested elsewhere
    assert sum(fit.yields.values()) == pytest.approx(n, abs=0.5 * n + 1)


def test_numbers_carry_units_and_status(d0):
    numbers = d0[1].numbers()
    assert numbers["N_signal"]["unit"] == "candidates"
    assert numbers["mean"]["unit"] == "GeV/c^2"
    assert numbers["sigma_ratio"]["unit"] == ""
    assert {each["status"] for each in numbers.values()} == {"ok"}
    assert numbers["p_value"]["value"] == d0[1].p_value
    assert all(isinstance(each["value"], float | int) for each in numbers.values())


def test_summary_tells_yields_and_any_flaw(d0):
    assert d0[1].summary().startswith("Signal: 11839 \u00b1 138\nBackground: 8008")
    poor = fit_mass(toy_mass("D0", 100_000, 50_000), "gaussian_linear", range=(1.80, 1.95))
    assert poor.summary().endswith("poor_fit")


def test_expectations_sum_to_the_yields(d0):
    fit = d0[1]
    for name, content in fit.expected().items():
        assert content.sum() == pytest.approx(fit.yields[name], rel=1e-9)
    inner = fit.expected([1.86, 1.87])["signal"]
    assert 0 < inner[0] < fit.yields["signal"]


def test_weight_function_travels_without_the_data(d0):
    mass, fit = d0
    text = pickle.dumps(fit.sweight_function)
    assert len(text) < 20_000
    np.testing.assert_array_equal(pickle.loads(text)(mass), fit.sweights(mass))


def cms_file(name):
    places = [os.environ.get("HEPNB_OPEN_DATA"), Path(__file__).parents[3] / "shared" / "data"]
    for place in filter(None, places):
        path = Path(place) / "cms2011" / name
        if path.exists():
            return path
    return pytest.skip(f"no {name}: set HEPNB_OPEN_DATA to a folder that holds cms2011/{name}")


def test_upsilon_of_cms_is_described():
    mass = pd.read_csv(cms_file("upsilon_mumu.csv"))["M"]
    fit = fit_mass(mass, variable="M", range=(9.0, 9.7), bins=100)
    assert fit.valid
    assert fit.status == "ok"
    assert fit.p_value > 0.001
    assert sum(fit.yields.values()) == pytest.approx(len(mass), rel=1e-4)
    found = fit.parameters.set_index("name")
    # Upsilon(1S): 9.4604 GeV (PDG); radiation and the scale of 2011 pull it down by some MeV
    assert found.loc["mean", "value"] == pytest.approx(9.4604, abs=0.02)
    assert found.loc["sigma", "value"] == pytest.approx(0.07, abs=0.03)
    other = fit_mass(mass, "single_gaussian", variable="M", range=(9.0, 9.7), bins=100)
    assert other.p_value > 0.001
