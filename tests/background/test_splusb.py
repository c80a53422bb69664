"""Signal plus background: one strength for all, sidebands that know nothing of the window."""

import json

import numpy as np
import pandas as pd
import pytest

from hepnb.background import fit_background, fit_signal_strength, read_spectrum
from hepnb.background.pseudodata import pseudo_data
from hepnb.background.samples import CATEGORIES, hgg_masses
from hepnb.background.signal import SumOfGaussians, effective_sigma, read_signal
from hepnb.background.splusb import (
    choose_functions,
    embedded_signals,
    fit_shared_strength,
    function_of,
    named_functions,
    read_spectra,
    run_splusb,
    signals_of,
    window_yield,
)
from hepnb.background.splusb.shared import combined_strength
from hepnb.errors import BadParameters, FitFailed, UnreadableFile

BLIND = (115.0, 135.0)
NAMES = ("UntaggedTag_0", "VBFTag_0")
FUNCTIONS = {"UntaggedTag_0": "exponential3", "VBFTag_0": "bernstein2"}
PAIRS = {name: function_of(each) for name, each in FUNCTIONS.items()}
SIGNALS = {name: embedded_signals()[name] for name in NAMES}
FALSE_ALARM_SIGMAS = 3.3  # two-sided 1e-3


def spectra(**options):
    return {name: read_spectrum(hgg_masses(name), category=name, **options) for name in NAMES}


@pytest.fixture(scope="module")
def full():
    return spectra()


@pytest.fixture(scope="module")
def sidebands():
    return spectra(blind=BLIND)


@pytest.fixture(scope="module")
def unblinded(full, sidebands):
    return run_splusb(full, SIGNALS, FUNCTIONS, sidebands=sidebands, toys=20)


@pytest.fixture(scope="module")
def blinded(sidebands):
    return run_splusb(sidebands, SIGNALS, FUNCTIONS, toys=20)


def test_one_category_alone_is_the_plain_fit(full):
    name = "VBFTag_0"
    found = fit_shared_strength({name: full[name]}, {name: PAIRS[name]}, {name: SIGNALS[name]})
    plain = fit_signal_strength(full[name], *PAIRS[name], SIGNALS[name])
    assert (found.strength, found.strength_error, found.nll) == (
        plain.strength,
        plain.strength_error,
        plain.nll,
    )


def test_the_shared_strength_is_the_minimum_of_the_sum(full):
    found = fit_shared_strength(full, PAIRS, SIGNALS)
    steps = found.strength + found.strength_error * np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    sums = [
        sum(
            fit_signal_strength(full[name], *PAIRS[name], SIGNALS[name], strength=mu).nll
            for name in NAMES
        )
        for mu in steps
    ]
    parabola = np.polynomial.Polynomial.fit(steps, sums, 4)
    lowest = min(parabola.deriv().roots().real, key=lambda mu: abs(mu - found.strength))
    # Minuit stops where the likelihood is within 1e-4 or so: 0.015 sigma; inner fits add to it
    assert found.strength == pytest.approx(lowest, abs=0.03 * found.strength_error)
    curvature = parabola.deriv(2)(found.strength)
    assert found.strength_error == pytest.approx(curvature**-0.5, rel=0.03)
    assert found.nll == pytest.approx(sums[2], abs=1e-4)
    assert found.valid


def test_a_mean_of_strengths_is_weighted_by_precision():
    class Fit:
        def __init__(self, strength, strength_error):
            self.strength, self.strength_error = strength, strength_error

    fits = {"a": Fit(1.0, 0.5), "b": Fit(2.0, 1.0), "c": Fit(9.0, np.nan)}
    assert combined_strength(fits) == pytest.approx(((4 * 1 + 1 * 2) / 5, 5**-0.5))
    with pytest.raises(FitFailed, match="no strength of c"):
        combined_strength({"c": fits["c"]})


def test_asimov_data_give_back_strength_position_and_width():
    truth = fit_background(read_spectrum(hgg_masses("UntaggedTag_0")), "bernstein", 3)
    signal = SumOfGaussians(mean=125.0, sigma=1.5, expected=200.0)
    data = pseudo_data(truth, events="asimov", signal=signal.shifted(0.4, 1.2), strength=1.3)
    found = fit_shared_strength(
        {"one": data},
        {"one": ("bernstein", 3)},
        {"one": signal},
        floating={"mean": (-2.0, 2.0), "scale": (0.5, 2.0)},
    )
    # without fluctuations the minimum is exact up to where Minuit stops
    assert found.strength == pytest.approx(1.3, abs=0.02 * found.strength_error)
    for name, value in (("mean", 0.4), ("scale", 1.2)):
        fitted, error = found.floated[name]
        assert fitted == pytest.approx(value, abs=0.02 * error)
    assert found.fits["one"].signal.position == pytest.approx(125.4, abs=0.01)


