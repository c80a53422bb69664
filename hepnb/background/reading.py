"""Read a mass spectrum from whatever holds one; blinding is done here and nowhere later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hepnb.background.filling import Filler, Windows, make_edges, make_visible
from hepnb.background.histograms import ROWS, from_histogram, from_rows, from_uhi_json
from hepnb.background.spectrum import MassSpectrum
from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, BadTable, UnreadableFile

if TYPE_CHECKING:
    import hist
    import pandas as pd

__all__ = ("Spectral", "mass_of", "read_spectrum", "sample_of", "tree_of")

Spectral: TypeAlias = (
    "str | Path | Sequence[str] | Sequence[Path] | npt.ArrayLike | Mapping[str, Any]"
    " | pd.DataFrame | Sample | hist.Hist[Any]"
)
"""What a spectrum can be read from."""

MASS = "mass"
# what names of trees put before the category: Data_13TeV_UntaggedTag_0
_JOINTS = ("_", "/")


def __dir__() -> tuple[str, ...]:
    return __all__


def read_spectrum(
    source: Spectral,
    *,
    range: Sequence[float] | None = None,  # noqa: A002 -- what numpy and hist call it
    bins: int | None = None,
    blind: Windows | None = None,
    unblind: bool = False,
    mass: str = MASS,
    weight: str = "",
    cut: str = "",
    tree: str = "",
    category: str = "",
) -> MassSpectrum:
    """Read the mass spectrum of one category.

    Candidates are read in chunks; up to five million are kept for unbinned fits, more are counted
    in bins only. What a window hides is never kept, and no number of it appears anywhere.

    Parameters
    ----------
    source
        Path of a CSV, Parquet, ROOT or HDF5 file of candidates, or of several such files; of one
        with columns lo, hi, count, one row per bin; of a UHI JSON histogram; ``""`` for the
        embedded sample (its category ``UntaggedTag_1`` if none is named). Or a `hist.Hist`, masses
        of shape (N,), a data frame, a `Sample`.
    range
        (low, high) of the spectrum. Default: all bins of counts; 100 to 180 for candidates.
    bins
        Number of bins. Default: those of the counts; 320 for candidates.
    blind
        Window (low, high), or several: every bin that overlaps one is hidden.
    unblind
        Show what `blind` would hide; the only way to.
    mass, weight, cut
        Strings of the language of cuts, for candidates in columns. The mass may be left out where
        there is one column only, or a sample that knows its own. No weight counts candidates.
    tree
        Which tree of a ROOT file, or histogram of a JSON file. Default: the only one, or the one
        whose name ends with the category.
    category
        Name of the category.

    Returns
    -------
    MassSpectrum
        With the number of candidates that are below, above (at the upper edge too), NaN, or of
        unknown weight, in `dropped`.

    Raises
    ------
    BadParameters
        Range, bins or window make no sense, or do not fit the bins of counts.
    BadTable
        Rows of counts leave gaps or overlap, a bin's content is negative, or more than half of the
        candidates are outside of the default range.
    UnreadableFile, UnknownVariable, BadVariable, CutSyntaxError
        As `Sample` does.
    """
    if isinstance(source, str) and not source and not (tree or category):
        from hepnb.background.samples import DEFAULT_CATEGORY

        category = DEFAULT_CATEGORY
    binned: dict[str, Any] = {
        "span": range,
        "bins": bins,
        "blind": blind,
        "unblind": unblind,
        "category": category,
    }
    if isinstance(source, str | Path) and str(source).lower().endswith(".json"):
        return from_uhi_json(str(source), tree, **binned)
    if hasattr(source, "axes") and hasattr(source, "kind"):
        return from_histogram(source, **binned)
    sample = _unnamed(source) or sample_of(source, tree=tree, category=category)
    if set(sample.columns) & set(ROWS) and mass not in sample.columns:
        if weight or cut:
            raise BadParameters(
                f"rows of {', '.join(ROWS)} know no single candidate: leave out weight and cut"
            )
        low, high, counts = _rows(sample)
        return from_rows(low, high, counts, repr(sample.name), **binned)
    variable = mass_of(sample, mass)
    edges = make_edges(range, bins)
    filler = Filler(edges, make_visible(edges, blind, unblind=unblind), weighted=bool(weight))
    for chunk in sample.iterate([variable, *([weight] if weight else [])], cut=cut):
        filler.add(chunk[variable], chunk[weight] if weight else None)
    filler.check_range(repr(sample.name), chosen=range is not None)
    return filler.spectrum(variable=variable, category=category)


def sample_of(source: Spectral, *, tree: str = "", category: str = "") -> Sample:
    """Sample of files, arrays or a data frame; a sample is given back as it is.

    Raises
    ------
    UnreadableFile
        A file is missing, or has several trees and none is chosen.
    BadTable
        An array is not flat, or holds no numbers.
    """
    if isinstance(source, Sample):
        return source
    if isinstance(source, str | Path) or _are_paths(source):
        files = _files(source)
        name = ", ".join(Path(each).name for each in files[:3]) + (", ..." if files[3:] else "")
        return Sample(name, "data", files=files, tree=tree_of(files[0], tree, category))
    if isinstance(source, Mapping) or hasattr(source, "columns"):
        return Sample.from_frame(source)
    masses = np.asarray(source)
    if masses.ndim != 1 or (masses.size and masses.dtype.kind not in "iuf"):
        raise BadTable(
            f"masses of shape {masses.shape} and type {masses.dtype}; give one number each"
        )
    return Sample.from_frame({MASS: masses.astype(np.float64)}, name="the array")


def tree_of(path: str, tree: str, category: str) -> str | None:
    """Tree to read: the one named, else the only one, else that of the category.

    Raises
    ------
    UnreadableFile
        There are several, and none or more than one is of the category; all are listed.
    """
    from hepnb.data.reading import tables

    if tree:
        return tree
    found = [each for each in tables(path) if each is not None]
    if len(found) < 2:
        return None
    ends = tuple(joint + category for joint in _JOINTS)
    fitting = [each for each in found if each == category] or [
        each for each in found if category and each.endswith(ends)
    ]
    if len(fitting) == 1:
        return fitting[0]
    which = f"{len(fitting) or 'none'} of them of category {category!r}; " if category else ""
    raise UnreadableFile(
        f"{path!r} has the trees {', '.join(found)}; {which}say which as `tree`, or the category "
        "that a tree's name ends with"
    )


def mass_of(sample: Sample, mass: str) -> str:
    """Variable to read: the one named, else the sample's own, else the only column."""
    if mass != MASS or MASS in sample.columns or MASS in (*sample.aliases, *sample.derived):
        return mass
    if sample.mass:
        return sample.mass
    return sample.columns[0] if len(sample.columns) == 1 else mass


