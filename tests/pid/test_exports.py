"""Files of weight tables: read back the same, read by others, refused where they would mislead."""

import json

import correctionlib
import correctionlib.schemav2
import hist
import numpy as np
import pandas as pd
import pytest
import uhi.io.json
import uhi.schema

from hepnb.errors import BadTable
from hepnb.pid.efficiency import EfficiencyTable, measure_efficiency
from hepnb.pid.formats.flat_files import read_frame
from hepnb.pid.tables.flat_table import FLAT_COLUMNS
from hepnb.pid.tables.table_bins import axes_of_rows, grid_of_rows, rows_of
from hepnb.pid.weight_table import WeightTable

SYSTEMATICS = {"nominal": 0.0, "stat_up": 1, "stat_dn": -1, "sys_up": 1, "sys_dn": -1}
LABELS = ("axes", "cut", "precut", "data_sample", "mc_sample")


def strict_json(path):
    """Read JSON as the standard has it: no NaN, no Infinity."""

    def refuse(token):
        raise AssertionError(token)

    return json.loads(path.read_text(), parse_constant=refuse)


def by_row_scan(frame, point, column):
    """Weight of a point: look at every row."""
    axes = [each[:-4] for each in frame.columns if each.endswith("_min")]
    inside = np.ones(len(frame), bool)
    for axis, x in zip(axes, point, strict=True):
        inside &= (frame[f"{axis}_min"] <= x) & (x < frame[f"{axis}_max"])
    assert inside.sum() == 1
    return frame[column][inside].iloc[0]


# Flat CSV


@pytest.mark.parametrize("how", ["keep", "unity"])
def test_csv_with_its_status_file_gives_the_same_table_back(table_with_bad_bins, tmp_path, how):
    table = table_with_bad_bins.on_bad(how)
    written = table.to_csv(tmp_path / "weights.csv")
    assert [each.name for each in written] == ["weights.csv", "weights.status.csv"]
    back = WeightTable.from_csv(written[0])
    if how == "keep":
        pd.testing.assert_frame_equal(back.frame, table.frame, check_exact=True)
    pd.testing.assert_frame_equal(back.create_weights(), table.create_weights(), check_exact=True)
    assert back.frame["status"].tolist() == table.frame["status"].tolist()
    assert [getattr(back, each) for each in LABELS] == [getattr(table, each) for each in LABELS]
    assert back.bad_bins == how


def test_dropped_rows_come_back_without_values_but_with_their_status(table_with_bad_bins, tmp_path):
    path, status = table_with_bad_bins.on_bad("drop").to_csv(tmp_path / "weights.csv")
    assert len(pd.read_csv(path)) == len(table_with_bad_bins.frame) - 2
    assert len(pd.read_csv(status)) == len(table_with_bad_bins.frame)
    back = WeightTable.from_csv(path)
    assert back.frame["status"].tolist() == table_with_bad_bins.frame["status"].tolist()
    assert back.frame["data_MC_ratio"].isna().sum() == 2


def test_flat_table_alone_can_be_read_in_any_order_of_rows(table, tmp_path):
    path, status = table.to_csv(tmp_path / "weights.csv")
    status.unlink()
    rows = path.read_text().splitlines()
    rng = np.random.default_rng(2)
    path.write_text("\n".join([rows[0], *rng.permutation(rows[1:])]) + "\n")
    back = WeightTable.from_csv(path)
    pd.testing.assert_frame_equal(back.create_weights(), table.create_weights(), check_exact=True)
    assert back.cut == table.cut
    assert set(back.frame["status"]) == {"ok"}


def test_missing_rows_are_bins_without_a_value(table, tmp_path):
    path, status = table.to_csv(tmp_path / "weights.csv")
    status.unlink()
    rows = path.read_text().splitlines()
    path.write_text("\n".join([*rows[:4], *rows[5:]]) + "\n")
    back = WeightTable.from_csv(path)
    assert len(back.frame) == len(table.frame)
    assert back.frame["status"].tolist().index("empty") == 3
    assert np.isnan(back.frame["data_MC_ratio"][3])


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([(0.5, 1), (1, 2), (0.5, 2)], r"row 3 overlaps row\(s\) 1, 2: .* no single weight"),
        ([(0.2, 7), (1, 2)], r"row 1 overlaps row\(s\) 2"),
        ([(0.5, 1), (1, 2), (0.5, 1)], "rows 1, 3 give the same bin"),
        ([(0.5, 1), (2, 1)], "row 2: p_min = 2 and p_max = 1"),
        ([(0.5, 1), (1, np.nan)], "row 2: p_min = 1 and p_max = nan"),
    ],
)
def test_overlapping_repeated_and_empty_bins_are_refused(table, tmp_path, p, message):
    rows = (
        table.create_weights()
        .iloc[: len(p)]
        .drop(columns=["cosTheta_min", "cosTheta_max", "charge_min", "charge_max"])
    )
    rows["p_min"], rows["p_max"] = np.array(p).T
    rows.to_csv(tmp_path / "w.csv", index=False)
    with pytest.raises(BadTable, match=f"w.csv: .*{message}"):
        WeightTable.from_csv(tmp_path / "w.csv")


