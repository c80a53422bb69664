"""Parameters of the efficiency table."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from pydantic import Field

from hepnb.data.catalogue import catalogue
from hepnb.stages.checks import check_mass_models, check_strings
from hepnb.stages.fields import (
    Binning,
    CowDegree,
    Cut,
    MassRange,
    Model,
    Precut,
    Site,
    Study,
    SWeights,
)
from hepnb.stages.stage import Stage

__all__ = ("EfficiencyTable",)


def __dir__() -> tuple[str, ...]:
    return __all__


class EfficiencyTable(Stage):
    """Efficiency of a requirement in one collection, bin by bin."""

    title: ClassVar[str] = "Efficiency of a requirement"
    notebook: ClassVar[str] = "pid/efficiency_table.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "efficiency.csv": "one row per bin: efficiency, uncertainties, status, entries",
            "efficiency.uhi.json": "passing and total histograms (UHI JSON, lossless)",
            "uncertainties.csv": "components of each bin's uncertainty (with replicas)",
            "uncertainties.covariance.csv": "covariance of the bins (with replicas)",
            "factorisation.csv": "does the mass of the background depend on other variables?",
        }
    )

    site: Site = "local"
    data: str = Field(
        default="proc13+prompt",
        description="collection of candidates; A+B is the union",
        json_schema_extra={"widget": "collection"},
    )
    study: Study = "Dst"
    particle: str = Field(
        default="K",
        description="particle that the requirement is put on",
        json_schema_extra={"widget": "particle"},
    )
    cut: Cut = Field(
        default="kaonID > 0.6", description="the requirement whose efficiency is measured"
    )
    precut: Precut = "[-3 < dz < 3] and [dr < 1]"
    binning: Binning = Field(
        default={
            "p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.5],
            "cosTheta": [-0.866, -0.4226, 0.225, 0.766, 0.9563],
            "charge": [-2, 0, 2],
        },
        description="bin edges by variable",
    )
    sweights: SWeights = "stored"
    cow_degree: CowDegree = 2
    mass_range: MassRange = None
    mass_model: Model = Field(
        default="two_gaussians", description="signal and background shapes of the nominal fit"
    )
    alternative_model: Model = Field(
        default="student", description="shapes of the second fit, for the systematic uncertainty"
    )

    replicas: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="replicas of the fit for the components of the uncertainty (200 are plenty); "
        "0: none",
    )

    def input_files(self) -> tuple[str, ...]:
        """Files of the collection's study, and the catalogue's."""
        return catalogue(self.site).input_files(self.study, self.data)

    def check(self) -> None:
        """Look up the names in cuts and axes, and the mass models."""
        check_mass_models(self.mass_model, self.alternative_model)
        check_strings(
            (self.cut, self.precut, *self.binning),
            site=self.site,
            collections=(self.data,),
            study=self.study,
            particle=self.particle,
        )
