"""Specs section 8, test F: weighted simulation has the yields of data that it has not seen."""

import numpy as np
import pytest

import hepnb
from hepnb.data.sample import Sample
from hepnb.errors import BadParameters
from hepnb.pid.apply import apply_weights, calibration_tables, compare_with_data
from hepnb.pid.efficiency import measure_efficiency
from hepnb.pid.weight_table import data_mc_ratio

BINNING = {"p": [0.5, 1.0, 1.5, 2.0, 3.0, 4.5], "cosTheta": [-0.8, -0.3, 0.2, 0.9]}
CUT, TRUE_CUT = "kaonID > 0.5", 0.5


def efficiency(p, cos_theta, kind):
    """Efficiencies that vary by a tenth over a bin, so that only their ratio is nearly flat."""
    top = {"data": 0.88, "mc": 0.95}[kind]
    return top - {"data": 0.06, "mc": 0.05}[kind] * (p - 0.5) + 0.05 * cos_theta


def toy(n, *, seed, kind, slope=1.5, response=efficiency):
    """Kaons with a momentum spectrum exp(-p / slope); those that pass have kaonID above 0.5."""
    rng = np.random.default_rng(seed)
    u = rng.random(n)
    low, high = np.exp(-0.5 / slope), np.exp(-4.5 / slope)
    p = -slope * np.log(low - u * (low - high))
    cos_theta = rng.uniform(-0.8, 0.9, n)
    passes = rng.random(n) < response(p, cos_theta, kind)
    columns = {
        "K_p": p,
        "K_cosTheta": cos_theta,
        "K_kaonID": np.where(passes, 0.9, 0.1),
        "K_mcPDG": np.full(n, -321.0),
        "isSignal": np.ones(n),
        "w": np.ones(n),
    }
    options = {"weights": ("w",)} if kind == "data" else {"truth": "isSignal == 1"}
    return Sample.from_frame(
        columns, kind=kind, name=kind, particles={"K": "K"}, prefix="K", **options
    )


def closed(seed, n=60_000, requirement="pass", **options):
    """Closure with four independent samples: two for the table, two to compare."""
    calibration = [toy(n, seed=(seed, i), kind=each) for i, each in enumerate(("data", "mc"))]
    target, source = (toy(n, seed=(seed, i), kind=k) for i, k in ((2, "data"), (3, "mc")))
    table = data_mc_ratio(*calibration, cut=CUT, binning=BINNING)
    applied = apply_weights(
        source,
        {(321, 321): table},
        particles={"K": 321},
        seed=1,
        replicas=200,
        requirement=requirement,
    )
    return compare_with_data(applied, target, binning=BINNING, **options)


@pytest.mark.parametrize("requirement", ["pass", "fail"])
def test_toy_closes_in_total_and_bin_by_bin(requirement):
    """Passing candidates with pass weights, and failing ones with fail weights.

    Of 15 bins at least 12 agree within two sigma unless by a chance of 3e-3; without weights the
    simulation is more than ten sigma off.
    """
    closure = closed(5, requirement=requirement)
    assert abs(closure.total["pull"]) < 2
    assert (closure.good["pull"].abs() < 2).sum() >= 12
    assert closure.p_value > 1e-3
    off = abs(closure.total["mc_yield"] - closure.total["data_yield"])
    assert off > 10 * closure.total["data_error"]


def test_without_replicas_the_tables_have_no_uncertainty_and_the_rest_stays():
    data, mc = (toy(20_000, seed=(3, i), kind=each) for i, each in enumerate(("data", "mc")))
    table = data_mc_ratio(data, mc, cut=CUT, binning=BINNING)
    closures = [
        compare_with_data(
            apply_weights(mc, {(321, 321): table}, particles={"K": 321}, seed=1, replicas=n),
            data,
            binning=BINNING,
        )
        for n in (0, 2)
    ]
    bare, varied = closures
    np.testing.assert_array_equal(bare.frame["mc_error"], varied.frame["mc_error"])
    assert (bare.frame["table_error"] == 0).all()
    assert bare.total["predicted_yield"] == varied.total["predicted_yield"]
    assert "tables without replicas" in bare.summary()
    bare.plot()


