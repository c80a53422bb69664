"""Parameters of the fit of the PID response."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from hepnb.data.catalogue import catalogue
from hepnb.stages.checks import check_background, check_strings
from hepnb.stages.fields import (
    AlternativeModel,
    BackgroundUncertainty,
    ControlRegion,
    CowDegree,
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
from hepnb.stages.response_fields import (
    Adaptive,
    Cells,
    KernelBins,
    KernelCells,
    Kinematics,
    SingleValues,
    VariableBins,
    VariableRange,
    template_options,
)
from hepnb.stages.stage import Stage

__all__ = ("PidFit",)


def __dir__() -> tuple[str, ...]:
    return __all__


class PidFit(Stage):
    """Distribution of a PID variable over kinematics: the templates of resampling."""

    title: ClassVar[str] = "Fit of the PID response"
    notebook: ClassVar[str] = "pid/pid_fit.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "template_data.root": "template of data: sums of weights, bins and kernel",
            "template_data.png": "template and candidates, in three ranges of the first variable",
        }
    )

    site: Site = "local"
    data: str = Field(
        default="proc13+prompt",
        description="collection of calibration data; A+B is the union",
        json_schema_extra={"widget": "collection", "kind": "data"},
    )
    mc: str = Field(
        default="MC15rd_proc13+prompt",
        description="collection of simulated calibration decays; blank: no template of simulation",
        json_schema_extra={"widget": "collection", "kind": "mc", "optional": True},
    )
    study: Study = "Dst"
    particle: str = Field(
        default="K",
        description="particle whose response is fitted",
        json_schema_extra={"widget": "particle"},
    )
    variable: Variable = Field(
        default="kaonID", description="the PID variable, or an expression such as binaryID(K, pi)"
    )
    variable_range: VariableRange = None
    variable_bins: VariableBins = 200
    kinematics: Kinematics = Field(
        default={"p": [0.3, 5.0], "cosTheta": [-0.866, 0.9563], "charge": [-2, 0, 2]}
    )
    cells: Cells = 15
    kernel_cells: KernelCells = 0.8
    kernel_bins: KernelBins = 3.0
    adaptive: Adaptive = False
    single_values: SingleValues = None
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

    @property
    def template(self) -> dict[str, Any]:
        """Options of `hepnb.pid.response.fit_response`."""
        return template_options(self)

    def input_files(self) -> tuple[str, ...]:
        """Files of the study in data and, if there is any, in simulation."""
        names = [each for each in (self.data, self.mc) if each]
        return catalogue(self.site).input_files(self.study, *names)

    def check(self) -> None:
        """Look up the names, the mass models, and a way to subtract background."""
        check_strings(
            (self.variable, self.precut, *self.kinematics),
            site=self.site,
            collections=[each for each in (self.data, self.mc) if each],
            study=self.study,
            particle=self.particle,
        )
        check_background(self, variables=(self.variable, *self.kinematics))
