"""Figures of tables: every bin is drawn where it belongs, and no text hides anything."""

import itertools
import logging

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import same_color

from hepnb.errors import BadParameters, BadTable
from hepnb.pid.efficiency import EfficiencyTable
from hepnb.pid.tables.table_panels import MAX_PANELS, grid_shape, layout_of, slots
from hepnb.pid.weight_table import WeightTable, data_mc_ratio
from hepnb.plotting import COLOURS

MINUS = "\N{MINUS SIGN}"
FINE = {
    "p": [0.5, 0.8, 1.1, 1.4, 1.7, 2.0, 2.3, 2.6, 3.0, 3.5, 4.5],
    "cosTheta": [-0.866, -0.682, -0.4226, -0.1045, 0.225, 0.5, 0.766, 0.8829, 0.9563],
    "charge": [-2, 0, 2],
}


def ticks(axis):
    """Tick labels that are seen: matplotlib also keeps some beyond the limits."""
    low, high = sorted(axis.get_view_interval())
    seen = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [tick.label1 for tick in seen if tick.label1.get_visible()]


def inside(frame, box):
    corners = (frame.x0 - box.x0, frame.y0 - box.y0, box.x1 - frame.x1, box.y1 - frame.y1)
    return max(corners) < 1


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def markers(ax, colour=None):
    """Points with round markers: (x, y) arrays, one per series."""
    return [
        line.get_xydata()
        for line in ax.lines
        if line.get_marker() == "o" and (colour is None or same_color(line.get_color(), colour))
    ]


def extents(artists):
    return [each.get_window_extent() for each in artists]


def overlapping(boxes):
    # a pixel of tolerance: boxes that touch are not on each other
    shrunk = [box.padded(-1) for box in boxes if box.width > 3 and box.height > 3]
    return [pair for pair in itertools.combinations(shrunk, 2) if pair[0].overlaps(pair[1])]


def test_every_bin_of_every_series_is_drawn_once_at_its_value(table):
    axes = table.plot_efficiency()
    assert len(axes) == 3
    found = []
    for panel, ax in enumerate(axes):
        low = table.axes["cosTheta"][panel]
        for sign, name in ((-1, "negative"), (1, "positive")):
            rows = table.frame[
                (table.frame["cosTheta_min"] == low)
                & (np.sign(table.frame["charge_min"] + table.frame["charge_max"]) == sign)
            ]
            data, mc = markers(ax, COLOURS[name])
            np.testing.assert_array_equal(data[:, 1], rows["data_efficiency"])
            np.testing.assert_array_equal(mc[:, 1], rows["MC_efficiency"])
            for points in (data, mc):
                assert (points[:, 0] > rows["p_min"]).all()
                assert (points[:, 0] < rows["p_max"]).all()
            found += [data, mc]
    assert sum(map(len, found)) == 2 * len(table.frame)


def test_data_is_filled_and_simulation_is_open(table):
    ax = table.plot_efficiency()[0]
    points = [line for line in ax.lines if line.get_marker() == "o"]
    faces = [same_color(line.get_markerfacecolor(), "white") for line in points]
    assert faces == [False, True] * 2


def test_ratio_has_statistical_bars_systematic_bands_and_a_line_at_one(make_table):
    table = make_table({"p": [0.5, 1, 2, 4.5]})
    (ax,) = table.plot()
    frame = table.frame
    (points,) = markers(ax)
    np.testing.assert_array_equal(points[:, 1], frame["data_MC_ratio"])
    bars = np.array(
        [
            segment[:, 1]
            for each in ax.collections
            if isinstance(each, LineCollection)
            for segment in each.get_segments()
            if np.isin(segment[0, 0], points[:, 0])
        ]
    )
    np.testing.assert_allclose(
        bars.T,
        [
            frame["data_MC_ratio"] - frame["data_MC_uncertainty_stat_dn"],
            frame["data_MC_ratio"] + frame["data_MC_uncertainty_stat_up"],
        ],
        rtol=1e-12,
    )
    bands = [(each.get_y(), each.get_y() + each.get_height()) for each in ax.patches]
    np.testing.assert_allclose(
        np.array(bands).T,
        [
            frame["data_MC_ratio"] - frame["data_MC_uncertainty_sys_dn"],
            frame["data_MC_ratio"] + frame["data_MC_uncertainty_sys_up"],
        ],
        rtol=1e-12,
    )
    assert any(set(line.get_ydata()) == {1.0} for line in ax.lines)
    assert ax.get_ylabel() == "data / MC"


def test_panels_share_their_axes_and_say_their_bin_in_words(table):
    axes = table.plot()
    assert [ax.get_title() for ax in axes] == [
        f"{MINUS}0.866 < $\\cos\\theta$ < {MINUS}0.423",
        f"{MINUS}0.423 < $\\cos\\theta$ < 0.225",
        "0.225 < $\\cos\\theta$ < 0.956",
    ]
    assert len({ax.get_ylim() for ax in axes}) == len({ax.get_xlim() for ax in axes}) == 1
    assert axes[0].get_xlim() == (0.5, 4.5)
    assert axes[-1].get_xlabel() == "$p$ [GeV/$c$]"


