"""Weights of candidates against a plain loop over the rows of a table, and their replicas."""

import itertools
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import uproot
from scipy import stats

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, BadTable
from hepnb.pid.apply import apply_weights
from hepnb.pid.apply.lookup import NAN, OUT_OF_RANGE, find_bins
from hepnb.pid.tables.flat_table import FLAT_COLUMNS
from hepnb.pid.tables.table_bins import rows_of
from hepnb.pid.tables.weight_result import WeightTable

AXES = {"p": (0.5, 1.0, 2.0, 4.5), "cosTheta": (-0.8, 0.0, 0.9), "charge": (-2.0, 0.0, 2.0)}


def make_table(axes=None, *, seed=1, cut="kaonID > 0.6", stat=0.05, sys=0.03, shifts=True):
    """Table with numbers of its own in every cell, whose systematic shifts have both signs."""
    axes = AXES if axes is None else axes
    rng = np.random.default_rng(seed)
    frame = rows_of(axes)
    n = len(frame)
    eps_data, eps_mc = rng.uniform(0.6, 0.9, n), rng.uniform(0.6, 0.9, n)
    values = {each: np.full(n, 0.02) for each in FLAT_COLUMNS[:-2]}
    values["data_efficiency"], values["MC_efficiency"] = eps_data, eps_mc
    values["data_MC_ratio"] = eps_data / eps_mc
    shift = sys * rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 1.5, n)
    for end in ("up", "dn"):
        values[f"data_MC_uncertainty_stat_{end}"] = stat * rng.uniform(0.5, 1.5, n)
        values[f"data_MC_uncertainty_sys_{end}"] = np.abs(shift)
    if shifts:
        values["data_MC_sys_shift"] = shift
    made = pd.DataFrame({**frame, **values}).assign(status="ok")
    return WeightTable(made, axes, cut=cut)


def symmetric(table):
    """The same with equal error bars, for which replicas have a simple covariance."""
    frame = table.frame.assign(
        data_MC_uncertainty_stat_dn=table.frame["data_MC_uncertainty_stat_up"]
    )
    return WeightTable(frame, table.axes, cut=table.cut)


def candidates(n=2000, *, seed=2, prefixes=("K",)):
    rng = np.random.default_rng(seed)
    columns = {}
    for prefix in prefixes:
        columns |= {
            f"{prefix}_p": rng.uniform(0.5, 4.5, n),
            f"{prefix}_cosTheta": rng.uniform(-0.8, 0.9, n),
            f"{prefix}_charge": rng.choice([-1.0, 1.0], n),
            f"{prefix}_mcPDG": rng.choice([321.0, -321.0], n),
            f"{prefix}_PDG": rng.choice([321.0, -321.0], n),
        }
    return pd.DataFrame(columns)


def scan(table, candidate, prefix="K"):
    """Row of the one bin that holds a candidate, by looking at every row; None if none does."""
    rows = [
        number
        for number, row in table.frame.iterrows()
        if all(
            row[f"{axis}_min"] <= candidate[f"{prefix}_{axis}"] < row[f"{axis}_max"]
            for axis in table.axes
        )
    ]
    assert len(rows) <= 1
    return rows[0] if rows else None


def one(table=None, **options):
    return {(321, 321): make_table() if table is None else table} | options


def test_bins_are_those_of_a_scan_of_all_rows_on_1e5_points_with_edges():
    """Specs section 8, test G: a third of the points lies exactly on an edge."""
    rng = np.random.default_rng(3)
    n = 100_000
    points = {}
    for axis, edges in AXES.items():
        span = edges[-1] - edges[0]
        anywhere = rng.uniform(edges[0] - 0.1 * span, edges[-1] + 0.1 * span, n)
        points[axis] = np.where(rng.random(n) < 1 / 3, rng.choice(edges, n), anywhere)
        points[axis][rng.random(n) < 0.01] = np.nan
    expected = np.full(n, OUT_OF_RANGE)
    for number, row in rows_of(AXES).iterrows():
        inside = np.ones(n, bool)
        for axis, values in points.items():
            inside &= (values >= row[f"{axis}_min"]) & (values < row[f"{axis}_max"])
        assert (expected[inside] == OUT_OF_RANGE).all()
        expected[inside] = number
    expected[np.isnan(np.array(list(points.values()))).any(axis=0)] = NAN
    np.testing.assert_array_equal(find_bins(AXES, points), expected)


