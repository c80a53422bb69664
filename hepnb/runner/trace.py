"""From a figure or table that somebody finds in a talk back to its run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hepnb.errors import UnreadableFile
from hepnb.runner.files import sha256
from hepnb.runner.record import RECORD, RunRecord, read_record

__all__ = ("Trace", "trace")

_MARK = re.compile(rb"hepnb-fingerprint:([0-9a-f]{64})")
_BLOCK = 1 << 20
_DEPTH = 6  # folders below a folder of runs


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Trace:
    """What is known about the origin of a file.

    Attributes
    ----------
    file
        The file.
    how
        ``checksum``: a run lists this very content. ``mark``: the file itself names the
        fingerprint of its run. ``name``: a run wrote a file of this name, which has been changed.
    fingerprint
        Of the run.
    directory
        Of the run; None when it was not found.
    record
        Of the run; None when it was not found.
    """

    file: Path
    how: Literal["checksum", "mark", "name"]
    fingerprint: str
    directory: Path | None = None
    record: RunRecord | None = None


def trace(file: str | Path, runs: Iterable[str | Path] = ()) -> Trace:
    """Find the run that wrote a file, wherever it has been copied to.

    Parameters
    ----------
    file
        A figure, a table, any product.
    runs
        Folders in which to look for runs, besides the file's own folder, the one above, and
        ``runs`` in the current folder.

    Returns
    -------
    Trace
        Its run, or at least its fingerprint.

    Raises
    ------
    UnreadableFile
        The file cannot be read, or nothing tells where it comes from.
    """
    path = Path(file)
    try:
        digest = sha256(path)
        marked = _marks(path)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise UnreadableFile(message) from error
    renamed = None
    for directory, record in _records(path, [Path(each) for each in runs]):
        if digest in {each.sha256 for each in record.products.values()}:
            return Trace(path, "checksum", record.fingerprint, directory, record)
        if record.fingerprint in marked:
            return Trace(path, "mark", record.fingerprint, directory, record)
        if path.name in record.products and directory == path.absolute().parent:
            renamed = Trace(path, "name", record.fingerprint, directory, record)
    if renamed is not None:
        return renamed
    if marked:
        return Trace(path, "mark", marked[0])
    message = (
        f"{path} (sha256 {digest[:12]}) names no run, and no run nearby wrote it;"
        " name the folder of the runs with --runs"
    )
    raise UnreadableFile(message)


def _marks(path: Path) -> list[str]:
    """Fingerprints that stand in a file of any format, read in blocks that overlap."""
    found: dict[str, None] = {}
    tail = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            text = tail + block
            found |= dict.fromkeys(each.decode() for each in _MARK.findall(text))
            tail = text[-128:]
    return list(found)


def _records(path: Path, runs: list[Path]) -> Iterator[tuple[Path, RunRecord]]:
    folder = path.absolute().parent
    near = [folder, folder.parent]
    seen: set[Path] = set()
    below = (each for top in [*runs, Path("runs")] for each in _runs_below(top))
    for directory in (*near, *below):
        if directory not in seen:
            seen.add(directory)
            record = read_record(directory)
            if record is not None:
                yield directory, record


def _runs_below(top: Path) -> Iterator[Path]:
    top = top.absolute()
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        if len(Path(folder).relative_to(top).parts) >= _DEPTH:
            folders.clear()
        if RECORD in files:
            yield Path(folder)
