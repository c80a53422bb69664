"""The embedded samples are what they say: their truth, their seeds, their files.

Statistical tests have fixed seeds and a false-alarm rate of at most 1e-4 each.
"""

from __future__ import annotations

import numpy as np
import pyarrow.parquet
import pytest
import uproot
from scipy import stats

from hepnb.background.categories import read_categories
from hepnb.background.reading import read_spectrum
from hepnb.background.samples import (
    CATEGORIES,
    FILES,
    embedded,
    hgg_masses,
    mgg_mjj,
    write_samples,
)
from hepnb.errors import BadParameters, OutputNotWritable

EDGES = np.linspace(100, 180, 41)


def truth(shares) -> np.ndarray:
    """Share of each bin, by formulas written anew."""
    parts = [np.exp(-0.06 * EDGES), EDGES**-3.0, np.exp(-0.008 * EDGES)]
    return sum(
        share * np.diff(part) / (part[-1] - part[0])
        for share, part in zip(shares, parts, strict=True)
    )


@pytest.mark.parametrize("name", list(CATEGORIES))
def test_the_background_follows_its_truth(name):
    one = CATEGORIES[name]
    masses = np.concatenate([hgg_masses(name, seed=seed, strength=0) for seed in range(4)])
    assert abs(len(masses) - 4 * one.background) < 4 * np.sqrt(4 * one.background)
    counts = np.histogram(masses, EDGES)[0]
    assert counts.sum() == len(masses)
    assert stats.chisquare(counts, truth(one.shares) * len(masses)).pvalue > 1e-4


@pytest.mark.parametrize("name", ["UntaggedTag_0", "VBFTag_0"])
def test_the_signal_is_added_on_the_same_background(name):
    one = CATEGORIES[name]
    without, with_signal = hgg_masses(name, strength=0), hgg_masses(name, strength=10)
    signal = np.setdiff1d(with_signal, without)
    assert np.isin(without, with_signal).all()
    assert abs(len(signal) - 10 * one.signal) < 4 * np.sqrt(10 * one.signal)
    assert abs(np.median(signal) - 125) < 0.5
    assert 0.8 < stats.iqr(signal) / (1.349 * one.resolution) < 1.4


def test_categories_differ_in_signal_over_background():
    ratios = [one.signal / one.background for one in CATEGORIES.values()]
    assert max(ratios) > 5 * min(ratios)


def test_the_plane_factorises_unless_asked_otherwise():
    def dependence(correlation: float) -> float:
        plane = mgg_mjj(seed=3, background=20_000, signal=0, correlation=correlation)
        assert all(column.size == plane["mass"].size for column in plane.values())
        return stats.spearmanr(plane["mass"], plane["mjj"]).pvalue

    assert dependence(0.0) > 1e-4
    assert dependence(1.0) < 1e-10
    plane = mgg_mjj(background=0, signal=500)
    assert abs(np.median(plane["mjj"]) - 118) < 4


def test_seeds_tell_all():
    np.testing.assert_array_equal(hgg_masses("VBFTag_0"), hgg_masses("VBFTag_0"))
    assert not np.isin(hgg_masses("VBFTag_0", seed=2), hgg_masses("VBFTag_0")).any()
    np.testing.assert_array_equal(mgg_mjj()["mjj"], mgg_mjj()["mjj"])


def test_the_files_hold_the_candidates_in_trees():
    with uproot.open(embedded("hgg.root")) as file:
        assert set(file.classnames().values()) == {"TTree"}
        for name in CATEGORIES:
            masses = file[f"Data_13TeV_{name}"]["mass"].array(library="np")
            np.testing.assert_array_equal(masses, hgg_masses(name))
    assert pyarrow.parquet.read_table(embedded("hhbbgg.parquet")).column_names == ["mass", "mjj"]
    assert all(embedded(name).is_file() for name in FILES)


def test_simulation_weighs_what_is_expected():
    for name, one in CATEGORIES.items():
        for file, expected in (("hgg_signal", one.signal), ("hgg_background", one.background)):
            options = {"category": name, "weight": "weight"}
            spectrum = read_spectrum(embedded(f"{file}.root"), **options)
            # gamma weights of relative width 0.316 on 20,000 candidates: 0.22 %
            assert spectrum.total == pytest.approx(expected, rel=0.01)


def test_no_file_stands_for_the_embedded_sample():
    spectra = read_categories("", blind=(115, 135))
    assert list(spectra) == list(CATEGORIES)
    assert all(each.blind == ((115.0, 135.0),) and not each.dropped for each in spectra.values())
    one = read_spectrum("", category="VBFTag_0", blind=(115, 135))
    np.testing.assert_array_equal(one.masses, spectra["VBFTag_0"].masses)


def test_samples_of_any_seed_and_strength_can_be_written(tmp_path):
    out = write_samples(tmp_path / "new", seed=7, strength=0)
    np.testing.assert_array_equal(
        read_spectrum(out / "hgg.root", category="VBFTag_0").masses,
        np.sort(hgg_masses("VBFTag_0", seed=7, strength=0)),
    )
    with pytest.raises(OutputNotWritable, match="cannot be written"):
        write_samples(tmp_path / "new")


def test_what_there_is_not_is_named():
    with pytest.raises(BadParameters, match="did you mean 'VBFTag_0'"):
        hgg_masses("VBFTag_1")
    with pytest.raises(BadParameters, match=r"did you mean 'hgg\.root'"):
        embedded("hggg.root")
    with pytest.raises(BadParameters, match="numbers from 0"):
        hgg_masses("VBFTag_0", strength=-1)
    with pytest.raises(BadParameters, match="at most 1"):
        mgg_mjj(correlation=2)
