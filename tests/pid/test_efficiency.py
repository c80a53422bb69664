"""Efficiencies against plain loops over candidates, exact intervals and known truth."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hist import Hist
from scipy import stats

from hepnb.data.sample import Sample
from hepnb.data.samples import candidates, true_efficiency
from hepnb.errors import BadParameters, CutSyntaxError, UnknownVariable
from hepnb.pid.efficiency import EfficiencyTable, measure_efficiency
from hepnb.pid.subtraction.sweights import fit_yields, sweights
from hepnb.pid.tables.bin_efficiency import physical_interval


def by_loop(columns, binning, weight):
    """Efficiency and its variance in ROOT's form, one bin and one candidate at a time."""
    rows = {}
    for i in range(len(columns["K_p"])):
        key = []
        for axis, edges in binning.items():
            x = columns[f"K_{axis}"][i]
            key += [k for k in range(len(edges) - 1) if edges[k] <= x < edges[k + 1]]
        if len(key) < len(binning):
            continue
        w = columns[weight][i]
        sums = rows.setdefault(tuple(key), [0.0, 0.0, 0.0, 0.0, 0])
        sums[0] += w
        sums[1] += w * w
        if columns["K_kaonID"][i] > 0.6:
            sums[2] += w
            sums[3] += w * w
        sums[4] += 1
    found = []
    for key in np.ndindex(*[len(edges) - 1 for edges in binning.values()]):
        total, total2, passing, passing2, n = rows[key]
        eps = passing / total
        variance = ((1 - 2 * eps) * passing2 + eps**2 * total2) / total**2
        found.append((eps, variance**0.5, total**2 / total2, total, n))
    return np.array(found).T


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_weighted_table_equals_a_plain_loop(make_columns, make_sample, binning, axes):
    chosen = dict(list(binning.items())[:axes])
    columns = make_columns(6000, seed=5, kind="data")
    frame = measure_efficiency(make_sample(), cut="kaonID > 0.6", binning=chosen).frame
    eps, sigma, n_eff, sum_w, n = by_loop(columns, chosen, "w")
    # only the order of sums differs
    np.testing.assert_allclose(frame["efficiency"], eps, rtol=1e-12)
    np.testing.assert_allclose(frame["stat_up"], sigma, rtol=1e-11)
    np.testing.assert_array_equal(frame["stat_dn"], frame["stat_up"])
    np.testing.assert_allclose(frame["n_eff"], n_eff, rtol=1e-12)
    np.testing.assert_allclose(frame["sum_w"], sum_w, rtol=1e-12)
    np.testing.assert_array_equal(frame["n_raw"], n)
    shifted = by_loop(columns, chosen, "w_sys")[0]
    np.testing.assert_allclose(frame["sys_shift"], shifted - eps, atol=1e-12)
    assert (frame["sys_shift"] != 0).all()
    np.testing.assert_array_equal(frame["sys_up"], frame["sys_shift"].abs())


def test_rows_are_bins_with_the_first_axis_slowest(make_sample, binning):
    frame = measure_efficiency(make_sample(), cut="kaonID > 0.6", binning=binning).frame
    edges = [
        (p, c, q)
        for p in zip(binning["p"], binning["p"][1:], strict=False)
        for c in zip(binning["cosTheta"], binning["cosTheta"][1:], strict=False)
        for q in zip(binning["charge"], binning["charge"][1:], strict=False)
    ]
    assert list(frame.columns[:6]) == [f"{a}_{e}" for a in binning for e in ("min", "max")]
    np.testing.assert_array_equal(frame.iloc[:, :6], np.array(edges).reshape(-1, 6))


