"""Momenta of the tracks: two-body decays of the signal, unrelated tracks of the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hepnb.data.samples.modes import Mode
from hepnb.data.samples.species import MASSES

__all__ = (
    "CDC_ACCEPTANCE",
    "MOMENTUM_RANGE",
    "Pair",
    "Tracks",
    "background_pair",
    "signal_pair",
    "two_body_decay",
)

Array = npt.NDArray[np.float64]

MOMENTUM_RANGE = (0.3, 5.0)
COSTHETA_RANGE = (-0.90, 0.97)
# 17 to 150 degrees in polar angle
CDC_ACCEPTANCE = (-0.8660254, 0.9563048)
# velocity of the centre of mass along the beam, which throws everything forward
BOOST = 0.27


def __dir__() -> tuple[str, ...]:
    return __all__


class Tracks(NamedTuple):
    """Momentum in GeV, cosine of the polar angle, azimuth in rad, each of shape (n,)."""

    p: Array
    cos_theta: Array
    phi: Array


class Pair(NamedTuple):
    """Both tracks of a candidate, and the momentum of their parent in GeV."""

    first: Tracks
    second: Tracks
    parent_p: Array


def two_body_decay(
    parent: Tracks,
    cos_star: Array,
    phi_star: Array,
    *,
    masses: tuple[float | Array, float, float],
) -> Pair:
    """Give the daughters in the laboratory of a decay at an angle given in the parent's frame.

    Parameters
    ----------
    parent
        Momentum and direction of the decaying particle.
    cos_star, phi_star
        Angles of the first daughter in the parent's frame, the parent's flight being the axis.
    masses
        Of the parent (one, or of shape (n,)), the first and the second daughter, in GeV.

    Returns
    -------
    Pair
        The daughters' laboratory momenta.

    Notes
    -----
    With the axis along the flight, the longitudinal momentum is ``gamma (p* cos + beta E*)`` and
    the transverse one is unchanged; the result is turned to the parent's direction. Kinematics
    section of the Review of Particle Physics, equation 49.16 for ``p*``.
    """
    m0, m1, m2 = masses
    p_star = np.sqrt((m0**2 - (m1 + m2) ** 2) * (m0**2 - (m1 - m2) ** 2)) / (2 * m0)
    gamma = np.sqrt(1 + (parent.p / m0) ** 2)
    gamma_beta = parent.p / m0
    along = gamma * p_star * cos_star
    transverse = p_star * np.sqrt(1 - cos_star**2)
    in_plane = transverse * np.cos(phi_star)
    off_plane = transverse * np.sin(phi_star)
    first = _turn(parent, along + gamma_beta * np.sqrt(p_star**2 + m1**2), in_plane, off_plane)
    second = _turn(parent, -along + gamma_beta * np.sqrt(p_star**2 + m2**2), -in_plane, -off_plane)
    return Pair(first, second, parent.p)


def signal_pair(rng: np.random.Generator, mode: Mode, kind: str, n: int) -> Pair:
    """Draw `n` decays of the mode whose tracks are in the momentum and polar angle ranges.

    The parent has its nominal mass: the reconstructed mass is drawn apart, so that it is
    independent of everything else.
    """
    least, shape, scale = mode.momentum[kind]
    daughters = (MASSES[mode.particles[0]], MASSES[mode.particles[1]])

    def propose(size: int) -> Pair:
        momentum = least + scale * rng.standard_gamma(shape, size)
        cos_cms = rng.uniform(-1, 1, size)
        direction = (cos_cms + BOOST) / (1 + BOOST * cos_cms)
        parent = Tracks(momentum, direction, rng.uniform(-np.pi, np.pi, size))
        angles = rng.uniform(-1, 1, size), rng.uniform(-np.pi, np.pi, size)
        mass: float | Array = mode.parent_mass
        if mode.parent_masses is not None:
            mass = rng.uniform(*mode.parent_masses, size)
        return two_body_decay(parent, *angles, masses=(mass, *daughters))

    return _accepted(propose, n)


def background_pair(rng: np.random.Generator, mode: Mode, n: int) -> Pair:
    """Draw `n` pairs of unrelated tracks, softer and more forward than the signal's."""

    def track(size: int) -> Tracks:
        momentum = MOMENTUM_RANGE[0] + 0.55 * rng.standard_gamma(1.7, size)
        cos_cms = rng.uniform(-1, 1, size)
        direction = (cos_cms + 0.4) / (1 + 0.4 * cos_cms)
        return Tracks(momentum, direction, rng.uniform(-np.pi, np.pi, size))

    def propose(size: int) -> Pair:
        first, second = track(size), track(size)
        if mode.study == "Lambda":
            # the proton of a Lambda always has the larger momentum, and so it is chosen
            first, second = (
                first._replace(p=np.maximum(first.p, second.p)),
                second._replace(p=np.minimum(first.p, second.p)),
            )
        return Pair(first, second, _sum_momentum(first, second))

    return _accepted(propose, n)


def _turn(parent: Tracks, along: Array, in_plane: Array, off_plane: Array) -> Tracks:
    sine = np.sqrt(1 - parent.cos_theta**2)
    p = np.sqrt(along**2 + in_plane**2 + off_plane**2)
    cos_theta = (parent.cos_theta * along - sine * in_plane) / p
    azimuth = np.arctan2(off_plane, parent.cos_theta * in_plane + sine * along)
    return Tracks(p, np.clip(cos_theta, -1, 1), _wrap(parent.phi + azimuth))


def _wrap(phi: Array) -> Array:
    return phi - 2 * np.pi * np.floor((phi + np.pi) / (2 * np.pi))


def _sum_momentum(first: Tracks, second: Tracks) -> Array:
    sines = np.sqrt((1 - first.cos_theta**2) * (1 - second.cos_theta**2))
    opening = first.cos_theta * second.cos_theta + sines * np.cos(first.phi - second.phi)
    return np.asarray(np.sqrt(first.p**2 + second.p**2 + 2 * first.p * second.p * opening))


def _accepted(propose: Callable[[int], Pair], n: int) -> Pair:
    """Repeat a proposal until `n` pairs have both tracks inside the ranges."""
    kept: list[Pair] = []
    missing = n
    while missing > 0:
        pair = propose(int(1.6 * missing) + 64)
        inside = _inside(pair.first) & _inside(pair.second)
        kept.append(
            Pair(
                Tracks(*(each[inside] for each in pair.first)),
                Tracks(*(each[inside] for each in pair.second)),
                pair.parent_p[inside],
            )
        )
        missing -= int(inside.sum())

    def join(parts: list[Array]) -> Array:
        return np.concatenate(parts)[:n] if parts else np.empty(0)

    return Pair(
        Tracks(*(join([pair.first[i] for pair in kept]) for i in range(3))),
        Tracks(*(join([pair.second[i] for pair in kept]) for i in range(3))),
        join([pair.parent_p for pair in kept]),
    )


def _inside(tracks: Tracks) -> npt.NDArray[np.bool_]:
    p, cos_theta = tracks.p, tracks.cos_theta
    return np.asarray(
        (p >= MOMENTUM_RANGE[0])
        & (p < MOMENTUM_RANGE[1])
        & (cos_theta > COSTHETA_RANGE[0])
        & (cos_theta < COSTHETA_RANGE[1])
    )
