"""Weight tables of many fixed requirements, made in parallel: one pass over each sample.

Samples whose weights are made here, not stored, take one pass for each precut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from hepnb.data.catalogue import catalogue
from hepnb.data.chunks import ordered_map
from hepnb.errors import BadParameters
from hepnb.pid.efficiency import measure_efficiencies
from hepnb.pid.formats.flat_files import write_frame
from hepnb.pid.production.weight_config import WeightConfig, collection_of, study_with
from hepnb.pid.studies import study as registered
from hepnb.pid.subtraction.subtraction import subtract_background
from hepnb.pid.tables.efficiency_result import EfficiencyTable
from hepnb.pid.tables.weight_result import WeightTable

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("FixedWeights", "make_fixed_weights", "samples_of")


def __dir__() -> tuple[str, ...]:
    return __all__


_Tables = dict[tuple[str, str], EfficiencyTable]


class _Key(NamedTuple):
    """What a table is for."""

    entry: int
    species: str
    precut: str
    cut: str


def samples_of(config: WeightConfig, site: str, species: str) -> tuple[Sample, Sample]:
    """Give the samples of data and simulation that an entry needs for a true species.

    Raises
    ------
    UnknownCollection, BadCatalogue, UnreadableFile
        If a query fits nothing, or no study of both has the particle.
    """
    found = catalogue(site)
    pair = (
        collection_of(found, config.data_proc_query, "data"),
        collection_of(found, config.mc_proc_query, "mc"),
    )
    name = config.study or study_with(species, pair)
    data, mc = (each.study(name).particle(species) for each in pair)
    return data, mc


def make_fixed_weights(
    configs: Sequence[WeightConfig], *, site: str = "local", workers: int = 2
) -> FixedWeights:
    """Make the weight tables of all entries.

    Parameters
    ----------
    configs
        Entries of ``weight_cfg_list``.
    site
        Where collections live.
    workers
        Samples that are read at the same time; the result does not depend on it.

    Returns
    -------
    FixedWeights

    Raises
    ------
    BadParameters
        If two files would have the same name, standard constraints are asked for of a study that is
        not registered, or a sample does not allow an entry's ``sweights``.
    FitFailed
        If a mass, or the species of a learned score, cannot be fitted.
    CutSyntaxError, UnknownVariable, UnknownCollection, UnreadableFile
        Naming what is missing.
    """
    FixedWeights.check_names(configs)
    pairs = [
        (entry, species, samples_of(config, site, species))
        for entry, config in enumerate(configs)
        for species in config.species
    ]

    def measure(job: tuple[WeightConfig, Sample, Sample]) -> _Tables:
        return _measure(*job)

    jobs = [(configs[entry], sample, both[1]) for entry, _, both in pairs for sample in both]
    sides = iter(ordered_map(measure, jobs, workers=workers))
    tables = {}
    for (entry, species, (data_sample, _)), data, mc in zip(pairs, sides, sides, strict=True):
        for cut, precut in data:
            table = WeightTable.from_efficiencies(data[cut, precut], mc[cut, precut])
            tables[_Key(entry, species, precut, cut)] = (data_sample.study, table)
    return FixedWeights(tuple(configs), tables)


def _measure(config: WeightConfig, sample: Sample, simulation: Sample) -> _Tables:
    """Efficiencies of an entry's cuts in a sample, by cut and precut."""
    standard = registered(sample.study).standard if config.apply_std_constraints else ""
    within = {
        each: " and ".join(f"[{part}]" for part in (each, standard) if part.strip())
        for each in config.precuts
    }
    options: dict[str, Any] = {"cuts": config.cuts, "binning": config.axes}
    if sample.kind == "mc" or config.sweights == "stored":
        made = dict(measure_efficiencies(sample, precuts=list(within.values()), **options))
    else:
        made = {}
        for cut in within.values():  # weights made here belong to one selection
            background = subtract_background(
                sample,
                config.sweights,
                simulation=simulation,
                cut=cut,
                variables=config.variables,
                control_region=config.control_region,
            )
            made |= measure_efficiencies(background.sample, precuts=[cut], **options)
    return {(cut, each): made[cut, within[each]] for cut in config.cuts for each in within}