def _unnamed(source: Any) -> Sample | None:
    """Sample of a CSV file that begins with numbers: masses, or rows of lo, hi, count."""
    import pandas as pd

    if not isinstance(source, str | Path) or not str(source).lower().endswith((".csv", ".txt")):
        return None
    path = Path(source)
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", errors="replace") as file:
        first = next((line for line in file if line.strip() and line[0] != "#"), "")
    try:
        numbers = [float(each) for each in first.split(",")]
    except ValueError:
        return None
    names = {1: [MASS], 3: list(ROWS)}.get(len(numbers))
    if names is None:
        raise BadTable(
            f"{path.name!r} has {len(numbers)} columns without names; put a first line with them, "
            "such as 'mass', or 'lo,hi,count'"
        )
    try:
        table = pd.read_csv(path, names=names, comment="#", dtype=float)
    except ValueError as error:
        raise BadTable(f"{path.name!r}: {error}; give numbers only, or names first") from None
    return Sample.from_frame(table, name=path.name)


def _rows(sample: Sample) -> tuple[npt.NDArray[np.float64], ...]:
    missing = [each for each in ROWS if each not in sample.columns]
    if missing:
        raise BadTable(
            f"{sample.name!r} has no column {', '.join(missing)}; a table of counts has one row "
            f"per bin with {', '.join(ROWS)} (it has {', '.join(sample.columns)})"
        )
    table = sample.read(ROWS)
    return tuple(table[each].to_numpy(dtype=np.float64) for each in ROWS)


def _are_paths(source: Any) -> bool:
    return (
        isinstance(source, list | tuple)
        and len(source) > 0
        and all(isinstance(each, str | Path) for each in source)
    )


def _files(source: Any) -> tuple[str, ...]:
    """Paths of the files; wildcards stand for all that they match."""
    from hepnb.data.file_lists import expand

    listed = [source] if isinstance(source, str | Path) else source
    if any(not str(each) for each in listed):
        from hepnb.background.samples import embedded

        listed = [str(each) or str(embedded()) for each in listed]
    files = expand([str(each) for each in listed], base=None, folders={}, owner="data")
    for each in files:
        if "://" not in each and not Path(each).is_file():
            raise UnreadableFile(f"{each!r} is no file; give the path of a data file")
    return files
