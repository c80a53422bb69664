"""From a folder of data files to entries of a catalogue."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hepnb.data.reading import FORMATS, open_reader, tables
from hepnb.data.site_file import validated
from hepnb.errors import BadParameters, MissingExtra, UnreadableFile

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Scan", "scan")

# .txt promises CSV only to those who name the file themselves
_SUFFIXES = tuple(suffix for each in FORMATS.values() for suffix in each if suffix != ".txt")
# columns, of the candidate or of a particle, that only simulation has
_TRUTH = ("isSignal", "mcPDG")
_WEIGHTS = ("sweight", "sweight_sys")
_MOST_NAMES = 10


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Scan:
    """What a folder holds.

    Attributes
    ----------
    site
        Content of a site's file: a mapping that `catalogue` accepts once it is written as YAML.
    summary
        One row per study: collection, study, kind, files, entries, branches, bytes, and notes (such
        as files that lack branches which others have).
    unreadable
        Path of each data file that cannot be read, with the reason.
    """

    site: dict[str, Any]
    summary: pd.DataFrame
    unreadable: dict[str, str]

    def __str__(self) -> str:
        return self.to_yaml()

    def to_yaml(self) -> str:
        """Text of the site's file; the reasons for files left out stand in comments above."""
        comments = [
            "# Written by scanning a folder. Kind, mass, particles, truth and weights are guesses",
            "# from the names of columns: check them.",
            *(f"# left out: {' '.join(reason.split())}" for reason in self.unreadable.values()),
        ]
        text = yaml.safe_dump(self.site, sort_keys=False, allow_unicode=True, width=100)
        return "\n".join(comments) + "\n" + text


@dataclass
class _Table:
    """One table of one file."""

    file: Path
    tree: str | None
    columns: tuple[str, ...]
    entries: int


@dataclass
class _Study:
    """Tables that belong together: of one name, or without name and of the same columns."""

    name: str
    tables: list[_Table] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that all files have."""
        first, *others = (set(each.columns) for each in self.tables)
        common = first.intersection(*others)
        return tuple(each for each in self.tables[0].columns if each in common)


def scan(folder: str | Path, *, site: str = "scanned") -> Scan:
    """Find the data files of a folder, and describe them as collections and studies.

    Each folder that holds data files becomes a collection, named by its path (two, if it holds data
    and simulation), and each tree in them a study. Files without trees (CSV, Parquet) make one
    study for each set of columns. What the names of columns tell is filled in: kind, fit variable,
    particles, truth, weights.

    Parameters
    ----------
    folder
        Looked through to any depth; hidden files and folders are passed over.
    site
        Name of the site.

    Returns
    -------
    Scan

    Raises
    ------
    BadParameters
        If the folder does not exist.
    """
    top = Path(folder).expanduser()
    if not top.is_dir():
        raise BadParameters(f"{str(folder)!r} is not a folder; give one that holds data files")
    top = top.resolve()
    unreadable: dict[str, str] = {}
    collections: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    for place, files in _data_files(top):
        kinds = _studies(files, unreadable)
        for kind, studies in kinds.items():
            name = _collection_name(place, top, kind if len(kinds) > 1 else "", collections)
            collections[name] = _entry(place, files, studies, kind)
            rows += [_row(name, kind, study) for study in studies]
    content = {"site": site, "collections": collections}
    validated(content, f"scan of {folder}")
    return Scan(content, _summary(rows), unreadable)


def _data_files(top: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Folders that hold files with a known suffix, and these files, all sorted."""
    for place, folders, names in os.walk(top):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        files = [
            Path(place) / name
            for name in sorted(names)
            if not name.startswith(".") and name.lower().endswith(_SUFFIXES)
        ]
        if files:
            yield Path(place), files


