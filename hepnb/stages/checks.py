"""What only the inputs can tell of a stage's parameters, asked before any work starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hepnb.data.catalogue import catalogue
from hepnb.errors import BadParameters

__all__ = (
    "check_background",
    "check_mass",
    "check_mass_models",
    "check_stored_weights",
    "check_strings",
)


def __dir__() -> tuple[str, ...]:
    return __all__


def check_strings(
    strings: Iterable[str], *, site: str, collections: Iterable[str], study: str, particle: str
) -> None:
    """Look up the names in cuts and axes among the columns of samples.

    Parameters
    ----------
    strings
        Cuts and variables.
    site, collections, study, particle
        Which samples.

    Raises
    ------
    HepnbError
        For the first name, collection, study, particle or file that is not there.
    """
    strings = tuple(strings)
    known = catalogue(site)
    for name in collections:
        sample = known[name].study(study).particle(particle)
        for text in strings:
            sample.bind(text)


def check_background(stage: Any, *, variables: Iterable[str], fakes: str = "") -> None:
    """Ask whether the samples of a stage allow the way in which it subtracts the background.

    Parameters
    ----------
    stage
        With the shared fields of `hepnb.stages.fields`: site, data, mc, study, particle, sweights
        and what belongs to it.
    variables
        What the measurement looks at: cuts, axes and variables.
    fakes
        Name and value of a field that asks for the background of the mass fit; blank: none does.

    Raises
    ------
    HepnbError
        With the ways that the samples allow.
    """
    from hepnb.data.expressions import parse
    from hepnb.pid.subtraction.choices import WITHOUT_MASS, check_choice

    check_mass_models(*filter(None, (stage.mass_model, stage.alternative_model)))
    if fakes and stage.sweights not in {"fit", "cows"}:
        message = (
            f"{fakes} is that of a mass fit made here; choose sweights='fit' or 'cows', not "
            f"{stage.sweights!r}"
        )
        raise BadParameters(message)
    known = catalogue(stage.site)
    data = known[stage.data].study(stage.study).particle(stage.particle)
    simulation = None
    if stage.mc and stage.sweights in WITHOUT_MASS:
        simulation = known[stage.mc].study(stage.study).particle(stage.particle)
    check_choice(
        data,
        stage.sweights,
        simulation=simulation,
        scale=stage.mc_scale,
        control_region=stage.control_region,
        features=stage.score_features,
        regions=stage.score_regions,
        variables=[name for text in variables for name in parse(text).names],
    )


def check_stored_weights(site: str, study: str, *collections: str) -> None:
    """Ask whether collections of data have weights that subtract their background.

    Raises
    ------
    BadParameters
        For the first that has none.
    """
    known = catalogue(site)
    for name in collections:
        sample = known[name].study(study)
        if sample.kind == "data" and not sample.weights:
            message = (
                f"{name!r} has no stored weights for study {study!r}, so that its background would "
                "count as signal; make tables or templates in the stages that subtract it, and "
                "name their files"
            )
            raise BadParameters(message)


def check_mass(stage: Any, mass: str = "") -> None:
    """Ask whether the study of a stage has a mass to fit.

    Parameters
    ----------
    stage
        With site, data and study.
    mass
        Variable that is fitted in place of the study's.

    Raises
    ------
    BadParameters
        If there is none.
    """
    sample = catalogue(stage.site)[stage.data].study(stage.study)
    if not (mass.strip() or sample.mass):
        message = (
            f"study {stage.study!r} of {stage.data!r} has no mass to fit: its background is "
            "subtracted in the stages that measure, by sweights='simulation' or 'learned'"
        )
        raise BadParameters(message)


def check_mass_models(*names: str) -> None:
    """Look up mass models by name.

    Raises
    ------
    BadParameters
        For the first that is not registered.
    """
    from hepnb.pid.mass.models import mass_model

    for name in names:
        mass_model(name)
