"""One run at a time into one directory, also on a file system that several hosts share."""

from __future__ import annotations

import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hepnb.errors import RunInProgress
from hepnb.runner.files import writing

__all__ = ("locked",)

_BEAT = 30.0  # seconds between signs of life
_SILENCE = 600.0  # seconds without a sign after which a holder on another host counts as dead


def __dir__() -> tuple[str, ...]:
    return __all__


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the right to write a run into a directory.

    The lock is a file beside the directory, made exclusively (which network file systems do
    atomically), that names host and process and is touched as long as the run lives. A lock whose
    process is gone is taken over.

    Parameters
    ----------
    directory
        Where the run goes.

    Raises
    ------
    RunInProgress
        Another run holds it.
    OutputNotWritable
        The folder of the directory cannot be written.
    """
    path = directory.with_name(f".{directory.name}.lock")
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "token": uuid.uuid4().hex}
    holder["started"] = _start_of(os.getpid())
    _acquire(path, holder, directory)
    done = threading.Event()
    beat = threading.Thread(target=_keep_alive, args=(path, done), daemon=True)
    beat.start()
    try:
        yield
    finally:
        done.set()
        beat.join()
        if _read(path).get("token") == holder["token"]:
            path.unlink(missing_ok=True)


def _acquire(path: Path, holder: dict[str, Any], directory: Path) -> None:
    for _ in range(3):
        with writing(path):
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                pass
            else:
                _write_holder(descriptor, path, holder)
                return
        other = _read(path)
        if _is_alive(path, other):
            break
        _remove_dead(path, other)
    message = f"another run is writing into {directory}"
    if other.get("host") == holder["host"]:
        message += f" (process {other.get('pid')}); wait for it, or choose another directory"
    else:
        message += (
            f" (on {other.get('host', 'an unknown host')}); wait for it, choose another"
            f" directory, or remove {path} if you know that it is dead"
        )
    raise RunInProgress(message)


def _write_holder(descriptor: int, path: Path, holder: dict[str, Any]) -> None:
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(holder, file)
    except OSError:  # a full disk: leave no lock that nobody holds
        path.unlink(missing_ok=True)
        raise


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}  # gone, or being written
    return content if isinstance(content, dict) else {}


def _is_alive(path: Path, holder: dict[str, Any]) -> bool:
    if holder.get("host") == socket.gethostname():
        pid = int(holder.get("pid", 0))
        return _start_of(pid) == holder.get("started") and _exists(pid)
    try:
        # the age by the clock of the file server, which may differ from ours
        probe = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
        probe.touch()
        age = probe.stat().st_mtime - path.stat().st_mtime
        probe.unlink()
    except OSError:
        return path.exists()
    return age < _SILENCE


def _remove_dead(path: Path, holder: dict[str, Any]) -> None:
    """Remove the lock of a dead run, unless somebody else has taken it over meanwhile."""
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    with suppress(OSError):
        path.rename(aside)
        if _read(aside).get("token") != holder.get("token"):
            os.link(aside, path)  # it was not the dead one: give it back
        aside.unlink()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _start_of(pid: int) -> str | None:
    """When a process started, so that another one with its number is told apart (Linux)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


def _keep_alive(path: Path, done: threading.Event) -> None:
    while not done.wait(_BEAT):
        with suppress(OSError):
            os.utime(path)
