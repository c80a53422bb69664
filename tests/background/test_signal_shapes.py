"""Signal shapes: integrals that are right in every bin, and parameters that are refused."""

import json
import math

import numpy as np
import pytest
import yaml
from scipy import integrate, stats

from hepnb.background.signal import (
    DoubleSidedCrystalBall,
    SignalShape,
    SumOfGaussians,
    TemplateSignal,
    describe_signal,
    read_signal,
    read_signals,
)
from hepnb.errors import BadParameters, UnreadableFile

TAILS = {"alpha_low": 1.3, "n_low": 3.5, "alpha_high": 1.7, "n_high": 6.0}
BALL = DoubleSidedCrystalBall(mean=125.0, sigma=1.6, **TAILS)
SUM = SumOfGaussians(mean=[124.8, 125.3, 122.0], sigma=[1.2, 2.1, 4.0], fraction=[6, 3, 1])
TEMPLATE = TemplateSignal(edges=[120, 122, 124, 125, 126, 130], values=[1, 4, 9, 8, 3])
SHAPES = {"ball": BALL, "sum": SUM, "template": TEMPLATE}
EDGES = np.linspace(100.0, 180.0, 321)


@pytest.fixture(params=SHAPES, ids=str)
def shape(request):
    return SHAPES[request.param]


def test_every_shape_is_one(shape):
    assert isinstance(shape, SignalShape)


def test_fractions_are_the_integrals_of_the_density(shape):
    cut = shape.within(100.0, 180.0)
    # 16-point Gauss-Legendre: exact to rounding, for steps lie on edges of these bins
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = 0.5 * np.diff(EDGES)[:, None]
    at = EDGES[:-1, None] + half * (1.0 + nodes)
    expected = np.sum(half * weights * cut.density(at), axis=1)
    # the join of core and tail has a jump in its second derivative, inside two of the bins
    np.testing.assert_allclose(cut.fractions(EDGES), expected, rtol=2e-6, atol=1e-15)
    assert cut.fractions(EDGES).sum() == pytest.approx(1.0, abs=1e-12)


def test_crystal_ball_agrees_with_adaptive_quadrature_of_its_definition():
    def core_and_tails(m):
        t = (m - 125.0) / 1.6
        if t < -1.3:
            a, n, t = 1.3, 3.5, -t
        elif t > 1.7:
            a, n = 1.7, 6.0
        else:
            return math.exp(-0.5 * t * t)
        return (n / a) ** n * math.exp(-0.5 * a * a) * (n / a - a + t) ** -n

    joints = [125.0 - 1.3 * 1.6, 125.0 + 1.7 * 1.6]
    inner = integrate.quad(core_and_tails, *joints, epsabs=1e-13)[0]
    outer = integrate.quad(core_and_tails, -np.inf, joints[0], epsabs=1e-13)[0]
    outer += integrate.quad(core_and_tails, joints[1], np.inf, epsabs=1e-13)[0]
    for low, high in ((100, 110), (120, 122), (124, 126), (127.72, 130), (170, 180)):
        points = [each for each in joints if low < each < high] or None
        part = integrate.quad(core_and_tails, low, high, points=points, epsabs=1e-14)[0]
        found = BALL.fractions([low, high])[0]
        assert found == pytest.approx(part / (inner + outer), rel=1e-9)
        assert BALL.density([low])[0] == pytest.approx(core_and_tails(low) / (inner + outer))


@pytest.mark.slow  # compiles for seconds
def test_crystal_ball_agrees_with_numba_stats():
    peer = pytest.importorskip("numba_stats.crystalball_ex", reason="numba-stats is not here")
    values = (1.3, 3.5, 1.6, 1.7, 6.0, 1.6, 125.0)  # beta, m, scale of each side, loc
    np.testing.assert_allclose(
        BALL.fractions(EDGES), np.diff(peer.cdf(EDGES, *values)), rtol=1e-9, atol=1e-14
    )
    np.testing.assert_allclose(BALL.density(EDGES), peer.pdf(EDGES, *values), rtol=1e-12)


def test_one_sided_limit_is_the_crystal_ball_of_scipy():
    one = DoubleSidedCrystalBall(
        mean=0.0, sigma=1.0, alpha_low=1.2, n_low=2.5, alpha_high=30.0, n_high=5.0
    )
    edges = np.linspace(-20, 8, 57)
    expected = np.diff(stats.crystalball(1.2, 2.5).cdf(edges))
    np.testing.assert_allclose(one.fractions(edges), expected, rtol=1e-8, atol=1e-14)


