"""A collection: data or simulation taken or made under the same conditions, or a union of such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hepnb.data.file_lists import expand
from hepnb.data.sample import Sample
from hepnb.data.site_file import CollectionEntry, StudyEntry
from hepnb.errors import BadCatalogue, HepnbError, UnknownCollection, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Collection", "Part", "union")

# what a study must say alike in all collections of a union
_SHARED = ("tree", "mass", "truth", "particles", "aliases", "codes")


def __dir__() -> tuple[str, ...]:
    return __all__


class Part(NamedTuple):
    """An entry of a site's file, and what it takes to find its files."""

    name: str
    entry: CollectionEntry
    base: Path | None
    folders: Mapping[str, str]
    origin: str


@dataclass(frozen=True)
class Collection:
    """Data or simulation taken or made under the same conditions, or a union of such.

    Attributes
    ----------
    name, kind
        Name as in the catalogue, or names joined by ``+``; ``"data"`` or ``"mc"``.
    energy, process, description
        In words; those of the members of a union are joined.
    luminosity
        Integrated, in 1/fb; None if it is unknown for any member.
    """

    name: str
    kind: Literal["data", "mc"]
    energy: str
    luminosity: float | None
    process: str | None
    description: str
    _parts: tuple[Part, ...] = field(repr=False)

    @property
    def studies(self) -> tuple[str, ...]:
        """Names of the studies (decay modes) that every member has."""
        first, *others = (part.entry.studies for part in self._parts)
        return tuple(name for name in first if all(name in each for each in others))

    def particles(self, study: str) -> Mapping[str, str]:
        """Particle name to the prefix of its columns; looks at no file.

        Raises
        ------
        UnknownCollection
            If there is no such study.
        """
        return MappingProxyType(self._entries(study)[0].particles)

    def study(self, name: str) -> Sample:
        """Give the sample of a study; looks up which files there are, opens none.

        Raises
        ------
        UnknownCollection
            If a member has no such study.
        BadCatalogue
            If the members' entries do not fit together, or an entry of `files` is not valid.
        UnreadableFile
            If a glob matches nothing.
        DataNotFetched
            If the files are open data that was not fetched.
        """
        entries = self._entries(name)
        first = entries[0]
        return Sample(
            name=self.name,
            kind=self.kind,
            study=name,
            files=self._files(name),
            tree=first.tree,
            mass=first.mass,
            truth=first.truth,
            weights=tuple(
                each for each in first.weights if all(each in other.weights for other in entries)
            ),
            particles=first.particles,
            aliases=first.aliases,
            codes=first.codes,
            luminosity=self.luminosity,
        )

    def describe(self) -> pd.DataFrame:
        """Count what each study has, by opening its files.

        Returns
        -------
        pandas.DataFrame
            One row per study: study, particles, mass, tree, files, entries, status. Status is "ok",
            or why it cannot be read; then files and entries are missing.
        """
        import pandas as pd

        rows = []
        for name in self.studies:
            row: dict[str, Any] = {"study": name, "files": None, "entries": None, "status": "ok"}
            row["particles"] = ", ".join(self.particles(name))
            try:
                sample = self.study(name)
                row |= {"mass": sample.mass, "tree": sample.tree, "files": len(sample.files)}
                row["entries"] = sample.entries
            except HepnbError as error:
                row["status"] = f"{type(error).__name__}: {error}"
            rows.append(row)
        columns = ["study", "particles", "mass", "tree", "files", "entries", "status"]
        return pd.DataFrame(rows, columns=columns).astype({"files": "Int64", "entries": "Int64"})

    def _entries(self, study: str) -> list[StudyEntry]:
        """Entries of a study in all members, which agree in what makes it one sample."""
        for part in self._parts:
            if study not in part.entry.studies:
                has = ", ".join(part.entry.studies)
                raise UnknownCollection(
                    f"collection {part.name!r} has no study {study!r}; it has {has}"
                    + nearest(study, part.entry.studies)
                )
        entries = [part.entry.studies[study] for part in self._parts]
        for key in _SHARED:
            values = [getattr(entry, key) for entry in entries]
            for part, value in zip(self._parts, values, strict=True):
                if value != values[0]:
                    raise BadCatalogue(
                        f"study {study!r} of {self._parts[0].name!r} and of {part.name!r} have no "
                        f"union: {key} is {values[0]!r} in the one, {value!r} in the other"
                    )
        return entries

    def _files(self, study: str) -> tuple[str, ...]:
        owners: dict[str, str] = {}
        for part in self._parts:
            found = expand(
                part.entry.studies[study].files,
                base=part.base,
                folders=part.folders,
                owner=f"{part.origin}: collection {part.name!r}, study {study!r}",
            )
            for file in found:
                if file in owners:
                    raise BadCatalogue(
                        f"{file!r} belongs to both {owners[file]!r} and {part.name!r}: a union of "
                        "them would count its entries twice"
                    )
                owners[file] = part.name
        return tuple(owners)


def union(parts: Sequence[Part]) -> Collection:
    """Give the collection of one part, or the union of several.

    Raises
    ------
    UnknownCollection
        If one is named twice, or data and simulation are mixed.
    """
    names = [part.name for part in parts]
    kinds = {part.entry.kind: part.name for part in parts}
    if len(set(names)) < len(names):
        raise UnknownCollection(f"{'+'.join(names)!r} names a collection twice; name each once")
    if len(kinds) > 1:
        raise UnknownCollection(
            f"{'+'.join(names)!r} mixes data ({kinds['data']!r}) and simulation ({kinds['mc']!r}), "
            "which have no union; give them as two collections"
        )
    entries = [part.entry for part in parts]
    luminosities = [entry.luminosity for entry in entries]
    known = [each for each in luminosities if each is not None]

    def words(key: str, between: str) -> str:
        return between.join(dict.fromkeys(filter(None, (getattr(each, key) for each in entries))))

    return Collection(
        name="+".join(names),
        kind=entries[0].kind,
        energy=words("energy", " + "),
        luminosity=sum(known) if len(known) == len(entries) else None,
        process=words("process", " + ") or None,
        description=words("description", "; "),
        _parts=tuple(parts),
    )
