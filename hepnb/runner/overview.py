"""What there is to work with: collections, variables, and the tables of runs in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepnb.errors import UnreadableFile
from hepnb.runner.record import RECORD, RunRecord, read_record

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("show_collections", "show_db_content", "show_variables")

_DEPTH = 6  # folders below the one asked for
_PARAMETERS = ("data", "mc", "study", "particle", "variable", "cut", "precut")
_COLUMNS = ("run", "stage", "status", "date", *_PARAMETERS, "tables", "fingerprint")
_TABLE = "data_MC_ratio"  # a column that every weight table has


def __dir__() -> tuple[str, ...]:
    return __all__


def show_collections(
    name: str | None = None, *, site: str | None = None, entries: bool = False
) -> pd.DataFrame:
    """Table of the collections, or of the studies of one.

    Parameters
    ----------
    name
        One collection, or a union A+B.
    site
        As of `hepnb.catalogue`.
    entries
        Count entries, which opens all files; those of one collection always are.

    Returns
    -------
    pandas.DataFrame
        One row per collection or per study.

    Raises
    ------
    UnknownCollection
        With the nearest name.
    """
    from hepnb.data.catalogue import catalogue

    found = catalogue(site) if site else catalogue()
    return found.describe(entries=entries) if name is None else found[name].describe()


def show_variables(
    collection: str | None = None,
    study: str | None = None,
    particle: str | None = None,
    *,
    site: str | None = None,
) -> pd.DataFrame:
    """Table of the variables that a cut, an axis or a precut may use.

    Parameters
    ----------
    collection, study, particle
        Whose columns to list too; without a study the only one of the collection, without a
        particle all names in full.
    site
        As of `hepnb.catalogue`.

    Returns
    -------
    pandas.DataFrame
        ``name`` as it is written; ``kind``: column, alias or meta-variable; ``arguments``, how
        many a meta-variable takes; ``meaning``.

    Raises
    ------
    UnknownCollection, BadParameters, UnreadableFile
        What was asked for is not there.
    """
    import pandas as pd

    from hepnb.data.variables import manager

    rows = _names(collection, study, particle, site) if collection else []
    rows += [
        (each.name, "meta-variable", each.arguments, each.summary) for each in manager.describe()
    ]
    return pd.DataFrame(rows, columns=["name", "kind", "arguments", "meaning"])


def show_db_content(directory: str | Path = "runs") -> pd.DataFrame:
    """Table of the runs below a folder, and of weight tables that belong to none.

    Parameters
    ----------
    directory
        Looked through to a depth of six folders; hidden ones are left out.

    Returns
    -------
    pandas.DataFrame
        One row per run, the newest first: ``run`` (path within the directory), ``stage``,
        ``status``, ``date`` of its start (UTC), the parameters ``data, mc, study, particle,
        variable, cut, precut`` as far as there are, ``tables`` (its CSV files), first twelve
        digits of ``fingerprint``. A weight table outside of any run has the status ``no
        record``.

    Raises
    ------
    UnreadableFile
        If there is no such folder.
    """
    import pandas as pd

    top = Path(directory)
    if not top.is_dir():
        message = f"there is no folder {str(top)!r}; name the one that holds the runs"
        raise UnreadableFile(message)
    rows = [row for folder, files in _folders(top) for row in _rows(top, folder, files)]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    return frame.sort_values("date", ascending=False, na_position="last", ignore_index=True)


def _names(
    collection: str, study: str | None, particle: str | None, site: str | None
) -> list[tuple[str, str, str, str]]:
    from hepnb.data.catalogue import catalogue
    from hepnb.errors import BadParameters

    found = (catalogue(site) if site else catalogue())[collection]
    if study is None:
        if len(found.studies) != 1:
            message = f"{collection!r} has studies {', '.join(found.studies)}; name one"
            raise BadParameters(message)
        study = found.studies[0]
    sample = found.study(study)
    if particle is not None:
        sample = sample.particle(particle)
    prefix = f"{sample.prefix}_" if sample.prefix else ""
    rows = [
        (each.removeprefix(prefix), "column", "", f"branch {each}" if prefix else "")
        for each in sample.columns
    ]
    return rows + [(each, "alias", "", text) for each, text in sample.aliases.items()]


def _folders(top: Path) -> Iterator[tuple[Path, list[str]]]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        if len(Path(folder).relative_to(top).parts) >= _DEPTH:
            folders.clear()
        yield Path(folder), sorted(files)


def _rows(top: Path, folder: Path, files: list[str]) -> Iterator[dict[str, Any]]:
    record = read_record(folder) if RECORD in files else None
    where = folder.relative_to(top).as_posix()
    if record is not None:
        yield _row(where, record)
        return
    tables = [each for each in files if each.endswith(".csv") and _is_weight_table(folder / each)]
    if tables:
        yield {"run": where, "status": "no record", "tables": ", ".join(tables)}


def _row(where: str, record: RunRecord) -> dict[str, Any]:
    parameters = {name: record.parameters.get(name) for name in _PARAMETERS}
    tables = [each for each in record.products if each.endswith(".csv")]
    facts = {"run": where, "stage": record.stage, "status": record.status}
    facts |= {"date": f"{record.start:%Y-%m-%d %H:%M:%S}", "tables": ", ".join(tables)}
    return facts | parameters | {"fingerprint": record.fingerprint[:12]}


def _is_weight_table(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return _TABLE in file.readline(10_000).strip().split(",")
    except (OSError, UnicodeDecodeError):
        return False
