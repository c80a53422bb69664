"""The configuration of flashggFinalFit's background package, read without being executed."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hepnb.background.categories import category_trees, file_stem
from hepnb.errors import BadParameters, UnknownVariable, nearest

__all__ = ("CategoryJob", "LegacyConfig", "category_jobs", "read_legacy_config")

VARIABLE = "backgroundScriptCfg"
INPUTS = ("inputWSDir", "inputWS")
KEYS = (*INPUTS, "cats", "catOffset", "ext", "year", "batch", "queue")
YEARS = (
    *("2016", "2016preVFP", "2016postVFP", "2017", "2018"),
    *("2022", "2022preEE", "2022postEE", "2023", "2023preBPix", "2023postBPix", "2024"),
    *("combined", "merged", "all"),
)
BATCHES: Mapping[str, str] = {
    "condor": "HTCondorCluster",
    "condor_lxplus": "HTCondorCluster",
    "SGE": "SGECluster",
    "IC": "SGECluster",
    "local": "LocalCluster",
}
"""Where jobs run, to the class of dask or dask-jobqueue that does so."""
# what trees of flashgg and HiggsDNA call the mass, then ours
_MASSES = ("CMS_hgg_mass", "mass")
_DATA_FILE = "allData.root"


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class LegacyConfig:
    """What a configuration asks for.

    Attributes
    ----------
    data
        File with one tree of data per category.
    cats
        Categories, or None for all that the file has (``'auto'``).
    cat_offset
        Number of the first category.
    ext
        Name of the output folder, after ``outdir_``.
    year
        Year of data taking; ``all`` for several years combined.
    batch, queue
        Where jobs run, and in which queue or job flavour.
    """

    data: Path
    cats: tuple[str, ...] | None = None
    cat_offset: int = 0
    ext: str = ""
    year: str = "all"
    batch: str = "local"
    queue: str = ""

    @property
    def cluster(self) -> str:
        """Class of dask-jobqueue (or LocalCluster) that stands for `batch`."""
        return BATCHES[self.batch]


@dataclass(frozen=True)
class CategoryJob:
    """The f-test of one category: a run of its own.

    Attributes
    ----------
    category, number
        Name, and number of the original's ``cat<N>``, offset included.
    out
        Folder of the run, relative to where the original would be started.
    parameters
        Of the stage ``ftest``: data, tree, mass, category.
    """

    category: str
    number: int
    out: Path
    parameters: Mapping[str, Any]


def read_legacy_config(path: str | Path) -> LegacyConfig:
    """Read a configuration: a Python file that assigns a dictionary to ``backgroundScriptCfg``.

    Nothing of it is executed. Besides literals, it may use names that were given a literal before,
    also inside an f-string, as configurations in use do.

    Parameters
    ----------
    path
        The file. A relative path in it is relative to the folder that it lies in.

    Raises
    ------
    BadParameters
        The file is not of that form, or a key or value is not allowed: each is named.
    """
    path = Path(path)
    values = _dictionary(path)
    for key in values:
        if key not in KEYS:
            raise BadParameters(
                f"{path}: {VARIABLE} has no key {key!r}{nearest(str(key), KEYS)} "
                f"(known: {', '.join(KEYS)})"
            )
    batch, year = str(values.get("batch", "local")), str(values.get("year", "combined"))
    for name, value, allowed in (("batch", batch, tuple(BATCHES)), ("year", year, YEARS)):
        if value not in allowed:
            raise BadParameters(
                f"{path}: {name} = {value!r}; give one of {', '.join(allowed)}"
                + nearest(value, allowed)
            )
    offset = values.get("catOffset", 0)
    if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
        raise BadParameters(f"{path}: catOffset = {offset!r}; give a whole number from 0")
    return LegacyConfig(
        data=_data_file(path, values),
        cats=_categories(path, values.get("cats", "auto")),
        cat_offset=offset,
        ext=_extension(path, values.get("ext", "")),
        year="all" if year in ("combined", "merged") else year,
        batch=batch,
        queue=str(values.get("queue", "")),
    )


def category_jobs(config: LegacyConfig, *, mass: str = "") -> tuple[CategoryJob, ...]:
    """Give one job per category, in the order of `cats` or of the trees in the file.

    Parameters
    ----------
    config
        What is asked for.
    mass
        Variable of the spectra; empty: ``CMS_hgg_mass`` or ``mass``, whichever a tree has.

    Raises
    ------
    BadParameters
        A category is not in the file; those that are get listed.
    UnreadableFile, UnknownVariable
        The file cannot be read, or a tree has no mass that we know.
    """
    trees = category_trees(config.data)
    wanted = tuple(trees) if config.cats is None else config.cats
    for name in wanted:
        if name not in trees:
            raise BadParameters(
                f"category {name!r} has no tree in {str(config.data)!r}, which has "
                f"{', '.join(trees)}{nearest(name, trees)}"
            )
    folder = Path(f"outdir_{config.ext}" if config.ext else "outdir")
    return tuple(
        CategoryJob(
            category=name,
            number=number,
            out=folder / file_stem(name),
            parameters={
                "data": str(config.data),
                "tree": trees[name],
                "mass": mass or _mass(str(config.data), trees[name]),
                "category": name,
            },
        )
        for number, name in enumerate(wanted, config.cat_offset)
    )


def _dictionary(path: Path) -> dict[Any, Any]:
    """Find the dictionary of the variable, with earlier literals put in for names."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise BadParameters(f"{path} cannot be read: {error}") from None
    except SyntaxError as error:
        raise BadParameters(f"{path}, line {error.lineno}: {error.msg}; mend it") from None
    known: dict[str, Any] = {}
    for statement in tree.body:
        if not isinstance(statement, ast.Assign):
            continue
        names = [each.id for each in statement.targets if isinstance(each, ast.Name)]
        try:
            value = ast.literal_eval(_Literal(known).visit(statement.value))
        except (ValueError, TypeError, RecursionError):
            if VARIABLE in names:
                raise BadParameters(
                    f"{path}, line {statement.lineno}: {VARIABLE} is computed; the file is not "
                    "executed: write its values out as text and numbers"
                ) from None
            continue
        known |= dict.fromkeys(names, value)
    if not isinstance(known.get(VARIABLE), dict):
        raise BadParameters(
            f"{path} assigns no dictionary to {VARIABLE}; it should: "
            f"{VARIABLE} = {{'inputWS': 'allData.root', 'cats': 'auto', ...}}"
        )
    found: dict[Any, Any] = known[VARIABLE]
    return found


