"""From what a catalogue says of files to the files: globs, URLs and schemes."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hepnb.errors import BadCatalogue, UnreadableFile, nearest

__all__ = ("SCHEMES", "expand")


def __dir__() -> tuple[str, ...]:
    return __all__


def _open_data(name: str) -> str:
    from hepnb.data import open_data

    return str(open_data.path(name))


def _samples(name: str) -> str:
    from hepnb.data import samples

    return str(samples.ensure() / name)


SCHEMES: Mapping[str, Callable[[str], str]] = {"open-data:": _open_data, "samples:": _samples}
"""Beginning of an entry to what gives the path of the rest; both make or check files."""


def expand(
    entries: Sequence[str],
    *,
    base: Path | None,
    folders: Mapping[str, str],
    owner: str,
) -> tuple[str, ...]:
    """Give the files that entries of a catalogue stand for.

    Parameters
    ----------
    entries
        Paths, globs (``**`` for any depth), root:// URLs, or schemes. ``~``, environment variables
        and ``{FOLDER}`` are replaced.
    base
        Folder that relative paths are relative to; None stands for the working directory.
    folders
        Short name to folder.
    owner
        Collection and study that the entries belong to, for messages.

    Returns
    -------
    tuple of str
        Each file once, those of a glob sorted by name. A path without wildcards need not exist: the
        sample says so when it is checked.

    Raises
    ------
    UnreadableFile
        If a glob matches nothing.
    BadCatalogue
        If an entry names an unknown folder, or a URL has wildcards or is not root://.
    DataNotFetched
        If open data was not fetched.
    """
    found: dict[str, None] = {}
    for entry in entries:
        found |= dict.fromkeys(_expand(entry, base or Path(), folders, owner))
    return tuple(found)


def _expand(entry: str, base: Path, folders: Mapping[str, str], owner: str) -> list[str]:
    for scheme, path_of in SCHEMES.items():
        if entry.startswith(scheme):
            return [path_of(entry.removeprefix(scheme))]
    text = _in_folder(entry, folders, owner)
    if "://" in text:
        if not text.startswith(("root://", "roots://")):
            raise BadCatalogue(f"{owner}: {entry!r} is no root:// URL, the only kind supported")
        if glob.has_magic(text):
            raise BadCatalogue(f"{owner}: {entry!r} has wildcards; list the files of a server")
        return [text]
    path = base / Path(os.path.expandvars(text)).expanduser()
    # brackets occur in names of files, too
    if path.exists() or not glob.has_magic(str(path)):
        return [str(path)]
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 -- takes whole patterns
    files = [each for each in matches if not Path(each).is_dir()]
    if not files:
        raise UnreadableFile(f"{owner}: no file matches {entry!r} (looked for {str(path)!r})")
    return files


def _in_folder(entry: str, folders: Mapping[str, str], owner: str) -> str:
    if not entry.startswith("{") or "}" not in entry:
        return entry
    name, rest = entry[1:].split("}", 1)
    if name not in folders:
        known = ", ".join(folders) or "none"
        raise BadCatalogue(
            f"{owner}: {entry!r} names the folder {name!r}, which `folders` lacks; it has {known}"
            + nearest(name, folders)
        )
    return folders[name].rstrip("/") + "/" + rest.lstrip("/")
