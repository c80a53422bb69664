"""Kinds of parameters that several stages share, with their checks and their widgets."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from hepnb.data.expressions import parse
from hepnb.errors import HepnbError
from hepnb.pid.subtraction.choices import Choice

__all__ = (
    "AlternativeModel",
    "BackgroundUncertainty",
    "Binning",
    "ControlRegion",
    "CowDegree",
    "Cut",
    "Interval",
    "MassRange",
    "McScale",
    "Model",
    "OneAxis",
    "OtherModels",
    "Precut",
    "Replicas",
    "SWeights",
    "ScoreFeatures",
    "ScoreRegions",
    "Site",
    "Study",
    "Variable",
    "check_edges",
    "entries",
)


def __dir__() -> tuple[str, ...]:
    return __all__


def _check_cut(text: str) -> str:
    try:
        parse(text)
    except HepnbError as error:
        raise ValueError(str(error)) from None
    return text


def check_edges(edges: list[float]) -> list[float]:
    """Refuse bin edges that are not finite and increasing.

    Parameters
    ----------
    edges
        Two or more bin edges.

    Returns
    -------
    list of float
        The same edges.

    Raises
    ------
    ValueError
        Naming the first pair that does not increase.
    """
    if len(edges) < 2:
        message = f"{len(edges)} bin edge(s); a bin needs two, for instance [0.5, 4.5]"
        raise ValueError(message)
    if not all(math.isfinite(edge) for edge in edges):
        message = (
            "bin edges must be finite; candidates outside are counted, so no open bin is needed"
        )
        raise ValueError(message)
    for low, high in pairwise(edges):
        if high <= low:
            message = f"bin edges must increase, but {high:g} follows {low:g}"
            raise ValueError(message)
    return edges


def entries(model: type[BaseModel], what: str, example: str) -> AfterValidator:
    """Check a list of mappings by a model, whose defaults complete them.

    Parameters
    ----------
    model
        Of one entry.
    what
        One entry is called this in errors.
    example
        How it is written.
    """

    def check(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        checked = []
        for number, each in enumerate(given, 1):
            try:
                checked.append(model.model_validate(each).model_dump(exclude_none=True))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                message = f"{what} {number}, {where}: {first['msg']}; for instance {example}"
                raise ValueError(message) from None
        return checked

    return AfterValidator(check)


def _check_binning(binning: dict[str, list[float]]) -> dict[str, list[float]]:
    if not binning:
        message = "no axis; name one variable with its bin edges, for instance {p: [0.5, 1, 4.5]}"
        raise ValueError(message)
    return _check_axes(binning)


def _check_axes(binning: dict[str, list[float]]) -> dict[str, list[float]]:
    for variable, edges in binning.items():
        try:
            _check_cut(variable)
            check_edges(edges)
        except ValueError as error:
            message = f"axis {variable!r}: {error}"
            raise ValueError(message) from None
    return binning


def _check_one_axis(binning: dict[str, list[float]]) -> dict[str, list[float]]:
    if len(binning) > 1:
        message = f"{len(binning)} axes ({', '.join(binning)}); name one variable with its edges"
        raise ValueError(message)
    return binning


def _check_variable(text: str) -> str:
    if not text.strip():
        message = "a variable or expression is needed, for instance binaryID(K, pi)"
        raise ValueError(message)
    return _check_cut(text)


def _check_interval(interval: list[float] | None) -> list[float] | None:
    if interval is not None:
        if len(interval) != 2:
            message = f"{len(interval)} numbers; an interval has two, [low, high]"
            raise ValueError(message)
        check_edges(interval)
    return interval


# headings in the form
_BACKGROUND: dict[str, Any] = {"group": "Background"}
_UNCERTAINTY: dict[str, Any] = {"group": "Uncertainty"}


def _widget(kind: str) -> dict[str, Any]:
    return {"widget": kind}


Cut = Annotated[str, AfterValidator(_check_cut), Field(json_schema_extra=_widget("cut"))]
"""A cut string of the language of `hepnb.data.expressions`; empty means no cut."""

Binning = Annotated[
    dict[str, list[float]],
    AfterValidator(_check_binning),
    Field(json_schema_extra=_widget("binning")),
]
"""Variable to bin edges, in the units of the variable."""

OneAxis = Annotated[Binning, AfterValidator(_check_one_axis)]
"""A binning of one variable."""

Variable = Annotated[str, AfterValidator(_check_variable)]
"""A variable or expression of the language of cuts."""

Interval = Annotated[
    list[float] | None,
    AfterValidator(_check_interval),
    Field(json_schema_extra=_widget("interval")),
]
"""``[low, high]``, or None for the whole range of the sample."""

Site = Annotated[
    str,
    Field(
        description="where collections live: local, kekcc, naf, or the path of a catalogue file",
        json_schema_extra=_widget("site"),
    ),
]
"""A site, or a catalogue file of the user's."""

