"""Bias and coverage of the envelope in the setting of arXiv:1408.6865, with 1000 toys each.

Background of a power law, an exponential or a Laurent series on 110 to 150 GeV in 160 bins, a
Gaussian signal of 50.8 events at 125 GeV; every function has one parameter, so that the correction
changes nothing.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hepnb.background.profiling import BiasStudy, study_bias
from hepnb.background.signal import SumOfGaussians
from hepnb.background.spectrum import MassSpectrum

FUNCTIONS = ("powerlaw1", "exponential1", "laurent1", "bernstein1")
STRENGTHS = (0.0, 1.0, 2.0, 3.0)
EDGES = np.linspace(110.0, 150.0, 161)
SIGNAL = SumOfGaussians(expected=50.8, mean=125.0, sigma=1.19, lo=110.0, hi=150.0)
LIMITS = {"mean_pull": (-0.25, 0.25), "coverage_68": (0.64, 0.75), "coverage_95": (0.925, 0.975)}


class Falling:
    """A background given by its integral, scaled to a number of events."""

    def __init__(self, events: float, integral: Callable[[Any], Any]) -> None:
        self.events, self.integral = events, integral

    def expected(self, edges: Any) -> Any:
        """Give the events expected in each bin."""
        ends = self.integral(EDGES[[0, -1]])
        return self.events * np.diff(self.integral(np.asarray(edges))) / (ends[1] - ends[0])


def _two_powers(mass: Any) -> Any:
    # 90 % of m^-5, 10 % of m^-4, each normalised on the range
    parts = [mass**power / np.diff(EDGES[[0, -1]] ** power)[0] for power in (-4.0, -3.0)]
    return 0.9 * parts[0] + 0.1 * parts[1]


TRUTHS = {
    "power law": Falling(4194.0, lambda mass: mass**-3.91),
    "exponential": Falling(4231.0, lambda mass: np.exp(-0.0386 * mass)),
    "Laurent": Falling(4194.0, _two_powers),
}


def closure(
    toys: int,
    *,
    strengths: Sequence[float] = STRENGTHS,
    truths: Mapping[str, Falling] = TRUTHS,
    seed: int = 1408,
    jobs: int = 1,
) -> BiasStudy:
    """Study the bias of all functions and of their envelope."""
    blank = MassSpectrum(edges=EDGES, counts=np.zeros(len(EDGES) - 1))
    return study_bias(
        blank, truths, FUNCTIONS, SIGNAL, strengths=strengths, toys=toys, seed=seed, jobs=jobs
    )


def missed(study: BiasStudy) -> pd.DataFrame:
    """Rows of the envelope that are outside of the limits."""
    table = study.table[study.table["function"] == "envelope"]
    inside = [table[name].between(low, high) for name, (low, high) in LIMITS.items()]
    return table[~np.logical_and.reduce(inside)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--toys", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    begin, cpu = time.perf_counter(), time.process_time()
    study = closure(given.toys, jobs=given.jobs)
    wall, used = time.perf_counter() - begin, time.process_time() - cpu
    print("| truth | injected | power, exp, Laurent, line | envelope | width | 68.3 % | 95.4 % |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for (truth, injected), rows in study.table.groupby(["truth", "injected"], sort=False):
        row = rows.set_index("function")
        single = ", ".join(f"{row.loc[name, 'mean_pull']:+.2f}" for name in FUNCTIONS)
        own = row.loc["envelope"]
        pull = f"{own.mean_pull:+.3f} +- {own.mean_pull_err:.3f}"
        coverage = f"{own.coverage_68:.3f} | {own.coverage_95:.3f}"
        print(f"| {truth} | {injected:g} | {single} | {pull} | {own.width:.2f} | {coverage} |")
    print(f"failed: {int(study.table['failed'].sum())}")
    print(study.chosen.round(3).to_string())
    fits = len(study.toys) * len(FUNCTIONS) / (len(FUNCTIONS) + 1)
    print(f"{1e3 * wall / fits:.1f} ms wall, {1e3 * used / fits:.1f} ms CPU per toy and function")
    bad = missed(study)
    print("every target met" if bad.empty else bad.to_string())
    return len(bad)


if __name__ == "__main__":
    sys.exit(main())
