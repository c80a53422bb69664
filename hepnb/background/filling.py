"""Candidates into a spectrum, chunk by chunk; what a window hides is let go at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from hepnb.background.spectrum import (
    BoolArray,
    FloatArray,
    MassSpectrum,
    find_bins,
    hidden_bins,
)
from hepnb.errors import BadParameters, BadTable

__all__ = (
    "BINS",
    "RANGE",
    "Filler",
    "Windows",
    "make_edges",
    "make_visible",
)

RANGE = (100.0, 180.0)
"""GeV; where a spectrum of masses lies unless it is said."""
BINS = 320
"""Bins of a spectrum of masses unless it is said: 4 per GeV on `RANGE`."""
MOST_MASSES = 5_000_000
"""More candidates than this are only counted in bins: 40 MB are held, not more."""

Windows: TypeAlias = Sequence[float] | Sequence[Sequence[float]]
"""One hidden window (lo, hi), or several."""


def __dir__() -> tuple[str, ...]:
    return __all__


def make_edges(span: Sequence[float] | None, bins: int | None) -> FloatArray:
    """Edges of equal bins, shape (bins + 1,), from 100 to 180 and 320 where nothing is said.

    Raises
    ------
    BadParameters
        The range is not two finite numbers that ascend, or there is no bin.
    """
    lo, hi = interval("range", RANGE if span is None else span)
    number = BINS if bins is None else bins
    if number < 1:
        raise BadParameters(f"bins = {number}; give 1 or more")
    edges = np.linspace(lo, hi, number + 1)
    # so that 0.1 steps meet the 115 of a window, and of candidates with few digits, exactly
    digits = 9 - int(np.floor(np.log10((hi - lo) / number)))
    inner: FloatArray = np.round(edges[1:-1], digits)
    return np.concatenate(([lo], inner, [hi]))


def make_visible(edges: FloatArray, blind: Windows | None, *, unblind: bool) -> BoolArray:
    """Which bins may be seen, shape (n,): those that no window overlaps.

    Raises
    ------
    BadParameters
        A window is not two numbers that ascend, or hides nothing, or nothing stays visible.
    """
    if unblind or blind is None or len(blind) == 0:
        return np.ones(len(edges) - 1, dtype=bool)
    several = not np.isscalar(blind[0])
    windows = [interval("blind", each) for each in (blind if several else [blind])]  # type: ignore[arg-type]
    for lo, hi in windows:
        if not hidden_bins(edges, ((lo, hi),)).any():
            raise BadParameters(
                f"blind window [{lo:g}, {hi:g}] hides nothing of the range [{edges[0]:g}, "
                f"{edges[-1]:g}]; give it in the units of the mass, or leave it out"
            )
    hidden = hidden_bins(edges, tuple(windows))
    if hidden.all():
        raise BadParameters(
            f"blind window {windows} hides all of the range [{edges[0]:g}, {edges[-1]:g}]; leave "
            "sidebands, or take more bins"
        )
    return ~hidden


def interval(name: str, given: Sequence[float]) -> tuple[float, float]:
    """Two finite numbers that ascend.

    Raises
    ------
    BadParameters
        They are something else.
    """
    try:
        lo, hi = (float(each) for each in given)
    except (TypeError, ValueError):
        raise BadParameters(f"{name} = {given!r}; give two numbers, (low, high)") from None
    if not (np.isfinite([lo, hi]).all() and lo < hi):
        raise BadParameters(f"{name} = ({lo:g}, {hi:g}); give finite numbers, the lower one first")
    return lo, hi


class Filler:
    """Adds chunks of candidates up to a spectrum; holds nothing of hidden bins.

    Parameters
    ----------
    edges, visible
        The bins, as of `make_edges` and `make_visible`.
    weighted
        Whether candidates come with weights; their masses are then not kept.
    """

    def __init__(self, edges: FloatArray, visible: BoolArray, *, weighted: bool) -> None:
        self.edges, self.visible, self.weighted = edges, visible, weighted
        self.dropped: dict[str, int] = {}
        self._counts = np.zeros(len(edges) - 1)
        self._kept = 0
        self._masses: list[FloatArray] | None = None if weighted else []
        self._seen = [np.inf, -np.inf]

    def add(self, masses: FloatArray, weights: FloatArray | None = None) -> None:
        """Fill candidates: masses of shape (n,), and as many weights."""
        bins, lost = find_bins(masses, self.edges)
        self._count(lost)
        outside = masses[(bins < 0) & ~np.isnan(masses)]
        if len(outside):
            self._seen = [min(self._seen[0], outside.min()), max(self._seen[1], outside.max())]
        kept = bins >= 0
        kept[kept] = self.visible[bins[kept]]
        if weights is not None:
            unknown = kept & ~np.isfinite(weights)
            self._count({"bad_weight": int(unknown.sum())} if unknown.any() else {})
            kept &= ~unknown
            weights = weights[kept]
        self._counts += np.bincount(bins[kept], weights, minlength=len(self._counts))
        self._kept += int(kept.sum())
        if self._masses is not None:
            self._masses.append(masses[kept])
            if self._kept > MOST_MASSES:
                self._masses = None

    def _count(self, lost: dict[str, int]) -> None:
        for reason, number in lost.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + number

    def check_range(self, name: str, *, chosen: bool) -> None:
        """Refuse a range that leaves out more than half of the candidates, or 99 % if `chosen`.

        What is hidden must not decide, so visible bins stand for it by their share of the range.

        Parameters
        ----------
        name
            Whose candidates they are, for the message.
        chosen
            Whether somebody gave the range; then it may leave out what it likes but nearly all.

        Raises
        ------
        BadTable
            With the remedy.
        """
        outside = self.dropped.get("below", 0) + self.dropped.get("above", 0)
        widths = np.diff(self.edges)
        inside = self._kept * widths.sum() / widths[self.visible].sum()
        # one candidate may well lie in the window
        inside += not self.visible.all()
        if outside > (99 * (inside + 1) if chosen else inside):
            raise BadTable(
                f"{outside} candidates of {name} are outside of the range [{self.edges[0]:g}, "
                f"{self.edges[-1]:g}), between {self._seen[0]:g} and {self._seen[1]:g}: far more "
                "than inside; give the range of the fit, another variable as the mass (for "
                "instance 'mass / 1000'), or a cut"
            )

    def spectrum(self, *, variable: str, category: str) -> MassSpectrum:
        """Give what was filled."""
        masses = None
        if self._masses is not None:
            masses = np.sort(np.concatenate([np.empty(0), *self._masses]))
        return MassSpectrum(
            edges=self.edges,
            counts=self._counts,
            visible=self.visible,
            masses=masses,
            variable=variable,
            category=category,
            dropped=self.dropped,
            weighted=self.weighted,
        )
