"""sWeights as columns: in a sample, in a table, nominal and systematic."""

from __future__ import annotations

import dataclasses
import pickle

import hist
import numpy as np
import pytest

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, FitFailed
from hepnb.pid.mass.fit import fit_mass
from hepnb.pid.subtraction.sweight_columns import choose_sweights, sweight_columns, sweight_frame

RANGE = (1.80, 1.95)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(3)
    signal = rng.normal(1.865, 0.006, 6000)
    background = rng.uniform(1.79, 1.96, 5000)  # some outside the range
    frame = {
        "D0_M": np.append(signal, background),
        "K_p": np.append(rng.normal(2.0, 0.2, 6000), rng.normal(1.0, 0.3, 5000)),
        "sweight": np.ones(11_000),
        "sweight_sys": np.ones(11_000),
    }
    sample = Sample.from_frame(
        frame, mass="D0_M", particles={"K": "K"}, weights=("sweight", "sweight_sys")
    )
    nominal = fit_mass(sample, "single_gaussian", range=RANGE)
    return sample, nominal, fit_mass(sample, "two_gaussians_linear", range=RANGE)


def test_derived_column_equals_the_weights_of_the_masses(fitted):
    sample, nominal, _ = fitted
    both = sample.with_columns(
        refit=nominal.sweight_column("signal"), rest=nominal.sweight_column("background")
    )
    columns = both.read(["refit", "rest", "D0_M"])
    expected = nominal.sweights(columns["D0_M"])
    np.testing.assert_array_equal(columns[["refit", "rest"]].to_numpy(), expected)
    outside = ~columns["D0_M"].between(*RANGE)
    assert outside.any()
    assert columns["refit"].isna().equals(outside)


def test_weighted_spectrum_of_another_variable_is_that_of_the_signal(fitted):
    sample, nominal, _ = fitted
    columns = sample.with_columns(w=nominal.sweight_column()).particle("K").read(["w", "p"])
    inside = columns["w"].notna()
    w, p = columns["w"][inside], columns["p"][inside]
    # 6000 of 2.0 +- 0.2: the error of the mean, with weights of both signs, is near 0.004
    assert np.average(p, weights=w) == pytest.approx(2.0, abs=0.02)
    assert np.average(p) < 1.7


def test_chunks_do_not_change_a_weight(fitted):
    sample, nominal, _ = fitted
    derived = sample.with_columns(w=nominal.sweight_column())
    whole = derived.read(["w"])["w"].to_numpy()
    parts = np.concatenate([each["w"] for each in derived.iterate(["w"], chunk_size=777)])
    np.testing.assert_array_equal(whole, parts)


def test_column_travels_to_workers(fitted):
    _, nominal, _ = fitted
    column = nominal.sweight_column()
    copy = pickle.loads(pickle.dumps(column))
    masses = {"D0_M": np.linspace(1.7, 2.0, 50)}
    np.testing.assert_array_equal(copy.function(masses), column.function(masses))


def test_mass_may_be_an_expression(fitted):
    sample, nominal, _ = fitted
    fit = fit_mass(
        sample, "single_gaussian", variable="D0_M * 1000", range=(1800, 1950), unit="MeV/c^2"
    )
    derived = sample.with_columns(w=fit.sweight_column()).read(["w", "D0_M"])
    inside = derived["w"].notna()
    np.testing.assert_allclose(
        derived["w"][inside], nominal.sweights(derived["D0_M"])[inside, 0], atol=1e-3
    )


def test_two_models_give_a_nominal_and_a_systematic_column(fitted):
    sample, nominal, alternative = fitted
    columns = sweight_columns(nominal, alternative, suffix="_new")
    assert tuple(columns) == ("sweight_new", "sweight_sys_new")
    read = sample.with_columns(**columns).read(["D0_M", *columns])
    for fit, name in ((nominal, "sweight_new"), (alternative, "sweight_sys_new")):
        np.testing.assert_array_equal(read[name], fit.sweights(read["D0_M"])[:, 0])
    assert 1e-4 < np.nanmax(np.abs(read["sweight_new"] - read["sweight_sys_new"])) < 1


def test_fits_of_different_candidates_are_refused(fitted):
    sample, nominal, _ = fitted
    narrower = fit_mass(sample, "single_gaussian", range=(1.81, 1.95))
    with pytest.raises(BadParameters, match=r"range: \(1.8, 1.95\), \(1.81, 1.95\)"):
        sweight_columns(nominal, narrower)
    fewer = fit_mass(sample, "single_gaussian", range=RANGE, cut="K_p > 1")
    with pytest.raises(BadParameters, match="counts"):
        sweight_columns(nominal, fewer)


def test_unknown_component_and_nameless_mass_are_refused(fitted):
    _, nominal, _ = fitted
    with pytest.raises(BadParameters, match="did you mean 'signal'"):
        nominal.sweight_column("sginal")
    nameless = dataclasses.replace(nominal, variable=None)
    with pytest.raises(BadParameters, match="variable='D0_M'"):
        nameless.sweight_column()
    assert nameless.sweight_column(variable="D0_M").dependencies == ("D0_M",)


def test_weights_are_chosen_by_name(fitted):
    sample, *fits = fitted
    assert choose_sweights(sample, "stored", *fits) is sample
    assert choose_sweights(sample, "none", *fits).weights == ()
    refitted = choose_sweights(sample, "fit", *fits)
    assert refitted.weights == ("sweight_refit", "sweight_sys_refit")
    read = refitted.read(["D0_M", "sweight_refit", "sweight"])
    np.testing.assert_array_equal(read["sweight_refit"], fits[0].sweights(read["D0_M"])[:, 0])
    assert (read["sweight"] == 1).all()  # what the files hold is still there


@pytest.mark.parametrize(
    ("choice", "message"), [("sotred", "did you mean 'stored'"), ("stored", "no stored weights")]
)
def test_wrong_choice_of_weights_is_refused(fitted, choice, message):
    sample, *fits = fitted
    with pytest.raises(BadParameters, match=message):
        choose_sweights(dataclasses.replace(sample, weights=()), choice, *fits)


def test_frame_holds_every_candidate_in_order(fitted):
    sample, nominal, alternative = fitted
    frame = sweight_frame(nominal, alternative)
    assert tuple(frame) == ("D0_M", "sweight", "sweight_sys")
    np.testing.assert_array_equal(frame["D0_M"], sample.read(["D0_M"])["D0_M"])
    assert frame["sweight"].sum() == pytest.approx(nominal.refit.yields[0], rel=1e-9)
    assert tuple(sweight_frame(nominal)) == ("D0_M", "sweight")


def test_frame_of_a_histogram_is_refused(fitted):
    sample, _, _ = fitted
    filled = hist.Hist(hist.axis.Regular(100, *RANGE)).fill(sample.read(["D0_M"])["D0_M"])
    with pytest.raises(BadParameters, match="no candidates"):
        sweight_frame(fit_mass(filled, "single_gaussian"))


def test_fit_without_sweights_gives_no_column(fitted):
    _, nominal, _ = fitted
    without = dataclasses.replace(nominal, refit=None, problem="nothing there")
    with pytest.raises(FitFailed, match="no sWeights from this fit: nothing there"):
        without.sweight_column()
