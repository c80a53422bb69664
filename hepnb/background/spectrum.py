"""A mass spectrum: counts in bins, some of them hidden."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hepnb.errors import BadParameters, BadTable

__all__ = ("FloatArray", "MassSpectrum", "hidden_bins")


def __dir__() -> tuple[str, ...]:
    return __all__


FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: an overlap below this share of a bin's width is rounding, not an overlap
ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True, eq=False)
class MassSpectrum:
    """Candidates per bin of mass, for one category; what is blinded is not in it.

    Bins are half open, [lo, hi): a candidate exactly at the upper end of the range is out of it.
    The arrays cannot be written to.

    Parameters
    ----------
    edges
        Edges of the n bins, shape (n + 1,), ascending.
    counts
        Candidates, or sum of weights, shape (n,); 0 in hidden bins.
    visible
        Which bins may be seen, shape (n,); empty: all.
    masses
        The candidates themselves, ascending, those of visible bins only; None where only counts
        are known.
    variable, unit
        What the axis is.
    category
        Name of the category.
    dropped
        How many candidates are in no bin, by reason ("below", "above", "nan", ...). What a blinded
        window holds is not among them.
    weighted
        Whether the counts are sums of weights.

    Raises
    ------
    BadTable
        Edges that do not ascend, counts that are negative, not finite or not hidden where they
        should be, masses out of the visible bins.
    """

    edges: FloatArray
    counts: FloatArray
    visible: BoolArray = dataclasses.field(default_factory=lambda: np.empty(0, dtype=bool))
    masses: FloatArray | None = None
    variable: str = "mass"
    unit: str = "GeV"
    category: str = ""
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    weighted: bool = False

    def __post_init__(self) -> None:
        edges = np.array(self.edges, dtype=np.float64)
        if (
            edges.ndim != 1
            or len(edges) < 2
            or not np.isfinite(edges).all()
            or not (np.diff(edges) > 0).all()
        ):
            raise BadTable(f"bin edges {edges} do not ascend; give n + 1 finite, ascending numbers")
        counts = np.array(self.counts, dtype=np.float64)
        n_bins = len(edges) - 1
        shown = np.array(self.visible, dtype=bool) if len(self.visible) else np.ones(n_bins, bool)
        for name, array in (("counts", counts), ("visible", shown)):
            if array.shape != (n_bins,):
                raise BadTable(f"{name} of shape {array.shape} for {n_bins} bins; give one a bin")
        _check_counts(edges, counts, shown)
        self._freeze("edges", edges)
        self._freeze("counts", counts)
        self._freeze("visible", shown)
        if self.masses is not None:
            self._freeze("masses", _checked_masses(self.masses, edges, counts, shown))
        object.__setattr__(self, "dropped", MappingProxyType(dict(self.dropped)))

    def _freeze(self, name: str, array: npt.NDArray[np.generic]) -> None:
        array.setflags(write=False)
        object.__setattr__(self, name, array)

    def __getstate__(self) -> dict[str, object]:
        # a read-only view of a dictionary does not travel to a worker
        return {**self.__dict__, "dropped": dict(self.dropped)}

    def __setstate__(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "dropped", MappingProxyType(dict(self.dropped)))
        for name in ("edges", "counts", "visible", "masses"):
            if getattr(self, name) is not None:
                getattr(self, name).setflags(write=False)

    @property
    def lo(self) -> float:
        """Lower end of the range, hidden bins included."""
        return float(self.edges[0])

    @property
    def hi(self) -> float:
        """Upper end of the range, hidden bins included."""
        return float(self.edges[-1])

    @property
    def widths(self) -> FloatArray:
        """Widths of the bins, shape (n,)."""
        return np.diff(self.edges)

    @property
    def centres(self) -> FloatArray:
        """Middles of the bins, shape (n,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def total(self) -> float:
        """Sum of the visible counts."""
        return float(self.counts.sum())

    @property
    def blind(self) -> tuple[tuple[float, float], ...]:
        """Hidden windows (lo, hi), as wide as the bins that they hide."""
        return self._runs(~self.visible)

    @property
    def visible_runs(self) -> tuple[tuple[float, float], ...]:
        """Windows (lo, hi) that may be seen."""
        return self._runs(self.visible)

    def summary(self) -> str:
        """Say how many candidates are seen, where, and how many are not."""
        where = f"{self.lo:g} < {self.variable} < {self.hi:g} {self.unit}"
        seen = f"{self.total:g} candidates in {int(self.visible.sum())} bins, {where}"
        lines = [f"{self.category or 'all'}: {seen}"]
        if self.blind:
            windows = ", ".join(f"{lo:g} to {hi:g}" for lo, hi in self.blind)
            lines.append(f"hidden: {windows} {self.unit}")
        lines += [f"left out, {reason}: {n}" for reason, n in self.dropped.items() if n]
        return "\n".join(lines)

    def _runs(self, chosen: BoolArray) -> tuple[tuple[float, float], ...]:
        steps = np.diff(np.concatenate(([0], chosen.astype(np.int8), [0])))
        starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        pairs = zip(self.edges[starts], self.edges[ends], strict=True)
        return tuple((float(lo), float(hi)) for lo, hi in pairs)

    def with_counts(self, counts: npt.ArrayLike) -> MassSpectrum:
        """Fill the same bins with other counts, as of pseudo-data; hidden bins are not filled.

        Parameters
        ----------
        counts
            Shape (n,); numbers in hidden bins are not kept.

        Returns
        -------
        MassSpectrum
            Without masses; nothing dropped.
        """
        shown = np.where(self.visible, np.asarray(counts, dtype=np.float64), 0.0)
        return dataclasses.replace(self, counts=shown, masses=None, dropped={})

    def with_masses(self, masses: npt.ArrayLike) -> MassSpectrum:
        """Fill the same bins with other candidates; those of hidden bins are not kept.

        Parameters
        ----------
        masses
            Shape (N,), in any order; those out of range are counted in `dropped`.

        Returns
        -------
        MassSpectrum
            With the masses, unweighted.
        """
        given = np.asarray(masses, dtype=np.float64)
        bins, dropped = find_bins(given, self.edges)
        kept = bins >= 0
        kept[kept] = self.visible[bins[kept]]
        counts = np.bincount(bins[kept], minlength=len(self.counts)).astype(np.float64)
        return dataclasses.replace(
            self, counts=counts, masses=np.sort(given[kept]), dropped=dropped, weighted=False
        )

    def rebinned(self, factor: int) -> MassSpectrum:
        """Every `factor` bins made one.

        A merged bin that is hidden in part is hidden: what it held beside the window is left out
        and counted in ``dropped["beside_blind"]``.

        Raises
        ------
        BadParameters
            The number of bins is no multiple of `factor`.
        """
        n_bins = len(self.counts)
        if factor < 1 or n_bins % factor:
            raise BadParameters(
                f"{n_bins} bins cannot be merged by {factor}; give a divisor of {n_bins}"
            )
        shown: BoolArray = np.asarray(self.visible.reshape(-1, factor).all(axis=1), dtype=bool)
        merged = self.counts.reshape(-1, factor).sum(axis=1)
        dropped = dict(self.dropped)
        lost = float(merged[~shown].sum())
        if lost:
            dropped["beside_blind"] = dropped.get("beside_blind", 0) + int(np.ceil(lost))
        masses = self.masses
        if masses is not None:
            masses = masses[np.repeat(shown, factor)[find_bins(masses, self.edges)[0]]]
        return dataclasses.replace(
            self,
            edges=self.edges[::factor],
            counts=np.where(shown, merged, 0.0),
            visible=shown,
            masses=masses,
            dropped=dropped,
        )


def find_bins(masses: FloatArray, edges: FloatArray) -> tuple[npt.NDArray[np.intp], dict[str, int]]:
    """Bin of each mass in half-open bins, -1 for none, and how many are in none, by reason.

    Infinite masses are "below" and "above"; reasons without candidates are not listed.
    """
    bins = np.searchsorted(edges, masses, side="right") - 1
    unknown, below, above = np.isnan(masses), masses < edges[0], masses >= edges[-1]
    bins[unknown | below | above] = -1
    found = {"below": int(below.sum()), "above": int(above.sum()), "nan": int(unknown.sum())}
    return bins, {reason: number for reason, number in found.items() if number}


def hidden_bins(edges: FloatArray, windows: tuple[tuple[float, float], ...]) -> BoolArray:
    """Bins that overlap one of the windows (lo, hi), shape (n,); a common edge is no overlap."""
    hidden = np.zeros(len(edges) - 1, dtype=bool)
    for lo, hi in windows:
        overlap = np.minimum(edges[1:], hi) - np.maximum(edges[:-1], lo)
        hidden |= overlap > ROUNDING * np.diff(edges)
    return hidden


def _check_counts(edges: FloatArray, counts: FloatArray, shown: BoolArray) -> None:
    bad = ~np.isfinite(counts) | (counts < 0)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise BadTable(
            f"bin [{edges[first]:g}, {edges[first + 1]:g}) holds {counts[first]:g}"
            f"{f', and {bad.sum() - 1} more are like it' if bad.sum() > 1 else ''}; contents must "
            "be finite and not negative: merge bins, or use weights that are positive"
        )
    if counts[~shown].any():
        raise BadTable("hidden bins hold counts; set them to 0, or show the bins")


def _checked_masses(
    masses: FloatArray, edges: FloatArray, counts: FloatArray, shown: BoolArray
) -> FloatArray:
    ordered = np.array(masses, dtype=np.float64)
    bins, dropped = find_bins(ordered, edges)
    if dropped or not shown[bins].all() or (np.diff(ordered) < 0).any():
        raise BadTable("masses must ascend and lie in visible bins; use with_masses to fill them")
    if not np.array_equal(np.bincount(bins, minlength=len(counts)), counts):
        raise BadTable("masses and counts are of different candidates; use with_masses")
    return ordered
