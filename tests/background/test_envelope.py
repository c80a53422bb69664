"""The discrete profile: heights, intervals, corrections, against independent computations."""

import json

import numpy as np
import pytest
from iminuit import Minuit
from scipy.stats import chi2

from hepnb.background.families import FunctionFamily
from hepnb.background.fitting.profiled import Profiled
from hepnb.background.profiling import Correction, scan_envelope
from hepnb.background.profiling.corrections import as_correction
from hepnb.background.profiling.functions import function_of, functions_of
from hepnb.background.profiling.scan import scan
from hepnb.background.signal import SumOfGaussians
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

EDGES = np.linspace(110.0, 150.0, 81)
SIGNAL = SumOfGaussians(expected=50.8, mean=125.0, sigma=1.19, lo=110.0, hi=150.0)
PEAK = SIGNAL.expected * SIGNAL.fractions(EDGES)
FOUR = ("powerlaw1", "exponential1", "laurent1", "bernstein2")


def falling(events, power=-3.91):
    shares = np.diff(EDGES**power)
    return events * shares / shares.sum()


@pytest.fixture(scope="module")
def spectrum():
    counts = np.random.default_rng(3).poisson(falling(4194) + PEAK)
    return MassSpectrum(edges=EDGES, counts=counts, category="one")


@pytest.fixture(scope="module")
def envelope(spectrum):
    return scan_envelope(spectrum, FOUR, SIGNAL)


def plain_minuit(counts, shares):
    """Extended likelihood of background events, a slope and the strength, written anew."""

    def nll(events, slope, mu):
        nu = events * shares(slope) + mu * PEAK
        if nu.min() <= 0:
            return 1e9
        return nu.sum() - counts @ np.log(nu / np.diff(EDGES))

    minuit = Minuit(nll, events=counts.sum(), slope=-0.03, mu=0.5)
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.tol, minuit.strategy = 1e-4, 2
    return minuit


def exponential_shares(slope):
    parts = np.diff(np.exp(slope * (EDGES - 130.0)))
    return parts / parts.sum()


@pytest.fixture(scope="module")
def minuit(spectrum):
    found = plain_minuit(spectrum.counts, exponential_shares)
    found.migrad()
    assert found.valid
    return found


@pytest.mark.parametrize("strength", [-1.0, 0.4, 2.5])
def test_the_curve_of_a_function_is_that_of_the_plain_formula(spectrum, strength):
    scanned = scan_envelope(spectrum, ["exponential1"], SIGNAL, strengths=[-1.0, 0.4, 2.5])
    minuit = plain_minuit(spectrum.counts, exponential_shares)
    minuit.values["mu"], minuit.fixed["mu"] = strength, True
    minuit.migrad()
    at = int(np.flatnonzero(scanned.strengths == strength)[0])
    # one parameter, c = 1; Minuit stops within 1e-7 of the minimum
    assert scanned.curves["exponential1"][at] == pytest.approx(2 * minuit.fval + 1.0, abs=2e-6)


def test_intervals_of_a_single_function_are_those_of_minos(spectrum, minuit):
    scanned = scan_envelope(spectrum, ["exponential1"], SIGNAL)
    assert scanned.strength == pytest.approx(minuit.values["mu"], abs=1e-4)
    for level, sigmas in ((1.0, 1.0), (4.0, 2.0)):
        minuit.minos("mu", cl=sigmas)
        errors = minuit.merrors["mu"]
        ends = minuit.values["mu"] + np.array([errors.lower, errors.upper])
        np.testing.assert_allclose(scanned.interval(level), ends, atol=1e-3)  # of Minos itself


def test_the_envelope_is_the_lowest_curve_and_its_intervals_are_where_it_says(envelope, spectrum):
    heights = np.array([envelope.curves[name] for name in envelope.fits])
    np.testing.assert_array_equal(envelope.lowest, heights.min(axis=0))
    assert envelope.lowest.min() == pytest.approx(envelope.minimum, abs=1e-6)
    fine = np.linspace(*envelope.strengths[[0, -1]], 101)
    dense = scan_envelope(spectrum, FOUR, SIGNAL, strengths=fine)
    below = {1.0: [], 4.0: []}
    lowest = np.interp(fine, dense.strengths, dense.lowest)
    for level, found in below.items():
        inside = fine[lowest < lowest.min() + level]
        found += [inside.min(), inside.max()]
        step = fine[1] - fine[0]
        np.testing.assert_allclose(envelope.interval(level), found, atol=step)
        ends = np.array(envelope.interval(level))
        at_ends = scan_envelope(spectrum, FOUR, SIGNAL, strengths=[*ends, envelope.strength])
        rises = [at_ends.lowest[at_ends.strengths == end][0] - envelope.minimum for end in ends]
        np.testing.assert_allclose(rises, level, atol=1e-5)


