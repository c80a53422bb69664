"""Tests J, K and L: resampled and transformed variables against the truth of a toy.

Thresholds are those of specs/pid.md, section 8.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import uproot
from scipy import stats

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, UnknownVariable
from hepnb.pid.response import (
    ResponseCorrection,
    calibration_templates,
    check_response,
    correct,
    fit_response,
    templates_from_files,
)
from hepnb.pid.response.correction import CAUSES
from hepnb.pid.response.numbers import track_uniform
from hepnb.stats.weighted import efficiency

_spec = importlib.util.spec_from_file_location(
    "toy_response", Path(__file__).with_name("toy_response.py")
)
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)

THRESHOLDS = np.linspace(-20, 80, 20)
SMALL, LARGE = 200_000, 1_000_000


def fitted(n, seed=1):
    data, mc = toy.calibration(n, seed), toy.simulation(n, seed + 1)
    return [fit_response(each, "dll", kinematics=toy.KINEMATICS) for each in (data, mc)]


@pytest.fixture(scope="module")
def templates():
    return fitted(SMALL)


@pytest.fixture(scope="module")
def target():
    return toy.tracks(SMALL, 77, "mc")


def made(templates, method="resample", **options):
    data, mc = templates
    return ResponseCorrection({None: data}, {None: mc}, method, **options)


def cells_of(columns, edges):
    """Whole sample, then 4 x 4 cells of momentum and angle: rows of each."""
    index = [np.digitize(columns[name], edges[name]) for name in ("logp", "eta")]
    cell = 4 * index[0] + index[1]
    return [np.arange(len(cell)), *(np.flatnonzero(cell == each) for each in range(16))]


def allowed(expected, simulated, data, mine):
    """0.002, or three standard deviations of the simulated tracks and of the calibration.

    With fewer calibration candidates than a million 0.004, as in tails with much background their
    fluctuations, which a distribution function cannot follow below 0, leave some of it; and four
    standard deviations, which one of 340 comparisons exceeds by chance in 2 % of all toys.
    """
    least, many = (0.002, 3) if len(data["w"]) >= LARGE else (0.004, 4)
    w = data["w"][mine]
    passing = data["dll"][mine] > np.array(THRESHOLDS)[:, None]
    sums = [passing @ w, passing @ w**2, np.full(len(THRESHOLDS), w.sum()), (w**2).sum()]
    variance = efficiency(*sums).variance + expected * (1 - expected) / simulated
    return np.maximum(least, many * np.sqrt(variance))


def deviations(values, columns, data, method):
    """Differences of efficiencies to the truth and what is allowed; (17 regions, thresholds).

    A template of simulation, which a transformation needs, has as many tracks as the target.
    """
    edges = {name: np.quantile(columns[name], [0.25, 0.5, 0.75]) for name in ("logp", "eta")}
    truth = np.array([toy.response(columns, "data").sf(each) for each in THRESHOLDS])
    off, most = [], []
    for rows, mine in zip(cells_of(columns, edges), cells_of(data, edges), strict=True):
        kept = rows[np.isfinite(values[rows])]
        expected = truth[:, kept].mean(axis=1)
        found = (values[kept] > THRESHOLDS[:, None]).mean(axis=1)
        off.append(np.abs(found - expected))
        most.append(allowed(expected, len(kept) / (1 + (method == "transform")), data, mine))
    return np.array(off), np.array(most)


def check_truth(templates, columns, n, method):
    values, causes = made(templates, method).apply(columns)
    good = causes == 0
    assert good.mean() > 0.995
    reference = toy.response(columns, "data").rvs(random_state=np.random.default_rng(9))
    distance = stats.ks_2samp(values[good], reference[good]).statistic
    assert distance < 1.628 * np.sqrt(2 / good.sum())  # 1 % critical value
    off, most = deviations(values, columns, toy.calibration(n, 1).frame, method)
    assert (off < most).all(), (off / most).max(axis=1)
    return values, good, off


@pytest.mark.parametrize("method", ["resample", "transform"])
def test_values_have_the_distribution_of_data(templates, target, method):
    """Tests J and K at 200,000 tracks; simulation as it is is off by up to 0.14."""
    values, good, _ = check_truth(templates, target, SMALL, method)
    raw, most = deviations(target["dll"], target, toy.calibration(SMALL, 1).frame, method)
    assert (raw / most).max() > 10
    correlation = stats.spearmanr(values[good], target["dll"][good]).statistic
    if method == "transform":
        assert correlation > 0.99
    else:
        # what is left is that of the kinematics
        pit = [toy.response(target, kind).cdf(x) for kind, x in
               (("data", values), ("mc", target["dll"]))]  # fmt: skip
        assert abs(stats.spearmanr(pit[0][good], pit[1][good]).statistic) < 4 / np.sqrt(SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["resample", "transform"])
def test_values_have_the_distribution_of_data_with_a_million_tracks(method, record_property):
    templates, columns = fitted(LARGE), toy.tracks(LARGE, 77, "mc")
    values, good, off = check_truth(templates, columns, LARGE, method)
    record_property("largest deviation of an efficiency", round(float(off[0].max()), 5))
    record_property("the same in 16 cells", round(float(off[1:].max()), 5))
    # test J: F_data(x' | kinematics) is uniform; the calibration's own fluctuation is in it
    pit = toy.response(columns, "data").cdf(values)[good]
    counts = np.histogram(pit, np.linspace(0, 1, 21))[0]
    variance = counts.mean() * (1 + 1.9 / 0.7)
    assert stats.chi2.sf(np.sum((counts - counts.mean()) ** 2 / variance), 19) > 1e-3


def test_equal_templates_change_nothing(templates, target):
    """Test K: identity to a thousandth of the range."""
    _, mc = templates
    values, causes = made([mc, mc], "transform").apply(target)
    good = causes == 0
    span = mc.edges[-1] - mc.edges[0]
    assert np.abs(values - target["dll"])[good].max() < 1e-3 * span


def test_a_transformation_rises_at_fixed_kinematics(templates):
    size = 2000
    x = np.linspace(-60, 100, size)
    for logp, eta in itertools.product((8.5, 9.5, 10.5), (2.2, 4.0)):
        columns = {
            "logp": np.full(size, logp),
            "eta": np.full(size, eta),
            "tracks": np.full(size, 120.0),
            "dll": x,
        }
        values, causes = made(templates, "transform").apply(columns)
        assert (np.diff(values[causes == 0]) >= 0).all()


def test_two_variables_of_a_track_keep_their_rank_correlation(templates, target):
    rng = np.random.default_rng(5)
    truth = toy.response(target, "mc")
    # a second variable of the same track that shares half of its fluctuation
    z = 0.8 * (target["dll"] - truth.mean()) / truth.std() + 0.6 * rng.standard_normal(SMALL)
    other = target | {"dll": truth.mean() + truth.std() * z}
    before = stats.spearmanr(target["dll"], other["dll"]).statistic
    correction = made(templates, "transform")
    (first, _), (second, _) = (correction.apply(each) for each in (target, other))
    good = np.isfinite(first) & np.isfinite(second)
    residuals = [
        stats.rankdata(toy.response(target, "data").cdf(each)[good]) for each in (first, second)
    ]
    expected = [
        stats.rankdata(toy.response(target, "mc").cdf(each["dll"])[good])
        for each in (target, other)
    ]
    assert before > 0.5
    found, wanted = (np.corrcoef(pair)[0, 1] for pair in (residuals, expected))
    assert found == pytest.approx(wanted, abs=0.01)


def test_two_variables_that_are_drawn_anew_are_independent(templates, target):
    """At fixed kinematics, though their random numbers are made of the same columns."""
    data, _ = templates
    other = dataclasses.replace(data, variable="other")
    truth = toy.response(target, "data")
    drawn = [ResponseCorrection({None: each}).apply(target).values for each in (data, other)]  # noqa: PD011
    first, second = (truth.cdf(each) for each in drawn)
    good = np.isfinite(first) & np.isfinite(second)
    assert abs(stats.spearmanr(first[good], second[good]).statistic) < 4.5 / np.sqrt(good.sum())


@pytest.mark.slow
def test_replicas_spread_as_independent_calibrations_do(record_property):
    """Test L: to 20 %, over 20 calibrations, for the mean of ten efficiencies."""
    n = 60_000
    columns = toy.tracks(50_000, 78, "mc")
    thresholds = np.linspace(0, 50, 10)

    def efficiencies(template):
        values, _ = ResponseCorrection({None: template}).apply(columns)
        return [(values > each).mean() for each in thresholds]

    calibrations = [
        fit_response(toy.calibration(n, 100 + seed), "dll", kinematics=toy.KINEMATICS)
        for seed in range(20)
    ]
    repeated = np.std([efficiencies(each) for each in calibrations], axis=0, ddof=1)
    replicas = np.std(
        [efficiencies(calibrations[0].replica(number)) for number in range(40)], axis=0, ddof=1
    )
    ratio = float(np.mean(replicas / repeated))
    record_property("replicas over calibrations", round(ratio, 3))
    assert ratio == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("method", ["resample", "transform"])
def test_a_value_belongs_to_the_track_not_to_its_place(templates, target, method):
    correction = made(templates, method)
    whole, _ = correction.apply(target)
    order = np.random.default_rng(3).permutation(SMALL)
    turned, _ = correction.apply({name: each[order] for name, each in target.items()})
    np.testing.assert_array_equal(turned, whole[order])
    few, _ = correction.apply({name: each[:777] for name, each in target.items()})
    np.testing.assert_array_equal(few, whole[:777])
    other, _ = made(templates, method, seed=2).apply(target)
    assert np.array_equal(other, whole, equal_nan=True) == (method == "transform")


def test_numbers_of_tracks_are_uniform_and_independent():
    rng = np.random.default_rng(4)
    p, q = rng.normal(size=(2, 100_000)).astype(np.float32)
    streams = [track_uniform([p, q], seed=seed, stream=each) for seed, each in
               ((1, 0), (1, 1), (2, 0))]  # fmt: skip
    for each in streams:
        assert stats.kstest(each, "uniform").pvalue > 1e-3
        assert abs(stats.spearmanr(each, p).statistic) < 4 / np.sqrt(len(p))
        assert each.min() >= 0
        assert each.max() < 1
    for first, second in itertools.combinations(streams, 2):
        assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(len(p))
    np.testing.assert_array_equal(
        track_uniform([np.array([0.0])], seed=1), track_uniform([np.array([-0.0])], seed=1)
    )


# single values


def with_atoms(n, seed, shares, kind):
    """Tracks of which some have -1 or 0: shares that rise with x."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    value = rng.normal(3 if kind == "mc" else 2, 1, n)
    u = rng.random(n)
    value[u < shares[0] * (0.5 + x)] = -1.0
    value[(u >= shares[0] * (0.5 + x)) & (u < (shares[0] + shares[1]) * (0.5 + x))] = 0.0
    return {"x": x, "pid": value}


