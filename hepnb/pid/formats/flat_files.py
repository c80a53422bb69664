"""Weight tables as flat CSV, with a status file beside it for all that has no column there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hepnb.errors import BadTable
from hepnb.pid.formats.uhi_files import write_text
from hepnb.pid.tables.bin_status import join_status
from hepnb.pid.tables.flat_table import FLAT_COLUMNS, join_cut
from hepnb.pid.tables.table_bins import axes_of_rows, axis_names, sort_rows
from hepnb.pid.tables.weight_result import WeightTable

__all__ = ("numeric", "read_csv", "read_frame", "status_of", "write_csv", "write_frame")

_LABELS = ("cut", "precut", "data_sample", "mc_sample")


def __dir__() -> tuple[str, ...]:
    return __all__


def write_csv(table: WeightTable, path: str | Path) -> list[Path]:
    """Write the flat table, and beside it ``<name>.status.csv``.

    Parameters
    ----------
    table
        Its `bad_bins` says what is written for bins without a ratio.
    path
        Of the flat table, for instance ``weights.csv``. It has no index column, ``nan`` for
        missing numbers, and every float in the fewest digits that give it back exactly. The
        status file always has a row for every bin.

    Returns
    -------
    list of Path
        Both files.
    """
    path = Path(path)
    keep = [each for each in table.frame.columns if each not in FLAT_COLUMNS]
    labels = {each: getattr(table, each) for each in _LABELS}
    status = table.frame[keep].assign(**labels, on_bad=table.bad_bins)
    return [
        write_frame(table.create_weights(), path),
        write_frame(status, path.with_suffix(".status.csv")),
    ]


def write_frame(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as CSV without an index, with ``nan`` and every digit."""
    # the csv module writes floats by repr, in a fraction of the time of DataFrame.to_csv
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(frame.columns)
    rows.writerows(zip(*(frame[each].tolist() for each in frame), strict=True))
    return write_text(Path(path), text.getvalue())


def read_frame(source: str | Path | io.StringIO, *, words: bool = False) -> pd.DataFrame:
    """Read what `write_frame` wrote, to the last digit; no cell counts as NaN but ``nan``.

    Parameters
    ----------
    source
        File, or its text.
    words
        Whether columns may hold words: they are numbers only where all cells are.
    """
    text = pd.read_csv(source, dtype=str, keep_default_na=False, skipinitialspace=True)
    return text.apply(
        lambda column: column if _is_text(column.name) else _numbers(column, or_words=words)
    )


def _is_text(name: str) -> bool:
    return name in {*_LABELS, "variable", "on_bad"} or name.endswith("status")


def _numbers(column: pd.Series, *, or_words: bool) -> pd.Series:
    """Whole numbers where all are; an empty cell, as some writers leave, is NaN."""
    if all(each.lstrip("+-").isdecimal() for each in column):
        return column.map(int).astype(np.int64)
    try:
        return column.map(lambda each: float(each or "nan")).astype(float)
    except ValueError as error:
        if or_words:
            return column
        raise BadTable(f"column {column.name!r}: {error}") from None


def numeric(rows: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Rows with these columns as numbers.

    Raises
    ------
    BadTable
        Naming the first one that holds a word.
    """
    made = {}
    for each in columns:
        try:
            made[each] = rows[each].astype(float)
        except (TypeError, ValueError) as error:
            raise BadTable(f"column {each!r}: {error}") from None
    return rows.assign(**made)


def read_csv(path: str | Path) -> WeightTable:
    """Read a flat table, with its status file if that lies beside it.

    Parameters
    ----------
    path
        Of the flat table. Rows may be in any order, and some may be missing.

    Returns
    -------
    WeightTable
        Its rows in the order of `table_bins.rows_of`. Bins that are missing have NaN,
        and the status ``empty`` unless the status file tells more.

    Raises
    ------
    BadTable
        If columns are missing, if rows overlap, repeat each other or do not form a grid, or if the
        rows are for several requirements.
    """
    path = Path(path)
    try:
        rows = read_frame(path)
    except (BadTable, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BadTable(f"{path.name} is no flat weight table: {error}") from None
    names = [each for each in axis_names(rows.columns) if f"{each}_min" not in FLAT_COLUMNS]
    missing = [each for each in FLAT_COLUMNS if each not in rows.columns]
    if missing or not names or rows.empty:
        what = f"has no column {missing[0]!r}" if missing else "has no axis or no bin"
        columns = ",".join(("<axis>_min", "<axis>_max", "...", *FLAT_COLUMNS))
        raise BadTable(f"{path.name} {what}; the columns of a flat weight table are {columns}")
    try:
        cut, rows = _single_cut(rows)
        axes = axes_of_rows(rows, names)
        beside = path.with_suffix(".status.csv")
        if beside.exists():
            return _with_status(rows, read_frame(beside), names)
    except BadTable as error:
        raise BadTable(f"{path.name}: {error}") from None
    frame = sort_rows(rows, axes)
    return WeightTable(frame.assign(status=status_of(frame)), axes, cut=cut)


def _single_cut(rows: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    cuts = rows[["variable", "threshold"]].drop_duplicates()
    found = [join_cut(str(each), float(at)) for each, at in cuts.itertuples(index=False)]
    if len(found) > 1:
        message = f"rows are for {len(found)} requirements ({'; '.join(found)}); select one"
        raise BadTable(message)
    return found[0], rows.drop(columns=["variable", "threshold"])


def _with_status(rows: pd.DataFrame, rest: pd.DataFrame, names: list[str]) -> WeightTable:
    keys = [f"{name}_{end}" for name in names for end in ("min", "max")]
    if axis_names(rest.columns) != names or len(rest.merge(rows, on=keys)) < len(rows):
        message = (
            "its bins differ from those of the status file beside it, which belongs to another "
            "table; move that one away to read this one alone"
        )
        raise BadTable(message)
    axes = axes_of_rows(rest, names)
    labels: dict[str, Any] = {each: str(rest[each].iloc[0]) for each in _LABELS}
    how = rest["on_bad"].iloc[0]
    rest = rest.drop(columns=[*_LABELS, "on_bad"])
    frame = pd.concat([sort_rows(rows, axes), sort_rows(rest, axes).drop(columns=keys)], axis=1)
    return WeightTable(frame, axes, **labels, bad_bins=how)


def status_of(frame: pd.DataFrame) -> np.ndarray:
    """Status that can be told from the flat columns alone."""
    data, mc = (frame[f"{side}_efficiency"].to_numpy() for side in ("data", "MC"))
    with np.errstate(invalid="ignore"):
        outside = [(each < -1e-9) | (each > 1 + 1e-9) for each in (data, mc)]
    return join_status(
        {
            "bad_total": np.isnan(data) & np.isfinite(mc),
            "empty": np.isnan(data) & np.isnan(mc),
            "zero_mc": np.isfinite(data) & (np.isnan(mc) | (mc == 0)),
            "unphysical": outside[0] | outside[1],
        }
    )
