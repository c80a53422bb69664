"""Parameters of the calibration of an efficiency against its threshold."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field

from hepnb.data.catalogue import catalogue
from hepnb.stages.fields import Cut, Interval, OneAxis, Variable
from hepnb.stages.stage import Stage

__all__ = ("CalibrateEfficiency",)


def __dir__() -> tuple[str, ...]:
    return __all__


class CalibrateEfficiency(Stage):
    """Efficiency against threshold, in data and simulation, and thresholds for wanted ones."""

    title: ClassVar[str] = "Efficiency against threshold"
    notebook: ClassVar[str] = "pid/calibrate_efficiency.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "calibration.csv": "efficiency at every threshold, by side and bin",
            "calibration.thresholds.csv": "thresholds that reach the wanted efficiencies",
        }
    )

    site: str = Field(
        default="local",
        description="where collections live: local, kekcc, naf, or the path of a catalogue file",
        json_schema_extra={"widget": "site"},
    )
    data: str = Field(
        default="proc13+prompt",
        description="collection of data; A+B is the union",
        json_schema_extra={"widget": "collection", "kind": "data"},
    )
    mc: str = Field(
        default="MC15rd_proc13+prompt",
        description="collection of simulation; empty: none",
        json_schema_extra={"widget": "collection", "kind": "mc", "optional": True},
    )
    study: str = Field(
        default="Dst",
        description="calibration mode, for instance Dst for D*+ -> D0(K pi) pi",
        json_schema_extra={"widget": "study"},
    )
    particle: str = Field(
        default="K",
        description="particle that the requirement is put on",
        json_schema_extra={"widget": "particle"},
    )
    variable: Variable = Field(
        default="kaonID", description="what is compared with thresholds: a variable or expression"
    )
    accept: Literal["above", "below"] = Field(
        default="above", description="which side passes: values above the threshold, or below"
    )
    threshold_range: Interval = Field(
        default=[0.0, 1.0], description="range of the thresholds, in the unit of the variable"
    )
    steps: int = Field(default=1000, ge=10, le=100_000, description="steps of the thresholds")
    wanted: list[float] = Field(
        default=[0.8, 0.9, 0.95], description="efficiencies for which thresholds are asked"
    )
    precut: Cut = Field(
        default="[-3 < dz < 3] and [dr < 1]",
        description="selection of the candidates that count at all",
    )
    binning: OneAxis = Field(
        default={"p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.5]},
        description="one variable with its bin edges, for a curve in each bin",
    )
    sweights: Literal["stored", "fit", "cows", "none"] = Field(
        default="stored",
        description="sWeights of the data: columns of files, a fit made here, its COWs, or none",
    )
    cow_degree: int = Field(
        default=2, ge=0, le=4, description="degree in mass of the background that COWs remove"
    )
    mass_range: Interval = Field(
        default=None,
        description="range of the mass fit; none: the whole range of the sample",
        json_schema_extra={"unit": "GeV/c^2"},
    )
    mass_model: str = Field(
        default="two_gaussians",
        description="signal and background shapes of the nominal fit",
        json_schema_extra={"widget": "mass_model"},
    )
    alternative_model: str = Field(
        default="student",
        description="shapes of the second fit, for the systematic uncertainty",
        json_schema_extra={"widget": "mass_model"},
    )

    def input_files(self) -> tuple[str, ...]:
        """Files of the study in data and, if there is any, in simulation."""
        collections = catalogue(self.site)
        names = [each for each in (self.data, self.mc) if each]
        return tuple(file for name in names for file in collections[name].study(self.study).files)
