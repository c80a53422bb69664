"""The command line: `hepnb ...`."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from hepnb import category_command, overview_commands
from hepnb.console import (
    ToStderr,
    print_frame,
    print_json,
    print_run,
    print_trace,
    stage_facts,
    table,
    terminable,
    text,
    trace_facts,
)
from hepnb.errors import HepnbError

__all__ = ("app", "main")

log = logging.getLogger("hepnb")


def __dir__() -> tuple[str, ...]:
    return __all__


class _ShowByDefault(TyperGroup):
    """A group whose first word may be the argument of its command ``show``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


_OPTIONS: dict[str, Any] = {"no_args_is_help": True, "add_completion": False}
app = typer.Typer(
    **_OPTIONS, pretty_exceptions_enable=False, help="Analysis stages of high-energy physics."
)
collections = typer.Typer(cls=_ShowByDefault, help="Collections of data and simulation.")
samples = typer.Typer(**_OPTIONS, help="Samples with known truth.")
data = typer.Typer(**_OPTIONS, help="Open data.")
app.add_typer(collections, name="collections")
app.add_typer(samples, name="samples")
app.add_typer(data, name="data")
overview_commands.register(app)
category_command.register(app)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Site = Annotated[
    str | None, typer.Option(help="local, kekcc, naf, or the path of a catalogue file.")
]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit status.

    0 success, 1 the stage failed, 2 bad parameters or usage, 3 the kernel died or ran out of
    time, 130 interrupted, 143 terminated.
    """
    try:
        app(list(arguments) if arguments is not None else None, prog_name="hepnb")
    except HepnbError as error:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("traceback", exc_info=error)
        typer.echo(f"hepnb: {type(error).__name__}: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(0)


@app.callback()
def _every_command(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    log.setLevel(logging.DEBUG if debug else logging.INFO)
    if not any(isinstance(each, ToStderr) for each in log.handlers):
        log.addHandler(ToStderr())


@app.command("list")
def list_stages(as_json: AsJson = False) -> None:
    """List the stages."""
    from hepnb.stages import all_stages

    stages = all_stages()
    if as_json:
        print_json([stage_facts(each) for each in stages.values()])
    else:
        table(("stage", "gives"), [(name, each.title) for name, each in stages.items()])


@app.command()
def show(stage: str, as_json: AsJson = False) -> None:
    """Explain a stage: its parameters and products."""
    from hepnb.stages import find

    kind = find(stage)
    facts = stage_facts(kind)
    if as_json:
        print_json(facts)
        return
    typer.echo(f"{stage}: {kind.title}\n{(kind.__doc__ or '').strip()}\n")
    columns = ("name", "type", "default", "unit", "description")
    table(columns, [tuple(text(each[key]) for key in columns) for each in facts["parameters"]])
    table(("product", "holds"), list(kind.products.items()))


@app.command("run")
def run_stage(
    stage: str,
    *,
    parameter: Annotated[
        list[str], typer.Option("-p", "--parameter", help="name=value; may be repeated.")
    ] = [],  # noqa: B006 -- typer reads it once
    file: Annotated[Path | None, typer.Option("-f", "--file", help="Parameters as YAML.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Directory of the run.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run again, replacing a run.")] = False,
    timeout: Annotated[float | None, typer.Option(help="Seconds that a cell may take.")] = None,
) -> None:
    """Run a stage headless; a run that is there already is not repeated."""
    from hepnb.runner.parameters import read_parameters
    from hepnb.stages import find

    kind = find(stage)
    base = read_parameters(file) if file else {}
    asked = kind.from_strings(parameter, base=base)
    from hepnb.runner import run

    with terminable():
        print_run(run(asked, out, force=force, timeout=timeout))


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the demo.")] = Path(
        "runs/demo"
    ),
    events: Annotated[int | None, typer.Option(min=1000, help="Candidates per study.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run again.")] = False,
) -> None:
    """Run the chain of stages on the embedded samples, and write a page that shows it."""
    from hepnb.runner.demo import demo as run_demo

    with terminable():
        typer.echo(run_demo(out, events=events, force=force))


@app.command()
def trace(
    file: Path,
    runs: Annotated[list[Path], typer.Option(help="Folder of runs; may be repeated.")] = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Find the run, the parameters, inputs and code that made a figure or table."""
    from hepnb.runner import trace as find_run

    found = find_run(file, runs)
    if as_json:
        print_json(trace_facts(found))
    else:
        print_trace(found)
    if found.record is None:
        raise typer.Exit(1)


@app.command()
def lab(
    notebook: Annotated[str | None, typer.Argument(help="A file, or a stage to copy here.")] = None,
    port: Annotated[int | None, typer.Option(help="By default the first free one.")] = None,
    browser: Annotated[bool | None, typer.Option(help="Whether to open a browser.")] = None,
) -> None:
    """Start JupyterLab for yourself only, and say how to reach it."""
    from hepnb.runner.lab import prepare

    server = prepare(notebook, port=port, browser=browser)
    typer.echo("On another computer, first forward the port:\n")
    typer.echo(f"    {server.forwarding}\n\nThen open:\n\n    {server.address}\n")
    sys.stdout.flush()
    raise typer.Exit(subprocess.call(server.command, env=server.environment))


@app.command()
def variables() -> None:
    """List the meta-variables that every cut and axis may use."""
    from hepnb.data.variables import manager

    described = manager.describe()
    table(described[0]._fields, [tuple(map(text, each)) for each in described])


@collections.command("show")
def show_collections(
    name: Annotated[str | None, typer.Argument(help="One collection.")] = None,
    site: Site = None,
    entries: Annotated[bool, typer.Option(help="Count entries, which opens all files.")] = False,
) -> None:
    """List the collections, or the studies of one with their variables."""
    from hepnb.data.catalogue import catalogue

    found = catalogue(site) if site else catalogue()
    if name is None:
        print_frame(found.describe(entries=entries))
        return
    collection = found[name]
    for fact in ("kind", "energy", "luminosity", "process"):
        typer.echo(f"{fact}: {text(getattr(collection, fact))}")
    studies = collection.describe()
    print_frame(studies)
    for study in studies["study"][studies["status"] == "ok"]:
        typer.echo(f"variables of {study}: {', '.join(collection.study(study).columns)}\n")


@collections.command()
def scan(
    folder: Path,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Catalogue file.")] = None,
) -> None:
    """Write a catalogue of the data files in a folder."""
    from hepnb.data.scan import scan as scan_folder

    found = scan_folder(folder)
    if out is None:
        typer.echo(found.to_yaml())
        return
    from hepnb.runner.files import write_text, writing

    with writing(out):
        write_text(out, found.to_yaml())
    print_frame(found.summary)
    for reason in found.unreadable.values():
        typer.echo(f"left out: {reason}", err=True)
    typer.echo(out)


@samples.command()
def make(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder.")],
    events: Annotated[int, typer.Option(min=1, help="Candidates per study.")] = 200_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 1,
    factorising: Annotated[
        bool,
        typer.Option(
            "--factorising/--not-factorising",
            help="Whether the background's mass shape is the same at every momentum.",
        ),
    ] = True,
) -> None:
    """Write the calibration samples: ROOT files, their catalogue and their truth."""
    from hepnb.data.samples import make as make_samples

    typer.echo(make_samples(out, events=events, seed=seed, factorising=factorising))


@data.command()
def fetch(name: str) -> None:
    """Download open data, checked by sha256."""
    from hepnb.data import open_data

    for path in open_data.fetch(name):
        typer.echo(path)
