"""Parameters of the refit: new sWeights in copies of ntuples."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from pydantic import Field, field_validator

from hepnb.data.catalogue import catalogue
from hepnb.stages.checks import check_mass, check_mass_models, check_strings
from hepnb.stages.fields import Interval, Site
from hepnb.stages.stage import Stage

__all__ = ("Refit",)


def __dir__() -> tuple[str, ...]:
    return __all__


class Refit(Stage):
    """Replace the sWeights in a copy of the ntuples, and redraw the benchmark plots."""

    title: ClassVar[str] = "Refit of the sWeights"
    notebook: ClassVar[str] = "pid/refit.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "ntuples": "folder of the copies, with both sWeight columns new",
            "ntuples.yaml": "catalogue of the copies: give it as `site` of any stage",
            "mass_fit.csv": "parameters of the nominal fit",
            "mass_fit_alternative.csv": "parameters of the alternative fit",
        }
    )

    site: Site = "local"
    data: str = Field(
        default="proc13+prompt",
        description="collection whose ntuples are copied; A+B is the union",
        json_schema_extra={"widget": "collection"},
    )
    study: str = Field(
        default="Dst",
        description="calibration mode that has a mass to fit: Dst, Lambda, KS, Jpsi_ee, ...",
        json_schema_extra={"widget": "study"},
    )
    particle: str = Field(
        default="K",
        description="particle of the benchmark plots",
        json_schema_extra={"widget": "particle"},
    )
    old_suffix: str = Field(
        default="",
        description="end of the names of files and collection that the new one takes the place of",
    )
    new_suffix: str = Field(
        default="_refit", description="end of the names of the copies and of their collection"
    )
    models: list[str] = Field(
        default=[],
        description="mass models, nominal and alternative; none: those of the study",
    )
    mass_range: Interval = Field(
        default=None,
        description="range of the fits; none: that of the study, or the whole sample",
        json_schema_extra={"unit": "GeV/c^2"},
    )
    bins: int = Field(default=150, ge=20, le=2000, description="bins of the binned fits")

    @field_validator("models")
    @classmethod
    def _two_or_none(cls, models: list[str]) -> list[str]:
        if len(models) not in (0, 2):
            message = f"{len(models)} name(s); give two, nominal and alternative, or none"
            raise ValueError(message)
        return models

    @field_validator("new_suffix")
    @classmethod
    def _is_part_of_a_name(cls, suffix: str) -> str:
        if not suffix.strip() or "/" in suffix:
            message = "must be letters that make the copies' names differ, without '/'"
            raise ValueError(message)
        return suffix

    def input_files(self) -> tuple[str, ...]:
        """Files of the collection's study, and the catalogue's."""
        return catalogue(self.site).input_files(self.study, self.data)

    def check(self) -> None:
        """Look up the mass models, and the collection, study and particle."""
        check_mass_models(*filter(None, self.models))
        names = {"study": self.study, "particle": self.particle}
        check_strings((), site=self.site, collections=(self.data,), **names)
        check_mass(self)
