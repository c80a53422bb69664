"""Execute a notebook with papermill in a fresh kernel that talks over private sockets."""

from __future__ import annotations

import asyncio
import copy
import logging
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from traitlets.config import Config

from hepnb.runner.files import write_text

__all__ = ("ENGINE", "Execution", "kernel_environment", "without_machine")

ENGINE = "hepnb"
_STARTS = 3  # attempts to start a kernel; a kernel that has started is never tried again
_SAVE_EVERY = 10.0  # seconds
_SOCKET_PATH = 80  # a longer prefix would not fit into the address of a Unix socket

log = logging.getLogger(__name__)
# what papermill and nbclient say to themselves; a failure reaches the user as an error
_quiet = logging.getLogger(f"{__name__}.client")
_quiet.setLevel(logging.CRITICAL)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass
class Execution:
    """One execution of a notebook: what it needs, and how far it has come.

    Attributes
    ----------
    name
        Of the stage, for the progress.
    notebook
        Where the executed notebook is saved.
    log_file
        Where the kernel process says what belongs to no cell, such as a crash.
    environment
        Environment variables of the kernel.
    lines
        Whether each cell is reported as a line of the log.
    cell
        Index of the cell that was started last.
    ready
        Whether the kernel has ever answered.
    exit_status
        Of a kernel that has died: negative for a signal.
    nb
        The notebook as far as it is executed.
    """

    name: str
    notebook: Path
    log_file: Path
    environment: Mapping[str, str]
    lines: bool = False
    cell: int | None = None
    ready: bool = False
    exit_status: int | None = None
    nb: Any = field(default=None, repr=False)


def kernel_environment(**more: str) -> dict[str, str]:
    """Environment of a run's kernel: that of the caller, one thread, inline figures.

    A thousand kernels on a farm must not each start as many threads as a node has cores; who
    wants more says so with OMP_NUM_THREADS.
    """
    defaults = {
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a debugger's advice that nobody asked for
    }
    return {**defaults, **os.environ, **more}


def without_machine(nb: Any) -> Any:
    """Give a copy of a notebook without papermill's notes, which name paths of one machine."""
    clean = copy.deepcopy(nb)
    for each in (clean, *clean.cells):
        each.metadata.pop("papermill", None)
        if each.metadata.get("tags") == []:
            del each.metadata["tags"]  # papermill adds them to every cell
    return clean


class _Manager(AsyncKernelManager):  # type: ignore[misc]
    """Starts a kernel with this very Python, whatever kernels the user has registered."""

    @property
    def kernel_spec(self) -> KernelSpec:
        from ipykernel.kernelspec import get_kernel_dict

        # without frozen modules, of which the debugger of ipykernel would warn
        return KernelSpec(**get_kernel_dict(python_arguments=["-Xfrozen_modules=off"]))


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """Ends a kernel at once, with all that it started, when its notebook did not get to its end."""

    execution: Execution
    km: Any
    kc: Any

    def execute(self, **kwargs: Any) -> Any:
        try:
            return super().execute(**kwargs)
        finally:
            if self.km is not None:  # an interrupt while the kernel starts leaves it behind
                self.end_kernel()
                if self.kc is not None:
                    self.kc.stop_channels()
                    self.kc = None
                self._cleanup_kernel()

    def papermill_execute_cells(self) -> None:
        try:
            super().papermill_execute_cells()
        except BaseException:
            self.end_kernel()
            raise

    def end_kernel(self) -> None:
        process = getattr(getattr(self.km, "provisioner", None), "process", None)
        if process is not None:
            self.execution.exit_status = process.poll()
            # jupyter_client would interrupt it first, and the cell could go on for a while
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)