def test_bins_that_are_no_grid_are_refused_although_none_overlap():
    rows = pd.DataFrame(
        {"p_min": [0, 1, 0], "p_max": [1, 2, 2], "q_min": [0, 0, 1], "q_max": [1, 1, 2]}
    )
    with pytest.raises(BadTable, match=r"row 3 spans 2 cells .* not rectangular"):
        axes_of_rows(rows, ["p", "q"])


BLOCKS = pd.DataFrame(
    {"p_min": [0, 1, 0.0], "p_max": [1, 3, 3.0], "q_min": [0, 0, 1.0], "q_max": [1, 1, 2.0]}
)


def test_blocks_of_several_bins_become_a_grid_that_knows_its_blocks():
    axes, frame = grid_of_rows(BLOCKS.assign(value=[1.0, 2.0, 3.0]).iloc[[2, 0, 1]], ["p", "q"])
    assert axes == {"p": (0, 1, 3), "q": (0, 1, 2)}
    assert frame["value"].tolist() == [1, 3, 2, 3]
    assert frame["block"].tolist() == [1, 0, 2, 0]
    pd.testing.assert_frame_equal(frame[list(BLOCKS)], rows_of(axes), check_dtype=False)
    _, missing = grid_of_rows(BLOCKS.assign(value=1.0).iloc[[0, 2]], ["p", "q"])
    assert missing["block"].tolist() == [0, 1, -1, 1]
    assert missing["value"].isna().tolist() == [False, False, True, False]


def test_a_grid_has_no_blocks_and_overlapping_ones_are_refused():
    rows = rows_of({"p": (0, 1, 2), "q": (0, 1, 2)})
    assert "block" not in grid_of_rows(rows.iloc[::-1], ["p", "q"])[1]
    with pytest.raises(BadTable, match="give the same bin"):
        grid_of_rows(pd.concat([rows, rows.iloc[:1]], ignore_index=True), ["p", "q"])
    wider = BLOCKS.assign(q_min=[0, 0, 0.5])
    with pytest.raises(BadTable, match=r"row 3 overlaps row\(s\) 1, 2"):
        grid_of_rows(wider, ["p", "q"])
    # 60 small bins along the diagonal, and a large one beside them: 61 cells along each axis
    low = np.append(np.arange(60.0), 60.0)
    high = np.append(low[:-1] + 1, 90.0)
    many = {f"{axis}_{end}": each for axis in "pqr" for end, each in (("min", low), ("max", high))}
    many["p_max"] = np.append(high[:-1], 100.0)
    many["p_min"] = np.append(low[:-1], 58.5)
    with pytest.raises(BadTable, match="at most 100000"):
        grid_of_rows(pd.DataFrame(many), ["p", "q", "r"])


def test_axes_are_found_by_exact_pairs_of_columns(make_table, make_columns, make_sample, tmp_path):
    """An axis p does not take over phi_min or pt_min, whose names start alike."""
    columns = make_columns(3000, seed=5, kind="data") | {
        "K_phi": np.full(3000, 0.5),
        "K_p_cms": np.full(3000, 0.7),
    }
    options = {
        "cut": "kaonID > 0.6",
        "binning": {"p": [0.5, 1, 5], "phi": [0, 1], "p_cms": [0.0, 3.0]},
    }
    data, mc = (
        measure_efficiency(make_sample(columns=columns, kind=kind), **options)
        for kind in ("data", "mc")
    )
    table = WeightTable.from_efficiencies(data, mc)
    path, _ = table.to_csv(tmp_path / "w.csv")
    assert WeightTable.from_csv(path).axes == {
        "p": (0.5, 1, 5),
        "phi": (0, 1),
        "p_cms": (0.0, 3.0),
    }


def test_foreign_and_mixed_csv_files_are_refused(table, make_table, tmp_path):
    path, _ = table.to_csv(tmp_path / "w.csv")
    rows = pd.read_csv(path)
    rows.drop(columns="data_MC_uncertainty_sys_dn").to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(BadTable, match="no column 'data_MC_uncertainty_sys_dn'"):
        WeightTable.from_csv(tmp_path / "a.csv")
    rows[list(FLAT_COLUMNS)].to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(BadTable, match="no axis"):
        WeightTable.from_csv(tmp_path / "b.csv")
    pd.concat([rows, rows.assign(threshold=0.9)]).to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(BadTable, match=r"2 requirements .*kaonID > 0.9.*select one"):
        WeightTable.from_csv(tmp_path / "c.csv")
    make_table({"p": [0.5, 3]}).to_csv(tmp_path / "d.csv")[0].replace(path)
    with pytest.raises(BadTable, match="status file beside it"):
        WeightTable.from_csv(path)


