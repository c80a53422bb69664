"""Figures of mass fits: what is drawn, and that nothing hides anything."""

from __future__ import annotations

import hist
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from hepnb.pid.mass.fit import fit_mass
from hepnb.pid.mass.plots import plot_sweights


@pytest.fixture(autouse=True)
def _no_window_and_no_figure_left():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module", params=[0.1, 0.5, 0.88], ids=["left", "middle", "right"])
def fit(request):
    """A peak below either corner, or in the middle."""
    rng = np.random.default_rng(1)
    mass = np.append(rng.normal(request.param, 0.03, 5000), rng.random(2500))
    return fit_mass(mass, "gaussian_linear", variable="D0_M", range=(0.0, 1.0), bins=60)


def drawn_points(ax):
    """Points of all lines and error bars in pixels."""
    found = [line.get_xydata() for line in ax.lines]
    for bars in ax.containers:
        found += [np.concatenate(each.get_segments()) for each in bars[2]]
    return ax.transData.transform(np.concatenate(found))


def test_legend_and_box_hide_nothing(fit):
    ax, _ = fit.plot()
    ax.figure.canvas.draw()
    points = drawn_points(ax)
    boxes = [ax.get_legend(), *ax.texts]
    assert len(boxes) == 2
    extents = [each.get_window_extent() for each in boxes]
    assert not any(extent.count_contains(points) for extent in extents)
    assert not extents[0].overlaps(extents[1])


def test_axes_have_titles_units_and_the_range(fit):
    ax, below = fit.plot()
    assert below.get_xlabel() == r"$M(K\pi)$ [GeV/$c^2$]"
    assert ax.get_ylabel() == "Candidates / (0.0167 GeV/$c^2$)"
    assert ax.get_xlim() == below.get_xlim() == fit.range
    assert below.get_ylabel() == "Pull"


def test_curves_sum_to_the_data(fit):
    ax, _ = fit.plot()
    lines = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    total = lines["Fit"].get_xydata()
    parts = lines["Signal"].get_ydata() + lines["Background"].get_ydata()
    np.testing.assert_allclose(total[:, 1], parts)
    # 60 bins: the mean height of the curve is the mean content
    area = np.trapezoid(total[:, 1], total[:, 0])
    assert area * 60 == pytest.approx(fit.spectrum.counts.sum(), rel=1e-3)


def test_pulls_are_drawn_and_standard_normal(fit):
    _, below = fit.plot()
    heights = np.array([bar.get_height() for bar in below.patches if bar.get_width() < 0.5])
    np.testing.assert_allclose(heights[-60:], fit.pulls)
    assert fit.pulls.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * 60))


def test_single_axes_and_no_box_are_possible(fit):
    _, ax = plt.subplots()
    assert fit.plot(ax, box=False) is ax
    assert not ax.texts
    assert ax.get_xlabel().startswith("$M(K")


def test_weighted_and_uneven_bins_are_drawn():
    rng = np.random.default_rng(2)
    mass = np.append(rng.normal(0.5, 0.05, 3000), rng.random(3000))
    edges = np.concatenate([np.linspace(0, 0.3, 4), np.linspace(0.32, 0.7, 20), [0.85, 1.0]])
    fit = fit_mass(mass, "gaussian_linear", bins=edges, weights=rng.uniform(0, 2, 6000), unit="")
    ax, below = fit.plot()
    assert below.get_xlabel() == "mass"
    relative = np.diff(edges) / np.diff(edges).mean()
    points = next(line for line in ax.lines if len(line.get_xdata()) == len(relative))
    np.testing.assert_allclose(points.get_ydata(), fit.spectrum.counts / relative)
    curve = next(line for line in ax.lines if line.get_label() == "Fit").get_xydata()
    at_bins = np.interp(0.5 * (edges[1:] + edges[:-1]), *curve.T)
    pulls = (points.get_ydata() - at_bins) / (np.sqrt(fit.spectrum.variances) / relative)
    assert np.mean(pulls**2) < 2  # the curve is at the height of the points, whatever the width


def test_histogram_fit_is_drawn():
    rng = np.random.default_rng(2)
    filled = hist.Hist(hist.axis.Regular(50, 0, 1)).fill(
        np.append(rng.normal(0.5, 0.05, 3000), rng.random(3000))
    )
    assert fit_mass(filled, "gaussian_linear").plot()[0].lines


def test_sweights_of_two_fits_are_drawn(fit):
    ax = plot_sweights(fit, fit)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "Signal (gaussian_linear)" in labels
    curves = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) > 2]
    assert len(curves) == 4
    np.testing.assert_allclose(curves[0] + curves[1], 1.0, rtol=1e-9)
    assert len(plot_sweights(fit).lines) == 3


def test_save_writes_the_parameters(fit, tmp_path):
    assert fit.save(tmp_path, "nominal") == [tmp_path / "nominal.csv"]
    table = pd.read_csv(tmp_path / "nominal.csv", keep_default_na=False)
    assert list(table) == ["name", "value", "error", "unit", "at_limit"]
    np.testing.assert_array_equal(table["value"], fit.parameters["value"])
    assert not plt.get_fignums()
