"""A first look at a mass spectrum, from which fits start."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ("Guess",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class Guess(NamedTuple):
    """What a histogram tells about a spectrum before any fit; all but `tilt` in units of mass."""

    lo: float
    """Lower end of the fit range."""
    hi: float
    """Upper end of the fit range."""
    peak: float
    """Where the spectrum exceeds the line through its sidebands most."""
    width: float
    """Half-maximum width of that excess over 2.355, a standard deviation if it is Gaussian."""
    tilt: float
    """Slope of the sidebands: (right - left) / (right + left), between -0.9 and 0.9."""

    @classmethod
    def from_histogram(cls, counts: Floats, edges: Floats) -> Guess:
        """Guess from counts of shape (bins,) between edges of shape (bins + 1,)."""
        lo, hi = float(edges[0]), float(edges[-1])
        centres, bins = 0.5 * (edges[1:] + edges[:-1]), len(counts)
        density = counts / np.diff(edges)
        side = max(1, bins // 10)
        left, right = density[:side].mean(), density[-side:].mean()
        excess = density - np.interp(centres, [lo, hi], [left, right])
        box = max(1, bins // 30)
        smooth = np.convolve(excess, np.full(box, 1.0 / box), mode="same")
        top = int(np.argmax(smooth))
        tilt = (right - left) / (right + left) if right + left > 0 else 0.0
        tilt = float(np.clip(tilt, -0.9, 0.9))
        if smooth[top] <= 0:
            return cls(lo, hi, 0.5 * (lo + hi), (hi - lo) / 20.0, tilt)
        low = np.flatnonzero(smooth < 0.5 * smooth[top])
        first = int(low[low < top].max(initial=-1)) + 1
        last = int(low[low > top].min(initial=bins))
        width = (edges[last] - edges[first]) / 2.355
        return cls(lo, hi, float(centres[top]), float(min(width, (hi - lo) / 4)), tilt)
