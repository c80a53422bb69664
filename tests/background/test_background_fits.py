"""Fits reach the lowest minimum there is, say how well it is known, and never break."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from iminuit import Minuit
from scipy.optimize import minimize as scipy_minimize

from hepnb.background.families import Laurent, family
from hepnb.background.fitting import fit_background
from hepnb.background.fitting.fit import assembled
from hepnb.background.fitting.likelihood import Likelihood
from hepnb.background.fitting.newton import Evaluation, minimise
from hepnb.background.fitting.search import follow
from hepnb.background.signal import SumOfGaussians
from hepnb.background.spectrum import MassSpectrum, hidden_bins
from hepnb.errors import BadParameters

EDGES = np.linspace(100.0, 180.0, 321)
LOW, HIGH = EDGES[:-1], EDGES[1:]
CENTRES = (LOW + HIGH) / 2
FAMILIES = ("bernstein", "exponential", "powerlaw", "laurent")
CONVEX = ("bernstein", "laurent")


def truth(rng: np.random.Generator) -> np.ndarray:
    """Shares of the bins of one of six kinds of spectra, none of them always in a family."""
    kind = rng.integers(6)
    if kind == 0:
        parts = [np.exp(-rng.uniform(0.01, 0.08) * CENTRES)]
    elif kind == 1:
        parts = [CENTRES ** -rng.uniform(2.0, 8.0)]
    elif kind == 2:
        parts = [np.exp(-slope * CENTRES) for slope in rng.uniform(0.0, 0.3, 3)]
    elif kind == 3:
        parts = [CENTRES**power for power in rng.uniform(-9.0, 1.0, 3)]
    elif kind == 4:
        parts = [np.exp(-0.06 * CENTRES), CENTRES**-4.0, np.exp(-0.008 * CENTRES)]
    else:
        peak = np.exp(-0.5 * ((CENTRES - rng.uniform(105, 170)) / rng.uniform(1, 10)) ** 2)
        parts = [np.exp(-0.03 * CENTRES), peak]
    shares = [part / part.sum() for part in parts]
    return np.asarray(rng.dirichlet(np.full(len(parts), 3.0)) @ shares)


def random_spectrum(seed: int, *, blind: bool = False) -> MassSpectrum:
    """Between 40 and 1e5 candidates."""
    rng = np.random.default_rng(seed)
    events = 10 ** rng.uniform(1.6, 5.0)
    shown = ~hidden_bins(EDGES, ((115.0, 135.0),)) if blind else np.ones(320, bool)
    return MassSpectrum(EDGES, np.where(shown, rng.poisson(events * truth(rng)), 0.0), shown)


def falling(events: int, seed: int = 5) -> MassSpectrum:
    rng = np.random.default_rng(seed)
    share = np.exp(-0.04 * (CENTRES - 100.0))
    return MassSpectrum(EDGES, rng.poisson(events * share / share.sum()))


def plain_shares(name: str, order: int, theta: np.ndarray) -> np.ndarray:
    """Components in bins from the formulas, without the library: shape (bins, K)."""

    def normalised(below):
        return (below(HIGH) - below(LOW)) / (below(180.0) - below(100.0))

    if name == "bernstein":
        from numpy.polynomial import Polynomial

        t = Polynomial([-100.0 / 80.0, 1.0 / 80.0])
        basis = [(t**k * (1 - t) ** (order - k)).integ() for k in range(order + 1)]
        return np.column_stack([normalised(each) for each in basis])

    def grown(slope, x):
        # an exponential's integral less its value at 100 GeV: exact at slopes near zero too
        return np.expm1(slope * x) / slope if slope else x

    if name == "exponential":
        return np.column_stack([normalised(lambda m, s=s: grown(s, m - 100.0)) for s in theta])
    powers = theta if name == "powerlaw" else np.array(Laurent().powers(order), float)
    return np.column_stack(
        [normalised(lambda m, a=a: grown(a + 1.0, np.log(m / 100.0))) for a in powers]
    )


def minuit_nll(data: MassSpectrum, name: str, order: int, seed: int, starts: int) -> float:
    """Lowest value that Minuit finds, with recursive fractions as the legacy program has them."""
    n_components = order + 1 if name in CONVEX else (order + 1) // 2
    n_free = 0 if name in CONVEX else n_components
    ends = {"exponential": (-1.0, 0.0), "powerlaw": (-9.0, 1.0)}.get(name, (0.0, 0.0))
    fixed = plain_shares(name, order, np.empty(0)) if n_free == 0 else None
    shown, counts = data.visible, data.counts
    log_width = np.log(np.diff(EDGES)) @ counts

    def nll(values):
        fractions, theta = values[: n_components - 1], values[n_components - 1 :]
        left = np.concatenate([[1.0], np.cumprod(1.0 - fractions)])
        weights = left * np.append(fractions, 1.0)
        shares = fixed if fixed is not None else plain_shares(name, order, theta)
        expected = shares[shown] @ weights
        expected = np.maximum(expected / expected.sum(), 1e-300)
        return float(log_width - counts[shown] @ np.log(expected))

    rng = np.random.default_rng(seed)
    best = np.inf
    for _ in range(starts):
        start = np.concatenate(
            [rng.uniform(0.05, 0.95, n_components - 1), rng.uniform(*ends, n_free)]
        )
        minuit = Minuit(nll, start)
        minuit.errordef = Minuit.LIKELIHOOD
        minuit.limits = [(0.0, 1.0)] * (n_components - 1) + [ends] * n_free
        minuit.migrad(ncall=3000)
        best = min(best, minuit.fval)
    return best


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", FAMILIES)
def test_minuit_from_several_starts_never_finds_less(name, seed):
    data = random_spectrum(seed, blind=seed % 2 == 1)
    order = {"bernstein": 4, "laurent": 4}.get(name, 3)
    fit = fit_background(data, name, order)
    assert fit.valid
    found = minuit_nll(data, name, order, seed, starts=3)
    assert fit.nll < found + 1e-6
    # and the two compute the same likelihood: the best of Minuit's is not far above
    assert found - fit.nll < 0.05


@pytest.mark.parametrize("seed", range(100, 108))
def test_no_order_is_above_the_one_below_it(seed):
    data = random_spectrum(seed, blind=seed % 2 == 1)
    for name in FAMILIES:
        lower = None
        for order in family(name).orders():
            fit = fit_background(data, name, order, lower=lower)
            assert fit.valid, (name, order)
            if lower is not None:
                # rounding of sums of a few times 1e5
                assert fit.nll < lower.nll + 1e-8
            lower = fit


@pytest.mark.parametrize("seed", range(200, 206))
@pytest.mark.parametrize("name", CONVEX)
def test_convex_minima_are_certified_and_count_what_they_use(name, seed):
    for order in range(1, 7):
        fit = fit_background(random_spectrum(seed), name, order)
        assert fit.certificate < 1e-9
        assert fit.status == "ok"
        unused = {f"weight_{k}" for k, w in enumerate(fit.weights, 1) if w <= 1e-6}
        assert set(fit.at_bound) == unused
        assert fit.n_active == order + 1 - len(unused)


@pytest.mark.parametrize("unbinned", [False, True])
def test_a_kuhn_tucker_certificate_follows_from_the_definition(unbinned):
    data = MassSpectrum(EDGES, np.zeros(320)).with_masses(
        100.0 + np.random.default_rng(1).exponential(25.0, 800)
    )
    fit = fit_background(data, "bernstein", 3, unbinned=unbinned)
    rows = (
        fit.shape.density(data.masses, fit.theta)
        if unbinned
        else plain_shares("bernstein", 3, fit.theta)
    )
    counts = np.ones(len(data.masses)) if unbinned else data.counts
    gain = (counts / (rows @ fit.weights)) @ rows / data.total - 1.0
    assert gain.max() < 1e-9
    np.testing.assert_allclose(gain[fit.weights > 1e-6], 0.0, atol=1e-9)


@pytest.mark.parametrize("unbinned", [False, True])
def test_the_certificate_of_a_sum_bounds_what_more_components_gain(unbinned):
    data = random_spectrum(3)
    masses = np.random.default_rng(2).uniform(
        np.repeat(LOW, data.counts.astype(int)), np.repeat(HIGH, data.counts.astype(int))
    )
    data = data.with_masses(masses)
    fits = [fit_background(data, "exponential", 1, unbinned=unbinned)]
    for order in (3, 5, 7):
        fits.append(fit_background(data, "exponential", order, lower=fits[-1], unbinned=unbinned))
    for fit in fits:
        assert fit.nll - fits[-1].nll <= fit.certificate + 1e-6
    # the largest derivative over a fine grid, from the formula
    slopes = np.linspace(-1.0, 0.0, 4001)
    fit = fits[0]
    rows = (
        fit.shape.density(data.masses, slopes) if unbinned else fit.shape.fractions(EDGES, slopes)
    )
    here = fit.density(data.masses) if unbinned else fit.fractions()
    counts = np.ones(len(data.masses)) if unbinned else data.counts
    gain = (counts / here) @ rows - data.total
    assert fit.certificate == pytest.approx(gain.max(), rel=1e-3)
    assert fits[-1].certificate < 1e-4


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("order", [1, 3])
def test_ten_times_the_counts_are_ten_times_the_likelihood(name, order):
    data = random_spectrum(11)
    once = fit_background(data, name, order)
    tenfold = fit_background(data.with_counts(10 * data.counts), name, order)
    assert tenfold.nll == pytest.approx(10 * once.nll, rel=1e-12, abs=1e-6)
    np.testing.assert_allclose(tenfold.weights, once.weights, atol=2e-5)
    assert tenfold.total == pytest.approx(10 * once.total, rel=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_merged_bins_give_consistent_gains(name):
    # two bins in one lose what distinguishes them: far less than the gain of a real step
    data = falling(10_000).with_counts(
        np.random.default_rng(8).poisson(1e4 * truth(np.random.default_rng(2)))
    )
    gains = []
    for each in (data, data.rebinned(2)):
        low, high = (fit_background(each, name, order) for order in (1, 3))
        gains.append(low.nll - high.nll)
    assert gains[1] == pytest.approx(gains[0], rel=1e-3, abs=0.1)


ASIMOV = [
    ("bernstein", 3, [0.5, 0.2, 0.1, 0.2], []),
    ("exponential", 1, [1.0], [-0.035]),
    ("exponential", 3, [0.6, 0.4], [-0.09, -0.015]),
    ("powerlaw", 1, [1.0], [-4.3]),
    ("powerlaw", 3, [0.7, 0.3], [-8.0, -1.0]),
    ("laurent", 2, [0.3, 0.5, 0.2], []),
]


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize(("name", "order", "weights", "theta"), ASIMOV)
def test_asimov_data_give_their_parameters_back_and_nothing_above(
    name, order, weights, theta, blind
):
    shown = ~hidden_bins(EDGES, ((115.0, 135.0),)) if blind else np.ones(320, bool)
    theta = np.array(theta)
    expected = 3e4 * plain_shares(name, order, theta) @ np.array(weights)
    data = MassSpectrum(EDGES, np.where(shown, expected, 0.0), shown)
    fit = fit_background(data, name, order)
    # minima are known to 1e-10 of the likelihood, mixtures of similar powers to 1e-3 of it
    np.testing.assert_allclose(fit.weights, weights, atol=3e-3)
    np.testing.assert_allclose(fit.theta, theta, rtol=3e-3)
    assert fit.total == pytest.approx(3e4, rel=1e-5)
    above = fit_background(data, name, order + family(name).step, lower=fit)
    assert abs(fit.nll - above.nll) < 1e-6


def test_uncertainties_of_interior_parameters_equal_those_of_minuit():
    theta = np.array([-0.08, -0.015])
    data = MassSpectrum(EDGES, 1e5 * plain_shares("exponential", 3, theta) @ np.array([0.6, 0.4]))
    fit = fit_background(data, "exponential", 3)

    def nll(yields):
        expected = plain_shares("exponential", 3, yields[2:]) @ yields[:2]
        return float(expected.sum() - data.counts @ np.log(expected))

    minuit = Minuit(nll, np.concatenate([fit.weights * fit.total, fit.theta]))
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.migrad()
    minuit.hesse()
    # Minuit's second derivatives are numerical
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), minuit.errors, rtol=0.02)
    assert fit.total_error == pytest.approx(np.sqrt(fit.total), rel=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_row_1_an_empty_spectrum_gives_no_events_in_the_flattest_shape(name):
    fit = fit_background(MassSpectrum(EDGES, np.zeros(320)), name, 3)
    assert (fit.status, fit.valid, fit.total, fit.nll) == ("empty", False, 0.0, 0.0)
    np.testing.assert_array_equal(fit.expected(), 0.0)
    assert fit.fractions().sum() == pytest.approx(1.0, rel=1e-12)
    if name != "laurent":
        np.testing.assert_allclose(fit.fractions(), 1 / 320, rtol=1e-12)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("events", [1, 3])
def test_row_2_fewer_candidates_than_parameters_are_fitted_all_the_same(name, events):
    counts = np.zeros(320)
    counts[[40, 130, 300][:events]] = 1.0
    data = MassSpectrum(EDGES, counts)
    for order in family(name).orders():
        fit = fit_background(data, name, order)
        assert fit.valid
        assert np.isfinite([fit.nll, fit.total, fit.total_error]).all()
        assert fit.total == pytest.approx(events, rel=1e-9)


def test_row_3_empty_bins_count_in_the_integral_alone():
    data = random_spectrum(0)
    sparse = falling(300)
    assert (sparse.counts == 0).sum() > 130
    fit = fit_background(sparse, "exponential", 1)
    mean = sparse.counts @ CENTRES / sparse.total
    # one exponential: its mean is that of the data, up to the width of a bin
    grid = np.linspace(100.0, 180.0, 100_001)
    assert np.average(grid, weights=fit.density(grid)) == pytest.approx(mean, abs=2e-3)
    assert data.total > 0


EXTREME = {
    "at one mass": (100, 50.0, None),
    "in the first bin": (0, 50.0, "low"),
    "in the last bin": (319, 50.0, "high"),
}


@pytest.mark.parametrize("where", EXTREME)
@pytest.mark.parametrize("name", FAMILIES)
def test_row_4_all_candidates_in_one_bin_run_to_bounds_and_stay_finite(name, where):
    index, events, end = EXTREME[where]
    counts = np.zeros(320)
    counts[index] = events
    lower = None
    for order in family(name).orders():
        fit = fit_background(MassSpectrum(EDGES, counts), name, order, lower=lower)
        assert np.isfinite([fit.nll, fit.certificate, fit.total_error]).all()
        assert fit.total == pytest.approx(events, rel=1e-9)
        if name not in CONVEX and end:
            assert fit.status == "at_bound"
            bound = fit.shape.bounds[0][0 if end == "low" else 1]
            assert fit.theta[0 if end == "low" else -1] == pytest.approx(bound)
        else:
            assert fit.status == "ok"
        lower = fit


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("masses", [np.full(5, 100.0), np.full(5, np.nextafter(180.0, 0.0))])
def test_row_4_unbinned_candidates_on_an_edge_are_fitted(name, masses):
    data = MassSpectrum(EDGES, np.zeros(320)).with_masses(masses)
    for order in (1, 3):
        fit = fit_background(data, name, order, unbinned=True)
        assert fit.valid
        assert np.isfinite(fit.nll)


@pytest.mark.parametrize("factor", [1e-3, 0.37, 1e3])
@pytest.mark.parametrize("name", FAMILIES)
def test_row_5_sums_of_weights_are_fitted_like_counts(name, factor):
    data = random_spectrum(12)
    weighted = dataclasses.replace(data, counts=factor * data.counts, weighted=True)
    plain, fit = (fit_background(each, name, 3) for each in (data, weighted))
    assert fit.nll == pytest.approx(factor * plain.nll, rel=1e-9)
    assert fit.total == pytest.approx(factor * plain.total, rel=1e-9)


def test_row_6_a_fit_that_stops_early_says_failed_and_so_do_sums_that_rest_on_it():
    data = random_spectrum(3)
    shape = family("exponential").shape(1, 100.0, 180.0)
    likelihood = Likelihood(data, shape)
    objective = likelihood.objective()
    start = np.array([1.0, -0.9])
    stopped = minimise(objective, start, objective.bounds, scale=objective.scale, max_steps=1)
    fit = assembled(likelihood, family("exponential"), 1, stopped, tries=1)
    assert (fit.status, fit.valid) == ("failed", False)


def test_row_6_an_order_that_does_not_exist_is_named_and_a_wrong_lower_order_too():
    data = falling(200)
    with pytest.raises(BadParameters, match="Exponential has no order 2"):
        fit_background(data, "exponential", 2)
    first = fit_background(data, "exponential", 1)
    with pytest.raises(BadParameters, match="Exponential 5 begins from Exponential 3, not from"):
        fit_background(data, "exponential", 5, lower=first)
    with pytest.raises(BadParameters, match="Power law 3 begins from Power law 1, not from Exp"):
        fit_background(data, "powerlaw", 3, lower=first)
    with pytest.raises(BadParameters, match="holds counts, not candidates"):
        fit_background(data, "exponential", 1, unbinned=True)


@pytest.mark.parametrize(
    ("name", "orders"), [("exponential", (1, 3)), ("powerlaw", (1, 3)), ("laurent", (1, 2))]
)
def test_row_9_a_component_that_gains_nothing_is_marked_unused(name, orders):
    counts = np.zeros(320)
    counts[:10] = 4.0  # narrower than any mixture: one steep component is best
    lower, above = (fit_background(MassSpectrum(EDGES, counts), name, order) for order in orders)
    assert lower.nll == pytest.approx(above.nll, abs=1e-9)
    assert any(each.startswith("weight_") for each in above.at_bound)
    assert above.n_active == lower.n_active == 1


def test_row_11_gains_are_not_negative_beyond_rounding():
    for seed in range(300, 310):
        data = random_spectrum(seed)
        first = fit_background(data, "exponential", 1)
        third = fit_background(data, "exponential", 3, lower=first)
        assert 2 * (first.nll - third.nll) > -1e-6 * data.total


def test_row_12_flat_data_have_a_slope_and_a_power_of_zero():
    data = MassSpectrum(EDGES, np.full(320, 30.0))
    assert fit_background(data, "exponential", 1).theta[0] == pytest.approx(0.0, abs=1e-9)
    assert fit_background(data, "powerlaw", 1).theta[0] == pytest.approx(0.0, abs=1e-9)
    log = np.diff(np.log(EDGES))
    assert fit_background(data.with_counts(1e4 * log), "powerlaw", 1).theta[0] == pytest.approx(
        -1.0, abs=1e-9
    )


@pytest.mark.parametrize("span", [(9.0, 9.7), (0.5, 3.0), (500.0, 7000.0)])
def test_row_13_a_spectrum_in_other_units_has_the_same_minima(span):
    data = random_spectrum(13)
    lo, hi = span
    moved = MassSpectrum(np.linspace(lo, hi, 321), data.counts)
    shift = data.total * np.log((hi - lo) / 80.0)
    for name, order in (("bernstein", 4), ("exponential", 3)):
        here, there = (fit_background(each, name, order) for each in (data, moved))
        assert there.nll == pytest.approx(here.nll + shift, abs=1e-6)
        np.testing.assert_allclose(there.weights, here.weights, atol=1e-5)
    for name, order in (("powerlaw", 3), ("laurent", 3)):
        assert fit_background(moved, name, order).valid


def test_a_million_and_a_million_million_candidates_are_fitted():
    share = np.exp(-0.03 * CENTRES) + 1e-3 * np.exp(-0.005 * CENTRES)
    for events in (1e6, 1e12):
        data = MassSpectrum(EDGES, events * share / share.sum())
        for name in FAMILIES:
            lower = None
            for order in (1, 3):
                if name in CONVEX or lower is not None or order == 1:
                    fit = fit_background(data, name, order, lower=lower)
                    assert fit.valid
                    lower = fit if name not in CONVEX else None


@pytest.mark.parametrize("seed", range(5))
def test_newton_s_method_between_bounds_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(6, 6))
    matrix = matrix @ matrix.T
    linear = 3.0 * rng.normal(size=6)
    bounds = np.column_stack([rng.uniform(-1, 0, 6), rng.uniform(0, 1, 6)])

    def evaluate(x):
        bump = np.cos(3 * x)
        value = 0.5 * x @ matrix @ x + linear @ x + 0.1 * bump.sum()
        gradient = matrix @ x + linear - 0.3 * np.sin(3 * x)
        return Evaluation(value, gradient, matrix - 0.9 * np.diag(bump))

    found = minimise(evaluate, np.zeros(6), bounds, scale=np.ones(6))
    peer = scipy_minimize(
        lambda x: evaluate(x)[:2], found.x, jac=True, bounds=bounds, method="L-BFGS-B"
    )
    assert found.converged
    assert found.value <= peer.fun + 1e-9
    inside = (found.x > bounds[:, 0]) & (found.x < bounds[:, 1])
    # it stops where a step promises less than 1e-10
    np.testing.assert_allclose(found.gradient[inside], 0.0, atol=2e-5)
    assert (found.gradient[found.x == bounds[:, 0]] >= 0).all()
    assert (found.gradient[found.x == bounds[:, 1]] <= 0).all()


def test_derivatives_of_the_likelihood_equal_finite_differences():
    data = random_spectrum(21, blind=True)
    signal = SumOfGaussians(mean=140.0, sigma=2.0, expected=30.0, lo=100.0, hi=180.0)
    for name, order in (("exponential", 3), ("powerlaw", 3), ("bernstein", 2)):
        shape = family(name).shape(order, 100.0, 180.0)
        for objective in (
            Likelihood(data, shape).objective(),
            Likelihood(data, shape, signal=signal).objective(),
            Likelihood(data, shape, signal=signal).objective(strength=0.7),
        ):
            k = shape.n_components
            theta = {"exponential": [-0.05, -0.01], "powerlaw": [-6.0, -2.0]}.get(name, [])
            x = np.concatenate([np.linspace(0.3, 0.8, k), [0.5] * objective.free_strength, theta])
            here = objective(x)
            for index in range(len(x)):
                step = np.zeros(len(x))
                step[index] = 1e-6 * objective.scale[index]
                up, down = objective(x + step), objective(x - step)
                slope = (up.value - down.value) / (2 * step[index])
                bend = (up.gradient - down.gradient) / (2 * step[index])
                size = np.abs(here.hessian).max(axis=0) + 1.0
                assert slope == pytest.approx(
                    here.gradient[index], rel=1e-5, abs=1e-3 * size[index]
                )
                np.testing.assert_allclose(bend / size, here.hessian[index] / size, atol=1e-5)


def random_starts(data: MassSpectrum, name: str, order: int, rng: np.random.Generator) -> float:
    """Lowest of 25 random starts of the same Newton's method."""
    shape = family(name).shape(order, 100.0, 180.0)
    objective = Likelihood(data, shape).objective()
    k = shape.n_components
    best = np.inf
    for _ in range(25):
        slopes = (
            rng.choice(shape.grid(200), k)
            if rng.random() < 0.5
            else rng.uniform(*shape.bounds[0], k)
        )
        found = follow(objective, [np.concatenate([rng.dirichlet(np.ones(k)), slopes])])
        if found is not None:
            best = min(best, found.value - data.total)
    return best


