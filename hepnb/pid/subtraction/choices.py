"""Ways to subtract the background, and which of them a sample allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_args

from hepnb.errors import BadParameters, MissingExtra, nearest

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("CHOICES", "WITHOUT_MASS", "Choice", "check_choice", "features_of", "looked_at")

Choice = Literal["stored", "fit", "cows", "simulation", "learned", "none"]
CHOICES: tuple[str, ...] = get_args(Choice)
WITHOUT_MASS = {"simulation": "mc", "learned": "learned"}
"""Ways that need simulation but no mass, and their names in `subtract_without_mass`."""

_FOR_MASS = "'fit' (sWeights of a fit made now), 'cows'"
_FOR_ALL = (
    "'simulation' (less the background that simulation expects), 'learned' (sWeights of a "
    "classifier's score) or 'none'"
)


def __dir__() -> tuple[str, ...]:
    return __all__


def check_choice(
    sample: Sample,
    choice: str,
    *,
    simulation: Sample | None = None,
    scale: float | None = None,
    control_region: str = "",
    features: Sequence[str] = (),
    regions: Mapping[str, Any] | None = None,
    variables: Sequence[str] = (),
) -> None:
    """Refuse, without reading candidates, a way to subtract the background that cannot work.

    Parameters
    ----------
    sample, choice, simulation, scale, control_region, features, regions, variables
        As in `hepnb.pid.subtraction.subtraction.subtract_background`.

    Raises
    ------
    BadParameters
        With the ways that the sample allows.
    MissingExtra
        If a score is to be learned and scikit-learn is not installed.
    CutSyntaxError, UnknownVariable
        For a feature, region or control region that a sample lacks.
    """
    if choice not in CHOICES:
        known = ", ".join(CHOICES)
        raise BadParameters(f"sweights {choice!r} is not one of {known}{nearest(choice, CHOICES)}")
    where = f"sample {sample.name!r} of study {sample.study or sample.name!r}"
    allowed = _FOR_ALL if not sample.mass else f"{_FOR_MASS}, {_FOR_ALL}"
    if choice in {"fit", "cows"} and not sample.mass:
        message = f"sweights {choice!r}: {where} has no mass to fit; choose {allowed}"
        raise BadParameters(message)
    if choice == "stored" and not sample.weights:
        message = f"sweights 'stored': {where} has no stored weights; choose {allowed}"
        raise BadParameters(message)
    if choice not in WITHOUT_MASS:
        return
    if sample.kind == "mc":
        message = (
            f"sweights {choice!r}: {where} is simulation, whose truth tells signal; choose 'none'"
        )
        raise BadParameters(message)
    if simulation is None:
        message = f"sweights {choice!r} needs simulation with background in it; name it as `mc`"
        raise BadParameters(message)
    _check_options(
        sample,
        choice,
        simulation,
        scale=scale,
        control_region=control_region,
        features=features,
        regions=regions or {},
        variables=variables,
    )


def looked_at(variables: Sequence[str], regions: Mapping[str, Any]) -> tuple[str, ...]:
    """Variables on which a learned score must not depend: those that no regions divide."""
    return tuple(each for each in variables if each not in regions)


def features_of(sample: Sample, features: Sequence[str] = ()) -> tuple[str, ...]:
    """Give the features of a learned score: those that are named, or those of the study.

    Raises
    ------
    BadParameters
        If none are named and the study has none.
    """
    from hepnb.pid.studies import study_of

    found = tuple(features) or study_of(sample).features
    if not found:
        message = (
            f"study {sample.study!r} has no features for a learned score; name variables that tell "
            "signal from background and know nothing of the probe's PID, as score_features"
        )
        raise BadParameters(message)
    return found


def _check_options(
    sample: Sample,
    choice: str,
    simulation: Sample,
    *,
    scale: float | None,
    control_region: str,
    features: Sequence[str],
    regions: Mapping[str, Any],
    variables: Sequence[str],
) -> None:
    from hepnb.pid.subtraction.mc_background import check_scale, species_cuts

    species_cuts(simulation)
    if choice == "simulation":
        check_scale(sample, simulation, scale, control_region)
        texts: tuple[str, ...] = (control_region,)
    else:
        if find_spec("sklearn") is None:
            message = "sweights 'learned' needs scikit-learn: `pip install hepnb[ml]`"
            raise MissingExtra(message)
        known = features_of(sample, features)
        if both := set(known) & set(looked_at(variables, regions)):
            message = (
                f"score_features hold {', '.join(sorted(both))}, which the measurement looks at: "
                "leave them out, or divide score_regions by them if they are not of PID"
            )
            raise BadParameters(message)
        texts = (*known, *regions)
    for text in texts:
        for each in (sample, simulation):
            each.bind(text)
