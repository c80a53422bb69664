"""Templates: sums by hand, single values, files, and what cannot be fitted."""

import logging

import numpy as np
import pytest
import uproot

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, BadTable, UnknownVariable, UnreadableFile
from hepnb.pid.response import PidTemplate, fit_response
from hepnb.pid.response.interpolation import GridAxis, Mixture, neighbours

KINEMATICS = {"p": [0.5, 4.5], "charge": [-2, 0, 2]}


def sample(n=20_000, *, seed=1, **fields):
    rng = np.random.default_rng(seed)
    columns = {
        "p": rng.uniform(0.4, 4.6, n),
        "charge": rng.choice([-1.0, 1.0], n),
        "pid": rng.beta(0.5, 0.3, n),
        "w": rng.normal(1, 1, n),
        "w2": rng.normal(1, 1, n),
    }
    # no information, rather often for negative tracks
    columns["pid"][(rng.random(n) < 0.2) & (columns["charge"] < 0)] = -1.0
    columns["pid"][:7] = np.nan
    columns["p"][7:10] = np.nan
    return Sample.from_frame(columns, name="toy", **{"weights": ("w", "w2")} | fields), columns


@pytest.fixture(scope="module")
def fitted():
    made, columns = sample()
    return fit_response(made, "pid", kinematics=KINEMATICS, cells=6, bins=30), columns


def test_every_cell_is_what_a_sum_by_hand_gives(fitted):
    template, c = fitted
    assert template.counts.shape == (6, 2, 30)
    edges = [np.asarray(each.edges) for each in template.axes] + [template.edges]
    assert (edges[0][0], edges[0][-1]) == (0.5, 4.5)
    assert edges[1].tolist() == [-2, 0, 2]
    good = np.isfinite(c["pid"]) & np.isfinite(c["p"])
    points = np.array([c["p"], c["charge"], c["pid"]]).T
    for chosen, sums, bins in (
        (good & (c["pid"] != -1), (template.counts, template.squares, template.shifted), edges),
        (good & (c["pid"] == -1),
         (template.atom_counts, template.atom_squares, template.atom_shifted),
         [*edges[:2], [-1.5, -0.5]]),
    ):  # fmt: skip
        for found, w in zip(sums, (c["w"], c["w"] ** 2, c["w2"]), strict=True):
            by_hand, _ = np.histogramdd(points[chosen], bins, weights=w[chosen])
            np.testing.assert_allclose(found, by_hand, atol=2e-4)  # single precision


def test_every_candidate_is_somewhere(fitted):
    template, c = fitted
    outside = np.isfinite(c["pid"]) & ((c["p"] < 0.5) | (c["p"] >= 4.5))
    inside = np.isfinite(c["pid"]) & np.isfinite(c["p"]) & ~outside
    assert template.seen == {
        "read": 20_000,
        "nan": 10,
        "out_of_range": outside.sum(),
        "in_template": inside.sum(),
    }


def test_a_value_that_many_share_is_kept_apart_with_its_probability(fitted):
    template, _ = fitted
    assert template.atoms == (-1.0,)
    known = template.conditional.atoms.reshape(6, 2)
    np.testing.assert_allclose(known[:, 0], 0.2, atol=0.08)
    np.testing.assert_allclose(known[:, 1], 0.0, atol=1e-12)
    assert template.edges[0] >= 0
    assert "single values: -1" in template.summary()


def test_distribution_functions_rise_from_0_to_1(fitted):
    cdf = fitted[0].conditional.cdf
    assert (np.diff(cdf, axis=1) >= 0).all()
    np.testing.assert_array_equal(cdf[:, [0, -1]], [[0, 1]] * len(cdf))


def test_nodes_are_the_means_of_the_candidates_of_each_cell(fitted):
    template, c = fitted
    axis, good = template.axes[0], np.isfinite(c["p"])
    cell = axis.find(c["p"])
    for number in range(axis.cells):
        mine = good & (cell == number)
        mean = np.average(c["p"][mine], weights=c["w"][mine])
        assert axis.nodes[number] == pytest.approx(mean, abs=2e-3)
    assert template.axes[1].nodes == (-1.0, 1.0)


