"""The f-test in two masses against known truth and an independent minimiser."""

import json
import logging

import numpy as np
import pandas as pd
import pytest
from iminuit import Minuit
from scipy import stats

from hepnb.background import fit_background, run_ftest
from hepnb.background.samples import mgg_mjj
from hepnb.background.two_dimensions import (
    Spectrum2D,
    factorisation_test,
    fit_product,
    read_spectrum_2d,
    read_whitelist,
    run_ftest_2d,
)
from hepnb.background.two_dimensions.factorisation import independent
from hepnb.background.two_dimensions.goodness import goodness_cells, product_goodness
from hepnb.background.two_dimensions.record import (
    ftest_2d_record,
    ftest_2d_schema,
    read_ftest_2d,
)
from hepnb.errors import BadParameters, BadTable

WINDOWS = {"blind_x": (115, 135), "blind_y": (105, 145)}
REGIONS = [{}, {"blind_x": (115, 135)}, WINDOWS, {**WINDOWS, "region": "cross"}]
FALSE_ALARM = 1e-4  # of each statistical test below


@pytest.fixture(scope="module")
def sample():
    return mgg_mjj(seed=5, signal=0)


def products(spectrum, x, y):
    return fit_product(
        spectrum,
        fit_background(spectrum.projection(0), *x),
        fit_background(spectrum.projection(1), *y),
    )


def nll_of_shares(spectrum, f, g):
    """-sum n ln(f g / beta) per unit of both masses, written out cell by cell."""
    shares = np.outer(f, g)
    widths = np.outer(np.diff(spectrum.x_edges), np.diff(spectrum.y_edges))
    seen = spectrum.visible
    density = shares / widths / shares[seen].sum()
    filled = seen & (spectrum.counts > 0)
    return -float(np.sum(spectrum.counts[filled] * np.log(density[filled])))


@pytest.mark.parametrize("region", REGIONS)
def test_the_joint_minimum_is_that_of_an_independent_minimiser(sample, region):
    spectrum = read_spectrum_2d(sample, x_bins=80, y_bins=60, **region)

    def quadratic(edges, a, b):
        # positive Bernstein coefficients 1, a^2, b^2
        t = (edges - edges[0]) / (edges[-1] - edges[0])
        upto = (1 - (1 - t) ** 3) + a**2 * (3 * t**2 - 2 * t**3) + b**2 * t**3
        return np.diff(upto) / (1 + a**2 + b**2)

    def exponential(edges, slope):
        upto = np.exp(slope * (edges - edges[0]))
        return np.diff(upto) / (upto[-1] - upto[0])

    def cost(slope, a, b):
        f, g = exponential(spectrum.x_edges, slope), quadratic(spectrum.y_edges, a, b)
        return nll_of_shares(spectrum, f, g)

    minuit = Minuit(cost, slope=-0.04, a=0.5, b=0.5)
    minuit.errordef, minuit.strategy, minuit.tol = Minuit.LIKELIHOOD, 2, 1e-4
    minuit.migrad()
    fit = products(spectrum, ("exponential", 1), ("bernstein", 2))
    assert fit.joint == (region == WINDOWS)
    assert fit.valid
    assert fit.certificate < 1e-9
    assert fit.nll == pytest.approx(minuit.fval, abs=1e-4)
    f, g = fit.x.fractions(spectrum.x_edges), fit.y.fractions(spectrum.y_edges)
    assert fit.nll == pytest.approx(nll_of_shares(spectrum, f, g), abs=1e-6)
    assert fit.expected()[spectrum.visible].sum() == pytest.approx(spectrum.total, rel=1e-9)