@pytest.mark.parametrize("method", ["resample", "transform"])
@pytest.mark.parametrize(
    ("of_data", "of_mc"),
    [((0.30, 0.05), (0.10, 0.05)), ((0.05, 0.2), (0.3, 0.02)), ((0.2, 0.0), (0.0, 0.2))],
)
def test_two_single_values_get_the_probability_of_data(method, of_data, of_mc):
    """Specs section 7, row 13: sentinels are categories, whichever side has more of them."""
    n = 100_000
    sides = {}
    for kind, shares in (("data", of_data), ("mc", of_mc)):
        columns = with_atoms(n, len(kind), shares, kind)
        sides[kind] = fit_response(
            Sample.from_frame(columns, name=kind), "pid", kinematics={"x": [0, 1]}, cells=8,
            atoms=[-1, 0],
        )  # fmt: skip
    columns = with_atoms(n, 11, of_mc, "mc")
    correction = ResponseCorrection({None: sides["data"]}, {None: sides["mc"]}, method)
    values, causes = correction.apply(columns)
    assert (causes == 0).mean() > 0.999
    for number, atom in enumerate((-1.0, 0.0)):
        for chosen in (columns["x"] < 0.5, columns["x"] >= 0.5):
            expected = of_data[number] * (0.5 + columns["x"][chosen].mean())
            # both samples fluctuate, and the kernel joins neighbouring cells
            assert (values[chosen] == atom).mean() == pytest.approx(expected, abs=0.014)
    rest = values[(causes == 0) & (values != -1) & (values != 0)]
    assert abs(rest.mean() - 2) < 0.03
    if method == "transform":  # no more tracks change category than must
        kind = [np.select([v == -1, v == 0], [0, 1], 2) for v in (columns["pid"], values)]
        shares = [np.bincount(each, minlength=3) / n for each in kind]
        least = 0.5 * np.abs(shares[0] - shares[1]).sum()
        assert (kind[0] != kind[1])[causes == 0].mean() < least + 0.01


