"""The efficiency of one bin: its value, its uncertainties and its status, as functions of sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from hist import Hist

from hepnb.errors import BadParameters
from hepnb.pid.tables.bin_status import bin_status
from hepnb.pid.tables.table_bins import sums
from hepnb.stats import weighted
from hepnb.stats.intervals import clopper_pearson

__all__ = ("Interval", "columns_of_sums", "efficiency_columns", "physical_interval")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = np.ndarray[Any, np.dtype[np.float64]]
Interval = Literal["weighted", "clopper_pearson"]


def efficiency_columns(
    histograms: Mapping[str, Hist[Any]], interval: Interval
) -> dict[str, np.ndarray]:
    """Columns of an efficiency table, from its histograms.

    Parameters
    ----------
    histograms
        ``passing``, ``total``, ``raw`` and perhaps ``passing_sys``, ``total_sys``, of one shape.
    interval
        How the statistical uncertainty is computed.

    Returns
    -------
    dict
        Column name to array of shape (bins,), as `hepnb.pid.efficiency.EfficiencyTable.frame`.

    Raises
    ------
    BadParameters
        If the histograms hold weights where counts are needed.
    """
    return columns_of_sums({name: sums(each) for name, each in histograms.items()}, interval)


def columns_of_sums(
    sums_of: Mapping[str, tuple[Floats, Floats]], interval: Interval
) -> dict[str, np.ndarray]:
    """Give the same columns from sums of weights and of squared weights.

    Parameters
    ----------
    sums_of
        ``passing``, ``total``, ``raw`` and perhaps ``passing_sys``, ``total_sys``: each a pair of
        arrays of shape (bins,).
    interval
        How the statistical uncertainty is computed.

    Returns
    -------
    dict
        As `efficiency_columns`.

    Raises
    ------
    BadParameters
        If the sums are of weights where counts are needed.
    """
    total, total2 = sums_of["total"]
    n_raw = np.rint(sums_of["raw"][0]).astype(np.int64)
    n_eff = weighted.effective_sample_size(total, total2)
    eps, down, up, low, high = _efficiency(*sums_of["passing"], total, total2, interval)
    shift = 0.0 * eps  # NaN where there is no efficiency
    if "total_sys" in sums_of:
        shifted = weighted.efficiency(*sums_of["passing_sys"], *sums_of["total_sys"])
        shift = shifted.value - eps
    return {
        "efficiency": eps,
        "stat_up": up,
        "stat_dn": down,
        "sys_up": np.abs(shift),
        "sys_dn": np.abs(shift),
        "sys_shift": shift,
        "physical_lo": low,
        "physical_hi": high,
        "n_raw": n_raw,
        "n_eff": n_eff,
        "sum_w": total,
        "status": bin_status(eps, n_raw=n_raw, n_eff=n_eff, shift=shift),
    }


def _efficiency(
    passing: Floats, passing2: Floats, total: Floats, total2: Floats, interval: Interval
) -> tuple[Floats, ...]:
    """Efficiency, length of its error bars, and physical interval."""
    if interval == "clopper_pearson":
        if (passing != passing2).any() or (total != total2).any():
            message = "these histograms are weighted; use interval='weighted', or fill counts"
            raise BadParameters(message)
        low, high = clopper_pearson(passing, total)
        with np.errstate(invalid="ignore", divide="ignore"):
            eps = np.where(total > 0, passing / total, np.nan)
        low, high = (np.where(total > 0, each, np.nan) for each in (low, high))
        return eps, eps - low, high - eps, low, high
    eps, variance = weighted.efficiency(passing, passing2, total, total2)
    down, up = np.sqrt(variance), np.sqrt(variance)
    # no candidate on one side: the variance formula gives 0, which would claim perfect knowledge
    n_eff = weighted.effective_sample_size(total, total2)
    for alone, at in ((total2 - passing2, 1.0), (passing2, 0.0)):
        edge = np.isfinite(eps) & (alone <= 1e-12 * total2)
        low, high = clopper_pearson(at * n_eff[edge], n_eff[edge])
        down[edge], up[edge] = at - low, high - at
    low, high = physical_interval(eps, down, up)
    return eps, down, up, low, high


def physical_interval(eps: Floats, down: Floats, up: Floats) -> tuple[Floats, Floats]:
    """Central 68.27 % interval within [0, 1] of an efficiency measured as ``eps +up -down``.

    The likelihood is a Gaussian of width ``max(down, up)``, the prior flat in [0, 1]. Far from 0
    and 1 the interval is ``eps +- sigma``; for an unphysical value it stays inside, with a width.
    """
    from scipy.special import log_ndtr, ndtri_exp

    sigma = np.maximum(down, up)
    with np.errstate(invalid="ignore", divide="ignore"):
        # towards 0, where the tail that is cut off is computed without cancellation
        mirrored = eps > 0.5
        near = np.where(mirrored, 1.0 - eps, eps)
        at_0, at_1 = log_ndtr(near / sigma), log_ndtr((near - 1.0) / sigma)
        limits = []
        for tail in (0.158655, 0.841345):  # probability below the limit
            survival = np.logaddexp(np.log1p(-tail) + at_0, np.log(tail) + at_1)
            limits.append(np.clip(near - sigma * ndtri_exp(survival), 0.0, 1.0))
    low, high = limits
    return np.where(mirrored, 1.0 - high, low), np.where(mirrored, 1.0 - low, high)
