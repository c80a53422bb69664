"""A mass spectrum is half open, ascending, never negative, and holds nothing that is hidden."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from hepnb.background.spectrum import MassSpectrum, hidden_bins
from hepnb.errors import BadParameters, BadTable

EDGES = np.linspace(100.0, 180.0, 9)


def masses(n: int = 500, seed: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).uniform(100, 180, n)


def blinded() -> MassSpectrum:
    visible = ~hidden_bins(EDGES, ((115.0, 135.0),))
    return MassSpectrum(EDGES, np.where(visible, 5.0, 0.0), visible)


def test_counts_equal_those_of_numpy_below_the_last_edge():
    values = masses()
    filled = MassSpectrum(EDGES, np.zeros(8)).with_masses(values)
    np.testing.assert_array_equal(filled.counts, np.histogram(values, EDGES)[0])
    np.testing.assert_array_equal(filled.masses, np.sort(values))
    assert filled.total == 500
    assert filled.dropped == {}


def test_row_4_bins_are_half_open_and_what_is_out_is_counted():
    values = [99.999, -np.inf, 100.0, 110.0, 180.0, np.inf, np.nan, np.nextafter(180.0, 0)]
    filled = MassSpectrum(EDGES, np.zeros(8)).with_masses(values)
    assert filled.counts.tolist() == [1, 1, 0, 0, 0, 0, 0, 1]
    assert filled.dropped == {"below": 2, "above": 2, "nan": 1}


def test_row_10_a_window_hides_every_bin_that_it_overlaps():
    assert blinded().blind == ((110.0, 140.0),)
    assert blinded().visible_runs == ((100.0, 110.0), (140.0, 180.0))
    assert not hidden_bins(EDGES, ((110.0, 120.0),))[[0, 2]].any()


def test_an_edge_that_differs_by_rounding_is_not_overlapped():
    edges = np.array([100.0, 115.0 + 1e-13, 120.0])
    assert hidden_bins(edges, ((115.0, 120.0),)).tolist() == [False, True]


def test_two_windows_are_two_hidden_runs():
    visible = ~hidden_bins(EDGES, ((110.0, 120.0), (150.0, 160.0)))
    both = MassSpectrum(EDGES, visible * 1.0, visible)
    assert both.blind == ((110.0, 120.0), (150.0, 160.0))


def test_row_10_hidden_counts_are_refused_and_never_filled():
    visible = ~hidden_bins(EDGES, ((115.0, 135.0),))
    with pytest.raises(BadTable, match="hidden bins hold counts"):
        MassSpectrum(EDGES, np.ones(8), visible)
    assert blinded().with_counts(np.full(8, 7.0)).total == 5 * 7.0
    filled = blinded().with_masses([105.0, 125.0, 150.0])
    assert filled.masses.tolist() == [105.0, 150.0]
    assert filled.total == 2
    assert filled.dropped == {}


def test_rebinning_keeps_what_is_visible_and_counts_what_it_hides():
    values = masses()
    fine = MassSpectrum(EDGES, np.zeros(8)).with_masses(values)
    coarse = fine.rebinned(2)
    np.testing.assert_array_equal(coarse.counts, fine.counts.reshape(4, 2).sum(axis=1))
    assert coarse.total == coarse.masses.size == 500
    beside = blinded().rebinned(4)
    assert beside.total == 20
    assert beside.dropped == {"beside_blind": 5}
    hidden = blinded().with_masses([105.0, 150.0]).rebinned(2)
    assert hidden.masses.tolist() == [150.0]


def test_rebinning_needs_a_divisor():
    with pytest.raises(BadParameters, match="8 bins cannot be merged by 3"):
        blinded().rebinned(3)


def test_row_5_negative_contents_are_refused_with_the_remedy():
    counts = np.ones(8)
    counts[2:4] = -0.5
    with pytest.raises(BadTable, match=r"\[120, 130\) holds -0.5, and 1 more.*merge bins"):
        MassSpectrum(EDGES, counts)


@pytest.mark.parametrize(
    ("edges", "counts", "said"),
    [
        ([100, 120, 110], [1, 1], "do not ascend"),
        ([100, np.inf], [1], "do not ascend"),
        ([100], [], "do not ascend"),
        ([100, 110, 120], [1], r"counts of shape \(1,\) for 2 bins"),
        ([100, 110, 120], [1, np.nan], "holds nan"),
    ],
)
def test_what_is_no_spectrum_is_refused(edges, counts, said):
    with pytest.raises(BadTable, match=said):
        MassSpectrum(edges, counts)


def test_masses_that_are_not_those_counted_are_refused():
    with pytest.raises(BadTable, match="different candidates"):
        MassSpectrum(EDGES, np.ones(8), masses=np.array([101.0]))
    with pytest.raises(BadTable, match="must ascend"):
        MassSpectrum(EDGES, np.eye(8)[0] * 2, masses=np.array([102.0, 101.0]))


def test_row_1_an_empty_spectrum_is_allowed():
    empty = MassSpectrum(EDGES, np.zeros(8))
    assert empty.total == 0
    assert empty.with_masses([]).masses.size == 0


def test_a_spectrum_cannot_be_written_to_and_travels_to_workers():
    spectrum = blinded().with_masses([105.0, 200.0])
    copy = pickle.loads(pickle.dumps(spectrum))
    for each in (spectrum, copy):
        assert each.dropped == {"above": 1}
        for array in (each.counts, each.edges, each.visible, each.masses):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1
        with pytest.raises(TypeError):
            each.dropped["above"] = 0
