"""Fits of a signal strength that is far from 0, limited by empty bins, or of sums with slopes."""

import numpy as np
import pytest
from scipy.optimize import minimize

from hepnb.background.families import FunctionFamily
from hepnb.background.fitting import fit_background, fit_signal_strength
from hepnb.background.fitting.signal_model import SignalModel
from hepnb.background.signal import SumOfGaussians
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

EDGES = np.linspace(110.0, 150.0, 81)
SIGNAL = SumOfGaussians(expected=50.8, mean=125.0, sigma=1.19, lo=110.0, hi=150.0)


def falling(events, power=-3.91, edges=EDGES):
    shares = np.diff(edges**power)
    return events * shares / shares.sum()


def poisson(seed, events=4194, strength=1.0, edges=EDGES, signal=SIGNAL):
    expected = falling(events, edges=edges) + strength * signal.expected * signal.fractions(edges)
    counts = np.random.default_rng(seed).poisson(expected).astype(float)
    return MassSpectrum(edges=edges, counts=counts)


def slsqp(spectrum, fit, signal, strength=None):
    """Minimum of the plain formula, every expectation at least 0, by another minimiser."""
    shape, counts = fit.background.shape, spectrum.counts
    peak, k = signal.expected * signal.fractions(spectrum.edges), shape.n_components
    filled = counts > 0

    def expected(x):
        return shape.fractions(spectrum.edges, x[k + 1 :]) @ x[:k] + x[k] * peak

    def nll(x):
        nu = expected(x)
        logs = np.log(np.maximum(nu[filled], 1e-300) / np.diff(spectrum.edges)[filled])
        return nu.sum() - counts[filled] @ logs

    held = (None, None) if strength is None else (strength, strength)
    return minimize(
        nll,
        np.concatenate([np.full(k, counts.sum() / k), [strength or 0.0], shape.start()]),
        method="SLSQP",
        bounds=[(0.0, None)] * k + [held] + [tuple(each) for each in shape.bounds],
        constraints={"type": "ineq", "fun": expected},
        options={"ftol": 1e-12, "maxiter": 500},
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("family", "order"), [("bernstein", 2), ("powerlaw", 1)])
def test_empty_bins_limit_a_negative_signal_where_another_minimiser_finds(seed, family, order):
    edges = np.linspace(110.0, 150.0, 41)
    signal = SumOfGaussians(expected=10.0, mean=125.0, sigma=1.5, lo=110.0, hi=150.0)
    counts = np.array(poisson(seed, 25, 0.0, edges, signal).counts)
    counts[13:17] = 0.0
    spectrum = MassSpectrum(edges=edges, counts=counts)
    fit = fit_signal_strength(spectrum, family, order, signal)
    other = slsqp(spectrum, fit, signal)
    assert fit.status == "at_bound"
    # the millionth of a candidate that empty bins are given moves both by about as much
    assert fit.nll == pytest.approx(other.fun, abs=5e-6)
    assert fit.strength == pytest.approx(other.x[len(fit.background.weights)], abs=5e-6)
    assert fit.expected().min() > -1e-9


@pytest.mark.parametrize("strength", [-8.0, -20.0, 40.0])
def test_strengths_far_from_any_sense_are_fitted(strength):
    spectrum = poisson(1)
    fit = fit_signal_strength(spectrum, "bernstein", 2, SIGNAL, strength=strength)
    other = slsqp(spectrum, fit, SIGNAL, strength)
    assert fit.background.valid
    assert fit.nll <= other.fun + 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_a_sum_is_never_above_the_next_lower_order_whatever_the_strength(seed):
    spectrum = poisson(seed, 3000, 0.5)
    for family in ("exponential", "powerlaw"):
        for strength in (None, -1.0, 2.0):
            fits = [
                fit_signal_strength(spectrum, family, order, SIGNAL, strength=strength)
                for order in (1, 3, 5)
            ]
            heights = [each.nll for each in fits]
            assert np.diff(heights).max() <= 1e-7
            assert all(each.background.valid for each in fits)


def test_a_model_serves_other_data_as_a_new_one_would():
    first, second = poisson(1), poisson(2)
    for family, order in (("laurent", 2), ("exponential", 3)):
        reused = SignalModel(first, family, order, SIGNAL).with_data(second).fit()
        anew = SignalModel(second, family, order, SIGNAL).fit()
        assert reused.nll == pytest.approx(anew.nll, abs=1e-8)
        assert reused.strength == pytest.approx(anew.strength, abs=1e-5)


@pytest.mark.parametrize(("family", "order"), [("bernstein", 3), ("exponential", 3)])
def test_the_slope_is_the_derivative_of_the_profile(family, order):
    model = SignalModel(poisson(4), family, order, SIGNAL)
    step = 1e-3
    low, middle, high = (model.fit(strength=1.5 + d) for d in (-step, 0.0, step))
    # the third derivative leaves step^2, rounding 1e-10 / step
    assert middle.slope == pytest.approx((high.nll - low.nll) / (2 * step), abs=1e-4)


def test_a_blinded_peak_and_an_empty_spectrum_are_refused():
    whole = poisson(1)
    hidden = (EDGES[:-1] >= 112.0) & (EDGES[1:] <= 138.0)
    blinded = MassSpectrum(edges=EDGES, counts=np.where(hidden, 0.0, whole.counts), visible=~hidden)
    far = SumOfGaussians(expected=1.0, mean=125.0, sigma=0.2, lo=110.0, hi=150.0)
    with pytest.raises(BadParameters, match="widen the range, or unblind it"):
        fit_signal_strength(blinded, "laurent", 1, far)
    empty = whole.with_counts(np.zeros(len(whole.counts)))
    with pytest.raises(BadParameters, match="no candidate is visible"):
        fit_signal_strength(empty, "laurent", 1, SIGNAL)


def test_a_user_function_takes_a_signal():
    dijet = FunctionFamily(
        "dijet",
        {1: (lambda m, p: (m / 110.0) ** p, {"p": (-4.0, -9.0, 1.0)})},
    )
    spectrum = poisson(5)
    own = fit_signal_strength(spectrum, dijet, 1, SIGNAL)
    ours = fit_signal_strength(spectrum, "powerlaw", 1, SIGNAL)
    # its integrals and derivatives are numerical
    assert own.nll == pytest.approx(ours.nll, abs=1e-4)
    assert own.strength == pytest.approx(ours.strength, abs=1e-3)


def test_a_signal_free_fit_is_that_of_background_alone():
    spectrum = poisson(6)
    held = fit_signal_strength(spectrum, "exponential", 3, SIGNAL, strength=0.0)
    alone = fit_background(spectrum, "exponential", 3)
    total = spectrum.total
    assert held.nll == pytest.approx(alone.nll + total - total * np.log(total), abs=1e-6)