def test_best_function_is_told_at_every_strength(envelope):
    names = list(envelope.curves)
    for at, name in enumerate(envelope.lowest_function):
        heights = {each: envelope.curves[each][at] for each in names}
        assert heights[name] <= min(heights.values()) + 1e-6
    assert len(set(envelope.lowest_function)) > 1
    assert envelope.best == envelope.frame.sort_values("corrected")["function"].iloc[0]


def test_ten_times_the_data_raise_the_curve_ten_times():
    functions = ("exponential1", "laurent1", "bernstein3")
    counts = np.random.default_rng(8).poisson(falling(2000) + PEAK).astype(float)
    grid = np.linspace(-1.0, 3.0, 5)
    scans = []
    for factor in (1.0, 10.0):
        spectrum = MassSpectrum(edges=EDGES, counts=factor * counts)
        scans.append(
            scan_envelope(
                spectrum, functions, SIGNAL.scaled(factor), correction=0.0, strengths=grid
            )
        )
    one, ten = scans
    assert ten.strength == pytest.approx(one.strength, abs=1e-5)
    for name, curve in one.curves.items():
        rises = [np.interp(grid, each.strengths, each.curves[name]) for each in scans]
        rise_of_one, rise_of_ten = (each - each[2] for each in rises)
        np.testing.assert_allclose(rise_of_ten, 10.0 * rise_of_one, rtol=1e-6, atol=1e-5)
        assert np.isfinite(curve).all()


def test_without_correction_the_most_flexible_function_wins_and_with_much_the_simplest(spectrum):
    functions = [f"bernstein{order}" for order in (2, 3, 4, 5)]
    free = scan_envelope(spectrum, functions, SIGNAL, correction=0.0, strengths=[0.0, 1.0, 2.0])
    # degree elevation: every lower order is among the higher ones
    np.testing.assert_allclose(free.lowest, free.curves["bernstein5"], atol=1e-6)
    dear = scan_envelope(spectrum, functions, SIGNAL, correction=50.0, strengths=[0.0, 1.0, 2.0])
    assert set(dear.lowest_function) == {"bernstein2"}


def test_of_functions_that_are_equal_the_one_with_fewer_parameters_is_named():
    # exactly straight: higher orders gain nothing
    straight = MassSpectrum(edges=EDGES, counts=np.linspace(60.0, 20.0, len(EDGES) - 1))
    functions = ["bernstein3", "bernstein1", "bernstein2"]
    found = scan_envelope(straight, functions, SIGNAL, correction=0.0, strengths=[-0.1, 0.0, 0.1])
    at = int(np.argmin(np.abs(found.strengths)))
    assert found.lowest_function[at] == "bernstein1"


class Parabola:
    """A profile of known shape: ``height + ((mu - at) / width)^2``."""

    def __init__(self, at, width, height):
        self.at, self.width, self.height = at, width, height
        self.name, self.widest = f"at {at:g}", 10.0
        self.minimum = Profiled(at, width, height / 2, 0.0, None, True, False, 1, None)

    def value(self, mu):
        return self.height + ((mu - self.at) / self.width) ** 2

    def slope(self, mu):
        return (mu - self.at) / self.width**2

    def corrected(self, nll):
        return 2.0 * nll

    def sweep(self, strengths):
        pass


def test_intervals_that_fall_apart_are_reported_in_pieces():
    functions = [Parabola(0.0, 1.0, 100.0), Parabola(6.0, 1.0, 100.5), Parabola(3.0, 0.1, 103.0)]
    found = scan([functions], levels=(1.0, 4.0))
    assert found.minimum == pytest.approx((0.0, 100.0), abs=1e-6)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found.intervals[1.0], [(-1, 1), (6 - half, 6 + half)], atol=1e-5)
    low, high, narrow = 2.0, np.sqrt(3.5), 0.1
    expected = [(-low, low), (3 - narrow, 3 + narrow), (6 - high, 6 + high)]
    np.testing.assert_allclose(found.intervals[4.0], expected, atol=1e-5)