def test_floats_are_written_in_the_fewest_digits_that_give_them_back(table, tmp_path):
    path, _ = table.to_csv(tmp_path / "weights.csv")
    fields = path.read_text().splitlines()[1].split(",")
    expected = table.create_weights().iloc[0]
    assert fields[:4] == ["0.5", "1.0", "-0.866", "-0.4226"]
    for text, value in zip(fields[:-1], expected.iloc[:-1], strict=True):
        assert text == repr(float(value))


def test_a_refused_file_is_not_left_half_written(table_with_bad_bins, tmp_path):
    path = tmp_path / "weights.csv"
    path.write_text("the old table")
    with pytest.raises(BadTable):
        table_with_bad_bins.on_bad("error").to_csv(path)
    with pytest.raises(BadTable):
        table_with_bad_bins.to_correctionlib(tmp_path / "w.json")
    assert [each.name for each in tmp_path.iterdir()] == ["weights.csv"]
    assert path.read_text() == "the old table"


# correctionlib JSON


def test_correctionlib_evaluates_to_the_table_everywhere(table, tmp_path):
    path = table.to_correctionlib(tmp_path / "weights.correctionlib.json")
    correction = correctionlib.CorrectionSet.from_file(str(path))["weights"]
    rng = np.random.default_rng(8)
    axes = list(table.axes.values())
    points = np.array([rng.uniform(edges[0], edges[-1], 300) for edges in axes]).T
    lower = table.frame[[f"{axis}_min" for axis in table.axes]].to_numpy()
    points = np.concatenate([points, lower])  # lower edges belong to the bin above them
    for name, sign in SYSTEMATICS.items():
        frame = table.frame.assign(value=table.frame["data_MC_ratio"])
        if sign:
            frame["value"] += sign * frame[f"data_MC_uncertainty_{name}"]
        expected = [by_row_scan(frame, point, "value") for point in points]
        found = correction.evaluate(*points.T, name)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("p", [0.4, 4.5, 99.0, np.nan])
def test_correctionlib_refuses_what_is_out_of_range(table, tmp_path, p):
    path = table.to_correctionlib(tmp_path / "weights.json")
    correction = correctionlib.CorrectionSet.from_file(str(path))["weights"]
    with pytest.raises(RuntimeError, match="bounds"):
        correction.evaluate(p, 0.1, 1.0, "nominal")
    with pytest.raises(IndexError):
        correction.evaluate(1.0, 0.1, 1.0, "sys")


def test_correctionlib_file_is_valid_and_says_what_it_is_for(table_with_bad_bins, tmp_path):
    path = table_with_bad_bins.to_correctionlib(tmp_path / "w.json", on_bad="keep", name="kaons")
    document = strict_json(path)
    correctionlib.schemav2.CorrectionSet.model_validate(document)
    (correction,) = document["corrections"]
    assert correction["name"] == "kaons"
    assert [each["name"] for each in correction["inputs"]] == ["p", "cosTheta", "systematic"]
    assert correction["inputs"][0]["description"].startswith("in GeV/c")
    assert 'cut: "kaonID > 0.6"' in correction["description"]
    assert "bad_total;empty" in correction["description"]


def test_bins_without_a_ratio_give_nan_or_unity_or_no_file(table_with_bad_bins, tmp_path):
    table, path = table_with_bad_bins, tmp_path / "w.json"
    with pytest.raises(BadTable, match=r"2 bins.*on_bad='keep'"):
        table.to_correctionlib(path)
    with pytest.raises(BadTable, match="full grid"):
        table.to_correctionlib(path, on_bad="drop")
    found = {}
    for how in ("keep", "unity"):
        table.to_correctionlib(path, on_bad=how)
        correction = correctionlib.CorrectionSet.from_file(str(path))["w"]
        found[how] = [correction.evaluate(7.0, 0.0, each) for each in SYSTEMATICS]
    assert np.isnan(found["keep"]).all()
    assert found["unity"] == [1.0, 2.0, 0.0, 1.0, 1.0]


