"""More meta-variables of a track: likelihood differences, single detectors, BDT, centre of mass.

Pure functions of arrays; `hepnb.data.variables` registers them under the names of `TRACK`.
Columns that the samples hold, such as `kaonIDNN`, `pionIDNN` or an isolation score, need none of
this: a column is usable in every string by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hepnb.data.meta_variables import BuiltIn, identifications
from hepnb.errors import BadVariable, nearest

__all__ = ("BEAMS", "DETECTORS", "TRACK")

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]

DETECTORS = ("SVD", "CDC", "TOP", "ARICH", "ECL", "KLM")
"""What may stand after a hypothesis: `kaonID_TOP` is the identification by the TOP alone."""

BEAMS = (7.007, 4.0, 0.083)
"""SuperKEKB: energies of electrons and positrons in GeV, and angle between the beams in rad."""

_PDG = {"e": 11, "mu": 13, "pi": 211, "K": 321, "p": 2212, "d": 1000010020}


def __dir__() -> tuple[str, ...]:
    return __all__


def _identifications(a: str | float, b: str | float, *detector: str | float) -> list[str]:
    names = identifications(a, b)
    if not detector:
        return names
    _check_detector(str(detector[0]))
    return [f"{each}_{detector[0]}" for each in names]


def _one_detector(a: str | float, b: str | float, detector: str | float) -> list[str]:
    return _identifications(a, b, detector)


def _check_detector(name: str) -> None:
    if name not in DETECTORS:
        known = ", ".join(DETECTORS)
        raise BadVariable(f"{name!r} is not a detector (known: {known}){nearest(name, DETECTORS)}")


def _log_likelihood_difference(columns: Columns, *arguments: str | float) -> Array:
    """Give ``log L_a - log L_b``, since identifications share their denominator, ``sum L``.

    Infinite where one likelihood is exactly 0, which keeps the order of candidates and is out of
    range of any axis; NaN where both are.
    """
    first, second = (columns[each] for each in _identifications(*arguments))
    with np.errstate(divide="ignore", invalid="ignore"):
        difference: Array = np.log(first) - np.log(second)
    return difference


def _ratio_of_one_detector(columns: Columns, *arguments: str | float) -> Array:
    first, second = (columns[each] for each in _one_detector(*arguments))
    ratio: Array = first / (first + second)
    return ratio


def _charged_bdt_columns(*hypotheses: str | float) -> list[tuple[str, ...]]:
    """Names under which ntuples hold the score: short, and as basf2 writes brackets for ROOT."""
    identifications(*hypotheses)  # refuses what is no hypothesis
    codes = [str(_PDG[str(each)]) for each in hypotheses]
    kind = "pidPairChargedBDTScore" if len(codes) > 1 else "pidChargedBDTScore"
    joined = [between.join([*codes, "ALL"]) for between in ("__cm__sp", "__cm")]
    short = "_".join([kind, *map(str, hypotheses)])
    return [(short,), *((f"{kind}__bo{each}__bc",) for each in joined)]


def _charged_bdt(columns: Columns, *_: str | float) -> Array:
    [score] = columns.values()
    return score


def _momentum_in_cms(
    columns: Columns,
    mass: str | float,
    electrons: float = BEAMS[0],
    positrons: float = BEAMS[1],
    crossing: float = BEAMS[2],
) -> Array:
    """Give p* of a track: z is the axis of the detector, between the beams, which meet in x-z."""
    m = _mass(mass)
    px, py, pz = (columns[each] for each in ("px", "py", "pz"))
    total = electrons + positrons
    beta_x = np.sin(0.5 * crossing)
    beta_z = (electrons - positrons) / total * np.cos(0.5 * crossing)
    gamma = 1.0 / np.sqrt(1.0 - beta_x**2 - beta_z**2)
    square = px * px + py * py + pz * pz
    energy = gamma * (np.sqrt(square + m * m) - beta_x * px - beta_z * pz)
    momentum: Array = np.sqrt(np.maximum((energy - m) * (energy + m), 0.0))
    return momentum


def _cms_columns(mass: str | float, *beams: str | float) -> list[str]:
    _mass(mass)
    numbers = [each for each in beams if isinstance(each, int | float)]
    if len(numbers) < len(beams) or any(each <= 0 for each in numbers[:2]):
        raise BadVariable(f"beams are two energies in GeV and an angle in rad, not {beams}")
    return ["px", "py", "pz"]


def _mass(given: str | float) -> float:
    from hepnb.data.samples.species import MASSES

    if isinstance(given, str):
        if given not in MASSES:
            known = ", ".join(MASSES)
            raise BadVariable(
                f"{given!r} has no mass (known: {known}, or a number in GeV)"
                + nearest(given, MASSES)
            )
        return float(MASSES[given])
    if given < 0:
        raise BadVariable(f"a mass is not negative; {given:g} is")
    return float(given)


TRACK: dict[str, BuiltIn] = {
    "deltaLogL": BuiltIn(
        _log_likelihood_difference,
        (2, 3),
        _identifications,
        "log-likelihood difference of (K, pi), or of one detector: (K, pi, TOP)",
    ),
    "detectorID": BuiltIn(
        _ratio_of_one_detector,
        (3, 3),
        _one_detector,
        "binary identification by one detector, as (K, pi, TOP), from kaonID_TOP and pionID_TOP",
    ),
    "chargedBDT": BuiltIn(
        _charged_bdt,
        (1, 2),
        _charged_bdt_columns,
        "charged particle BDT score of (e), or of the pair (e, pi), under any of its names",
    ),
    "pStar": BuiltIn(
        _momentum_in_cms,
        (1, 4),
        _cms_columns,
        "momentum in the centre-of-mass system of a (K), or of a mass in GeV; then beam energies "
        "in GeV and their angle in rad, by default 7.007, 4.0, 0.083",
    ),
}
"""Name -> definition."""
