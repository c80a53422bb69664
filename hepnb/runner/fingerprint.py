"""Same parameters, inputs and code: same fingerprint."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import subprocess
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import hepnb
from hepnb.runner.files import sha256, sha256_of_inputs
from hepnb.runner.record import Code, Identity, InputFile
from hepnb.stages import Stage

__all__ = ("identify", "mark")

_SOURCES = (".py", ".yaml", ".json", ".css")


def __dir__() -> tuple[str, ...]:
    return __all__


def identify(stage: Stage) -> Identity:
    """Find out what a run of this stage would be, now and here.

    Git's commit is recorded, but what enters the fingerprint is the content of the sources: an
    edit that is not committed is other code, and a commit of something else is not.

    Parameters
    ----------
    stage
        With its validated parameters.

    Returns
    -------
    Identity
        With the fingerprint.

    Raises
    ------
    UnreadableFile
        An input is missing or cannot be read.
    """
    parameters = stage.model_dump(mode="json")
    inputs = _inputs([str(each) for each in stage.input_files()])
    code = _code(stage)
    content = {
        "stage": stage.name(),
        "parameters": parameters,
        "inputs": [each.sha256 or each.name for each in inputs],
        "code": [code.version, code.sources, code.notebook],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Identity(stage.name(), parameters, inputs, code, digest)


def mark(fingerprint: str) -> str:
    """Words by which a file names its run; `hepnb.runner.trace` looks for them in any format."""
    return f"hepnb-fingerprint:{fingerprint}"


def _inputs(addresses: Sequence[str]) -> list[InputFile]:
    local = {each: Path(each) for each in addresses if "://" not in each}
    digests = dict(zip(local, sha256_of_inputs(list(local.values())), strict=True))
    names = dict(zip(local, _names(list(local.values())), strict=True))
    return [
        InputFile(name=names[each], size=local[each].stat().st_size, sha256=digests[each])
        if each in local
        else InputFile(name=each)
        for each in addresses
    ]


def _names(paths: Sequence[Path]) -> list[str]:
    """Paths below the current folder as they are; of others only what tells them apart."""
    absolute = [path.absolute() for path in paths]
    here = Path.cwd()
    outside = [path.parent for path in absolute if not path.is_relative_to(here)]
    shared = os.path.commonpath(outside) if outside else here
    return [
        path.relative_to(here if path.is_relative_to(here) else shared).as_posix()
        for path in absolute
    ]


def _code(stage: Stage) -> Code:
    package = Path(inspect.getfile(hepnb)).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in _SOURCES and "notebooks" not in path.relative_to(package).parts:
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    for path in _sources_outside(stage, package):
        digest.update(path.read_bytes())
    for point in sorted(entry_points(group="hepnb.variables"), key=lambda each: each.name):
        version = point.dist.version if point.dist else ""
        digest.update(f"{point.name}={point.value} {version}".encode())
    commit, dirty = _git(package.parent)
    return Code(
        version=hepnb.__version__,
        sources=digest.hexdigest(),
        notebook=sha256(stage.notebook_path()),
        commit=commit,
        dirty=dirty,
    )


def _sources_outside(stage: Stage, package: Path) -> list[Path]:
    """Modules of a stage of another package, or of a notebook cell's file."""
    found: dict[Path, None] = {}
    for each in type(stage).__mro__:
        try:
            path = Path(inspect.getfile(each))
        except (TypeError, OSError):  # built in, or typed at a prompt
            continue
        if issubclass(each, Stage) and path.is_file() and not path.is_relative_to(package):
            found[path] = None
    return list(found)


def _git(checkout: Path) -> tuple[str | None, bool | None]:
    if not (checkout / ".git").exists():  # installed, perhaps below somebody else's repository
        return None, None
    try:
        commit = _git_output(checkout, "rev-parse", "HEAD")
        status = _git_output(checkout, "status", "--porcelain", "--", "hepnb", "notebooks")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(status)


def _git_output(checkout: Path, *arguments: str) -> str:
    # a status must not take the lock that somebody's commit needs
    command = ["git", "--no-optional-locks", "-C", str(checkout), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()