def _studies(files: Sequence[Path], unreadable: dict[str, str]) -> dict[str, list[_Study]]:
    """Studies of the files of one folder, data apart from simulation."""
    found: dict[str, dict[object, _Study]] = {}
    for file in files:
        try:
            read = list(_tables(file))
        except (UnreadableFile, MissingExtra) as error:
            unreadable[str(file)] = str(error)
            continue
        kind = "mc" if any(_has_truth(table.columns) for table in read) else "data"
        alike = found.setdefault(kind, {})
        for table in read:
            key = table.tree if table.tree is not None else table.columns
            if key not in alike:
                alike[key] = _Study(_study_name(table, {each.name for each in alike.values()}))
            alike[key].tables.append(table)
    return {kind: list(alike.values()) for kind, alike in found.items()}


def _study_name(table: _Table, taken: Collection[str]) -> str:
    name = (table.tree or "").strip("/").replace("/", "_") or table.file.stem
    while name in taken:
        name += "_"
    return name


def _tables(file: Path) -> Iterator[_Table]:
    names = tables(file)
    if not names:
        raise UnreadableFile(f"{str(file)!r} holds no tree or table")
    for tree in names:
        with open_reader(file, tree) as reader:
            yield _Table(file, tree, reader.columns, reader.entries)


def _collection_name(place: Path, top: Path, suffix: str, taken: Container[str]) -> str:
    name = place.relative_to(top).as_posix() if place != top else top.name or "top"
    name = f"{name}_{suffix}" if suffix else name
    while name in taken:
        name += "_"
    return name


def _entry(
    place: Path, files: Sequence[Path], studies: Sequence[_Study], kind: str
) -> dict[str, Any]:
    return {
        "kind": kind,
        "energy": "",
        "luminosity": None,
        "description": "found by scanning",
        "studies": {study.name: _study_entry(place, files, study, kind) for study in studies},
    }


def _study_entry(place: Path, files: Sequence[Path], study: _Study, kind: str) -> dict[str, Any]:
    columns = study.columns
    entry: dict[str, Any] = {"files": _patterns(place, files, study)}
    if study.tables[0].tree is not None:
        entry["tree"] = study.tables[0].tree
    masses = [each for each in columns if each in ("M", "InvM") or each.endswith(("_M", "_InvM"))]
    if len(masses) == 1 and masses[0].isidentifier():
        entry["mass"] = masses[0]
    prefixes = [each.removesuffix("_charge") for each in columns if each.endswith("_charge")]
    entry["particles"] = {each: each for each in prefixes if each}
    entry["weights"] = [each for each in _WEIGHTS if each in columns]
    if kind == "mc" and "isSignal" in columns:
        entry["truth"] = "`isSignal`"
    return entry


def _patterns(place: Path, files: Sequence[Path], study: _Study) -> list[str]:
    """One glob where it gives just the files of the study, else each file."""
    own = [each.file for each in study.tables]
    suffix = own[0].suffix
    if len(own) > 1 and own == [each for each in files if each.suffix == suffix]:
        return [f"{glob.escape(str(place))}/*{suffix}"]
    return [str(each) for each in own]


def _has_truth(columns: Sequence[str]) -> bool:
    return any(each == name or each.endswith(f"_{name}") for each in columns for name in _TRUTH)


def _row(collection: str, kind: str, study: _Study) -> dict[str, Any]:
    entries = sum(each.entries for each in study.tables)
    notes = [f"{each.file.name} has no entries" for each in study.tables if not each.entries]
    everywhere = set(study.columns)
    spread = sorted({name for each in study.tables for name in each.columns} - everywhere)
    if spread:
        more = f" and {len(spread) - _MOST_NAMES} more" if len(spread) > _MOST_NAMES else ""
        notes.append(f"not in all files: {', '.join(spread[:_MOST_NAMES])}{more}")
    return {
        "collection": collection,
        "study": study.name,
        "kind": kind,
        "files": len(study.tables),
        "entries": entries,
        "branches": len(everywhere),
        "bytes": sum(each.file.stat().st_size for each in study.tables),
        "notes": "; ".join(notes),
    }


def _summary(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    columns = ["collection", "study", "kind", "files", "entries", "branches", "bytes", "notes"]
    return pd.DataFrame(rows, columns=columns)
