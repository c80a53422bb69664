"""Tracks whose PID variable is a Gaussian of known mean and width at each momentum and angle.

In data it is lower by 4 and wider by a quarter than in simulation (specs/pid.md, section 4.2); data
has 30 % background, another Gaussian, which sWeights of a known mass subtract.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from hepnb.data.sample import Sample
from hepnb.pid.subtraction.sweights import fit_yields, sweights

KINEMATICS = {"logp": [7.0, 12.0], "eta": [2.0, 4.5], "tracks": [0.5, 601.0]}


def kinematics(n, rng):
    """Columns of shape (n,): ln p, pseudorapidity and the number of tracks."""
    logp = np.clip(rng.normal(9.5, 0.7, n), 7.01, 11.99)
    tracks = np.clip(rng.poisson(rng.gamma(4, 40, n)), 1, 600).astype(float)
    return {"logp": logp, "eta": rng.uniform(2.0, 4.5, n), "tracks": tracks}


def response(columns, kind):
    """Distribution of the variable of signal at these kinematics."""
    lnp = columns["logp"] - 9.5
    mean, width = 30 - 9 * lnp - 0.03 * (columns["tracks"] - 150), 12 + 1.5 * lnp**2
    return stats.norm(mean - 4, 1.25 * width) if kind == "data" else stats.norm(mean, width)


def tracks(n, seed, kind):
    """Columns of n signal tracks with their variable ``dll``."""
    rng = np.random.default_rng(seed)
    columns = kinematics(n, rng)
    return columns | {"dll": response(columns, kind).rvs(random_state=rng)}


def calibration(n, seed):
    """Data of n candidates, 70 % of them signal, with sWeights of known shapes."""
    rng = np.random.default_rng(seed)
    columns = tracks(n, (seed, 1), "data")
    signal = rng.random(n) < 0.7
    columns["dll"] = np.where(signal, columns["dll"], rng.normal(-10, 25, n))
    mass = np.where(signal, rng.normal(0, 0.1, n), rng.uniform(-1, 1, n))
    densities = np.array([stats.norm(0, 0.1).pdf(mass), np.full(n, 0.5)])
    fit = fit_yields(lambda: [(densities, None)], np.array([0.7, 0.3]) * n)
    w = sweights(densities, fit.yields, fit.covariance)[:, 0]
    return Sample.from_frame(columns | {"w": w}, name="data", weights=("w",))


def simulation(n, seed):
    return Sample.from_frame(tracks(n, seed, "mc"), name="mc", kind="mc")
