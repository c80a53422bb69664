"""Files of weight tables: older kinds normalised or refused, every kind there and back again."""

import dataclasses
import io
import json
import logging

import boost_histogram as bh
import numpy as np
import pandas as pd
import pytest
import uhi.io.json

from hepnb.errors import BadParameters, BadTable, UnreadableFile
from hepnb.pid.formats.exports import write_csv
from hepnb.pid.formats.pidcalib_files import read_pidcalib, write_pidcalib
from hepnb.pid.formats.sysvar_files import read_sysvar_species, write_sysvar
from hepnb.pid.formats.table_files import read_tables, tables_of
from hepnb.pid.formats.weighting_payload import read_payload, write_payload
from hepnb.pid.tables.flat_table import FLAT_COLUMNS, RATIO_COLUMNS

BARS = ",".join(RATIO_COLUMNS)
VALUES = "0.9,0.02,0.03,0.01,0.01"


def written(path, text):
    path.write_text(text)
    return path


def rows(text):
    return tables_of(pd.read_csv(io.StringIO(text)))


EDGES = "p_min,p_max,theta_min,theta_max,charge,iso_score_min,iso_score_max"
LEPTONS = f"""{EDGES},working_point,{BARS},variable,threshold
0.5,1.0,0.22,1.0,+,0.0,1.0,FixedThresh09,{VALUES},pidChargedBDTScore_e,0.9
0.5,1.0,0.22,1.0,-,0.0,1.0,FixedThresh09,0.8,0.02,0.03,0.01,0.01,pidChargedBDTScore_e,0.9
1.0,3.0,0.22,1.0,+,0.0,1.0,FixedThresh09,0.7,0.02,0.03,0.01,0.01,pidChargedBDTScore_e,0.9
1.0,3.0,0.22,1.0,-,0.0,1.0,FixedThresh09,0.6,0.02,0.03,0.01,0.01,pidChargedBDTScore_e,0.9
0.5,1.0,0.22,1.0,+,0.0,1.0,FixedThresh05,0.5,0.02,0.03,0.01,0.01,pidChargedBDTScore_e,0.5
"""


def test_lepton_tables_get_a_charge_axis_and_lose_the_only_isolation_bin(tmp_path):
    file = read_tables(written(tmp_path / "e.csv", LEPTONS))
    assert len(file.requirements) == 2
    table = file.select("pidChargedBDTScore_e", 0.9)
    assert dict(table.axes) == {
        "p": (0.5, 1.0, 3.0), "theta": (0.22, 1.0), "charge": (-2.0, 0.0, 2.0)
    }  # fmt: skip
    assert table.frame["data_MC_ratio"].tolist() == [0.8, 0.9, 0.6, 0.7]
    assert table.cut == "pidChargedBDTScore_e > 0.9"
    assert (table.frame["status"] == "ok").all()


def test_selecting_asks_when_several_tables_are_meant(tmp_path):
    file = read_tables(written(tmp_path / "e.csv", LEPTONS))
    assert file.select(working_point="FixedThresh05").frame["data_MC_ratio"].tolist() == [0.5]
    with pytest.raises(BadTable, match="2 tables for nothing"):
        file.select()
    with pytest.raises(BadTable, match="did you mean 'pidChargedBDTScore_e'"):
        file.select("pidChargedBDTScore_mu")
    with pytest.raises(BadTable, match=r"no table for threshold = 0\.7"):
        file.select(threshold=0.7)
    with pytest.raises(BadTable, match="no column 'run'"):
        file.select(run=3)


@pytest.mark.parametrize(
    ("plus", "minus"), [("+", "-"), ("1", "-1"), ("1.0", "-1.0"), ("+1", "-1")]
)
def test_every_spelling_of_the_charge_is_the_same_axis(plus, minus, tmp_path):
    text = f"p_min,p_max,charge,{BARS}\n0.5,1,{plus},{VALUES}\n0.5,1,{minus},0.8,0,0,0,0\n"
    table = read_tables(written(tmp_path / "t.csv", text)).select()
    assert table.axes["charge"] == (-2.0, 0.0, 2.0)
    assert table.frame["data_MC_ratio"].tolist() == [0.8, 0.9]


def test_a_charge_of_another_kind_is_refused():
    with pytest.raises(BadTable, match="charge is '0'"):
        rows(f"p_min,p_max,charge,{BARS}\n0.5,1,0,{VALUES}\n")


