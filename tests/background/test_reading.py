"""Spectra of every kind of source agree; what is hidden is nowhere; what is lost is counted."""

from __future__ import annotations

import json

import hist
import numpy as np
import pandas as pd
import pytest
import uhi.io.json
import uproot

from hepnb.background import filling
from hepnb.background.categories import file_stem, read_categories
from hepnb.background.reading import read_spectrum
from hepnb.data.sample import Sample
from hepnb.errors import (
    BadParameters,
    BadTable,
    BadVariable,
    CutSyntaxError,
    UnknownVariable,
    UnreadableFile,
)

SPAN = {"range": (100.0, 180.0), "bins": 8}


@pytest.fixture(scope="module")
def masses() -> np.ndarray:
    return np.random.default_rng(4).uniform(100, 180, 1000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, masses):
    """The same candidates in every format, and their histogram in three."""
    place = tmp_path_factory.mktemp("spectra")
    frame = pd.DataFrame({"mass": masses, "pt": np.arange(1000.0), "w": np.full(1000, 0.5)})
    frame.to_csv(place / "masses.csv", index=False)
    frame[["mass"]].rename(columns={"mass": "m_gg"}).to_csv(place / "one.csv", index=False)
    frame.to_parquet(place / "masses.parquet")
    with uproot.recreate(place / "masses.root") as file:
        file.mktree("tree", dict.fromkeys(frame, "f8")).extend(
            {name: frame[name].to_numpy() for name in frame}
        )
    counts, edges = np.histogram(masses, 8, (100, 180))
    rows = pd.DataFrame({"lo": edges[:-1], "hi": edges[1:], "count": counts})
    rows.to_csv(place / "rows.csv", index=False)
    rows.to_parquet(place / "rows.parquet")
    filled = hist.Hist.new.Reg(8, 100, 180, name="mass").Double().fill(masses)
    (place / "one.json").write_text(json.dumps(filled, default=uhi.io.json.default))
    two = {"data": filled, "other": filled * 2}
    (place / "two.json").write_text(json.dumps(two, default=uhi.io.json.default))
    return place


@pytest.mark.parametrize(
    "name", ["masses.csv", "one.csv", "masses.parquet", "masses.root", "rows.csv", "rows.parquet"]
)
def test_every_format_gives_the_counts_of_numpy(folder, masses, name):
    spectrum = read_spectrum(folder / name, **SPAN)
    np.testing.assert_array_equal(spectrum.counts, np.histogram(masses, 8, (100, 180))[0])
    assert not spectrum.weighted
    assert spectrum.dropped == {}
    if not name.startswith("rows"):
        # CSV, Parquet and ROOT all keep the last bit
        np.testing.assert_array_equal(spectrum.masses, np.sort(masses))


def test_arrays_frames_samples_and_histograms_give_the_same_counts(folder, masses):
    expected = np.histogram(masses, 8, (100, 180))[0]
    filled = hist.Hist.new.Reg(8, 100, 180, name="m").Weight().fill(masses)
    for source in (
        masses,
        masses.tolist(),
        pd.Series(masses),
        pd.DataFrame({"mass": masses}),
        {"mass": masses},
        Sample.from_frame({"anything": masses, "pt": masses}, mass="anything"),
        [folder / "masses.csv"],
        filled,
        folder / "one.json",
    ):
        np.testing.assert_array_equal(read_spectrum(source, **SPAN).counts, expected)
    assert read_spectrum(filled).variable == "m"
    assert read_spectrum(folder / "two.json", tree="other").total == 2000
    assert read_spectrum([folder / "masses.csv", folder / "masses.root"]).total == 2000


def test_the_defaults_are_100_to_180_in_320_bins_and_those_of_the_counts(folder, masses):
    assert len(read_spectrum(masses).counts) == 320
    np.testing.assert_array_equal(read_spectrum(masses).edges, 100 + np.arange(321) / 4)
    assert len(read_spectrum(folder / "rows.csv").counts) == 8
    narrow = read_spectrum(folder / "rows.csv", range=(110, 150), bins=2)
    assert narrow.edges.tolist() == [110, 130, 150]
    assert narrow.dropped == {
        "below": (masses < 110).sum(),
        "above": (masses >= 150).sum(),
    }


def test_steps_of_a_tenth_meet_round_numbers_exactly():
    edges = read_spectrum([], bins=800).edges
    np.testing.assert_array_equal(edges, [round(100 + i / 10, 1) for i in range(801)])


