"""Run a stage: validate, execute its notebook in a fresh kernel, check, publish."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hepnb.errors import BadParameters, BadResult, HepnbError
from hepnb.runner.directory import (
    Place,
    claim,
    keep_failed,
    products_of,
    publish_directory,
)
from hepnb.runner.files import writing
from hepnb.runner.fingerprint import identify
from hepnb.runner.lock import locked
from hepnb.runner.record import (
    Failure,
    Identity,
    Result,
    RunRecord,
    new_record,
    now,
    read_record,
    read_result,
    write_record,
)
from hepnb.stages import Stage, find

__all__ = ("Run", "load", "run")

log = logging.getLogger(__name__)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, repr=False)
class Run:
    """A finished run.

    Attributes
    ----------
    directory
        Where it lies.
    record
        How it was made (``run.json``).
    result
        Its numbers (``result.json``).
    found
        Whether it had been there already, and nothing was executed.
    """

    directory: Path
    record: RunRecord
    result: Result
    found: bool = False

    @property
    def numbers(self) -> dict[str, dict[str, Any]]:
        """Name to value, uncertainty, unit and status."""
        return {name: each.model_dump() for name, each in self.result.numbers.items()}

    def __repr__(self) -> str:
        return f"<Run of {self.record.stage} in {self.directory}: {self.record.status}>"


def run(
    stage: Stage | type[Stage] | str,
    out: str | Path | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    force: bool = False,
    timeout: float | None = None,
    progress: bool | None = None,
) -> Run:
    """Execute the notebook of a stage headless and publish what it wrote.

    A finished run with the same parameters, inputs and code in `out` is given back as it is.
    Everything is written beside `out` and renamed when it is whole; a run that fails is kept as
    ``<out>.failed``, with its notebook up to the error.

    Parameters
    ----------
    stage
        A stage with its parameters, or a class or the name of one.
    out
        Directory of the run; by default ``runs/<stage>-<start of the fingerprint>``.
    parameters
        Parameter name to value, on top of those of `stage`.
    force
        Run even if the run is there, and replace whatever run is in `out`.
    timeout
        Seconds that one cell may take; None sets no limit.
    progress
        True for a bar, False for nothing, None for a bar where somebody watches and lines in a
        log elsewhere.

    Returns
    -------
    Run
        Directory, record and numbers.

    Raises
    ------
    UnknownStage, BadParameters, UnreadableFile
        What was asked for cannot be run.
    OutputNotWritable
        `out` cannot be written, the disk is full, or `out` holds something else.
    RunInProgress
        Another run writes into `out`.
    CellFailed, NotebookIncomplete, BadResult
        The notebook failed. An error of hepnb in a cell is raised as what it is.
    KernelDied, RunTimeout
        The kernel was killed, or a cell took too long.
    """
    asked = _validated(stage, parameters)
    asked.check()
    _check_timeout(timeout)
    identity = None
    if out is None:
        identity = identify(asked)
        out = Path("runs") / f"{identity.stage}-{identity.fingerprint[:10]}"
    place = claim(out, force=force)
    directory = place.directory
    with locked(directory):
        identity = identity or identify(asked)
        if not force and (found := _found(directory, identity)):
            log.info("%s: this run is there already: %s", identity.stage, directory)
            return found
        place.check_free()
        with place.working() as work:
            record = new_record(identity, status="running")
            with _kept_if_failed(place, work, record):
                _execute(asked, record, work, timeout=timeout, progress=progress)
                _publish(place, work, record)
    return load(directory)


def load(directory: str | Path) -> Run:
    """Open a finished run.

    Parameters
    ----------
    directory
        Where it lies.

    Returns
    -------
    Run
        Its record and numbers.

    Raises
    ------
    BadResult
        There is no finished run.
    """
    place = Path(directory)
    record = read_record(place)
    if record is None or record.status not in ("finished", "interactive"):
        state = f"a run that is {record.status}" if record else "no run"
        message = f"{place} holds {state}, not a finished one"
        raise BadResult(message)
    return Run(place, record, read_result(place))


def _validated(stage: Stage | type[Stage] | str, parameters: Mapping[str, Any] | None) -> Stage:
    given = dict(parameters or {})
    if isinstance(stage, Stage):
        return type(stage).from_values({**stage.model_dump(), **given}) if given else stage
    kind = find(stage) if isinstance(stage, str) else stage
    return kind.from_values(given)


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not timeout > 0:
        message = f"timeout = {timeout!r}: a number of seconds above 0, or None for no limit"
        raise BadParameters(message)


def _found(directory: Path, identity: Identity) -> Run | None:
    """Give the finished run with this fingerprint, if it is whole."""
    record = read_record(directory)
    if record is None or record.status != "finished":
        return None
    if record.fingerprint != identity.fingerprint:
        return None
    try:
        sizes = {name: (directory / name).stat().st_size for name in record.products}
        result = read_result(directory)
    except (OSError, BadResult):
        return None
    if any(sizes[name] != product.size for name, product in record.products.items()):
        return None
    return Run(directory, record, result, found=True)


def _execute(
    stage: Stage, record: RunRecord, work: Path, *, timeout: float | None, progress: bool | None
) -> None:
    from hepnb.runner.notebook import execute

    with writing(work):
        write_record(work, record)
        execute(stage, record.fingerprint, work, timeout=timeout, progress=progress)
    result = read_result(work)
    if result.stage != record.stage or result.parameters != record.parameters:
        message = (
            f"the result is of stage {result.stage!r} with {result.parameters}, but"
            f" {record.stage!r} was run with {record.parameters}; the notebook has to use the"
            " parameters that its parameters cell is given"
        )
        raise BadResult(message)
    missing = [name for name in result.products if not (work / name).is_file()]
    if missing:
        message = f"products named in the result were not written: {', '.join(missing)}"
        raise BadResult(message)


def _publish(place: Place, work: Path, record: RunRecord) -> None:
    with writing(place.directory):
        (work / "kernel.log").unlink(missing_ok=True)
        done = {"status": "finished", "end": now(), "products": products_of(work)}
        write_record(work, record.model_copy(update=done))
        publish_directory(place, work)


@contextmanager
def _kept_if_failed(place: Place, work: Path, record: RunRecord) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        status = "failed" if isinstance(error, Exception) else "interrupted"
        name = type(error).__name__
        failure = Failure(type=name, message=_without_places(str(error)))
        update = {"status": status, "end": now(), "error": failure}
        with suppress(OSError):  # the disk may be full; the notebook is kept all the same
            update["products"] = products_of(work)
            write_record(work, record.model_copy(update=update))
        with suppress(OSError):
            kept = keep_failed(place, work)
            note = f"what it wrote is kept in {kept}"
            if isinstance(error, HepnbError):
                error.args = (f"{error}\n{note}",)
            else:
                error.add_note(note)
        raise


def _without_places(text: str) -> str:
    """Take the folders of one machine, which may hold the name of its user, out of a message."""
    return text.replace(str(Path.cwd()), ".").replace(str(Path.home()), "~")
