"""Background subtracted bin by bin, as simulation expects it, where no mass can be fitted.

In each bin the expected background is taken from the candidates that pass, and from those that
fail: ``S = n - sum_k s_k m_k`` with n candidates of the data and m_k simulated ones of background
k, scaled by s_k. The simulated candidates are appended to those of the data with weight ``-s_k``.
Sums of weights are then S, and sums of squared weights are ``n + sum_k s_k^2 m_k``, the variance
of S with the statistics of the simulation, whatever the bins and the requirement. The method
believes how often simulated background passes; the learned one (`learned_background`)
need not.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hepnb.data.joined_sample import JoinedSample, join
from hepnb.data.sample import DerivedColumn, Sample
from hepnb.errors import BadParameters
from hepnb.pid.subtraction.mc_subtraction import McSubtraction

__all__ = (
    "OriginWeights",
    "check_scale",
    "species_cuts",
    "subtract_mc_background",
)

_LOG = logging.getLogger(__name__)

_ORIGIN = "background_origin"


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class OriginWeights:
    """A weight for each origin of a candidate: 1 for data, less than 0 for what is subtracted."""

    weights: tuple[float, ...]

    def __call__(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Give the weights of shape (n,), from the column of origins."""
        (origin,) = columns.values()
        return np.asarray(self.weights)[origin.astype(np.intp)]


def subtract_mc_background(
    sample: Sample,
    simulation: Sample,
    *,
    backgrounds: Mapping[str, str] | None = None,
    factors: Mapping[str, float] | None = None,
    scale: float | None = None,
    control: str = "",
    precut: str = "",
    systematic: float | Mapping[str, float] = 0.2,
) -> McSubtraction:
    """Subtract the background that simulation expects, in whatever bins are asked for later.

    Parameters
    ----------
    sample, simulation
        Candidates of one particle in data, and simulated ones, with branches of the same names.
    backgrounds
        Name to cut in the language of the simulation; by default one, all that fails its truth.
    factors
        Corrections of species, by name, such as a ratio of cross sections; 1 by default.
    scale
        Data per simulated candidate; by default the ratio of luminosities.
    control
        Cut that selects a control region in which the scale is measured instead: candidates of
        data over simulated ones, those of signal included.
    precut
        Selection, as of the measurement; here for the control region.
    systematic
        Relative uncertainty of the background's yield, one for all or by name, not negative.

    Returns
    -------
    McSubtraction
        Columns "weight_mc" and "weight_mc_sys": 1 for data, less than 0 for the background.

    Raises
    ------
    BadParameters
        If there is no background in the simulation, nothing to scale it with, or a name in
        `factors` or `systematic` is not one of the backgrounds.
    """
    backgrounds = dict(backgrounds or species_cuts(simulation))
    factors = _by_name("factors", factors or {}, backgrounds, 1.0)
    if not isinstance(systematic, Mapping):
        systematic = dict.fromkeys(backgrounds, float(systematic))
    uncertainties = _by_name("systematic", systematic, backgrounds, 0.0)
    norm, error = _scale(sample, simulation, scale, control, precut)
    selected = {name: _count(simulation, cut) for name, cut in backgrounds.items()}
    if not any(selected.values()):
        message = (
            f"simulation {simulation.name!r} has no candidate of background "
            f"({'; '.join(backgrounds.values())}), so that nothing is known of it; if there is "
            "none in data either, measure without weights"
        )
        raise BadParameters(message)
    for name, number in selected.items():
        if not number:
            _LOG.warning("%s has no candidate of background %r", simulation.name, name)
    scales = {name: norm * factors[name] for name in backgrounds}
    total = {name: float(np.hypot(uncertainties[name], error)) for name in backgrounds}
    joined = join(sample, [(simulation, cut) for cut in backgrounds.values()], origin=_ORIGIN)
    nominal = tuple(-each for each in scales.values())
    shifted = tuple(-each * (1 + total[name]) for name, each in scales.items())
    columns = {
        "weight_mc": DerivedColumn((_ORIGIN,), OriginWeights((1.0, *nominal))),
        "weight_mc_sys": DerivedColumn((_ORIGIN,), OriginWeights((1.0, *shifted))),
    }
    weighted = dataclasses.replace(joined.with_columns(**columns), weights=tuple(columns))
    assert isinstance(weighted, JoinedSample)
    return McSubtraction(weighted, scales, error, total, selected)


def species_cuts(simulation: Sample) -> dict[str, str]:
    """Give the one background that the truth of a simulation tells: its name, and a cut.

    Raises
    ------
    BadParameters
        If the simulation has no truth cut.
    """
    if not simulation.truth:
        message = (
            f"simulation {simulation.name!r} has no truth cut; give backgrounds={{name: cut}}, or "
            "its study `truth:` in the catalogue"
        )
        raise BadParameters(message)
    return {"background": f"not [{simulation.truth}]"}


def check_scale(
    sample: Sample, simulation: Sample, scale: float | None = None, control: str = ""
) -> None:
    """Refuse, without reading candidates, what gives no scale; parameters as above.

    Raises
    ------
    BadParameters
        If there is no scale, or more than one.
    """
    if control.strip():
        if scale is not None:
            raise BadParameters(f"give a scale ({scale:g}) or a control region, not both")
    elif scale is None:
        luminosities = sample.luminosity, simulation.luminosity
        if not all(luminosities):
            message = (
                f"luminosities of data and simulation are {luminosities}; give them in the "
                "catalogue, or a scale, or a control region"
            )
            raise BadParameters(message)
    elif not 0 < scale < np.inf:
        raise BadParameters(f"scale is {scale}; it must be greater than 0")


def _by_name(
    what: str, given: Mapping[str, float], names: Mapping[str, str], default: float
) -> dict[str, float]:
    values = {name: float(given.get(name, default)) for name in names}
    wrong = [name for name in given if name not in names]
    wrong += [name for name, value in values.items() if not 0 <= value < np.inf]
    if wrong:
        known = ", ".join(names)
        message = f"{what} {dict(given)}: give numbers of 0 or more for some of {known}"
        raise BadParameters(message)
    return values


def _scale(
    sample: Sample, simulation: Sample, scale: float | None, control: str, precut: str
) -> tuple[float, float]:
    """Give data per simulated candidate, and its relative uncertainty."""
    check_scale(sample, simulation, scale, control)
    if control.strip():
        region = f"[{precut}] and [{control}]" if precut.strip() else control
        seen, expected = (_count(each, region) for each in (sample, simulation))
        if not (seen and expected):
            message = f"control region {region!r} has {seen} data, {expected} simulated candidates"
            raise BadParameters(f"{message}; choose one with both")
        return seen / expected, float(np.sqrt(1 / seen + 1 / expected))
    if scale is None:
        scale = float(sample.luminosity or 0) / float(simulation.luminosity or 1)
    return float(scale), 0.0


def _count(sample: Sample, cut: str) -> int:
    return sum(len(chunk["1"]) for chunk in sample.iterate(["1"], cut=cut))
