"""Data/MC weights against the formulas written out, the consumers' header and known truth."""

import math

import numpy as np
import pandas as pd
import pytest
import uproot
import yaml
from scipy import stats

from hepnb.data.catalogue import catalogue
from hepnb.data.sample import Sample
from hepnb.data.samples import candidates, catalogue_entries, true_efficiency
from hepnb.errors import BadParameters, BadTable, UnknownCollection, UnknownVariable
from hepnb.pid.efficiency import EfficiencyTable
from hepnb.pid.tables.flat_table import split_cut
from hepnb.pid.weight_table import WeightTable, data_mc_ratio, produce_data_mc_ratio

# byte for byte what a C++ consumer compares (specs/pid.md, section 2.1)
HEADER = (
    "p_min,p_max,cosTheta_min,cosTheta_max{charge},data_MC_ratio,data_MC_uncertainty_stat_up,"
    "data_MC_uncertainty_stat_dn,data_MC_uncertainty_sys_up,data_MC_uncertainty_sys_dn,"
    "data_efficiency,data_uncertainty_stat_up,data_uncertainty_stat_dn,data_uncertainty_sys_up,"
    "data_uncertainty_sys_dn,MC_efficiency,MC_uncertainty_stat_up,MC_uncertainty_stat_dn,"
    "MC_uncertainty_sys_up,MC_uncertainty_sys_dn,threshold,variable"
)


def counted(make_histogram, passing, total):
    return EfficiencyTable.from_histograms(
        make_histogram(passing), make_histogram(total), interval="clopper_pearson"
    )


def weighed(make_histogram, passing, total, variances=None, **options):
    half = None if variances is None else np.asarray(variances) / 2
    raw = make_histogram(np.full(len(total), 100.0))
    return EfficiencyTable.from_histograms(
        make_histogram(passing, half), make_histogram(total, variances), raw=raw, **options
    )


def test_ratio_and_its_asymmetric_uncertainties_are_those_of_the_formula(table):
    rows = zip(table.data.frame.itertuples(), table.mc.frame.itertuples(), strict=True)
    for row, (data, mc) in zip(table.frame.itertuples(), rows, strict=True):
        ratio = data.efficiency / mc.efficiency
        relative = {
            "up": math.hypot(data.stat_up / data.efficiency, mc.stat_dn / mc.efficiency),
            "dn": math.hypot(data.stat_dn / data.efficiency, mc.stat_up / mc.efficiency),
        }
        moved = (data.efficiency + data.sys_shift) / mc.efficiency
        assert row.data_MC_ratio == pytest.approx(ratio, rel=1e-14)
        assert row.data_MC_uncertainty_stat_up == pytest.approx(ratio * relative["up"], rel=1e-12)
        assert row.data_MC_uncertainty_stat_dn == pytest.approx(ratio * relative["dn"], rel=1e-12)
        assert row.data_MC_sys_shift == pytest.approx(moved - ratio, rel=1e-9)
        assert row.data_MC_uncertainty_sys_up == abs(row.data_MC_sys_shift)
        assert row.data_MC_uncertainty_sys_dn == abs(row.data_MC_sys_shift)
    assert (
        table.frame["data_MC_uncertainty_stat_up"] != table.frame["data_MC_uncertainty_stat_dn"]
    ).all()


def test_a_systematic_of_simulation_moves_the_ratio_the_other_way(make_histogram):
    both = {"passing_sys": make_histogram([52.0]), "total_sys": make_histogram([100.0])}
    nominal = ([50.0], [100.0])
    data = weighed(make_histogram, *nominal)
    mc = weighed(make_histogram, *nominal, **both)
    frame = WeightTable.from_efficiencies(data, mc).frame
    assert frame["data_MC_sys_shift"][0] == pytest.approx(50 / 52 - 1, rel=1e-12)
    # the same shift on both sides cancels: the two are correlated
    frame = WeightTable.from_efficiencies(mc, mc).frame
    assert frame["data_MC_sys_shift"][0] == pytest.approx(0, abs=1e-15)


