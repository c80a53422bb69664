"""What a form may look at while somebody fills it in: the catalogue, and a few candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.data.catalogue import Catalogue, catalogue, sites
from hepnb.data.sample import Sample
from hepnb.errors import HepnbError, UnreadableFile

__all__ = ("PREVIEW_ENTRIES", "Count", "Offer", "Preview", "SamplePreview")

PREVIEW_ENTRIES = 20_000
"""Candidates on which a cut is tried; enough for its efficiency to a per cent."""


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Offer:
    """A collection that may be picked; luminosity in 1/fb or None."""

    name: str
    kind: str
    luminosity: float | None
    process: str
    description: str


@dataclass(frozen=True)
class Count:
    """How many of the first candidates pass a cut.

    Attributes
    ----------
    passed, tried
        Candidates.
    undefined
        Candidates for which the cut met NaN; they do not pass.
    """

    passed: int
    tried: int
    undefined: int


class SamplePreview:
    """The first candidates of a sample, each column read once."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self._columns: dict[str, np.ndarray] = {}

    def count(self, cut: str) -> Count:
        """Try a cut on the first `PREVIEW_ENTRIES` candidates.

        Raises
        ------
        HepnbError
            If the cut does not suit the sample, or its files cannot be read.
        """
        bound = self.sample.bind(cut)
        # a constant cut needs no column, yet the candidates are to be counted
        names = bound.columns or self.sample.columns[:1]
        self._read([each for each in names if each not in self._columns])
        columns = {each: self._columns[each] for each in names}
        mask, undefined = bound.mask_counting(columns)
        return Count(int(np.count_nonzero(mask)), len(mask), undefined)

    def _read(self, names: Sequence[str]) -> None:
        if not names:
            return
        remote = next((each for each in self.sample.files if "://" in each), None)
        if remote is not None:
            message = f"not tried on candidates, since the files are remote ({remote})"
            raise UnreadableFile(message)
        parts: dict[str, list[np.ndarray]] = {each: [] for each in names}
        left = PREVIEW_ENTRIES
        for chunk in self.sample.iterate(names, chunk_size=PREVIEW_ENTRIES):
            for each, column in chunk.items():
                parts[each].append(column[:left])
            left -= len(chunk[names[0]])
            if left <= 0:
                break
        self._columns |= {each: np.concatenate(parts[each] or [np.empty(0)]) for each in names}


class Preview:
    """Catalogue and candidates behind a form, for the values that the form holds.

    Parameters
    ----------
    values
        Gives the form's present values; those of ``site``, ``study`` and ``particle`` say where
        collections live and whose variables a cut names.
    collection_field
        Name of the field whose collection cuts and axes are tried on; blank for none.
    open_catalogue
        Gives the catalogue of a site.
    """

    def __init__(
        self,
        values: Callable[[], Mapping[str, Any]],
        collection_field: str = "",
        open_catalogue: Callable[[str], Catalogue] = catalogue,
    ) -> None:
        self._values = values
        self._first = collection_field
        self._open = open_catalogue
        self._catalogues: dict[str, Catalogue] = {}
        self._samples: dict[tuple[str, str, str, str], SamplePreview] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        """Site, study and particle: what is shown stays true while these are the same."""
        return self._text("site") or "local", self._text("study"), self._text("particle")

    @property
    def catalogue(self) -> Catalogue:
        """Catalogue of the form's site.

        Raises
        ------
        HepnbError
            If the site is unknown or its file is not valid.
        """
        site = self.key[0]
        if site not in self._catalogues:
            self._catalogues[site] = self._open(site)
        return self._catalogues[site]

    def offers(self, kind: str = "") -> list[Offer]:
        """List the collections of that kind (any, if blank) that have the form's study."""
        study = self.key[1]
        found = (self.catalogue[name] for name in self.catalogue.names())
        return [
            Offer(each.name, each.kind, each.luminosity, each.process or "", each.description)
            for each in found
            if kind in ("", each.kind) and (not study or study in each.studies)
        ]

    def sample(self, collection: str) -> SamplePreview:
        """First candidates of a collection, in the form's study and for its particle."""
        key = (collection, *self.key)
        if key not in self._samples:
            _, study, particle = self.key
            sample = self.catalogue[collection].study(study or self._only_study(collection))
            if particle in sample.particles:
                sample = sample.particle(particle)
            self._samples[key] = SamplePreview(sample)
        return self._samples[key]

    @property
    def collection(self) -> str:
        """The form's first collection: what cuts and axes are tried on."""
        return self._text(self._first)

    def tried_on(self) -> SamplePreview | None:
        """Give the candidates of the form's first collection; None if it has none.

        A collection that does not exist says so under its own field, and nowhere else.
        """
        try:
            return self.sample(self.collection) if self.collection else None
        except HepnbError:
            return None

    def suggestions(self, kind: str) -> tuple[str, ...]:
        """Names for a field of kind ``study``, ``particle``, ``site`` or ``mass_model``."""
        return {
            "study": self._studies,
            "particle": self._particles,
            "site": sites,
            "mass_model": _mass_models,
        }[kind]()

    def _studies(self) -> tuple[str, ...]:
        names = (each for name in self.catalogue.names() for each in self.catalogue[name].studies)
        return tuple(dict.fromkeys(names))

    def _particles(self) -> tuple[str, ...]:
        study = self.key[1]
        found: dict[str, None] = {}
        for name in self.catalogue.names():
            collection = self.catalogue[name]
            if study in collection.studies:
                found |= dict.fromkeys(collection.particles(study))
        return tuple(found)

    def variables(self, collection: str) -> tuple[str, ...]:
        """Names that an axis may have, those of the selected particle without prefix and first."""
        sample = self.sample(collection).sample
        start = f"{sample.prefix}_" if sample.prefix else ""
        own = [each.removeprefix(start) for each in sample.columns if each.startswith(start)]
        return tuple(dict.fromkeys([*own, *sample.aliases, *sample.columns]))

    def _only_study(self, collection: str) -> str:
        studies = tuple(self.catalogue[collection].studies)
        if len(studies) != 1:
            message = f"collection {collection!r} has the studies {', '.join(studies)}; choose one"
            raise HepnbError(message)
        return str(studies[0])

    def _text(self, name: str) -> str:
        value = self._values().get(name)
        return value if isinstance(value, str) else ""


def _mass_models() -> tuple[str, ...]:
    from hepnb.pid.mass.models import mass_model_names

    return mass_model_names()
