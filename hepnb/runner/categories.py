"""Run the f-test of every category: one run each, several at a time, and one table of all."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepnb.errors import BadParameters, HepnbError, MissingExtra
from hepnb.runner.files import write_text, writing
from hepnb.runner.run import run
from hepnb.stages import find

if TYPE_CHECKING:
    from hepnb.background.legacy_config import CategoryJob, LegacyConfig

__all__ = ("CategoryRun", "batch_client", "run_categories")

log = logging.getLogger(__name__)

TABLE = "fTest.dat"
SUMMARY = "categories.json"
_SUBMITS = {"HTCondorCluster": "condor_submit", "SGECluster": "qsub"}


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class CategoryRun:
    """The f-test of one category.

    Attributes
    ----------
    category, number
        Name, and number of its block ``cat=<N>`` in the table.
    directory
        Of the run.
    status
        ``finished``, ``found`` (it had been there already) or ``failed``.
    best
        Best function; empty if there is none.
    error
        What went wrong: kind and message.
    exit_code
        0, or that of the command that would have failed.
    seconds
        That it took.
    """

    category: str
    number: int
    directory: Path
    status: str
    best: str = ""
    error: str = ""
    exit_code: int = 0
    seconds: float = 0.0


def run_categories(
    source: str | Path,
    out: str | Path | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    client: Any = None,
    force: bool = False,
    timeout: float | None = None,
) -> tuple[CategoryRun, ...]:
    """Run the stage ``ftest`` for every category; one that fails does not stop the others.

    Parameters
    ----------
    source
        A ``backgroundScriptCfg`` file (``.py``), which names the file of data, its categories and
        the number of the first; or a file of data with one tree per category.
    out
        Folder, with the run of each category in a folder of its own; the choices of all go into
        ``fTest.dat``, the table of flashggFinalFit, and what became of each into
        ``categories.json``. Default: ``outdir_<ext>`` of the configuration, or ``outdir``.
    parameters
        Of the stage, the same for all, name to value.
    jobs
        Runs at a time; default: as many as this process has processors.
    client
        A `dask.distributed.Client` on whose workers they run instead; they must see the same
        files. See `batch_client`.
    force, timeout
        As of `run`.

    Returns
    -------
    tuple of CategoryRun
        In the order of the categories.

    Raises
    ------
    BadParameters, UnreadableFile
        The configuration, a parameter or the file of data is wrong, so that nothing can run.
    """
    planned = _planned(source, parameters)
    given = jobs if jobs is not None else len(os.sched_getaffinity(0))
    if given < 1:
        raise BadParameters(f"jobs = {jobs}: give a number of runs at a time from 1")
    folder = Path(out) if out is not None else planned[0].job.out.parent
    folder = folder.absolute()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    done: dict[str, CategoryRun] = {}
    with _executor(client, min(given, len(planned))) as executor:
        waiting = [
            executor.submit(_run_one, each, folder / each.job.out.name, force, timeout)
            for each in planned
        ]
        for future in as_completed(waiting):
            each = future.result()
            done[each.category] = each
            log.info(
                "%s: %s after %.0f s (%d of %d)%s",
                each.category, each.status, each.seconds, len(done), len(planned),
                f": {each.error}" if each.error else "",
            )  # fmt: skip
    ordered = tuple(done[each.job.category] for each in planned)
    _write_tables(folder, ordered)
    return ordered


@contextmanager
def batch_client(config: LegacyConfig, jobs: int) -> Iterator[Any]:
    """Start workers as jobs of the batch system that a configuration asks for.

    Parameters
    ----------
    config
        Its ``batch`` and ``queue``: the flavour of jobs of HTCondor, the queue of SGE.
    jobs
        Workers, each with one processor.

    Yields
    ------
    dask.distributed.Client
        To be given to `run_categories`.

    Raises
    ------
    BadParameters
        Jobs cannot be submitted from this machine.
    MissingExtra
        dask-jobqueue is not installed.
    """
    submit = _SUBMITS[config.cluster]
    if shutil.which(submit) is None:
        raise BadParameters(
            f"batch = {config.batch!r} needs {submit}, which is not on this machine; submit from "
            "a host of the farm, or run here with --local"
        )
    try:
        import dask_jobqueue
        from distributed import Client
    except ImportError:
        raise MissingExtra("batch jobs need dask-jobqueue: pip install 'hepnb[batch]'") from None
    options: dict[str, Any] = {"cores": 1, "memory": "2 GB"}
    if config.cluster == "HTCondorCluster":
        options["disk"] = "1 GB"
        if config.queue:
            options["job_extra_directives"] = {"+JobFlavour": f'"{config.queue}"'}
    elif config.queue:
        options["queue"] = config.queue
    with getattr(dask_jobqueue, config.cluster)(**options) as cluster:
        cluster.scale(jobs=jobs)
        with Client(cluster) as client:
            yield client


@dataclass(frozen=True)
class _Planned:
    """A run, or why there can be none."""

    job: CategoryJob
    parameters: Mapping[str, Any]
    error: HepnbError | None = None


def _planned(source: str | Path, parameters: Mapping[str, Any] | None) -> list[_Planned]:
    from hepnb.background.categories import category_trees, file_stem
    from hepnb.background.legacy_config import (
        CategoryJob,
        LegacyConfig,
        category_jobs,
        read_legacy_config,
    )

    path = Path(source)
    config = read_legacy_config(path) if path.suffix == ".py" else LegacyConfig(data=path)
    asked = dict(parameters or {})
    find("ftest").from_values(asked)
    for name in ("data", "tree", "category"):
        if name in asked:
            raise BadParameters(f"{name} is that of each category; leave it out")
    names = tuple(category_trees(config.data)) if config.cats is None else config.cats
    if not names:
        raise BadParameters(f"{str(config.data)!r} has no category")
    planned = []
    for number, name in enumerate(names, config.cat_offset):
        one = dataclasses.replace(config, cats=(name,), cat_offset=number)
        try:
            [job] = category_jobs(one, mass=str(asked.get("mass", "")))
        except HepnbError as error:
            folder = Path(f"outdir_{config.ext}" if config.ext else "outdir")
            job = CategoryJob(name, number, folder / file_stem(name), {})
            planned.append(_Planned(job, {}, error))
        else:
            planned.append(_Planned(job, {**job.parameters, **asked}))
    return planned


@contextmanager
def _executor(client: Any, jobs: int) -> Iterator[Executor]:
    executor = ThreadPoolExecutor(jobs, "hepnb-run") if client is None else client.get_executor()
    try:
        yield executor
    except BaseException:
        # what has not begun never will; what has ends by itself
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown()


def _run_one(planned: _Planned, out: Path, force: bool, timeout: float | None) -> CategoryRun:
    job, start = planned.job, time.monotonic()
    error: Exception | None = planned.error
    status = "failed"
    if error is None:
        try:
            stage = find("ftest").from_values(planned.parameters)
            done = run(stage, out, force=force, timeout=timeout, progress=False)
            status = "found" if done.found else "finished"
        except Exception as caught:  # noqa: BLE001 -- one category stops no other
            error = caught
    return CategoryRun(
        category=job.category,
        number=job.number,
        directory=out,
        status=status,
        best="" if error else _best(out),
        error=f"{type(error).__name__}: {error}" if error else "",
        exit_code=getattr(error, "exit_code", 1) if error else 0,
        seconds=time.monotonic() - start,
    )


def _best(directory: Path) -> str:
    with suppress(OSError, KeyError, ValueError):
        choice = json.loads((directory / "ftest.json").read_text(encoding="utf-8"))["choice"]
        return str(choice["best"] or "")
    return ""


def _write_tables(folder: Path, runs: tuple[CategoryRun, ...]) -> None:
    from hepnb.background.formats import read_dat, write_dat

    whole = [each for each in runs if not each.exit_code]
    blocks = [
        dataclasses.replace(block, category=each.number)
        for each in whole
        for block in read_dat(each.directory / "ftest.dat")
    ]
    told = [{**dataclasses.asdict(each), "directory": each.directory.name} for each in runs]
    with writing(folder):
        write_text(folder / SUMMARY, json.dumps(told, indent=2) + "\n")
        if blocks:
            write_dat(blocks, folder / TABLE)
