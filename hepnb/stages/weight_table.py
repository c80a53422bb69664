"""Parameters of the data/MC weight table."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field

from hepnb.data.catalogue import catalogue
from hepnb.stages.checks import check_mass_models, check_strings
from hepnb.stages.fields import Binning, Cut, Interval
from hepnb.stages.stage import Stage

__all__ = ("WeightTable",)


def __dir__() -> tuple[str, ...]:
    return __all__


class WeightTable(Stage):
    """Data/MC weights of a requirement: the ratio of its efficiencies, bin by bin."""

    title: ClassVar[str] = "Data/MC weight table"
    notebook: ClassVar[str] = "pid/weight_table.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "weights.csv": "the table that PIDVar and SysVar read: one row per bin",
            "weights.status.csv": "status, entries and effective entries of every bin",
            "weights.correctionlib.json": "the table as a correctionlib correction",
            "weights.uhi.json": "passing and total histograms (UHI JSON, lossless)",
            "factorisation.csv": "does the mass of the background depend on other variables?",
        }
    )

    site: str = Field(
        default="local",
        description="where collections live: local, kekcc, naf, or the path of a catalogue file",
        json_schema_extra={"widget": "site"},
    )
    data: str = Field(
        default="proc13+prompt",
        description="collection of calibration data; A+B is the union",
        json_schema_extra={"widget": "collection", "kind": "data"},
    )
    mc: str = Field(
        default="MC15rd_proc13+prompt",
        description="collection of simulated calibration decays",
        json_schema_extra={"widget": "collection", "kind": "mc"},
    )
    study: str = Field(
        default="Dst",
        description="calibration mode, for instance Dst for D*+ -> D0(K pi) pi",
        json_schema_extra={"widget": "study"},
    )
    particle: str = Field(
        default="K",
        description="particle that the requirement is put on",
        json_schema_extra={"widget": "particle"},
    )
    cut: Cut = Field(
        default="kaonID > 0.6", description="the requirement whose efficiency is measured"
    )
    precut: Cut = Field(
        default="[-3 < dz < 3] and [dr < 1]",
        description="selection of the candidates that count at all",
    )
    binning: Binning = Field(
        default={
            "p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.5],
            "cosTheta": [-0.866, -0.4226, 0.225, 0.766, 0.9563],
            "charge": [-2, 0, 2],
        },
        description="bin edges by variable",
    )
    sweights: Literal["stored", "fit", "cows", "none"] = Field(
        default="stored",
        description="sWeights of the data: columns of files, a fit made here, its COWs, or none",
    )
    cow_degree: int = Field(
        default=2, ge=0, le=4, description="degree in mass of the background that COWs remove"
    )
    bad_bins: Literal["keep", "drop", "unity", "error"] = Field(
        default="keep",
        description="bins without a ratio: written as nan, left out, given weight 1, or refused",
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
        """Files of the study in data and in simulation, and the catalogue's."""
        return catalogue(self.site).input_files(self.study, self.data, self.mc)

    def check(self) -> None:
        """Look up the names in cuts and axes, and the mass models."""
        check_mass_models(self.mass_model, self.alternative_model)
        check_strings(
            (self.cut, self.precut, *self.binning),
            site=self.site,
            collections=(self.data, self.mc),
            study=self.study,
            particle=self.particle,
        )
