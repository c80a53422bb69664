"""Weight tables of any kind of file that is in use, as `WeightTable`.

==========================================  ===================================================
file                                        read by
==========================================  ===================================================
flat CSV, its older variants (also ``.log``)  `hepnb.pid.formats.legacy_rows`
SysVar's long CSV                           `hepnb.pid.formats.sysvar_files`
JSON payload like basf2's ParticleWeighting   `hepnb.pid.formats.weighting_payload`
UHI JSON, correctionlib JSON                `hepnb.pid.formats.exports`
==========================================  ===================================================
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hepnb.errors import BadTable, UnreadableFile, nearest
from hepnb.pid.formats.flat_files import read_csv, read_frame, status_of
from hepnb.pid.formats.legacy_rows import KEYS, normalise
from hepnb.pid.formats.sysvar_files import is_sysvar, read_sysvar
from hepnb.pid.formats.uhi_files import read_uhi
from hepnb.pid.tables.flat_table import FLAT_COLUMNS, join_cut
from hepnb.pid.tables.table_bins import axis_names, grid_of_rows
from hepnb.pid.tables.weight_result import WeightTable

__all__ = ("TableFile", "read_tables", "tables_of")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False)
class TableFile:
    """What a file of weight tables holds, one requirement or several.

    Attributes
    ----------
    rows
        Axes, flat columns, and columns that tell the requirements apart.
    name
        Of the file, for messages.
    whole
        The table itself, where the file holds one, with all that the rows do not say.
    """

    rows: pd.DataFrame
    name: str = "table"
    whole: WeightTable | None = None

    @property
    def requirements(self) -> pd.DataFrame:
        """One row per table in the file: what `select` can ask for."""
        keys = [each for each in KEYS if each in self.rows]
        return self.rows[keys].drop_duplicates().reset_index(drop=True)

    def select(
        self, variable: str | None = None, threshold: float | None = None, **keys: Any
    ) -> WeightTable:
        """Give the table of one requirement.

        Parameters
        ----------
        variable, threshold
            PID variable and the number that it is to exceed, compared as equal floats.
        **keys
            Other columns of `requirements`, for instance ``working_point="0.9"``.

        Raises
        ------
        BadTable
            If no table, or more than one, is for that; or if its rows overlap.
        """
        wanted = {"variable": variable, "threshold": threshold, **keys}
        wanted = {key: value for key, value in wanted.items() if value is not None}
        rows = self.rows
        for key, value in wanted.items():
            if key not in rows:
                known = ", ".join(self.requirements.columns)
                raise BadTable(f"{self.name}: no column {key!r} to select by; there are {known}")
            rows = rows[[_same(each, value) for each in rows[key]]]
        found = rows[list(self.requirements.columns)].drop_duplicates()
        asked = ", ".join(f"{key} = {value}" for key, value in wanted.items()) or "nothing"
        if found.empty:
            hint = nearest(variable, map(str, self.rows["variable"].unique())) if variable else ""
            message = f"{self.name}: no table for {asked}{hint}; it holds\n"
            raise BadTable(message + self.requirements.to_string())
        if len(found) > 1:
            message = f"{self.name}: {len(found)} tables for {asked}; select one of\n"
            raise BadTable(message + found.to_string())
        return self.whole or _table(rows, self.name)


def read_tables(path: str | Path, **options: Any) -> TableFile:
    """Read a file of weight tables; what kind it is tells its content.

    Parameters
    ----------
    path
        The file.
    **options
        Of `hepnb.pid.formats.legacy_rows.normalise`, for CSV: drop, angle, momentum_unit.

    Raises
    ------
    UnreadableFile
        If there is no such file.
    BadTable
        If it is of no known kind, or cannot be taken without guessing.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise BadTable(f"{path.name} is no text: tables are CSV or JSON") from None
    if text.lstrip().startswith("{"):
        return _of_one(_from_json(path, json_of(text, path)), path.name)
    try:
        rows = _rows_of(text)
        if is_sysvar(rows):
            return _of_one(read_sysvar(path), path.name)
        beside = path.with_suffix(".status.csv")
        if beside.exists() and not options:
            return _of_one(read_csv(path), path.name)
        return tables_of(rows, name=path.name, **options)
    except BadTable as error:
        told = str(error)
        raise BadTable(told if path.name in told else f"{path.name}: {told}") from None


def tables_of(rows: pd.DataFrame, *, name: str = "table", **options: Any) -> TableFile:
    """Tables from rows in memory; options as in `read_tables`."""
    return TableFile(normalise(rows, **options), name)


def json_of(text: str, path: Path) -> Any:
    """Content of a JSON file, or `BadTable`."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadTable(f"{path.name} is not JSON: {error}") from None


def _from_json(path: Path, content: dict[str, Any]) -> WeightTable:
    if "corrections" in content:
        return WeightTable.from_correctionlib(path)
    if "outOfRange" in content:
        from hepnb.pid.formats.weighting_payload import read_payload

        return read_payload(path).table
    return read_uhi(path)


def _of_one(table: WeightTable, name: str) -> TableFile:
    return TableFile(table.on_bad("keep").create_weights(), name, table)


def _rows_of(text: str) -> pd.DataFrame:
    """Rows of a CSV, or of a table with blanks between its columns."""
    first = text.lstrip().partition("\n")[0]
    if "," not in first:
        text = "\n".join(",".join(line.split()) for line in text.splitlines() if line.strip())
    try:
        return read_frame(io.StringIO(text), words=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BadTable(f"no table: {error}") from None


def _same(value: Any, wanted: Any) -> bool:
    try:
        return bool(float(value) == float(wanted))
    except (TypeError, ValueError):
        return str(value) == str(wanted)


def _table(rows: pd.DataFrame, name: str) -> WeightTable:
    names = [each for each in axis_names(rows.columns) if f"{each}_min" not in FLAT_COLUMNS]
    bare = rows.drop(columns=[each for each in KEYS if each in rows])
    try:
        axes, frame = grid_of_rows(bare.reset_index(drop=True), names)
    except BadTable as error:
        raise BadTable(f"{name}: {error}") from None
    variable, threshold = rows[["variable", "threshold"]].iloc[0]
    known = isinstance(variable, str) and variable != ""
    cut = join_cut(variable, float(threshold)) if known else ""
    only_ratio = frame["data_efficiency"].isna() & frame["MC_efficiency"].isna()
    # a ratio without its efficiencies, as old tables have it, is not an empty bin
    status = np.where(only_ratio & frame["data_MC_ratio"].notna(), "ok", status_of(frame))
    return WeightTable(frame.assign(status=status), axes, cut=cut)
