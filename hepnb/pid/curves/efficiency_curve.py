"""Efficiency against threshold: the curve of one set of candidates, and its inverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ("Accept", "EfficiencyCurve", "Threshold")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
Accept = Literal["above", "below"]

_STEP = 0.01  # efficiency, beyond which one step between neighbours is worth a word


class Threshold(NamedTuple):
    """A threshold that reaches a wanted efficiency."""

    value: float
    """In the unit of the variable; NaN where no threshold of the range reaches the efficiency."""
    stat_dn: float
    """Length of the statistical error bar downwards; NaN where it leaves the range."""
    stat_up: float
    """The same upwards."""
    sys_shift: float
    """Change with the second weight; 0 without one."""
    status: str
    """``ok``; ``not_reached``: every threshold has less; ``exceeded``: every one has more;
    ``open_error``: an end of the error bar is outside the range; ``step``: between two neighbouring
    thresholds the efficiency jumps over the wanted one, so that none gives it (an atom)."""


@dataclass(frozen=True, eq=False)
class EfficiencyCurve:
    """Efficiency of `variable > threshold` (or `<`) at every threshold.

    Attributes
    ----------
    frame
        One row per threshold, increasing: ``threshold``, then the columns of an efficiency table
        (`efficiency_result.EfficiencyTable`): ``efficiency, stat_up, stat_dn, sys_shift,
        n_raw, n_eff, sum_w, status`` and so on. Neighbours share most of their candidates, so
        their uncertainties are almost fully correlated. With weights of both signs the
        efficiency need not fall where the requirement tightens; it is shown as it is.
    sums
        ``passing``, ``total`` and, with a second weight, ``passing_sys, total_sys``: sums of w and
        of w^2, each of shape (thresholds,).
    accept
        The side that passes.
    """

    frame: pd.DataFrame
    sums: Mapping[str, tuple[Floats, Floats]]
    accept: Accept

    @classmethod
    def of(
        cls,
        thresholds: Floats,
        columns: Mapping[str, np.ndarray],
        sums: Mapping[str, tuple[Floats, Floats]],
        *,
        accept: Accept,
    ) -> Self:
        """Curve from thresholds of shape (n,), the columns of its frame and its sums."""
        return cls(pd.DataFrame({"threshold": thresholds} | dict(columns)), sums, accept)

    @property
    def by_looseness(self) -> slice:
        """Slice that puts the thresholds in order from the loosest to the tightest."""
        return slice(None, None, 1 if self.accept == "above" else -1)

    def threshold_for(self, efficiency: float) -> Threshold:
        """Threshold whose efficiency is the wanted one, with its uncertainty.

        Parameters
        ----------
        efficiency
            Between 0 and 1.

        Returns
        -------
        Threshold

        Notes
        -----
        The tightest threshold that still has the efficiency, interpolated linearly to the next.
        The interval holds all thresholds at which the wanted efficiency is within one standard
        deviation of the measured one, that is where the edges of the band cross it (R. S.
        Woodruff, J. Am. Stat. Assoc. 47 (1952) 635), which needs no density of the variable.
        """
        loose = self.by_looseness
        frame = self.frame
        cut, eps, down, up, shift = (
            frame[each].to_numpy(float)[loose]
            for each in ("threshold", "efficiency", "stat_dn", "stat_up", "sys_shift")
        )
        value, place = _crossing(cut, eps, efficiency)
        if place is None:
            return Threshold(np.nan, np.nan, np.nan, np.nan, _missed(eps, efficiency))
        ends = sorted(_crossing(cut, each, efficiency)[0] for each in (eps - down, eps + up))
        shifted = _crossing(cut, eps + shift, efficiency)[0] if shift.any() else value
        words = []
        jump, noise = eps[place] - eps[place + 1], max(down[place], up[place])
        if jump > max(_STEP, 3 * noise):
            words.append("step")
        if not np.isfinite(ends).all():
            ends = [_crossing(cut, each, efficiency)[0] for each in (eps - down, eps + up)]
            ends = ends if self.accept == "above" else ends[::-1]
            words.append("open_error")
        return Threshold(
            value, value - ends[0], ends[1] - value, shifted - value, ";".join(words) or "ok"
        )


def _crossing(cut: Floats, eps: Floats, wanted: float) -> tuple[float, int | None]:
    """Last place, from loose to tight, where the curve is at the wanted efficiency."""
    reaching = np.flatnonzero(eps >= wanted)
    if len(reaching) == 0 or reaching[-1] == len(eps) - 1:
        return np.nan, None
    here = int(reaching[-1])
    high, low = eps[here], eps[here + 1]
    share = (high - wanted) / (high - low) if np.isfinite(low) else 0.0
    return float(cut[here] + share * (cut[here + 1] - cut[here])), here


def _missed(eps: Floats, wanted: float) -> str:
    return "exceeded" if len(eps) and eps[-1] >= wanted else "not_reached"
