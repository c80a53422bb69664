"""Components of the uncertainty of an efficiency: bootstrap, models, bins, and their sum."""

from __future__ import annotations

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters
from hepnb.pid.efficiency import measure_efficiency
from hepnb.pid.mass.fit import fit_mass
from hepnb.pid.subtraction.subtraction import Subtraction
from hepnb.pid.subtraction.sweight_columns import choose_sweights
from hepnb.pid.uncertainty.bootstrap import bootstrap_efficiency
from hepnb.pid.uncertainty.systematics import (
    halved,
    in_bin_variation,
    measure_systematics,
    model_shifts,
)
from hepnb.pid.uncertainty.uncertainties import Uncertainties
from hepnb.pid.weight_table import data_mc_ratio

BINNING = {"x": [0.0, 0.5, 1.0]}
COMMON = {"cut": "ok", "binning": BINNING}
LO, HI = 1.80, 1.95


def columns(n=20_000, *, seed=4, slope=0.0):
    """Half signal; efficiency 0.9 and 0.6 in the two bins of x, rising with x by `slope`."""
    rng = np.random.default_rng(seed)
    signal = np.arange(n) < n // 2
    mass = np.where(signal, rng.normal(1.865, 0.006, n), rng.uniform(LO, HI, n))
    x = rng.random(n)
    eps = np.where(x < 0.5, 0.9, 0.6) + slope * (x - 0.5)
    ok = rng.random(n) < np.where(signal, eps, 0.25)
    return {"M": mass, "x": x, "charge": rng.choice([-1.0, 1.0], n), "ok": ok.astype(float)}


def sample_of(**options):
    return Sample.from_frame(columns(**options), mass="M", name="toy")


@pytest.fixture(scope="module")
def sample():
    return sample_of()


@pytest.fixture(scope="module")
def fits(sample):
    models = ("gaussian_linear", "student")
    return [fit_mass(sample, model, range=(LO, HI), bins=75) for model in models]


@pytest.fixture(scope="module")
def table(sample, fits):
    return measure_efficiency(choose_sweights(sample, "fit", *fits), **COMMON)


@pytest.fixture(scope="module")
def bootstrap(sample, fits):
    return bootstrap_efficiency(sample, *fits, replicas=120, **COMMON)


def test_binned_weights_measure_what_candidate_weights_do(bootstrap, table):
    sigma = table.frame["stat_up"]
    moved = bootstrap.measured["nominal"] - table.frame["efficiency"]
    assert np.max(np.abs(moved / sigma)) < 0.1
    shift = bootstrap.measured["alternative"] - bootstrap.measured["nominal"]
    np.testing.assert_allclose(shift, table.frame["sys_shift"], atol=0.05 * sigma.min())


def test_fixed_shapes_agree_with_the_formula_and_floating_ones_exceed_it(bootstrap, table):
    # 120 replicas know a width to 6.5 %; test C holds 5 % with 2000
    np.testing.assert_allclose(bootstrap.statistical, table.frame["stat_up"], rtol=0.2)
    assert bootstrap.failed == 0
    assert np.all(bootstrap.total > bootstrap.statistical)
    # what the shapes add is independent of the rest, so that squares add up
    together = np.hypot(bootstrap.statistical, bootstrap.shape)
    np.testing.assert_allclose(bootstrap.total, together, rtol=0.05)


def test_replicas_of_counts_have_the_spread_of_replicas_of_candidates(bootstrap):
    """Brute force: Poisson(1) for each candidate, and the whole of `fit_mass` again."""
    rng = np.random.default_rng(8)
    own = columns()
    found = []
    for _ in range(40):
        times = rng.poisson(1.0, len(own["M"]))
        copy = Sample.from_frame({k: np.repeat(v, times) for k, v in own.items()}, mass="M")
        fit = fit_mass(copy, "gaussian_linear", range=(LO, HI), bins=75)
        chosen = choose_sweights(copy, "fit", fit, fit)
        found.append(measure_efficiency(chosen, **COMMON).frame["efficiency"])
    # widths of 40 and of 120 numbers are known to 11 % and 6.5 %
    np.testing.assert_allclose(np.std(found, axis=0), bootstrap.total, rtol=0.38)