def test_the_last_edge_is_in_the_last_bin_only_when_asked():
    values = {"p": np.array([0.5, 2.0, 4.5, np.nextafter(4.5, 5.0)])}
    axes = {"p": AXES["p"]}
    assert find_bins(axes, values).tolist() == [0, 2, OUT_OF_RANGE, OUT_OF_RANGE]
    inclusive = find_bins(axes, values, last_edge="inclusive")
    assert inclusive.tolist() == [0, 2, 2, OUT_OF_RANGE]


def test_weights_are_the_ratios_of_the_rows_that_hold_the_candidates():
    table, frame = make_table(), candidates(300)
    weights = apply_weights(frame, one(table), particles=["K"], seed=1, replicas=3).frame()
    expected = [table.frame["data_MC_ratio"][scan(table, row)] for _, row in frame.iterrows()]
    np.testing.assert_array_equal(weights["K_Weight"], expected)
    np.testing.assert_array_equal(weights["Weight"], expected)
    assert list(weights) == [
        *("K_Weight", "K_Weight_0", "K_Weight_1", "K_Weight_2"),
        *("Weight", "Weight_0", "Weight_1", "Weight_2"),
    ]


def test_each_species_has_its_table_whatever_the_signs_of_its_codes():
    tables = {(321, 321): make_table(seed=1), (-321, 211): make_table(seed=9)}
    frame = candidates(400)
    frame["K_mcPDG"] = np.random.default_rng(0).choice([321.0, -321.0, 211.0, -211.0], len(frame))
    weights = apply_weights(frame, tables, particles={"K": -321}, seed=1, replicas=0).frame()
    for codes, key in (((321, -321), (321, 321)), ((211, -211), (-321, 211))):
        for number in np.flatnonzero(frame["K_mcPDG"].isin(codes))[:50]:
            row = scan(tables[key], frame.iloc[number])
            assert weights["Weight"][number] == tables[key].frame["data_MC_ratio"][row]


def test_every_cause_has_its_counter_and_they_add_up():
    """Specs section 7, row 4."""
    table = make_table()
    table.frame.loc[0, "data_MC_ratio"] = np.nan
    good = {"K_p": 1.5, "K_cosTheta": 0.5, "K_charge": 1.0, "K_mcPDG": 321.0, "K_PDG": 321.0}
    in_bad_bin = {"K_p": 0.7, "K_cosTheta": -0.5, "K_charge": -1.0}
    causes = [
        *(("nan", each) for each in ({"K_p": np.nan}, {"K_mcPDG": np.nan}, {"K_PDG": np.nan})),
        *(("wrong_truth", each) for each in ({"K_mcPDG": 211.0}, {"K_mcPDG": 0.0})),
        ("wrong_truth", {"K_PDG": 211.0}),
        *(("out_of_range", each) for each in ({"K_p": 4.5}, {"K_p": 0.49}, {"K_cosTheta": 1.0})),
        ("bad_bin", in_bad_bin),
        ("in_table", {}),
        ("nan", {"K_p": np.nan, "K_cosTheta": 2.0}),
        ("wrong_truth", {"K_p": 9.0, "K_mcPDG": 13.0}),
    ]
    frame = pd.DataFrame([good | change for _, change in causes])
    applied = apply_weights(
        frame, one(table), particles=["K"], seed=1, default=-7.0, replicas=2, on_missing="warn"
    )
    counts = applied.coverage.counts["K"]
    expected = pd.Series([cause for cause, _ in causes]).value_counts()
    assert {each: counts[each] for each in expected.index} == expected.to_dict()
    assert counts["read"] == len(frame) == sum(counts.values()) - counts["read"]
    weights = applied.frame()
    missing = np.array([cause != "in_table" for cause, _ in causes])
    assert (weights.loc[missing] == -7.0).all(axis=None)
    assert weights["Weight"][10] == table.frame["data_MC_ratio"][scan(table, frame.iloc[10])]
    assert applied.coverage.numbers()["K_bad_bin"]["value"] == 1 / len(frame)


