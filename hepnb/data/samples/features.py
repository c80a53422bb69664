"""Columns of the whole candidate that come beside its tracks: features, and a pi0.

They have random numbers of their own, so that what else is generated does not depend on them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepnb.data.samples.kinematics import BOOST
from hepnb.data.samples.modes import Feature, Mode

__all__ = ("PI0_QUALITY", "feature_columns", "pi0_columns")

Array = npt.NDArray[np.float64]
Signal = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[np.generic]]

PI0_MASS = 0.1349768
PI0_QUALITY = {"data": 5.0, "mc": 6.0}
"""A true pi0 has ``photonMVA`` below c with probability ``c ** PI0_QUALITY``."""


def __dir__() -> tuple[str, ...]:
    return __all__


def feature_columns(rng: np.random.Generator, mode: Mode, signal: Signal) -> Columns:
    """Draw the features of a mode, for signal and background as `signal` tells."""
    return {name: _drawn(rng, feature, signal) for name, feature in mode.features.items()}


def _drawn(rng: np.random.Generator, feature: Feature, signal: Signal) -> npt.NDArray[np.float32]:
    z = rng.standard_normal(len(signal))
    median, spread = (
        np.where(signal, *pair) for pair in zip(feature.signal, feature.background, strict=True)
    )
    value = feature.origin + feature.sign * median * np.exp(spread * z)
    # only cosines have 1 as their end
    value = np.maximum(value, -1.0) if feature.origin == 1.0 else value
    return np.asarray(value, dtype=np.float32)


def pi0_columns(rng: np.random.Generator, kind: str, signal: Signal) -> Columns:
    """Draw a pi0 and its photons: the momenta in GeV, false ones soft, with their cluster shape."""
    n = len(signal)
    least, shape, scale = (
        np.where(signal, *pair) for pair in ((0.20, 0.15), (2.2, 1.4), (0.45, 0.30))
    )
    p = least + scale * rng.standard_gamma(shape)
    cos_cms = rng.uniform(-1, 1, n)
    cos_theta = (cos_cms + BOOST) / (1 + BOOST * cos_cms)
    mass = np.where(signal, PI0_MASS + 0.0055 * rng.standard_normal(n), rng.uniform(0.08, 0.18, n))
    # photons share the energy evenly in the cosine of the decay angle
    energy, share = np.hypot(p, PI0_MASS), rng.random(n)
    high = energy / 2 * (1 + p / energy * share)
    power = np.where(signal, PI0_QUALITY[kind], 0.8)
    columns: Columns = {
        name: np.asarray(column, dtype=np.float32)
        for name, column in {
            "p": p,
            "pt": p * np.sqrt(1 - cos_theta**2),
            "cosTheta": cos_theta,
            "theta": np.arccos(cos_theta),
            "phi": rng.uniform(-np.pi, np.pi, n),
            "M": mass,
            "gammaHigh_E": high,
            "gammaLow_E": energy - high,
            "clusterE9E21": 1 - np.where(signal, 0.03, 0.08) * rng.exponential(size=n),
            "photonMVA": rng.random(n) ** (1 / power),
        }.items()
    }
    columns["charge"] = np.zeros(n, dtype=np.int8)
    columns["mcPDG"] = np.where(signal, 111, 0).astype(np.int32)
    columns["isSignal"] = signal.astype(np.int8)
    return {f"pi0_{name}": column for name, column in columns.items()}
