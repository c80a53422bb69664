"""Tables by species: (|PDG| of the hypothesis, |PDG| of the truth) to table, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from hepnb.errors import BadTable
from hepnb.pid.tables.flat_table import RATIO_COLUMNS
from hepnb.pid.tables.table_bins import axis_names, grid_of_rows
from hepnb.pid.tables.weight_result import WeightTable

__all__ = ("AnyTable", "SpeciesTables", "check_tables", "tables_from_files")

AnyTable: TypeAlias = WeightTable | pd.DataFrame | str | Path
SpeciesTables: TypeAlias = Mapping[tuple[int, int], WeightTable]


def __dir__() -> tuple[str, ...]:
    return __all__


def check_tables(tables: Mapping[tuple[int, int], AnyTable]) -> dict[tuple[int, int], WeightTable]:
    """Give tables keyed by absolute PDG codes, each a grid with one row per bin.

    Parameters
    ----------
    tables
        (reco PDG, true PDG) to a weight table, the rows of one, or its file. Efficiencies have
        twice the same code, fake rates two.

    Returns
    -------
    dict
        (|reco|, |true|) to table, its rows in the order of its bins.

    Raises
    ------
    BadTable
        If there is no table, a key is not two PDG codes, two tables are for the same species, or
        a table lacks columns or has rows that overlap or are for several requirements.
    """
    if not tables:
        raise BadTable("no table to apply; give {(reco PDG, true PDG): table}")
    made: dict[tuple[int, int], WeightTable] = {}
    for key, table in tables.items():
        try:
            reco, true = (abs(int(each)) for each in key)
        except (TypeError, ValueError):
            reco = true = 0
        if not (reco and true):
            message = f"{key!r} is no pair of PDG codes; for instance (321, 211): pions as kaons"
            raise BadTable(message)
        if (reco, true) in made:
            message = (
                f"two tables are for ({reco}, {true}): PDG codes are compared without their sign; "
                "put the charges into one table with an axis 'charge'"
            )
            raise BadTable(message)
        try:
            made[reco, true] = _regular(_opened(table))
        except BadTable as error:
            raise BadTable(f"table for ({reco}, {true}): {error}") from None
    return made


def tables_from_files(entries: Iterable[Mapping[str, Any]]) -> dict[tuple[int, int], WeightTable]:
    """Read tables that a list names.

    Parameters
    ----------
    entries
        For each table ``file``, ``reco`` and ``truth`` (PDG codes) and, where a file holds several
        requirements, ``variable`` and ``threshold``.

    Raises
    ------
    UnreadableFile, BadTable
        If a file is missing or its table cannot be taken without guessing; or if two are for the
        same species.
    """
    from hepnb.pid.formats.table_files import read_tables

    made: dict[tuple[int, int], WeightTable] = {}
    for each in entries:
        species = abs(each["reco"]), abs(each["truth"])
        if species in made:
            raise BadTable(f"two tables are for {species}; leave one out")
        file = read_tables(each["file"])
        made[species] = file.select(each.get("variable"), each.get("threshold"))
    return made


def _opened(table: AnyTable) -> WeightTable:
    if isinstance(table, WeightTable):
        return table
    from hepnb.pid.formats.table_files import read_tables, tables_of

    return (tables_of(table) if isinstance(table, pd.DataFrame) else read_tables(table)).select()


def _regular(table: WeightTable) -> WeightTable:
    """Table whose frame is a grid in the order of its bins, whatever was done to it."""
    missing = [each for each in RATIO_COLUMNS if each not in table.frame]
    names = [each for each in axis_names(table.frame.columns) if each in table.axes]
    if missing or not names:
        what = f"no column {missing[0]!r}" if missing else "no axis <axis>_min, <axis>_max"
        raise BadTable(f"{what}; see hepnb.pid.tables.flat_table for the columns of a table")
    axes, frame = grid_of_rows(table.frame, names)
    return dataclasses.replace(table, frame=frame, axes=axes)
