"""A stage with a parameter of every kind that a form can edit, and data for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import yaml
from pydantic import Field

from hepnb.stages.fields import Binning, Cut, Interval
from hepnb.stages.stage import Stage

EVENTS = 30_000
COLLECTIONS = {"early": ("data", 10.5), "late": ("data", 20.25), "sim": ("mc", None)}


class EveryKind(Stage):
    """Uses each widget once."""

    title: ClassVar[str] = "Every kind of field"
    # a record of results names the notebook, which must exist
    notebook: ClassVar[str] = "pid/weight_table.ipynb"

    site: str = Field("catalogue.yaml", description="a site", json_schema_extra={"widget": "site"})
    data: str = Field(
        "early",
        description="collection of data",
        json_schema_extra={"widget": "collection", "kind": "data"},
    )
    mc: str = Field(
        "sim",
        description="collection of simulation",
        json_schema_extra={"widget": "collection", "kind": "mc"},
    )
    study: str = Field("Dst", description="the decay", json_schema_extra={"widget": "study"})
    particle: str = Field("K", description="whose PID", json_schema_extra={"widget": "particle"})
    cut: Cut = Field("kaonID > 0.6", description="the requirement")
    binning: Binning = Field({"p": [0.5, 1, 2.5], "charge": [-2, 0, 2]}, description="bin edges")
    mass_range: Interval = Field(
        None, description="range of the fit", json_schema_extra={"unit": "GeV/c^2"}
    )
    mass_model: str = Field(
        "two_gaussians", description="shapes", json_schema_extra={"widget": "mass_model"}
    )
    weights: str = Field("", description="a table", json_schema_extra={"widget": "file"})
    bad_bins: Literal["keep", "drop"] = Field("keep", description="bins without a ratio")
    label: str = Field("toy", description="words for the plots")
    bins: int = Field(150, ge=20, le=2000, description="bins of the fit")
    threshold: float = Field(
        0.5, gt=0, le=1, description="working point", json_schema_extra={"unit": "GeV"}
    )
    unbinned: bool = Field(False, description="fit candidate by candidate")
    seeds: list[int] = Field([1, 2], description="seeds of the toys")
    note: str | None = Field(None, description="anything else")


def candidates(seed: int) -> pd.DataFrame:
    """Candidates with the columns of a calibration sample; every 100th kaonID is NaN."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "K_p": rng.uniform(0.5, 4.5, EVENTS),
        "K_charge": rng.choice([-1.0, 1.0], EVENTS),
        "K_kaonID": rng.uniform(0, 1, EVENTS),
        "pi_p": rng.uniform(0.5, 4.5, EVENTS),
        "D0_M": rng.normal(1.865, 0.005, EVENTS),
    }
    columns["K_kaonID"][::100] = np.nan
    return pd.DataFrame(columns)


def write_catalogue(folder: Path) -> Path:
    """Write a site file with two collections of data and one of simulation."""
    entries = {}
    for seed, (name, (kind, luminosity)) in enumerate(COLLECTIONS.items()):
        candidates(seed).to_parquet(folder / f"{name}.parquet")
        study = {
            "files": [f"{name}.parquet"],
            "particles": {"K": "K", "pi": "pi"},
            "mass": "D0_M",
        }
        entries[name] = {
            "kind": kind,
            "energy": "4S",
            "luminosity": luminosity,
            "process": f"{name} run",
            "description": f"{name} toy",
            "studies": {"Dst": study, "Lambda": study} if name == "late" else {"Dst": study},
        }
    path = folder / "catalogue.yaml"
    path.write_text(yaml.safe_dump({"site": "toy", "collections": entries}, sort_keys=False))
    return path
