"""Weight tables as correctionlib JSON: the ratio and its variations, and what they are for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hepnb.errors import BadTable
from hepnb.pid.formats.uhi_files import write_text
from hepnb.pid.tables.flat_table import FLAT_COLUMNS, OnBad, without_bad_bins
from hepnb.pid.tables.table_bins import Axes, rows_of
from hepnb.pid.tables.weight_result import WeightTable
from hepnb.plotting import axis_label

__all__ = ("read_correctionlib", "write_correctionlib")

_LABELS = ("cut", "precut", "data_sample", "mc_sample")


def __dir__() -> tuple[str, ...]:
    return __all__


_VARIATIONS = {"stat_up": 1.0, "stat_dn": -1.0, "sys_up": 1.0, "sys_dn": -1.0}
_NOT_A_NUMBER = {
    # JSON has no NaN, yet a bin without a ratio must not give a number
    "nodetype": "formula",
    "expression": "sqrt(-1.0)",
    "parser": "TFormula",
    "variables": [],
}


def write_correctionlib(
    table: WeightTable, path: str | Path, *, on_bad: OnBad = "error", name: str | None = None
) -> Path:
    """Write the ratio as a correctionlib file (schema 2) with one correction.

    Its inputs are the axes, in their order, as reals (a charge too: ``1.0``), and ``systematic``:
    ``nominal``, or the ratio moved by one of its error bars: ``stat_up``, ``stat_dn``, ``sys_up``,
    ``sys_dn``. Values outside the bins are an error; so is the upper edge of the last one.

    Parameters
    ----------
    table
        What to write.
    path
        For instance ``weights.correctionlib.json``.
    on_bad
        Bins without a ratio: ``"error"`` refuses, ``"keep"`` gives NaN when evaluated,
        ``"unity"`` gives 1 with a statistical uncertainty of 1.
    name
        Name of the correction; by default that of the file up to its first dot.

    Returns
    -------
    Path

    Raises
    ------
    BadTable
        If there are bins without a ratio and `on_bad` is ``"error"``, or if it is ``"drop"``:
        correctionlib bins form a full grid.
    """
    path = Path(path)
    if on_bad == "drop":
        message = "correctionlib bins form a full grid, none can be left out; use on_bad='keep'"
        raise BadTable(message)
    frame = without_bad_bins(table.frame, on_bad)
    ratio = frame["data_MC_ratio"].to_numpy()
    values = {"nominal": ratio}
    for each, sign in _VARIATIONS.items():
        values[each] = ratio + sign * frame[f"data_MC_uncertainty_{each}"].to_numpy()
    correction = {
        "name": name or path.name.split(".")[0],
        "description": _description(table),
        "version": 1,
        "inputs": [*map(_input, table.axes), _SYSTEMATIC],
        "output": {"name": "weight", "type": "real", "description": "efficiency data/MC"},
        "data": {
            "nodetype": "category",
            "input": "systematic",
            "content": [
                {"key": each, "value": _grid(table.axes, array)} for each, array in values.items()
            ],
        },
    }
    document = {"schema_version": 2, "corrections": [correction]}
    return write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def read_correctionlib(path: str | Path) -> WeightTable:
    """Read a file that `write_correctionlib` wrote.

    Returns
    -------
    WeightTable
        With the ratio and its uncertainties, to rounding of their sum. Efficiencies are NaN.

    Raises
    ------
    BadTable
        If the file is not of that form.
    """
    path = Path(path)
    try:
        (correction,) = json.loads(path.read_text())["corrections"]
        grids = {each["key"]: each["value"] for each in correction["data"]["content"]}
        axes = {
            name: tuple(map(float, edges))
            for name, edges in zip(
                grids["nominal"]["inputs"], grids["nominal"]["edges"], strict=True
            )
        }
        values = {
            key: np.array([np.nan if isinstance(each, dict) else each for each in grid["content"]])
            for key, grid in grids.items()
        }
        labels = {
            key: json.loads(text)
            for key, text in re.findall(r"^(\w+): (.*)$", correction["description"], re.MULTILINE)
        }
        status = pd.Series("ok", index=range(len(values["nominal"])))
        status.update(pd.Series({int(row): each for row, each in labels.pop("status").items()}))
    except (KeyError, TypeError, ValueError) as error:
        message = (
            f"{path.name} is not a weight table that hepnb wrote ({type(error).__name__}: "
            f"{error}); evaluate foreign corrections with correctionlib itself"
        )
        raise BadTable(message) from None
    columns = {each: np.full(len(status), np.nan) for each in FLAT_COLUMNS[:-2]}
    columns["data_MC_ratio"] = values["nominal"]
    for each, sign in _VARIATIONS.items():
        shift = sign * (values[each] - values["nominal"])
        columns[f"data_MC_uncertainty_{each}"] = shift
    frame = pd.concat([rows_of(axes), pd.DataFrame(columns | {"status": status})], axis=1)
    return WeightTable(frame, axes, **labels)


_SYSTEMATIC = {
    "name": "systematic",
    "type": "string",
    "description": "nominal, stat_up, stat_dn, sys_up or sys_dn",
}


_TITLE = (
    "Weight of simulated candidates that pass the cut: efficiency in data over efficiency in "
    "simulation. The status counts bins from 0, the last axis varying fastest."
)


def _input(axis: str) -> dict[str, str]:
    unit = re.search(r"\[(.*)\]", axis_label(axis))
    text = f"in {unit[1].replace('$', '')}; " if unit else ""
    return {"name": axis, "type": "real", "description": f"{text}bins [low, high)"}


def _description(table: WeightTable) -> str:
    bad = table.frame["status"][table.frame["status"] != "ok"]
    labels = {each: getattr(table, each) for each in _LABELS}
    labels["status"] = {str(row): each for row, each in bad.items()}
    return "\n".join([_TITLE, *(f"{name}: {json.dumps(value)}" for name, value in labels.items())])


def _grid(axes: Axes, values: np.ndarray) -> dict[str, Any]:
    return {
        "nodetype": "multibinning",
        "inputs": list(axes),
        "edges": [list(edges) for edges in axes.values()],
        "content": [each if np.isfinite(each) else _NOT_A_NUMBER for each in values.tolist()],
        "flow": "error",
    }