def test_two_slopes_each_reach_a_minimum_that_no_step_lowers(sample):
    spectrum = read_spectrum_2d(sample, x_bins=80, y_bins=60, **WINDOWS)
    fit = products(spectrum, ("exponential", 3), ("powerlaw", 3))

    def cost(w, s, t, v, p, q):  # noqa: PLR0917 -- Minuit counts them
        exponentials, powers = fit.x.shape, fit.y.shape
        f = exponentials.fractions(spectrum.x_edges, np.array([s, t])) @ [w, 1 - w]
        g = powers.fractions(spectrum.y_edges, np.array([p, q])) @ [v, 1 - v]
        return nll_of_shares(spectrum, f, g)

    start = (fit.x.weights[0], *fit.x.theta, fit.y.weights[0], *fit.y.theta)
    minuit = Minuit(cost, *start)
    minuit.limits = [(0, 1), (-1, 0), (-1, 0), (0, 1), (-9, 1), (-9, 1)]
    minuit.errordef, minuit.tol = Minuit.LIKELIHOOD, 1e-3
    minuit.migrad()
    assert fit.nll == pytest.approx(cost(*start), abs=1e-6)
    assert minuit.fval > fit.nll - 1e-4


@pytest.mark.parametrize("region", [REGIONS[1], WINDOWS])
def test_totals_and_their_errors_match_pseudo_experiments(sample, region):
    whole = read_spectrum_2d(sample, x_bins=40, y_bins=30)
    truth = products(whole, ("exponential", 1), ("exponential", 1)).expected()
    hidden = read_spectrum_2d(sample, x_bins=40, y_bins=30, **region)
    rng = np.random.default_rng(4)
    pulls = []
    for _ in range(120):
        data = hidden.with_counts(rng.poisson(truth))
        fit = products(data, ("exponential", 1), ("exponential", 1))
        pulls.append((fit.total - truth.sum()) / fit.total_error)
    n = len(pulls)
    assert abs(np.mean(pulls)) < stats.norm.isf(FALSE_ALARM / 2) / np.sqrt(n)
    low, high = stats.chi2.isf([1 - FALSE_ALARM / 2, FALSE_ALARM / 2], n - 1) / (n - 1)
    assert low < np.var(pulls, ddof=1) < high


@pytest.mark.parametrize("region", REGIONS[1:])
def test_nothing_depends_on_what_is_hidden(sample, region):
    before = read_spectrum_2d(sample, **region)
    hidden = pd.DataFrame(sample)
    x = hidden["mass"].between(115, 135, inclusive="left")
    y = hidden["mjj"].between(105, 145, inclusive="left")
    inside = x if len(region) == 1 else x | y if "region" in region else x & y
    assert inside.any()
    after = read_spectrum_2d(hidden[~inside], **region)
    np.testing.assert_array_equal(before.counts, after.counts)
    assert before.dropped == after.dropped == {}
    seen = read_spectrum_2d(sample, **region, unblind=True)
    assert seen.visible.all()
    assert seen.total == before.total + inside.sum()


def test_windows_hide_a_strip_a_rectangle_or_a_cross(sample):
    strip, rectangle, cross = (read_spectrum_2d(sample, **each) for each in REGIONS[1:])
    assert (~strip.visible).mean() == 0.25
    assert (~rectangle.visible).mean() == pytest.approx(0.25 / 3)
    assert (~cross.visible).mean() == pytest.approx(0.5)
    assert [each.factorises for each in (strip, rectangle, cross)] == [True, False, True]
    # beside a rectangle every mass is visible, for candidates whose other mass is outside
    assert rectangle.projection(0).visible.all()
    outside = np.asarray(sample["mjj"] < 105) | np.asarray(sample["mjj"] >= 145)
    assert rectangle.projection(0).total == outside.sum()
    assert cross.projection(0).blind == ((115.0, 135.0),)
    assert cross.projection(0).total == cross.total


def test_candidates_out_of_range_are_counted_by_reason():
    data = {"mass": [90.0, 120.0, np.nan, 120.0, 180.0], "mjj": [100.0, 60.0, 80.0, 80.0, 80.0]}
    spectrum = read_spectrum_2d(data)
    assert spectrum.total == 1
    assert spectrum.dropped == {"mass below": 1, "mass above": 1, "mass nan": 1, "mjj below": 1}
    assert "1 left out: mjj below" in spectrum.summary()
    with pytest.raises(BadTable, match="in the units of mass and mjj"):
        read_spectrum_2d({name: 1e3 * np.full(500, 120.0) for name in data})


