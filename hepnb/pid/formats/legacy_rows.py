"""Rows of older weight tables, brought to the columns of `hepnb.pid.tables.flat_table` or refused.

========================================  =====================================================
found                                     made of it
========================================  =====================================================
``charge`` of '+', '-', 1 or -1           axis ``charge``: [0, 2] or [-2, 0]
``cos_min, cos_max``                      axis ``cosTheta``
min above max in every row of an angle    swapped (``theta = arccos(cosTheta)`` falls)
``theta`` or ``cosTheta``                 kept, or turned into the other, by option `angle`
momenta beyond 50                         refused, unless `momentum_unit` says that they are MeV
one single bin of ``iso_score``           axis dropped
uncertainty beyond 1e8                    refused, or rows dropped by option
integrated rows beside fine ones          refused, or the wide ones dropped by option
``working_point``, ``is_best_available``  kept, for `TableFile.select`
========================================  =====================================================
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

from hepnb.errors import BadParameters, BadTable, nearest
from hepnb.pid.formats.flat_files import numeric
from hepnb.pid.tables.flat_table import FLAT_COLUMNS, RATIO_COLUMNS
from hepnb.pid.tables.table_bins import axis_names

__all__ = ("KEYS", "Angle", "Drop", "Unit", "normalise")

log = logging.getLogger(__name__)

KEYS = ("variable", "threshold", "working_point", "is_best_available", "PDG", "mcPDG")
"""Columns that tell the requirements and species of a file apart."""
HUGE = 1e8  # what old fits wrote where they had failed
MEV = 50.0  # no track of these experiments has 50 GeV
Drop = Literal["overlapping", "huge"]
Angle = Literal["keep", "theta", "cosTheta"]
Unit = Literal["GeV", "MeV"]
_RENAMED = {"cos": "cosTheta", "cos_theta": "cosTheta", "costheta": "cosTheta"}
_CHARGES = {"+": 1, "-": -1, "1": 1, "-1": -1, "+1": 1, "1.0": 1, "-1.0": -1}
_MOMENTA = ("p", "pt", "p_cms", "p_lab")


def __dir__() -> tuple[str, ...]:
    return __all__


def normalise(
    rows: pd.DataFrame,
    *,
    drop: Collection[Drop] = (),
    angle: Angle = "keep",
    momentum_unit: Unit = "GeV",
) -> pd.DataFrame:
    """Rows with the axes first, then the flat columns, then those of `KEYS` that there are.

    Parameters
    ----------
    rows
        As in the file; not changed.
    drop
        ``"overlapping"``: drop rows whose bin holds that of another row (integrated ones);
        ``"huge"``: drop rows with an uncertainty beyond 1e8. What is dropped is logged.
    angle
        Which polar angle the axis is to be: theta in rad, its cosine, or as in the file.
    momentum_unit
        Unit of the momenta in the file; they become GeV.

    Raises
    ------
    BadTable
        If columns are missing, or rows cannot be taken without guessing.
    """
    _check_options(drop, angle, momentum_unit)
    made = rows.rename(
        columns={
            f"{old}_{end}": f"{new}_{end}"
            for old, new in _RENAMED.items()
            for end in ("min", "max")
        }
    )
    made = _without_single_isolation(_with_charge_axis(made))
    missing = [each for each in RATIO_COLUMNS if each not in made]
    axes = [each for each in axis_names(made) if f"{each}_min" not in FLAT_COLUMNS]
    if missing or not axes or made.empty:
        what = (
            f"no column {missing[0]!r}" if missing else "no axis <axis>_min, <axis>_max, or no row"
        )
        raise BadTable(f"{what}; the columns are {', '.join(map(str, rows.columns)) or 'none'}")
    made = made.assign(**{each: np.nan for each in FLAT_COLUMNS if each not in made.columns})
    edges = [f"{axis}_{end}" for axis in axes for end in ("min", "max")]
    made = numeric(made, (*edges, *FLAT_COLUMNS[:-1]))
    for each in ("theta", "cosTheta"):
        if each in axes:
            made = _swapped(made, each)
    made = _in_gev(made, axes, momentum_unit)
    made, axes = _with_angle(made, axes, angle)
    made = _without_huge(made, drop="huge" in drop)
    made = _without_wide(made, axes, drop="overlapping" in drop)
    keys = [each for each in KEYS if each in made and each not in FLAT_COLUMNS]
    edges = [f"{axis}_{end}" for axis in axes for end in ("min", "max")]
    return made[[*edges, *FLAT_COLUMNS, *keys]].reset_index(drop=True)


def _check_options(drop: Collection[str], angle: str, unit: str) -> None:
    for name, value, known in (
        *(("drop", each, get_args(Drop)) for each in drop),
        ("angle", angle, get_args(Angle)),
        ("momentum_unit", unit, get_args(Unit)),
    ):
        if value not in known:
            message = f"{name}: {value!r} is not one of {', '.join(known)}"
            raise BadParameters(message + nearest(value, known))


def _with_charge_axis(rows: pd.DataFrame) -> pd.DataFrame:
    if "charge" not in rows or "charge_min" in rows:
        return rows
    text = rows["charge"].map(lambda each: str(each).strip())
    signs = text.map(_CHARGES)
    if signs.isna().any():
        message = f"charge is {text[signs.isna()].iloc[0]!r}; it must be '+', '-', 1 or -1"
        raise BadTable(message)
    low = np.where(signs > 0, 0.0, -2.0)
    return rows.drop(columns="charge").assign(charge_min=low, charge_max=low + 2.0)


def _without_single_isolation(rows: pd.DataFrame) -> pd.DataFrame:
    edges = ["iso_score_min", "iso_score_max"]
    if all(each in rows for each in edges) and len(rows[edges].drop_duplicates()) == 1:
        return rows.drop(columns=edges)
    return rows


def _swapped(rows: pd.DataFrame, axis: str) -> pd.DataFrame:
    low, high = (rows[f"{axis}_{end}"].to_numpy(float) for end in ("min", "max"))
    reversed_ = low > high
    if not reversed_.any():
        return rows
    if not reversed_.all():
        number = int(np.argmax(reversed_)) + 1
        message = f"row {number} has {axis}_min above {axis}_max, other rows have not"
        raise BadTable(f"{message}; mend the file")
    return rows.assign(**{f"{axis}_min": high, f"{axis}_max": low})


def _in_gev(rows: pd.DataFrame, axes: Sequence[str], unit: Unit) -> pd.DataFrame:
    for axis in (each for each in axes if each in _MOMENTA):
        edges = [f"{axis}_min", f"{axis}_max"]
        top = float(rows[edges].to_numpy(float).max())
        if unit == "MeV":
            rows = rows.assign(**{each: rows[each].astype(float) / 1000 for each in edges})
        elif top > MEV:
            message = (
                f"axis {axis!r} runs to {top:g}, which is too much for GeV; "
                "read with momentum_unit='MeV' if that is what the file holds"
            )
            raise BadTable(message)
    return rows


def _with_angle(
    rows: pd.DataFrame, axes: Sequence[str], angle: Angle
) -> tuple[pd.DataFrame, list[str]]:
    other = {"theta": "cosTheta", "cosTheta": "theta"}.get(angle)
    if other is None or other not in axes:
        return rows, list(axes)
    turn = np.cos if angle == "cosTheta" else np.arccos
    low, high = (rows[f"{other}_{end}"].to_numpy(float) for end in ("min", "max"))
    # both functions fall: the ends change places
    turned = {f"{angle}_min": turn(high), f"{angle}_max": turn(low)}
    return rows.assign(**turned), [angle if each == other else each for each in axes]


def _without_huge(rows: pd.DataFrame, *, drop: bool) -> pd.DataFrame:
    huge = (rows[list(RATIO_COLUMNS[1:])].to_numpy(float) > HUGE).any(axis=1)
    if not huge.any():
        return rows
    which = f"{int(huge.sum())} of {len(rows)} rows have an uncertainty beyond {HUGE:g}"
    if not drop:
        message = f"{which} (the first: row {int(np.argmax(huge)) + 1}), as failed fits leave"
        raise BadTable(f"{message}; drop them with drop=['huge']")
    log.warning("%s: dropped", which)
    return rows[~huge].reset_index(drop=True)


def _without_wide(rows: pd.DataFrame, axes: Sequence[str], *, drop: bool) -> pd.DataFrame:
    """Rows without those whose bin holds a smaller one of the same requirement."""
    keys = [each for each in KEYS if each in rows]
    groups = rows.groupby(keys, dropna=False, sort=False).indices.values() if keys else [...]
    low, high = (
        np.array([rows[f"{axis}_{end}"].to_numpy(float) for axis in axes]) for end in ("min", "max")
    )
    wide = np.zeros(len(rows), bool)
    for group in groups:
        wide[group] = _holds_another(low[:, group], high[:, group])
    if not wide.any():
        return rows
    first = rows.iloc[int(np.argmax(wide))]
    box = ", ".join(
        f"{first[f'{axis}_min']:g} < {axis} < {first[f'{axis}_max']:g}" for axis in axes
    )
    which = f"{int(wide.sum())} of {len(rows)} rows are wider bins around others"
    if not drop:
        message = (
            f"{which} (row {int(np.argmax(wide)) + 1}: {box}): a track in both has no single weight"
        )
        raise BadTable(f"{message}; drop the wide ones with drop=['overlapping']")
    log.warning("%s: dropped", which)
    return rows[~wide].reset_index(drop=True)


def _holds_another(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Whether the box of each row, of shape (axes, rows), holds a smaller one."""
    found = np.zeros(low.shape[1], bool)
    for row in range(low.shape[1]):
        a, b = low[:, row, None], high[:, row, None]
        inside = ((low >= a) & (high <= b)).all(axis=0)
        smaller = ((low > a) | (high < b)).any(axis=0)
        found[row] = bool((inside & smaller).any())
    return found
