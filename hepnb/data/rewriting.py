"""Copies of ROOT ntuples with some branches replaced or added, in chunks; never the originals."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hepnb.data.chunks import Block
from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, OutputNotWritable, UnreadableFile

__all__ = ("copy_names", "copy_ntuple")

CHUNK = 250_000
"""Entries read and written at a time."""

log = logging.getLogger(__name__)


def __dir__() -> tuple[str, ...]:
    return __all__


def copy_names(files: Sequence[str], *, old_suffix: str = "", new_suffix: str = "") -> list[Path]:
    """Names of the copies of files, relative to the folder of the copies.

    Parameters
    ----------
    files
        Local ROOT files.
    old_suffix, new_suffix
        The first, at the end of a name before ``.root``, becomes the second; a name that does not
        end so gets the second at its end.

    Returns
    -------
    list of pathlib.Path
        In the order of `files`, below the folder that they have in common.

    Raises
    ------
    BadParameters
        If a file is no local ROOT file, or two copies would have the same name.
    """
    for file in files:
        if "://" in file or not file.lower().endswith(".root"):
            message = f"{file!r} is no local ROOT file; copies are made of those only"
            raise BadParameters(message)
    paths = [Path(file).resolve() for file in files]
    common = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    names = []
    for path in paths:
        stem = path.stem.removesuffix(old_suffix) if old_suffix else path.stem
        names.append(path.relative_to(common).with_name(f"{stem}{new_suffix}.root"))
    twice = {each for each in names if names.count(each) > 1}
    if twice:
        clash = ", ".join(f for f, name in zip(files, names, strict=True) if name in twice)
        raise BadParameters(f"{clash}: their copies would have one name; choose another suffix")
    return names


def copy_ntuple(
    sample: Sample, file: int, target: Path, columns: Mapping[str, str], *, chunk: int = CHUNK
) -> int:
    """Copy one file of a sample with some branches replaced or added.

    Parameters
    ----------
    sample
        Its tree gets the branches; other trees of the file are copied as they are.
    file
        Place of the file in the sample.
    target
        The copy; it is there when it is whole, and nothing is written over.
    columns
        Branch to expression of the sample. A branch that exists keeps its place and type; a new
        one is of double precision, at the end.
    chunk
        Entries at a time; the content does not depend on it.

    Returns
    -------
    int
        Entries of the sample's tree.

    Raises
    ------
    BadParameters
        If the target is the original.
    OutputNotWritable
        If the target is there already, or cannot be written.
    UnreadableFile
        If the file has no such tree, or branches that cannot be copied unchanged.
    UnknownVariable
        If an expression names what the file lacks.
    """
    import uproot

    path = Path(sample.files[file])
    if target.resolve() == path.resolve():
        raise BadParameters(f"{target} is the original, which is never changed; copy elsewhere")
    if target.exists():
        raise OutputNotWritable(f"{target} is there already; remove it first, or copy elsewhere")
    bound = {branch: sample.bind(text) for branch, text in columns.items()}
    recipe = sample.recipe(bound.values())
    sample.source.entries(file, recipe.branches)

    with uproot.open(path) as source:
        trees = {
            name: source[name]
            for name, kind in source.classnames(cycle=False).items()
            if kind == "TTree"
        }
        main = sample.tree or next(iter(trees), "")
        if main not in trees:
            raise UnreadableFile(f"{str(path)!r} has no tree {main!r}")
        types = {name: _types(tree, path) for name, tree in trees.items()}
        added = {branch: np.dtype(np.float64) for branch in columns}
        types[main] = types[main] | (added | {b: types[main][b] for b in added if b in types[main]})
        with (
            _whole(target) as beside,
            uproot.recreate(beside, compression=source.file.compression) as made,
        ):
            for name, tree in trees.items():
                out = made.mktree(name, types[name], title=tree.title)
                for start in range(0, tree.num_entries, chunk):
                    stop = min(start + chunk, tree.num_entries)
                    block = tree.arrays(entry_start=start, entry_stop=stop, library="np")
                    if name == main:
                        read = recipe.read(sample.source, Block(file, start, stop))
                        new = {each: one.evaluate(read) for each, one in bound.items()}
                        block |= {each: one.astype(types[main][each]) for each, one in new.items()}
                    out.extend(block)
            _copy_rest(source, made, trees, path)
        return int(trees[main].num_entries)


def _types(tree: Any, path: Path) -> dict[str, np.dtype[Any]]:
    """Type of each branch of a tree, all of which must be plain numbers."""
    import uproot

    types = {}
    for name, branch in tree.items(recursive=False):
        kind = branch.interpretation
        if not isinstance(kind, uproot.AsDtype):
            message = (
                f"{str(path)!r}: branch {name!r} is a {branch.typename}, which cannot be copied "
                "unchanged; copies are made of flat ntuples of numbers"
            )
            raise UnreadableFile(message)
        types[name] = kind.to_dtype
    return types


def _copy_rest(source: Any, made: Any, trees: Mapping[str, Any], path: Path) -> None:
    """Copy histograms and other objects; what uproot cannot write is told."""
    kinds = source.classnames(cycle=False)
    for name, kind in kinds.items():
        if name in trees or kind.startswith("TDirectory"):
            continue
        try:
            made[name] = source[name]
        except (NotImplementedError, TypeError, ValueError) as error:
            log.warning("%s: %s %r is not in the copy: %s", path.name, kind, name, error)


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Give a name beside `target`, which becomes it at the end and vanishes on any error."""
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(target)
    except OSError as error:
        message = f"{target} cannot be written ({error}): make room, or choose another folder"
        raise OutputNotWritable(message) from error
    finally:
        beside.unlink(missing_ok=True)
