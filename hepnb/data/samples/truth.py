"""The efficiency that was put in: what a measurement on the samples should find.

The efficiency of a bin is the mean, over the tracks of signal decays in that bin, of the
probability that a track passes. Where that probability is known in closed form, ``binaryID(a, b)``
compared with a number, only the mean over momenta is taken from random numbers; for any other cut
each track also draws its PID several times. These tracks are seeded apart from the candidates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hepnb.data.samples.further_modes import ALL_MODES
from hepnb.data.samples.kinematics import Tracks, signal_pair
from hepnb.data.samples.modes import Mode
from hepnb.data.samples.pid_response import (
    binary_efficiency,
    distortion,
    expected_observables,
    likelihood_fractions,
    observe,
)
from hepnb.data.samples.species import HYPOTHESES, ID_COLUMNS
from hepnb.errors import BadParameters, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Truth", "true_efficiencies", "true_efficiency")

Array = npt.NDArray[np.float64]

AXES: Mapping[str, Callable[[Tracks, Array], Array]] = {
    "p": lambda tracks, _: tracks.p,
    "pt": lambda tracks, _: tracks.p * np.sqrt(1 - tracks.cos_theta**2),
    "cosTheta": lambda tracks, _: tracks.cos_theta,
    "theta": lambda tracks, _: np.arccos(tracks.cos_theta),
    "phi": lambda tracks, _: tracks.phi,
    "charge": lambda _, charge: charge,
}
BINARY_CUT = re.compile(r"\s*binaryID\(\s*(\w+)\s*,\s*(\w+)\s*\)\s*([<>])=?\s*(0?\.\d+)\s*")
CHUNK = 16_384
# PID drawn per track where it must be counted: momenta cost more than PID
DRAWS = 4


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Truth:
    """True efficiency of one cut, bin by bin.

    Attributes
    ----------
    tracks
        Number of signal tracks that each bin's mean is made of.
    efficiency
        NaN where there are none.
    uncertainty
        Numerical, one standard deviation, of that mean.
    method
        "analytic" or "counted".
    """

    tracks: npt.NDArray[np.int64]
    efficiency: Array
    uncertainty: Array
    method: str


def true_efficiency(
    study: str,
    particle: str,
    kind: str,
    *,
    cut: str,
    binning: Mapping[str, Sequence[float]],
    tracks: int = 200_000,
    seed: int = 20_240_621,
) -> pd.DataFrame:
    """Give the efficiency of a cut that the samples were made with, in any binning.

    Parameters
    ----------
    study, particle, kind
        For instance "Dst", "K", "data" or "mc". The fake rate of a kaon cut for pions is the
        efficiency of that cut for the particle "pi".
    cut
        On PID and on p, pt, cosTheta, theta, phi and charge of the particle.
    binning
        Edges of each axis; axes are those just named. A bin holds its lower edge only.
    tracks
        How many signal tracks to average over; the uncertainty falls with the square root.
    seed
        Of these tracks.

    Returns
    -------
    pandas.DataFrame
        One row per bin, the last axis running fastest: ``<axis>_min``, ``<axis>_max``, tracks,
        efficiency, uncertainty (numerical), method ("analytic" or "counted").

    Raises
    ------
    BadParameters
        No such study, particle, kind or axis.
    CutSyntaxError, UnknownVariable
        The cut is not of the language, or asks for something else than said above.
    """
    import pandas as pd

    result = true_efficiencies(
        study, particle, kind, cuts=(cut,), binning=binning, tracks=tracks, seed=seed
    )[cut]
    lower = np.meshgrid(*(edges[:-1] for edges in binning.values()), indexing="ij")
    upper = np.meshgrid(*(edges[1:] for edges in binning.values()), indexing="ij")
    columns: dict[str, npt.NDArray[np.generic]] = {}
    for axis, low, high in zip(binning, lower, upper, strict=True):
        columns |= {f"{axis}_min": low.ravel(), f"{axis}_max": high.ravel()}
    values = {name: getattr(result, name) for name in ("tracks", "efficiency", "uncertainty")}
    return pd.DataFrame(columns | values | {"method": result.method})


def true_efficiencies(
    study: str,
    particle: str,
    kind: str,
    *,
    cuts: Sequence[str],
    binning: Mapping[str, Sequence[float]],
    tracks: int = 200_000,
    seed: int = 20_240_621,
) -> dict[str, Truth]:
    """Give the true efficiency of several cuts from the same tracks; see `true_efficiency`."""
    mode = _checked(study, particle, kind, binning)
    edges = [np.asarray(each, dtype=np.float64) for each in binning.values()]
    n_bins = int(np.prod([len(each) - 1 for each in edges]))
    probabilities = {cut: _probability(cut, particle, kind) for cut in cuts}
    entries = np.zeros(n_bins, dtype=np.int64)
    sums = {cut: np.zeros((2, n_bins)) for cut in cuts}
    for number, start in enumerate(range(0, tracks, CHUNK)):
        rng = np.random.default_rng(np.random.SeedSequence((seed, number)))
        found, charge = _signal_tracks(rng, mode, particle, kind, min(CHUNK, tracks - start))
        axes = [AXES[axis](found, charge) for axis in binning]
        index = _bin_index(axes, edges)
        entries += np.bincount(index, minlength=n_bins + 1)[:n_bins]
        draws = _drawn(rng, particle, kind, found, charge) if _any_counted(cuts) else []
        for cut, probability in probabilities.items():
            passing = probability(found, charge, draws)
            for power in (1, 2):
                weighted = np.bincount(index, passing**power, minlength=n_bins + 1)
                sums[cut][power - 1] += weighted[:n_bins]
    return {cut: _mean(entries, *sums[cut], counted=_binary(cut) is None) for cut in cuts}


def _checked(study: str, particle: str, kind: str, binning: Mapping[str, Sequence[float]]) -> Mode:
    _known(study, "study", tuple(ALL_MODES))
    _known(particle, f"particle of {study}", tuple(set(ALL_MODES[study].probes) & set(HYPOTHESES)))
    _known(kind, "kind", ("data", "mc"))
    for axis in binning:
        _known(axis, "axis", tuple(AXES))
    return ALL_MODES[study]


def _known(name: str, what: str, known: Sequence[str]) -> None:
    if name not in known:
        message = f"{what} {name!r} is none of {', '.join(known)}{nearest(name, known)}"
        raise BadParameters(message)


def _signal_tracks(
    rng: np.random.Generator, mode: Mode, particle: str, kind: str, n: int
) -> tuple[Tracks, Array]:
    pair = signal_pair(rng, mode, kind, n)
    tracks = pair.first if particle == mode.particles[0] else pair.second
    return tracks, np.where(rng.random(n) < 0.5, 1.0, -1.0)


def _bin_index(axes: Sequence[Array], edges: Sequence[Array]) -> npt.NDArray[np.int64]:
    """Give the flat index of each track's bin; one more than the last for what is outside."""
    index = np.zeros(len(axes[0]), dtype=np.int64)
    inside = np.ones(len(axes[0]), dtype=np.bool_)
    for values, bounds in zip(axes, edges, strict=True):
        here = np.searchsorted(bounds, values, side="right") - 1
        inside &= (here >= 0) & (here < len(bounds) - 1)
        index = index * (len(bounds) - 1) + here
    return np.where(inside, index, int(np.prod([len(each) - 1 for each in edges])))


