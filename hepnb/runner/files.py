"""Files that are whole or not there, and their checksums."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from hepnb.errors import OutputNotWritable, UnreadableFile

__all__ = ("sha256", "sha256_of_inputs", "write_bytes", "write_text", "writing")

_BLOCK = 1 << 20
_SETTLED = 2.0  # seconds after which a file's time stamp tells one content from the next
_THREADS = 4
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def __dir__() -> tuple[str, ...]:
    return __all__


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system error into `OutputNotWritable` with its remedy.

    Parameters
    ----------
    path
        What is being written.

    Raises
    ------
    OutputNotWritable
        The disk or the quota is full, or `path` cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "make room there" if error.errno in _NO_ROOM else "choose another directory"
        message = f"{path} cannot be written: {reason}; {remedy}"
        raise OutputNotWritable(message) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file through a temporary neighbour, so that it is never seen half-written."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 through a temporary neighbour."""
    write_bytes(path, text.encode())


def sha256(path: Path) -> str:
    """Checksum of a file's content, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_inputs(paths: Sequence[Path], cache: Path | None = None) -> list[str]:
    """Checksums of input files, which may be large.

    A checksum is remembered by path, modification time and size, so that the files of a
    collection are read once, not once for every run.

    Parameters
    ----------
    paths
        The files.
    cache
        Folder of the remembered checksums; by default below ``$HEPNB_CACHE`` or the user's cache.

    Returns
    -------
    list of str
        In the order of `paths`.

    Raises
    ------
    UnreadableFile
        A file is missing or cannot be read.
    """
    folder = cache or _cache_folder()
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda path: _remembered(path, folder), paths))


def _cache_folder() -> Path:
    if named := os.environ.get("HEPNB_CACHE"):
        return Path(named) / "checksums"
    import platformdirs

    return platformdirs.user_cache_path("hepnb") / "checksums"


def _remembered(path: Path, folder: Path) -> str:
    path = path.resolve()
    try:
        before = path.stat()
        # one small file for each input: a thousand jobs share the folder without a lock
        note = folder / hashlib.sha256(os.fsencode(path)).hexdigest()
        key = [before.st_mtime_ns, before.st_size]
        known = _read_note(note)
        if known is not None and known[:2] == key:
            return str(known[2])
        digest = sha256(path)
        after = path.stat()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise UnreadableFile(message) from error
    unchanged = [after.st_mtime_ns, after.st_size] == key
    # a file written just now may change again within the resolution of its time stamp
    if unchanged and time.time() - after.st_mtime > _SETTLED:
        with suppress(OSError):  # the cache only saves time
            folder.mkdir(parents=True, exist_ok=True)
            write_text(note, json.dumps([*key, digest]))
    return digest


def _read_note(note: Path) -> list[int | str] | None:
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError):
        return None
    valid = isinstance(known, list) and len(known) == 3 and isinstance(known[2], str)
    return known if valid and re.fullmatch(r"[0-9a-f]{64}", known[2]) else None
