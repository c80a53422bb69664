"""What the command line prints: tables for people, JSON for programs."""

from __future__ import annotations

import inspect
import json
import logging
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args, get_origin

import typer

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.runner import Run, Trace
    from hepnb.stages import Stage

__all__ = (
    "ToStderr",
    "print_frame",
    "print_json",
    "print_run",
    "print_trace",
    "stage_facts",
    "table",
    "terminable",
    "text",
    "trace_facts",
)

_LOG_WIDTH = 120


def __dir__() -> tuple[str, ...]:
    return __all__


class ToStderr(logging.Handler):
    """Plain lines on whatever standard error is now."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        typer.echo(self.format(record), err=True)


def print_json(content: Any) -> None:
    """Print JSON."""
    typer.echo(json.dumps(content, indent=2))


def text(value: Any) -> str:
    """Write a value as a person would type it on the command line."""
    if value is None:
        return ""
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, Mapping):
        return json.dumps(dict(value), default=str)
    plain = value.item() if hasattr(value, "item") else value  # numpy's numbers as Python's
    return json.dumps(plain, default=str)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; its cells are plain text, whatever brackets they hold."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    content = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    content.show_header, content.header_style = any(header), "bold"
    for number, name in enumerate(header):
        content.add_column(name, overflow="fold", no_wrap=number == 0)
    for row in rows:
        content.add_row(*map(Text, row))
    # a pipe or a log has no width of its own
    Console(width=None if sys.stdout.isatty() else _LOG_WIDTH).print(content)


def print_frame(frame: pd.DataFrame) -> None:
    """Print a DataFrame; what is missing is left blank."""
    blank = frame.isna()
    rows = [
        tuple("" if missing else text(cell) for cell, missing in zip(row, gaps, strict=True))
        for row, gaps in zip(
            frame.itertuples(index=False), blank.itertuples(index=False), strict=True
        )
    ]
    table(tuple(frame.columns), rows)


def stage_facts(stage: type[Stage]) -> dict[str, Any]:
    """Describe a stage as JSON values: name, title, notebook, parameters and products."""
    defaults = stage().model_dump(mode="json")
    return {
        "name": stage.name(),
        "title": stage.title,
        "notebook": stage.notebook,
        "parameters": [
            {
                "name": name,
                "type": _type_name(field.annotation),
                "default": defaults[name],
                "unit": _extra(field.json_schema_extra).get("unit", ""),
                "description": field.description or "",
            }
            for name, field in stage.model_fields.items()
        ],
        "products": dict(stage.products),
    }


def print_run(run: Run) -> None:
    """Say where a run lies, and its numbers."""
    rows = [
        (name, _value(each.value), _spread(each.uncertainty), each.unit, each.status)
        for name, each in run.result.numbers.items()
    ]
    if rows:
        table(("number", "value", "uncertainty", "unit", "status"), rows)
    typer.echo(f"{'found' if run.found else 'finished'}: {_near(run.directory)}")


def trace_facts(found: Trace) -> dict[str, Any]:
    """Describe the origin of a file as JSON values."""
    return {
        "file": str(found.file),
        "how": found.how,
        "fingerprint": found.fingerprint,
        "directory": str(found.directory) if found.directory else None,
        "record": found.record.model_dump(mode="json") if found.record else None,
    }


def print_trace(found: Trace) -> None:
    """Say which run, parameters, inputs and code made a file."""
    how = {
        "checksum": "is a product of",
        "mark": "names",
        "name": "has been changed since it was written by",
    }[found.how]
    typer.echo(f"{found.file} {how} run {found.fingerprint[:12]}")
    record = found.record
    if record is None or found.directory is None:
        typer.echo("its run was not found; name the folder of the runs with --runs")
        return
    code = f"hepnb {record.code.version}"
    if record.code.commit:
        code += f", commit {record.code.commit[:12]}{' with changes' if record.code.dirty else ''}"
    rows = [
        ("stage", record.stage),
        ("run", str(_near(found.directory))),
        ("made", f"{record.start:%Y-%m-%d %H:%M:%S} UTC, {record.status}"),
        ("code", code),
        *((f"-p {name}", text(value)) for name, value in record.parameters.items()),
        *((f"input {each.name}", (each.sha256 or "remote")[:12]) for each in record.inputs),
    ]
    table(("", ""), rows)


@contextmanager
def terminable() -> Iterator[None]:
    """Let a batch system that ends a job end its kernel too, and keep what was written."""

    def leave(*_: object) -> NoReturn:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("hepnb: interrupted", err=True)
        raise typer.Exit(128 + signal.SIGINT) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    return inspect.formatannotation(annotation).replace("NoneType", "None")


def _extra(extra: Any) -> Mapping[str, Any]:
    return extra if isinstance(extra, Mapping) else {}


def _value(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.6g}"


def _spread(spread: float | tuple[float | None, float | None] | None) -> str:
    if spread is None:
        return ""
    if isinstance(spread, tuple):
        down, up = spread
        return f"-{_value(down)} +{_value(up)}"
    return _value(spread)


def _near(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
