"""Weight tables in the long CSV of SysVar: one row per bin, bins [min, max).

SysVar knows one length per kind of uncertainty: the longer of the two error bars is written. The
statistical one goes into ``stat_uncorr``, as bins are independent, the systematic one into
``sys_corr``, with its sign where the table knows it, as SysVar's covariance is the outer product.
The requirement and the efficiencies have no column there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from hepnb.errors import BadTable
from hepnb.pid.formats.flat_files import numeric, read_frame, write_frame
from hepnb.pid.tables.flat_table import FLAT_COLUMNS, OnBad, without_bad_bins
from hepnb.pid.tables.table_bins import axes_of_rows, sort_rows
from hepnb.pid.tables.weight_result import WeightTable

__all__ = ("SpeciesTable", "is_sysvar", "read_sysvar", "read_sysvar_species", "write_sysvar")

_SOURCES = ("stat_corr", "sys_corr", "stat_uncorr", "sys_uncorr")
_UNITS = {"p": "GeV", "pt": "GeV", "theta": "rad", "phi": "rad"}
_MOST = 3  # variables that SysVar has names for


def __dir__() -> tuple[str, ...]:
    return __all__


class SpeciesTable(NamedTuple):
    """A table, and the |PDG| of hypothesis and truth that it is for (None where not told)."""

    table: WeightTable
    reco: int | None
    true: int | None


def is_sysvar(rows: pd.DataFrame) -> bool:
    """Whether the rows are those of a SysVar table."""
    return "central_value" in rows and bool(_variables(rows))


def write_sysvar(
    table: WeightTable, path: str | Path, *, reco: int, true: int, on_bad: OnBad = "error"
) -> Path:
    """Write the ratio of a table for SysVar.

    Parameters
    ----------
    table
        With at most three axes.
    path
        Of the CSV file.
    reco, true
        PDG codes of hypothesis and truth; both signs are written, as a charge is an axis.
    on_bad
        Bins without a ratio, see `WeightTable.on_bad`.

    Raises
    ------
    BadTable
        If there are more than three axes, or bins without a ratio and ``on_bad="error"``.
    """
    if len(table.axes) > _MOST:
        message = f"SysVar has {_MOST} variables at most, this table {len(table.axes)}: "
        raise BadTable(message + ", ".join(table.axes))
    frame = without_bad_bins(table.frame, on_bad)
    names = list(table.axes)
    keys = [f"dependant_variable_{i + 1}" for i in range(len(names))]
    made = pd.DataFrame(index=frame.index)
    for key, name in zip(["dependant_variable"] if len(names) == 1 else keys, names, strict=True):
        made[key] = name
    for name in names:
        low, high = (frame[f"{name}_{end}"] for end in ("min", "max"))
        made[f"{name}_unit"] = _UNITS.get(name, "")
        made[f"{name}_label"] = [f"{a:g} <= {name} < {b:g}" for a, b in zip(low, high, strict=True)]
        made[f"{name}_min"], made[f"{name}_max"] = low, high
    made["central_value"] = frame["data_MC_ratio"]
    longest = {
        kind: frame[[f"data_MC_uncertainty_{kind}_{end}" for end in ("up", "dn")]].max(axis=1)
        for kind in ("stat", "sys")
    }
    sign = np.sign(frame["data_MC_sys_shift"]) if "data_MC_sys_shift" in frame else 1.0
    # where nothing is shifted the sign is 0, and so is the length
    made["stat_corr"], made["sys_corr"] = 0.0, longest["sys"] * sign
    made["stat_uncorr"], made["sys_uncorr"] = longest["stat"], 0.0
    made["total_error"] = np.hypot(longest["stat"], longest["sys"])
    for key, code in (("PDG", reco), ("mcPDG", true)):
        made[key] = str([abs(code), -abs(code)])
    return write_frame(made, path)


def read_sysvar(path: str | Path) -> WeightTable:
    """Read the table of a SysVar file; see `read_sysvar_species` for whom it is."""
    return read_sysvar_species(path).table


def read_sysvar_species(path: str | Path) -> SpeciesTable:
    """Read a SysVar file with binned variables and one species.

    Returns
    -------
    SpeciesTable
        Uncorrelated uncertainties, added in quadrature, are its statistical ones, the correlated
        one is its systematic one, sign kept. Efficiencies are NaN.

    Raises
    ------
    BadTable
        If columns are missing, species are several, rows overlap, or both statistical and
        systematic uncertainties are correlated, which one shift per bin cannot hold.
    """
    path = Path(path)
    rows = read_frame(path, words=True)
    try:
        return _of_rows(rows)
    except BadTable as error:
        raise BadTable(f"{path.name}: {error}") from None


def _of_rows(rows: pd.DataFrame) -> SpeciesTable:
    names = _variables(rows)
    needed = [*(f"{name}_{end}" for name in names for end in ("min", "max")), "central_value"]
    if missing := [each for each in (*needed, *_SOURCES) if each not in rows]:
        raise BadTable(f"no column {missing[0]!r}; a SysVar table has {', '.join(_SOURCES)}")
    rows = numeric(rows, (*needed, *_SOURCES))
    values = {each: rows[each].to_numpy(float) for each in ("central_value", *_SOURCES)}
    if values["stat_corr"].any() and values["sys_corr"].any():
        message = "both stat_corr and sys_corr are there: two correlated sources are not one shift"
        raise BadTable(message)
    species = [_species(rows, key) for key in ("PDG", "mcPDG")]
    shift = values["stat_corr"] + values["sys_corr"]
    stat = np.hypot(values["stat_uncorr"], values["sys_uncorr"])
    made = rows[needed[:-1]].astype(float)
    made["data_MC_ratio"] = values["central_value"]
    for end in ("up", "dn"):
        made[f"data_MC_uncertainty_stat_{end}"] = stat
        made[f"data_MC_uncertainty_sys_{end}"] = np.abs(shift)
    for each in FLAT_COLUMNS[:-2]:
        if each not in made:
            made[each] = np.nan
    edges = needed[:-1]
    made = made[[*edges, *FLAT_COLUMNS[:-2]]].assign(data_MC_sys_shift=shift)
    axes = axes_of_rows(made, names)
    frame = sort_rows(made, axes)
    status = np.where(frame["data_MC_ratio"].notna(), "ok", "empty")
    return SpeciesTable(WeightTable(frame.assign(status=status), axes), *species)


def _variables(rows: pd.DataFrame) -> list[str]:
    keys = ("dependant_variable", *(f"dependant_variable_{i + 1}" for i in range(_MOST)))
    return [str(rows[each].iloc[0]) for each in keys if each in rows and len(rows)]


def _species(rows: pd.DataFrame, key: str) -> int | None:
    if key not in rows:
        return None
    cells = rows[key].astype(str).str.strip().unique()
    try:
        codes = {abs(int(code)) for cell in cells if cell for code in json.loads(cell)}
    except (TypeError, ValueError):
        message = f"{key} holds {cells[0]!r}; SysVar writes lists, for instance [211, -211]"
        raise BadTable(message) from None
    if len(codes) > 1:
        message = (
            f"{key} names several species ({', '.join(map(str, sorted(codes)))}); split the file"
        )
        raise BadTable(message)
    return codes.pop() if codes else None
