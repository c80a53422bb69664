"""Status of a bin: in words that stand in the tables, so that no bad bin passes unseen.

==============  ==============================================================================
status          the bin
==============  ==============================================================================
``ok``          is good
``bad_total``   has a total that is not positive or not finite: there is no efficiency (NaN)
``empty``       has no candidate at all
``low_stat``    has fewer than 10 effective entries
``unphysical``  has an efficiency outside [0, 1], kept as it is; see the physical interval
``bad_sys``     has an efficiency, but none with the second weight: no systematic uncertainty
``zero_mc``     has an efficiency of 0, or none, in simulation: there is no ratio (NaN)
==============  ==============================================================================

Several are joined by semicolons.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = (
    "STATUSES",
    "bin_status",
    "flag_counts",
    "join_status",
    "status_counts",
    "status_numbers",
)

LOW_STAT = 10.0  # effective entries

STATUSES = ("bad_total", "empty", "zero_mc", "unphysical", "bad_sys", "low_stat")
"""What can be wrong with a bin, the worst first."""


def __dir__() -> tuple[str, ...]:
    return __all__


def bin_status(
    efficiency: np.ndarray, *, n_raw: np.ndarray, n_eff: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Status of every bin of an efficiency table.

    Parameters
    ----------
    efficiency, n_raw, n_eff, shift
        Efficiency (NaN where the total is bad), number of candidates, effective entries and
        systematic shift, each of shape (bins,).

    Returns
    -------
    ndarray of object
        Strings, of shape (bins,).
    """
    has_value = np.isfinite(efficiency)
    with np.errstate(invalid="ignore"):
        # rounding of sums of weights is not a sign of background
        outside = (efficiency < -1e-9) | (efficiency > 1 + 1e-9)
    return join_status(
        {
            "bad_total": ~has_value,
            "empty": np.asarray(n_raw) == 0,
            "unphysical": outside,
            "bad_sys": has_value & ~np.isfinite(shift),
            "low_stat": has_value & (n_eff < LOW_STAT),
        }
    )


def join_status(flags: dict[str, Any]) -> np.ndarray:
    """Status strings from one boolean array per flag; ``"ok"`` where none is set."""
    names = [each for each in STATUSES if each in flags]
    rows = zip(*(np.asarray(flags[each], bool) for each in names), strict=True)
    joined = [";".join(each for each, on in zip(names, row, strict=True) if on) for row in rows]
    return np.array([each or "ok" for each in joined], dtype=object)


def flag_counts(status: pd.Series) -> dict[str, int]:
    """Give the number of bins with each flag; a bin with several counts for each."""
    found = status.str.split(";").explode().value_counts()
    return {each: int(found[each]) for each in ("ok", *STATUSES) if each in found}


def status_counts(status: pd.Series) -> str:
    """Say how many bins have each flag: ``"48 bins: 46 ok, 2 low_stat"``."""
    found = ", ".join(f"{number} {each}" for each, number in flag_counts(status).items())
    return f"{len(status)} bins: {found}"


def status_numbers(status: pd.Series, counts: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Bins by status, and candidates in no bin by cause, in the form of a run's record."""
    known = {"bins": len(status), "bins_ok": 0}
    known |= {f"bins_{flag}": number for flag, number in flag_counts(status).items()}
    numbers = {each: (value, "bins") for each, value in known.items()}
    numbers |= {each: (value, "candidates") for each, value in counts.items()}
    return {
        each: {"value": value, "uncertainty": None, "unit": unit, "status": "ok"}
        for each, (value, unit) in numbers.items()
    }