def test_a_bin_without_efficiency_in_simulation_has_no_ratio(make_histogram):
    data = weighed(make_histogram, [50.0, 50.0, -5.0, 104.0], [100.0, 100.0, -9.0, 100.0])
    mc = counted(make_histogram, [0, 0, 50, 50], [100, 0, 100, 100])
    frame = WeightTable.from_efficiencies(data, mc).frame
    assert frame["data_MC_ratio"].isna().tolist() == [True, True, True, False]
    assert frame["data_MC_uncertainty_stat_up"].isna().tolist() == [True, True, True, False]
    assert frame["status"].tolist() == [
        "zero_mc",
        "bad_total;empty;zero_mc",
        "bad_total",
        "unphysical",
    ]
    assert frame["data_status"].tolist() == ["ok", "ok", "bad_total", "unphysical"]
    assert frame["MC_status"].tolist() == ["ok", "bad_total;empty", "ok", "ok"]
    # an unphysical efficiency does not spoil the ratio
    assert frame["data_MC_ratio"][3] == pytest.approx(1.04 / 0.5)


def test_no_data_that_pass_give_a_ratio_of_0_with_an_upward_uncertainty(make_histogram):
    data = EfficiencyTable.from_histograms(
        make_histogram([0.0], [0.0]), make_histogram([60.0], [90.0]), raw=make_histogram([99.0])
    )
    mc = counted(make_histogram, [50], [100])
    row = WeightTable.from_efficiencies(data, mc).frame.iloc[0]
    assert row.data_MC_ratio == 0
    assert row.data_MC_uncertainty_stat_up == pytest.approx(data.frame["stat_up"][0] / 0.5)
    assert row.status == "ok"


def test_veto_weights_are_the_ratio_of_failing_fractions(make_table, table):
    veto = make_table(requirement="fail")
    frame = table.frame
    expected = (1 - frame["data_efficiency"]) / (1 - frame["MC_efficiency"])
    np.testing.assert_allclose(veto.frame["data_MC_ratio"], expected, rtol=1e-10)
    assert veto.create_weights()["variable"].unique().tolist() == ["not [kaonID > 0.6]"]


@pytest.mark.parametrize("axes", [2, 3])
def test_header_is_byte_for_byte_that_of_the_consumers(make_table, binning, tmp_path, axes):
    chosen = dict(list(binning.items())[:axes])
    written, _ = make_table(chosen).to_csv(tmp_path / "weights.csv")
    charge = ",charge_min,charge_max" if axes == 3 else ""
    lines = written.read_bytes().split(b"\n")
    assert lines[0] == HEADER.format(charge=charge).encode()
    assert len(lines) == 1 + np.prod([len(edges) - 1 for edges in chosen.values()]) + 1
    assert lines[-1] == b""  # ends with a newline, no index, no carriage return
    assert b"\r" not in written.read_bytes()


def test_create_weights_gives_the_columns_of_the_file(table, tmp_path):
    frame = table.create_weights()
    assert ",".join(frame.columns) == HEADER.format(charge=",charge_min,charge_max")
    assert frame["charge_min"].unique().tolist() == [-2, 0]
    assert frame["charge_max"].unique().tolist() == [0, 2]


