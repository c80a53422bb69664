"""A stage's notebook: give it its parameters, execute it, and tell what went wrong."""

from __future__ import annotations

import errno
import math
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from hepnb import errors
from hepnb.errors import (
    BadParameters,
    CellFailed,
    HepnbError,
    KernelDied,
    NotebookIncomplete,
    OutputNotWritable,
    RunTimeout,
)
from hepnb.runner.engine import ENGINE, Execution, kernel_environment
from hepnb.stages import Stage

__all__ = ("execute",)

_TRACEBACK_LINES = 6
_PREVIEW_LINES = 5
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# cells that nbclient does not execute on purpose
_SKIPPED = "skip-execution"


def __dir__() -> tuple[str, ...]:
    return __all__


def execute(
    stage: Stage,
    fingerprint: str,
    work: Path,
    *,
    timeout: float | None = None,
    progress: bool | None = None,
) -> None:
    """Execute a stage's notebook into ``work/notebook.ipynb``.

    Parameters
    ----------
    stage
        With its validated parameters.
    fingerprint
        Of the run; the products carry it.
    work
        Directory that the notebook writes its products into.
    timeout
        Seconds that one cell may take.
    progress
        True for a bar, False for nothing, None for what fits.

    Raises
    ------
    CellFailed
        A cell raised an error; one of hepnb's own is raised as what it is.
    NotebookIncomplete
        Some cell was not executed.
    KernelDied, RunTimeout
        The kernel was killed or could not be started; a cell took too long.
    OutputNotWritable
        A cell met a full disk.
    """
    notebook = _with_parameters(stage)
    bar = _shows_bar() if progress is None else progress
    execution = Execution(
        name=stage.name(),
        notebook=work / "notebook.ipynb",
        log_file=work / "kernel.log",
        environment=kernel_environment(HEPNB_RUN_DIR=str(work), HEPNB_FINGERPRINT=fingerprint),
        lines=progress is None and not bar,
    )
    try:
        papermill.execute_notebook(
            notebook,
            None,
            engine_name=ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar={"desc": stage.name(), "unit": "cell", "leave": False} if bar else False,
            execution_timeout=math.ceil(timeout) if timeout else None,
            execution=execution,
        )
    except PapermillExecutionError as error:
        raise _cell_error(execution, error) from None
    except DeadKernelError:
        raise _dead_kernel(execution) from None
    except CellTimeoutError:
        raise _too_slow(execution, timeout) from None
    except (RuntimeError, TimeoutError) as error:
        if execution.ready:
            raise
        message = f"the kernel could not be started: {error}{_last_words(execution)}"
        raise KernelDied(message) from error
    finally:
        if execution.log_file.exists() and not execution.log_file.stat().st_size:
            execution.log_file.unlink()
    _check_complete(execution.nb)


def _with_parameters(stage: Stage) -> Any:
    path = stage.notebook_path()
    notebook = load_notebook_node(str(path))
    if not any("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells):
        # papermill would put them at the top, and the notebook's own values would overwrite them
        message = f"{path.name} has no cell tagged 'parameters'; tag the cell that sets them"
        raise BadParameters(message)
    return parameterize_notebook(
        notebook,
        stage.model_dump(mode="json"),
        comment=f"Parameters of this run of {stage.name()}",
        kernel_name="python3",
        language="python",
    )


def _check_complete(notebook: Any) -> None:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if any(each.get("ename") == "SystemExit" for each in cell.outputs):
            message = f"{_place(notebook, index)} left the notebook with sys.exit()"
            raise NotebookIncomplete(message)
        if cell.execution_count is None and _SKIPPED not in cell.metadata.get("tags", []):
            message = f"{_place(notebook, index)} was never executed"
            raise NotebookIncomplete(message)


def _place(notebook: Any, index: int) -> str:
    """Name a code cell by its number, as its In[] will say, and by the heading above it."""
    codes = [each for each in notebook.cells[:index] if each.cell_type == "code"]
    number = 1 + sum(bool(each.source.strip()) for each in codes)
    heading = _heading_of(notebook, index)
    return f"cell {number} ({heading!r})" if heading else f"cell {number}"


def _cell_error(execution: Execution, error: PapermillExecutionError) -> HepnbError:
    # papermill has put a banner above the cells, so that its own count is one short
    cells = [each for each in execution.nb.cells if _is_ours(each)]
    execution.nb.cells = cells
    index = next(i for i, each in enumerate(cells) if _failed(each))
    place = _place(execution.nb, index)
    if error.ename == "OSError" and f"[Errno {errno.ENOSPC}]" in error.evalue:
        return OutputNotWritable(f"{error.evalue}; make room there ({place})")
    kind = getattr(errors, error.ename, None)
    if isinstance(kind, type) and issubclass(kind, HepnbError):
        return kind(f"{error.evalue} ({place})")
    tail = "\n".join(f"  {line}" for line in _tail(error.traceback))
    return CellFailed(f"{place} raised {error.ename}: {error.evalue}\n{tail}".rstrip())


def _is_ours(cell: Any) -> bool:
    return "papermill-error-cell-tag" not in cell.metadata.get("tags", [])


def _failed(cell: Any) -> bool:
    return any(each.output_type == "error" for each in cell.get("outputs", []))


def _tail(traceback: Sequence[str]) -> list[str]:
    lines = _COLOUR.sub("", "\n".join(traceback)).splitlines()
    return [line for line in lines if line.strip()][-_TRACEBACK_LINES:]


def _dead_kernel(execution: Execution) -> KernelDied:
    status = execution.exit_status
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        how = f"was killed by {name}"
        if -status == signal.SIGKILL:
            how += ", most often for want of memory"
    else:
        how = f"died (exit status {status})" if status is not None else "died"
    place = _where(execution)
    return KernelDied(f"the kernel {how} in {place}{_last_words(execution)}")


def _too_slow(execution: Execution, timeout: float | None) -> RunTimeout:
    index = execution.cell or 0
    lines = execution.nb.cells[index].source.splitlines()
    preview = "\n".join(f"  {line}" for line in lines[:_PREVIEW_LINES])
    more = "\n  ..." if len(lines) > _PREVIEW_LINES else ""
    limit = f"{timeout:g} s" if timeout else "the limit"
    message = f"{_where(execution)} took longer than {limit}; allow more with --timeout\n{preview}"
    return RunTimeout(message + more)


def _where(execution: Execution) -> str:
    return _place(execution.nb, execution.cell or 0)


def _last_words(execution: Execution) -> str:
    """Last lines that the kernel process wrote outside any cell, such as a crash report."""
    try:
        text = execution.log_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if line.strip()][-_TRACEBACK_LINES:]
    return "".join(f"\n  {line}" for line in lines)


def _heading_of(nb: Any, index: int) -> str:
    """Name a cell by the last heading above it, or by its identifier."""
    for cell in reversed(nb.cells[:index]):
        found = re.findall(r"^#+\s+(.+)$", cell.source, flags=re.MULTILINE)
        if cell.cell_type == "markdown" and found:
            return str(found[-1]).strip()
    return str(nb.cells[index].get("id", ""))


def _shows_bar() -> bool:
    """Tell whether somebody watches: a terminal, or a notebook."""
    if sys.stderr.isatty():
        return True
    shell = sys.modules.get("IPython")
    return shell is not None and "IPKernelApp" in getattr(shell.get_ipython(), "config", {})