Probability = Callable[[Tracks, Array, list[dict[str, Array]]], Array]


def _binary(cut: str) -> tuple[str, str, str, float] | None:
    """Give (a, b, comparison, threshold) of a cut that has a closed form."""
    found = BINARY_CUT.fullmatch(cut)
    if found is None:
        return None
    a, b, comparison, threshold = found.groups()
    known = a in HYPOTHESES and b in HYPOTHESES and a != b and 0 < float(threshold) < 1
    return (a, b, comparison, float(threshold)) if known else None


def _any_counted(cuts: Sequence[str]) -> bool:
    return any(_binary(cut) is None for cut in cuts)


def _probability(cut: str, particle: str, kind: str) -> Probability:
    """Give the function that says how probable it is for each track to pass."""
    form = _binary(cut)
    if form is not None:
        a, b, comparison, threshold = form

        def exact(tracks: Tracks, charge: Array, _: list[dict[str, Array]]) -> Array:
            above = binary_efficiency(
                kind,
                particle,
                a,
                b,
                threshold=threshold,
                p=tracks.p,
                cos_theta=tracks.cos_theta,
                charge=charge,
            )
            return above if comparison == ">" else 1 - above

        return exact

    from hepnb.data.expressions import parse

    names = [f"{particle}_{name}" for name in (*AXES, *ID_COLUMNS.values())]
    bound = parse(cut).bind(names, prefix=particle)

    def counted(_: Tracks, __: Array, draws: list[dict[str, Array]]) -> Array:
        return np.asarray(np.mean([bound.mask(draw) for draw in draws], axis=0))

    return counted


def _drawn(
    rng: np.random.Generator, particle: str, kind: str, tracks: Tracks, charge: Array
) -> list[dict[str, Array]]:
    """Draw the PID columns `DRAWS` times for the same tracks."""
    species = np.full(len(charge), HYPOTHESES.index(particle))
    mu = expected_observables(tracks.p, tracks.cos_theta)
    shift, width = distortion(kind, tracks.p, charge)
    plain = {f"{particle}_{axis}": value(tracks, charge) for axis, value in AXES.items()}
    draws = []
    for _ in range(DRAWS):
        fractions = likelihood_fractions(mu, observe(rng, mu, species, shift, width))
        identity = {
            f"{particle}_{ID_COLUMNS[name]}": fractions[i] for i, name in enumerate(HYPOTHESES)
        }
        draws.append(plain | identity)
    return draws


def _mean(entries: npt.NDArray[np.int64], total: Array, squares: Array, *, counted: bool) -> Truth:
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / entries
        variance = np.maximum(squares / entries - mean**2, 0) / (entries - 1)
    if counted:
        # all draws alike do not make the truth certain: rule of succession
        variance = variance + 1 / (entries * DRAWS + 2.0) ** 2
    uncertainty = np.where(entries > 1, np.sqrt(variance), np.nan)
    return Truth(entries, mean, uncertainty, "counted" if counted else "analytic")