def test_single_values_are_all_there_is():
    rng = np.random.default_rng(6)
    columns = {"x": rng.random(4000), "pid": rng.choice([-1.0, 1.0], 4000, p=[0.3, 0.7])}
    template = fit_response(Sample.from_frame(columns), "pid", kinematics={"x": [0, 1]}, cells=2)
    values, causes = ResponseCorrection({None: template}).apply(columns)
    assert (causes == 0).all()
    assert set(values) == {-1.0, 1.0}
    assert (values == 1).mean() == pytest.approx(0.7, abs=0.03)


# what cannot be corrected is counted, with its cause, and has no value


def one_axis(n=20_000, **options):
    rng = np.random.default_rng(7)
    columns = {"x": rng.random(n), "pid": rng.random(n)}
    sample = Sample.from_frame(columns, **options)
    return fit_response(sample, "pid", kinematics={"x": [0, 1]}, cells=4, bins=20)


def cause(correction, **columns):
    [value], [number] = correction.apply({name: np.array([each]) for name, each in columns.items()})
    assert np.isnan(value) == (number != 0)
    return CAUSES[number]


def test_each_cause_is_told_apart():
    template = one_axis()
    transform = ResponseCorrection({321: template}, {321: template}, "transform")
    good = {"x": 0.5, "pid": 0.5, "mcPDG": -321.0}
    assert cause(transform, **good) == "corrected"
    assert cause(transform, **good | {"x": np.nan}) == "nan"
    assert cause(transform, **good | {"pid": np.nan}) == "nan"
    assert cause(transform, **good | {"mcPDG": np.nan}) == "nan"
    assert cause(transform, **good | {"mcPDG": 211.0}) == "wrong_truth"
    assert cause(transform, **good | {"x": 1.5}) == "out_of_range"
    assert cause(transform, **good | {"x": 1.0}) == "out_of_range"  # bins are [lo, hi)
    assert cause(transform, **good | {"pid": 1.5}) == "out_of_range"
    # what is drawn anew need not be there
    resample = ResponseCorrection({321: template})
    assert resample.dependencies == ("x", "mcPDG")
    assert cause(resample, x=0.5, mcPDG=321.0) == "corrected"


