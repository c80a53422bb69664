"""Weight tables as a JSON payload in the manner of basf2's ParticleWeighting.

basf2 looks a particle up by a map from variable to [lo, hi), finds a bin with an automatic
``binID``, and writes every number of its free map of weights to ``extraInfo(<tableName>_<key>)``.
What lies in no bin gets the numbers of an entry of its own, which must be there: a look-up
without it is an error. The payload has the same parts by the same names::

    {"tableName": "kaonID_321_321", "cut": "kaonID > 0.6", "pdg": 321, "mcPDG": 321,
     "variables": {"p": "p", "cosTheta": "cosTheta", "charge": "charge"},
     "table": [{"binID": 0, "bin": {"p": [0.5, 1.0], ...}, "weights": {"data_MC_ratio": ...}}],
     "outOfRange": {"data_MC_ratio": ...}}

It holds all that the flat table does, and the systematic shift with its sign.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hepnb.errors import BadTable
from hepnb.pid.formats.flat_files import status_of
from hepnb.pid.formats.uhi_files import write_text
from hepnb.pid.tables.flat_table import FLAT_COLUMNS, RATIO_COLUMNS, OnBad, without_bad_bins
from hepnb.pid.tables.table_bins import axes_of_rows, sort_rows
from hepnb.pid.tables.weight_result import WeightTable

__all__ = ("OUT_OF_RANGE", "Payload", "read_payload", "write_payload")

OUT_OF_RANGE: Mapping[str, float] = MappingProxyType(dict.fromkeys(RATIO_COLUMNS, -1.0))
"""What basf2's own examples give particles outside their tables: -1, which no weight is."""

_NUMBERS = (*FLAT_COLUMNS[:-2], "data_MC_sys_shift")


def __dir__() -> tuple[str, ...]:
    return __all__


class Payload(NamedTuple):
    """What a payload holds.

    ``table``; ``reco`` and ``true``, |PDG| of hypothesis and truth; ``out_of_range``, the numbers
    outside all bins; and ``variables``, axis to the basf2 variable that is looked up.
    """

    table: WeightTable
    reco: int
    true: int
    out_of_range: Mapping[str, float]
    variables: Mapping[str, str]


def write_payload(
    table: WeightTable,
    path: str | Path,
    *,
    name: str,
    reco: int,
    true: int,
    out_of_range: Mapping[str, float] = OUT_OF_RANGE,
    variables: Mapping[str, str] | None = None,
    on_bad: OnBad = "error",
) -> Path:
    """Write a table as payload.

    Parameters
    ----------
    table
        What to write.
    path
        Of the JSON file.
    name
        ``tableName``, the first part of the names of extra info.
    reco, true
        PDG codes of hypothesis and truth.
    out_of_range
        Numbers for particles in no bin.
    variables
        basf2 variable of each axis, where its name is another, for instance
        ``{"p": "useCMSFrame(p)"}``.
    on_bad
        Bins without a ratio; ``"keep"`` leaves their weights out.

    Raises
    ------
    BadTable
        If there are bins without a ratio and ``on_bad="error"``, or no number outside of the bins.
    """
    if not out_of_range:
        raise BadTable("out_of_range is empty: basf2 needs an entry for particles in no bin")
    frame = without_bad_bins(table.frame, on_bad)
    numbers = [each for each in _NUMBERS if each in frame]
    bins = [
        {
            "binID": number,
            "bin": {axis: [row[f"{axis}_min"], row[f"{axis}_max"]] for axis in table.axes},
            "weights": {each: row[each] for each in numbers if np.isfinite(row[each])},
        }
        for number, row in enumerate(frame.to_dict("records"))
    ]
    names = dict.fromkeys(table.axes) | {each: each for each in table.axes} | dict(variables or {})
    content = {
        "tableName": name,
        "cut": table.cut,
        "pdg": abs(reco),
        "mcPDG": abs(true),
        "variables": names,
        "table": bins,
        "outOfRange": dict(out_of_range),
    }
    return write_text(Path(path), json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_payload(path: str | Path) -> Payload:
    """Read what `write_payload` wrote.

    Raises
    ------
    BadTable
        If there is no entry for particles out of range, bins overlap, or parts are missing.
    """
    path = Path(path)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadTable(f"{path.name} is not JSON: {error}") from None
    if not content.get("outOfRange"):
        message = "no entry 'outOfRange': what particles in no bin get must be said"
        raise BadTable(f"{path.name}: {message}")
    try:
        names = list(content["variables"])
        rows = [
            {
                f"{axis}_{end}": float(each["bin"][axis][side])
                for axis in names
                for side, end in enumerate(("min", "max"))
            }
            | dict.fromkeys(_NUMBERS, np.nan)
            | {key: float(value) for key, value in each["weights"].items()}
            for each in content["table"]
        ]
        labels = content["cut"], int(content["pdg"]), int(content["mcPDG"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        message = f"{path.name} is no payload: {type(error).__name__}: {error}"
        raise BadTable(message) from None
    frame = pd.DataFrame(rows)
    if not len(frame) or frame["data_MC_ratio"].isna().all():
        raise BadTable(f"{path.name} holds no weight 'data_MC_ratio'")
    if frame["data_MC_sys_shift"].isna().all():
        frame = frame.drop(columns="data_MC_sys_shift")
    try:
        axes = axes_of_rows(frame, names)
    except BadTable as error:
        raise BadTable(f"{path.name}: {error}") from None
    frame = sort_rows(frame, axes)
    table = WeightTable(frame.assign(status=status_of(frame)), axes, cut=labels[0])
    return Payload(table, labels[1], labels[2], content["outOfRange"], content["variables"])
