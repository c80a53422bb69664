"""Spectra of the background benchmarks: plain lists, so that every peer reads the same ones."""

import os
from pathlib import Path

import numpy as np

#: the 18 functions of one category, and Bernstein 7, which the reference folder has too
FUNCTIONS = (
    *(("bernstein", order) for order in range(1, 8)),
    *(("exponential", order) for order in (1, 3, 5)),
    *(("powerlaw", order) for order in (1, 3, 5)),
    *(("laurent", order) for order in range(1, 7)),
)
EXTRA = "bernstein7"
LO, HI, BINS = 100.0, 180.0, 320


def generated(events: int, seed: int) -> dict[str, list[float]]:
    """Throw 60 % exp(-0.06 m) + 25 % m^-4 + 15 % exp(-0.008 m) on [100, 180]."""
    rng = np.random.default_rng(seed)
    edges = np.linspace(LO, HI, BINS + 1)

    def share(below: np.ndarray) -> np.ndarray:
        return np.diff(below) / (below[-1] - below[0])

    truth = 0.60 * share(-np.exp(-0.06 * edges)) + 0.25 * share(-(edges**-3.0))
    truth += 0.15 * share(-np.exp(-0.008 * edges))
    counts = rng.multinomial(events, truth / truth.sum())
    return {"edges": edges.tolist(), "counts": counts.astype(float).tolist()}


def reference_sets() -> dict[str, dict[str, list[float]]]:
    """Histograms of the reference folder, where $HEPNB_OPEN_DATA has it."""
    folder = Path(os.environ.get("HEPNB_OPEN_DATA", "nowhere")) / "ftest_reference"
    sets = {}
    for name in ("low300", "mid10k"):
        file = folder / f"{name}_hist320.csv"
        if file.exists():
            rows = np.loadtxt(file, delimiter=",", skiprows=1)
            sets[name] = {"edges": [*rows[:, 0], rows[-1, 1]], "counts": rows[:, 2].tolist()}
    return sets