def test_undefined_requirements_fail_in_simulation_as_in_data():
    data, mc = (toy(20_000, seed=(3, i), kind=each) for i, each in enumerate(("data", "mc")))
    table = data_mc_ratio(data, mc, cut=CUT, binning=BINNING)
    undefined = CUT.replace("0.5", "0.5 + 0 * log(K_p - 2)")
    applied = apply_weights(
        mc, {(321, 321): table}, particles={"K": 321}, seed=1, replicas=0, requirement="fail"
    )
    closure = compare_with_data(applied, data, binning=BINNING, cut=undefined)
    passing = measure_efficiency(mc, cut=undefined, binning=BINNING).frame["efficiency"]
    share = closure.frame["mc_yield"] / closure.frame["data_total"]
    np.testing.assert_allclose(share, 1 - passing, rtol=1e-9)


def test_yields_are_those_counted_by_hand():
    closure = closed(6, n=5000)
    target, source = toy(5000, seed=(6, 2), kind="data"), toy(5000, seed=(6, 3), kind="mc")
    row = closure.frame.iloc[7]
    counts = {}
    for name, sample in (("data", target), ("mc", source)):
        f = sample.frame
        inside = (f["K_p"] >= row.p_min) & (f["K_p"] < row.p_max)
        inside &= (f["K_cosTheta"] >= row.cosTheta_min) & (f["K_cosTheta"] < row.cosTheta_max)
        counts[name] = inside.sum(), (inside & (f["K_kaonID"] > TRUE_CUT)).sum()
    assert row.data_total == counts["data"][0]
    assert row.data_yield == pytest.approx(counts["data"][1], rel=1e-12)
    share = counts["data"][0] / counts["mc"][0]
    assert row.mc_yield == pytest.approx(counts["mc"][1] * share, rel=1e-12)
    # with one weight in a bin the error is binomial, times the weight
    weight = row.predicted_yield / row.mc_yield
    eps = counts["mc"][1] / counts["mc"][0]
    binomial = weight * np.sqrt(eps * (1 - eps) / counts["mc"][0])
    assert row.mc_error == pytest.approx(binomial * counts["data"][0], rel=1e-9)


def test_the_embedded_samples_close():
    """Tables of proc13 for kaons and pions, weights for MC15rd_prompt, checked with prompt."""
    collections = hepnb.catalogue()
    binning = {
        "p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.5],
        "cosTheta": [-0.866, -0.4226, 0.225, 0.766, 0.9563],
        "charge": [-2, 0, 2],
    }
    tables = calibration_tables(
        collections["proc13"],
        collections["MC15rd_proc13"],
        study="Dst",
        hypotheses=[321],
        cut="kaonID > 0.6",
        binning=binning,
        fake_binning={"p": [0.5, 1.5, 2.5, 4.5]},
    )
    assert set(tables) == {(321, 321), (321, 211)}
    mc, data = (collections[each].study("Dst") for each in ("MC15rd_prompt", "prompt"))
    applied = apply_weights(mc, tables, particles={"K": 321}, seed=1, on_missing="warn")
    closure = compare_with_data(applied, data.particle("K"), binning=binning)
    assert len(closure.good) == 48
    assert abs(closure.total["pull"]) < 2
    # that 12 bins all agree within two sigma has a chance of 57 %, of 48 bins 11 %
    coarse = {"p": [0.5, 1.5, 2.5, 4.5], "cosTheta": [-0.866, 0.225, 0.9563], "charge": [-2, 0, 2]}
    dozen = compare_with_data(applied, data.particle("K"), binning=coarse)
    assert len(dozen.good) == 12
    assert dozen.good["pull"].abs().max() < 2
    # 5 % of 48 bins are beyond two sigma by chance: more than 7 with a chance of 3e-3
    assert (closure.good["pull"].abs() >= 2).sum() <= 7
    assert closure.p_value > 1e-3