def test_sum_agrees_with_scipy_far_into_both_tails():
    shares = np.array([6, 3, 1]) / 10
    below = np.array([60.0, 80.0, 100.0, 120.0])
    above = np.array([130.0, 150.0, 170.0, 190.0])
    normals = [stats.norm(*each) for each in zip(SUM.mean, SUM.sigma, strict=True)]
    low = sum(s * np.diff(each.cdf(below)) for s, each in zip(shares, normals, strict=True))
    high = sum(s * -np.diff(each.sf(above)) for s, each in zip(shares, normals, strict=True))
    np.testing.assert_allclose(SUM.fractions(below), low, rtol=1e-12)
    np.testing.assert_allclose(SUM.fractions(above), high, rtol=1e-12)
    assert 0 < high[-1] < 1e-30  # where 1 - cdf would be 0


def test_crystal_ball_of_large_powers_and_far_joints_is_the_gaussian():
    wide = DoubleSidedCrystalBall(
        mean=125.0, sigma=1.6, alpha_low=50.0, n_low=1e6, alpha_high=50.0, n_high=1e6
    )
    normal = SumOfGaussians(mean=125.0, sigma=1.6)
    np.testing.assert_allclose(wide.fractions(EDGES), normal.fractions(EDGES), atol=1e-15)


def test_bins_far_in_a_tail_do_not_cancel():
    edges = 1e5 + np.array([0.0, 1e-3])
    assert BALL.fractions(edges)[0] == pytest.approx(1e-3 * BALL.density(edges)[0], rel=1e-6)


def test_expected_is_inside_the_range(shape):
    all_events = shape.scaled(200.0)
    cut = all_events.within(124.0, 126.0)
    assert cut.expected == pytest.approx(200.0 * shape.fractions([124.0, 126.0])[0])
    assert cut.fractions([0.0, 124.0, 126.0, 200.0]) == pytest.approx([0.0, 1.0, 0.0])
    assert cut.density([123.9, 126.1]).tolist() == [0.0, 0.0]
    # the events of a bin inside both ranges are the same
    bins = np.linspace(124.0, 126.0, 9)
    np.testing.assert_allclose(
        cut.expected * cut.fractions(bins), all_events.expected * all_events.fractions(bins)
    )
    again = cut.within(-np.inf, np.inf)
    assert again.expected == pytest.approx(200.0)


def test_shifted_moves_and_stretches_about_the_position(shape):
    moved = shape.shifted(mean=0.7, scale=1.3)
    assert moved.position == pytest.approx(shape.position + 0.7)
    assert moved.width == pytest.approx(1.3 * shape.width)
    old = shape.position + (EDGES - shape.position - 0.7) / 1.3
    np.testing.assert_allclose(moved.fractions(EDGES), shape.fractions(old), atol=1e-13)
    assert moved.expected == shape.expected


def test_events_that_are_shifted_out_of_the_range_are_no_longer_expected():
    cut = SumOfGaussians(mean=125.0, sigma=1.0, lo=124.0, hi=126.0, expected=100.0)
    moved = cut.shifted(mean=1.0)
    inside = stats.norm.cdf(0) - stats.norm.cdf(-2)
    assert moved.expected == pytest.approx(100.0 * inside / (1 - 2 * stats.norm.sf(1)))


