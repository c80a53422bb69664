"""What there is: collections, variables, and the runs below a folder."""

import json

import pytest

import hepnb
from hepnb import cli
from hepnb.errors import BadParameters, UnreadableFile
from hepnb.runner import publish
from hepnb.stages import find


@pytest.fixture
def runs(tmp_path, small_site, monkeypatch):
    """Two runs of one stage, a weight table that somebody copied, and other CSV files."""
    monkeypatch.delenv("HEPNB_RUN_DIR", raising=False)
    stage = find("weight_table").from_values({"site": small_site, "cut": "kaonID > 0.9"})
    for name in ("first", "deep/second"):
        publish(tmp_path / name, stage, products={"weights": {"a": 1}})
    (tmp_path / "copied").mkdir()
    (tmp_path / "copied" / "mine.csv").write_text("p_min,p_max,data_MC_ratio\n0,1,1\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "events.csv").write_text("p,q\n0,1\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "mine.csv").write_text("data_MC_ratio\n1\n")
    return tmp_path


def test_runs_and_stray_tables_are_found_with_what_they_were_made_of(runs):
    found = hepnb.show_db_content(runs).set_index("run")
    assert set(found.index) == {"first", "deep/second", "copied"}
    row = found.loc["deep/second"]
    record = json.loads((runs / "deep/second/run.json").read_text())
    assert (row["stage"], row["cut"], row["particle"]) == ("weight_table", "kaonID > 0.9", "K")
    assert row["data"] == "proc13+prompt"
    assert row["date"].startswith(record["start"][:10])
    assert row["fingerprint"] == record["fingerprint"][:12]
    assert found.loc["copied"][["status", "tables"]].tolist() == ["no record", "mine.csv"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableFile, match="no folder"):
        hepnb.show_db_content(tmp_path / "nowhere")
    assert hepnb.show_db_content(tmp_path).empty


def test_collections_and_studies_are_tables(small_site):
    found = hepnb.show_collections(site=small_site)
    assert {"proc13", "prompt", "MC15rd_proc13"} <= set(found["name"])
    studies = hepnb.show_collections("proc13+prompt", site=small_site).set_index("study")
    assert studies.loc["Dst", "entries"] == 20_000


def test_variables_are_written_as_a_cut_writes_them(small_site):
    found = hepnb.show_variables("proc13", "Dst", "K", site=small_site).set_index("name")
    assert found.loc["kaonID", "kind"] == "column"
    assert found.loc["kaonID", "meaning"] == "branch K_kaonID"
    assert "pi_kaonID" in found.index
    assert found.loc["binaryID", ["kind", "arguments"]].tolist() == ["meta-variable", "2"]
    with pytest.raises(BadParameters, match="name one"):
        hepnb.show_variables("proc13", site=small_site)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show_variables"], ["binaryID", "deltaLogL"]),
        (["show_collections", "--site", "SITE"], ["proc13", "MC15rd_prompt"]),
        (["show_db_content", "RUNS"], ["deep/second", "kaonID > 0.9", "no record"]),
    ],
)
def test_commands_of_the_same_names_print_the_same(runs, small_site, capsys, arguments, words):
    places = {"SITE": small_site, "RUNS": str(runs)}
    given = [places.get(each, each) for each in arguments]
    for as_json in ([], ["--json"]):
        with pytest.raises(SystemExit) as caught:
            cli.main([*given, *as_json])
        assert not caught.value.code
        out = capsys.readouterr().out
        assert all(word in out for word in words)
    assert isinstance(json.loads(out), list)