class _Literal(ast.NodeTransformer):
    """Puts known literals in for names, and text in for f-strings of them."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self._known[node.id]) if node.id in self._known else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        pieces = []
        for part in node.values:
            # a width or conversion is more than configurations need
            plain = isinstance(part, ast.FormattedValue) and part.format_spec is None
            inner = self.visit(part.value) if plain and part.conversion == -1 else part  # type: ignore[attr-defined]
            if not isinstance(inner, ast.Constant):
                return node
            pieces.append(str(inner.value))
        return ast.Constant("".join(pieces))


def _data_file(path: Path, values: Mapping[Any, Any]) -> Path:
    given = [key for key in INPUTS if values.get(key)]
    if len(given) != 1:
        raise BadParameters(
            f"{path}: {'both' if given else 'neither'} of {' and '.join(INPUTS)}; give one of "
            f"them: the file with one tree per category, or the folder of its {_DATA_FILE}"
        )
    value = values[given[0]]
    if not isinstance(value, str):
        raise BadParameters(f"{path}: {given[0]} = {value!r}; give a path")
    place = path.parent / Path(value).expanduser()
    if not place.is_dir():
        return place
    if (place / _DATA_FILE).is_file():
        return place / _DATA_FILE
    found = sorted(place.glob("*.root"))
    if len(found) != 1:
        listed = ", ".join(each.name for each in found[:10]) or "no ROOT file"
        raise BadParameters(
            f"{path}: {given[0]} = {value!r} holds {listed}, and no {_DATA_FILE}; give the path "
            "of the file"
        )
    return found[0]


def _categories(path: Path, given: Any) -> tuple[str, ...] | None:
    if given == "auto":
        return None
    listed = given.split(",") if isinstance(given, str) else given
    if not isinstance(listed, list | tuple) or not all(isinstance(each, str) for each in listed):
        raise BadParameters(f"{path}: cats = {given!r}; give 'auto', or names with commas between")
    names = [each.strip() for each in listed if each.strip()]
    twice = [each for each in names if names.count(each) > 1]
    if not names or twice:
        what = f"names {twice[0]!r} twice" if twice else "names no category"
        raise BadParameters(f"{path}: cats = {given!r} {what}; give 'auto', or each name once")
    return tuple(names)


def _extension(path: Path, given: Any) -> str:
    text = str(given)
    if text and file_stem(text) != text:
        raise BadParameters(
            f"{path}: ext = {text!r} is no name of a folder; use letters, digits and ._+=-"
        )
    return text


def _mass(data: str, tree: str) -> str:
    from hepnb.data.reading import open_reader

    with open_reader(data, tree) as reader:
        for name in _MASSES:
            if name in reader.columns:
                return name
        raise UnknownVariable(
            f"tree {tree!r} of {data!r} has no {' or '.join(_MASSES)}; it has "
            f"{', '.join(reader.columns)}: run the stage ftest with `mass`"
        )