def test_simulation_is_truth_matched_counted_and_has_clopper_pearson_intervals(make_sample):
    columns = {
        "K_p": np.full(25, 1.5),
        "K_kaonID": np.full(25, 0.9),
        "isSignal": np.arange(25) < 20,
    }
    sample = make_sample(kind="mc", columns=columns)
    table = measure_efficiency(sample, cut="kaonID > 0.6", binning={"p": [1, 2]}, precut="p > 0")
    row = table.frame.iloc[0]
    assert table.interval == "clopper_pearson"
    assert (row.n_raw, row.efficiency, row.stat_up) == (20, 1.0, 0.0)
    # k = n = 20: the exact lower limit is alpha^(1/20), .912 (specs/pid.md, section 3.5)
    assert row.stat_dn == pytest.approx(1 - ((1 - 0.6827) / 2) ** (1 / 20), rel=1e-9)
    assert row.physical_lo == pytest.approx(0.912, abs=5e-4)
    untruthful = measure_efficiency(sample, cut="kaonID > 0.6", binning={"p": [1, 2]}, truth=False)
    assert untruthful.frame["n_raw"][0] == 25


def test_bins_whose_total_is_not_positive_have_no_efficiency(make_histogram):
    raw = make_histogram([50, 50, 0, 60, 60])
    total = make_histogram([-0.436, 0.0, 0.0, -7.0, 40.0], [9.0, 9.0, 0.0, 9.0, 45.0])
    passing = make_histogram([-0.436, 1.0, 0.0, -3.0, 20.0], [4.0, 4.0, 0.0, 4.0, 22.0])
    frame = EfficiencyTable.from_histograms(passing, total, raw=raw).frame
    assert frame["efficiency"].isna().tolist() == [True, True, True, True, False]
    assert frame["status"].tolist() == ["bad_total"] * 2 + ["bad_total;empty", "bad_total", "ok"]
    bad = frame.iloc[:4]
    assert bad[["stat_up", "stat_dn", "sys_up", "physical_lo"]].isna().all(axis=None)
    # what led to it stays visible
    assert bad["n_raw"].tolist() == [50, 50, 0, 60]
    assert bad["n_eff"].tolist() == pytest.approx([0.436**2 / 9, 0, 0, 49 / 9])


def test_unphysical_efficiencies_are_kept_flagged_and_given_a_physical_interval(make_histogram):
    total = make_histogram([100.0, 100.0, 100.0], [150.0] * 3)
    passing = make_histogram([104.0, -3.0, 50.0], [110.0, 20.0, 60.0])
    raw = make_histogram([200.0] * 3)
    frame = EfficiencyTable.from_histograms(passing, total, raw=raw).frame
    assert frame["efficiency"].tolist() == pytest.approx([1.04, -0.03, 0.5], rel=1e-15)
    assert frame["status"].tolist() == ["unphysical", "unphysical", "ok"]
    assert frame["physical_lo"].between(0, 1).all()
    assert frame["physical_hi"].between(0, 1).all()
    assert (frame["physical_hi"] - frame["physical_lo"] > 0.01).all()


def test_physical_interval_is_that_of_a_truncated_gaussian():
    eps = np.array([0.5, 0.99, 1.04, -0.03, 1.3, -0.8, 0.0, 1.0])
    sigma = np.array([0.01, 0.02, 0.03, 0.05, 0.05, 0.1, 0.2, 0.004])
    low, high = physical_interval(eps, sigma, sigma)
    reference = stats.truncnorm((0 - eps) / sigma, (1 - eps) / sigma, loc=eps, scale=sigma)
    np.testing.assert_allclose(low, reference.ppf(0.158655), rtol=1e-6)
    np.testing.assert_allclose(high, reference.ppf(0.841345), rtol=1e-6)
    np.testing.assert_allclose([low[0], high[0]], [0.49, 0.51], rtol=1e-5)


def test_an_efficiency_of_0_or_1_is_not_known_without_uncertainty(make_histogram):
    total = make_histogram([60.0, 60.0], [90.0, 90.0])
    passing = make_histogram([60.0, 0.0], [90.0, 0.0])
    raw = make_histogram([100.0, 100.0])
    frame = EfficiencyTable.from_histograms(passing, total, raw=raw).frame
    limit = ((1 - 0.6827) / 2) ** (1 / 40)  # Clopper-Pearson with 60^2 / 90 entries
    np.testing.assert_allclose(frame["stat_dn"], [1 - limit, 0], atol=1e-9)
    np.testing.assert_allclose(frame["stat_up"], [0, 1 - limit], atol=1e-9)
    assert (frame["status"] == "ok").all()  # rounding does not make it unphysical