def test_hadron_logs_with_blanks_and_their_cosine(tmp_path):
    text = f"p_min p_max cos_min cos_max charge {BARS.replace(',', ' ')}\n"
    text += "0.5 1 -0.8 0.1 1 " + VALUES.replace(",", " ") + "\n"
    text += "0.5 1 0.1 0.9 1 0.7 0.02 0.03 0.01 0.01\n"
    table = read_tables(written(tmp_path / "K.log", text)).select()
    assert table.axes["cosTheta"] == (-0.8, 0.1, 0.9)
    turned = read_tables(tmp_path / "K.log", angle="theta").select()
    np.testing.assert_allclose(turned.axes["theta"], np.arccos([0.9, 0.1, -0.8]), rtol=1e-15)
    # the first bin of the angle is the last one of its cosine
    assert turned.frame["data_MC_ratio"].tolist() == [0.7, 0.9]


def test_angles_made_by_arccos_without_swapping_are_swapped():
    low, high = np.arccos([-0.8, 0.1]), np.arccos([0.1, 0.9])
    text = f"p_min,p_max,theta_min,theta_max,{BARS}\n"
    text += "".join(
        f"0.5,1,{a!r},{b!r},{VALUES}\n" for a, b in zip(low.tolist(), high.tolist(), strict=True)
    )
    table = rows(text).select()
    np.testing.assert_array_equal(table.axes["theta"], [high[1], low[1], low[0]])
    mixed = text + f"1,2,0.1,0.2,{VALUES}\n"
    with pytest.raises(BadTable, match="row 1 has theta_min above theta_max"):
        rows(mixed)


OVERLAPPING = f"""p_min,p_max,theta_min,theta_max,{BARS}
0.2,1,0.22,1.2,{VALUES}
0.2,1,1.2,2.71,{VALUES}
1,7,0.22,1.2,{VALUES}
1,7,1.2,2.71,{VALUES}
0.2,7,0.22,1.2,0.5,0,0,0,0
0.2,7,1.2,2.71,0.5,0,0,0,0
0.2,1,0.22,2.71,0.5,0,0,0,0
0.2,7,0.22,2.71,0.5,0,0,0,0
"""


def test_integrated_rows_are_refused_or_dropped_on_request(tmp_path, caplog):
    """Specs section 7, row 7."""
    path = written(tmp_path / "t.csv", OVERLAPPING)
    with pytest.raises(BadTable, match=r"4 of 8 rows are wider bins .*0.2 < p < 7.*overlapping"):
        read_tables(path)
    with caplog.at_level(logging.WARNING):
        table = read_tables(path, drop=["overlapping"]).select()
    assert "4 of 8 rows" in caplog.text
    assert len(table.frame) == 4
    assert (table.frame["data_MC_ratio"] == 0.9).all()


def test_rows_that_overlap_in_part_are_never_taken():
    text = f"p_min,p_max,{BARS}\n0,2,{VALUES}\n1,3,{VALUES}\n"
    file = tables_of(pd.read_csv(io.StringIO(text)), drop=["overlapping"])
    with pytest.raises(BadTable, match="overlaps"):
        file.select()
    with pytest.raises(BadTable, match="same bin"):
        rows(f"p_min,p_max,{BARS}\n0,2,{VALUES}\n0,2,{VALUES}\n").select()


def test_uncertainties_of_failed_fits_are_refused_or_dropped(caplog):
    text = f"p_min,p_max,{BARS}\n0,1,{VALUES}\n1,2,0.9,2e8,0.1,0,0\n"
    with pytest.raises(BadTable, match="1 of 2 rows have an uncertainty beyond 1e"):
        rows(text)
    with caplog.at_level(logging.WARNING):
        file = tables_of(pd.read_csv(io.StringIO(text)), drop=["huge"])
    assert len(file.rows) == 1
    assert "dropped" in caplog.text


def test_momenta_in_mev_are_refused_until_said():
    """Specs section 7, row 6."""
    frame = pd.read_csv(io.StringIO(f"p_min,p_max,{BARS}\n500,1000,{VALUES}\n"))
    with pytest.raises(BadTable, match="momentum_unit='MeV'"):
        tables_of(frame)
    assert tables_of(frame, momentum_unit="MeV").select().axes["p"] == (0.5, 1.0)


def test_an_axis_is_an_exact_name_not_a_beginning():
    """Specs section 5: `p` must not swallow `phi`, `pt` or `p_cms`."""
    axes = ("p", "phi", "pt", "p_cms")
    header = ",".join(f"{axis}_min,{axis}_max" for axis in axes)
    bins = ",".join(f"0,{i + 1}" for i in range(len(axes)))
    table = rows(f"{header},{BARS}\n{bins},{VALUES}\n").select()
    assert table.axes == {axis: (0.0, i + 1.0) for i, axis in enumerate(axes)}


