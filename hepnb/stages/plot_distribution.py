"""Parameters of the comparison of a distribution in data and simulation."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field

from hepnb.data.catalogue import catalogue
from hepnb.errors import BadParameters
from hepnb.stages.checks import check_background, check_strings
from hepnb.stages.fields import (
    AlternativeModel,
    BackgroundUncertainty,
    ControlRegion,
    CowDegree,
    Cut,
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

__all__ = ("PlotDistribution",)


def __dir__() -> tuple[str, ...]:
    return __all__


class PlotDistribution(Stage):
    """Distribution of any variable in data, sWeighted, and in simulation."""

    title: ClassVar[str] = "Distribution in data and simulation"
    notebook: ClassVar[str] = "pid/plot_distribution.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "distribution.csv": "one row per requirement, side and bin",
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
        description="particle whose variables are named without prefix",
        json_schema_extra={"widget": "particle"},
    )
    variable: Variable = Field(
        default="kaonID", description="what is shown: a variable or expression"
    )
    bins: int = Field(default=50, ge=2, le=2000, description="number of bins")
    variable_range: Interval = Field(
        default=[0.0, 1.0], description="range that is shown; none: all that there is"
    )
    log_x: bool = Field(default=False, description="logarithmic axis and bins of the variable")
    log_y: bool = Field(default=True, description="logarithmic axis of the candidates")
    cuts: list[Cut] = Field(
        default=["", "p < 1.5", "p > 2.5"],
        min_length=1,
        description="requirements, one panel each; an empty one takes all candidates",
    )
    precut: Precut = "[-3 < dz < 3] and [dr < 1]"
    against: Literal["mc", "background"] = Field(
        default="mc",
        description="what data are compared with: simulation, or the background of the mass fit",
    )
    normalised: bool = Field(
        default=True,
        description="compare shapes; otherwise numbers, simulation scaled by luminosity",
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
            (self.variable, self.precut, *self.cuts),
            site=self.site,
            collections=[each for each in (self.data, self.mc) if each],
            study=self.study,
            particle=self.particle,
        )
        if self.log_x and self.variable_range is not None and self.variable_range[0] <= 0:
            message = (
                f"log_x: a logarithmic axis cannot start at {self.variable_range[0]:g}; give a "
                "variable_range above 0"
            )
            raise BadParameters(message)
        fakes = "against='background'" if self.against == "background" else ""
        check_background(self, variables=(self.variable,), fakes=fakes)