def test_where_nothing_was_calibrated_there_is_no_value():
    rng = np.random.default_rng(8)
    columns = {"x": rng.uniform(0, 0.3, 5000), "pid": rng.random(5000)}
    sample = Sample.from_frame(columns)
    template = fit_response(
        sample, "pid", kinematics={"x": [0, 1]}, cells=10, bins=10, widths=(0.2, 1.0)
    )
    assert cause(ResponseCorrection({None: template}), x=0.9, pid=0.5) == "no_calibration"


def test_a_gap_in_simulation_gives_no_value_rather_than_the_end_of_the_range():
    """Specs section 7, row 15."""
    rng = np.random.default_rng(9)
    x, pid = rng.random(20_000), rng.random(20_000)
    gap = np.where(pid < 0.5, 0.8 * pid, 0.2 + 0.8 * pid)
    options = {"kinematics": {"x": [0, 1]}, "cells": 3, "bins": 40, "widths": (1.0, 0.0)}
    mc = fit_response(Sample.from_frame({"x": x, "pid": gap}), "pid", **options)
    data = fit_response(Sample.from_frame({"x": x, "pid": pid}), "pid", **options)
    correction = ResponseCorrection({None: data}, {None: mc}, "transform")
    assert cause(correction, x=0.5, pid=0.5) == "flat"
    assert cause(correction, x=0.5, pid=0.3) == "corrected"


def test_an_axis_of_one_cell_is_a_template_all_the_same():
    rng = np.random.default_rng(10)
    columns = {"x": rng.random(5000), "pid": rng.normal(0, 1, 5000)}
    template = fit_response(Sample.from_frame(columns), "pid", kinematics={"x": [0, 1]}, cells=1)
    values, _ = ResponseCorrection({None: template}).apply(columns)
    assert stats.ks_2samp(values, columns["pid"]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "resampel"}, "did you mean 'resample'"),
        ({"data": {}}, "no template of data"),
        ({"seed": -1}, "may not be negative"),
        ({"method": "transform", "mc": {}}, "needs the same of both"),
    ],
)
def test_corrections_that_make_no_sense_are_refused(change, message):
    template = one_axis(500)
    fields = {"data": {None: template}, "mc": {None: template}} | change
    with pytest.raises(BadParameters, match=message):
        ResponseCorrection(**fields)