def test_template_of_a_histogram_has_its_sum():
    import hist

    filled = hist.Hist(hist.axis.Regular(40, 115, 135)).fill(
        np.random.default_rng(1).normal(125, 1.5, 5000)
    )
    signal = TemplateSignal.from_hist(filled)
    assert signal.expected == filled.sum()
    np.testing.assert_allclose(
        signal.expected * signal.fractions(filled.axes[0].edges), filled.values()
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma": 0.0}, "sigma = 0 must be positive"),
        ({"sigma": -1.0}, "sigma = -1 must be positive"),
        ({"sigma": math.nan}, "sigma = nan must be positive"),
        ({"alpha_low": 0.0}, "alpha_low = 0 must be positive"),
        ({"n_low": 1.0}, "n_low = 1: a tail has an integral only with a power above 1"),
        ({"n_high": 0.5}, "n_high = 0.5"),
        ({"mean": math.inf}, "mean = inf must be finite"),
        ({"expected": -1.0}, "expected = -1 events"),
        ({"lo": 130.0, "hi": 120.0}, r"range \[130, 120\] is empty"),
    ],
)
def test_a_crystal_ball_that_is_none_is_refused(change, message):
    values = {"mean": 125.0, "sigma": 1.6, **TAILS} | change
    with pytest.raises(BadParameters, match=message):
        DoubleSidedCrystalBall(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mean": [], "sigma": []}, "0 means"),
        ({"mean": [1, 2], "sigma": [1]}, "2 means, 1 widths"),
        ({"mean": 1, "sigma": 0}, "sigma = 0 must be positive"),
        ({"mean": [1, 2], "sigma": [1, 1], "fraction": [1]}, "1 fractions"),
        ({"mean": [1, 2], "sigma": [1, 1], "fraction": [2, -1]}, "not negative"),
        ({"mean": 125, "sigma": 0.1, "lo": 200, "hi": 300}, "none of the peak at 125"),
    ],
)
def test_a_sum_that_is_none_is_refused(values, message):
    with pytest.raises(BadParameters, match=message):
        SumOfGaussians(**values)


@pytest.mark.parametrize(
    ("edges", "values", "message"),
    [
        ([0, 1], [1, 2], "2 edges and 2 values"),
        ([0, 2, 1], [1, 2], "increasing"),
        ([0, 1, 2], [1, -1e-3], "merge bins"),
        ([0, 1, 2], [0, 0], "not all zero"),
        ([0, 1, 2], [1, math.nan], "finite"),
    ],
)
def test_a_template_that_is_none_is_refused(edges, values, message):
    with pytest.raises(BadParameters, match=message):
        TemplateSignal(edges=edges, values=values)


@pytest.mark.parametrize(("mean", "scale"), [(0.0, 0.0), (0.0, -2.0), (math.nan, 1.0)])
def test_a_shift_that_is_none_is_refused(mean, scale):
    with pytest.raises(BadParameters):
        BALL.shifted(mean=mean, scale=scale)


@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_a_signal_survives_its_file(shape, ending, tmp_path):
    described = describe_signal(shape.within(100.0, 180.0).scaled(40.0))
    path = tmp_path / f"signal.{ending}"
    path.write_text(json.dumps(described) if ending == "json" else yaml.safe_dump(described))
    assert read_signal(path) == shape.within(100.0, 180.0).scaled(40.0)
    assert read_signal(describe_signal(shape)) == shape


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "signal shape None is not one of double_sided_crystal_ball"),
        ({"shape": "sum_of_gaussian"}, "did you mean 'sum_of_gaussians'"),
        ({"shape": "sum_of_gaussians", "mean": 125}, "missing 1 required .* 'sigma'"),
        ({"shape": "sum_of_gaussians", "mean": 125, "sigmas": 1}, "did you mean 'sigma'"),
        ({"shape": "sum_of_gaussians", "mean": "x", "sigma": 1}, "mean = 'x'"),
        ({"shape": "sum_of_gaussians", "mean": None, "sigma": 1}, "mean = None"),
        ({"shape": "double_sided_crystal_ball", "mean": [1], "sigma": 1, **TAILS}, "not list"),
    ],
)
def test_a_description_that_is_none_is_refused(content, message):
    with pytest.raises(BadParameters, match=message):
        read_signal(content)


@pytest.mark.parametrize("text", ["{", "[1, 2]", ""])
def test_a_file_that_holds_no_signal_is_refused(text, tmp_path):
    (tmp_path / "signal.yaml").write_text(text)
    with pytest.raises(UnreadableFile, match=r"signal\.yaml"):
        read_signal(tmp_path / "signal.yaml")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read_signal(tmp_path / "none.yaml")


def test_categories_share_a_signal_or_have_their_own():
    one, two = describe_signal(BALL), describe_signal(SUM)
    assert read_signals(one, ("a", "b")) == {"a": BALL, "b": BALL}
    assert read_signals({"b": two, "a": one}, ("a", "b")) == {"a": BALL, "b": SUM}
    with pytest.raises(BadParameters, match="category 'c' has no signal"):
        read_signals({"a": one}, ("a", "c"))