def test_independent_masses_pass_at_the_stated_rate():
    n, flagged = 400, 0
    shares = [np.exp(-0.06 * np.arange(40)), np.linspace(2, 1, 30)]
    expected = np.outer(*(each / each.sum() for each in shares))
    edges = np.linspace(100, 180, 41), np.linspace(70, 190, 31)
    visible = np.ones((40, 30), bool)
    visible[8:18, 9:19] = False
    rng = np.random.default_rng(7)
    mixed = []
    for seed in range(n):
        counts = rng.poisson(500 * expected * visible)
        spectrum = Spectrum2D(*edges, counts, visible)
        found = factorisation_test(spectrum, alpha=0.1, toys=99, seed=seed)
        flagged += not found.passed
        mixed.append(found.mixed / found.mixed_error)
    # at most 10 %; not much less, or the test would be blind
    assert stats.binomtest(flagged, n, 0.1, alternative="greater").pvalue > FALSE_ALARM
    assert stats.binomtest(flagged, n, 0.04, alternative="less").pvalue > FALSE_ALARM
    assert stats.kstest(mixed, "norm").pvalue > FALSE_ALARM


@pytest.mark.parametrize("region", REGIONS)
def test_correlated_masses_are_flagged_and_the_reason_given(region, caplog):
    spectrum = read_spectrum_2d(mgg_mjj(seed=2, signal=0, correlation=1.0), **region)
    with caplog.at_level(logging.WARNING, logger="hepnb"):
        found = factorisation_test(spectrum)
    assert found.status == "does_not_factorise"
    # exp(-0.012 (mgg - 125) / 50 (mjj - 130)) is a slope of -0.012 * 40 / 50 * 60 = -0.58 in u v
    # to first order; 0.1 for the higher ones
    assert found.mixed == pytest.approx(-0.58, abs=4 * found.mixed_error + 0.1)
    assert "do not factorise: mixed term" in caplog.text
    assert "No product of two functions describes these data" in found.summary()


def test_a_weak_slope_that_cells_miss_is_seen_by_the_mixed_term(caplog):
    weak = read_spectrum_2d(mgg_mjj(seed=2, signal=0, correlation=0.6))
    found = factorisation_test(weak)
    assert found.g_p > 0.01
    assert found.mixed_p < 0.005
    assert not found.passed


def test_the_mixed_term_of_a_known_density_is_found():
    edges = np.linspace(100, 180, 41), np.linspace(70, 190, 31)
    u, v = np.linspace(-1, 1, 41), np.linspace(-1, 1, 31)
    u, v = (u[1:] + u[:-1]) / 2, (v[1:] + v[:-1]) / 2
    shares = np.outer(np.exp(-u), 1 - 0.3 * v)
    found = []
    for visible in (np.ones((40, 30), bool), ~np.outer(abs(u) < 0.3, abs(v) < 0.4)):
        expected = 2e5 * shares / shares.sum() * (1 + 0.05 * np.outer(u, v)) * visible
        asimov = factorisation_test(Spectrum2D(*edges, np.round(expected), visible), toys=20)
        found.append(asimov.mixed / 0.05)
    # rounding, and the share of the term that functions of one mass take up
    np.testing.assert_allclose(found, 1.0, atol=0.05)


def test_the_independent_expectation_has_the_projections_of_the_data():
    rng = np.random.default_rng(3)
    counts = rng.poisson(3.0, (5, 8, 6)).astype(float)
    visible = np.ones((8, 6), bool)
    visible[2:4, 1:4] = False
    counts *= visible
    expected = independent(counts, visible)
    for axis in (1, 2):
        np.testing.assert_allclose(expected.sum(axis=axis), counts.sum(axis=axis), rtol=1e-6)
    # odds ratios of visible squares are 1
    one = expected[0]
    assert one[0, 0] * one[7, 5] == pytest.approx(one[0, 5] * one[7, 0])
    whole = rng.poisson(3.0, (8, 6)).astype(float)
    outer = np.outer(whole.sum(axis=1), whole.sum(axis=0)) / whole.sum()
    np.testing.assert_allclose(independent(whole, np.ones((8, 6), bool)), outer)


