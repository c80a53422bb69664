"""Commands of the names that users of the Systematic Corrections Framework know: `show_...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepnb.console import print_frame, print_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("register",)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Site = Annotated[
    str | None, typer.Option(help="local, kekcc, naf, or the path of a catalogue file.")
]

_ASKED = ("data", "mc", "study", "particle", "variable", "cut", "precut", "tables")


def __dir__() -> tuple[str, ...]:
    return __all__


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (show_collections, show_variables, show_db_content):
        app.command(command.__name__)(command)


def show_collections(
    name: Annotated[str | None, typer.Argument(help="One collection.")] = None,
    site: Site = None,
    entries: Annotated[bool, typer.Option(help="Count entries, which opens all files.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the collections, or the studies of one."""
    from hepnb.runner.overview import show_collections as overview

    _print(overview(name, site=site, entries=entries), as_json)


def show_variables(
    collection: Annotated[str | None, typer.Argument(help="Whose columns to list too.")] = None,
    study: Annotated[str | None, typer.Option(help="One of its studies.")] = None,
    particle: Annotated[str | None, typer.Option(help="Whose prefix to leave out.")] = None,
    site: Site = None,
    as_json: AsJson = False,
) -> None:
    """List the variables that every cut and axis may use."""
    from hepnb.runner.overview import show_variables as overview

    _print(overview(collection, study, particle, site=site), as_json)


def show_db_content(
    directory: Annotated[Path, typer.Argument(help="Folder of runs.")] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """List the runs in a folder, with their cuts, collections, tables and fingerprints."""
    from hepnb.runner.overview import show_db_content as overview

    frame = overview(directory)
    if not as_json:
        # what was asked for in one column: a terminal has no room for twelve
        asked = [
            "\n".join(f"{name}: {row[name]}" for name in _ASKED if row[name])
            for row in frame[list(_ASKED)].astype(object).fillna("").to_dict("records")
        ]
        frame = frame[["run", "stage", "status", "date"]].assign(
            made_of=asked, fingerprint=frame["fingerprint"]
        )
    _print(frame, as_json)


def _print(frame: pd.DataFrame, as_json: bool) -> None:
    if not as_json:
        print_frame(frame)
        return
    rows: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    print_json([{str(name): _plain(value) for name, value in row.items()} for row in rows])


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
