"""Distributions: every bin summed by hand, shares, luminosities, and figures that show all."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters
from hepnb.pid import bin_edges, compare_distributions

EDGES = [0.0, 1.0, 2.0, 4.0]


def pair(seed=1, n=3_000):
    rng = np.random.default_rng(seed)
    columns = {"x": rng.exponential(1.0, n), "y": rng.random(n), "good": rng.random(n) < 0.9}
    columns["x"][:4] = np.nan
    data = columns | {"w": rng.normal(1, 1, n), "w2": rng.normal(1, 1, n)}
    first = Sample.from_frame(data, weights=("w", "w2"), luminosity=10.0, name="d")
    simulated = {key: rng.permutation(column) for key, column in columns.items()}
    second = Sample.from_frame(simulated, kind="mc", truth="good", luminosity=40.0, name="m")
    return first, second, data, simulated


@pytest.mark.parametrize("normalised", [True, False])
def test_every_bin_is_what_a_sum_by_hand_gives(normalised):
    first, second, data, simulated = pair()
    found = compare_distributions(
        first, second, variable="x", edges=EDGES, cuts=["", "y > 0.5"], precut="y < 0.9",
        normalised=normalised,
    )  # fmt: skip
    for cut, least in (("", -1.0), ("y > 0.5", 0.5)):
        expected = []
        for columns, weight in ((data, "w"), (data, "w2"), (simulated, "good")):
            chosen = (columns["y"] < 0.9) & (columns["y"] > least)
            w = np.asarray(columns[weight], float)[chosen]
            sums = [np.histogram(columns["x"][chosen], EDGES, weights=w**k)[0] for k in (1, 2)]
            scale = 1 / sums[0].sum() if normalised else (0.25 if weight == "good" else 1.0)
            expected.append((sums[0] * scale, sums[1] * scale**2))
        np.testing.assert_allclose(found.first[cut].value, expected[0][0], rtol=1e-12)
        np.testing.assert_allclose(found.first[cut].variance, expected[0][1], rtol=1e-12)
        shifted = found.first[cut].value + found.first[cut].shift
        np.testing.assert_allclose(shifted, expected[1][0], rtol=1e-11)
        np.testing.assert_allclose(found.second[cut].value, expected[2][0], rtol=1e-12)
        chosen = (data["y"] < 0.9) & (data["y"] > least)
        inside = np.histogram(data["x"][chosen], EDGES)[0]
        assert found.first[cut].entries.tolist() == inside.tolist()
        assert found.first[cut].outside == chosen.sum() - inside.sum()


def test_samples_that_share_candidates_are_not_tested():
    first, second, *_ = pair()
    found = compare_distributions(first, second, variable="x", edges=EDGES, independent=False)
    assert found.tests == {}
    assert "p_value" not in found.numbers()
    assert found.plot().shape == (1, 1)
    plt.close("all")


def test_data_alone_is_shown_whatever_it_would_have_been_compared_with():
    first, *_ = pair()
    found = compare_distributions(first, variable="x", edges=EDGES, kinds=["data", "mc"])
    assert found.kinds == ("data",)
    assert found.frame["side"].unique().tolist() == ["data"]
    assert {"data_entries", "data_outside"} == set(found.numbers())
    assert found.plot().shape == (1, 1)
    plt.close("all")


def test_a_range_that_is_not_given_holds_every_candidate():
    first, *_ = pair()
    edges = bin_edges(first, "x", bins=7)
    found = compare_distributions(first, variable="x", edges=edges)
    assert found.first[""].outside == 4  # the NaN
    logarithmic = bin_edges(first, "x", bins=7, log=True)
    assert np.allclose(np.diff(np.log(logarithmic)), np.log(logarithmic[1] / logarithmic[0]))


def test_a_value_on_the_last_edge_is_in_the_last_bin():
    sample = Sample.from_frame({"pid": np.array([0.0, 0.5, 1.0, 1.0])}, kind="mc")
    edges = bin_edges(sample, "pid", bins=2, range=[0, 1])
    found = compare_distributions(sample, variable="pid", edges=edges)
    assert found.first[""].entries.tolist() == [1, 3]


def test_logarithmic_bins_start_above_zero():
    first, *_ = pair()
    with pytest.raises(BadParameters, match="cannot start at 0"):
        bin_edges(first, "x", range=[0, 2], log=True)


@pytest.mark.parametrize("options", [{}, {"log_y": True}, {"log_x": True, "log_y": True}])
def test_the_figure_has_a_panel_and_a_ratio_for_each_cut(options, tmp_path):
    first, second, *_ = pair()
    edges = bin_edges(first, "x", bins=20, log=options.get("log_x", False))
    found = compare_distributions(
        first, second, variable="x", edges=edges, cuts=["", "y > 0.5", "y > 0.99"]
    )
    axes = found.plot(**options)
    assert axes.shape == (2, 3)
    axes[0, 0].figure.savefig(tmp_path / "figure.png")  # warnings are errors: nothing collapses
    widths = [each.get_window_extent().width for each in axes[0]]
    assert min(widths) > 150
    plt.close("all")