def test_missing_weights_raise_or_warn_with_the_fraction_of_each_cause(caplog):
    frame = candidates(200)
    frame.loc[:19, "K_p"] = 9.0
    frame.loc[20:29, "K_mcPDG"] = 11.0
    with pytest.raises(BadTable) as raised:
        apply_weights(frame, one(), particles=["K"], seed=1)
    for part in ("10 % out of range", "5 % no table for the species", "85 %", "on_missing='warn'"):
        assert part in str(raised.value)
    with caplog.at_level(logging.WARNING):
        apply_weights(frame, one(), particles=["K"], seed=1, on_missing="warn")
    assert "10 % out of range" in caplog.text


def test_tracks_without_a_weight_are_counted_in_the_summary_without_a_warning(caplog):
    frame = candidates(200)
    frame.loc[:19, "K_p"] = 9.0
    with caplog.at_level(logging.WARNING):
        applied = apply_weights(frame, one(), particles=["K"], seed=1, on_missing="count")
    assert not caplog.records
    assert "10 % out of range" in applied.summary()
    assert "tracks in no table have the weight 1, in all replicas" in applied.summary()


def test_blocks_of_several_bins_are_looked_up_and_fluctuate_together():
    """An automatic binning: of 2 x 2 cells in p and cosTheta three are one block."""
    rows = symmetric(make_table({"p": (0.5, 4.5), "q": (0, 1, 2, 3)})).frame[:3]
    edges = {"p_min": [0.5, 2.0, 0.5], "p_max": [2.0, 4.5, 4.5]}
    edges |= {"cosTheta_min": [-1, -1, 0], "cosTheta_max": [0, 0, 1.0]}
    blocks = rows.drop(columns=["q_min", "q_max"]).assign(**edges)
    blocks = blocks.assign(variable="kaonID", threshold=0.5).drop(columns="data_MC_sys_shift")
    frame = candidates(500)
    applied = apply_weights(frame, {(321, 321): blocks}, particles=["K"], seed=1, replicas=20)
    weights = applied.frame()
    p, cos = frame["K_p"], frame["K_cosTheta"]
    which = np.where(cos >= 0, 2, np.where(p < 2, 0, 1))
    np.testing.assert_array_equal(weights["Weight"], blocks["data_MC_ratio"].to_numpy()[which])
    replicas = weights.filter(regex=r"^Weight_\d+$").to_numpy()
    for block in range(3):
        alike = replicas[which == block]
        assert len(alike) > 50
        np.testing.assert_array_equal(alike, alike[:1].repeat(len(alike), axis=0))
    assert len(np.unique(replicas[:, 0])) == 3


def test_momenta_in_mev_are_suspected():
    """Specs section 7, row 6."""
    frame = candidates(100)
    frame["K_p"] *= 1000
    with pytest.raises(BadTable, match="are they in MeV"):
        apply_weights(frame, one(), particles=["K"], seed=1)


def test_fail_weights_are_the_ratio_of_the_inefficiencies():
    table, frame = make_table(), candidates(200)
    weights = apply_weights(
        frame, one(table), particles=["K"], seed=1, replicas=0, requirement="fail"
    ).frame()
    rows = [scan(table, row) for _, row in frame.iterrows()]
    eps = table.frame.iloc[rows]
    expected = (1 - eps["data_efficiency"]) / (1 - eps["MC_efficiency"])
    np.testing.assert_allclose(weights["Weight"], expected, rtol=1e-14)


def test_the_requirement_decides_between_pass_and_fail_and_keeps_the_expected_sum():
    """With weights of both kinds a sample of known MC efficiency keeps its size."""
    table = make_table({"p": (0.5, 4.5)})
    eps = float(table.frame["MC_efficiency"].iloc[0])
    n = 10_000
    frame = candidates(n)
    frame["K_kaonID"] = np.where(np.arange(n) < round(eps * n), 0.9, 0.1)
    frame.loc[0, "K_kaonID"] = np.nan
    applied = apply_weights(
        frame, one(table), particles=["K"], seed=1, replicas=0, requirement="cut"
    )
    assert applied.coverage.undecided == {"K": 1}
    # one candidate is n * 1e-4 of the sum: the rounding, and the NaN that fails
    assert applied.frame()["Weight"].mean() == pytest.approx(1.0, abs=3e-4)


