"""Where a run goes: nothing half-written is ever seen there, and nothing foreign is lost."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hepnb.errors import OutputNotWritable
from hepnb.runner.files import sha256, writing
from hepnb.runner.record import RECORD, Product, read_record

__all__ = ("Place", "claim", "discard", "keep_failed", "products_of", "publish_directory")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Place:
    """The directory of a run, before it is made.

    Attributes
    ----------
    directory
        Absolute.
    force
        Whether another run that is there gives way.
    """

    directory: Path
    force: bool

    def check_free(self) -> None:
        """Refuse a directory that holds anything but a run, or a run that is not given up.

        Raises
        ------
        OutputNotWritable
            Naming what is there and the remedy.
        """
        if not self.directory.exists() or not any(self.directory.iterdir()):
            return
        record = read_record(self.directory)
        if record is None:
            message = f"{self.directory} holds files that are no run of hepnb; choose another"
            raise OutputNotWritable(message)
        if not self.force:
            message = (
                f"{self.directory} holds another run of {record.stage} (other parameters, inputs"
                " or code); choose another directory, or replace it with --force (force=True)"
            )
            raise OutputNotWritable(message)

    @contextmanager
    def working(self) -> Iterator[Path]:
        """Make the directory that the run writes into, after those of dead runs are gone."""
        parent, prefix = self.directory.parent, f".{self.directory.name}.partial-"
        with writing(parent):
            for left_over in list(parent.iterdir()):
                if left_over.name.startswith(prefix):
                    discard(left_over)  # we hold the lock: nobody is at work there
            work = parent / f"{prefix}{uuid.uuid4().hex[:8]}"
            work.mkdir()
        try:
            yield work
        finally:
            discard(work)


def claim(out: str | Path, *, force: bool) -> Place:
    """Check that a directory can be made before any work starts.

    Parameters
    ----------
    out
        Where the run goes.
    force
        Whether another run that is there gives way.

    Returns
    -------
    Place
        The place; nothing is made there yet.

    Raises
    ------
    OutputNotWritable
        It cannot be made or written.
    """
    directory = Path(out).absolute()
    if directory.is_symlink():  # a link to scratch space stays a link
        directory = directory.resolve()
    with writing(directory):
        directory.parent.mkdir(parents=True, exist_ok=True)
        if directory.exists() and not directory.is_dir():
            message = f"{directory} is a file; choose another directory"
            raise OutputNotWritable(message)
    if not os.access(directory.parent, os.W_OK | os.X_OK):
        message = f"{directory.parent} cannot be written: permission denied; choose another"
        raise OutputNotWritable(message)
    return Place(directory, force)


def products_of(work: Path) -> dict[str, Product]:
    """Every file of a run but its record, with its checksum."""
    files = sorted(path for path in work.rglob("*") if path.is_file() and path.name != RECORD)
    return {
        path.relative_to(work).as_posix(): Product(size=path.stat().st_size, sha256=sha256(path))
        for path in files
    }


def publish_directory(place: Place, work: Path) -> None:
    """Put a whole run in its place, by renaming.

    Files that somebody else has put into an older run are carried over.
    """
    directory = place.directory
    older = directory.with_name(f".{directory.name}.older-{uuid.uuid4().hex[:8]}")
    if directory.exists():
        directory.rename(older)
    try:
        work.rename(directory)
    except BaseException:
        if older.exists():
            older.rename(directory)
        raise
    if older.exists():
        _carry_over(older, directory)
        discard(older)
    _remove_failed(_failed(directory))


def keep_failed(place: Place, work: Path) -> Path:
    """Keep a failed run beside its directory, in place of an older failure."""
    kept = _failed(place.directory)
    if not _remove_failed(kept):
        kept = kept.with_name(f"{kept.name}-{uuid.uuid4().hex[:8]}")
    work.rename(kept)
    return kept


def discard(path: Path) -> None:
    """Remove a directory of ours, whatever is left of it."""
    shutil.rmtree(path, ignore_errors=True)


def _failed(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.failed")


def _remove_failed(kept: Path) -> bool:
    """Remove a failed run; False when something else has that name."""
    if not kept.exists():
        return True
    if read_record(kept) is None:
        return False
    discard(kept)
    return True


def _carry_over(older: Path, directory: Path) -> None:
    record = read_record(older)
    own = {RECORD, *(record.products if record else ())}
    for path in sorted(older.rglob("*")):
        name = path.relative_to(older).as_posix()
        target = directory / name
        if path.is_file() and name not in own and not target.exists():
            with suppress(OSError):
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
