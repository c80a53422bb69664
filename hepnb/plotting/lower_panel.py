"""The panel below a spectrum: data and functions, compared with one of them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.plotting.room import make_room
from hepnb.plotting.style import COLOURS

__all__ = (
    "Counts",
    "Lower",
    "compare",
    "contain_lines",
    "draw_lower",
    "draw_points",
    "name_lower",
    "shade_hidden",
)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
Band = tuple[Floats, Floats]
Lower = Literal["difference", "ratio", "pull"]
"""What a lower panel shows: data minus function, data over function, or that in sigmas."""

_POINTS = {"fmt": "o", "ms": 3.4, "lw": 1.0, "color": COLOURS["data"], "zorder": 6}
_HIDDEN = "#e4e4e4"


class Counts(NamedTuple):
    """What is counted, as it is drawn."""

    edges: Floats
    """Bin edges, of shape (bins + 1,)."""
    values: Floats
    """Contents, of shape (bins,)."""
    errors: Band
    """Lengths of the error bars, down and up, each of shape (bins,)."""
    visible: NDArray[np.bool_]
    """False where a bin is blinded: nothing is drawn there but a grey band."""
    xlabel: str
    """Title of the mass axis, with its unit."""
    ylabel: str
    """Title of the other one."""


def draw_points(
    ax: Any, centres: Floats, values: Floats, errors: Floats, empty: Any = None
) -> None:
    """Draw points with bars; bins without any event as faint bars alone, which hide little."""
    none = values == 0 if empty is None else empty
    ax.errorbar(centres[~none], values[~none], yerr=errors[:, ~none], label="Data", **_POINTS)
    if none.any():
        faint = _POINTS | {"fmt": "none", "alpha": 0.3, "ecolor": COLOURS["data"], "zorder": 3}
        ax.errorbar(centres[none], values[none], yerr=errors[:, none], **faint)


def shade_hidden(ax: Any, counts: Counts) -> None:
    """Shade the windows that are hidden, grey and empty."""
    hidden = np.concatenate([[0], (~counts.visible).astype(int), [0]])
    begin, end = np.flatnonzero(np.diff(hidden) == 1), np.flatnonzero(np.diff(hidden) == -1)
    for i, (low, high) in enumerate(zip(counts.edges[begin], counts.edges[end], strict=True)):
        label = "Blinded" if i == 0 else None
        ax.axvspan(low, high, color=_HIDDEN, lw=0, zorder=0, label=label)


def compare(values: Floats, reference: Floats, lower: Lower, variance: Floats) -> Floats:
    """Values less or over a reference; NaN where that cannot be told."""
    with np.errstate(divide="ignore", invalid="ignore"):
        compared = {
            "difference": values - reference,
            "ratio": values / reference,
            "pull": (values - reference) / np.sqrt(variance),
        }[lower]
    return np.where(np.isfinite(compared), compared, np.nan)


def draw_lower(ax: Any, counts: Counts, expected: Floats, lower: Lower) -> None:
    """Draw the data compared with a function, `expected` being its number in each bin."""
    seen = counts.visible
    values = compare(counts.values, expected, lower, expected)[seen]
    down, up = (np.asarray(each)[seen] for each in counts.errors)
    scale = {
        "difference": np.ones_like(expected),
        "ratio": compare(np.ones_like(expected), expected, "ratio", expected),
        "pull": compare(np.ones_like(expected), np.sqrt(expected), "ratio", expected),
    }[lower][seen]
    centres = (0.5 * (counts.edges[1:] + counts.edges[:-1]))[seen]
    errors = np.array([down * scale, up * scale])
    draw_points(ax, centres, values, errors, empty=counts.values[seen] == 0)
    shade_hidden(ax, counts)
    middle = 1.0 if lower == "ratio" else 0.0
    away = values - middle
    above, below = _reach(away, errors[1]), _reach(-away, errors[0])
    # the middle stays well inside, for what is above and below to be compared
    top = middle + (max(above, 0.35 * below) or 1.0)
    bottom = middle - (max(below, 0.35 * above) or 1.0)
    ax.set_ylim(max(bottom, 0.0) if lower == "ratio" else bottom, top)


def _reach(values: Floats, errors: Floats) -> float:
    """How far an axis goes for points and nearly all bars: one must not flatten all the others."""
    if not np.isfinite(values).any():
        return 0.0
    bars = float(np.nanquantile(values + errors, 0.97))
    return 1.1 * max(bars, float(np.nanmax(values)), 0.0)


def contain_lines(ax: Any) -> None:
    """Widen the vertical range by as much as curves need."""
    low, high = ax.get_ylim()
    drawn = np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.lines])
    values = drawn[np.isfinite(drawn)]
    margin = 0.08 * (high - low)
    least, most = np.min(values, initial=np.inf), np.max(values, initial=-np.inf)
    ax.set_ylim(min(low, least - margin), max(high, most + margin))


def name_lower(ax: Any, lower: Lower, name: str, *, subtracted: str = "") -> None:
    """Say what the panel shows: beside the axis, or inside where `subtracted` is given."""
    titles = {"difference": f"Data $-$ {name}", "ratio": f"Data / {name}", "pull": "Pull"}
    if lower == "difference" and subtracted:
        # a title inside needs no width beside the axis, and reads as in the papers
        place = {"transform": ax.transAxes, "ha": "right", "va": "top", "fontsize": 10.5}
        make_room(ax, [ax.text(0.985, 0.94, subtracted, **place)])
        return
    # as long a title as the panel is high
    ax.set_ylabel(titles[lower], loc="center", fontsize=11 if len(name) < 10 else 9)