def test_what_is_no_table_is_refused(tmp_path):
    for text in ("", "a,b\n1,2\n", "{", '{"x": 1}', f"{BARS}\n{VALUES}\n"):
        with pytest.raises(BadTable):
            read_tables(written(tmp_path / "t.csv", text))
    with pytest.raises(UnreadableFile):
        read_tables(tmp_path / "nowhere.csv")
    with pytest.raises(BadParameters, match="did you mean 'overlapping'"):
        tables_of(pd.DataFrame(), drop=["overlaping"])


def same(found, table, columns, rtol=0.0):
    assert dict(found.axes) == dict(table.axes)
    for each in columns:
        np.testing.assert_allclose(
            found.frame[each].to_numpy(float), table.frame[each].to_numpy(float), rtol=rtol
        )


NUMBERS = FLAT_COLUMNS[:-2]


def sysvar(table, path):
    write_sysvar(table, path, reco=321, true=321)


def payload(table, path):
    write_payload(table, path, name="kaonID", reco=321, true=321)


KINDS = {
    "csv": (write_csv, (*NUMBERS, "data_MC_sys_shift"), 0.0),
    "uhi.json": (lambda table, path: table.to_uhi(path), (*NUMBERS, "data_MC_sys_shift"), 0.0),
    "payload.json": (payload, (*NUMBERS, "data_MC_sys_shift"), 0.0),
    # ratio and error bar are stored as their sum
    "correctionlib.json": (lambda table, path: table.to_correctionlib(path), RATIO_COLUMNS, 1e-11),
    "sysvar.csv": (sysvar, ("data_MC_ratio", "data_MC_sys_shift"), 0.0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_table_back(kind, table, tmp_path):
    """Specs section 8, test G."""
    write, columns, rtol = KINDS[kind]
    path = tmp_path / f"weights.{kind}"
    write(table, path)
    same(read_tables(path).select(), table, columns, rtol)


# UHI JSON holds histograms, which no other kind keeps
@pytest.mark.parametrize("second", [each for each in KINDS if each != "uhi.json"])
@pytest.mark.parametrize("first", ["csv", "payload.json", "correctionlib.json", "sysvar.csv"])
def test_tables_pass_from_each_kind_to_each_other(first, second, table, tmp_path):
    KINDS[first][0](table, tmp_path / f"a.{first}")
    read = read_tables(tmp_path / f"a.{first}").select()
    KINDS[second][0](read, tmp_path / f"b.{second}")
    both = [each for each in KINDS[first][1] if each in KINDS[second][1]] or ["data_MC_ratio"]
    found = read_tables(tmp_path / f"b.{second}").select()
    same(found, table, both, max(KINDS[first][2], KINDS[second][2]))


@pytest.mark.parametrize("kind", ["csv", "payload.json", "sysvar.csv"])
def test_systematic_shifts_keep_their_signs(kind, table, tmp_path):
    """A sign per bin is what makes the shift of two bins correlated or anticorrelated."""
    signs = np.where(np.arange(len(table.frame)) % 2, 1.0, -1.0)
    shift = signs * np.abs(table.frame["data_MC_sys_shift"])
    assert (shift != 0).all()
    mixed = dataclasses.replace(table, frame=table.frame.assign(data_MC_sys_shift=shift))
    path = tmp_path / f"weights.{kind}"
    KINDS[kind][0](mixed, path)
    same(read_tables(path).select(), mixed, ["data_MC_sys_shift"])


def test_sysvar_columns_and_species(table, tmp_path):
    path = write_sysvar(table, tmp_path / "s.csv", reco=321, true=-211)
    header = path.read_text().partition("\n")[0].split(",")
    assert header[:3] == [f"dependant_variable_{i}" for i in (1, 2, 3)]
    assert header[3:7] == ["p_unit", "p_label", "p_min", "p_max"]
    tail = "central_value,stat_corr,sys_corr,stat_uncorr,sys_uncorr,total_error,PDG,mcPDG"
    assert header[-8:] == tail.split(",")
    assert '"[321, -321]","[211, -211]"' in path.read_text()
    found = read_sysvar_species(path)
    assert (found.reco, found.true) == (321, 211)
    longer = table.frame[[f"data_MC_uncertainty_stat_{each}" for each in ("up", "dn")]].max(axis=1)
    np.testing.assert_array_equal(found.table.frame["data_MC_uncertainty_stat_up"], longer)


def test_a_sysvar_file_of_one_variable_and_what_one_shift_cannot_hold(tmp_path):
    head = "dependant_variable,p_min,p_max,central_value,p_unit,"
    head += "stat_corr,sys_corr,stat_uncorr,sys_uncorr,PDG\n"
    path = written(tmp_path / "s.csv", head + 'p,0,1,0.95,GeV,0,-0.02,0.03,0.04,"[521,-521]"\n')
    [row] = read_sysvar_species(path).table.frame.to_dict("records")
    assert row["data_MC_uncertainty_stat_up"] == pytest.approx(0.05)
    assert row["data_MC_sys_shift"] == -0.02
    for cells, said in (
        ('0.01,0.02,0,0,"[521]"', "two correlated sources"),
        ('0,0.02,0,0,"[521, 511]"', "several species"),
        ("0,0.02,0,0,521", "SysVar writes lists"),
    ):
        with pytest.raises(BadTable, match=said):
            read_sysvar_species(written(path, f"{head}p,0,1,0.95,GeV,{cells}\n"))


def test_a_payload_says_what_is_given_out_of_range(table, tmp_path):
    path = write_payload(
        table,
        tmp_path / "p.json",
        name="kaonID",
        reco=-321,
        true=211,
        variables={"p": "useCMSFrame(p)"},
    )
    found = read_payload(path)
    assert (found.reco, found.true) == (321, 211)
    assert found.out_of_range["data_MC_ratio"] == -1.0
    assert found.variables["p"] == "useCMSFrame(p)"
    content = json.loads(path.read_text())
    assert [each["binID"] for each in content["table"]] == list(range(len(table.frame)))
    del content["outOfRange"]
    with pytest.raises(BadTable, match="no entry 'outOfRange'"):
        read_payload(written(path, json.dumps(content)))
    with pytest.raises(BadTable, match="basf2 needs an entry"):
        write_payload(table, path, name="x", reco=1, true=1, out_of_range={})


def test_bins_without_a_ratio_must_be_spoken_of(table_with_bad_bins, tmp_path):
    for write in (sysvar, payload):
        with pytest.raises(BadTable, match="no ratio"):
            write(table_with_bad_bins, tmp_path / "x")
    write_payload(
        table_with_bad_bins, tmp_path / "p.json", name="k", reco=321, true=321, on_bad="keep"
    )
    same(read_payload(tmp_path / "p.json").table, table_with_bad_bins, ["data_MC_ratio"])


def test_efficiencies_in_the_layout_of_pidcalib(make_sample, binning, tmp_path):
    from hepnb.pid.efficiency import measure_efficiency

    made = [
        measure_efficiency(make_sample(), cut=cut, binning=binning)
        for cut in ("kaonID > 0.6", "kaonID > 0.3")
    ]
    path = write_pidcalib(made, tmp_path / "eff.json")
    with pytest.raises(BadTable, match="holds 2 requirements"):
        read_pidcalib(path)
    with pytest.raises(BadTable, match="holds no"):
        read_pidcalib(path, "kaonID > 0.5")
    for each in made:
        found = read_pidcalib(path, each.cut)
        for column in ("efficiency", "stat_up", "n_raw", "n_eff"):
            np.testing.assert_array_equal(found.frame[column], each.frame[column])
    stored = json.loads(path.read_text(), object_hook=uhi.io.json.object_hook)
    eff = bh.Histogram(stored["eff_kaonID > 0.6"])
    np.testing.assert_allclose(
        np.sqrt(eff.variances()).ravel(), made[0].frame["stat_up"], rtol=1e-12
    )


def test_negative_totals_of_pidcalib_are_no_efficiency(tmp_path):
    """Specs section 5: it reports 1.0 +- 0 for them without a word."""
    axis = bh.axis.Variable([0, 1, 2], metadata={"name": "P"})
    total, passing, eff = (bh.Histogram(axis, storage=bh.storage.Weight()) for _ in range(3))
    total.view()["value"], total.view()["variance"] = [-0.436, 100.0], [3.0, 120.0]
    passing.view()["value"], passing.view()["variance"] = [-0.436, 80.0], [3.0, 90.0]
    eff.view()["value"] = [1.0, 0.8]
    pieces = {"eff_DLLK>0": eff, "passing_DLLK>0": passing, "total": total}
    text = json.dumps(pieces, default=uhi.io.json.default)
    found = read_pidcalib(written(tmp_path / "p.json", text)).frame
    assert found["status"].tolist()[0].startswith("bad_total")
    assert np.isnan(found["efficiency"][0])
    assert found["efficiency"][1] == pytest.approx(0.8)
    variance = ((1 - 0.8) ** 2 * 90 + 0.8**2 * 30) / 100**2  # specs 3.4
    assert found["stat_up"][1] == pytest.approx(variance**0.5, rel=1e-12)
    assert list(found)[:2] == ["P_min", "P_max"]
