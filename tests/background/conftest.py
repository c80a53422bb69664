"""What several tests of background modelling share: a small f-test, made by hand."""

import numpy as np
import pytest

from hepnb.background.fitting import fit_background
from hepnb.background.ftest import Choice, FTest, TestedFit, asymptotic_goodness
from hepnb.background.spectrum import MassSpectrum

NAN = float("nan")


def falling(events=800, bins=40, blind=None, category="Untagged Tag/0"):
    """Counts of a falling spectrum on [100, 180], a window of it hidden."""
    edges = np.linspace(100.0, 180.0, bins + 1)
    share = -np.diff(np.exp(-0.03 * edges))
    counts = np.random.default_rng(7).multinomial(events, share / share.sum()).astype(float)
    shown = np.ones(bins, bool)
    if blind:
        shown = (edges[1:] <= blind[0]) | (edges[:-1] >= blind[1])
    dropped = {"above": 3}
    return MassSpectrum(
        edges, np.where(shown, counts, 0.0), shown, category=category, dropped=dropped
    )


def small_test(spectrum, functions=(("bernstein", 2), ("exponential", 1), ("laurent", 1))):
    """An f-test as it could come out: all but the last function in the envelope."""
    fits = [fit_background(spectrum, *each) for each in functions]
    tested = tuple(
        TestedFit(
            fit,
            NAN,
            0,
            NAN,
            0.25,
            0.02,
            200,
            asymptotic_goodness(fit),
            accepted=fit is not fits[-1],
        )
        for fit in fits
    )
    names = tuple(fit.name for fit in fits)
    truth = {"bernstein": 2, "exponential": 1, "powerlaw": None, "laurent": 1}
    choice = Choice(truth, names[:-1], names[1], {names[-1]: "goodness of fit 0.001 < 0.01"})
    settings = {"alpha": 0.05, "penalty": 1.0, "seed": np.int64(11), "families": ("bernstein",)}
    return FTest(spectrum, tested, choice, settings)


@pytest.fixture(scope="session")
def falling_spectrum():
    """Make a falling spectrum: events, bins, blind window, category."""
    return falling


@pytest.fixture(scope="session")
def ftest_by_hand():
    """Make an f-test of a spectrum with the functions named, all but the last in the envelope."""
    return small_test
