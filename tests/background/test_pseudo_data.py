"""Pseudo-data have the expectation that they are drawn from, and see what the data see.

Statistical tests have fixed seeds and a false-alarm rate of at most 1e-4 each.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from hepnb.background.pseudodata import pseudo_data, pseudo_data_from_simulation
from hepnb.background.spectrum import MassSpectrum, hidden_bins
from hepnb.errors import BadParameters, BadTable

EDGES = np.linspace(100.0, 180.0, 41)


def exponential(edges):
    return 5000 * (np.exp(-0.05 * (edges[:-1] - 100)) - np.exp(-0.05 * (edges[1:] - 100)))


def fit(*windows) -> SimpleNamespace:
    visible = ~hidden_bins(EDGES, windows)
    spectrum = MassSpectrum(EDGES, np.zeros(40), visible, category="cat", variable="m_gg")
    return SimpleNamespace(
        spectrum=spectrum,
        expected=lambda edges=None: exponential(EDGES if edges is None else edges),
    )


def peak(expected: float = 300.0) -> SimpleNamespace:
    return SimpleNamespace(
        expected=expected,
        fractions=lambda edges: np.diff(stats.norm.cdf(edges, 125, 2)),
        density=lambda mass: stats.norm.pdf(mass, 125, 2),
    )


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def is_poisson(observed, expected) -> bool:
    return stats.chi2.sf(((observed - expected) ** 2 / expected).sum(), len(expected)) > 1e-4


def test_asimov_data_are_the_expectation_of_background_and_signal():
    data = pseudo_data(fit(), events="asimov", signal=peak(), strength=2.0)
    expected = exponential(EDGES) + 600 * np.diff(stats.norm.cdf(EDGES, 125, 2))
    np.testing.assert_allclose(data.counts, expected, rtol=1e-14)
    assert data.weighted
    assert (data.category, data.variable) == ("cat", "m_gg")


@pytest.mark.parametrize("unbinned", [False, True])
def test_every_bin_is_poisson(unbinned):
    data = pseudo_data(fit(), rng(), signal=peak(), unbinned=unbinned)
    assert is_poisson(data.counts, pseudo_data(fit(), events="asimov", signal=peak()).counts)
    assert (data.counts == np.round(data.counts)).all()
    assert not data.weighted


def test_the_total_varies_as_a_poisson_number():
    totals = [pseudo_data(fit(), generator).total for generator in [rng()] for _ in range(400)]
    expected = exponential(EDGES).sum()
    # (n - 1) s^2 / mu follows chi2(n - 1)
    assert 1e-4 < stats.chi2.cdf(399 * np.var(totals, ddof=1) / expected, 399) < 1 - 1e-4
    assert abs(np.mean(totals) - expected) < 4 * np.sqrt(expected / 400)


@pytest.mark.parametrize("unbinned", [False, True])
def test_a_fixed_number_is_drawn_exactly(unbinned):
    data = pseudo_data(fit((115, 135)), rng(), events=1234, unbinned=unbinned)
    assert data.total == 1234
    assert pseudo_data(fit(), rng(), events=0).total == 0


def test_masses_follow_the_density():
    data = pseudo_data(fit(), rng(), events=5000, unbinned=True)
    law = stats.truncexpon(b=80 * 0.05, loc=100, scale=20)
    assert stats.kstest(data.masses, law.cdf).pvalue > 1e-4
    assert data.dropped == {}


def test_row_10_pseudo_data_see_what_the_data_see():
    for options in ({}, {"unbinned": True}, {"events": "asimov"}, {"events": 50}):
        data = pseudo_data(fit((115, 135)), rng(), signal=peak(), **options)
        assert data.blind == ((114.0, 136.0),)
        if data.masses is not None:
            assert not ((data.masses >= 114) & (data.masses < 136)).any()
    assert pseudo_data(fit((115, 135)), rng(), unblind=True).blind == ()
    assert is_poisson(pseudo_data(fit((115, 135)), rng(), unblind=True).counts, exponential(EDGES))


def test_a_seed_gives_the_same_pseudo_data():
    first, second, other = (pseudo_data(fit(), rng(seed)).counts for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_negative_signal_is_allowed_while_every_bin_expects_something():
    assert pseudo_data(fit(), events="asimov", signal=peak(), strength=-1.0).total < 5000
    with pytest.raises(BadParameters, match="at strength -10; give a larger strength"):
        pseudo_data(fit(), rng(), signal=peak(), strength=-10.0)


def test_a_spectrum_of_simulation_may_be_what_is_expected():
    simulated = MassSpectrum(EDGES, exponential(EDGES), weighted=True)
    assert is_poisson(pseudo_data(simulated, rng()).counts, exponential(EDGES))


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        (fit(), {"rng": None}, "rng=numpy.random"),
        (fit(), {"events": -1}, "events = -1"),
        (fit(), {"events": "fixed"}, "events = 'fixed'"),
        (fit(), {"events": "asimov", "unbinned": True}, "from a fit only"),
        (MassSpectrum(EDGES, np.ones(40)), {"unbinned": True}, "from a fit only"),
        (fit((115, 135)).spectrum, {"unblind": True}, "blinded spectrum"),
        (MassSpectrum(EDGES, np.zeros(40)), {"events": 3}, "cannot be drawn"),
    ],
)
def test_what_cannot_be_drawn_is_refused(source, options, said):
    with pytest.raises(BadParameters, match=said):
        pseudo_data(source, **{"rng": rng(), **options})


def simulation(n: int = 40_000, mean: float = 0.1) -> dict[str, np.ndarray]:
    generator = rng(1)
    law = stats.truncexpon(b=80 * 0.05, loc=100, scale=20)
    masses = law.rvs(n, random_state=generator)
    # weights that depend on the mass change the spectrum
    return {"mass": masses, "weight": mean * (masses / 130) * generator.gamma(10, 0.1, n)}


def test_simulation_is_drawn_with_its_weights():
    table = simulation()
    expected = np.histogram(table["mass"], EDGES, weights=table["weight"])[0]
    options = {"weight": "weight", "range": (100, 180), "bins": 40}
    data = pseudo_data_from_simulation(table, rng(), **options)
    assert is_poisson(data.counts, expected)
    assert set(data.masses.tolist()) <= set(table["mass"].tolist())
    scaled = pseudo_data_from_simulation(table, rng(), scale=3.0, **options)
    assert is_poisson(scaled.counts, 3 * expected)
    exact = pseudo_data_from_simulation(table, rng(), events=777, **options)
    assert exact.total == 777
    assert not exact.weighted


def test_row_10_drawn_simulation_is_blinded_like_data():
    data = pseudo_data_from_simulation(
        simulation(), rng(), weight="weight", blind=(115, 135), cut="mass < 170"
    )
    assert data.blind == ((115.0, 135.0),)
    assert not ((data.masses >= 115) & (data.masses < 135)).any()
    assert data.masses.max() < 170


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_row_5_negative_weights_cannot_be_probabilities(bad):
    table = simulation(100)
    table["weight"][3] = bad
    with pytest.raises(BadTable, match=r"1 weights .* negative or not finite"):
        pseudo_data_from_simulation(table, rng(), weight="weight")
    with pytest.raises(BadTable, match="nothing to draw"):
        pseudo_data_from_simulation(simulation(0), rng(), weight="weight")