def test_correctionlib_file_gives_the_ratio_back(table_with_bad_bins, tmp_path):
    path = table_with_bad_bins.to_correctionlib(tmp_path / "w.json", on_bad="keep")
    back = WeightTable.from_correctionlib(path)
    edges = [f"{axis}_{end}" for axis in back.axes for end in ("min", "max")]
    columns = [*edges, *(each for each in FLAT_COLUMNS if each.startswith("data_MC"))]
    # ratio plus uncertainty minus ratio: rounding of the sum
    pd.testing.assert_frame_equal(
        back.frame[columns], table_with_bad_bins.frame[columns], rtol=1e-12, atol=1e-15
    )
    assert back.frame["status"].tolist() == table_with_bad_bins.frame["status"].tolist()
    assert [getattr(back, each) for each in LABELS] == [
        getattr(table_with_bad_bins, each) for each in LABELS
    ]


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"corrections": []}', "not json", '{"corrections": [{}]}']
)
def test_foreign_corrections_are_refused(tmp_path, text):
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(BadTable, match="correctionlib itself"):
        WeightTable.from_correctionlib(tmp_path / "w.json")


# UHI JSON


def test_uhi_file_gives_the_same_table_back(table_with_bad_bins, tmp_path):
    path = table_with_bad_bins.on_bad("drop").to_uhi(tmp_path / "weights.uhi.json")
    back = WeightTable.from_uhi(path)
    pd.testing.assert_frame_equal(back.frame, table_with_bad_bins.frame, check_exact=True)
    assert [getattr(back, each) for each in LABELS] == [
        getattr(table_with_bad_bins, each) for each in LABELS
    ]
    assert back.bad_bins == "drop"
    for side in ("data", "mc"):
        one, other = getattr(back, side), getattr(table_with_bad_bins, side)
        assert one.counts == other.counts
        assert (one.interval, one.weight, one.weight_sys) == (
            other.interval,
            other.weight,
            other.weight_sys,
        )
        assert one.histograms.keys() == other.histograms.keys()
        for name, each in one.histograms.items():
            assert each == other.histograms[name]  # flow bins too


def test_uhi_file_is_valid_json_that_other_libraries_read(table, table_with_bad_bins, tmp_path):
    path = table.to_uhi(tmp_path / "weights.uhi.json")
    uhi.schema.validate(strict_json(path))
    read = json.loads(path.read_text(), object_hook=uhi.io.json.object_hook)
    ratio = hist.Hist(read["ratio"])
    np.testing.assert_array_equal(ratio.values().ravel(), table.frame["data_MC_ratio"])
    longer = table.frame[["data_MC_uncertainty_stat_up", "data_MC_uncertainty_stat_dn"]].max(axis=1)
    np.testing.assert_allclose(ratio.variances().ravel(), longer**2, rtol=1e-15)
    assert hist.Hist(read["data_passing"]) == table.data.histograms["passing"]
    # a bin without a ratio is null, not a token that is no JSON, and comes back as NaN
    bad = table_with_bad_bins.to_uhi(tmp_path / "bad.uhi.json")
    assert None in np.ravel(strict_json(bad)["ratio"]["storage"]["values"]).tolist()
    read = json.loads(bad.read_text(), object_hook=uhi.io.json.object_hook)
    expected = table_with_bad_bins.frame["data_MC_ratio"]
    np.testing.assert_array_equal(hist.Hist(read["ratio"]).values().ravel(), expected)


def test_efficiency_table_comes_back_from_its_file(make_sample, binning, tmp_path):
    for kind in ("data", "mc"):
        table = measure_efficiency(make_sample(kind=kind), cut="kaonID > 0.6", binning=binning)
        files = table.save(tmp_path, kind)
        assert [each.name for each in files] == [f"{kind}.csv", f"{kind}.uhi.json"]
        back = EfficiencyTable.from_uhi(files[1])
        pd.testing.assert_frame_equal(back.frame, table.frame, check_exact=True)
        assert (back.cut, back.sample, back.counts) == (table.cut, table.sample, table.counts)
        pd.testing.assert_frame_equal(read_frame(files[0]), table.frame, check_exact=True)


def test_files_that_hold_no_table_are_refused(table, tmp_path):
    path = tmp_path / "w.uhi.json"
    for text in ("{}", "[1]", '{"data_total": {}}'):
        path.write_text(text)
        with pytest.raises(BadTable, match="no histogram 'data_passing'"):
            WeightTable.from_uhi(path)
    path.write_text("\x80PNG")
    with pytest.raises(BadTable, match="not JSON"):
        WeightTable.from_uhi(path)
    without = WeightTable.from_csv(table.to_csv(tmp_path / "w.csv")[0])
    with pytest.raises(BadTable, match="without its histograms"):
        without.to_uhi(path)
    # what it does hold is saved
    assert len(without.save(tmp_path, "again")) == 3
    assert "kaonID" in without.summary()
    assert without.numbers()["bins"]["value"] == len(table.frame)