def test_cuts_and_variables_are_of_the_one_language(folder, masses):
    spectrum = read_spectrum(folder / "masses.root", mass="mass * 1", cut="[pt < 10] or [pt > 990]")
    chosen = np.concatenate([masses[:10], masses[991:]])
    np.testing.assert_array_equal(spectrum.masses, np.sort(chosen))
    with pytest.raises(UnknownVariable, match="did you mean"):
        read_spectrum(folder / "masses.csv", mass="masss")
    with pytest.raises(CutSyntaxError):
        read_spectrum(folder / "masses.csv", cut="pt >")


def test_the_counts_do_not_depend_on_the_chunks(monkeypatch, folder):
    whole = read_spectrum(folder / "masses.csv")
    iterate = Sample.iterate
    monkeypatch.setattr(
        Sample, "iterate", lambda self, *a, **k: iterate(self, *a, chunk_size=7, **k)
    )
    np.testing.assert_array_equal(read_spectrum(folder / "masses.csv").masses, whole.masses)


def test_many_candidates_are_counted_and_not_kept(monkeypatch, masses):
    monkeypatch.setattr(filling, "MOST_MASSES", 100)
    spectrum = read_spectrum(masses)
    assert spectrum.masses is None
    assert spectrum.total == 1000


def test_row_1_no_candidates_and_empty_bins_are_allowed(tmp_path):
    (tmp_path / "none.csv").write_text("mass\n")
    (tmp_path / "bins.csv").write_text("lo,hi,count\n100,140,0\n140,180,0\n")
    for source in ("none.csv", "bins.csv"):
        assert read_spectrum(tmp_path / source).total == 0
    assert read_spectrum([]).masses.size == 0


def test_row_4_edges_nan_and_infinities_are_counted_in_every_table(tmp_path):
    values = [100.0, 180.0, 99.0, np.nan, np.inf, -np.inf, 101.0, 102.0, 103.0]
    path = tmp_path / "odd.parquet"
    pd.DataFrame({"mass": values}).to_parquet(path)
    for source in (np.array(values), path):
        spectrum = read_spectrum(source)
        assert spectrum.masses.tolist() == [100.0, 101.0, 102.0, 103.0]
        assert spectrum.dropped == {"below": 2, "above": 2, "nan": 1}


def test_row_4_flow_bins_are_counted():
    filled = hist.Hist.new.Reg(2, 100, 180).Double().fill([0.0, 110.0, 150.0, 180.0, 500.0])
    assert read_spectrum(filled).dropped == {"below": 1, "above": 2}


def test_row_5_positive_weights_sum_and_keep_no_masses(masses, folder):
    spectrum = read_spectrum(folder / "masses.root", weight="w", **SPAN)
    np.testing.assert_allclose(spectrum.counts, np.histogram(masses, 8, (100, 180))[0] / 2)
    assert spectrum.weighted
    assert spectrum.masses is None
    unknown = {"mass": masses, "w": np.where(masses < 110, np.nan, 1.0)}
    assert read_spectrum(unknown, weight="w").dropped == {"bad_weight": (masses < 110).sum()}


def test_row_5_a_negative_bin_is_refused_and_a_negative_candidate_is_not(masses):
    table = {"mass": np.array([105.0, 105.0, 115.0]), "w": np.array([2.0, -0.5, -1.0])}
    with pytest.raises(BadTable, match=r"\[110, 120\) holds -1.*merge bins"):
        read_spectrum(table, weight="w", **SPAN)
    assert read_spectrum(table, weight="w", range=(100, 180), bins=4).counts[0] == 0.5


@pytest.mark.parametrize("name", ["masses.csv", "masses.root", "rows.csv", "one.json"])
def test_row_10_a_window_hides_every_bin_that_it_overlaps(folder, masses, name):
    spectrum = read_spectrum(folder / name, blind=(115, 135), **SPAN)
    assert spectrum.blind == ((110.0, 140.0),)
    assert spectrum.counts[1:4].tolist() == [0, 0, 0]
    assert spectrum.total == ((masses < 110) | (masses >= 140)).sum()
    assert spectrum.dropped == {}
    if spectrum.masses is not None:
        assert not ((spectrum.masses >= 110) & (spectrum.masses < 140)).any()