def test_few_effective_entries_are_flagged_however_many_candidates_there_are(make_histogram):
    total = make_histogram([99.0, 101.0], [1000.0, 1000.0])  # 9.8 and 10.2 effective entries
    passing = make_histogram([50.0, 50.0], [500.0, 500.0])
    raw = make_histogram([5000.0, 5000.0])
    frame = EfficiencyTable.from_histograms(passing, total, raw=raw).frame
    assert frame["status"].tolist() == ["low_stat", "ok"]


def test_a_bin_without_a_total_of_the_second_weight_has_no_systematic(make_histogram):
    histograms = [make_histogram([x]) for x in (40.0, 60.0, 60.0, 1.0, -2.0)]
    passing, total, raw, passing_sys, total_sys = histograms
    frame = EfficiencyTable.from_histograms(
        passing, total, raw=raw, passing_sys=passing_sys, total_sys=total_sys
    ).frame
    assert frame["status"].tolist() == ["bad_sys"]
    assert frame["efficiency"].notna().all()
    assert frame["sys_up"].isna().all()


def test_every_lost_candidate_is_counted_by_its_cause(make_sample, caplog):
    nan = np.nan
    rows = [  # p, kaonID, dz, w, w_sys
        (1.5, 0.9, 0, 1, 1),  # passes
        (1.5, 0.1, 0, 1, 1),  # fails
        (1.0, 0.9, 0, 1, 1),  # passes, on the lower edge
        (0.9, 0.9, 0, 1, 1),  # out of range
        (2.0, 0.9, 0, 1, 1),  # out of range, on the last edge: bins are [lo, hi)
        (nan, 0.9, 0, 1, 1),
        (1.5, 0.9, 0, nan, nan),
        (1.5, 0.9, 0, 1, nan),  # passes, but not with the second weight
        (1.5, nan, 0, 1, 1),  # not defined: fails
        (1.5, 0.9, nan, 1, 1),
        (1.5, 0.9, 5, 1, 1),
    ]
    names = ("K_p", "K_kaonID", "dz", "w", "w_sys")
    columns = dict(zip(names, np.array(rows).T, strict=True))
    sample = make_sample(columns=columns)
    table = measure_efficiency(
        sample, cut="kaonID > 0.6", binning={"p": [1.0, 2.0]}, precut="abs(dz) < 3"
    )
    assert dict(table.counts) == {
        "read": 11,
        "passing_precut": 9,
        "nan_in_precut": 1,
        "nan_in_cut": 1,
        "nan_on_axis": 1,
        "nan_weight": 1,
        "nan_weight_sys": 2,
        "out_of_range": 2,
        "in_table": 5,
    }
    row = table.frame.iloc[0]
    # a candidate without a weight is in no sum, so it is not in the number of candidates either
    assert (row.n_raw, row.sum_w, row.efficiency) == (5, 5.0, 3 / 5)
    assert row.sys_shift == pytest.approx(2 / 4 - 3 / 5)
    assert {"1 of 11 candidates: nan on axis", "1 of 11 candidates: nan weight"} <= set(
        caplog.messages
    )
    numbers = table.numbers()
    assert (numbers["out_of_range"]["value"], numbers["out_of_range"]["unit"]) == (2, "candidates")
    assert "2 out of range" in table.summary()


def test_binary_pid_of_0_over_0_fails(make_sample):
    columns = {
        "K_p": np.ones(3),
        "K_kaonID": np.array([0.0, 0.8, 0.8]),
        "K_pionID": np.array([0.0, 0.1, 0.1]),
        "w": np.ones(3),
    }
    sample = make_sample(columns=columns, weights=("w",))
    table = measure_efficiency(sample, cut="binaryID(K, pi) > 0.3", binning={"p": [0, 2]})
    assert table.frame["efficiency"][0] == pytest.approx(2 / 3)
    assert table.counts["nan_in_cut"] == 1