def test_pieces_that_touch_are_one():
    functions = [Parabola(0.0, 1.0, 0.0), Parabola(1.5, 1.0, 0.2)]
    found = scan([functions], levels=(1.0,))
    [(low, high)] = found.intervals[1.0]
    assert (low, high) == pytest.approx((-1.0, 1.5 + np.sqrt(0.8)), abs=1e-5)


def test_backgrounds_that_differ_by_a_bump_give_two_intervals():
    def smooth(mass):
        return np.exp(-0.03 * (mass - 110.0))

    def with_bump(mass):
        # as many events as a signal of strength 6 on 4000
        return smooth(mass) / 23.3 * 4000 + 6 * SIGNAL.expected * SIGNAL.density(mass)

    pair = FunctionFamily("fixed", {1: (smooth, {}), 2: (with_bump, {})})
    shape = pair.shape(1, 110.0, 150.0).fractions(EDGES, np.empty(0))[:, 0]
    spectrum = MassSpectrum(edges=EDGES, counts=4000 * shape + 7 * PEAK)
    found = scan_envelope(spectrum, [(pair, 1), (pair, 2)], SIGNAL, correction=0.0)
    assert found.status == "disjoint:68; disjoint:95"
    for level in (1.0, 4.0):
        (_, first), (second, _) = found.intervals[level]
        assert first < second
        assert found.interval(level) == (found.intervals[level][0][0], found.intervals[level][1][1])
    centres = sorted(fit.strength for fit in found.fits.values())
    np.testing.assert_allclose(centres, [1.0, 7.0], atol=0.05)
    assert found.numbers()["pieces_68"]["value"] == 2


def test_corrections_are_those_of_the_paper():
    value, saturated = 190.0, 40.0
    setting = {"n_observations": 160.0, "saturated": saturated}
    exact = Correction("pvalue").apply(value, n_par=3, **setting)
    p = chi2.sf(value - saturated, 160 - 4)
    assert float(exact) == pytest.approx(saturated + chi2.isf(p, 160), abs=1e-8)
    akaike = as_correction("akaike").apply(value, n_par=3, **setting)
    assert float(akaike) == value + 6.0
    finite = Correction("finite_akaike").apply(value, n_par=3, **setting)
    assert float(finite) == pytest.approx(value + 2 * 4 / (1 - 5 / 160))
    assert as_correction(0.5).apply(value, n_par=4, **setting) == value + 2.0
    # approximately one per parameter where the fit is good
    assert float(exact) - value == pytest.approx(4.0, abs=0.2)


def test_the_p_value_correction_ascends_where_a_double_holds_no_p_value():
    heights = np.linspace(0.0, 5000.0, 301)
    raised = Correction("pvalue").apply(heights, n_par=4, n_observations=80.0, saturated=0.0)
    assert np.isfinite(raised).all()
    assert (np.diff(raised) > 0).all()


def test_few_bins_leave_functions_of_many_parameters_out(spectrum):
    few = spectrum.rebinned(16)
    found = scan_envelope(few, ["exponential1", "bernstein5"], SIGNAL, correction="finite_akaike")
    assert found.failed == {"bernstein5": "too few bins or candidates for its parameters"}
    assert list(found.curves) == ["exponential1"]


