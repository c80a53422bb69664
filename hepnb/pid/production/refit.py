"""New sWeights for ntuples: copies with both columns, a catalogue of them, and their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hepnb.data.rewriting import copy_names, copy_ntuple
from hepnb.data.site_file import validated
from hepnb.errors import BadParameters
from hepnb.pid.formats.uhi_files import write_text
from hepnb.pid.studies import study_of
from hepnb.pid.subtraction.sweight_columns import sweight_columns

if TYPE_CHECKING:
    from hepnb.data.collection import Collection
    from hepnb.data.sample import Sample
    from hepnb.pid.mass.fit import MassFit

__all__ = ("RefitNtuples", "fit_models", "refit_ntuples", "study_entry")

WEIGHTS = ("sweight", "sweight_sys")
_TEMPORARY = "_of_refit"


def __dir__() -> tuple[str, ...]:
    return __all__


def fit_models(
    sample: Sample, models: Sequence[str] = (), **options: Any
) -> tuple[MassFit, MassFit]:
    """Fit a sample with two models, nominal and alternative.

    Parameters
    ----------
    sample
        Candidates of a study.
    models
        Two names; by default those of the study. A blank one stands for the study's, too.
    **options
        Of `hepnb.pid.fit_mass`, before those of the study.

    Raises
    ------
    BadParameters
        If `models` has another number of names, or the study has no mass to fit.
    FitFailed
        See `hepnb.pid.fit_mass`.
    """
    found = study_of(sample)
    if len(models) not in (0, 2):
        message = (
            f"{len(models)} models ({', '.join(models)}); give two, nominal and alternative, or "
            f"none for those of study {found.name!r}"
        )
        raise BadParameters(message)
    nominal, alternative = models or ("", "")
    return (
        found.fit(sample, nominal or found.mass_model, **options),
        found.fit(sample, alternative or found.alternative_model, **options),
    )


@dataclass(frozen=True, eq=False)
class RefitNtuples:
    """Copies to be made of the ntuples of a study, with the sWeights of two fits.

    Use `save` to make them. Candidates outside the fit range have no weight, which is NaN.

    Attributes
    ----------
    sample
        The originals.
    nominal, alternative
        Fits of the sample, for the first and the second column.
    old_suffix, new_suffix
        Of the names of the files, see `hepnb.data.rewriting.copy_names`.
    about
        What the catalogue says of the collection: kind, energy, luminosity, ...
    """

    sample: Sample
    nominal: MassFit
    alternative: MassFit
    old_suffix: str = ""
    new_suffix: str = "_refit"
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> tuple[str, str]:
        """Branches that get the weights: those of the sample, or the usual names."""
        first, second = (*self.sample.weights[:2], *WEIGHTS[len(self.sample.weights) :])[:2]
        return first, second

    @property
    def files(self) -> list[Path]:
        """Names of the copies, below the folder that they are saved in."""
        return copy_names(self.sample.files, old_suffix=self.old_suffix, new_suffix=self.new_suffix)

    @property
    def collection(self) -> str:
        """Name of the collection of the copies."""
        name = self.sample.name
        return (name.removesuffix(self.old_suffix) if self.old_suffix else name) + self.new_suffix

    def save(self, directory: Path | str, name: str = "ntuples") -> list[Path]:
        """Write the copies into ``<name>/``, and beside it ``<name>.yaml``, their catalogue.

        Each file is there when it is whole; nothing is written over.
        """
        folder = Path(directory) / name
        written = self.write(folder)
        catalogue = folder.with_suffix(".yaml")
        content = self.site([f"{name}/{each.as_posix()}" for each in self.files])
        write_text(catalogue, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
        return [*written, catalogue]

    def write(self, folder: Path) -> list[Path]:
        """Write the copies alone."""
        made = sweight_columns(self.nominal, self.alternative, suffix=_TEMPORARY)
        derived = self.sample.with_columns(**made)
        columns = dict(zip(self.weights, made, strict=True))
        targets = [folder / file for file in self.files]
        for number, target in enumerate(targets):
            copy_ntuple(derived, number, target, columns)
        return targets

    def site(self, files: Sequence[str]) -> dict[str, Any]:
        """Content of a catalogue file that lists the copies as one collection."""
        entry = {"kind": self.sample.kind, **self.about}
        entry["studies"] = {self.sample.study: study_entry(self.sample, files, self.weights)}
        content = {"site": "refit", "collections": {self.collection: entry}}
        validated(content, "catalogue of the refit")
        return content

    def numbers(self) -> dict[str, Any]:
        """Give candidates, files, and the yields and quality of both fits."""
        found: dict[str, Any] = {
            "candidates": {"value": self.sample.entries, "unit": "candidates"},
            "files": {"value": len(self.sample.files)},
        }
        for name, fit in (("nominal", self.nominal), ("alternative", self.alternative)):
            numbers = fit.numbers()
            found |= {f"{name}_{key}": numbers[key] for key in ("N_signal", "p_value")}
        return found


def refit_ntuples(
    sample: Sample,
    models: Sequence[str] = (),
    *,
    old_suffix: str = "",
    new_suffix: str = "_refit",
    collection: Collection | None = None,
    **options: Any,
) -> RefitNtuples:
    """Fit a sample anew, for copies of its ntuples with the new sWeights.

    Parameters
    ----------
    sample
        Local ROOT ntuples of a study.
    models
        Nominal and alternative mass model; by default those of the study.
    old_suffix, new_suffix
        Of the names of files and collection.
    collection
        What the new catalogue's energy, luminosity and so on are taken from.
    **options
        Of `hepnb.pid.fit_mass`.

    Returns
    -------
    RefitNtuples
        With `save`, which makes the copies.

    Raises
    ------
    BadParameters
        If the files cannot be copied under these names; before anything is fitted.
    FitFailed
        See `hepnb.pid.fit_mass`.
    """
    copy_names(sample.files, old_suffix=old_suffix, new_suffix=new_suffix)
    nominal, alternative = fit_models(sample, models, **options)
    about = {}
    if collection is not None:
        about = {
            key: getattr(collection, key)
            for key in ("energy", "luminosity", "process", "description")
        }
    return RefitNtuples(sample, nominal, alternative, old_suffix, new_suffix, about)


def study_entry(sample: Sample, files: Sequence[str], weights: Sequence[str]) -> dict[str, Any]:
    """Entry of a catalogue for a sample whose files have moved."""
    entry: dict[str, Any] = {"files": list(files), "weights": list(weights)}
    for key in ("tree", "mass", "truth"):
        if getattr(sample, key):
            entry[key] = getattr(sample, key)
    for key in ("particles", "aliases"):
        entry[key] = dict(getattr(sample, key))
    entry["codes"] = {name: dict(codes) for name, codes in sample.codes.items()}
    return {key: value for key, value in entry.items() if value}
