"""Parameters of the curve of efficiency against misidentification."""

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
    Precut,
    ScoreFeatures,
    ScoreRegions,
    Site,
    Study,
    SWeights,
    Variable,
)
from hepnb.stages.stage import Stage

__all__ = ("IdVsMisidCurve",)


def __dir__() -> tuple[str, ...]:
    return __all__


class IdVsMisidCurve(Stage):
    """Efficiency against fake rate in data and simulation, for every threshold of a variable."""

    title: ClassVar[str] = "Efficiency against misidentification"
    notebook: ClassVar[str] = "pid/id_vs_misid_curve.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "roc.csv": "efficiency and fake rate at every threshold, by side",
            "roc.points.csv": "the same at the working points",
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
        description="particle that is to pass",
        json_schema_extra={"widget": "particle"},
    )
    fakes: Literal["particle", "background"] = Field(
        default="particle",
        description="what is not to pass: another particle, or the background of the mass fit",
    )
    fake_particle: str = Field(
        default="pi",
        description="the other particle; unused where fakes are background",
        json_schema_extra={"widget": "particle"},
    )
    variable: Variable = Field(
        default="binaryID(K, pi)",
        description="what is compared with thresholds: a variable or expression",
    )
    accept: Literal["above", "below"] = Field(
        default="above", description="which side passes: values above the threshold, or below"
    )
    threshold_range: Interval = Field(
        default=[0.0, 1.0], description="range of the thresholds, in the unit of the variable"
    )
    steps: int = Field(default=1000, ge=10, le=100_000, description="steps of the thresholds")
    working_points: list[float] = Field(
        default=[0.2, 0.5, 0.9], description="thresholds that are marked and tabulated"
    )
    log: bool = Field(default=True, description="draw the fake rate on a logarithmic axis too")
    precut: Precut = "[-3 < dz < 3] and [dr < 1]"
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
            (self.variable, self.precut),
            site=self.site,
            collections=[each for each in (self.data, self.mc) if each],
            study=self.study,
            particle=self.particle,
        )
        fakes = "fakes='background'" if self.fakes == "background" else ""
        check_background(self, variables=(self.variable,), fakes=fakes)
