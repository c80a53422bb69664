"""The command that runs the f-test of every category: `hepnb categories`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepnb.console import table, terminable

if TYPE_CHECKING:
    from hepnb.runner.categories import CategoryRun

__all__ = ("register",)


def __dir__() -> tuple[str, ...]:
    return __all__


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("categories")(run_all)


def run_all(
    source: Annotated[
        Path, typer.Argument(help="backgroundScriptCfg file (.py), or data with a tree each.")
    ],
    *,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder; by default outdir_<ext>.")
    ] = None,
    parameter: Annotated[
        list[str], typer.Option("-p", "--parameter", help="name=value of ftest, for all.")
    ] = [],  # noqa: B006 -- typer reads it once
    file: Annotated[Path | None, typer.Option("-f", "--file", help="Parameters as YAML.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time; by default one per processor.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Run here, whatever batch system is asked for.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Run again, replacing runs.")] = False,
    timeout: Annotated[float | None, typer.Option(help="Seconds that a cell may take.")] = None,
) -> None:
    """Run the f-test of every category, several at a time; one that fails stops no other."""
    from hepnb.runner.categories import run_categories
    from hepnb.runner.parameters import read_parameters
    from hepnb.stages import find

    stage = find("ftest").from_strings(parameter, base=read_parameters(file) if file else {})
    given = {name: getattr(stage, name) for name in stage.model_fields_set}
    with terminable(), _workers(source, jobs, local=local) as client:
        runs = run_categories(
            source, out, parameters=given, jobs=jobs, client=client, force=force, timeout=timeout
        )
    _print(runs)
    if failed := [each for each in runs if each.exit_code]:
        for each in failed:
            typer.echo(f"hepnb: {each.category}: {each.error}", err=True)
        typer.echo(f"hepnb: {len(failed)} of {len(runs)} categories failed", err=True)
        raise typer.Exit(1)


def _workers(source: Path, jobs: int | None, *, local: bool) -> Any:
    """Workers of the batch system that a configuration asks for; None for this machine."""
    if local or source.suffix != ".py":
        return nullcontext()
    from hepnb.background.legacy_config import read_legacy_config
    from hepnb.runner.categories import batch_client

    config = read_legacy_config(source)
    if config.cluster == "LocalCluster":
        return nullcontext()
    return batch_client(config, jobs or len(config.cats or ()) or 10)


def _print(runs: tuple[CategoryRun, ...]) -> None:
    rows = [
        (str(each.number), each.category, each.status, each.best, f"{each.seconds:.0f}")
        for each in runs
    ]
    table(("cat", "category", "status", "best", "seconds"), rows)
    typer.echo(runs[0].directory.parent)