def test_templates_of_different_variables_or_for_all_and_one_are_refused():
    first = one_axis(500)
    columns = {"x": np.linspace(0, 0.9, 500), "other": np.linspace(0, 1, 500)}
    second = fit_response(Sample.from_frame(columns), "other", kinematics={"x": [0, 1]}, cells=2)
    with pytest.raises(BadParameters, match="of several variables: other, pid"):
        ResponseCorrection({321: first, 211: second})
    with pytest.raises(BadParameters, match="for every species"):
        ResponseCorrection({321: first, None: first})


# candidates


@pytest.fixture(scope="module")
def embedded(small_site):
    import hepnb

    collections = hepnb.catalogue(small_site)
    found = calibration_templates(
        collections["proc13"],
        collections["MC15rd_proc13"],
        study="Dst",
        variable="kaonID",
        kinematics={"p": [0.3, 5.0], "charge": [-2, 0, 2]},
        cells=6,
        bins=50,
    )
    mc, data = (
        collections[each].study("Dst").particle("K") for each in ("MC15rd_prompt", "prompt")
    )
    return found, mc, data


def test_every_species_gets_its_own_template(embedded):
    found, mc, _ = embedded
    assert set(found.data) == set(found.mc) == {321, 211}
    table = found.frame.set_index(["side", "species"])
    assert table.loc[("data", 321), "candidates"] == found.data[321].seen["in_template"]
    assert len(table) == 4
    corrected = correct(mc, ResponseCorrection(*found, "resample"), keep=["mcPDG", "kaonID"])
    frame = corrected.frame()
    assert len(frame) == mc.entries
    kaons, pions = (frame["mcPDG"].abs() == code for code in (321, 211))
    mean = frame["K_kaonID_corrected"].groupby(frame["mcPDG"].abs()).mean()
    assert mean[321] > 0.7
    assert mean[211] < 0.4 if pions.any() else True
    other = ~(kaons | pions)
    assert frame.loc[other, "K_kaonID_corrected"].isna().all()
    counts = frame["K_kaonID_corrected_cause"].value_counts()
    for number, name in enumerate(CAUSES):
        assert corrected.causes[name] == counts.get(number, 0)
    assert f"{mc.entries:,}" in corrected.summary()


def test_templates_of_two_species_fluctuate_independently(embedded):
    found, *_ = embedded
    moves = []
    for each in found.data.values():
        some = each.squares > 0
        move = np.divide(each.replica(3).counts - each.counts, np.sqrt(each.squares), where=some,
                         out=np.zeros_like(each.counts))  # fmt: skip
        moves.append(move.ravel())
    n = np.count_nonzero((moves[0] != 0) & (moves[1] != 0))
    assert n > 300
    assert abs(moves[0] @ moves[1]) / n < 4.5 / np.sqrt(n)


def test_the_corrected_variable_is_a_column_for_every_string(embedded):
    found, mc, _ = embedded
    corrected = correct(mc, ResponseCorrection(*found, "transform"), variations=False)
    frame = corrected.frame()
    name = corrected.name
    assert name == "K_kaonID_corrected"
    chosen = corrected.sample.read([name, f"log({name})"], cut=f"{name} > 0.5 and p > 1")
    values = frame[name][(frame[name] > 0.5)]
    assert 0 < len(chosen) <= len(values)
    assert set(chosen[name]) <= set(values)
    with pytest.raises(BadParameters, match="choose another name"):
        mc.with_columns(K_kaonID=corrected.correction.column())


def test_variations_are_columns_and_files_hold_them(embedded, tmp_path):
    found, mc, _ = embedded
    for ending in ("parquet", "root"):
        corrected = correct(
            mc, ResponseCorrection(*found, "resample"), replicas=2, keep=["p"], file_format=ending
        )
        expected = corrected.frame()
        name = corrected.name
        ends = ["", "_kernel", "_sweights", "_0", "_1", "_cause"]
        assert list(expected) == ["p", *(name + end for end in ends)]
        [path] = corrected.save(tmp_path, "candidates")
        if ending == "root":
            with uproot.open(path) as file:
                again = pd.DataFrame(file["corrected"].arrays(library="np"))
        else:
            again = pd.read_parquet(path)
        pd.testing.assert_frame_equal(again, expected, check_dtype=False)
    changes = [(expected[name + end] - expected[name]).abs().mean() for end in ends[1:5]]
    assert min(changes) > 0
    # the same random numbers: a variation moves a track a little, not to another quantile
    assert max(changes) < 0.1
    with pytest.raises(BadParameters, match="not one of parquet, root"):
        correct(mc, ResponseCorrection(*found), file_format="csv")
    with pytest.raises(UnknownVariable):
        correct(mc, ResponseCorrection(*found), keep=["nothing"])


