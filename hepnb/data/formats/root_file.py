"""ROOT files: TTree and RNTuple, through uproot."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hepnb.data.formats.reader import Columns, Reader, as_column, choose_table, one_line
from hepnb.errors import HepnbError, MissingExtra, UnreadableFile

__all__ = ("RootReader", "trees")

# the types of RNTuple fields that hold one number, boolean or string per entry
_FLAT_FIELD = re.compile(r"(std::)?(u?int(8|16|32|64)_t|string|byte)|bool|char|float|double")
_RNTUPLE = "ROOT::RNTuple"
_XROOTD = ("root://", "roots://")


def __dir__() -> tuple[str, ...]:
    return __all__


class RootReader(Reader):
    """Entries of a TTree or an RNTuple.

    Parameters
    ----------
    path
        Path, or root:// URL.
    tree
        Name, within folders as in ``folder/tree``, with or without cycle. None takes the only one.

    Raises
    ------
    UnreadableFile
        If the file is truncated, not a ROOT file, or has no such tree; the message lists the trees.
    MissingExtra
        If the URL needs XRootD, or the compression a package, that is not installed.
    """

    def __init__(self, path: str, tree: str | None = None) -> None:
        self.path = path
        self._file = _open(path)
        try:
            found = list(_trees(self._file))
            cycle_given = bool(tree) and f"{tree}" in self._file.keys()  # noqa: SIM118
            name = str(tree) if cycle_given else choose_table(path, tree, found, "tree")
            self._tree = self._file[name]
            self.entries = int(self._tree.num_entries)
            self._names, self.skipped = _flat_columns(self._tree)
        except HepnbError:
            self._file.close()
            raise
        except Exception as error:
            self._file.close()
            raise UnreadableFile(f"{path!r} is damaged ({one_line(error)})") from error
        self.columns = tuple(self._names)

    def _read(self, columns: tuple[str, ...], start: int, stop: int) -> Columns:
        # the cache keeps whole ranges, which are never asked for twice
        wanted = {"entry_start": start, "entry_stop": stop, "library": "np", "array_cache": None}
        names = [self._names[each] for each in columns]
        try:
            arrays = self._tree.arrays(names, **wanted)
        except ImportError as error:
            raise MissingExtra(f"{self.path!r} cannot be read: {error}") from error
        return {each: as_column(arrays[self._names[each]]) for each in columns}

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def trees(path: str) -> tuple[str, ...]:
    """Names of the TTrees and RNTuples of a ROOT file.

    Raises
    ------
    UnreadableFile
        If it cannot be opened as one.
    """
    with _open(path) as file:
        return tuple(_trees(file))


def _open(path: str) -> Any:
    import uproot

    if path.startswith(_XROOTD) and importlib.util.find_spec("fsspec_xrootd") is None:
        raise MissingExtra(
            f"{path!r} needs XRootD: `pip install xrootd fsspec-xrootd`, or "
            "`conda install -c conda-forge xrootd fsspec-xrootd`"
        )
    try:
        # as a mapping, since a colon in the path would otherwise start the name of an object
        file = uproot.open({path: None}, array_cache=None)
    except ImportError as error:
        raise MissingExtra(f"{path!r} cannot be read: {one_line(error)}") from error
    except Exception as error:
        raise UnreadableFile(
            f"{path!r} cannot be opened as a ROOT file ({one_line(error)})"
        ) from error
    if "://" not in path:
        # a file that was cut short often opens well, and fails only at the entries that it lacks
        size, whole = Path(path).stat().st_size, int(file.file.fEND)
        if size < whole:
            file.close()
            raise UnreadableFile(f"{path!r} is truncated: it has {size} of {whole} bytes")
    return file


def _trees(file: Any) -> Iterator[str]:
    """Names without cycle, each once."""
    classes = file.classnames(recursive=True, cycle=False)
    return (
        name
        for name, kind in classes.items()
        if kind == _RNTUPLE or kind in ("TTree", "TNtuple", "TNtupleD", "TChain")
    )


def _flat_columns(tree: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Name to uproot's name of the flat columns, and name to type of the others."""
    flat: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for key, name, branch in _leaves(tree):
        if _is_flat(branch):
            flat.setdefault(name, key)
        else:
            skipped.setdefault(name, str(branch.typename))
    return flat, skipped


def _leaves(tree: Any) -> Iterator[tuple[str, str, Any]]:
    if tree.classname == _RNTUPLE:
        for key in tree.keys(recursive=False):
            yield key, key, tree.field(key) if hasattr(tree, "field") else tree[key]
        return
    for key, branch in tree.iteritems(recursive=True, full_paths=True):
        if not branch.branches:
            yield key, branch.name, branch


def _is_flat(branch: Any) -> bool:
    import uproot

    if not hasattr(branch, "interpretation"):
        return "." not in branch.name and _FLAT_FIELD.fullmatch(branch.typename) is not None
    kind = branch.interpretation
    if isinstance(kind, uproot.AsStrings):
        return True
    if not isinstance(kind, uproot.AsDtype):
        return False
    dtype = np.dtype(kind.to_dtype)
    return dtype.names is None and dtype.shape == () and dtype.kind in "biuf"