# order 3: one start at the steepest slope, or two that agree, are not enough; order 5: it needs
# its best weight
HARD = [("exponential", 3, seed) for seed in (1011, 1036, 1039, 5009)]
HARD += [("exponential", 5, seed) for seed in (2289, 2335, 2387)]
HARD += [("powerlaw", 3, seed) for seed in (1000, 1001)]


@pytest.mark.parametrize(("name", "order", "seed"), HARD)
def test_random_starts_never_end_below(name, order, seed):
    data = random_spectrum(seed, blind=seed % 2 == 1)
    fit = fit_background(data, name, order)
    assert fit.nll < random_starts(data, name, order, np.random.default_rng(seed)) + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("block", range(8))
def test_twenty_five_random_starts_never_end_below_in_four_hundred_spectra(block):
    missed = []
    for seed in range(50 * block, 50 * block + 50):
        data = random_spectrum(2000 + seed, blind=seed % 2 == 1)
        for name in ("exponential", "powerlaw"):
            lower = fit_background(data, name, 1)
            for order in (3, 5):
                lower = fit_background(data, name, order, lower=lower)
                best = random_starts(data, name, order, np.random.default_rng(seed))
                # 2e-3 is allowed; the worst of the 1600 fits is 3.2e-4 above (seed 348, order 5)
                if lower.nll > best + 1e-3 or not lower.valid:
                    missed.append((seed, name, order, lower.nll - best))
    assert missed == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_minuit_never_finds_less_in_many_spectra(seed):
    data = random_spectrum(5000 + seed, blind=seed % 2 == 1)
    for name in FAMILIES:
        order = int(np.random.default_rng(seed).choice(family(name).orders()))
        assert fit_background(data, name, order).nll < minuit_nll(data, name, order, seed, 5) + 1e-5
