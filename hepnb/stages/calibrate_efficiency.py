"""Parameters of the calibration of an efficiency against its threshold."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field

from hepnb.data.catalogue import catalogue
from hepnb.stages.checks import check_background, check_strings
from hepnb.stages.fields import (
    AlternativeModel,
    BackgroundUncertainty,
    ControlRegion,
    CowDegree,
    Interval,
    MassRange,
    McScale,
    Model,
    OneAxis,
    Precut,
    ScoreFeatures,
    ScoreRegions,
    Site,
    Study,
    SWeights,
    Variable,
)
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

    site: Site = "local"
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
    study: Study = "Dst"
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
    precut: Precut = "[-3 < dz < 3] and [dr < 1]"
    binning: OneAxis = Field(
        default={"p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.5]},
        description="one variable with its bin edges, for a curve in each bin",
    )
    sweights: SWeights = "stored"
    cow_degree: CowDegree = 2
    mass_range: MassRange = None
    mass_model: Model = ""
    alternative_model: AlternativeModel = ""
    mc_scale: McScale = None
    control_region: ControlRegion = ""
    background_uncertainty: BackgroundUncertainty = 0.2
    score_features: ScoreFeatures = Field(default=[])
    score_regions: ScoreRegions = Field(default={})

    def input_files(self) -> tuple[str, ...]:
        """Files of the study in data and, if there is any, in simulation."""
        names = [each for each in (self.data, self.mc) if each]
        return catalogue(self.site).input_files(self.study, *names)

    def check(self) -> None:
        """Look up the names in cuts and axes, the mass models, and a way to subtract background."""
        check_strings(
            (self.variable, self.precut, *self.binning),
            site=self.site,
            collections=[each for each in (self.data, self.mc) if each],
            study=self.study,
            particle=self.particle,
        )
        check_background(self, variables=(*self.binning, self.variable))