def test_each_table_has_pass_and_fail_weights_of_its_own():
    axes = {"p": (0.5, 2.0, 4.5)}
    tables = {(321, 321): make_table(axes, seed=1), (321, 211): make_table(axes, seed=2)}
    frame = candidates(200)
    rng = np.random.default_rng(0)
    frame["K_mcPDG"], frame["K_kaonID"] = rng.choice([321.0, 211.0], 200), rng.random(200)
    options = {"particles": ["K"], "seed": 1, "replicas": 0, "requirement": "cut"}
    found = apply_weights(frame, tables, **options).frame()["Weight"]
    for number, candidate in frame.iterrows():
        table = tables[321, int(candidate["K_mcPDG"])]
        row = table.frame.iloc[scan(table, candidate)]
        eps_data, eps_mc = row["data_efficiency"], row["MC_efficiency"]
        fails = candidate["K_kaonID"] <= 0.6
        expected = (1 - eps_data) / (1 - eps_mc) if fails else eps_data / eps_mc
        assert found[number] == pytest.approx(expected, rel=1e-14)


def test_pass_and_fail_weights_of_a_bin_move_against_each_other():
    table, frame = make_table({"p": (0.5, 4.5)}, sys=0.0), candidates(1)
    zeros = {
        f"{side}_uncertainty_sys_{end}": 0.0 for side in ("data", "MC") for end in ("up", "dn")
    }
    table = WeightTable(table.frame.assign(**zeros), table.axes, cut=table.cut)
    up, down = (
        apply_weights(frame, one(table), particles=["K"], seed=1, replicas=200, requirement=each)
        .frame()
        .filter(like="K_Weight_")
        .to_numpy()[0]
        for each in ("pass", "fail")
    )
    # one random number moves both; different slopes on its two sides are all that is not linear
    assert np.corrcoef(up, down)[0, 1] < -0.95


@pytest.mark.parametrize(
    ("stat", "sys"), [(0.05, 0.0), (0.0, 0.03), (0.05, 0.03)], ids=["stat", "sys", "both"]
)
def test_replicas_have_the_covariance_of_the_table(stat, sys):
    """Specs section 8, test H: N = 10^4 replicas give every variance, and every element of the
    systematic covariance of rank one, to 3 %; statistics are independent from bin to bin.

    A correlation of independent numbers is known to 1 / sqrt(N) = 1 %.
    """
    table = symmetric(make_table(stat=stat, sys=sys))
    centres = {
        axis: (np.array(edges[1:]) + np.array(edges[:-1])) / 2 for axis, edges in AXES.items()
    }
    grid = pd.DataFrame(list(itertools.product(*centres.values())), columns=list(AXES))
    frame = grid.add_prefix("K_").assign(K_PDG=321.0, K_mcPDG=321.0)
    n = 10_000
    made = apply_weights(frame, one(table), particles=["K"], seed=5, replicas=n).frame()
    replicas = made.filter(regex=r"^K_Weight_\d").to_numpy(float)
    found = np.cov(replicas)
    errors = table.frame["data_MC_uncertainty_stat_up"].to_numpy()
    shift = table.frame["data_MC_sys_shift"].to_numpy()
    expected = np.diag(errors**2) + np.outer(shift, shift)
    np.testing.assert_allclose(np.diag(found), np.diag(expected), rtol=0.03)
    if not stat:
        np.testing.assert_allclose(found, expected, rtol=0.03)
    spread = np.sqrt((expected**2 + np.outer(np.diag(expected), np.diag(expected))) / n)
    off = np.triu_indices(len(errors), 1)
    # 66 pairs of bins: false alarm 5e-4
    assert np.abs((found - expected)[off] / spread[off]).max() < 4.5
    # balanced; weights are of single precision
    np.testing.assert_allclose(replicas.mean(axis=1), made["K_Weight"], rtol=1e-6)


