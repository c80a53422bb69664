"""Parameters of the mass fit."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from pydantic import Field

from hepnb.data.catalogue import catalogue
from hepnb.stages.checks import check_mass, check_mass_models, check_strings
from hepnb.stages.fields import Cut, Interval, Site
from hepnb.stages.stage import Stage

__all__ = ("MassFit",)


def __dir__() -> tuple[str, ...]:
    return __all__


class MassFit(Stage):
    """Fit the mass peak of a calibration mode and give every candidate its sWeights."""

    title: ClassVar[str] = "Mass fit and sWeights"
    notebook: ClassVar[str] = "pid/mass_fit.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "mass_fit.csv": "parameters of the nominal fit, with uncertainties",
            "mass_fit_alternative.csv": "parameters of the fit with the alternative model",
            "sweights.parquet": "mass and both sWeights of every candidate (with save_sweights)",
        }
    )

    site: Site = "local"
    data: str = Field(
        default="proc13+prompt",
        description="collection of candidates; A+B is the union",
        json_schema_extra={"widget": "collection"},
    )
    study: str = Field(
        default="Dst",
        description="calibration mode that has a mass to fit: Dst, Lambda, KS, Jpsi_ee, ...",
        json_schema_extra={"widget": "study"},
    )
    particle: str = Field(
        default="K",
        description="particle whose variables a cut names without prefix",
        json_schema_extra={"widget": "particle"},
    )
    cut: Cut = Field(default="", description="selection before the fit")
    mass: str = Field(
        default="",
        description="variable that is fitted; empty: the mass variable of the study",
        json_schema_extra={"unit": "GeV/c^2"},
    )
    mass_range: Interval = Field(
        default=None,
        description="range of the fit; none: that of the study, or the whole sample",
        json_schema_extra={"unit": "GeV/c^2"},
    )
    mass_model: str = Field(
        default="",
        description="signal and background shapes of the nominal fit; empty: those of the study",
        json_schema_extra={"widget": "mass_model"},
    )
    alternative_model: str = Field(
        default="",
        description="shapes of the second fit, for the systematic sWeight column; empty: those of "
        "the study",
        json_schema_extra={"widget": "mass_model"},
    )
    bins: int = Field(default=150, ge=20, le=2000, description="bins of the binned fit")
    unbinned: bool = Field(
        default=False, description="fit candidate by candidate (slow above 1e5 candidates)"
    )
    save_sweights: bool = Field(
        default=False, description="write mass and sWeights of every candidate to sweights.parquet"
    )

    def input_files(self) -> tuple[str, ...]:
        """Files of the collection's study, and the catalogue's."""
        return catalogue(self.site).input_files(self.study, self.data)

    def check(self) -> None:
        """Look up the names in cuts and axes, and the mass models."""
        # a blank one is that of the study
        check_mass_models(*filter(None, (self.mass_model, self.alternative_model)))
        check_strings(
            (self.cut, self.mass),
            site=self.site,
            collections=(self.data,),
            study=self.study,
            particle=self.particle,
        )
        check_mass(self, self.mass)
