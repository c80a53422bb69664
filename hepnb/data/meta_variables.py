"""The meta-variables that hepnb brings: ratios of particle identification, and kinematics.

Pure functions of arrays; `hepnb.data.variables` registers them under the names of `BUILT_IN`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hepnb.errors import BadVariable, nearest

__all__ = ("BUILT_IN", "HYPOTHESES", "BuiltIn", "identification_ratio", "identifications")

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]

HYPOTHESES: dict[str, str] = {
    "e": "electronID",
    "mu": "muonID",
    "pi": "pionID",
    "K": "kaonID",
    "p": "protonID",
    "d": "deuteronID",
}
"""Label of a hypothesis in a cut -> its global identification variable."""


def __dir__() -> tuple[str, ...]:
    return __all__


def identifications(*hypotheses: str | float) -> list[str]:
    """Give the identification variables of hypotheses: `K, pi` -> `kaonID, pionID`.

    Raises
    ------
    BadVariable
        When a label is not of `HYPOTHESES`, or stands twice.
    """
    for label in hypotheses:
        if label not in HYPOTHESES:
            known = ", ".join(HYPOTHESES)
            guess = nearest(str(label), HYPOTHESES)
            raise BadVariable(f"{label!r} is not a hypothesis (known: {known}){guess}")
    if len(set(hypotheses)) < len(hypotheses):
        raise BadVariable(f"hypotheses must differ: {', '.join(map(str, hypotheses))}")
    return [HYPOTHESES[str(label)] for label in hypotheses]


def identification_ratio(columns: Columns, *hypotheses: str) -> Array:
    """First identification over the sum of all given, in [0, 1].

    `binaryID(K, pi)` is `kaonID / (kaonID + pionID)`; 0/0, a track that no hypothesis explains,
    is NaN. Specification: specs/pid.md, sections 1 and 7 (14).
    """
    likelihoods = [columns[HYPOTHESES[label]] for label in hypotheses]
    total = sum(likelihoods[1:], start=likelihoods[0])
    ratio: Array = likelihoods[0] / total
    return ratio


# For each quantity, what it can be had from, in order of preference. Laboratory frame; momenta in
# the unit of their components (GeV/c), angles in rad. `pt` and `p` alone leave the sign of pz open,
# so that no angle is made of these two.
_KINEMATICS: dict[str, dict[tuple[str, ...], Callable[..., Array]]] = {
    "p": {
        ("px", "py", "pz"): lambda px, py, pz: np.sqrt(px * px + py * py + pz * pz),
        ("pt", "pz"): np.hypot,
        ("pt", "cosTheta"): lambda pt, cos: pt / _sine(cos),
        ("pt", "theta"): lambda pt, theta: pt / np.sin(theta),
        ("pt", "eta"): lambda pt, eta: pt * np.cosh(eta),
        ("pz", "cosTheta"): lambda pz, cos: pz / cos,
    },
    "pt": {
        ("px", "py"): np.hypot,
        ("p", "cosTheta"): lambda p, cos: p * _sine(cos),
        ("p", "theta"): lambda p, theta: p * np.sin(theta),
        ("p", "eta"): lambda p, eta: p / np.cosh(eta),
        ("p", "pz"): lambda p, pz: np.sqrt((p - pz) * (p + pz)),
        ("pz", "cosTheta"): lambda pz, cos: pz / cos * _sine(cos),
        ("pz", "theta"): lambda pz, theta: pz * np.tan(theta),
        ("pz", "eta"): lambda pz, eta: pz / np.sinh(eta),
    },
    "px": {("pt", "phi"): lambda pt, phi: pt * np.cos(phi)},
    "py": {("pt", "phi"): lambda pt, phi: pt * np.sin(phi)},
    "pz": {
        ("p", "cosTheta"): lambda p, cos: p * cos,
        ("p", "theta"): lambda p, theta: p * np.cos(theta),
        ("pt", "eta"): lambda pt, eta: pt * np.sinh(eta),
        ("pt", "theta"): lambda pt, theta: pt / np.tan(theta),
        ("pt", "cosTheta"): lambda pt, cos: pt * cos / _sine(cos),
    },
    "cosTheta": {
        ("theta",): np.cos,
        ("eta",): np.tanh,
        ("pz", "p"): np.divide,
        ("pt", "pz"): lambda pt, pz: pz / np.hypot(pt, pz),
    },
    "theta": {
        ("cosTheta",): np.arccos,
        ("eta",): lambda eta: 2 * np.arctan(np.exp(-eta)),
        ("pt", "pz"): np.arctan2,
    },
    "phi": {("px", "py"): lambda px, py: np.arctan2(py, px)},
    "eta": {
        ("theta",): lambda theta: -np.log(np.tan(theta / 2)),
        ("cosTheta",): np.arctanh,
        ("pt", "pz"): lambda pt, pz: np.arcsinh(pz / pt),
    },
}

_MEANING = {
    "p": "momentum, in the unit of its components",
    "pt": "transverse momentum, in the unit of its components",
    "px": "momentum along x",
    "py": "momentum along y",
    "pz": "momentum along z, the beam",
    "cosTheta": "cosine of the polar angle",
    "theta": "polar angle in rad, 0 to pi",
    "phi": "azimuthal angle in rad, -pi to pi",
    "eta": "pseudorapidity",
}


def _sine(cosine: Array) -> Array:
    # (1 - c)(1 + c) keeps its digits for tracks along the beam, where 1 - c*c loses them
    sine: Array = np.sqrt((1 - cosine) * (1 + cosine))
    return sine


@dataclass(frozen=True)
class _Kinematic:
    """A quantity computed from whichever combination of components it is given."""

    name: str

    def __call__(self, columns: Columns) -> Array:
        formula = _KINEMATICS[self.name][tuple(columns)]
        return formula(*columns.values())


class BuiltIn(NamedTuple):
    """What `hepnb.data.variables` needs to register a meta-variable.

    Attributes
    ----------
    function
        Function of columns and arguments.
    args
        Smallest and largest number of arguments.
    dependencies
        Names needed; a list of tuples is alternatives; or a function of the arguments.
    summary
        One line for `hepnb variables`.
    """

    function: Callable[..., Any]
    args: tuple[int, int]
    dependencies: (
        Callable[..., Sequence[str] | Sequence[tuple[str, ...]]] | Sequence[tuple[str, ...]]
    )
    summary: str


def _summary(name: str) -> str:
    ways = " or ".join("(" + ", ".join(way) + ")" for way in _KINEMATICS[name])
    return f"{_MEANING[name]}; from {ways}"


BUILT_IN: dict[str, BuiltIn] = {
    "binaryID": BuiltIn(
        identification_ratio, (2, 2), identifications, "binaryID(a, b) = a / (a + b), as (K, pi)"
    ),
    "trinaryID": BuiltIn(
        identification_ratio,
        (3, 3),
        identifications,
        "trinaryID(a, b, c) = a / (a + b + c), as (K, pi, p)",
    ),
    **{
        name: BuiltIn(_Kinematic(name), (0, 0), tuple(ways), _summary(name))
        for name, ways in _KINEMATICS.items()
    },
}
"""Name -> definition."""