def test_failing_candidates_have_one_minus_the_efficiency(make_sample, binning):
    table = measure_efficiency(make_sample(), cut="kaonID > 0.6", binning=binning)
    veto = table.failing()
    np.testing.assert_allclose(veto.frame["efficiency"], 1 - table.frame["efficiency"], atol=1e-12)
    np.testing.assert_allclose(veto.frame["stat_up"], table.frame["stat_dn"], rtol=1e-9)
    np.testing.assert_allclose(veto.frame["sys_shift"], -table.frame["sys_shift"], atol=1e-12)
    assert veto.cut == "not [kaonID > 0.6]"
    counted = measure_efficiency(make_sample(kind="mc"), cut="kaonID > 0.6", binning=binning)
    np.testing.assert_allclose(
        counted.failing().frame["stat_up"], counted.frame["stat_dn"], rtol=1e-9
    )
    assert counted.failing().interval == "clopper_pearson"


def test_single_precision_weights_are_summed_in_double_precision(make_sample):
    n = 300_000
    w = np.full(n, 0.1, dtype=np.float32)
    columns = {"K_p": np.ones(n), "K_kaonID": np.ones(n), "w": w}
    sample = make_sample(columns=columns, weights=("w",))
    row = measure_efficiency(sample, cut="kaonID > 0.6", binning={"p": [0, 2]}).frame.iloc[0]
    # a sum in single precision is off by 1e-4
    assert row.sum_w == pytest.approx(n * float(np.float32(0.1)), rel=1e-12)


def test_result_is_the_same_for_any_number_of_workers(make_sample, binning):
    options = {"cut": "kaonID > 0.6", "binning": binning}
    one, two = (measure_efficiency(make_sample(), workers=n, **options) for n in (1, 2))
    pd.testing.assert_frame_equal(one.frame, two.frame, check_exact=True)


def test_an_empty_sample_gives_a_table_of_empty_bins(make_columns, make_sample, binning):
    columns = {each: column[:0] for each, column in make_columns(5, seed=1, kind="data").items()}
    for kind in ("data", "mc"):
        sample = make_sample(columns=columns, kind=kind)
        table = measure_efficiency(sample, cut="kaonID > 0.6", binning=binning)
        assert set(table.frame["status"]) == {"bad_total;empty"}
        assert np.isnan(table.numbers()["efficiency"]["value"])