def test_unbinned_and_finely_binned_envelopes_agree():
    rng = np.random.default_rng(5)
    masses = np.concatenate([110 + rng.exponential(25.0, 3000), rng.normal(125, 1.19, 60)])
    masses = masses[(masses >= 110) & (masses < 150)]
    fine = MassSpectrum(edges=np.linspace(110, 150, 801), counts=np.zeros(800)).with_masses(masses)
    binned = scan_envelope(fine, ["exponential1", "bernstein2"], SIGNAL)
    unbinned = scan_envelope(fine, ["exponential1", "bernstein2"], SIGNAL, unbinned=True)
    # bins of 0.05 GeV, a width of 1.19 GeV: the likelihood changes by (0.05 / 1.19)^2 / 12
    assert unbinned.strength == pytest.approx(binned.strength, abs=0.01)
    np.testing.assert_allclose(unbinned.interval(), binned.interval(), atol=0.01)
    with pytest.raises(BadParameters, match="needs a chi-square of bins"):
        scan_envelope(fine, ["exponential1"], SIGNAL, correction="pvalue", unbinned=True)


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param(np.eye(80)[30] * 5, id="five in one bin under the peak"),
        pytest.param(np.eye(80)[0] * 40, id="all at the lower edge"),
        pytest.param(np.eye(80)[79] * 40, id="all at the upper edge"),
        pytest.param(np.eye(80)[::20].sum(axis=0), id="four candidates"),
        pytest.param(np.random.default_rng(1).poisson(falling(40)), id="forty"),
        pytest.param(falling(300), id="sums of weights"),
    ],
)
def test_extreme_spectra_have_an_envelope(counts):
    small = SIGNAL.scaled(0.1)
    spectrum = MassSpectrum(edges=EDGES, counts=counts)
    functions = ["exponential1", "laurent1", "bernstein3"]
    found = scan_envelope(spectrum, functions, small)
    low, high = found.interval()
    assert np.isfinite([low, high]).all()
    assert low <= found.strength <= high
    assert not found.open_ends


def test_a_window_that_hides_half_the_peak_is_not_seen():
    counts = np.random.default_rng(2).poisson(falling(4194) + PEAK).astype(float)
    hidden = (EDGES[:-1] >= 125.0) & (EDGES[1:] <= 135.0)
    blinded = MassSpectrum(edges=EDGES, counts=np.where(hidden, 0, counts), visible=~hidden)
    found = scan_envelope(blinded, ["exponential1", "laurent1"], SIGNAL)
    whole = scan_envelope(MassSpectrum(edges=EDGES, counts=counts), ["exponential1"], SIGNAL)
    width = np.subtract(*found.interval()[::-1])
    # half of the peak lies between sidebands on one side only
    assert width > 1.4 * np.subtract(*whole.interval()[::-1])


def test_functions_are_named_in_every_way_of_the_field():
    assert function_of("pol4")[0].name == function_of("Bernstein 4")[0].name == "bernstein"
    assert [order for _, order in functions_of(["lau2", ("laurent", 2), "exp1"])] == [1, 2]
    for wrong in ("bernstien4", "exponential2", "nothing"):
        with pytest.raises(BadParameters):
            function_of(wrong)
    with pytest.raises(BadParameters, match="at least one"):
        functions_of([])


def test_bad_settings_are_refused(spectrum):
    for wrong in (-1.0, float("nan"), "bayes"):
        with pytest.raises(BadParameters, match="CMS's choice"):
            scan_envelope(spectrum, FOUR, SIGNAL, correction=wrong)
    with pytest.raises(BadParameters, match="positive numbers"):
        scan_envelope(spectrum, FOUR, SIGNAL, levels=())
    empty = spectrum.with_counts(np.zeros(len(spectrum.counts)))
    with pytest.raises(BadParameters, match="no candidate"):
        scan_envelope(empty, FOUR, SIGNAL)


def test_a_scan_that_ends_too_early_says_so(spectrum, envelope):
    short = scan_envelope(spectrum, FOUR, SIGNAL, strengths=[-3.0, 0.0, 1.0])
    assert short.open_ends == ("high",)
    assert "open:high" in short.status
    with pytest.raises(BadParameters, match="the scan has 1, 4"):
        envelope.interval(9.0)


def test_what_is_saved_is_what_was_found(envelope, tmp_path):
    import pandas as pd

    files = envelope.save(tmp_path, "scan")
    table = pd.read_csv(files[0])
    np.testing.assert_array_equal(table["envelope"], envelope.lowest)
    assert tuple(table["function"]) == envelope.lowest_function
    content = json.loads(files[1].read_text())
    assert content["intervals"]["1"] == [list(each) for each in envelope.intervals[1.0]]
    assert content["best"] == envelope.best
    value = envelope.numbers()["strength"]
    assert value["value"] == envelope.strength
    assert value["uncertainty"] == list(envelope.errors)


def test_the_figure_shows_every_function(envelope):
    ax = envelope.plot()
    labels = {text.get_text() for text in ax.get_legend().get_texts()}
    assert labels == {"Envelope", "Power law 1", "Exponential 1", "Laurent 1", "Bernstein 2"}
