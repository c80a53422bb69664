"""Spectra from counts: rows of lo, hi, count, histogram objects, and UHI JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hepnb.background.filling import Windows, interval, make_visible
from hepnb.background.spectrum import ROUNDING, FloatArray, MassSpectrum
from hepnb.errors import BadParameters, BadTable, UnreadableFile

__all__ = ("ROWS", "from_histogram", "from_rows", "from_uhi_json")

ROWS = ("lo", "hi", "count")
"""Columns of a table of counts."""


def __dir__() -> tuple[str, ...]:
    return __all__


def from_rows(
    low: FloatArray, high: FloatArray, counts: FloatArray, name: str, **options: Any
) -> MassSpectrum:
    """Make a spectrum of one row per bin.

    Parameters
    ----------
    low, high, counts
        Ends of each bin and what it holds, shape (n,).
    name
        Whose rows they are, for messages.
    **options
        As of `from_histogram`.

    Raises
    ------
    BadTable
        There is no row, or a bin has no width, leaves a gap, overlaps the one before, or does not
        follow it: the message names the row.
    """
    if not len(low):
        raise BadTable(f"{name} has no rows; give one per bin with lo, hi, count, also when empty")
    for row in range(len(low)):
        if not (np.isfinite([low[row], high[row]]).all() and low[row] < high[row]):
            raise BadTable(
                f"row {row + 1} of {name}: lo = {low[row]:g}, hi = {high[row]:g}; give finite "
                "numbers with lo < hi"
            )
        if row and abs(low[row] - high[row - 1]) > ROUNDING * (high[row] - low[row]):
            what = "leaves a gap after" if low[row] > high[row - 1] else "overlaps"
            raise BadTable(
                f"row {row + 1} of {name}: bin [{low[row]:g}, {high[row]:g}) {what} "
                f"[{low[row - 1]:g}, {high[row - 1]:g}); give adjacent bins in ascending order, "
                "with a count of 0 where nothing was found"
            )
    return _spectrum(np.append(low, high[-1]), counts, (0.0, 0.0), name=name, **options)


def from_histogram(histogram: Any, name: str = "the histogram", **options: Any) -> MassSpectrum:
    """Make a spectrum of a `hist.Hist` or any other histogram of the UHI protocol with one axis.

    Parameters
    ----------
    histogram
        Its flow bins, where it has some, are counted as below and above.
    name
        For messages.
    **options
        Of `read_spectrum`: span, bins, blind, unblind, variable, category.

    Raises
    ------
    BadTable
        It has several axes.
    """
    axes = histogram.axes
    if len(axes) != 1:
        found = ", ".join(getattr(each, "name", "") or "?" for each in axes)
        raise BadTable(f"{name} has {len(axes)} axes ({found}); project it on the mass first")
    axis, values = axes[0], np.asarray(histogram.values(), dtype=np.float64)
    try:
        edges = np.asarray(axis.edges, dtype=np.float64)
    except (AttributeError, TypeError):  # an axis of the bare protocol is a sequence of bins
        edges = np.asarray([axis[0][0], *(each[1] for each in axis)], dtype=np.float64)
    flow = (0.0, 0.0)
    traits = getattr(axis, "traits", None)
    if traits is not None:
        full = np.asarray(histogram.values(flow=True), dtype=np.float64)
        flow = (
            float(full[0]) if traits.underflow else 0.0,
            float(full[-1]) if traits.overflow else 0.0,
        )
    options.setdefault("variable", getattr(axis, "name", "") or "mass")
    return _spectrum(edges, values, flow, name=name, **options)


def from_uhi_json(path: str, key: str = "", **options: Any) -> MassSpectrum:
    """Make a spectrum of a UHI JSON file of one histogram, or of one of several by name.

    Raises
    ------
    UnreadableFile
        It is missing, no JSON, holds no histogram, or several and `key` names none.
    """
    import uhi.io.json
    from hist import Hist

    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableFile(f"{path!r} cannot be read as JSON: {error}") from None
    found = {"": content} if isinstance(content, dict) and "axes" in content else content
    if not isinstance(found, dict) or not any(_is_histogram(each) for each in found.values()):
        raise UnreadableFile(f"{path!r} holds no histogram of the UHI schema (axes and storage)")
    found = {name: each for name, each in found.items() if _is_histogram(each)}
    chosen = key if key in found else next(iter(found))
    if len(found) > 1 and key not in found:
        raise UnreadableFile(f"{path!r} holds {', '.join(found)}; say which as `tree`")
    try:
        # the schema is checked by what reads it; strings of it become arrays there
        histogram = Hist(json.loads(json.dumps(found[chosen]), object_hook=uhi.io.json.object_hook))
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableFile(f"{path!r} is no valid UHI histogram: {error!r}") from error
    return from_histogram(histogram, name=repr(path), **options)


def _is_histogram(content: object) -> bool:
    return isinstance(content, dict) and "axes" in content and "storage" in content


def _spectrum(
    edges: FloatArray,
    counts: FloatArray,
    flow: tuple[float, float],
    *,
    name: str,
    span: Sequence[float] | None = None,
    bins: int | None = None,
    blind: Windows | None = None,
    unblind: bool = False,
    variable: str = "mass",
    category: str = "",
) -> MassSpectrum:
    first, stop = 0, len(counts)
    if span is not None:
        first, stop = (_edge(edges, each, name) for each in interval("range", span))
    outside = {"below": flow[0] + counts[:first].sum(), "above": flow[1] + counts[stop:].sum()}
    edges, counts = edges[first : stop + 1], counts[first:stop]
    if bins is not None:
        if bins < 1 or len(counts) % bins:
            raise BadParameters(
                f"the {len(counts)} bins of {name} cannot be made {bins}; give a divisor, or leave "
                "`bins` out to take them as they are"
            )
        factor = len(counts) // bins
        edges, counts = edges[::factor], counts.reshape(-1, factor).sum(axis=1)
    visible = make_visible(edges, blind, unblind=unblind)
    shown = np.where(visible, counts, 0.0)
    for reason, number in outside.items():
        if not np.isfinite(number) or number < 0:
            raise BadTable(f"{name} holds {number:g} candidates {reason} the range; mend the file")
    return MassSpectrum(
        edges=edges,
        counts=shown,
        visible=visible,
        variable=variable,
        category=category,
        # a part of a candidate, of weighted counts, is told as one
        dropped={reason: int(np.ceil(each)) for reason, each in outside.items() if each},
        weighted=bool((shown != np.round(shown)).any()),
    )


def _edge(edges: FloatArray, wanted: float, name: str) -> int:
    place = int(np.argmin(np.abs(edges - wanted)))
    if abs(edges[place] - wanted) > ROUNDING * np.diff(edges).min():
        raise BadParameters(
            f"range ends at {wanted:g}, which is no bin edge of {name}; the nearest is "
            f"{edges[place]:g}, and counts cannot be split"
        )
    return place
