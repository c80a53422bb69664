"""Collections by name: what a site has."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hepnb.data.collection import Collection, Part, union
from hepnb.data.scan import Scan, scan
from hepnb.data.site_file import Site, read_site, validated
from hepnb.errors import BadCatalogue, HepnbError, UnknownCollection, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Catalogue", "Collection", "Scan", "catalogue", "scan", "sites")


def __dir__() -> tuple[str, ...]:
    return __all__


class Catalogue:
    """All collections of a site, by name; ``A+B`` is the union of A and B.

    Use `catalogue` to open one. Entries are validated, but no data file is looked at before a study
    is asked for, so that files missing from one collection do not spoil the others.

    Attributes
    ----------
    site
        Name of the site.
    batch
        How the site wants jobs to be asked for: a class of dask-jobqueue, as ``cluster``, and its
        arguments.
    file
        The user's YAML file, or None.
    """

    def __init__(
        self,
        site: str,
        parts: Mapping[str, Part],
        batch: Mapping[str, Any],
        file: Path | None = None,
    ) -> None:
        self.site = site
        self.file = file
        self.batch = MappingProxyType(dict(batch))
        self._parts = dict(parts)

    def __repr__(self) -> str:
        return f"<Catalogue of {self.site}: {', '.join(self._parts)}>"

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        try:
            self[name]
        except HepnbError:
            return False
        return True

    def __getitem__(self, name: str) -> Collection:
        return union([self._parts[each] for each in self._members(name)])

    def names(self) -> tuple[str, ...]:
        """Names of the collections, without unions."""
        return tuple(self._parts)

    def input_files(self, study: str, *collections: str) -> tuple[str, ...]:
        """Everything that samples of these collections are read from.

        Parameters
        ----------
        study
            Name of a study.
        *collections
            Names of collections.

        Returns
        -------
        tuple of str
            The catalogue's own file, since its aliases and cuts change results too, then the data
            files, in order.
        """
        own = [] if self.file is None else [str(self.file)]
        return (*own, *(file for name in collections for file in self[name].study(study).files))

    def describe(self, *, entries: bool = False) -> pd.DataFrame:
        """List the collections.

        Parameters
        ----------
        entries
            Whether to count entries and files, which opens all files.

        Returns
        -------
        pandas.DataFrame
            One row per collection: name, kind, studies, energy, luminosity (1/fb), process,
            entries, files. Entries are those of all studies together, and missing where they were
            not or cannot be counted. Files are, until counted, as many as the catalogue lists,
            a glob being one.
        """
        import pandas as pd

        rows = []
        for name, part in self._parts.items():
            one = self[name]
            listed = sum(len(study.files) for study in part.entry.studies.values())
            row: dict[str, Any] = {"name": name, "kind": one.kind, "files": listed}
            row |= {each: getattr(one, each) for each in ("energy", "luminosity", "process")}
            row |= {"studies": ", ".join(one.studies), "entries": None}
            if entries:
                counted = one.describe()
                row |= {
                    each: counted[each].sum() if counted[each].notna().all() else None
                    for each in ("entries", "files")
                }
            rows.append(row)
        columns = ["name", "kind", "studies", "energy", "luminosity", "process", "entries", "files"]
        table = pd.DataFrame(rows, columns=columns)
        return table.astype({"luminosity": float, "entries": "Int64", "files": "Int64"})

    def _members(self, text: str) -> list[str]:
        """Names that a union is made of; a name may itself hold ``+``."""
        if text in self._parts:
            return [text]
        pieces = [each.strip() for each in str(text).split("+")]
        # members of the rest of the text, by where the rest begins; the longest name goes first
        ways: dict[int, list[str]] = {len(pieces): []}
        for start in reversed(range(len(pieces))):
            for stop in range(len(pieces), start, -1):
                name = "+".join(pieces[start:stop])
                if name in self._parts and stop in ways:
                    ways[start] = [name, *ways[stop]]
                    break
        if 0 not in ways:
            unknown = next((each for each in pieces if each not in self._parts), text)
            within = f" (in {text!r})" if unknown != text else ""
            listed = ", ".join(list(self._parts)[:20]) + (", ..." if len(self._parts) > 20 else "")
            raise UnknownCollection(
                f"{unknown!r}{within} is no collection of site {self.site!r}, which has {listed}"
                + nearest(unknown, self._parts)
            )
        return ways[0]


def sites() -> tuple[str, ...]:
    """Names of the packaged sites, ``local`` first."""
    names = (each.name for each in (files("hepnb.data") / "sites").iterdir())
    found = sorted(each.removesuffix(".yaml") for each in names if each.endswith(".yaml"))
    return ("local", *(each for each in found if each != "local"))


def catalogue(site: str | Path = "local") -> Catalogue:
    """Open the catalogue of a site.

    Parameters
    ----------
    site
        ``local`` (the embedded samples and open data; ``$HEPNB_SITE`` replaces it when set), the
        name of a packaged site (`sites`), or the path of a YAML file, whose collections come on top
        of the local ones. Its relative paths are relative to the file.

    Returns
    -------
    Catalogue

    Raises
    ------
    BadCatalogue
        If there is no such site, or its file is not valid: the message names the entry.
    """
    site = str(site)
    if site == "local":
        site = os.environ.get("HEPNB_SITE") or site
    parts = dict(_local_parts())
    if site == "local":
        return Catalogue(site, parts, {})
    model, base, origin = _read(site)
    folders, batch = dict(model.folders), dict(model.batch)
    if model.extends and model.extends != "local":
        below = _packaged(model.extends, f"{origin}: extends")
        parts |= _parts_of(below, None, below.folders, f"site {below.site!r}")
        folders, batch = {**below.folders, **folders}, batch or dict(below.batch)
    file = None if base is None else base / Path(site).name
    return Catalogue(model.site, parts | _parts_of(model, base, folders, origin), batch, file)


@cache
def _local_parts() -> Mapping[str, Part]:
    from hepnb.data.samples import catalogue_entries

    embedded = validated({"site": "local", "collections": catalogue_entries()}, "embedded samples")
    local = _packaged("local", "site")
    parts = [_parts_of(each, None, {}, "site 'local'") for each in (embedded, local)]
    return MappingProxyType({name: part for each in parts for name, part in each.items()})


def _parts_of(
    site: Site, base: Path | None, folders: Mapping[str, str], origin: str
) -> dict[str, Part]:
    return {
        name: Part(name, entry, base, folders, origin) for name, entry in site.collections.items()
    }


def _read(site: str) -> tuple[Site, Path | None, str]:
    """Model of a site, folder that its paths are relative to, and name of its file."""
    path = Path(site).expanduser()
    if not path.is_file():
        if path.suffix.lower() in (".yaml", ".yml") or "/" in site:
            raise BadCatalogue(f"there is no catalogue file {site!r}")
        return _packaged(site, "site"), None, f"site {site!r}"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadCatalogue(f"catalogue file {site!r} cannot be read: {error}") from error
    return read_site(text, site), path.resolve().parent, site


def _packaged(name: str, what: str) -> Site:
    if name not in sites():
        raise BadCatalogue(
            f"{what} {name!r} is unknown; packaged are {', '.join(sites())}, or give the path of a "
            f"YAML file{nearest(name, sites())}"
        )
    text = (files("hepnb.data") / "sites" / f"{name}.yaml").read_text(encoding="utf-8")
    return read_site(text, f"site {name!r}")
