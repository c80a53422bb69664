"""Columns of one track: momentum, hits, impact parameters, PID and what it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepnb.data.samples.kinematics import CDC_ACCEPTANCE, Tracks
from hepnb.data.samples.modes import Mode
from hepnb.data.samples.pid_response import identify
from hepnb.data.samples.species import HYPOTHESES, ID_COLUMNS, PDG

__all__ = ("track_columns",)

Array = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[np.generic]]

# a track that only tags has no more than this
_OF_TAGS = ("p", "cosTheta", "charge", "electronID", "muonID", "mcPDG", "isSignal")


def __dir__() -> tuple[str, ...]:
    return __all__


def track_columns(
    rng: np.random.Generator,
    mode: Mode,
    kind: str,
    *,
    prefix: str,
    tracks: Tracks,
    species: npt.NDArray[np.int64],
    charge: npt.NDArray[np.int64],
) -> Columns:
    """Draw what is measured for one track of each candidate.

    Parameters
    ----------
    rng
        Of the block of candidates.
    mode, kind, prefix
        The mode, "data" or "mc", and which of its tracks.
    tracks, species, charge
        Momenta, indices of hypotheses and signs of the charge, each of n tracks.

    Returns
    -------
    dict of numpy.ndarray
        Name, with its prefix, to column of shape (n,).
    """
    p, cos_theta, phi = tracks
    n = len(p)
    identity = identify(rng, kind, species, p=p, cos_theta=cos_theta, charge=charge.astype(float))
    z = rng.standard_normal((6, n))
    hits = 50 - 22 * np.abs(cos_theta - 0.15) ** 3 + 4 * z[0]
    in_cdc = (cos_theta > CDC_ACCEPTANCE[0]) & (cos_theta < CDC_ACCEPTANCE[1])
    code = np.array([PDG[name] for name in HYPOTHESES], dtype=np.int32)[species]
    columns: Columns = {
        "p": _single(p),
        "pt": _single(p * np.sqrt(1 - cos_theta**2)),
        "cosTheta": _single(cos_theta),
        "theta": _single(np.arccos(cos_theta)),
        "phi": _single(phi),
        "charge": charge.astype(np.int8),
        "dr": _single(mode.dr_scale * np.exp(0.9 * z[1])),
        "dz": _single(0.04 * z[2] * np.exp(0.9 * z[3])),
        "nCDCHits": np.clip(np.rint(hits), 0, 56).astype(np.int8),
        "nPXDHits": np.clip(np.rint(1.8 + 0.6 * z[4]), 0, 4).astype(np.int8),
        "thetaInCDCAcceptance": in_cdc.astype(np.int8),
    }
    columns |= {ID_COLUMNS[name]: _single(identity[i]) for i, name in enumerate(HYPOTHESES)}
    columns["mcPDG"] = (code * charge).astype(np.int32)
    own = HYPOTHESES.index(mode.tracks[prefix])
    columns["isSignal"] = (species == own).astype(np.int8)
    kept = columns if prefix in HYPOTHESES else _OF_TAGS
    return {f"{prefix}_{name}": columns[name] for name in kept}


def _single(column: Array) -> npt.NDArray[np.float32]:
    return column.astype(np.float32)