@pytest.mark.parametrize(("events", "sets"), [(60, 20), (3000, 60)])
def test_goodness_of_fit_is_uniform_for_the_true_product(sample, events, sets):
    """With toys where few candidates are, from moments where there are many."""
    spectrum = read_spectrum_2d(sample, x_bins=20, y_bins=20, **WINDOWS)
    truth = products(spectrum, ("exponential", 1), ("exponential", 1)).expected()
    truth *= events / truth[spectrum.visible].sum()
    rng = np.random.default_rng(11)
    p = []
    for seed in range(sets):
        data = spectrum.with_counts(rng.poisson(truth))
        fit = products(data, ("exponential", 1), ("exponential", 1))
        gof = product_goodness(fit, goodness_cells(data), toys=20, minimum=1e-9, seed=seed)
        p.append(gof.p)
    assert gof.method == ("toys" if events == 60 else "moments")
    # toys give steps of 0.05
    spread = rng.uniform(0, 0.05, len(p)) if events == 60 else 0.0
    assert stats.kstest(np.asarray(p) + spread, "uniform", args=(0, 1.05)).pvalue > FALSE_ALARM


@pytest.fixture(scope="module")
def tested(sample):
    spectrum = read_spectrum_2d(sample, x_bins=40, y_bins=30, **WINDOWS)
    return run_ftest_2d(spectrum, families=["bernstein", "exponential"], toys=0)


def test_every_product_of_the_envelopes_is_fitted_and_the_least_one_chosen(tested):
    pairs = {f"{x}*{y}" for x in tested.x.choice.envelope for y in tested.y.choice.envelope}
    assert {each.fit.name for each in tested.products} == pairs
    ranks = {fit.name: 2 * fit.nll + fit.n_par for fit in tested.envelope}
    assert tested.choice.best == min(ranks, key=ranks.get)
    assert set(ranks) | set(tested.choice.reasons) == pairs
    assert [fit.name for fit in tested.ranked] == sorted(ranks, key=ranks.get)
    # the best gains nothing from being fitted to projections alone
    fit = tested.best
    alone = [tested.x.fit(fit.x.name), tested.y.fit(fit.y.name)]
    shares = [each.fractions() for each in alone]
    assert fit.nll <= nll_of_shares(tested.spectrum, *shares) + 1e-9
    assert fit.nll < min(each.fit.nll for each in tested.products) + fit.n_par


def test_projections_are_tested_as_the_ftest_tests_them(tested):
    alone = run_ftest(
        tested.spectrum.projection(0),
        families=["bernstein", "exponential"],
        toys=0,
        unbinned=False,
    )
    assert alone.choice == tested.x.choice


def test_products_up_to_the_truth_orders_are_those_of_the_forks(sample):
    spectrum = read_spectrum_2d(sample, x_bins=40, y_bins=30)
    found = run_ftest_2d(spectrum, families=["bernstein", "exponential"], products="truth", toys=0)
    numbers = [
        sum(
            len(range(1, order + 1, 2 if name == "exponential" else 1))
            for name, order in ftest.choice.truth.items()
            if order
        )
        for ftest in (found.x, found.y)
    ]
    assert len(found.products) == numbers[0] * numbers[1]


def test_numbers_of_correlated_masses_carry_the_verdict(caplog):
    spectrum = read_spectrum_2d(mgg_mjj(seed=2, signal=0, correlation=1.0))
    found = run_ftest_2d(spectrum, families=["exponential"], toys=0)
    assert not found.factorisation.passed
    numbers = found.numbers()
    assert numbers["factorisation_p"]["status"] == "does_not_factorise"
    assert numbers["background_yield"]["status"] == "does_not_factorise"
    assert "do not factorise" in found.summary()
    assert "do not factorise" in caplog.text


def test_a_product_far_from_the_data_is_left_out_with_its_reason():
    spectrum = read_spectrum_2d(mgg_mjj(seed=2, signal=0, background=30_000, correlation=1.0))
    found = run_ftest_2d(spectrum, families=["exponential"], toys=0)
    assert found.best is None
    assert all("goodness of fit p" in each for each in found.choice.reasons.values())
    assert "background_yield" not in found.numbers()
    assert found.ranked  # to be looked at all the same