@dataclass(frozen=True, eq=False)
class FixedWeights:
    """Tables of all entries, one file per (reconstructed, true) species and precut.

    Attributes
    ----------
    configs
        What was asked for.
    tables
        Entry, true species, precut and cut, to the study and its table.
    keep_tables
        Whether `save` also keeps every table by itself, as UHI JSON, in the folder ``tmp``.
    """

    configs: tuple[WeightConfig, ...]
    tables: dict[_Key, tuple[str, WeightTable]] = field(repr=False)
    keep_tables: bool = False

    @staticmethod
    def check_names(configs: Sequence[WeightConfig]) -> None:
        """Refuse entries whose files would have the same name.

        Raises
        ------
        BadParameters
            Naming the first.
        """
        seen: set[str] = set()
        for config in configs:
            for species in config.species:
                name = f"{config.prefix_name}_{config.efficiency_particle_type}_{species}"
                if name in seen:
                    raise BadParameters(f"two entries make {name}.csv; change a prefix_name")
                seen.add(name)

    def file(self, key: _Key) -> str:
        """Name of the file of a table, for instance ``kaons_K_pi.csv``."""
        config = self.configs[key.entry]
        name = f"{config.prefix_name}_{config.efficiency_particle_type}_{key.species}"
        which = f"_precut{config.precuts.index(key.precut) + 1}" if len(config.precuts) > 1 else ""
        return f"{name}{which}.csv"

    @property
    def index(self) -> pd.DataFrame:
        """What is in which file: one row per table."""
        rows = []
        for key, (study, table) in self.tables.items():
            mean = table.numbers()["mean_weight"]
            rows.append(
                {
                    "file": self.file(key),
                    "reconstructed": self.configs[key.entry].efficiency_particle_type,
                    "true": key.species,
                    "study": study,
                    "cut": key.cut,
                    "precut": key.precut,
                    "data": table.data_sample,
                    "mc": table.mc_sample,
                    "bins": len(table.frame),
                    "bins_without_ratio": int(table.frame["data_MC_ratio"].isna().sum()),
                    "mean_weight": mean["value"],
                    "uncertainty_dn": mean["uncertainty"][0],
                    "uncertainty_up": mean["uncertainty"][1],
                }
            )
        return pd.DataFrame(rows)

    def save(self, directory: Path | str, name: str = "weights") -> list[Path]:
        """Write ``<name>/``: a flat CSV and a status CSV per file, and ``index.csv``."""
        folder = Path(directory) / name
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for file in dict.fromkeys(self.file(key) for key in self.tables):
            chosen = {
                key: table for key, (_, table) in self.tables.items() if self.file(key) == file
            }
            flat = pd.concat([each.create_weights() for each in chosen.values()])
            written.append(write_frame(flat, folder / file))
            status = pd.concat(
                [each.frame.assign(cut=key.cut, precut=each.precut) for key, each in chosen.items()]
            )
            written.append(write_frame(status, (folder / file).with_suffix(".status.csv")))
            written += self._kept(folder / "tmp", file, chosen) if self.keep_tables else []
        return [*written, write_frame(self.index, folder / "index.csv")]

    def _kept(self, folder: Path, file: str, chosen: dict[_Key, WeightTable]) -> list[Path]:
        folder.mkdir(exist_ok=True)
        stem = file.removesuffix(".csv")
        return [
            each.to_uhi(folder / f"{stem}_cut{number}.uhi.json")
            for number, each in enumerate(chosen.values(), 1)
        ]

    def numbers(self) -> dict[str, Any]:
        """Give the average weight of each table, by file and cut."""
        found: dict[str, Any] = {"tables": {"value": len(self.tables)}}
        for key, (_, table) in self.tables.items():
            found[f"{self.file(key).removesuffix('.csv')}: {key.cut}"] = table.numbers()[
                "mean_weight"
            ]
        return found

    def plot(self, ax: Any = None) -> Any:
        """Draw the average weight of each table; gives the axes."""
        from hepnb.pid.production.fixed_plots import plot_mean_weights

        return plot_mean_weights(self.index, ax=ax)