@pytest.mark.parametrize(("family", "order"), [("exponential", 1), ("exponential", 3)])
def test_window_yield_has_the_spread_of_toys(family, order):
    fit = fit_background(read_spectrum(hgg_masses("UntaggedTag_1"), blind=BLIND), family, order)
    value, error = window_yield(fit, BLIND)
    assert value == pytest.approx(fit.expected(np.array(BLIND))[0])
    rng = np.random.default_rng(7)
    refits = [fit_background(pseudo_data(fit, rng), family, order) for _ in range(100)]
    found = np.array([window_yield(each, BLIND) for each in refits])
    # 100 toys know a standard deviation to 7 %; tolerance of 3.5 sigma
    assert error == pytest.approx(found[:, 0].std(ddof=1), rel=0.25)
    pulls = (found[:, 0] - value) / found[:, 1]
    assert abs(pulls.mean()) < FALSE_ALARM_SIGMAS / np.sqrt(100)


def test_window_yield_of_the_whole_range_is_the_total():
    fit = fit_background(read_spectrum(hgg_masses("VBFTag_0"), blind=BLIND), "exponential", 1)
    assert window_yield(fit, (100.0, 180.0)) == pytest.approx((fit.total, fit.total_error))


def test_what_a_window_hides_changes_nothing(blinded):
    def other(name):
        masses = hgg_masses(name)
        beside = masses[(masses < BLIND[0]) | (masses >= BLIND[1])]
        return np.concatenate([beside, np.full(500, 125.0)])

    changed = {name: read_spectrum(other(name), blind=BLIND, category=name) for name in NAMES}
    again = run_splusb(changed, SIGNALS, FUNCTIONS, toys=20)
    assert again.content() == blinded.content()


def test_a_blinded_result_tells_no_signal_of_the_data(blinded):
    assert blinded.status == "expected"
    assert blinded.strength == 1.0
    assert blinded.shared.strength == pytest.approx(1.0, abs=1e-3)
    assert blinded.frame["strength"].isna().all()
    assert not [name for name in blinded.numbers() if name.endswith(".signal")]
    assert blinded.numbers()["strength"]["status"] == "expected"


def test_the_sidebands_expect_the_generated_background(blinded):
    rows = blinded.frame.set_index("category")
    for name in NAMES:
        exp1, power, exp2 = CATEGORIES[name].shares
        share = (
            exp1 * np.diff(np.exp(-0.06 * np.array(BLIND)))[0]
            / np.diff(np.exp(-0.06 * np.array([100.0, 180.0])))[0]
            + power * np.diff(np.array(BLIND) ** -3.0)[0]
            / np.diff(np.array([100.0, 180.0]) ** -3.0)[0]
            + exp2 * np.diff(np.exp(-0.008 * np.array(BLIND)))[0]
            / np.diff(np.exp(-0.008 * np.array([100.0, 180.0])))[0]
        )  # fmt: skip
        truth = CATEGORIES[name].background * share
        row = rows.loc[name]
        assert abs(row["window_background"] - truth) < (
            FALSE_ALARM_SIGMAS * row["window_background_error"]
        )


def test_the_generated_strength_is_found(unblinded, blinded):
    shared = unblinded.shared
    assert shared.valid
    assert abs(shared.strength - 1.0) < FALSE_ALARM_SIGMAS * shared.strength_error
    # the expectation is for strength 1 and the background of the sidebands
    assert shared.strength_error == pytest.approx(blinded.shared.strength_error, rel=0.15)


def test_significance_is_that_of_the_likelihoods(unblinded, full):
    null, best = (
        sum(
            fit_signal_strength(full[name], *PAIRS[name], SIGNALS[name], strength=mu).nll
            for name in NAMES
        )
        for mu in (0.0, unblinded.shared.strength)
    )
    assert unblinded.significance == pytest.approx(np.sqrt(2 * (null - best)), rel=1e-3)


def test_toys_scatter_about_the_fit(unblinded):
    for each in unblinded.categories.values():
        assert len(each.toys) == 20
        totals = np.array([toy.total for toy in each.toys])
        error = each.background.total_error
        # the mean of 20 toys at 4 sigma
        assert abs(totals.mean() - each.background.total) < 4 * error / np.sqrt(20)
        assert 0.4 < totals.std(ddof=1) / error < 1.7  # chi-square with 19 dof, 1e-3


def test_results_do_not_depend_on_the_clock(sidebands, blinded):
    again = run_splusb(sidebands, SIGNALS, FUNCTIONS, toys=20)
    name = "VBFTag_0"
    np.testing.assert_array_equal(
        [each.total for each in again.categories[name].toys],
        [each.total for each in blinded.categories[name].toys],
    )


