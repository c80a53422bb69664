"""Figures of the background stages: what is drawn is what was given, and hides nothing."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from hepnb.background.plots import (
    CategoryFit,
    p_value_table,
    plot_category,
    plot_envelope,
    plot_functions,
    plot_goodness_of_fit,
    plot_p_value_table,
    plot_profile,
    plot_signal_shapes,
    plot_truths,
    plot_weighted_sum,
    toy_bands,
)
from hepnb.background.plots.bands import LEVELS, band_label
from hepnb.background.plots.display import displayed, event_label, rebinned_to
from hepnb.background.plots.signal import weighted_counts
from hepnb.background.signal import SumOfGaussians
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

EDGES = np.linspace(100.0, 180.0, 321)
SIGMAS = [r"$\pm 1\sigma$", r"$\pm 2\sigma$"]
SIGNAL = SumOfGaussians(mean=125.0, sigma=1.5, expected=400.0)


class Falling:
    """An exponential that needs no fit: what the figures ask of a function."""

    def __init__(self, slope, total, family="exponential", order=1, title=""):
        self.slope, self.total, self.order = slope, total, order
        self.family = SimpleNamespace(name=family)
        self.name, self.title = f"{family}{order}", title or f"{family.capitalize()} {order}"
        self.n_par, self.status = order, "ok"

    def expected(self, edges=None):
        edges = EDGES if edges is None else np.asarray(edges)
        sums = -np.exp(-self.slope * (edges - 100.0))
        return self.total * np.diff(sums) / (1.0 - np.exp(-self.slope * 80.0))


FUNCTION = Falling(0.03, 10_000.0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def spectrum(total=10_000.0, *, seed=1, blind=None):
    counts = np.random.default_rng(seed).poisson(Falling(0.03, total).expected())
    middle = 0.5 * (EDGES[1:] + EDGES[:-1])
    shown = np.ones(320, bool)
    if blind:
        shown = (middle < blind[0]) | (middle > blind[1])
    return MassSpectrum(EDGES, np.where(shown, counts, 0), shown, category="Tag 0")


def points(ax):
    """Positions and heights of the markers, empty bins aside, and the lengths of their bars."""
    bars = ax.containers[0]
    segments = np.array(bars[2][0].get_segments())
    return *bars[0].get_data(), np.diff(segments[:, :, 1], axis=1)[:, 0]


def legend_hides(ax):
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    drawn = [line.get_xydata() for line in ax.lines if len(line.get_xdata()) > 2]
    at = ax.transData.transform(np.concatenate(drawn))
    return bool(
        (
            (at[:, 0] > box.x0) & (at[:, 0] < box.x1) & (at[:, 1] > box.y0) & (at[:, 1] < box.y1)
        ).any()
    )


def test_data_are_drawn_in_bins_of_one_gev_with_poisson_bars():
    data = spectrum()
    top, _ = plot_functions(data, [FUNCTION])
    x, y, bars = points(top)
    np.testing.assert_allclose(x, np.arange(100.5, 180.0))
    np.testing.assert_array_equal(y, data.counts.reshape(80, 4).sum(axis=1))
    # Garwood's interval from the chi-square distribution, written out
    low, high = stats.chi2.ppf(0.15865, 2 * y) / 2, stats.chi2.ppf(0.84135, 2 * y + 2) / 2
    np.testing.assert_allclose(bars, high - low, rtol=1e-4)
    assert top.get_ylabel() == "Events / GeV"


def test_the_curve_is_the_function_per_drawn_bin():
    top, lower = plot_functions(spectrum(), [FUNCTION])
    [line] = [each for each in top.lines if each.get_label() == "Exponential 1"]
    grid, height = line.get_data()
    density = 0.03 * np.exp(-0.03 * (grid - 100.0)) / (1.0 - np.exp(-2.4)) * 10_000.0
    # bins of 1/8 GeV against the density at their middles: (0.03 / 8)^2 / 24
    np.testing.assert_allclose(height, density, rtol=1e-6)
    assert lower.get_ylabel() == "Data $-$ Exponential 1"


@pytest.mark.parametrize("lower", ["difference", "ratio", "pull"])
def test_the_lower_panel_compares_data_and_functions_with_the_best(lower):
    data, other = spectrum(), Falling(0.031, 10_000.0, "laurent")
    _, panel = plot_functions(data, [other, FUNCTION], best="exponential1", lower=lower)
    n = data.counts.reshape(80, 4).sum(axis=1)
    b, o = (each.expected(EDGES[::4]) for each in (FUNCTION, other))
    given = {"difference": lambda x: x - b, "ratio": lambda x: x / b}
    given["pull"] = lambda x: (x - b) / np.sqrt(b)
    x, y, _ = points(panel)
    np.testing.assert_allclose(y, given[lower](n), rtol=1e-9, atol=1e-9)
    line = panel.lines[1]  # the first one holds the points
    found = np.interp(x, *line.get_data())
    # the height at the middle of a bin of 1 GeV against its mean: 0.03^2 / 24
    np.testing.assert_allclose(found, given[lower](o), rtol=2e-2, atol=0.02)


def test_a_hidden_window_is_an_empty_grey_band():
    top, lower = plot_functions(spectrum(blind=(115, 135)), [FUNCTION])
    for ax in (top, lower):
        x, _, _ = points(ax)
        assert len(x) == 60
        assert not ((x > 115) & (x < 135)).any()
        [band] = ax.patches
        assert band.get_x() == 115.0
        assert band.get_width() == 20.0
    assert "Blinded" in [each.get_text() for each in top.get_legend().get_texts()]


@pytest.mark.parametrize(("total", "bins"), [(40, 20), (300, 80), (1e5, 80)])
def test_few_events_are_drawn_in_fewer_bins(total, bins):
    data = spectrum(total)
    assert len(rebinned_to(data).counts) == bins
    assert displayed(data).ylabel == ("Events / (4 GeV)" if bins == 20 else "Events / GeV")


@pytest.mark.parametrize(("bins", "drawn"), [(320, 80), (100, 100), (7, 7), (150, 75), (1, 1)])
def test_bins_that_are_no_multiple_of_80_come_near_it(bins, drawn):
    data = MassSpectrum(np.linspace(9.0, 9.7, bins + 1), np.full(bins, 50.0))
    assert len(rebinned_to(data).counts) == drawn


def test_the_vertical_title_tells_the_width_and_unit():
    assert event_label(1.0, "GeV") == "Events / GeV"
    assert event_label(0.007, "GeV") == "Events / (0.007 GeV)"
    assert event_label(2.0, "") == "Events / 2"


@pytest.mark.parametrize(
    ("total", "log"), [(0, False), (1, False), (40, True), (10_000, False), (1_000_000, True)]
)
def test_the_legend_hides_nothing(total, log):
    fits = [
        Falling(0.03, float(total), name, k) for name in ("bernstein", "laurent") for k in (1, 2, 3)
    ]
    top, _ = plot_functions(spectrum(total), fits, best="laurent2", log=log)
    assert not legend_hides(top)
    assert top.get_ylim()[1] > 0


def test_weighted_counts_have_no_counting_bars():
    data = MassSpectrum(EDGES[::4], np.full(80, 2.25), weighted=True)
    np.testing.assert_allclose(displayed(data).errors[1], 1.5)


def ftest():
    fits = [Falling(0.03, 1e4, "bernstein", 1), Falling(0.031, 1e4, "bernstein", 2), FUNCTION]
    tests = (
        (None, 0, None, None, None),
        (9.0, 1, 0.0027, 0.004, 0.001),
        (None, 0, None, 0.0, 0.01),
    )
    gof = SimpleNamespace(p=0.4)
    rows = [
        SimpleNamespace(fit=fit, q=q, dof=dof, p_asym=p, p_toy=toy, p_toy_err=error, gof=gof)
        for fit, (q, dof, p, toy, error) in zip(fits, tests, strict=True)
    ]
    choice = SimpleNamespace(
        truth={"bernstein": 2, "exponential": 1, "laurent": None},
        envelope=("bernstein2", "exponential1"),
        best="exponential1",
        reasons={"bernstein1": "p = 0.004 of the next order"},
    )
    return SimpleNamespace(spectrum=spectrum(), fits=rows, choice=choice, settings={"alpha": 0.05})


def test_truths_and_envelope_show_what_was_chosen():
    for plot in (plot_truths, plot_envelope):
        top, lower = plot(ftest())
        shown = [each.get_text() for each in top.get_legend().get_texts()]
        assert shown == ["Data", "Bernstein 2", "Exponential 1"]
        widths = {each.get_label(): each.get_linewidth() for each in top.lines}
        assert widths["Exponential 1"] > widths["Bernstein 2"]
        assert lower.get_ylabel() == "Data $-$ Exponential 1"


def test_an_envelope_without_members_is_refused():
    with pytest.raises(BadParameters, match="is not among none"):
        plot_functions(spectrum(), [])
    with pytest.raises(BadParameters, match="'laurent1' is not among exponential1"):
        plot_functions(spectrum(), [FUNCTION], best="laurent1")


def test_the_table_has_one_row_per_function():
    table = p_value_table(ftest()).set_index("function")
    assert table["role"].tolist() == ["", "truth", "best"]
    assert table.loc["bernstein2", ["q", "dof", "p_asym", "p_toy", "p_toy_err"]].tolist() == [
        9.0, 1, 0.0027, 0.004, 0.001,
    ]  # fmt: skip
    assert table.loc["bernstein1", "reason"] == "p = 0.004 of the next order"
    assert np.isnan(table.loc["exponential1", "q"])


def test_the_table_is_drawn_with_its_errors_and_without_overlap():
    ax = plot_p_value_table(ftest())
    texts = {each.get_text(): each for each in ax.texts}
    assert "0.004 ± 0.001" in texts
    assert texts["0.003"].get_fontweight() == "bold"
    assert texts["0.400"].get_fontweight() == "normal"
    ax.figure.draw_without_rendering()
    boxes = [each.get_window_extent() for each in ax.texts if each.get_text()]
    clashes = [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if a.padded(-1).overlaps(b.padded(-1))
    ]
    assert not clashes
    assert all(box.x1 <= ax.figure.bbox.x1 + 1 for box in boxes)


def test_goodness_of_fit_tells_the_share_of_toys_above_the_data():
    rng = np.random.default_rng(4)
    toys = rng.permutation(np.arange(200.0))
    ax = plot_goodness_of_fit(150.0, toys, ndof=100)
    labels = [each.get_text() for each in ax.get_legend().get_texts()]
    assert "Data: 150, p = 0.25" in labels
    assert "200 toys" in labels
    assert not legend_hides(ax)


def test_goodness_of_fit_without_toys_has_the_chi_square_density():
    ax = plot_goodness_of_fit(90.0, ndof=100, p_value=0.7)
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(y, stats.chi2.pdf(x, 100))
    assert x[0] < 90.0 < x[-1]
    assert [each.get_text() for each in ax.get_legend().get_texts()][1] == "Data: 90, p = 0.7"


def test_bands_are_the_quantiles_of_the_toys():
    curves = np.random.default_rng(3).normal(100.0, [[1.0, 5.0]], (20_001, 2))
    bands = toy_bands(curves, [0.0, 1.0, 2.0])
    for level, sigmas in zip(LEVELS, (1, 2), strict=True):
        low, high = bands[level]
        # 20,001 toys: quantiles at 1 and 2 sigma are known to 0.02 sigma, here at 4 of these
        np.testing.assert_allclose(low, [100.0 - sigmas, 100.0 - 5 * sigmas], atol=0.4)
        np.testing.assert_allclose(high, [100.0 + sigmas, 100.0 + 5 * sigmas], atol=0.4)
    ordered = np.sort(curves, axis=0)
    exact = toy_bands(curves, [0.0, 1.0, 2.0], [0.5])[0.5]
    np.testing.assert_array_equal(exact, (ordered[5000], ordered[15_000]))


def test_bands_lie_about_the_curve_that_is_given():
    curves = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    low, high = toy_bands(curves, [0.0, 1.0, 2.0], [0.5], centre=[10.0, 20.0])[0.5]
    np.testing.assert_allclose([low, high], [[9.5, 19.0], [10.5, 21.0]])


def test_bands_take_fits_as_well_as_curves():
    fits = [Falling(0.03, total) for total in (90.0, 100.0, 110.0)]
    curves = [each.expected(EDGES) for each in fits]
    np.testing.assert_array_equal(
        toy_bands(fits, EDGES)[LEVELS[0]], toy_bands(curves, EDGES)[LEVELS[0]]
    )


@pytest.mark.parametrize(
    ("fits", "levels", "message"),
    [
        ([], [0.5], "no toy"),
        ([[1.0, 2.0]], [0.5], "do not fit 1 bins"),
        ([[1.0]], [1.0], "level 1"),
    ],
)
def test_bands_of_nothing_are_refused(fits, levels, message):
    with pytest.raises(BadParameters, match=message):
        toy_bands(fits, [0.0, 1.0], levels)


def test_bands_are_named_by_their_sigmas():
    assert [band_label(each) for each in (*LEVELS, 0.9)] == [*SIGMAS, "90 %"]


def test_a_category_is_drawn_with_signal_background_and_bands():
    toys = [Falling(0.03, total) for total in np.linspace(9_900, 10_100, 51)]
    data = spectrum()
    top, lower = plot_category(CategoryFit(data, FUNCTION, SIGNAL, 0.5, toys))
    shown = [each.get_text() for each in top.get_legend().get_texts()]
    assert shown == ["Data", "S + B fit", "B component", *SIGMAS]
    lines = {each.get_label(): each for each in top.lines}
    grid, total = lines["S + B fit"].get_data()
    below = lines["B component"].get_ydata()
    expected = 200.0 * stats.norm.pdf(grid, 125.0, 1.5)
    # bins of 1/8 GeV against the density in their middles: (1/8)^2 / 24 / 1.5^2 of the peak
    np.testing.assert_allclose(total - below, expected, atol=5e-4 * expected.max())
    assert lines["B component"].get_linestyle() == "--"
    assert lower.texts[0].get_text() == "B component subtracted"
    _, y, _ = points(lower)
    np.testing.assert_allclose(
        y, data.counts.reshape(80, 4).sum(axis=1) - FUNCTION.expected(EDGES[::4])
    )
    band = top.collections[1].get_paths()[0].vertices  # after the error bars: one sigma
    reach = band[np.abs(band[:, 0] - grid[0]) < 1e-9, 1]
    share = np.quantile(np.linspace(-0.01, 0.01, 51), 0.5 + 0.5 * LEVELS[0])
    assert reach.max() == pytest.approx(below[0] * (1 + share), rel=1e-6)


def test_a_blinded_category_shows_the_signal_as_expected_only():
    top, _ = plot_category(CategoryFit(spectrum(blind=(115, 135)), FUNCTION, SIGNAL))
    shown = [each.get_text() for each in top.get_legend().get_texts()]
    assert r"B + expected S, $\mu$ = 1" in shown
    assert "S + B fit" not in shown
    x, _, _ = points(top)
    assert not ((x > 115) & (x < 135)).any()


def test_weighted_sum_adds_counts_and_squares_of_weights():
    spectra = {"a": spectrum(5000, seed=1), "b": spectrum(80_000, seed=2)}
    weights = {"a": 2.5, "b": 0.4}
    counts = weighted_counts(spectra, weights)
    a, b = (each.counts.reshape(80, 4).sum(axis=1) for each in spectra.values())
    np.testing.assert_allclose(counts.values, 2.5 * a + 0.4 * b)
    sigma = np.sqrt(2.5**2 * a + 0.4**2 * b)
    # Garwood's interval is at most 2/3 event wider than sqrt(n) on each side
    for side in counts.errors:
        np.testing.assert_allclose(side, sigma, rtol=0.15)
    mean = 0.5 * (counts.errors[0] + counts.errors[1])
    np.testing.assert_allclose(mean, sigma, rtol=0.06)


def test_equal_weights_have_the_bars_of_the_plain_sum():
    spectra = {"a": spectrum(300, seed=1), "b": spectrum(500, seed=2)}
    counts = weighted_counts(spectra, {"a": 1.0, "b": 1.0})
    plain = displayed(spectrum().with_counts(spectra["a"].counts + spectra["b"].counts))
    np.testing.assert_allclose(counts.values, plain.values)
    np.testing.assert_allclose(counts.errors, plain.errors)


def test_a_bin_hidden_in_one_category_is_hidden_in_the_sum():
    spectra = {"a": spectrum(blind=(115, 135)), "b": spectrum(blind=(120, 140), seed=2)}
    counts = weighted_counts(spectra, {"a": 1.0, "b": 1.0})
    hidden = 0.5 * (counts.edges[1:] + counts.edges[:-1])[~counts.visible]
    assert (hidden.min(), hidden.max()) == (115.5, 139.5)


def test_the_weighted_figure_keeps_the_sum_of_signals():
    toys = [Falling(0.03, total) for total in np.linspace(9_900, 10_100, 11)]
    fits = {
        name: CategoryFit(spectrum(seed=i), FUNCTION, SIGNAL, 1.0, toys)
        for i, name in enumerate("ab")
    }
    top, _ = plot_weighted_sum(fits, {"a": 1.5, "b": 0.5})
    lines = {each.get_label(): each for each in top.lines}
    grid, total = lines["S + B fit"].get_data()
    signal = (total - lines["B component"].get_ydata()).sum() * (grid[1] - grid[0])
    assert signal == pytest.approx(800.0, rel=1e-9)
    assert top.get_ylabel() == "S/(S+B) weighted events / GeV"
    assert len(top.collections) == 3  # error bars and two bands


def test_categories_that_cannot_be_added_are_refused():
    other = MassSpectrum(EDGES[::2], np.zeros(160))
    with pytest.raises(BadParameters, match="different bins"):
        weighted_counts({"a": spectrum(), "b": other}, {"a": 1.0, "b": 1.0})
    with pytest.raises(BadParameters, match="'b' has no weight"):
        weighted_counts({"a": spectrum(), "b": spectrum()}, {"a": 1.0})
    with pytest.raises(BadParameters, match="no category"):
        weighted_counts({}, {})


def test_the_profile_is_drawn_above_the_minimum_of_the_envelope():
    x = np.linspace(-1.0, 3.0, 81)
    curves = {"Power law 1": 10.0 + ((x - 0.9) / 0.5) ** 2, "Exponential 1": 11.0 + (x / 0.5) ** 2}
    pieces = {1.0: [(0.4, 1.4)], 4.0: [(-0.8, -0.2), (-0.1, 1.9)]}
    ax = plot_profile(x, curves, intervals=pieces)
    lines = {each.get_label(): each for each in ax.lines}
    lowest = np.nanmin(lines["Envelope"].get_ydata())
    assert lowest == pytest.approx(0.0, abs=1e-12)
    seen = lines["Exponential 1"].get_ydata()
    assert np.nanmin(seen) == pytest.approx(1.0)
    drawn = [tuple(each.get_xdata()) for each in ax.lines]
    for low, high in (*pieces[1.0], *pieces[4.0]):
        assert (low, high) in drawn
    assert not legend_hides(ax)


def test_signal_shapes_are_densities_with_their_widths():
    signals = {"narrow": SIGNAL, "wide": SumOfGaussians(mean=125.0, sigma=3.0, expected=50.0)}
    ax = plot_signal_shapes(signals)
    for line, sigma in zip(ax.lines, (1.5, 3.0), strict=True):
        x, y = line.get_data()
        # bins of 3/80 GeV against the density in their middles
        np.testing.assert_allclose(y, stats.norm.pdf(x, 125.0, sigma), atol=1e-4)
        assert f"= {sigma:.3g} GeV" in line.get_label()
    assert "S = 50" in ax.lines[1].get_label()
    assert not legend_hides(ax)
