"""Efficiencies as pidcalib2 keeps them, but as UHI JSON in place of a pickle.

pidcalib2 pickles three boost-histograms per requirement: ``eff_<cut>`` (its variance is the square
of the uncertainty of the efficiency), ``passing_<cut>`` and ``total``, with Weight storage and axes
whose metadata is ``{"name": variable}``. The same histograms by the same names in one JSON file are
read here; where pidcalib2 runs, ``json.dumps(histograms, default=uhi.io.json.default)`` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import uhi.io.json
from hist import Hist

from hepnb.errors import BadTable, nearest
from hepnb.pid.formats.uhi_files import plain_json, write_text
from hepnb.pid.tables.efficiency_result import EfficiencyTable
from hepnb.pid.tables.table_bins import histogram_of, sums

__all__ = ("read_pidcalib", "write_pidcalib")


def __dir__() -> tuple[str, ...]:
    return __all__


def write_pidcalib(tables: Sequence[EfficiencyTable], path: str | Path) -> Path:
    """Write efficiencies of one sample, one or several requirements, in the layout of pidcalib2.

    Raises
    ------
    BadTable
        If the tables have different totals, so that they are not of one sample and binning.
    """
    first = tables[0]
    pieces: dict[str, Any] = {}
    for table in tables:
        same = table.axes == first.axes and all(
            np.array_equal(a, b) for a, b in zip(_total(table), _total(first), strict=True)
        )
        if not same:
            message = f"{table.cut!r} and {first.cut!r} have different totals: not of one sample"
            raise BadTable(message)
        frame = table.frame
        # pidcalib2 knows one length per bin
        spread = np.maximum(frame["stat_up"], frame["stat_dn"]).to_numpy()
        pieces[f"eff_{table.cut}"] = histogram_of(
            table.axes, frame["efficiency"].to_numpy(), spread**2
        )
        pieces[f"passing_{table.cut}"] = table.histograms["passing"]
    pieces["total"], pieces["raw"] = first.histograms["total"], first.histograms["raw"]
    described = {name: uhi.io.json.default(each) for name, each in pieces.items()}
    return write_text(Path(path), plain_json(described))


def read_pidcalib(path: str | Path, cut: str | None = None) -> EfficiencyTable:
    """Read the efficiency of one requirement, computed anew from passing and total.

    Parameters
    ----------
    path
        UHI JSON with the names of pidcalib2.
    cut
        Which requirement; not needed where the file holds one.

    Returns
    -------
    EfficiencyTable
        Bins whose total is not positive have no efficiency here, whatever ``eff_<cut>`` says. The
        number of candidates, which pidcalib2 does not keep, is taken to be the effective one.

    Raises
    ------
    BadTable
        If the file is not of that layout, or does not hold the requirement.
    """
    path = Path(path)
    try:
        pieces = json.loads(path.read_text(encoding="utf-8"), object_hook=uhi.io.json.object_hook)
    except ValueError as error:
        raise BadTable(f"{path.name} is not JSON: {error}") from None
    cuts = [each.removeprefix("passing_") for each in pieces if each.startswith("passing_")]
    if "total" not in pieces or not cuts:
        raise BadTable(f"{path.name} holds no 'total' and 'passing_<cut>', as pidcalib2 names them")
    if cut is None and len(cuts) > 1:
        raise BadTable(f"{path.name} holds {len(cuts)} requirements, choose: {'; '.join(cuts)}")
    chosen = cuts[0] if cut is None else cut
    if chosen not in cuts:
        message = (
            f"{path.name} holds no {chosen!r}{nearest(chosen, cuts)}; it has {'; '.join(cuts)}"
        )
        raise BadTable(message)
    passing, total = (_hist(pieces[each]) for each in (f"passing_{chosen}", "total"))
    raw = _hist(pieces["raw"]) if "raw" in pieces else _effective(total)
    return EfficiencyTable.from_histograms(passing, total, raw=raw, cut=chosen)


def _total(table: EfficiencyTable) -> tuple[np.ndarray, np.ndarray]:
    return sums(table.histograms["total"])


def _hist(piece: Mapping[str, Any]) -> Hist[Any]:
    return Hist(dict(piece) | {"axes": [_named(each) for each in piece["axes"]]})


def _named(axis: Mapping[str, Any]) -> Mapping[str, Any]:
    """Axis with its name where hist looks for it; pidcalib2 wraps it in metadata of its own."""
    metadata = axis.get("metadata", {})
    inner = metadata.get("metadata")
    if "name" in metadata or not isinstance(inner, Mapping):
        return axis
    return dict(axis) | {"metadata": dict(inner)}


def _effective(total: Hist[Any]) -> Hist[Any]:
    value, variance = sums(total)
    number = np.where(variance > 0, value**2 / np.where(variance > 0, variance, 1.0), 0.0)
    axes = {axis.name: tuple(map(float, axis.edges)) for axis in total.axes}
    return histogram_of(axes, number, number)
