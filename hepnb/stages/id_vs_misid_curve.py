"""Parameters of the curve of efficiency against misidentification."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field

from hepnb.data.catalogue import catalogue
from hepnb.stages.fields import Cut, Interval, Variable
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
    precut: Cut = Field(
        default="[-3 < dz < 3] and [dr < 1]",
        description="selection of the candidates that count at all",
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
