"""Several categories in one source: a tree each, a file each, or a column that tells them."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hepnb.background.filling import Filler, Windows, make_edges, make_visible
from hepnb.background.reading import Spectral, mass_of, read_spectrum, sample_of
from hepnb.background.spectrum import MassSpectrum
from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, BadTable, UnreadableFile, nearest

__all__ = ("category_trees", "file_stem", "read_categories")

#: more values of a column than this are no categories
MOST_CATEGORIES = 200
# names of the data sets of flashgg and HiggsDNA, within folders
_DATA_TREE = re.compile(r"^(?:.*/)?(?:Data_\d+(?:p\d+)?TeV_)?(?P<category>[^/]+)$")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,79}")


def __dir__() -> tuple[str, ...]:
    return __all__


def file_stem(category: str) -> str:
    """Name of a category as it may stand in the name of a file, on any system.

    Names of letters, digits and ``._+=-`` stay as they are. In others, what is not safe becomes
    ``_`` and a checksum of the name follows, so that two categories never share a file.

    Examples
    --------
    >>> file_stem("VBF Tag/0")
    'VBF_Tag_0-e816c4'
    """
    if _SAFE.fullmatch(category):
        return category
    words = re.sub(r"[^A-Za-z0-9.+=-]+", "_", category)[:80].strip("._+=-") or "category"
    return f"{words}-{hashlib.sha256(category.encode()).hexdigest()[:6]}"


def category_trees(path: str | Path) -> dict[str, str]:
    """Categories of a file with one tree each: category to tree.

    The category is the tree's name, without folders and without a leading ``Data_13TeV_``.

    Raises
    ------
    UnreadableFile
        The file holds no tree, or two whose category is the same.
    """
    from hepnb.data.reading import tables

    path = str(path)
    names = [each for each in tables(path) if each is not None]
    if not names:
        raise UnreadableFile(
            f"{path!r} holds no tree; give a file with one tree per category (a RooWorkspace "
            "cannot be read without ROOT: write the trees that it was made of)"
        )
    found: dict[str, str] = {}
    for name in names:
        match = _DATA_TREE.match(name)
        category = match["category"] if match else name
        if category in found:
            raise UnreadableFile(
                f"{path!r} has the trees {found[category]!r} and {name!r}, both of category "
                f"{category!r}; read them one by one, by `tree`"
            )
        found[category] = name
    return found


def read_categories(
    source: Spectral | Mapping[str, Spectral],
    *,
    by: str = "",
    categories: Sequence[str] | None = None,
    **options: Any,
) -> dict[str, MassSpectrum]:
    """Read the mass spectra of several categories.

    Parameters
    ----------
    source
        A ROOT file with one tree per category; files, one per category, named after them; a
        mapping of category to anything that `read_spectrum` reads; or, with `by`, anything that has
        columns.
    by
        Column or expression that tells the category: words, or numbers (category ``cat0`` for
        ``cat`` being 0).
    categories
        Which of them, in this order; default all.
    **options
        Of `read_spectrum`: range, bins, blind, unblind, mass, weight, cut.

    Returns
    -------
    dict
        Category to spectrum.

    Raises
    ------
    BadParameters
        A category asked for is not there; the others are listed.
    BadTable
        The column has too many values, or none for some candidate.
    """
    if by:
        return _by_column(sample_of(source), by, categories, **options)
    if isinstance(source, Mapping):
        return {
            name: read_spectrum(source[name], category=name, **options)
            for name in _chosen(categories, source)
        }
    if isinstance(source, list | tuple) and source and isinstance(source[0], str | Path):
        files = {Path(each).stem: str(each) for each in source}
        if len(files) < len(source):
            raise BadParameters(
                f"files {[str(each) for each in source]} share names; give a mapping of category "
                "to file"
            )
        return read_categories(files, categories=categories, **options)
    if not isinstance(source, str | Path):
        raise BadParameters("one source without `by` has one category; use read_spectrum")
    trees = category_trees(_one_file(source))
    return {
        name: read_spectrum(source, tree=trees[name], category=name, **options)
        for name in _chosen(categories, trees)
    }


def _one_file(source: str | Path) -> str:
    if str(source):
        return str(source)
    from hepnb.background.samples import embedded

    return str(embedded())


def _chosen(wanted: Sequence[str] | None, known: Mapping[str, Any]) -> list[str]:
    if wanted is None:
        return list(known)
    for name in wanted:
        if name not in known:
            raise BadParameters(
                f"category {name!r} is not there; there are {', '.join(known)}"
                + nearest(name, known)
            )
    return list(dict.fromkeys(wanted))


def _by_column(
    sample: Sample,
    by: str,
    categories: Sequence[str] | None,
    *,
    range: Sequence[float] | None = None,  # noqa: A002 -- as in read_spectrum
    bins: int | None = None,
    blind: Windows | None = None,
    unblind: bool = False,
    mass: str = "mass",
    weight: str = "",
    cut: str = "",
) -> dict[str, MassSpectrum]:
    sample, names = _numbered(sample, by, cut)
    variable, edges = mass_of(sample, mass), make_edges(range, bins)
    visible = make_visible(edges, blind, unblind=unblind)
    by_name = {name: value for value, name in names.items()}
    fillers = {
        by_name[name]: Filler(edges, visible, weighted=bool(weight))
        for name in _chosen(categories, by_name)
    }
    for chunk in sample.iterate([variable, by, *([weight] if weight else [])], cut=cut):
        for value, filler in fillers.items():
            chosen = chunk[by] == value
            filler.add(chunk[variable][chosen], chunk[weight][chosen] if weight else None)
    spectra = {}
    for value, filler in fillers.items():
        filler.check_range(f"category {names[value]!r}", chosen=range is not None)
        spectra[names[value]] = filler.spectrum(variable=variable, category=names[value])
    return spectra


def _numbered(sample: Sample, by: str, cut: str) -> tuple[Sample, dict[float, str]]:
    """Sample whose words in `by` are numbers, and the category of each number, in order."""
    words: set[str] = set()
    if by in sample.columns:
        for block in sample.source.blocks((by,), 250_000):
            column = sample.source.read((by,), block)[by]
            if column.dtype.kind != "O":
                break
            words |= {str(each) for each in column}
            _check_few(words, by)
    if words:
        ordered = sorted(words)
        codes = {by: {word: float(code) for code, word in enumerate(ordered)}}
        coded = dataclasses.replace(sample, codes={**sample.codes, **codes})
        return coded, {float(code): word for code, word in enumerate(ordered)}
    values: set[float] = set()
    for chunk in sample.iterate([by], cut=cut):
        found = np.unique(chunk[by])
        if np.isnan(found).any():
            raise BadTable(f"{by!r} is NaN for some candidates; leave them out by a cut")
        values |= set(found.tolist())
        _check_few(values, by)
    return sample, {value: f"{by}{value:g}" for value in sorted(values)}


def _check_few(values: set[Any], by: str) -> None:
    if len(values) > MOST_CATEGORIES:
        raise BadTable(
            f"{by!r} has more than {MOST_CATEGORIES} values, so it tells no categories; give a "
            "column with one word or number per category"
        )
