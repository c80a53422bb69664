"""Parameters of the stage that applies weight tables to candidates."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from hepnb.data.catalogue import catalogue
from hepnb.stages.checks import check_stored_weights, check_strings
from hepnb.stages.fields import Binning, Cut, Site, entries
from hepnb.stages.stage import Stage

__all__ = ("ApplyWeights", "TableEntry")


def __dir__() -> tuple[str, ...]:
    return __all__


class TableEntry(BaseModel):
    """One table to apply: its file and the species it is for."""

    model_config = ConfigDict(extra="forbid")

    file: str = Field(description="CSV or JSON file of weights, of any kind that hepnb reads")
    reco: int = Field(description="PDG code that the track was reconstructed as")
    truth: int = Field(description="PDG code that it truly is")
    variable: str | None = Field(default=None, description="which, if the file holds several")
    threshold: float | None = Field(default=None, description="which, if the file holds several")


Tables = Annotated[
    list[dict[str, Any]],
    entries(TableEntry, "table", "{file: weights.csv, reco: 321, truth: 321}"),
]


class ApplyWeights(Stage):
    """Weights and replica weights of the candidates of a simulated sample."""

    title: ClassVar[str] = "Apply weight tables to candidates"
    notebook: ClassVar[str] = "pid/apply_weights.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "weights.parquet": "one row per candidate: weights and replicas (or weights.root)",
            "weights.coverage.csv": "fraction of the tracks in a table, and why others are not",
            "closure.csv": "weighted simulation and data per bin, if there are data to check with",
        }
    )

    site: Site = "local"
    mc: str = Field(
        default="MC15rd_prompt",
        description="simulated collection whose candidates get weights; A+B is the union",
        json_schema_extra={"widget": "collection", "kind": "mc"},
    )
    study: str = Field(
        default="Dst",
        description="which of its ntuples",
        json_schema_extra={"widget": "study"},
    )
    particle: str = Field(
        default="K",
        description="particle that gets weights, and whose requirement is checked",
        json_schema_extra={"widget": "particle"},
    )
    hypothesis: int | None = Field(
        default=321,
        description="PDG code that it was reconstructed as; none: its column <prefix>_PDG",
        json_schema_extra={"group": "Data"},
    )
    more_particles: dict[str, int | None] = Field(
        default={},
        description="further particles of the candidate and their codes, for instance {pi: 211}",
        json_schema_extra={"group": "Data"},
    )
    tables: Tables = Field(
        default=[],
        description=(
            "tables, each {file, reco, truth} with PDG codes; empty: made here from the "
            "calibration samples below"
        ),
        json_schema_extra={
            "group": "Data",
            "widget": "entries",
            "example": "- {file: weights.csv, reco: 321, truth: 321}",
        },
    )
    selection: Cut = Field(
        default="", description="candidates that get weights; a friend tree of all needs none"
    )
    requirement: Literal["pass", "fail", "cut"] = Field(
        default="pass",
        description="tracks were asked to pass, to fail, or the requirement decides for each",
    )
    replicas: int = Field(default=100, ge=0, le=10_000, description="number of replica weights")
    seed: int = Field(default=1, ge=0, description="seed of the replicas")
    replica_shape: Literal["gaussian", "lognormal"] = Field(
        default="gaussian", description="distribution of the replicas; log-normal is positive"
    )
    on_missing: Literal["count", "warn", "raise"] = Field(
        default="count",
        description="tracks in no table: count them and take the default weight, with a warning, "
        "or stop",
    )
    default_weight: float = Field(default=1.0, description="weight of tracks in no table")
    keep: list[str] = Field(default=[], description="variables to copy beside the weights")
    file_format: Literal["parquet", "root"] = Field(
        default="parquet", description="of the weights: Parquet, or a ROOT friend tree"
    )
    calibration_data: str = Field(
        default="proc13",
        description="data that tables are made from, if none are given",
        json_schema_extra={"widget": "collection", "kind": "data"},
    )
    calibration_mc: str = Field(
        default="MC15rd_proc13",
        description="simulation that tables are made from, if none are given",
        json_schema_extra={"widget": "collection", "kind": "mc"},
    )
    cut: Cut = Field(
        default="kaonID > 0.6", description="the requirement, of tables made here and of the check"
    )
    precut: Cut = Field(
        default="[-3 < dz < 3] and [dr < 1]",
        description="selection of the candidates that count in both",
    )
    binning: Binning = Field(
        default={
            "p": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.5],
            "cosTheta": [-0.866, -0.4226, 0.225, 0.766, 0.9563],
            "charge": [-2, 0, 2],
        },
        description="bin edges by variable, for the efficiency and for the check",
    )
    fake_binning: Binning = Field(
        default={"p": [0.5, 1.5, 2.5, 4.5], "cosTheta": [-0.866, 0.225, 0.9563]},
        description="bin edges by variable, for the fake rates",
    )
    check_data: str = Field(
        default="prompt",
        description="data to check the weights with, not in the tables; blank: no check",
        json_schema_extra={"widget": "collection", "kind": "data", "optional": True},
    )

    @property
    def particles(self) -> dict[str, int | None]:
        """Every particle that gets weights, with its hypothesis."""
        return {self.particle: self.hypothesis} | self.more_particles

    def input_files(self) -> tuple[str, ...]:
        """Files of all collections that are read, and of the tables."""
        names = [self.mc, *([self.check_data] if self.check_data else [])]
        if not self.tables:
            names += [self.calibration_data, self.calibration_mc]
        files = catalogue(self.site).input_files(self.study, *names)
        return (*dict.fromkeys(files), *(each["file"] for each in self.tables))

    def check(self) -> None:
        """Look up the names in the cuts and axes, and the weights of data that is measured."""
        measured = [self.check_data] if self.check_data else []
        texts = [self.precut, self.cut, *self.binning] if measured or not self.tables else []
        if not self.tables:
            measured.append(self.calibration_data)
        check_stored_weights(self.site, self.study, *measured)
        names = {*measured, *([] if self.tables else [self.calibration_mc])}
        where = {"site": self.site, "study": self.study, "particle": self.particle}
        check_strings(texts, collections=sorted(names), **where)
        check_strings([self.selection, *self.keep], collections=[self.mc], **where)