def test_a_hundred_replicas_spread_by_the_uncertainty_itself():
    table, frame = symmetric(make_table({"p": (0.5, 4.5)}, sys=0.0)), candidates(1)
    made = apply_weights(frame, one(table), particles=["K"], seed=5, replicas=250).frame()
    replicas = made.filter(regex=r"^K_Weight_\d").to_numpy()[0]
    uncertainty = table.frame["data_MC_uncertainty_stat_up"].iloc[0]
    for hundred in (replicas[:100], replicas[100:200]):
        assert hundred.std() == pytest.approx(uncertainty, rel=1e-5)
        assert hundred.mean() == pytest.approx(made["K_Weight"].iloc[0], rel=1e-6)
    assert not set(replicas[:100]) & set(replicas[100:])


def test_tracks_that_share_a_bin_move_together_and_others_do_not():
    """Specs section 7, row 20: drawn once per table bin."""
    table = symmetric(make_table(sys=0.0))
    frame = candidates(1, prefixes=("K1", "K2", "K3"))
    for prefix, p in (("K1", 0.7), ("K2", 0.8), ("K3", 3.0)):
        frame[[f"{prefix}_p", f"{prefix}_cosTheta", f"{prefix}_charge"]] = [p, 0.5, 1.0]
    made = apply_weights(
        frame, one(table), particles=["K1", "K2", "K3"], seed=1, replicas=2000
    ).frame()
    one_, same, other = (
        made.filter(regex=rf"^{each}_Weight_\d").to_numpy()[0] for each in ("K1", "K2", "K3")
    )
    np.testing.assert_array_equal(one_, same)
    assert abs(np.corrcoef(one_, other)[0, 1]) < 4.5 / 2000**0.5
    product = made.filter(regex=r"^Weight_\d").to_numpy()[0]
    # single precision, three factors
    np.testing.assert_allclose(product, one_ * same * other, rtol=1e-6)


def test_tables_are_independent_and_the_systematic_common_only_on_request():
    tables = {(321, 321): make_table(stat=0.0), (321, 211): make_table(stat=0.0)}
    frame = pd.concat([candidates(1), candidates(1).assign(K_mcPDG=211.0)])
    for common, expected in ((False, 0.0), (True, 1.0)):
        made = apply_weights(
            frame, tables, particles=["K"], seed=1, replicas=2000, common_systematic=common
        ).frame()
        first, second = made.filter(regex=r"^Weight_\d").to_numpy()
        assert abs(np.corrcoef(first, second)[0, 1]) == pytest.approx(expected, abs=0.1)


def test_same_seed_same_replicas_whatever_the_rest():
    """Specs section 7, row 16: chunk size, order of rows and axes, other tables, global state."""
    table, frame = make_table(), candidates(500)
    np.random.seed(4)  # noqa: NPY002 -- the state that must not be touched
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    applied = apply_weights(frame, one(table), particles=["K"], seed=3, replicas=4)
    made = applied.frame()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    pieces = [pd.DataFrame(each) for each in applied.iterate(chunk_size=7)]
    pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), made)

    shuffled = table.frame.sample(frac=1, random_state=1)
    shuffled = shuffled[list(shuffled.columns[4:6]) + list(shuffled.columns.delete([4, 5]))]
    assert list(shuffled)[:3] == ["charge_min", "charge_max", "p_min"]
    turned = {axis: AXES[axis] for axis in ("charge", "p", "cosTheta")}
    others = {(11, 11): make_table(seed=8)} | one(WeightTable(shuffled, turned, cut=table.cut))
    again = apply_weights(frame, others, particles=["K"], seed=3, replicas=4).frame()
    pd.testing.assert_frame_equal(again, made)
    more = apply_weights(frame, one(table), particles=["K"], seed=3, replicas=9).frame()
    pd.testing.assert_frame_equal(more[list(made)], made)
    other = apply_weights(frame, one(table), particles=["K"], seed=4, replicas=4).frame()
    assert (other["Weight_0"] != made["Weight_0"]).all()


