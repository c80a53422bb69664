"""Parameters of the correction of a PID variable in simulation."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from hepnb.data.catalogue import catalogue
from hepnb.errors import BadParameters
from hepnb.stages.checks import check_stored_weights, check_strings
from hepnb.stages.fields import Binning, Precut, Site, Study, Variable, entries
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

__all__ = ("PidCorrection", "TemplateEntry")


def __dir__() -> tuple[str, ...]:
    return __all__


class TemplateEntry(BaseModel):
    """The templates of one true species."""

    model_config = ConfigDict(extra="forbid")

    data: str = Field(description="file of a template of data, made by pid_fit")
    mc: str = Field(default="", description="the same of simulation, for method transform")
    truth: int = Field(description="PDG code of the species")


Templates = Annotated[
    list[dict[str, Any]],
    entries(
        TemplateEntry, "template", "{data: template_data.root, mc: template_mc.root, truth: 321}"
    ),
]


class PidCorrection(Stage):
    """A PID variable of simulation as it would be in data: resampled, or transformed."""

    title: ClassVar[str] = "Resample or transform a PID variable"
    notebook: ClassVar[str] = "pid/pid_correction.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "candidates.parquet": "one row per candidate: the corrected variable, its variations, "
            "and what became of it (or candidates.root)",
            "check.csv": "efficiencies per threshold and bin, if there are data to check with",
            "check.total.csv": "the same over all bins",
        }
    )

    site: Site = "local"
    mc: str = Field(
        default="MC15rd_prompt",
        description="simulated collection whose candidates are corrected; A+B is the union",
        json_schema_extra={"widget": "collection", "kind": "mc"},
    )
    study: Study = "Dst"
    particle: str = Field(
        default="K",
        description="particle whose variable is corrected",
        json_schema_extra={"widget": "particle"},
    )
    method: Literal["resample", "transform"] = Field(
        default="transform",
        description="draw the variable anew, or move it to the same quantile of data",
    )
    templates: Templates = Field(
        default=[],
        description="templates, each {data, mc, truth}: files and PDG code; empty: fitted here to "
        "the calibration samples below",
        json_schema_extra={
            "group": "Data",
            "widget": "entries",
            "example": "- {data: template_data.root, mc: template_mc.root, truth: 321}",
        },
    )
    calibration_data: str = Field(
        default="proc13",
        description="data that templates are fitted to, if none are given",
        json_schema_extra={"widget": "collection", "kind": "data"},
    )
    calibration_mc: str = Field(
        default="MC15rd_proc13",
        description="simulation that templates are fitted to, if none are given",
        json_schema_extra={"widget": "collection", "kind": "mc"},
    )
    variable: Variable = Field(
        default="kaonID", description="the PID variable, if no templates are given"
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
    seed: int = Field(default=1, ge=0, description="seed of the random numbers")
    replicas: int = Field(
        default=10,
        ge=0,
        le=1000,
        description="statistical replicas of the templates: a column each",
    )
    kernel_factor: float = Field(
        default=1.5, gt=0, description="factor on the kernel in the column that varies it"
    )
    keep: list[str] = Field(default=[], description="variables to copy beside")
    file_format: Literal["parquet", "root"] = Field(
        default="parquet", description="of the candidates: Parquet, or a ROOT friend tree"
    )
    check_data: str = Field(
        default="prompt",
        description="data to check with, not in the templates; blank: no check",
        json_schema_extra={"widget": "collection", "kind": "data", "optional": True},
    )
    thresholds: list[float] = Field(
        default=[0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95],
        min_length=1,
        description="thresholds of the variable at which efficiencies are compared",
    )
    binning: Binning = Field(
        default={
            "p": [0.5, 1.0, 1.5, 2.0, 3.0, 4.5],
            "cosTheta": [-0.866, 0.0, 0.9563],
            "charge": [-2, 0, 2],
        },
        description="bins in which they are compared",
    )

    @property
    def template(self) -> dict[str, Any]:
        """Options of `hepnb.pid.response.fit_response`."""
        return template_options(self)

    def input_files(self) -> tuple[str, ...]:
        """Files of all collections that are read, and of the templates."""
        names = [self.mc, *([self.check_data] if self.check_data else [])]
        if not self.templates:
            names += [self.calibration_data, self.calibration_mc]
        files = catalogue(self.site).input_files(self.study, *names)
        own = [each[side] for each in self.templates for side in ("data", "mc") if each[side]]
        return (*dict.fromkeys(files), *own)

    def check(self) -> None:
        """Look up the names in every sample, and the templates that the method needs."""
        lacking = [each["truth"] for each in self.templates if not each["mc"]]
        if lacking and self.method == "transform":
            message = (
                f"templates of species {', '.join(map(str, lacking))} have no file of simulation, "
                "which method='transform' needs; add mc, or take method='resample'"
            )
            raise BadParameters(message)
        names = {self.mc, self.check_data} - {""}
        measured = [self.check_data] if self.check_data else []
        if not self.templates:
            measured.append(self.calibration_data)
        check_stored_weights(self.site, self.study, *measured)
        texts = [*self.binning, self.precut]
        if not self.templates:
            names |= {self.calibration_data, self.calibration_mc}
            texts += [self.variable, *self.kinematics]
        check_strings(
            texts,
            site=self.site,
            collections=sorted(names),
            study=self.study,
            particle=self.particle,
        )
        check_strings(
            self.keep,
            site=self.site,
            collections=[self.mc],
            study=self.study,
            particle=self.particle,
        )
