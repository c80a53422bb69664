"""Fields of the stages of the PID response."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from hepnb.stages.fields import Binning, Interval

__all__ = (
    "Adaptive",
    "Cells",
    "KernelBins",
    "KernelCells",
    "Kinematics",
    "SingleValues",
    "VariableBins",
    "VariableRange",
    "template_options",
)

_TEMPLATE = {"group": "Template"}


def __dir__() -> tuple[str, ...]:
    return __all__


VariableRange = Annotated[
    Interval,
    Field(
        description="range of the variable, both ends included; none: all that there is",
        json_schema_extra={"widget": "interval", **_TEMPLATE},
    ),
]
"""Range of a PID variable."""

VariableBins = Annotated[
    int, Field(ge=2, le=2000, description="bins of the variable", json_schema_extra=_TEMPLATE)
]
"""Bins of a template."""

Kinematics = Annotated[
    Binning,
    Field(
        description="what the response depends on: [low, high] of a continuous variable, or the "
        "edges of bins that have nothing to do with each other, such as the charge",
        json_schema_extra={"widget": "binning", **_TEMPLATE},
    ),
]
"""Variable to range or edges."""

Cells = Annotated[
    int,
    Field(
        ge=1,
        le=200,
        description="cells along each continuous variable of the kinematics",
        json_schema_extra=_TEMPLATE,
    ),
]
"""Grid of a template."""

KernelCells = Annotated[
    float,
    Field(
        ge=0,
        le=20,
        description="width of the kernel along the kinematics",
        json_schema_extra={"unit": "cells", **_TEMPLATE},
    ),
]
"""Standard deviation of a Gaussian."""

KernelBins = Annotated[
    float,
    Field(
        ge=0,
        le=50,
        description="width of the kernel along the variable",
        json_schema_extra={"unit": "bins", **_TEMPLATE},
    ),
]
"""Standard deviation of a Gaussian."""

Adaptive = Annotated[
    bool,
    Field(
        description="a wider kernel where there are few candidates, a narrower one where many",
        json_schema_extra=_TEMPLATE,
    ),
]
"""See `hepnb.pid.response.smooth_counts`."""

SingleValues = Annotated[
    list[float] | None,
    Field(
        description="values to keep apart, such as -1 for no information; none: those that many "
        "candidates share",
        json_schema_extra=_TEMPLATE,
    ),
]
"""Atoms of a distribution."""


def template_options(stage: Any) -> dict[str, Any]:
    """Options of `hepnb.pid.response.fit_response`, from the fields above and the precut."""
    return {
        "kinematics": stage.kinematics,
        "cells": stage.cells,
        "bins": stage.variable_bins,
        "range": stage.variable_range,
        "widths": (stage.kernel_cells, stage.kernel_bins),
        "adaptive": stage.adaptive,
        "atoms": stage.single_values,
        "precut": stage.precut,
    }