def test_asymmetric_bars_are_followed_on_each_side():
    table = make_table({"p": (0.5, 4.5)}, sys=0.0)
    bars = {"data_MC_uncertainty_stat_up": 0.3, "data_MC_uncertainty_stat_dn": 0.1}
    table = WeightTable(table.frame.assign(**bars), table.axes, cut=table.cut)
    nominal = float(table.frame["data_MC_ratio"].iloc[0])
    options = {"particles": ["K"], "seed": 1, "replicas": 4000}
    split, larger = (
        apply_weights(candidates(1), one(table), errors=each, **options)
        .frame()
        .filter(regex=r"^K_Weight_\d")
        .to_numpy()[0]
        - nominal
        for each in ("split", "larger")
    )
    for side, bar in ((split[split > 0], 0.3), (split[split < 0], 0.1), (larger, 0.3)):
        # one length per side: half of a normal distribution, whose median is 0.6745 sigma
        assert np.median(np.abs(side)) == pytest.approx(0.6745 * bar, rel=0.08)


def test_lognormal_replicas_are_positive_and_keep_the_median():
    """Specs section 7, row 18."""
    table = make_table({"p": (0.5, 4.5)}, stat=0.9)
    options = {"particles": ["K"], "seed": 1, "replicas": 4000}
    gaussian, lognormal = (
        apply_weights(candidates(1), one(table), shape=each, **options)
        for each in ("gaussian", "lognormal")
    )
    values = lognormal.frame().filter(regex=r"^K_Weight_\d").to_numpy()[0]
    assert values.min() > 0
    nominal = float(table.frame["data_MC_ratio"].iloc[0])
    assert np.median(values) == pytest.approx(nominal, rel=0.08)
    assert lognormal.negative_fraction == 0
    below = (gaussian.frame().filter(regex=r"^K_Weight_\d") < 0).to_numpy().mean()
    assert gaussian.negative_fraction == below > 0
    broken = WeightTable(table.frame.assign(data_MC_ratio=-0.1), table.axes, cut=table.cut)
    with pytest.raises(BadTable, match="no log-normal"):
        apply_weights(candidates(1), one(broken), shape="lognormal", particles=["K"], seed=1)


def test_candidates_are_not_changed():
    frame = candidates(50)
    before = frame.copy(deep=True)
    apply_weights(frame, one(), particles=["K"], seed=1).frame()
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("name", ["weights.root", "weights.parquet"])
def test_files_hold_the_same_columns_in_the_order_of_the_candidates(name, tmp_path):
    applied = apply_weights(
        candidates(1000), one(), particles=["K"], seed=1, replicas=3, keep=["K_p * 2"]
    )
    path = applied.write(tmp_path / name, chunk_size=170)
    expected = applied.frame()
    if path.suffix == ".root":
        with uproot.open(path) as file:
            found = file["weights"].arrays(library="np")
            assert file["weights"].classname == "TTree"
        found.pop("K_p * 2", None)
        found = pd.DataFrame(found)
        expected = expected[list(found)]
        assert "Weight_2" in found
    else:
        found = pd.read_parquet(path)
    pd.testing.assert_frame_equal(found, expected)
    assert [each.name for each in Path(tmp_path).iterdir()] == [name]


def test_a_cut_selects_and_a_column_of_the_sample_agrees_with_the_frame():
    frame = candidates(800)
    sample = Sample.from_frame(frame, kind="mc", particles={"K": "K"})
    applied = apply_weights(
        sample, one(), particles={"K": 321}, seed=1, replicas=2, cut="K_p > 2", keep=["K_p"]
    )
    made = applied.frame()
    assert len(made) == (frame["K_p"] > 2).sum() == applied.coverage.counts["K"]["read"]
    columns = {"w": applied.column(), "w_1": applied.column(1)}
    read = sample.with_columns(**columns).read(["K_p", "w", "w_1"], cut="K_p > 2")
    np.testing.assert_array_equal(read["w"], made["Weight"])
    np.testing.assert_array_equal(read["w_1"], made["Weight_1"])


