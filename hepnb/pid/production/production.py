"""A campaign: local ntuples fitted, weighted with both columns, and registered together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from hepnb.data.file_lists import expand
from hepnb.data.reading import tables
from hepnb.data.sample import Sample
from hepnb.data.site_file import validated
from hepnb.errors import BadParameters, HepnbError
from hepnb.pid.formats.uhi_files import write_text
from hepnb.pid.production.b2luigi_file import b2luigi_text, what_to_run
from hepnb.pid.production.production_files import NtupleTask, Settings
from hepnb.pid.production.refit import RefitNtuples, refit_ntuples, study_entry
from hepnb.pid.studies import study

if TYPE_CHECKING:
    from hepnb.pid.mass.fit import MassFit

__all__ = ("Campaign", "produce", "sample_of")

_TRUTH = ("isSignal", "mcPDG")


def __dir__() -> tuple[str, ...]:
    return __all__


def sample_of(task: NtupleTask) -> Sample:
    """Give the local ntuples of a task as a sample.

    Kind and particles are told by the columns: simulation has truth, and a particle a momentum.

    Raises
    ------
    UnreadableFile, BadParameters
        If there are none, or a file has several trees and none of the study's name.
    """
    chosen = study(task.short_name)
    owner = f"task {task.proc} {task.short_name}"
    files = expand([task.path], base=None, folders={}, owner=owner)
    trees = tables(Path(files[0]))
    if len(trees) != 1 and task.short_name not in trees:
        known = ", ".join(map(str, trees)) or "none"
        message = f"{owner}: {files[0]} has no tree {task.short_name!r}; it has {known}"
        raise BadParameters(message)
    tree = task.short_name if task.short_name in trees else trees[0]
    plain = Sample(name=task.proc, kind="data", study=task.short_name, files=files, tree=tree)
    simulated = any(each.split("_")[-1] in _TRUTH for each in plain.columns)
    return Sample(
        name=task.proc,
        kind="mc" if simulated else "data",
        study=task.short_name,
        files=files,
        tree=tree,
        mass=chosen.mass or None,
        truth="`isSignal`" if simulated and "isSignal" in plain.columns else None,
        particles={each: each for each in chosen.particles if f"{each}_p" in plain.columns},
    )


@dataclass(frozen=True, eq=False)
class Campaign:
    """What a production makes: weighted copies, one catalogue, and what is left to the grid.

    Attributes
    ----------
    name
        Of the campaign.
    refits
        Task to what is written for it; None for a study without a mass to fit, whose originals are
        registered as they are.
    failed
        Task to the reason why it is left out.
    tasks, settings
        As they were given.
    """

    name: str
    refits: dict[NtupleTask, tuple[Sample, RefitNtuples | None]]
    failed: dict[NtupleTask, str]
    tasks: tuple[NtupleTask, ...]
    settings: Settings

    @property
    def grid(self) -> tuple[NtupleTask, ...]:
        """Tasks whose ntuples are on the grid."""
        return tuple(task for task in self.tasks if task.on_grid)

    @property
    def summary(self) -> pd.DataFrame:
        """One row per task: proc, short_name, kind, files, candidates, signal, p_value, status."""
        rows = []
        for task in self.tasks:
            row: dict[str, Any] = {"proc": task.proc, "short_name": task.short_name}
            row["status"] = self.failed.get(task, "on the grid" if task.on_grid else "ok")
            if task in self.refits:
                sample, refit = self.refits[task]
                row |= {"kind": sample.kind, "files": len(sample.files)}
                row["candidates"] = sample.entries
                row |= _quality(refit.nominal) if refit else {"status": "no mass to fit"}
            rows.append(row)
        columns = ["proc", "short_name", "kind", "files", "candidates", "signal", "p_value"]
        return pd.DataFrame(rows, columns=[*columns, "status"])

    def save(self, directory: Path | str, name: str = "campaign") -> list[Path]:
        """Write ``<name>/`` with the weighted copies, ``<name>.yaml`` with all that is registered.

        For tasks on the grid it writes ``<name>_b2luigi.py`` and ``settings.json`` too.
        """
        folder = Path(directory)
        written = []
        entries: dict[str, Any] = {}
        for task, (sample, refit) in self.refits.items():
            files = list(sample.files)
            if refit is not None:
                place = f"{name}/{task.proc}/{task.short_name}"
                copies = refit.write(folder / place)
                written += copies
                files = [each.relative_to(folder).as_posix() for each in copies]
            entry = entries.setdefault(
                task.proc,
                {"kind": sample.kind, "energy": task.cms_energy, "description": self.name}
                | {"studies": {}},
            )
            weights = refit.weights if refit else ()
            entry["studies"][task.short_name] = study_entry(sample, files, weights)
        content = {"site": self.name, "collections": entries}
        validated(content, f"campaign {self.name}")
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        written.append(write_text(folder / f"{name}.yaml", text))
        if self.grid:
            code = b2luigi_text(self.name, self.grid)
            written.append(write_text(folder / f"{name}_b2luigi.py", code))
            settings = self.settings.model_dump_json(indent=2, exclude_none=True) + "\n"
            written.append(write_text(folder / "settings.json", settings))
        return written

    def what_to_run(self) -> str:
        """Say what is left to do by hand, on the grid."""
        return what_to_run(self.name, self.grid)

    def numbers(self) -> dict[str, Any]:
        """Give how many tasks are done, failed and left to the grid, and the yields."""
        found: dict[str, Any] = {
            "tasks_done": {"value": len(self.refits)},
            "tasks_failed": {"value": len(self.failed)},
            "tasks_on_grid": {"value": len(self.grid)},
        }
        for task, (_, refit) in self.refits.items():
            if refit is not None:
                label = f"{task.proc}_{task.short_name}"
                found[f"{label}_N_signal"] = refit.nominal.numbers()["N_signal"]
                found[f"{label}_p_value"] = refit.nominal.numbers()["p_value"]
        return found


def produce(
    tasks: Sequence[NtupleTask],
    *,
    name: str = "campaign",
    settings: Settings | None = None,
    bins: int = 150,
) -> Campaign:
    """Fit the local ntuples of a task list.

    A task that fails is told, and spoils no other.

    Parameters
    ----------
    tasks
        The task list.
    name
        Of the campaign.
    settings
        For the tasks on the grid.
    bins
        Of the mass fits.

    Returns
    -------
    Campaign
        With `save`, which writes the weighted copies.

    Raises
    ------
    BadParameters
        If two tasks are for one study of one collection, or data and simulation share a name.
    """
    pairs = [(task.proc, task.short_name) for task in tasks]
    twice = [each for each in pairs if pairs.count(each) > 1]
    if twice:
        message = f"two tasks are for {' '.join(twice[0])}; give them one path with a pattern"
        raise BadParameters(message)
    samples: dict[NtupleTask, Sample] = {}
    failed: dict[NtupleTask, str] = {}
    for task in (each for each in tasks if not each.on_grid):
        try:
            samples[task] = sample_of(task)
            samples[task].check()
        except HepnbError as error:
            failed[task] = _told(error)
    _check_kinds(samples.values())
    refits: dict[NtupleTask, tuple[Sample, RefitNtuples | None]] = {}
    for task, sample in samples.items():
        if task in failed:
            continue
        try:
            refit = None
            if study(task.short_name).fittable:
                refit = refit_ntuples(sample, task.models, new_suffix="_weighted", bins=bins)
            refits[task] = sample, refit
        except HepnbError as error:
            failed[task] = _told(error)
    return Campaign(name, refits, failed, tuple(tasks), settings or Settings())


def _told(error: HepnbError) -> str:
    return f"{type(error).__name__}: {error}"


def _check_kinds(samples: Iterable[Sample]) -> None:
    """Refuse a collection that would be both, before anything is fitted."""
    kinds: dict[str, str] = {}
    for sample in samples:
        if kinds.setdefault(sample.name, sample.kind) != sample.kind:
            raise BadParameters(f"{sample.name!r} is data in one task and mc in another")


def _quality(fit: MassFit) -> dict[str, Any]:
    return {"signal": fit.yields["signal"], "p_value": fit.p_value, "status": fit.status}
