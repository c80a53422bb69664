"""Counts in two masses, some of them hidden; what is blinded is let go while it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from hepnb.background.filling import Windows, interval, make_edges, make_visible
from hepnb.background.reading import Spectral, sample_of
from hepnb.background.spectrum import BoolArray, FloatArray, MassSpectrum, find_bins
from hepnb.errors import BadParameters, BadTable

__all__ = ("Region", "Spectrum2D", "read_spectrum_2d")


def __dir__() -> tuple[str, ...]:
    return __all__


Region: TypeAlias = Literal["rectangle", "cross"]
"""Where both windows meet, or wherever either is."""


@dataclasses.dataclass(frozen=True, eq=False)
class Spectrum2D:
    """Candidates per cell of two masses x and y; what is blinded is not in it.

    Bins are half open, [lo, hi). The arrays cannot be written to.

    Parameters
    ----------
    x_edges, y_edges
        Edges of the bins, shapes (nx + 1,) and (ny + 1,), ascending.
    counts
        Candidates, shape (nx, ny); 0 where hidden.
    visible
        What may be seen, shape (nx, ny); empty: all.
    variables
        What the axes are.
    unit
        Of both.
    category
        Name of the category.
    dropped
        How many candidates are in no bin, by variable and reason; what is blinded is not among
        them.

    Raises
    ------
    BadTable
        Edges, shapes or counts that make no sense, or hidden bins that hold counts.
    """

    x_edges: FloatArray
    y_edges: FloatArray
    counts: FloatArray
    visible: BoolArray = dataclasses.field(default_factory=lambda: np.empty(0, dtype=bool))
    variables: tuple[str, str] = ("mass", "mjj")
    unit: str = "GeV"
    category: str = ""
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = np.array(self.counts, dtype=np.float64)
        shape = (len(self.x_edges) - 1, len(self.y_edges) - 1)
        shown = np.array(self.visible, bool) if np.size(self.visible) else np.ones(shape, bool)
        if counts.shape != shape or shown.shape != shape:
            message = f"counts {counts.shape} and visible {shown.shape} for bins {shape}"
            raise BadTable(f"{message}; give one of each per bin")
        if not (np.isfinite(counts).all() and (counts >= 0).all()):
            raise BadTable("counts must be finite and not negative")
        if counts[~shown].any():
            raise BadTable("hidden bins hold counts; set them to 0, or show the bins")
        for name in ("x_edges", "y_edges"):
            edges = np.array(getattr(self, name), dtype=np.float64)
            if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
                raise BadTable(f"{name} {edges} do not ascend; give finite, ascending numbers")
            object.__setattr__(self, name, edges)
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "visible", shown)
        for array in (self.x_edges, self.y_edges, counts, shown):
            array.setflags(write=False)
        object.__setattr__(self, "dropped", MappingProxyType(dict(self.dropped)))

    @property
    def total(self) -> float:
        """Visible candidates."""
        return float(self.counts.sum())

    @property
    def seen(self) -> tuple[BoolArray, BoolArray]:
        """Bins of x, and of y, of which anything is visible: shapes (nx,), (ny,)."""
        return (
            np.asarray(self.visible.any(axis=1), dtype=bool),
            np.asarray(self.visible.any(axis=0), dtype=bool),
        )

    @property
    def factorises(self) -> bool:
        """Whether the visible region is all pairs of visible x and visible y.

        So it is unless a rectangle is hidden. Then, and only then, the likelihood of a product of
        functions is a product of likelihoods.
        """
        return bool(np.array_equal(self.visible, np.outer(*self.seen)))

    @property
    def bands(self) -> tuple[BoolArray, BoolArray]:
        """Bins of y over which projections on x are made, and of x for those on y.

        Those beside which nothing is hidden that is visible elsewhere: beside a hidden rectangle,
        and all where none is hidden.
        """
        x_seen, y_seen = self.seen
        return (
            np.asarray(self.visible[x_seen].all(axis=0) & y_seen, dtype=bool),
            np.asarray(self.visible[:, y_seen].all(axis=1) & x_seen, dtype=bool),
        )

    def projection(self, axis: Literal[0, 1]) -> MassSpectrum:
        """Spectrum of x (axis 0) or y (axis 1), of candidates in `bands` of the other one."""
        band = self.bands[axis]
        counts = self.counts[:, band].sum(axis=1) if axis == 0 else self.counts[band].sum(axis=0)
        return MassSpectrum(
            edges=self.x_edges if axis == 0 else self.y_edges,
            counts=counts,
            visible=self.seen[axis],
            variable=self.variables[axis],
            unit=self.unit,
            category=self.category,
        )

    def with_counts(self, counts: npt.ArrayLike) -> Spectrum2D:
        """Fill the same bins with other counts, shape (nx, ny); hidden bins are not filled."""
        shown = np.where(self.visible, np.asarray(counts, dtype=np.float64), 0.0)
        return dataclasses.replace(self, counts=shown, dropped={})

    def summary(self) -> str:
        """Say what was read, what is hidden and what was left out."""
        (x, y), hidden = self.variables, ~self.visible
        ranges = [f"[{edges[0]:g}, {edges[-1]:g})" for edges in (self.x_edges, self.y_edges)]
        parts = [
            f"{self.total:.0f} candidates, {x} in {ranges[0]} and {y} in {ranges[1]} {self.unit}"
        ]
        if hidden.any():
            parts.append(f"{hidden.mean():.1%} of the plane is hidden")
        parts += [f"{number} left out: {reason}" for reason, number in self.dropped.items()]
        return "; ".join(parts)


def read_spectrum_2d(
    source: Spectral = "",
    *,
    x: str = "mass",
    y: str = "mjj",
    x_range: Sequence[float] = (100.0, 180.0),
    y_range: Sequence[float] = (70.0, 190.0),
    x_bins: int = 160,
    y_bins: int = 120,
    blind_x: Windows | None = None,
    blind_y: Windows | None = None,
    region: Region = "rectangle",
    unblind: bool = False,
    cut: str = "",
    tree: str = "",
    category: str = "",
) -> Spectrum2D:
    """Read candidates in two masses, in chunks; nothing of what is blinded is kept.

    Parameters
    ----------
    source
        As of `read_spectrum`, with columns; ``""`` for the embedded HH -> bb gamma gamma-like
        sample. Candidates are counted: weights have no place in the tests that follow.
    x, y
        Columns or expressions: m_gg and m_jj.
    x_range, y_range, x_bins, y_bins
        Ranges, and bins in them.
    blind_x, blind_y
        Hidden windows. One alone hides its strip of the plane whatever the other mass is.
    region
        What two windows hide: the ``rectangle`` where both meet, which is where the signal is; or
        the ``cross`` of both strips, so that no projection shows anything within its window.
    unblind
        Show what the windows would hide; the only way to.
    cut, tree, category
        As of `read_spectrum`.

    Returns
    -------
    Spectrum2D

    Raises
    ------
    BadParameters
        A range, bin number or window makes no sense, or nothing stays visible.
    BadTable
        All but 1 % of the candidates are out of range.
    UnreadableFile, UnknownVariable, BadVariable, CutSyntaxError
        As `Sample` does.
    """
    if isinstance(source, str) and not source:
        from hepnb.background.samples import embedded

        source = str(embedded("hhbbgg.parquet"))
    x_edges = make_edges(interval("x_range", x_range), x_bins)
    y_edges = make_edges(interval("y_range", y_range), y_bins)
    visible = _visible(x_edges, y_edges, blind_x, blind_y, region, unblind=unblind)
    sample = sample_of(source, tree=tree, category=category)
    counts = np.zeros(visible.shape)
    dropped: dict[str, int] = {}
    for chunk in sample.iterate([x, y], cut=cut):
        (i, lost_x), (j, _) = find_bins(chunk[x], x_edges), find_bins(chunk[y], y_edges)
        _, lost_y = find_bins(chunk[y][i >= 0], y_edges)  # each is left out for one reason
        for name, lost in ((x, lost_x), (y, lost_y)):
            for reason, number in lost.items():
                key = f"{name} {reason}"
                dropped[key] = dropped.get(key, 0) + number
        kept = (i >= 0) & (j >= 0)
        kept[kept] = visible[i[kept], j[kept]]
        np.add.at(counts, (i[kept], j[kept]), 1.0)
    lost_all, hidden = sum(dropped.values()), not visible.all()
    if lost_all > 99 * (counts.sum() + 1 + hidden):
        raise BadTable(
            f"{lost_all} candidates of {sample.name!r} are out of range and {counts.sum():.0f} "
            f"within ({dropped}); give the ranges in the units of {x} and {y}"
        )
    return Spectrum2D(x_edges, y_edges, counts, visible, (x, y), category=category, dropped=dropped)


def _visible(
    x_edges: FloatArray,
    y_edges: FloatArray,
    blind_x: Windows | None,
    blind_y: Windows | None,
    region: Region,
    *,
    unblind: bool,
) -> BoolArray:
    if region not in ("rectangle", "cross"):
        raise BadParameters(f"region = {region!r}; give 'rectangle' or 'cross'")
    x_shown = make_visible(x_edges, blind_x, unblind=unblind)[:, None]
    y_shown = make_visible(y_edges, blind_y, unblind=unblind)[None, :]
    if region == "rectangle" and not x_shown.all() and not y_shown.all():
        return np.asarray(x_shown | y_shown, dtype=bool)
    return np.asarray(x_shown & y_shown, dtype=bool)