def test_the_file_holds_every_number(unblinded, tmp_path):
    [path] = unblinded.save(tmp_path, "splusb")
    content = json.loads(path.read_text())
    assert content["schema"] == 1
    assert content["strength"] == unblinded.shared.strength
    rows = {each["category"]: each for each in content["categories"]}
    for _, row in unblinded.frame.iterrows():
        kept = rows[row["category"]]
        assert kept["signal"] == pytest.approx(row["strength"] * row["expected_signal"])
        assert read_signal(kept["signal_shape"]) == SIGNALS[row["category"]]
        assert sum(v for k, v in kept["parameters"].items() if k.startswith("weight")) == (
            pytest.approx(1.0)
        )


def test_figures_say_what_they_show(unblinded, blinded):
    for result, words in ((unblinded, "S + B fit"), (blinded, r"B + expected S, $\mu$ = 1")):
        top, _ = result.plot_weighted() if result.blinded else result.plot("VBFTag_0")
        shown = [each.get_text() for each in top.get_legend().get_texts()]
        assert words in shown
        assert ("Blinded" in shown) == result.blinded


@pytest.mark.parametrize("name", ["bernstein", "bernstein0", "exponential2", "polynom3", "", "3"])
def test_a_function_that_is_none_is_refused(name):
    with pytest.raises(BadParameters):
        function_of(name)


def test_functions_are_named_in_every_way(tmp_path):
    one = {"choice": {"best": "laurent2"}, "category": "b"}
    (tmp_path / "ftest.json").write_text(json.dumps(one))
    (tmp_path / "functions.yaml").write_text("a: bernstein3\n")
    assert named_functions("", ("a", "b")) == {}
    assert named_functions("powerlaw1", ("a", "b")) == {"a": "powerlaw1", "b": "powerlaw1"}
    assert named_functions("{a: bernstein3}", ("a", "b")) == {"a": "bernstein3"}
    assert named_functions(str(tmp_path / "functions.yaml"), ("a",)) == {"a": "bernstein3"}
    assert named_functions(str(tmp_path / "ftest.json"), ("a", "b")) == {"b": "laurent2"}
    assert named_functions(str(tmp_path / "ftest.json"), ("x",)) == {"x": "laurent2"}
    (tmp_path / "ftest.json").write_text(json.dumps({"choice": {"best": None}}))
    with pytest.raises(BadParameters, match="chose no function"):
        named_functions(str(tmp_path / "ftest.json"), ("a",))
    with pytest.raises(UnreadableFile):
        named_functions("berstein3", ("a",))


def test_a_named_function_is_taken_and_an_unknown_category_refused(sidebands):
    assert choose_functions(sidebands, FUNCTIONS) == FUNCTIONS
    with pytest.raises(BadParameters, match="did you mean 'VBFTag_0'"):
        choose_functions(sidebands, {"VBFTag0": "bernstein2"})


def test_an_f_test_chooses_where_none_is_named(sidebands):
    name = "VBFTag_0"
    [chosen] = choose_functions({name: sidebands[name]}, toys=0).values()
    family, order = function_of(chosen)
    fit = fit_background(sidebands[name], family, order)
    assert fit.valid


def test_every_category_of_a_file_is_read(tmp_path):
    masses = {name: hgg_masses(name) for name in NAMES}
    frame = pd.concat(pd.DataFrame({"mass": each, "tag": name}) for name, each in masses.items())
    frame.to_csv(tmp_path / "both.csv", index=False)
    found = read_spectra(tmp_path / "both.csv", by="tag", blind=BLIND)
    assert set(found) == set(NAMES)
    assert all(each.blind == (BLIND,) for each in found.values())
    frame[["mass"]].to_csv(tmp_path / "one.csv", index=False)
    assert list(read_spectra(tmp_path / "one.csv")) == ["one"]
    assert list(read_spectra(tmp_path / "one.csv", categories=["all"])) == ["all"]
    with pytest.raises(BadParameters, match="which has one"):
        read_spectra(tmp_path / "one.csv", categories=["a", "b"])


def test_signals_of_simulation_have_its_sum_and_width():
    found = signals_of("", NAMES)
    truth = embedded_signals()
    for name in NAMES:
        # gamma-distributed weights of 20,000 candidates: sqrt(1.1 / 20,000) = 0.74 %
        assert found[name].expected == pytest.approx(truth[name].expected, rel=0.025)
        # a quantile of as many candidates is known to about 1 %, and the shape differs a little
        assert effective_sigma(found[name]) == pytest.approx(effective_sigma(truth[name]), rel=0.03)
        assert found[name].position == pytest.approx(125.0, abs=0.1)


def test_signals_are_needed_for_categories_of_ones_own():
    with pytest.raises(BadParameters, match="'mine' is not there"):
        signals_of("", ("mine",))
    text = "{shape: sum_of_gaussians, mean: 125, sigma: 1.5, expected: 50}"
    assert signals_of(text, ("mine",))["mine"].expected == 50.0