def test_halving_the_bins_measures_the_variation_within_them():
    """A ratio that falls within a bin, applied to a softer spectrum than that of the calibration.

    The bias is of second order in the width of the bins: halving them takes 3/4 of it away, so
    that the change of the yield is 3/4 of the bias. Large samples and a strong variation make both
    stand out of the statistical uncertainty.
    """

    def steep(p, _, kind):
        return np.full(p.shape, 0.8) if kind == "mc" else 0.95 - 0.2 * (p - 0.5)

    n = 400_000
    calibration = [
        toy(n, seed=(9, i), kind=kind, slope=3.0, response=steep)
        for i, kind in enumerate(("data", "mc"))
    ]
    target, source = (
        toy(n, seed=(9, i), kind=kind, slope=0.6, response=steep)
        for i, kind in ((2, "data"), (3, "mc"))
    )
    coarse = {"p": [0.5, 1.5, 2.5, 3.5, 4.5]}
    halved = {"p": np.linspace(0.5, 4.5, 9).tolist()}
    results = []
    for bins in (coarse, halved):
        table = data_mc_ratio(*calibration, cut=CUT, binning=bins)
        applied = apply_weights(source, {(321, 321): table}, particles={"K": 321}, seed=1)
        results.append(compare_with_data(applied, target, binning={"p": [0.5, 4.5]}).total)
    truth = results[0]["data_yield"]
    bias = results[0]["predicted_yield"] - truth
    change = results[0]["predicted_yield"] - results[1]["predicted_yield"]
    assert abs(results[0]["pull"]) > 5
    assert change / bias == pytest.approx(0.75, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("requirement", "mean"), [("pass", 0.17), ("fail", 0.4)])
def test_pulls_of_totals_and_bins_are_standard_normal(requirement, mean, record_property):
    """300 toys: the mean of the total is known to 0.06, its width to 0.04; three sigma of each.

    Fail weights are ratios over some 40 failing candidates of simulation per bin, on average 1 / 40
    too high: 0.1 sigma of a bin, and up to 0.4 sigma of the sum of 15. Of 4500 bins the share
    within two sigma is known to 0.003.
    """
    closures = [closed(seed, n=8000, requirement=requirement) for seed in range(1000, 1300)]
    total = np.array([each.total["pull"] for each in closures])
    bins = np.concatenate([each.good["pull"] for each in closures])
    share = float((np.abs(bins) < 2).mean())
    for name, pulls in {"total": total, "bins": bins}.items():
        found = round(float(pulls.mean()), 3), round(float(pulls.std()), 3)
        record_property(f"{name}: mean, width", found)
    record_property("bins within two sigma", round(share, 4))
    assert len(bins) == 300 * 15
    assert abs(total.mean()) < mean
    assert total.std() == pytest.approx(1.0, abs=0.13)
    assert share == pytest.approx(0.9545, abs=0.01)


def test_the_figure_and_the_numbers_say_the_same():
    closure = closed(7, n=5000)
    upper, lower = closure.plot()
    assert f"{closure.total['pull']:+.1f}" in upper.get_title(loc="right")
    assert lower.get_xlabel().startswith("$p$")
    numbers = closure.numbers()
    assert numbers["closure_pull"]["value"] == closure.total["pull"]
    assert str(round(closure.total["data_yield"])) in closure.summary().replace(".0", "")


def test_what_cannot_be_compared_is_refused():
    source = toy(500, seed=1, kind="mc")
    table = data_mc_ratio(
        toy(5000, seed=2, kind="data"), toy(5000, seed=3, kind="mc"), cut=CUT,
        binning={"p": [0.5, 4.5]},
    )  # fmt: skip
    collections = hepnb.catalogue()
    pair = collections["proc13"], collections["MC15rd_proc13"]
    options = {"study": "Dst", "cut": CUT, "binning": {"p": [0.5, 4.5]}}
    for hypotheses in ([321, 211], [None], [11]):
        with pytest.raises(BadParameters):
            calibration_tables(*pair, hypotheses=hypotheses, **options)
    other = data_mc_ratio(
        toy(5000, seed=2, kind="data"), toy(5000, seed=3, kind="mc"), cut="kaonID > 0.3",
        binning={"p": [0.5, 4.5]},
    )  # fmt: skip
    tables = {(321, 321): table, (321, 211): other}
    applied = apply_weights(source, tables, particles={"K": 321}, seed=1)
    with pytest.raises(BadParameters, match="say which with cut="):
        compare_with_data(applied, toy(500, seed=4, kind="data"), binning={"p": [0.5, 4.5]})