@pytest.mark.parametrize(
    ("cut", "variable", "threshold"),
    [
        ("kaonID > 0.9", "kaonID", 0.9),
        ("[kaonIDNN>.1]", "kaonIDNN", 0.1),
        ("( [ kaonID > 1e-3 ] )", "kaonID", 0.001),
        ("0.9 < kaonID", "kaonID", 0.9),
        ("pidDLL > -2", "pidDLL", -2.0),
        ("kaonID >= 0.9", "kaonID >= 0.9", None),
        ("kaonID < 0.9", "kaonID < 0.9", None),
        ("0.2 < kaonID < 0.9", "0.2 < kaonID < 0.9", None),
        ("binaryID(K, pi) > 0.6", "binaryID(K, pi) > 0.6", None),
        ("kaonID > 0.9 and pionID < 0.1", "kaonID > 0.9 and pionID < 0.1", None),
        ("[kaonID > 0.9] or [pionID > 0.1]", "[kaonID > 0.9] or [pionID > 0.1]", None),
        ("kaonID > pionID", "kaonID > pionID", None),
        ("not [kaonID > 0.6]", "not [kaonID > 0.6]", None),
    ],
)
def test_only_variable_above_threshold_is_split(cut, variable, threshold):
    found = split_cut(cut)
    assert found[0] == variable
    assert math.isnan(found[1]) if threshold is None else found[1] == threshold


def test_threshold_is_found_by_float_equality_after_reading(make_table, tmp_path):
    path, _ = make_table({"p": [0.5, 4.5]}, cut="kaonID > 0.9").to_csv(tmp_path / "w.csv")
    assert path.read_text().splitlines()[1].endswith(",0.9,kaonID")
    rows = pd.read_csv(path)
    assert len(rows[(rows["variable"] == "kaonID") & (rows["threshold"] == 0.9)]) == 1


def test_other_requirements_stand_whole_in_the_variable_column(make_table, tmp_path):
    cut = "max(kaonID, 0.1) > 0.2"  # its comma needs quotes in a CSV
    path, _ = make_table({"p": [0.5, 4.5]}, cut=cut).to_csv(tmp_path / "w.csv")
    row = pd.read_csv(path).iloc[0]
    assert row["variable"] == cut
    assert math.isnan(row["threshold"])


def test_bad_bins_are_kept_dropped_set_to_unity_or_refused(table_with_bad_bins, caplog):
    table = table_with_bad_bins
    n, bad = len(table.frame), 2
    kept = table.create_weights()
    assert len(kept) == n
    assert kept["data_MC_ratio"].isna().sum() == bad
    assert f"{bad} bins: " in caplog.text
    assert "written as nan" in caplog.text
    dropped = table.on_bad("drop").create_weights()
    assert len(dropped) == n - bad
    assert np.isfinite(dropped.drop(columns="variable").to_numpy(float)).all()
    unity = table.on_bad("unity").create_weights()[kept["data_MC_ratio"].isna()]
    assert unity["data_MC_ratio"].tolist() == [1.0] * bad
    assert unity["data_MC_uncertainty_stat_up"].tolist() == [1.0] * bad
    # what is not known is not invented
    assert unity["data_efficiency"].isna().all()
    with pytest.raises(BadTable, match=r"2 bins.*merge bins"):
        table.on_bad("error").create_weights()
    with pytest.raises(BadParameters, match=r"'dorp'.*did you mean 'drop'"):
        table.on_bad("dorp")
    assert table.bad_bins == "keep"


def test_tables_of_different_bins_or_requirements_are_refused(make_histogram):
    one = counted(make_histogram, [1], [2])
    with pytest.raises(BadParameters, match="same cut and binning"):
        WeightTable.from_efficiencies(one, counted(make_histogram, [1, 1], [2, 2]))
    with pytest.raises(BadParameters, match="'pass' or 'fail'"):
        data_mc_ratio(None, None, cut="x > 1", binning={}, requirement="veto")


def test_mean_weight_is_that_of_simulated_candidates_that_pass(table_with_bad_bins):
    frame = table_with_bad_bins.frame.dropna(subset="data_MC_ratio")
    passing = [row.MC_sum_w * row.MC_efficiency for row in frame.itertuples()]
    rows = list(zip(passing, frame.itertuples(), strict=True))
    mean = sum(n * row.data_MC_ratio for n, row in rows) / sum(passing)
    spread = math.sqrt(
        sum((n * row.data_MC_uncertainty_stat_up / sum(passing)) ** 2 for n, row in rows)
    )
    numbers = table_with_bad_bins.numbers()
    assert numbers["mean_weight"]["value"] == pytest.approx(mean, rel=1e-12)
    assert numbers["mean_weight"]["uncertainty"][1] == pytest.approx(spread, rel=1e-12)
    assert "2 bins without a ratio" in numbers["mean_weight"]["status"]
    assert numbers["bins_bad_total"]["value"] == 2
    assert numbers["data_out_of_range"]["value"] > 0
    for each in numbers.values():
        assert set(each) == {"value", "uncertainty", "unit", "status"}