@pytest.mark.parametrize("method", ["plot", "plot_efficiency"])
@pytest.mark.parametrize(
    "axes",
    [
        FINE,
        {"p": FINE["p"]},
        {"charge": [-2, 0, 2]},
        {each: FINE[each] for each in ("p", "charge")},
        {
            "p": [0.5, 2, 4.5],
            "cosTheta": [-0.9, 0, 0.9],
            "K_theta": [0, 1, 2],
            "charge": [-2, 0, 2],
        },
    ],
    ids=["fine", "p", "charge", "p and charge", "4 axes"],
)
def test_no_text_overlaps_another_and_the_legend_hides_no_point(
    make_sample, make_columns, axes, method
):
    samples = [
        make_sample(
            columns=make_columns(4000, seed=3, kind=kind) | {"K_theta": np.linspace(0, 2, 4000)},
            kind=kind,
        )
        for kind in ("data", "mc")
    ]
    table = data_mc_ratio(*samples, cut="kaonID > 0.6", binning=axes, precut="p > 0 and p < 9")
    panels = getattr(table, method)()
    figure = panels[0].figure
    figure.canvas.draw()
    texts = [ax.title for ax in panels]
    texts += [label for ax in panels for label in (ax.xaxis.label, ax.yaxis.label)]
    texts += [label for ax in panels for axis in (ax.xaxis, ax.yaxis) for label in ticks(axis)]
    texts = [each for each in (*texts, *figure.texts) if each.get_text()]
    texts.append(figure.legends[0])
    assert not overlapping(extents(texts))
    frames = extents(panels)
    assert not any(frame.overlaps(figure.legends[0].get_window_extent()) for frame in frames)
    assert not overlapping(frames)
    for box in extents(texts):
        assert inside(figure.bbox, box)


def test_points_of_different_series_do_not_cover_each_other():
    centres, width = slots(np.array([0.0, 1.0, 3.0]), 4)
    assert centres.shape == (4, 2)
    assert (np.diff(centres, axis=0) >= width - 1e-12).all()
    assert (centres[0] - width / 2 > [0, 1]).all()
    assert (centres[-1] + width / 2 < [1, 3]).all()


def test_bins_without_a_value_and_points_off_scale_are_marked(make_histogram):
    total = make_histogram([100, 100, -3, 2.0], [150, 150, 20, 20])
    passing = make_histogram([90, 80, 1, 9.0], [120, 110, 10, 10])
    table = EfficiencyTable.from_histograms(passing, total, raw=make_histogram([99, 99, 99, 99]))
    (ax,) = table.plot()
    marks = {line.get_marker(): line.get_xydata() for line in ax.lines}
    assert marks["x"][:, 0].tolist() == [2.5]
    assert marks["^"][:, 0].tolist() == [3.5]
    assert marks["^"][0, 1] == ax.get_ylim()[1]
    # the starved bin with its efficiency of 4.5 does not squash the others
    assert ax.get_ylim()[1] < 1.3
    labels = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert {"no value", "off scale"} <= set(labels)


def test_a_table_of_bad_bins_alone_is_drawn(make_histogram):
    nothing = make_histogram([0.0, 0.0])
    empty = EfficiencyTable.from_histograms(nothing, nothing, raw=nothing)
    table = WeightTable.from_efficiencies(empty, empty)
    (ax,) = table.plot()
    assert ax.get_ylim()[0] < 1 < ax.get_ylim()[1]
    empty.plot()


def test_a_small_efficiency_is_shown_from_zero_and_a_large_one_is_not(make_histogram):
    total, limits = make_histogram([1000.0, 1000.0]), []
    for passing in ([30.0, 50.0], [900.0, 950.0]):
        table = EfficiencyTable.from_histograms(
            make_histogram(passing), total, interval="clopper_pearson"
        )
        limits.append(table.plot()[0].get_ylim())
    assert limits[0][0] <= 0
    assert limits[0][1] < 0.08
    assert limits[1][0] > 0.8


def test_given_axes_are_drawn_into(make_table):
    table = make_table({"p": [0.5, 2, 4.5]})
    _, ax = plt.subplots()
    assert table.plot(ax=ax).tolist() == [ax]
    assert not ax.figure.legends
    assert ax.get_legend() is not None
    wide = make_table({"p": [0.5, 2, 4.5], "cosTheta": [-0.9, 0, 0.9]})
    with pytest.raises(BadParameters, match="1 axes given for 2 panels"):
        wide.plot(ax=ax)


def test_more_panels_than_fit_are_left_out_and_counted(caplog):
    axes = {"p": (0.0, 1.0, 2.0), "q": tuple(np.arange(31.0)), "r": (0.0, 1.0, 2.0)}
    with caplog.at_level(logging.WARNING):
        layout = layout_of(axes)
    assert (len(layout.panels), layout.hidden) == (MAX_PANELS, 60 - MAX_PANELS)
    assert "20 of 60 panels are not drawn" in caplog.text


def test_layout_holds_every_bin_exactly_once():
    axes = {"charge": (-2.0, 0.0, 2.0), "q": (0.0, 1.0, 2.0), "p": (0.0, 1.0, 2.0, 4.0)}
    layout = layout_of(axes)
    assert (layout.along, layout.series, len(layout.panels)) == ("q", (-1, 1), 3)
    rows = np.concatenate([rows for panel in layout.panels for rows in panel.rows])
    assert sorted(rows) == list(range(2 * 2 * 3))


@pytest.mark.parametrize(
    ("panels", "shape"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (8, (2, 4)), (10, (3, 4))]
)
def test_panels_are_arranged_to_fit_a_slide(panels, shape):
    assert grid_shape(panels) == shape


def test_drawing_leaves_the_style_of_the_user_alone(make_table):
    before = dict(plt.rcParams)
    make_table({"p": [0.5, 2, 4.5]}).plot()
    assert dict(plt.rcParams) == before


def test_a_table_without_efficiencies_says_so(table, tmp_path):
    path = table.to_correctionlib(tmp_path / "w.json")
    without = WeightTable.from_correctionlib(path)
    assert len(without.plot()) == 3
    with pytest.raises(BadTable, match="no efficiencies"):
        without.plot_efficiency()