class _Notes(NotebookExecutionManager):  # type: ignore[misc]
    """Keeps track of the cells, and saves whole notebooks only."""

    execution: Execution
    saved = 0.0

    def save(self, **_: Any) -> None:
        """Do nothing: papermill would write twice for each cell, and not atomically."""

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        super().cell_start(cell, cell_index, **kwargs)
        self.execution.cell = cell_index
        if self.execution.lines and cell.cell_type == "code":
            done = sum(each.cell_type == "code" for each in self.nb.cells[: cell_index or 0])
            total = sum(each.cell_type == "code" for each in self.nb.cells)
            log.info("%s: cell %d of %d", self.execution.name, done + 1, total)

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        super().cell_complete(cell, cell_index, **kwargs)
        if time.monotonic() - self.saved > _SAVE_EVERY:
            self._write()

    def notebook_complete(self, **kwargs: Any) -> None:
        super().notebook_complete(**kwargs)
        self._write()

    def _write(self) -> None:
        write_text(self.execution.notebook, nbformat.writes(without_machine(self.nb)) + "\n")
        self.saved = time.monotonic()


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's engine with a kernel on private sockets, in the folder of the caller.

    papermill's own ``cwd`` would change the folder of the whole process, threads and all.
    """

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        *,
        execution: Execution,
        progress_bar: bool | dict[str, Any] = False,
        execution_timeout: int | None = None,
        **_: Any,
    ) -> Any:
        notes = _Notes(nb, progress_bar=progress_bar, autosave_cell_every=0)
        notes.execution = execution
        execution.nb = nb
        notes.notebook_start()
        try:
            cls._execute(notes, execution, kernel_name, execution_timeout)
        finally:
            notes.cleanup_pbar()
            notes.notebook_complete()
        return nb

    @classmethod
    def _execute(
        cls, notes: _Notes, execution: Execution, kernel_name: str, timeout: int | None
    ) -> None:
        for attempt in range(1, _STARTS + 1):
            with _private_folder() as folder, execution.log_file.open("ab") as output:
                client = _Client(
                    notes,
                    config=_private_sockets(folder),
                    kernel_manager_class=_Manager,
                    kernel_name=kernel_name,
                    log=_quiet,
                    timeout=timeout,
                    startup_timeout=60,
                    iopub_timeout=60,
                    on_notebook_start=lambda **_: setattr(execution, "ready", True),
                )
                client.execution = execution
                environment = {**execution.environment, "IPYTHONDIR": str(folder / "ipython")}
                start = {"cwd": str(Path.cwd()), "stdout": output, "stderr": output}
                try:
                    _in_own_loop(lambda: client.execute(env=environment, **start))  # noqa: B023
                except (RuntimeError, TimeoutError) as error:
                    if execution.ready or attempt == _STARTS:
                        raise
                    log.warning("the kernel did not start (%s); trying again", error)
                else:
                    return


papermill_engines.register(ENGINE, _Engine)


def _private_sockets(folder: Path) -> Config:
    """Unix sockets in a folder of our own: no port to race for, nobody else listening."""
    config = Config()
    config.KernelManager.transport = "ipc"
    config.KernelManager.connection_file = str(folder / "kernel.json")
    config.KernelManager.ip = str(folder / "kernel-ipc")
    return config


def _in_own_loop(execute: Callable[[], object]) -> None:
    """Execute with an event loop that is closed afterwards, whatever thread this is.

    jupyter_core keeps a loop for each context and never closes it. An empty context has none yet.
    """

    def execute_and_close() -> None:
        try:
            execute()
        finally:
            loop = ensure_event_loop()
            if not loop.is_running():  # it is in a live notebook, where it is not ours
                pending = asyncio.all_tasks(loop)
                for task in pending:
                    task.cancel()
                loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
                loop.close()

    Context().run(execute_and_close)


@contextmanager
def _private_folder() -> Iterator[Path]:
    # not TemporaryDirectory: a kernel that is being killed may still write its history
    folder = tempfile.mkdtemp(prefix="hepnb-")
    if len(folder) > _SOCKET_PATH:
        Path(folder).rmdir()
        folder = tempfile.mkdtemp(prefix="hepnb-", dir="/tmp")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