def test_a_bin_without_candidates_has_no_spread_and_spoils_no_other(sample, fits, bootstrap):
    binning = {"x": [0.0, 0.5, 1.0, 2.0]}
    found = bootstrap_efficiency(sample, *fits, cut="ok", binning=binning, replicas=5)
    for each in (found.statistical, found.total, found.shape, found.difference()["error"]):
        assert np.isfinite(each).tolist() == [True, True, False]
    np.testing.assert_array_equal(found.floating[:, :2], bootstrap.floating[:5])


def test_shapes_shift_all_bins_together(bootstrap):
    change = bootstrap.floating - bootstrap.fixed
    correlation = np.corrcoef(change.T)[0, 1]
    assert abs(correlation) > 0.8
    assert np.sign(np.prod(bootstrap.shape)) == np.sign(correlation)
    assert bootstrap.shape.sum() > 0


def test_difference_of_two_models_is_far_more_certain_than_either(bootstrap, table):
    found = bootstrap.difference()
    assert tuple(found) == ("x_min", "x_max", "difference", "error", "significance")
    assert np.all(found["error"] < 0.3 * table.frame["stat_up"])
    np.testing.assert_allclose(
        found["significance"], np.abs(found["difference"]) / found["error"], rtol=1e-12
    )
    assert np.all(found["significance"] < 4)  # both models describe the toy


def test_seed_alone_decides_and_more_replicas_go_on(sample, fits):
    runs = [
        bootstrap_efficiency(sample, fits[0], replicas=n, seed=seed, workers=workers, **COMMON)
        for n, seed, workers in ((3, 1, 1), (5, 1, 2), (3, 2, 1))
    ]
    np.testing.assert_array_equal(runs[0].floating, runs[1].floating[:3])
    assert not np.array_equal(runs[0].floating, runs[2].floating)
    with pytest.raises(BadParameters, match="alternative"):
        runs[0].difference()


def test_cows_can_be_resampled_too(sample, fits):
    found = bootstrap_efficiency(sample, *fits, replicas=30, degree=2, **COMMON)
    chosen = choose_sweights(sample, "cows", *fits, degree=2)
    frame = measure_efficiency(chosen, **COMMON).frame
    moved = found.measured["nominal"] - frame["efficiency"]
    assert np.max(np.abs(moved / frame["stat_up"])) < 0.15
    np.testing.assert_allclose(found.statistical, frame["stat_up"], rtol=0.4)


def test_model_that_the_candidates_do_not_determine_is_told(sample, fits, caplog):
    """Two Gaussians fitted to one: the wide one may be anything, also part of the background."""
    loose = fit_mass(sample, "two_gaussians", range=(LO, HI), bins=75)
    found = bootstrap_efficiency(sample, loose, replicas=60, **COMMON)
    assert "take a simpler model" in caplog.text
    assert np.all(found.total > 1.5 * found.statistical)
    caplog.clear()
    bootstrap_efficiency(sample, fits[0], replicas=60, **COMMON)
    assert "simpler model" not in caplog.text


def test_candidates_outside_the_table_take_part_in_the_fit(sample, fits):
    part = bootstrap_efficiency(sample, fits[0], cut="ok", binning={"x": [0.0, 0.5]}, replicas=3)
    whole = bootstrap_efficiency(sample, fits[0], replicas=3, **COMMON)
    assert part.measured["nominal"][0] == pytest.approx(whole.measured["nominal"][0], rel=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicas": 1}, "no spread"),
        ({"binning": {"M": [1.8, 1.9]}}, "their mass"),
        ({"binning": BINNING, "fit_cut": "x > 0.2"}, "fewer candidates"),
    ],
)
def test_wrong_bootstraps_are_refused(sample, fits, options, message):
    fit = fits[0]
    if cut := options.pop("fit_cut", ""):
        fit = fit_mass(sample, "gaussian_linear", range=(LO, HI), bins=75, cut=cut)
    with pytest.raises(BadParameters, match=message):
        bootstrap_efficiency(sample, fit, **(COMMON | options))