def test_templates_from_files_are_those_that_were_saved(embedded, tmp_path):
    found, mc, _ = embedded
    entries = []
    for code in (321, 211):
        files = {
            side: str(getattr(found, side)[code].save(tmp_path, f"{side}_{code}")[0])
            for side in ("data", "mc")
        }
        entries.append(files | {"truth": -code})
    again = templates_from_files(entries)
    first, second = (
        correct(mc, ResponseCorrection(*each, "transform"), variations=False).frame()
        for each in (found, again)
    )
    pd.testing.assert_frame_equal(first, second)
    with pytest.raises(BadParameters, match="two templates are for species 321"):
        templates_from_files([entries[0], entries[0]])


def test_the_check_is_that_of_sums_by_hand(embedded):
    found, mc, data = embedded
    corrected = correct(mc, ResponseCorrection(*found, "transform"), replicas=3)
    binning = {"p": [0.5, 1.5, 4.5]}
    check = check_response(corrected, data, thresholds=[0.9, 0.5], binning=binning)
    assert check.frame["threshold"].tolist() == [0.5, 0.5, 0.9, 0.9]
    seen = data.read(["p", "kaonID", *data.weights])
    columns = [corrected.name, *(corrected.name + end for end in ("_0", "_1", "_2"))]
    simulated = corrected.sample.read(["p", "kaonID", *columns], cut=mc.truth)
    row = check.frame.iloc[3]
    w = seen.loc[(seen["p"] >= 1.5) & (seen["p"] < 4.5)]
    assert row["weight"] == pytest.approx(w[data.weights[0]].sum(), rel=1e-9)
    passing = w.loc[w["kaonID"] > 0.9, data.weights[0]].sum()
    assert row["data"] == pytest.approx(passing / row["weight"], rel=1e-9)
    mine = simulated[(simulated["p"] >= 1.5) & (simulated["p"] < 4.5)]
    assert row["mc"] == pytest.approx((mine["kaonID"] > 0.9).mean(), rel=1e-9)
    shares = [(mine[each].dropna() > 0.9).mean() for each in columns]
    assert row["corrected"] == pytest.approx(shares[0], rel=1e-9)
    assert row["template_error"] == pytest.approx(np.std(shares[1:], ddof=1), rel=1e-6)
    pull = (row["corrected"] - row["data"]) / np.sqrt(
        row["data_error"] ** 2 + row["corrected_error"] ** 2 + row["template_error"] ** 2
    )
    assert row["pull"] == pytest.approx(pull, rel=1e-9)
    total = check.total.iloc[1]
    part = check.frame.iloc[2:]
    assert total["data"] == pytest.approx(np.average(part["data"], weights=part["weight"]))
    assert check.largest == (check.total["corrected"] - check.total["data"]).abs().max()
    upper, lower = check.plot()
    assert lower.get_xlabel() == "kaonID"
    assert "largest difference" in upper.get_title(loc="right")
    # where all candidates pass, the uncertainty of simulation is not 0
    sure = check_response(corrected, data, thresholds=[-1.0], binning=binning).frame
    assert (sure["corrected"] == 1).all()
    assert (sure["corrected_error"] > 0).all()
    with pytest.raises(BadParameters, match="no thresholds"):
        check_response(corrected, data, thresholds=[], binning=binning)
    with pytest.raises(BadParameters, match="no bin has both"):
        check_response(corrected, data, thresholds=[0.5], binning={"p": [50, 60]})


def test_a_correction_travels_to_workers(templates):
    correction = made(templates, "transform")
    columns = toy.tracks(100, 5, "mc")
    again = pickle.loads(pickle.dumps(correction))
    np.testing.assert_array_equal(again.apply(columns).values, correction.apply(columns).values)