def test_data_without_weights_is_counted_with_a_warning(make_sample, binning, caplog):
    sample = dataclasses.replace(make_sample(), weights=())
    table = measure_efficiency(sample, cut="kaonID > 0.6", binning=binning)
    assert (table.weight, table.interval) == (None, "clopper_pearson")
    assert "its background is not subtracted" in caplog.text
    caplog.clear()
    measure_efficiency(make_sample(), cut="kaonID > 0.6", binning=binning, weight=None)
    assert "background" not in caplog.text


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cut": "  "}, BadParameters, "cut is blank"),
        ({"cut": "__import__('os').getpid() > 0"}, CutSyntaxError, "column"),
        ({"truth": True}, BadParameters, "no truth cut.*truth=False"),
        ({"weight": None, "weight_sys": "w"}, BadParameters, "needs a nominal weight"),
        ({"weight": "sweigt"}, UnknownVariable, "sweigt"),
        ({"binning": {"p": [1, 1]}}, BadParameters, "increase"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(make_sample, options, error, message):
    with pytest.raises(error, match=message):
        measure_efficiency(
            make_sample(), **({"cut": "kaonID > 0.6", "binning": {"p": [0, 1]}} | options)
        )


def test_histograms_that_do_not_fit_together_are_refused(make_histogram):
    one, other = make_histogram([1.0]), make_histogram([1.0], edges=[0, 2])
    with pytest.raises(BadParameters, match="axes of histogram 'raw' differ"):
        EfficiencyTable.from_histograms(one, one, raw=other)
    with pytest.raises(BadParameters, match="need raw="):
        EfficiencyTable.from_histograms(one, one)
    with pytest.raises(BadParameters, match="both"):
        EfficiencyTable.from_histograms(one, one, raw=one, passing_sys=one)
    weighted = make_histogram([1.0], [2.0])
    with pytest.raises(BadParameters, match="weighted"):
        EfficiencyTable.from_histograms(weighted, weighted, interval="clopper_pearson")
    unnamed = Hist.new.Var([0, 1]).Weight()
    with pytest.raises(BadParameters, match="name"):
        EfficiencyTable.from_histograms(unnamed, unnamed, raw=unnamed)


def test_inclusive_efficiency_is_that_of_one_bin(make_sample, binning):
    table = measure_efficiency(make_sample(), cut="kaonID > 0.6", binning=binning)
    whole = {axis: [edges[0], edges[-1]] for axis, edges in binning.items()}
    single = measure_efficiency(make_sample(), cut="kaonID > 0.6", binning=whole)
    columns = ["efficiency", "stat_up", "sys_shift", "n_raw"]
    np.testing.assert_allclose(table.inclusive().frame[columns], single.frame[columns], rtol=1e-10)
    found = table.numbers()["efficiency"]
    assert found["value"] == pytest.approx(single.frame["efficiency"][0])
    assert found["uncertainty"] == pytest.approx([single.frame["stat_up"][0]] * 2)


CLOSURE = {
    "p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.5],
    "cosTheta": [-0.866, -0.4226, 0.0, 0.225, 0.766, 0.9563],
    "charge": [-2, 0, 2],
}


@pytest.fixture(scope="module")
def generated():
    made = {}
    for collection, kind in (("proc13", "data"), ("MC15rd_proc13", "mc")):
        columns = candidates(collection, "Dst", 0, 250_000, seed=11)
        made[kind] = Sample.from_frame(
            columns,
            name=collection,
            kind=kind,
            mass="D0_M",
            truth="isSignal" if kind == "mc" else None,
            weights=("sweight", "sweight_sys"),
            particles={"K": "K", "pi": "pi"},
        )
    return made


@pytest.mark.parametrize("particle", ["K", "pi"])
@pytest.mark.parametrize("kind", ["data", "mc"])
def test_measured_efficiency_closes_on_the_truth(generated, kind, particle):
    cut = "binaryID(K, pi) > 0.6"
    table = measure_efficiency(generated[kind].particle(particle), cut=cut, binning=CLOSURE)
    truth = true_efficiency("Dst", particle, kind, cut=cut, binning=CLOSURE, tracks=600_000)
    assert len(table.frame) == 60
    assert (table.frame["status"].str.contains("bad_total")).sum() == 0
    pull = pulls(table.frame, truth)
    # false alarm rate: 1 % for each of the four
    assert stats.chi2.sf(np.sum(pull**2), len(pull)) > 0.01


def pulls(frame, truth):
    away = frame["efficiency"] - truth["efficiency"]
    # towards the truth
    bar = np.where(away > 0, frame["stat_dn"], frame["stat_up"])
    return away / np.hypot(bar, truth["uncertainty"])


def test_pulls_of_sweighted_efficiencies_are_standard_normal():
    """Test C, candidate by candidate: 250 toys of 16 bins, with a fit of the yields in each."""
    toys, bins, n = 250, 16, 16_000
    truth = np.linspace(0.15, 0.9, bins)
    rng = np.random.default_rng(77)
    peak = stats.norm(0, 0.1)
    found = np.empty((toys, bins))
    for toy in range(toys):
        signal = rng.random(n) < 0.5
        mass = np.where(signal, rng.normal(0, 0.1, n), rng.uniform(-1, 1, n))
        place = rng.integers(0, bins, n)
        passing = rng.random(n) < np.where(signal, truth[place], 0.3)
        densities = np.array([peak.pdf(mass), np.full(n, 0.5)])
        fit = fit_yields(lambda shapes=densities: [(shapes, None)], np.array([0.5, 0.5]) * n)
        weights = sweights(densities, fit.yields, fit.covariance)[:, 0]
        sample = Sample.from_frame(
            {"place": place, "kaonID": passing, "w": weights}, weights=("w",)
        )
        table = measure_efficiency(
            sample, cut="kaonID > 0.5", binning={"place": np.arange(bins + 1) - 0.5}
        )
        found[toy] = (table.frame["efficiency"] - truth) / table.frame["stat_up"]
    # 4000 pulls: the limits are 3.8 and 4.5 standard deviations of the mean and the width
    assert abs(found.mean()) < 0.06
    assert 0.95 < found.std() < 1.05
