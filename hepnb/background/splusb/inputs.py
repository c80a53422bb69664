"""What a fit of signal plus background begins with: spectra, signals, named functions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hepnb.background.categories import read_categories
from hepnb.background.families import family_names
from hepnb.background.reading import read_spectrum
from hepnb.background.samples import CATEGORIES, PEAK, embedded
from hepnb.background.signal.gaussians import SumOfGaussians
from hepnb.background.signal.reading import load_mapping, read_signals
from hepnb.background.signal.shapes import Peak
from hepnb.background.signal.simulation import ShapeName, fit_signal_shape
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = ("described", "embedded_signals", "named_functions", "read_spectra", "signals_of")


def __dir__() -> tuple[str, ...]:
    return __all__


_DESCRIBED = frozenset({".yaml", ".yml", ".json"})


def read_spectra(
    data: str | Path,
    *,
    categories: Sequence[str] = (),
    by: str = "",
    tree: str = "",
    **options: Any,
) -> dict[str, MassSpectrum]:
    """Read every category that a file has, or the one that it is.

    Parameters
    ----------
    data
        File of trees, one per category; file with a column that tells the category; or a file of
        one category. Empty: the embedded sample.
    categories
        Which, in this order; none: all.
    by
        Column that tells the category.
    tree
        Tree of a file of one category.
    **options
        Of `read_spectrum`: range, bins, blind, unblind, mass, weight, cut.

    Returns
    -------
    dict
        Category to spectrum.

    Raises
    ------
    BadParameters
        A category is not there, or several are asked of a file of one.
    HepnbError
        As `read_spectrum` and `read_categories`.
    """
    chosen = list(categories) or None
    trees = str(data) == "" or Path(str(data)).suffix.lower() == ".root"
    if by or (trees and not tree):
        return read_categories(data, by=by, categories=chosen, **options)
    if chosen and len(chosen) > 1:
        message = (
            f"categories {', '.join(chosen)} of {str(data)!r}, which has one; give a file with a "
            "tree for each, or the column that tells them"
        )
        raise BadParameters(message)
    name = chosen[0] if chosen else tree or Path(str(data)).stem
    return {name: read_spectrum(data, tree=tree, category=name, **options)}


def embedded_signals() -> dict[str, Peak]:
    """Signal of each category of the embedded sample, as it was generated, at strength 1."""
    return {
        name: SumOfGaussians(
            mean=(PEAK, PEAK - 0.5 * each.resolution),
            sigma=(each.resolution, 2.2 * each.resolution),
            fraction=(5.0, 1.0),
            expected=each.signal,
        )
        for name, each in CATEGORIES.items()
    }


def described(text: str) -> bool:
    """Tell whether a signal is given by its parameters, and not by simulated candidates."""
    return text.lstrip().startswith("{") or Path(text).suffix.lower() in _DESCRIBED


def signals_of(
    text: str,
    categories: Sequence[str],
    *,
    shape: ShapeName = "double_sided_crystal_ball",
    weight: str = "weight",
    **options: Any,
) -> dict[str, Peak]:
    """Give the signal of each category.

    Parameters
    ----------
    text
        File of simulated signal, with a tree for each category or of the only one, to which a
        shape is fitted; or its parameters: a YAML or JSON file of one signal or of one per
        category, or such a mapping in braces (see `read_signals`). Empty: the simulation of the
        embedded sample.
    categories
        Names of the categories.
    shape
        That is fitted to simulation; ``template`` takes its bins as they are.
    weight
        Of each simulated candidate; their sum is what is expected at strength 1.
    **options
        Of `read_spectrum`, for simulation: range, bins, mass, cut.

    Returns
    -------
    dict
        Category to signal.

    Raises
    ------
    BadParameters
        A category has no signal.
    FitFailed
        A shape does not fit.
    UnreadableFile
        The file holds none.
    """
    if described(text):
        return read_signals(text, tuple(categories))
    simulated = read_spectra(
        text.strip() or embedded("hgg_signal.root"),
        categories=categories,
        weight=weight,
        **options,
    )
    return {name: fit_signal_shape(each, shape) for name, each in simulated.items()}


def named_functions(text: str, categories: Sequence[str]) -> dict[str, str]:
    """Give the background functions that are named, by category.

    Parameters
    ----------
    text
        A function such as ``bernstein4`` for every category; a mapping of category to function, in
        a YAML or JSON file or in braces; or the ``ftest.json`` of an f-test, whose best function is
        taken. Empty: none is named.
    categories
        Names of the categories.

    Returns
    -------
    dict
        Category to function, for those that have one.

    Raises
    ------
    BadParameters
        An f-test has no best function.
    UnreadableFile
        The file is missing or holds no mapping.
    """
    text = text.strip()
    if not text:
        return {}
    if text.rstrip("0123456789") in family_names():
        return dict.fromkeys(categories, text)
    content = load_mapping(text)
    if "choice" in content:
        best = content["choice"].get("best")
        if not best:
            message = f"the f-test {text!r} chose no function; name one, such as bernstein4"
            raise BadParameters(message)
        of = content.get("category", "")
        return {of: best} if of in categories else dict.fromkeys(categories, best)
    return {str(name): str(function) for name, function in content.items()}