def test_halves_of_bins():
    assert halved({"x": [0, 1, 3], "charge": [-2, 0, 2]}) == {
        "x": [0, 0.5, 1, 2, 3],
        "charge": [-2, -1, 0, 1, 2],
    }


def test_in_bin_variation_is_a_quarter_of_a_linear_rise():
    """Counted signal alone; bins of charge have halves without candidates, which do not count."""
    own = columns(400_000, slope=0.6)
    signal = Sample.from_frame({name: each[:200_000] for name, each in own.items()})
    binning = {"x": [0.0, 0.5, 1.0], "charge": [-2, 0, 2]}
    tables = [
        measure_efficiency(signal, cut="ok", binning=each, weight=None)
        for each in (binning, halved(binning))
    ]
    found = in_bin_variation(*tables)
    # the efficiency rises by 0.3 over each bin of x; halves have 25 000 candidates, +- 0.003
    np.testing.assert_allclose(found, 0.3 / 4, atol=0.006)


def test_in_bin_variation_of_a_flat_efficiency_is_within_its_noise(table, sample, fits):
    fine = measure_efficiency(
        choose_sweights(sample, "fit", *fits), cut="ok", binning=halved(BINNING)
    )
    assert np.all(in_bin_variation(table, fine) < 2 * table.frame["stat_up"])
    with pytest.raises(BadParameters, match="finer table"):
        in_bin_variation(table, table)


def test_in_bin_variation_of_a_ratio_is_smaller_than_that_of_either(make_sample):
    binning = {"p": [0.5, 2.0, 4.5]}
    fine, coarse = (
        data_mc_ratio(
            make_sample(kind="data"), make_sample(kind="mc"), cut="kaonID > 0.6", binning=each
        )
        for each in (halved(binning), binning)
    )
    found = in_bin_variation(coarse, fine)
    assert found.shape == (2,)
    assert np.all(found < 3 * coarse.frame["data_MC_uncertainty_stat_up"])


def test_model_shifts_are_those_of_measuring_with_each_model(sample, fits, caplog):
    found = model_shifts(sample, fits[0], ["student", "gaussian_linear"], **COMMON)
    assert tuple(found) == ("x_min", "x_max", "student", "gaussian_linear")
    student = choose_sweights(sample, "fit", fits[1], fits[1])
    nominal = choose_sweights(sample, "fit", fits[0], fits[0])
    tables = [measure_efficiency(each, **COMMON).frame for each in (student, nominal)]
    expected = tables[0]["efficiency"] - tables[1]["efficiency"]
    np.testing.assert_allclose(found["student"], expected, atol=1e-6)
    np.testing.assert_allclose(found["gaussian_linear"], 0, atol=1e-12)
    assert not [each for each in caplog.records if "left out" in each.message]


def test_models_that_do_not_describe_the_data_are_left_out(caplog):
    rng = np.random.default_rng(5)
    own = columns()
    own["M"][:10_000] = 1.865 + 0.008 * rng.standard_t(2, 10_000)
    wide = Sample.from_frame({k: v[own["M"] < HI] for k, v in own.items()}, mass="M")
    nominal = fit_mass(wide, "student", range=(LO, HI), bins=75)
    found = model_shifts(wide, nominal, ["gaussian_linear"], **COMMON)
    assert tuple(found) == ("x_min", "x_max")
    assert "'gaussian_linear' is left out" in caplog.text


