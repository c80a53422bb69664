"""Shapes fitted to simulated signal: closure on each kind, and what cannot be fitted."""

import numpy as np
import pytest

from hepnb.background.signal import (
    DoubleSidedCrystalBall,
    SumOfGaussians,
    effective_sigma,
    fit_signal_shape,
)
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

EDGES = np.linspace(100.0, 180.0, 321)
BALL = DoubleSidedCrystalBall(
    mean=125.2, sigma=1.6, alpha_low=1.2, n_low=4.0, alpha_high=1.6, n_high=8.0
)
SUM = SumOfGaussians(mean=[125.0, 124.0], sigma=[1.3, 3.0], fraction=[0.8, 0.2])


def simulated(truth, *, events=50.0):
    """Expectation itself: a fit of the right shape has to give the truth back."""
    counts = truth.within(100.0, 180.0).fractions(EDGES) * events
    return MassSpectrum(EDGES, counts, weighted=True)


def test_a_crystal_ball_is_found_again():
    found = fit_signal_shape(simulated(BALL))
    assert found.expected == pytest.approx(50.0)
    for name in ("mean", "sigma", "alpha_low", "n_low", "alpha_high", "n_high"):
        # where Minuit stops, at edm 1e-4 of 1e4 effective events; powers are known the least
        assert getattr(found, name) == pytest.approx(getattr(BALL, name), rel=0.02)
    np.testing.assert_allclose(
        found.fractions(EDGES), BALL.within(100, 180).fractions(EDGES), atol=2e-5
    )


def test_a_sum_of_gaussians_is_found_again():
    found = fit_signal_shape(simulated(SUM), "sum_of_gaussians")
    np.testing.assert_allclose(found.mean, SUM.mean, atol=0.02)
    np.testing.assert_allclose(found.sigma, SUM.sigma, rtol=0.01)
    np.testing.assert_allclose(found.shares, SUM.shares, atol=0.01)


def test_one_gaussian_has_the_mean_and_width_of_the_bins():
    found = fit_signal_shape(
        simulated(SumOfGaussians(mean=125, sigma=2)), "sum_of_gaussians", gaussians=1
    )
    assert (found.position, found.width) == pytest.approx((125.0, 2.0), rel=1e-3)


@pytest.mark.parametrize("number", [2, 3])
def test_more_gaussians_than_needed_do_no_harm(number):
    truth = SumOfGaussians(mean=125.0, sigma=2.0)
    found = fit_signal_shape(simulated(truth), "sum_of_gaussians", gaussians=number)
    assert effective_sigma(found) == pytest.approx(2.0, rel=0.01)


def test_a_template_is_the_bins_themselves():
    spectrum = simulated(BALL)
    found = fit_signal_shape(spectrum, "template")
    np.testing.assert_allclose(found.expected * found.fractions(EDGES), spectrum.counts, atol=1e-12)


def test_fluctuating_simulation_gives_the_effective_width():
    rng = np.random.default_rng(8)
    masses = rng.normal(125.0, 1.5, 20_000)
    weights = rng.gamma(10.0, 0.1, 20_000) * 50 / 20_000
    counts, _ = np.histogram(masses, EDGES, weights=weights)
    found = fit_signal_shape(MassSpectrum(EDGES, counts, weighted=True))
    # 20,000 candidates know a width to 0.5 %; 4 sigma
    assert effective_sigma(found) == pytest.approx(1.5, rel=0.02)


def test_what_cannot_be_fitted_is_refused():
    empty = MassSpectrum(EDGES, np.zeros(320))
    with pytest.raises(BadParameters, match="simulated signal of 0 events"):
        fit_signal_shape(empty)
    shown = np.arange(320) > 100
    hidden = MassSpectrum(EDGES, np.where(shown, 1.0, 0.0), shown)
    with pytest.raises(BadParameters, match="not blinded"):
        fit_signal_shape(hidden)
    with pytest.raises(BadParameters, match="6 Gaussians"):
        fit_signal_shape(simulated(SUM), "sum_of_gaussians", gaussians=6)
    with pytest.raises(BadParameters, match="'voigt' is none"):
        fit_signal_shape(simulated(SUM), "voigt")