@pytest.mark.parametrize("weight", ["", "w"])
def test_row_10_a_spectrum_does_not_change_with_what_its_window_holds(masses, weight):
    rng = np.random.default_rng(8)
    outside = masses[(masses < 115) | (masses >= 135)]
    ordinary = np.concatenate([outside, [np.nan, 90.0, 181.0]])
    read = []
    for inside in (np.empty(0), np.full(100_000, 125.0), rng.uniform(115, 135, 30)):
        every = rng.permutation(np.concatenate([ordinary, inside]))
        hidden = (every >= 115) & (every < 135)
        # weights in the window are as bad as can be
        weights = np.where(hidden, rng.choice([np.nan, -5.0, 1e9], len(every)), 1.0)
        read.append(
            read_spectrum({"mass": every, "w": weights}, blind=(115.0, 135.0), weight=weight)
        )
    for each in read[1:]:
        np.testing.assert_array_equal(each.counts, read[0].counts)
        np.testing.assert_array_equal(each.masses, read[0].masses)
        assert each.dropped == read[0].dropped == {"below": 1, "above": 1, "nan": 1}
        assert repr(each) == repr(read[0])


@pytest.mark.parametrize("hidden", ["0", "999999", "-5", "nan"])
def test_row_10_rows_of_a_window_may_hold_anything(tmp_path, hidden):
    path = tmp_path / "rows.csv"
    path.write_text(f"lo,hi,count\n100,110,3\n110,120,{hidden}\n120,130,{hidden}\n130,140,2\n")
    spectrum = read_spectrum(path, blind=(112, 124))
    assert spectrum.counts.tolist() == [3, 0, 0, 2]
    assert spectrum.dropped == {}


def test_row_10_a_merged_bin_that_overlaps_the_window_is_hidden(folder):
    spectrum = read_spectrum(folder / "rows.csv", blind=(112, 119), bins=4)
    assert spectrum.blind == ((100.0, 120.0),)
    assert spectrum.counts[0] == 0


def test_row_10_unblinding_is_the_only_way_to_see(masses):
    shown = read_spectrum(masses, blind=(115, 135), unblind=True)
    assert shown.blind == ()
    np.testing.assert_array_equal(shown.masses, np.sort(masses))
    assert read_spectrum(masses, unblind=True).total == 1000


def test_row_10_several_windows_may_be_hidden(masses):
    spectrum = read_spectrum(masses, blind=[(110, 120), (150, 160)], **SPAN)
    assert spectrum.blind == ((110, 120), (150, 160))


@pytest.mark.parametrize(
    ("blind", "said"),
    [
        ((115000, 135000), "hides nothing"),
        ((100, 180), "hides all"),
        ((135, 115), "the lower one first"),
        ((115,), "give two numbers"),
        ((115, np.nan), "finite"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(masses, blind, said):
    with pytest.raises(BadParameters, match=said):
        read_spectrum(masses, blind=blind)


def test_a_range_that_misses_more_than_half_is_refused_with_the_remedy(masses):
    with pytest.raises(BadTable, match=r"1000 candidates.*100\d\d\d.*'mass / 1000'"):
        read_spectrum(masses * 1000)
    assert read_spectrum({"mass": masses * 1000}, mass="mass / 1000").total == 1000
    with pytest.raises(BadTable, match="outside of the range"):
        read_spectrum(masses, range=(200, 300))
    # a range that somebody chose may leave out what it likes
    assert read_spectrum(masses, range=(120, 130)).total == ((masses >= 120) & (masses < 130)).sum()


def test_a_candidate_that_is_alone_in_the_window_does_no_harm():
    spectrum = read_spectrum([125.0, 90.0], blind=(115, 135))
    assert spectrum.total == 0
    assert spectrum.dropped == {"below": 1}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("lo,hi,count\n100,110,1\n111,120,1\n", "row 2 .* leaves a gap"),
        ("lo,hi,count\n100,110,1\n109,120,1\n", "row 2 .* overlaps"),
        ("lo,hi,count\n110,120,1\n100,110,1\n", "row 2 .* overlaps"),
        ("lo,hi,count\n100,100,1\n", "row 1 .* lo < hi"),
        ("lo,hi,count\n100,nan,1\n", "row 1 .* finite"),
        ("lo,hi,count\n100,110,1\n110,120,\n", r"\[110, 120\) holds nan"),
        ("lo,hi,count\n100,110,1\n110,120,-3\n", r"\[110, 120\) holds -3.*merge bins"),
        ("lo,hi,count\n", "has no rows"),
        ("lo,hi\n100,110\n", "has no column count"),
        ("hi,count\n100,110\n", "has no column lo"),
    ],
)
def test_rows_that_are_no_histogram_are_refused(tmp_path, rows, said):
    path = tmp_path / "rows.csv"
    path.write_text(rows)
    with pytest.raises(BadTable, match=said):
        read_spectrum(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"range": (105, 180)}, "105, which is no bin edge"),
        ({"bins": 3}, "cannot be made 3"),
        ({"weight": "w"}, "leave out weight and cut"),
    ],
)
def test_counts_cannot_be_split(folder, options, said):
    with pytest.raises(BadParameters, match=said):
        read_spectrum(folder / "rows.csv", **options)