def test_everything_of_a_table_is_saved_under_one_name(table_with_bad_bins, tmp_path):
    written = table_with_bad_bins.on_bad("drop").save(tmp_path, "weights")
    names = ["weights.csv", "weights.status.csv", "weights.correctionlib.json", "weights.uhi.json"]
    assert [each.name for each in written] == names
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(names)


def test_measured_ratio_closes_on_the_truth_and_corrects_other_simulation():
    """Closure F of specs/pid.md, section 8."""
    binning = {
        "p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.5],
        "cosTheta": [-0.866, -0.4226, 0.0, 0.225, 0.766, 0.9563],
        "charge": [-2, 0, 2],
    }
    cut = "binaryID(K, pi) > 0.6"
    samples = {}
    for name, kind, seed in (
        ("proc13", "data", 21),
        ("MC15rd_proc13", "mc", 22),
        ("MC15rd_prompt", "mc", 23),
    ):
        samples[name] = Sample.from_frame(
            candidates(name, "Dst", 0, 200_000, seed=seed),
            name=name,
            kind=kind,
            truth="isSignal" if kind == "mc" else None,
            weights=("sweight", "sweight_sys"),
            particles={"K": "K"},
        ).particle("K")
    table = data_mc_ratio(samples["proc13"], samples["MC15rd_proc13"], cut=cut, binning=binning)
    truths = [
        true_efficiency("Dst", "K", kind, cut=cut, binning=binning, tracks=400_000)
        for kind in ("data", "mc")
    ]
    ratio = truths[0]["efficiency"] / truths[1]["efficiency"]
    relative = [each["uncertainty"] / each["efficiency"] for each in truths]
    away = table.frame["data_MC_ratio"] - ratio
    bar = np.where(
        away > 0,
        table.frame["data_MC_uncertainty_stat_dn"],
        table.frame["data_MC_uncertainty_stat_up"],
    )
    pull = away / np.sqrt(bar**2 + (ratio * relative[0]) ** 2 + (ratio * relative[1]) ** 2)
    assert len(pull) == 60
    assert stats.chi2.sf(np.sum(pull**2), len(pull)) > 0.01

    # applied to simulation that it was not measured on, as an analyst does it
    others = samples["MC15rd_prompt"].read([*binning, cut], cut=f"isSignal and {cut}")
    cells = np.zeros(len(others), int)
    inside = np.ones(len(others), bool)
    for axis, edges in binning.items():
        place = np.digitize(others[axis], edges) - 1
        inside &= (place >= 0) & (place < len(edges) - 1)
        cells = cells * (len(edges) - 1) + place
    frame = table.frame.iloc[cells[inside]]
    corrected = frame["data_MC_ratio"].mean()
    true_mean = ratio.to_numpy()[cells[inside]].mean()
    assert corrected == pytest.approx(
        true_mean, abs=3 * table.numbers()["mean_weight"]["uncertainty"][1]
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A catalogue of small files with both studies."""
    folder = tmp_path_factory.mktemp("samples")
    entries = catalogue_entries("")
    for name in ("proc13", "prompt", "MC15rd_proc13", "MC15rd_prompt"):
        for study in entries[name]["studies"]:
            with uproot.recreate(folder / f"{name}_{study}.root") as file:
                columns = candidates(name, study, 0, 20_000)
                file.mktree(study, {each: column.dtype for each, column in columns.items()})
                file[study].extend(columns)
    (folder / "site.yaml").write_text(yaml.safe_dump({"site": "toy", "collections": entries}))
    return str(folder / "site.yaml")


CALL = {
    "cut": "kaonID > 0.6",
    "particle_type": "K",
    "data_collection": "proc13+prompt",
    "mc_collection": "MC15rd_proc13+prompt",
    "track_variables": ["p", "cosTheta"],
    "binning": [[0.5, 1.5, 4.5], [-0.866, 0.225, 0.9563]],
}


def test_the_call_of_syscorrfw_gives_the_table_of_data_mc_ratio(site, tmp_path):
    made = produce_data_mc_ratio(
        **CALL, precut="thetaInCDCAcceptance and nPXDHits>0", site=site, output=tmp_path / "w.csv"
    )
    data, mc = (
        catalogue(site)[CALL[each]].study("Dst").particle("K")
        for each in ("data_collection", "mc_collection")
    )
    expected = data_mc_ratio(
        data,
        mc,
        cut=CALL["cut"],
        binning=dict(zip(CALL["track_variables"], CALL["binning"], strict=True)),
        precut=(
            "thetaInCDCAcceptance and nPXDHits > 0 and max(K_dr, pi_dr) < 2 and abs(K_dz) < 4 and "
            "abs(pi_dz) < 4 and Dst_p_CMS > 2.5 and abs(Dst_deltaM - 0.1454) < 0.0015"
        ),
    )
    pd.testing.assert_frame_equal(made.create_weights(), expected.create_weights())
    assert made.plot().shape == made.plot_efficiency().shape == (2,)
    assert (tmp_path / "w.csv").exists()
    loose = produce_data_mc_ratio(**CALL, site=site, apply_std_constraints=False)
    assert loose.data.counts["passing_precut"] > made.data.counts["passing_precut"]


@pytest.mark.parametrize(("particle", "study"), [("K", "Dst"), ("p", "Lambda"), ("pi", "Dst")])
def test_the_particle_tells_the_study(site, particle, study):
    options = CALL | {"particle_type": particle, "cut": "protonID > 0.5"}
    masses = {"Dst": "D0_M", "Lambda": "Lambda_M"}
    made = produce_data_mc_ratio(**options, precut=f"{masses.pop(study)} > 0", site=site)
    assert made.data.counts["in_table"] > 0
    (other,) = masses.values()
    with pytest.raises(UnknownVariable, match=other):
        produce_data_mc_ratio(**options, precut=f"{other} > 0", site=site)


def test_two_mass_models_replace_the_stored_weights(site, tmp_path):
    made = produce_data_mc_ratio(
        **CALL, site=site, model_names=["two_gaussians", "gaussian_linear"], output=tmp_path
    )
    assert (made.data.weight, made.data.weight_sys) == ("sweight_refit", "sweight_sys_refit")
    stored = produce_data_mc_ratio(**CALL, site=site)
    # one sample, and two sets of sWeights of it: close, yet not the same
    difference = made.frame["data_efficiency"] - stored.frame["data_efficiency"]
    assert (difference.abs() < stored.frame["data_uncertainty_stat_up"]).all()
    assert (difference != 0).all()
    assert (made.frame["data_uncertainty_sys_up"] > 0).all()
    assert (tmp_path / "weights.correctionlib.json").exists()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"binning": [[0, 1]]}, BadParameters, "2 track_variables .* 1 lists of edges"),
        ({"particle_type": "d"}, UnknownCollection, "no study of both has particle 'd'"),
        ({"model_names": ["two_gaussians"]}, BadParameters, "has 1 names; give two"),
        ({"track_variables": ["p", "cosTeta"]}, UnknownVariable, "cosTheta"),
    ],
)
def test_wrong_calls_are_refused_with_a_remedy(site, change, error, message):
    with pytest.raises(error, match=message):
        produce_data_mc_ratio(**(CALL | change), site=site)