def test_efficiencies_of_a_template_are_those_of_the_candidates(fitted):
    template, c = fitted
    for charge in (-1, 1):
        w = np.where((c["charge"] == charge) & (np.abs(c["p"] - 2.5) < 2), c["w"], 0)
        seen = np.isfinite(c["pid"])
        share = w[seen] @ (c["pid"][seen] > 0.7) / w[seen].sum()
        each = template.efficiency(0.7).reshape(6, 2)[:, (charge + 1) // 2]
        content = template.counts + 0
        weight = (content.sum(-1) + template.atom_counts.sum(-1))[:, (charge + 1) // 2]
        # a kernel of three bins moves it a little
        assert weight @ each / weight.sum() == pytest.approx(share, abs=0.01)


def test_replicas_fluctuate_by_the_sum_of_squared_weights(fitted):
    """1000 replicas know a width to 2.2 %: five standard deviations for the 372 cells."""
    template, _ = fitted
    made = [template.replica(number, seed=3) for number in range(1000)]
    for name, squares in (("counts", "squares"), ("atom_counts", "atom_squares")):
        spread = np.std([getattr(each, name) for each in made], axis=0)
        expected = np.sqrt(getattr(template, squares))
        np.testing.assert_allclose(spread, expected, rtol=0.11, atol=1e-6)
    again = template.replica(7, seed=3)
    np.testing.assert_array_equal(again.counts, made[7].counts)
    assert (template.replica(7, seed=4).counts != made[7].counts).any()


def test_an_adaptive_kernel_needs_no_single_values():
    _, columns = sample(5000)
    positive = columns | {"pid": np.abs(columns["pid"])}
    plain, adaptive = (
        fit_response(
            Sample.from_frame(positive), "pid", kinematics=KINEMATICS, adaptive=each, atoms=[]
        )
        for each in (False, True)
    )
    assert adaptive.atoms == ()
    assert np.abs(adaptive.conditional.cdf - plain.conditional.cdf).max() > 0.001
    np.testing.assert_allclose(adaptive.conditional.cdf, plain.conditional.cdf, atol=0.2)


def test_chunks_change_nothing(monkeypatch):
    made, _ = sample(5000)
    options = {"kinematics": KINEMATICS, "cells": 4, "bins": 20}
    whole = fit_response(made, "pid", **options)
    iterate = Sample.iterate
    monkeypatch.setattr(
        Sample, "iterate", lambda self, names, **more: iterate(self, names, chunk_size=777, **more)
    )
    pieces = fit_response(made, "pid", **options)
    np.testing.assert_array_equal(pieces.counts, whole.counts)
    assert pieces.axes == whole.axes


@pytest.mark.parametrize("weights", [("w", "w2"), ("w",), ()])
def test_a_file_gives_the_template_back_exactly(weights, tmp_path):
    made, _ = sample(3000, weights=weights)
    template = fit_response(
        made, "pid", kinematics=KINEMATICS, cells=4, bins=20, adaptive=True, precut="p > 1"
    )
    [path] = template.save(tmp_path, "response")
    again = PidTemplate.load(path)
    for name in ("variable", "axes", "atoms", "widths", "adaptive", "seen", "sample", "cut"):
        assert getattr(again, name) == getattr(template, name), name
    names = ["edges", "counts", "squares", "atom_counts", "atom_squares"]
    names += ["shifted", "atom_shifted"] if len(weights) == 2 else []
    for name in names:
        np.testing.assert_array_equal(getattr(again, name), getattr(template, name))
    assert (again.shifted is None) == (len(weights) < 2)
    np.testing.assert_array_equal(again.conditional.cdf, template.conditional.cdf)
    with uproot.open(path) as file:
        assert file["cells"].classname == "TTree"


def test_files_that_are_no_template_are_refused(tmp_path):
    path = tmp_path / "other.root"
    with pytest.raises(UnreadableFile, match="cannot be read as ROOT"):
        PidTemplate.load(path)
    path.write_text("nothing")
    with pytest.raises(UnreadableFile, match="cannot be read as ROOT"):
        PidTemplate.load(path)
    with uproot.recreate(path) as file:
        file["note"] = "hello"
    with pytest.raises(BadTable, match="holds no template"):
        PidTemplate.load(path)
    with uproot.recreate(path) as file:
        file["template"] = '{"schema": "another"}'
    with pytest.raises(BadTable, match="schema 'another'"):
        PidTemplate.load(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinematics": {}}, "no kinematics"),
        ({"kinematics": {"pid": [0, 1]}}, "cannot be both"),
        ({"kinematics": {"p": [4.5, 0.5]}}, "rising finite numbers"),
        ({"range": [1, 0]}, "range of 'pid': "),
        ({"range": [0, np.inf]}, "range of 'pid': "),
        ({"cells": 0}, "at least 1"),
        ({"widths": (-1.0, 3.0)}, "0 or more"),
        ({"bins": 2000, "cells": 200_000}, "too large"),
        ({"precut": "p > 100"}, "no two different finite values"),
        ({"kinematics": {"p": [50, 60]}}, "no signal in the template"),
    ],
)
def test_what_cannot_be_fitted_is_refused(options, message):
    made, _ = sample(500)
    with pytest.raises(BadParameters, match=message):
        fit_response(made, "pid", **{"kinematics": KINEMATICS} | options)


def test_unknown_names_are_refused_before_anything_is_read():
    made, _ = sample(10)
    with pytest.raises(UnknownVariable):
        fit_response(made, "kaonID", kinematics=KINEMATICS)


def test_an_all_negative_sample_and_second_weights_that_are_not_there_are_refused():
    _, columns = sample(500)
    columns = columns | {"w": -np.ones(500)}
    with pytest.raises(BadParameters, match="no signal in the template"):
        fit_response(Sample.from_frame(columns, weights=("w",)), "pid", kinematics=KINEMATICS)
    plain = fit_response(sample(500, weights=("w",))[0], "pid", kinematics=KINEMATICS, cells=2)
    with pytest.raises(BadParameters, match="no second weights"):
        plain.with_second_weights()


def test_a_density_that_is_negative_in_part_is_warned_about(caplog):
    rng = np.random.default_rng(3)
    n = 2000
    noisy = {"p": rng.uniform(1, 2, n), "pid": rng.random(n), "w": rng.normal(0.2, 2, n)}
    made = Sample.from_frame(noisy, weights=("w",))
    with caplog.at_level(logging.WARNING):
        template = fit_response(made, "pid", kinematics={"p": [1, 2]}, cells=5, bins=50)
    assert template.conditional.negative > 0.02
    assert "is negative: take fewer cells or a wider kernel" in caplog.text


def test_a_cell_without_candidates_knows_nothing():
    _, columns = sample(5000)
    columns = columns | {"charge": np.ones(5000)}
    template = fit_response(
        Sample.from_frame(columns, weights=("w",)), "pid", kinematics=KINEMATICS, cells=3, bins=10
    )
    known = ~np.isnan(template.conditional.cdf[:, 0]).reshape(3, 2)
    assert known.tolist() == [[False, True]] * 3
    assert template.numbers()["known_share"]["value"] == 0.5


def test_means_between_nodes_are_those_of_numpy():
    """Multilinear interpolation against a loop over corners, quantiles against a fine inversion."""
    rng = np.random.default_rng(4)
    axes = (
        GridAxis("x", (0.0, 1.0, 3.0, 4.0), (0.4, 2.2, 3.5)),
        GridAxis("q", (-2.0, 0.0, 2.0), (-1.0, 1.0), continuous=False),
    )
    cdf = np.zeros((6, 5), np.float32)
    cdf[:, 1:] = np.cumsum(rng.dirichlet(np.ones(4), 6), axis=1)
    edges = np.array([0.0, 0.2, 0.5, 0.6, 1.0])
    x, q = rng.uniform(0, 4, 300), rng.choice([-1.0, 1.0], 300)
    mixture = Mixture(cdf, neighbours(axes, [x, q]))
    position = np.interp(x, axes[0].nodes, [0, 1, 2])
    low = np.minimum(position.astype(int), 1)
    part = (position - low)[:, None]
    row = cdf.reshape(3, 2, 5)[:, (q > 0).astype(int)]
    take = np.arange(300)
    by_hand = (1 - part) * row[low, take] + part * row[low + 1, take]
    for edge in range(5):
        np.testing.assert_allclose(mixture.at_edge(np.full(300, edge)), by_hand[:, edge], atol=1e-6)
    u = rng.random(300)
    values = mixture.quantile(u, edges)
    expected = [np.interp(each, row_, edges) for each, row_ in zip(u, by_hand, strict=True)]
    np.testing.assert_allclose(values, expected, atol=1e-5)
    again, flat = mixture.at(values, edges)
    np.testing.assert_allclose(again, u, atol=1e-5)
    assert not flat.any()


def test_the_figure_shows_the_candidates_and_the_template(fitted):
    template, _ = fitted
    axes = template.plot()
    assert len(axes) == 3
    drawn = sum(float(ax.containers[0][0].get_ydata().sum()) for ax in axes)
    assert drawn == pytest.approx(template.counts.sum(), rel=1e-4)
    assert axes[0].get_title(loc="left").startswith("0.5 <")
