"""Densities of resonances: against scipy, limits, and real electrons."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import voigt_profile

from hepnb.pid import fit_mass
from hepnb.pid.mass.resonances import TWO_SIDED_CRYSTAL_BALL, VOIGT, Z_BOSON, Z_WIDTH

X = np.linspace(60.0, 120.0, 241)
NARROW = (91.0, 2.0)


@pytest.mark.parametrize(
    ("density", "parameters"),
    [(VOIGT, (2.5,)), (Z_BOSON, (1.0, 2.7)), (TWO_SIDED_CRYSTAL_BALL, (0.8, 3.4, 1.3, 8.0))],
)
def test_densities_are_normalised_and_their_integral_is_the_cdf(density, parameters):
    values = density.pdf(X, 60.0, 120.0, *NARROW, *parameters)
    assert (values > 0).all()
    # Simpson's rule on a grid of 0.25 GeV for peaks of 2 GeV, with kinks where tails begin
    assert integrate.simpson(values, x=X) == pytest.approx(1.0, abs=2e-4)
    cdf = density.cdf(X, 60.0, 120.0, *NARROW, *parameters)
    assert cdf[0] == pytest.approx(0.0, abs=1e-12)
    assert cdf[-1] == pytest.approx(1.0, abs=1e-12)
    middle = integrate.simpson(values[:121], x=X[:121])
    assert cdf[120] == pytest.approx(middle, abs=2e-4)


def test_voigt_profile_goes_to_its_two_limits():
    inside = stats.norm(91, 2).cdf(120) - stats.norm(91, 2).cdf(60)
    gaussian = stats.norm(91, 2).pdf(X) / inside
    np.testing.assert_allclose(VOIGT.pdf(X, 60.0, 120.0, *NARROW, 1e-7), gaussian, atol=1e-7)
    cauchy = stats.cauchy(91, 1.25)
    expected = cauchy.pdf(X) / (cauchy.cdf(120) - cauchy.cdf(60))
    np.testing.assert_allclose(VOIGT.pdf(X, 60.0, 120.0, 91.0, 1e-3, 2.5), expected, rtol=1e-4)


def test_z_boson_is_a_voigt_profile_with_a_smooth_tail():
    mean, sigma, alpha, n = 91.0, 2.0, 1.0, 2.7
    joint = mean - alpha * sigma
    near = Z_BOSON.pdf(joint + np.array([-2e-3, -1e-3, 1e-3, 2e-3]), 60.0, 120.0,
                       mean, sigma, alpha, n)  # fmt: skip
    slopes = np.diff(near)[[0, 2]] / 1e-3
    assert near[1] == pytest.approx(near[2], rel=1e-3)
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-2)
    above = X[joint < X]
    ratio = Z_BOSON.pdf(above, 60.0, 120.0, mean, sigma, alpha, n) / voigt_profile(
        above - mean, sigma, Z_WIDTH / 2
    )
    assert np.ptp(ratio) < 1e-12 * ratio.mean() * len(ratio)


def test_far_tails_of_the_two_sided_crystal_ball_are_power_laws():
    mean, sigma, alpha, n = 91.0, 1.0, 1.0, 3.0
    low, high = (
        TWO_SIDED_CRYSTAL_BALL.pdf(mean + sign * X / 4, 0.0, 200.0, mean, sigma, alpha, n, 2.0, 5.0)
        for sign in (-1, 1)
    )
    for tail, power, kink in ((low, n, alpha), (high, 5.0, 2.0)):
        distance = X / 4 + power / kink - kink
        assert np.diff(np.log(tail)) == pytest.approx(-power * np.diff(np.log(distance)), rel=1e-6)


def test_real_z_bosons_are_described(open_data_folder, monkeypatch):
    """CMS 2011: the mean within the electrons' energy scale of the PDG's 91.188 GeV."""
    import hepnb

    monkeypatch.setenv("HEPNB_OPEN_DATA", str(open_data_folder))
    sample = hepnb.catalogue("local")["cms2011_zee"].study("Zee").particle("e")
    for model in ("z_boson", "crystal_ball_two_sided"):
        fit = fit_mass(sample, model, range=(60, 120), bins=120)
        assert fit.status == "ok"
        assert fit.p_value > 1e-2
        [mean] = fit.parameters.loc[fit.parameters["name"] == "mean", "value"]
        assert mean == pytest.approx(91.188, rel=5e-3)