Study = Annotated[
    str,
    Field(
        description="calibration mode, for instance Dst for D*+ -> D0(K pi) pi",
        json_schema_extra=_widget("study"),
    ),
]
"""A study that the collections have."""

Precut = Annotated[Cut, Field(description="selection of the candidates that count at all")]
"""The cut before the requirement that is measured."""

SWeights = Annotated[
    Choice,
    Field(
        description="how the background is subtracted: by columns of the files, a fit made here, "
        "its COWs; without a mass to fit by simulation or a learned score; or not at all",
        json_schema_extra=_BACKGROUND,
    ),
]
"""How the background is subtracted, see `hepnb.pid.subtract_background`."""

CowDegree = Annotated[
    int,
    Field(
        ge=0,
        le=4,
        description="degree in mass of the background that COWs remove",
        json_schema_extra=_BACKGROUND,
    ),
]
"""Degree of a Bernstein polynomial."""

McScale = Annotated[
    float | None,
    Field(
        gt=0,
        description="data per simulated candidate, for simulation; none: ratio of luminosities",
        json_schema_extra=_BACKGROUND,
    ),
]
"""What a simulated candidate stands for."""

ControlRegion = Annotated[
    Cut,
    Field(
        description="whole cut of a region with much background, where that scale is measured "
        "instead; blank: nowhere",
        json_schema_extra={**_widget("cut"), **_BACKGROUND},
    ),
]
"""A cut, to which the precut is not added."""

BackgroundUncertainty = Annotated[
    float,
    Field(
        ge=0,
        description="relative uncertainty of the background that simulation expects",
        json_schema_extra=_BACKGROUND,
    ),
]
"""The second weight column has that much more background."""

ScoreFeatures = Annotated[
    list[Variable],
    Field(
        description="variables that a learned score sees, not of the PID that is measured; "
        "empty: those of the study",
        json_schema_extra=_BACKGROUND,
    ),
]
"""Features of a classifier."""

ScoreRegions = Annotated[
    dict[str, list[float]],
    AfterValidator(_check_axes),
    Field(
        description="bins in each of which a learned score is fitted, of variables that it depends "
        "on; none: one fit of all",
        json_schema_extra={**_widget("binning"), **_BACKGROUND},
    ),
]
"""A binning, which may be empty."""

Replicas = Annotated[
    int,
    Field(
        ge=0,
        le=10_000,
        description="replicas of the mass fits, for what their shapes contribute (200 are plenty); "
        "0: none",
        json_schema_extra=_UNCERTAINTY,
    ),
]
"""Replicas of a bootstrap."""

OtherModels = Annotated[
    list[str],
    Field(
        description="further mass models; the largest change with any is a component",
        json_schema_extra=_UNCERTAINTY,
    ),
]
"""Names of mass models."""

MassRange = Annotated[
    Interval,
    Field(
        description="range of the mass fit; none: that of the study, or the whole sample",
        json_schema_extra={**_widget("interval"), **_BACKGROUND, "unit": "GeV/c^2"},
    ),
]
"""Range of a mass fit."""

_MODEL = {**_widget("mass_model"), **_BACKGROUND}

Model = Annotated[
    str,
    Field(
        description="signal and background shapes of the nominal fit; blank: those of the study",
        json_schema_extra=_MODEL,
    ),
]
"""Name of a mass model, or blank."""

AlternativeModel = Annotated[
    str,
    Field(
        description="shapes of the second fit, for the systematic uncertainty; blank: those of the "
        "study",
        json_schema_extra=_MODEL,
    ),
]
"""Name of a mass model, or blank."""