def test_a_whitelist_restricts_the_products(sample, tmp_path):
    file = tmp_path / "whitelist.txt"
    file.write_text("cat0: 2 1 1 1 1 1 Ber2_Exp1,Exp3_Ber1\n\ncat3: 1 1 1 1 1 1 Exp1_Exp1\n")
    allowed = read_whitelist(file)
    assert allowed == {0: ("Ber2_Exp1", "Exp3_Ber1"), 3: ("Exp1_Exp1",)}
    spectrum = read_spectrum_2d(sample, x_bins=40, y_bins=30)
    options = {"families": ["bernstein", "exponential"], "toys": 0}
    found = run_ftest_2d(spectrum, only=allowed[0], **options)
    assert [each.fit.legacy_name for each in found.products] == list(allowed[0])
    with pytest.raises(BadParameters, match="Pow1_Exp1"):
        run_ftest_2d(spectrum, only=["Pow1_Exp1"], **options)
    file.write_text("cat0: 2 1 1 Ber2_Exp1\n")
    with pytest.raises(BadTable, match="line 1"):
        read_whitelist(file)


def test_a_higher_order_that_is_the_same_function_is_left_out():
    edges = np.linspace(100, 180, 41), np.linspace(70, 190, 31)
    x, y = (np.diff(np.exp(-0.02 * each)) for each in edges)
    asimov = Spectrum2D(*edges, 2000 * np.outer(x / x.sum(), y / y.sum()))
    names = ["Exp1_Exp1", "Exp1_Exp3", "Exp3_Exp1"]
    found = run_ftest_2d(asimov, families=["exponential"], only=names, toys=0)
    assert found.choice.envelope == ("exponential1*exponential1",)
    same = "the same function as Exponential 1 \N{MULTIPLICATION SIGN} Exponential 1"
    assert list(found.choice.reasons.values()) == [same, same]


def test_the_json_is_of_its_schema_and_can_be_read(tested, tmp_path):
    [path] = tested.save(tmp_path)
    assert path.name == "ftest_2d.json"
    record = read_ftest_2d(path)
    assert record == ftest_2d_record(tested)
    assert {each.name for each in record.products} == {each.fit.name for each in tested.products}
    assert record.x.observable.name == "mass"
    assert record.hidden_share == pytest.approx(11 * 11 / (40 * 30))  # whole bins of 2 and 4 GeV
    content = json.loads(path.read_text())
    assert set(content) == set(ftest_2d_schema()["properties"])
    content["products"][0]["nnl"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(BadTable, match=r"products\.0\.nnl"):
        read_ftest_2d(path)


def test_few_or_no_candidates_end_without_a_choice_but_not_in_an_error():
    empty = read_spectrum_2d({"mass": [], "mjj": []})
    found = run_ftest_2d(empty, families=["exponential"], toys=10)
    assert found.best is None
    assert found.factorisation.status == "too_few"
    one = read_spectrum_2d({"mass": [120.0, 121.0, 150.0], "mjj": [80.0, 90.0, 100.0]})
    found = run_ftest_2d(one, families=["exponential", "bernstein"], toys=10)
    assert found.factorisation.status == "too_few"
    assert found.frame.shape[0] == len(found.products)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"region": "circle"}, "'rectangle' or 'cross'"),
        ({"blind_x": (200, 210)}, "hides nothing"),
        ({"x_range": (180, 100)}, "lower one first"),
        ({"x_bins": 0}, "bins = 0"),
    ],
)
def test_what_makes_no_sense_is_refused(sample, options, message):
    with pytest.raises(BadParameters, match=message):
        read_spectrum_2d(sample, **options)


def test_fits_of_other_data_are_refused(sample):
    spectrum = read_spectrum_2d(sample, x_bins=40, y_bins=30)
    other = read_spectrum_2d(sample, x_bins=40, y_bins=30, **WINDOWS)
    x = fit_background(other.projection(0), "exponential", 1)
    y = fit_background(spectrum.projection(1), "exponential", 1)
    with pytest.raises(BadParameters, match="axis 0"):
        fit_product(spectrum, x, y)
    with pytest.raises(BadTable, match="hidden bins hold counts"):
        Spectrum2D(spectrum.x_edges, spectrum.y_edges, spectrum.counts, other.visible)