def test_names_follow_the_rules_of_the_sample():
    """An alias, and the meta-variable theta where only its cosine is stored."""
    edges = (0.4, 1.0, 1.5, 2.6)
    table = make_table({"p": AXES["p"], "theta": edges})
    frame = candidates(300).rename(columns={"K_p": "momentum"})
    sample = Sample.from_frame(
        frame, kind="mc", particles={"kaon": "K"}, aliases={"K_p": "momentum"}
    )
    made = apply_weights(sample, one(table), particles=["kaon"], seed=1, replicas=0).frame()
    with_theta = frame.assign(K_theta=np.arccos(frame["K_cosTheta"]), K_p=frame["momentum"])
    expected = [table.frame["data_MC_ratio"][scan(table, row)] for _, row in with_theta.iterrows()]
    np.testing.assert_array_equal(made["K_Weight"], expected)


def two_rows_alike(table):
    return WeightTable(pd.concat([table.frame, table.frame[:1]]), table.axes, cut=table.cut)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tables": {}}, "no table to apply"),
        ({"tables": {(321, 0): make_table()}}, "no pair of PDG codes"),
        ({"tables": {(321, 321): make_table(), (-321, -321): make_table()}}, "two tables"),
        ({"tables": {(321, 321): two_rows_alike(make_table())}}, "same bin"),
        ({"particles": {"K": 211}}, "no table for hypothesis 211"),
        ({"particles": ["X"]}, "X_mcPDG"),
        (
            {"tables": {(321, 321): make_table().create_weights().drop(columns="data_MC_ratio")}},
            "data_MC_ratio",
        ),
    ],
)
def test_what_is_ambiguous_or_missing_is_refused(change, said):
    options = {"tables": one(), "particles": ["K"], "seed": 1} | change
    with pytest.raises(BadTable, match=said):
        apply_weights(candidates(10), **options)


def test_two_particles_may_not_be_the_same_columns():
    frame = candidates(10, prefixes=("K1", "K2")).drop(columns=["K1_p", "K2_p"]).assign(p=1.0)
    with pytest.raises(BadTable, match="same column p"):
        apply_weights(frame, one(), particles=["K1", "K2"], seed=1)


def test_options_are_checked():
    for change in (
        {"requirement": "passed"},
        {"shape": "normal"},
        {"on_missing": "ignore"},
        {"last_edge": "open"},
        {"particles": "K"},
        {"replicas": -1},
    ):
        with pytest.raises(BadParameters):
            apply_weights(candidates(10), one(), **({"particles": ["K"], "seed": 1} | change))


def test_no_candidates_give_a_file_without_rows(tmp_path):
    empty = candidates(10)[:0]
    applied = apply_weights(empty, one(), particles=["K"], seed=1, replicas=2)
    assert len(pd.read_parquet(applied.write(tmp_path / "none.parquet"))) == 0
    with uproot.open(applied.write(tmp_path / "none.root")) as file:
        assert file["weights"].num_entries == 0
    assert applied.numbers()["K_mean_weight"]["status"] == "empty"


def test_mean_weight_and_its_spread_are_those_of_the_columns():
    applied = apply_weights(candidates(500), one(), particles=["K"], seed=1, replicas=50)
    made = applied.frame()
    number = applied.numbers()["K_mean_weight"]
    assert number["value"] == pytest.approx(made["Weight"].mean(), rel=1e-12)
    spread = made.filter(regex=r"^Weight_\d").mean().std(ddof=1)
    assert number["uncertainty"] == pytest.approx(spread, rel=1e-4)  # single precision


def test_coverage_map_shows_the_fraction_in_a_table():
    frame = candidates(4000)
    frame.loc[frame["K_p"] > 3.0, "K_mcPDG"] = 11.0
    applied = apply_weights(frame, one(), particles=["K"], seed=1, on_missing="warn")
    found = applied.coverage.maps["K"]
    p = found.total.axes[0].centers
    total, covered = (each.values().sum(axis=1) for each in (found.total, found.covered))
    assert total.sum() == len(frame)
    assert (covered[p < 2.9] == total[p < 2.9]).all()
    assert covered[p > 3.2].sum() == 0
    [ax] = applied.plot_coverage()
    assert ax.get_title(loc="left") == "K"
    assert stats.binomtest(int(covered.sum()), len(frame), 2.5 / 4).pvalue > 1e-4
