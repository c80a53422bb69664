"""Parameters of the fixed weights: the workflow YAML of the framework, key for key."""

from __future__ import annotations

from pathlib import PurePath
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import AliasChoices, Field, field_validator

from hepnb.pid.production.weight_config import WeightConfig
from hepnb.stages.fields import Site
from hepnb.stages.stage import Stage

__all__ = ("FixedWeights",)


def __dir__() -> tuple[str, ...]:
    return __all__


# plain data, as in the notebook's cell and in a YAML file
_EXAMPLE: Any = [
    {
        "prefix_name": "kaons",
        "efficiency_particle_type": "K",
        "fakerate_particle_type": ["pi"],
        "binning": [
            [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.5],
            [-0.866, -0.4226, 0.225, 0.766, 0.9563],
        ],
        "track_variables": ["p", "cosTheta"],
        "cuts": ["kaonID > 0.5", "kaonID > 0.9", "binaryID(K, pi) > 0.6"],
        "precuts": ["thetaInCDCAcceptance"],
        "mc_proc_query": "MC15rd_proc13+prompt",
        "data_proc_query": "proc13+prompt",
    }
]


class FixedWeights(Stage):
    """Weight tables of any number of fixed cuts, precuts and particles, made in parallel.

    A YAML file with the keys of the slides, ``remove tmp files`` among them, is read as it is:
    ``hepnb run fixed_weights -f weights.yaml``.
    """

    title: ClassVar[str] = "Weights of many fixed cuts"
    notebook: ClassVar[str] = "pid/fixed_weights.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "weights": "folder (weight_dir): one CSV per (reconstructed, true) species, index.csv",
            "mean_weights.pdf": "average weight of every table",
        }
    )

    site: Site = "local"
    weight_dir: str = Field(
        default="weights",
        description="folder of the tables in the run's directory; of a path, its last part",
    )
    remove_tmp_files: bool = Field(
        default=True,
        validation_alias=AliasChoices("remove_tmp_files", "remove tmp files"),
        description="do not keep the histograms of every single table (UHI JSON in tmp/)",
    )
    weight_cfg_list: list[WeightConfig] = Field(
        default=_EXAMPLE,
        min_length=1,
        description="what to make: prefix_name, efficiency_particle_type, fakerate_particle_type, "
        "binning, track_variables, cuts, precuts, mc_proc_query, data_proc_query; and, where "
        "weights are not stored, study, sweights, control_region",
        json_schema_extra={"widget": "entries", "group": "Selection"},
    )
    workers: int = Field(
        default=2, ge=1, le=64, description="samples that are read at the same time"
    )

    @field_validator("weight_dir")
    @classmethod
    def _folder(cls, path: str) -> str:
        if not PurePath(path).name:
            raise ValueError("names no folder; give one, for instance weights")
        return path

    def input_files(self) -> tuple[str, ...]:
        """Files of every entry's studies, in data and in simulation."""
        from hepnb.pid.production.fixed_weights import samples_of

        found = (
            file
            for config in self.weight_cfg_list
            for species in config.species
            for sample in samples_of(config, self.site, species)
            for file in sample.files
        )
        return tuple(dict.fromkeys(found))

    def check(self) -> None:
        """Look up the names in every entry, and whether its samples allow its ``sweights``."""
        from hepnb.pid.production.fixed_weights import samples_of
        from hepnb.pid.subtraction.choices import check_choice

        for config in self.weight_cfg_list:
            for species in config.species:
                data, mc = samples_of(config, self.site, species)
                for sample in (data, mc):
                    for text in (*config.cuts, *config.precuts, *config.track_variables):
                        sample.bind(text)
                check_choice(
                    data,
                    config.sweights,
                    simulation=mc,
                    control_region=config.control_region,
                    variables=config.variables,
                )
