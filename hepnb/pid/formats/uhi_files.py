"""Tables as UHI JSON: the histograms they are made from, so that nothing is lost.

A file holds named histograms that ``uhi.io.json`` and any UHI library read. Efficiency tables are
``passing``, ``total``, ``raw`` and, with a second weight, ``passing_sys``, ``total_sys``; a weight
table has each of these with the prefixes ``data_`` and ``MC_``, and ``ratio``, whose variance is
the square of the longer statistical error bar. JSON has no NaN: a bin without a ratio is ``null``
there, which numpy, and so hist, reads as NaN. What else a table knows is metadata of ``total``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import uhi.io.json
from hist import Hist

from hepnb.errors import BadTable
from hepnb.pid.tables.efficiency_result import EfficiencyTable
from hepnb.pid.tables.table_bins import histogram_of
from hepnb.pid.tables.weight_result import WeightTable

__all__ = (
    "plain_json",
    "read_efficiency_uhi",
    "read_uhi",
    "write_efficiency_uhi",
    "write_text",
    "write_uhi",
)

_LABELS = ("cut", "precut", "sample", "interval", "weight", "weight_sys")
_COUNT = "candidates "


def __dir__() -> tuple[str, ...]:
    return __all__


def write_text(path: Path, text: str) -> Path:
    """Write a file beside its place and rename it when whole."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def write_efficiency_uhi(table: EfficiencyTable, path: str | Path) -> Path:
    """Write an efficiency table as UHI JSON."""
    return _write(_pieces(table, ""), path)


def write_uhi(table: WeightTable, path: str | Path) -> Path:
    """Write a weight table as UHI JSON.

    Raises
    ------
    BadTable
        If the table was read from a file that does not hold its histograms.
    """
    if table.data is None or table.mc is None:
        message = "this table was read without its histograms; measure it anew, or write a CSV"
        raise BadTable(message)
    bars = [table.frame[f"data_MC_uncertainty_stat_{each}"] for each in ("up", "dn")]
    ratio = histogram_of(
        table.axes, table.frame["data_MC_ratio"].to_numpy(), np.maximum(*bars).to_numpy() ** 2
    )
    pieces = _pieces(table.data, "data_") | _pieces(table.mc, "MC_")
    pieces["ratio"] = _described(ratio, {"bad_bins": table.bad_bins})
    return _write(pieces, path)


def read_efficiency_uhi(path: str | Path) -> EfficiencyTable:
    """Read an efficiency table that `write_efficiency_uhi` wrote.

    Raises
    ------
    BadTable
        If the file does not hold one.
    """
    return _efficiency(_read(path), "", Path(path))


def read_uhi(path: str | Path) -> WeightTable:
    """Read a weight table that `write_uhi` wrote, made anew from its histograms.

    Raises
    ------
    BadTable
        If the file does not hold one.
    """
    pieces, path = _read(path), Path(path)
    data, mc = (_efficiency(pieces, prefix, path) for prefix in ("data_", "MC_"))
    how = pieces.get("ratio", {}).get("metadata", {}).get("bad_bins", "keep")
    return WeightTable.from_efficiencies(data, mc, on_bad=how)


def _pieces(table: EfficiencyTable, prefix: str) -> dict[str, Any]:
    labels = {each: getattr(table, each) for each in _LABELS if getattr(table, each) is not None}
    labels |= {f"{_COUNT}{cause}": number for cause, number in table.counts.items()}
    return {
        f"{prefix}{name}": _described(each, labels if name == "total" else {})
        for name, each in table.histograms.items()
    }


def _described(histogram: Hist[Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = uhi.io.json.default(histogram)
    return made | ({"metadata": dict(metadata)} if metadata else {})


def _write(pieces: Mapping[str, Any], path: str | Path) -> Path:
    return write_text(Path(path), plain_json(pieces))


def plain_json(pieces: Mapping[str, Any]) -> str:
    """Text of described histograms, with null for NaN."""
    return json.dumps(pieces, default=_plain, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        known = value.astype(object)
        known[np.isnan(value)] = None
        return known.tolist()
    return uhi.io.json.default(value)


def _read(path: str | Path) -> dict[str, Any]:
    try:
        found = json.loads(Path(path).read_text(), object_hook=uhi.io.json.object_hook)
    except ValueError as error:
        raise BadTable(f"{Path(path).name} is not JSON: {error}") from None
    return found if isinstance(found, dict) else {}


def _efficiency(pieces: Mapping[str, Any], prefix: str, path: Path) -> EfficiencyTable:
    wanted = ("passing", "total", "raw", "passing_sys", "total_sys")
    found = {each: pieces[prefix + each] for each in wanted if prefix + each in pieces}
    absent = [prefix + each for each in wanted[:3] if each not in found]
    if absent:
        message = f"{path.name} holds no histogram {absent[0]!r}; hepnb writes it into every table"
        raise BadTable(message)
    labels: dict[str, Any] = dict(found["total"].get("metadata", {}))
    labels |= {name: Hist(each) for name, each in found.items()}
    counts = {key: labels.pop(key) for key in list(labels) if key.startswith(_COUNT)}
    return EfficiencyTable.from_histograms(
        counts=MappingProxyType({key.removeprefix(_COUNT): each for key, each in counts.items()}),
        **labels,
    )
