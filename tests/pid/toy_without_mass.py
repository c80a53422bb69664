"""Candidates of a mode without a mass to fit: signal, two backgrounds, and the truth of each bin.

Kinematics differ between species; two features tell them apart, and move with the momentum; the
efficiency of ``pid > 0.5`` is a number per species and bin, so that truth is exact. Simulation may
have another efficiency for signal (as it has in life) and for backgrounds.
"""

from __future__ import annotations

import numpy as np

from hepnb.data.sample import Sample

BINNING = {"p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0], "cosTheta": [-0.8, -0.2, 0.3, 0.6, 0.95]}
CUT = "pid > 0.5"
SPECIES = {"signal": "species == 0", "pions": "species == 1", "conversions": "species == 2"}
FEATURES = ("eop", "visible")

_BINS = [len(edges) - 1 for edges in BINNING.values()]
_I, _J = np.indices(_BINS)
EFFICIENCY = np.array(
    [0.95 - 0.03 * _I - 0.04 * _J, 0.08 + 0.03 * _I + 0.02 * _J, 0.65 - 0.05 * _I + 0.02 * _J]
)
# slope of p and of cosTheta; centres of the two features
_KINEMATICS = ((2.0, 0.0), (0.9, -0.5), (1.5, 0.8))
_CENTRES = ((1.0, 0.3), (-0.7, 0.0), (0.6, 1.9))


def candidates(numbers, rng, *, efficiency=EFFICIENCY, separation=1.0):
    """Columns of so many candidates of each species, in random order."""
    parts = []
    for species, n in enumerate(numbers):
        rate, slope = _KINEMATICS[species]
        low, high = 0.5, 4.0
        u = rng.random(n)
        p = low - rate * np.log(1 - u * (1 - np.exp(-(high - low) / rate)))
        cos = _linear(rng.random(n), slope)
        i = np.searchsorted(BINNING["p"], p, side="right") - 1
        j = np.searchsorted(BINNING["cosTheta"], cos, side="right") - 1
        passing = rng.random(n) < efficiency[species][np.clip(i, 0, _BINS[0] - 1), j]
        x, y = _CENTRES[species]
        parts.append(
            {
                "p": p,
                "cosTheta": cos,
                # two flat pieces: a PID variable on either side of the requirement
                "pid": 0.5 * rng.random(n) + 0.5 * passing + 1e-9,
                "eop": rng.normal(separation * x + 0.1 * p, 0.7),
                "visible": rng.normal(separation * y - 0.05 * p, 0.7),
                "species": np.full(n, float(species)),
            }
        )
    order = rng.permutation(sum(numbers))
    return {name: np.concatenate([each[name] for each in parts])[order] for name in parts[0]}


def _linear(u, slope):
    """Quantile of a density 1 + slope * t in t of [-1, 1], moved to [-0.8, 0.95]."""
    t = 2 * u - 1 if slope == 0 else (-1 + np.sqrt((1 - slope) ** 2 + 4 * slope * u)) / slope
    return -0.8 + 1.75 * 0.9999999 * (t + 1) / 2


def data(numbers, seed, **options):
    columns = candidates(numbers, np.random.default_rng(seed), **options)
    return Sample.from_frame(columns, name="toy", kind="data")


def simulation(numbers, seed, *, signal_shift=0.03, background_factor=1.0, **options):
    """Simulation whose signal passes more often, and whose backgrounds may do so too."""
    shift = np.array([signal_shift, 0.0, 0.0]).reshape(3, 1, 1)
    factor = np.array([1.0, background_factor, background_factor]).reshape(3, 1, 1)
    rng = np.random.default_rng(seed)
    columns = candidates(numbers, rng, efficiency=EFFICIENCY * factor + shift, **options)
    return Sample.from_frame(columns, name="toy MC", kind="mc", truth="species == 0")