def test_all_components_in_one_table(sample, fits, table):
    weighted = choose_sweights(sample, "fit", *fits)
    found, replicas = measure_systematics(
        Subtraction(weighted, "fit", *fits), models=["two_gaussians_linear"], replicas=20, **COMMON
    )
    assert found.shifts == ("second_weights", "mass_models", "shapes", "binning")
    np.testing.assert_allclose(found.frame["value"], table.frame["efficiency"], rtol=1e-12)
    np.testing.assert_allclose(found.frame["second_weights"], table.frame["sys_shift"], rtol=1e-9)
    np.testing.assert_array_equal(found.frame["shapes"], replicas.shape)
    shifts = found.frame[list(found.shifts)]
    np.testing.assert_allclose(found.frame["systematic"] ** 2, (shifts**2).sum(axis=1))
    assert np.isfinite(found.frame).all(axis=None)


def uncertainties():
    return Uncertainties.combined(
        {"x": (0.0, 1.0, 2.0, 3.0)},
        [0.9, 0.8, 0.7],
        [0.01, 0.02, 0.02],
        {"models": [0.01, -0.02, 0.0], "binning": [0.03, 0.03, 0.03]},
        what="efficiency",
    )


def test_covariance_is_that_of_thrown_shifts():
    found = uncertainties()
    rng = np.random.default_rng(6)
    n = 200_000
    thrown = rng.normal(0, found.frame["statistical"], (n, 3))
    for name in found.shifts:
        thrown += rng.normal(size=(n, 1)) * found.frame[name].to_numpy()
    covariance = found.covariance()
    np.testing.assert_allclose(np.cov(thrown.T), covariance, atol=1e-5)  # 1 % of the largest
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), found.frame["total"], rtol=1e-12)


def test_every_component_says_how_it_is_correlated():
    found = uncertainties()
    assert "independent" in found.correlations["statistical"]
    assert all("fully correlated" in found.correlations[name] for name in found.shifts)
    assert "binning: 0.03000 (one shift of all bins: fully correlated)" in found.summary()
    assert json.loads(json.dumps(found.numbers()))["median_binning"]["value"] == 0.03


def test_saved_table_and_covariance_are_read_back(tmp_path):
    found = uncertainties()
    frame, covariance = found.save(tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(frame), found.frame)
    back = np.loadtxt(covariance, delimiter=",")
    np.testing.assert_allclose(back, found.covariance(), rtol=1e-12)


def test_ratio_takes_relative_shifts_and_its_own_statistics(make_table):
    weights = make_table({"p": [0.5, 1.0, 2.0, 4.5]})
    data = weights.data
    found = Uncertainties.of_efficiency(data, {"shapes": 0.01 * data.frame["efficiency"]})
    ratio = found.of_ratio(weights, binning=[0.1, 0.2, 0.3])
    np.testing.assert_allclose(ratio.frame["shapes"], 0.01 * weights.frame["data_MC_ratio"])
    assert ratio.frame["binning"].tolist() == [0.1, 0.2, 0.3]
    np.testing.assert_allclose(
        ratio.frame["statistical"], weights.frame["data_MC_uncertainty_stat_up"], rtol=0.1
    )
    with pytest.raises(BadParameters, match="other bins"):
        found.of_ratio(make_table({"p": [0.5, 4.5]}))


@pytest.mark.parametrize("shifts", [{"total": [0, 0, 0]}, {"value": [0, 0, 0]}, {"new": [0, 0]}])
def test_components_that_do_not_fit_are_refused(shifts):
    with pytest.raises(BadParameters, match="component"):
        Uncertainties.combined({"x": (0.0, 1.0, 2.0, 3.0)}, [1] * 3, [1] * 3, shifts)


def test_figure_shows_every_component():
    ax = uncertainties().plot()
    labels = [each.get_text() for each in ax.get_legend().get_texts()]
    assert labels == ["statistical", "models", "binning", "total"]
    plt.close(ax.figure)