def test_counts_that_are_not_whole_are_weighted(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("lo,hi,count\n100,110,1.5\n110,120,2\n")
    assert read_spectrum(path).weighted


def test_row_13_any_range_is_read():
    spectrum = read_spectrum([9.2, 9.5], range=(9.0, 9.7), bins=70)
    assert (spectrum.lo, spectrum.hi) == (9.0, 9.7)
    assert spectrum.edges[50] == 9.5
    assert read_spectrum([-5.0, 5.0], range=(-10, 10)).total == 2


@pytest.mark.parametrize(
    ("content", "name", "error", "said"),
    [
        ("{}", "h.json", UnreadableFile, "holds no histogram"),
        ("not json", "h.json", UnreadableFile, "cannot be read as JSON"),
        ('{"axes": [], "storage": {}}', "h.json", UnreadableFile, "no valid UHI"),
        ("lo,hi,count\n100,110,many\n", "r.csv", BadVariable, "'count' is text"),
        ("mass\nheavy\n", "m.csv", BadVariable, "is text"),
        ("", "m.csv", UnreadableFile, "empty"),
    ],
)
def test_a_file_that_is_no_spectrum_says_why(tmp_path, content, name, error, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(error, match=said):
        read_spectrum(tmp_path / name)


def test_other_sources_that_are_no_spectrum_say_why(tmp_path, folder):
    with pytest.raises(UnreadableFile, match="no file"):
        read_spectrum(tmp_path / "absent.csv")
    with pytest.raises(BadTable, match="shape"):
        read_spectrum(np.ones((2, 2)))
    with pytest.raises(BadTable, match="2 axes"):
        read_spectrum(hist.Hist.new.Reg(2, 0, 1).Reg(2, 0, 1).Double())
    with pytest.raises(UnreadableFile, match="say which as `tree`"):
        read_spectrum(folder / "two.json")
    with pytest.raises(UnknownVariable):
        read_spectrum({"a": [1.0], "b": [2.0]})
    with pytest.raises(BadParameters, match="bins = 0"):
        read_spectrum([], bins=0)


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    path = tmp_path_factory.mktemp("trees") / "allData.root"
    with uproot.recreate(path) as file:
        for number, name in enumerate(("UntaggedTag_0", "VBF")):
            tree = file.mktree(f"folder/Data_13TeV_{name}", {"mass": "f8"})
            tree.extend({"mass": np.full(10 + number, 110.0 + 30 * number)})
    return path


def test_each_tree_of_a_file_is_a_category(trees):
    spectra = read_categories(trees, blind=(115, 135))
    assert {name: each.total for name, each in spectra.items()} == {"UntaggedTag_0": 10, "VBF": 11}
    assert all(each.category == name and each.blind for name, each in spectra.items())
    assert list(read_categories(trees, categories=["VBF"])) == ["VBF"]
    with pytest.raises(BadParameters, match="did you mean 'VBF'"):
        read_categories(trees, categories=["VBFF"])


def test_a_tree_is_found_by_its_category(trees):
    assert read_spectrum(trees, category="VBF").total == 11
    assert read_spectrum(trees, tree="folder/Data_13TeV_VBF").total == 11
    for category in ("", "ggH"):
        with pytest.raises(UnreadableFile, match="say which as `tree`"):
            read_spectrum(trees, category=category)


def test_a_column_of_words_or_numbers_tells_the_category(tmp_path, masses):
    words = np.array(["VBF Tag/0", "ggH"])[np.arange(1000) % 2]
    frame = pd.DataFrame({"mass": masses, "cat": np.arange(1000) % 2, "name": words, "w": 2.0})
    frame.to_parquet(tmp_path / "all.parquet")
    options = {"cut": "mass < 150", "blind": (115, 135)}
    by_number = read_categories(tmp_path / "all.parquet", by="cat", **options)
    by_word = read_categories(tmp_path / "all.parquet", by="name", **options)
    assert list(by_number) == ["cat0", "cat1"]
    assert list(by_word) == ["VBF Tag/0", "ggH"]
    for number, word in zip(by_number.values(), by_word.values(), strict=True):
        np.testing.assert_array_equal(number.masses, word.masses)
    expected = masses[::2][(masses[::2] < 115) | ((masses[::2] >= 135) & (masses[::2] < 150))]
    np.testing.assert_array_equal(by_number["cat0"].masses, np.sort(expected))
    weighted = read_categories(frame, by="name", weight="w", categories=["ggH"])
    assert weighted["ggH"].total == 1000


def test_a_column_that_tells_no_category_is_refused(masses):
    with pytest.raises(BadTable, match="more than 200 values"):
        read_categories({"mass": masses}, by="mass")
    with pytest.raises(BadTable, match="'c' is NaN for some"):
        read_categories({"mass": masses[:2], "c": [np.nan, 1.0]}, by="c")


def test_files_and_mappings_are_categories(folder, masses):
    one = read_categories([folder / "masses.csv", folder / "one.csv"])
    assert list(one) == ["masses", "one"]
    assert read_categories({"a/b": masses, "c": folder / "rows.csv"})["a/b"].total == 1000
    with pytest.raises(BadParameters, match="share names"):
        read_categories([folder / "masses.csv", folder / "masses.root"])
    with pytest.raises(BadParameters, match="use read_spectrum"):
        read_categories(masses)


def test_row_15_names_of_categories_are_safe_and_unique_in_names_of_files():
    names = [
        "VBF Tag/0",
        "VBF Tag_0",
        "VBF_Tag_0",
        "..",
        "",
        "a\x00b",
        "é",
        "x" * 300,
        "../etc",
        "-p",
    ]
    stems = [file_stem(name) for name in names]
    assert len(set(stems)) == len(names)
    for stem in stems:
        assert stem.isascii()
        assert len(stem) <= 90
        assert not set(stem) & set('/\\ :*?"<>|\x00')
        assert stem[0] not in ".-"
    assert file_stem("UntaggedTag_0") == "UntaggedTag_0"


def test_the_reference_counts_are_those_of_the_reference_events(open_data_folder):
    place = open_data_folder / "ftest_reference"
    if not place.is_dir():
        pytest.skip("the f-test reference is not in the folder of open data")
    for name in ("low300", "mid10k"):
        events = read_spectrum(place / f"{name}_events.csv")
        counted = read_spectrum(place / f"{name}_hist320.csv")
        np.testing.assert_array_equal(events.counts, counted.counts)
        np.testing.assert_array_equal(events.edges, counted.edges)
        assert events.dropped == counted.dropped == {}


def test_the_sidebands_of_the_upsilon_are_read(open_data_folder):
    path = open_data_folder / "cms2011" / "upsilon_mumu.csv"
    spectrum = read_spectrum(path, mass="M", range=(9.0, 9.7), bins=70, blind=(9.3, 9.6))
    values = pd.read_csv(path)["M"].to_numpy()
    assert spectrum.blind == ((9.3, 9.6),)
    assert spectrum.total == (((values >= 9.0) & (values < 9.3)) | (values >= 9.6)).sum()


@pytest.mark.parametrize("rows", [False, True], ids=["masses", "counts"])
def test_numbers_without_a_first_line_of_names_are_read_too(tmp_path, rows):
    path = tmp_path / "bare.csv"
    path.write_text("# made by hand\n100,110,3\n110,120,2\n" if rows else "101.5\n117\n180\n")
    found = read_spectrum(path)
    assert found.total == (5 if rows else 2)
    assert found.dropped == ({} if rows else {"above": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [("1,2\n3,4\n", "2 columns without names"), ("101\nabc\n", "give numbers only")],
)
def test_numbers_without_names_that_mean_nothing_are_refused(tmp_path, text, message):
    path = tmp_path / "bare.csv"
    path.write_text(text)
    with pytest.raises(BadTable, match=message):
        read_spectrum(path)
