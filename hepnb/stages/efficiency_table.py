"""Parameters of the efficiency table."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from pydantic import Field

from hepnb.data.catalogue import catalogue
from hepnb.stages.checks import check_background, check_mass_models, check_strings
from hepnb.stages.fields import (
    AlternativeModel,
    BackgroundUncertainty,
    Binning,
    ControlRegion,
    CowDegree,
    Cut,
    MassRange,
    McScale,
    Model,
    OtherModels,
    Precut,
    Replicas,
    ScoreFeatures,
    ScoreRegions,
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
            "uncertainties.csv": "components of each bin's uncertainty",
            "uncertainties.covariance.csv": "covariance of the bins",
            "factorisation.csv": "do the sWeights assume too much? (unless simulation subtracts)",
        }
    )

    site: Site = "local"
    data: str = Field(
        default="proc13+prompt",
        description="collection of candidates; A+B is the union",
        json_schema_extra={"widget": "collection"},
    )
    mc: str = Field(
        default="MC15rd_proc13+prompt",
        description="simulation, where it tells the background (sweights simulation or learned)",
        json_schema_extra={"widget": "collection", "kind": "mc", "optional": True},
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
    mass_model: Model = ""
    alternative_model: AlternativeModel = ""
    mc_scale: McScale = None
    control_region: ControlRegion = ""
    background_uncertainty: BackgroundUncertainty = 0.2
    score_features: ScoreFeatures = Field(default=[])
    score_regions: ScoreRegions = Field(default={})
    other_models: OtherModels = Field(default=[])
    replicas: Replicas = 0

    @property
    def background_mc(self) -> str:
        """Collection of simulation, where it tells the background; else blank."""
        return self.mc if self.sweights in {"simulation", "learned"} else ""

    def input_files(self) -> tuple[str, ...]:
        """Files of the study, of simulation where it is used, and the catalogue's."""
        names = [each for each in (self.data, self.background_mc) if each]
        return catalogue(self.site).input_files(self.study, *names)

    def check(self) -> None:
        """Look up the names in cuts and axes, the mass models, and a way to subtract background."""
        check_mass_models(*self.other_models)
        check_strings(
            (self.cut, self.precut, *self.binning),
            site=self.site,
            collections=(self.data,),
            study=self.study,
            particle=self.particle,
        )
        check_background(self, variables=(*self.binning, self.cut))
