"""The flat table that PIDVar and SysVar read: its columns, its bad bins, its cut column.

One row per bin. ``<axis>_min, <axis>_max`` of every axis come first, then `FLAT_COLUMNS`, in an
order and spelling that consumers compare literally. ``variable`` and ``threshold`` say which
requirement the weights are for:

- ``kaonID > 0.9`` gives variable ``kaonID`` and threshold ``0.9``, which consumers compare as
  equal floats;
- any other requirement (a range, ``binaryID(K, pi) > 0.6``, two variables, a veto) has no place in
  this schema: variable is then the whole requirement as it was written, and threshold is nan.
"""

from __future__ import annotations

import logging
import math
import re
from typing import Literal, get_args

import numpy as np
import pandas as pd

from hepnb.errors import BadParameters, BadTable, nearest
from hepnb.pid.tables.bin_status import status_counts
from hepnb.pid.tables.table_bins import Axes

__all__ = ("FLAT_COLUMNS", "OnBad", "check_on_bad", "flat_rows", "join_cut", "split_cut")

log = logging.getLogger(__name__)

OnBad = Literal["keep", "drop", "unity", "error"]
"""What to do with bins that have no ratio; see `weight_result.WeightTable.on_bad`."""

_BARS = tuple(f"uncertainty_{each}" for each in ("stat_up", "stat_dn", "sys_up", "sys_dn"))
RATIO_COLUMNS = ("data_MC_ratio", *(f"data_MC_{each}" for each in _BARS))
FLAT_COLUMNS = (
    *RATIO_COLUMNS,
    *("data_efficiency", *(f"data_{each}" for each in _BARS)),
    *("MC_efficiency", *(f"MC_{each}" for each in _BARS)),
    *("threshold", "variable"),
)
"""Columns after those of the axes."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_NAME = r"[A-Za-z_]\w*"
_ABOVE = re.compile(rf"\s*({_NAME})\s*>\s*({_NUMBER})\s*")
_BELOW = re.compile(rf"\s*({_NUMBER})\s*<\s*({_NAME})\s*")


def __dir__() -> tuple[str, ...]:
    return __all__


def split_cut(cut: str) -> tuple[str, float]:
    """Variable and threshold of a requirement ``variable > threshold``.

    Returns
    -------
    (str, float)
        Of any other requirement: itself, and NaN.
    """
    bare = cut.strip()
    # what is not one comparison inside matches nothing below, balanced or not
    while bare[:1] + bare[-1:] in ("[]", "()"):
        bare = bare[1:-1].strip()
    if above := _ABOVE.fullmatch(bare):
        return above[1], float(above[2])
    if below := _BELOW.fullmatch(bare):
        return below[2], float(below[1])
    return cut, math.nan


def join_cut(variable: str, threshold: float) -> str:
    """Give the requirement that `split_cut` took apart."""
    return variable if math.isnan(threshold) else f"{variable} > {threshold!r}"


def check_on_bad(how: str) -> OnBad:
    """Refuse a rule for bad bins that does not exist."""
    known = get_args(OnBad)
    if how not in known:
        message = f"on_bad is {how!r}; it must be one of {', '.join(known)}" + nearest(how, known)
        raise BadParameters(message)
    return how  # type: ignore[return-value]  # checked above


def flat_rows(frame: pd.DataFrame, axes: Axes, cut: str, *, on_bad: OnBad) -> pd.DataFrame:
    """Rows of the flat table.

    Parameters
    ----------
    frame
        As `hepnb.pid.tables.weight_result.WeightTable.frame`.
    axes
        Axis name to edges.
    cut
        The requirement.
    on_bad
        What to do with rows without a ratio or one of its uncertainties.

    Returns
    -------
    pandas.DataFrame
        With the columns of the axes and `FLAT_COLUMNS`, in that order.

    Raises
    ------
    BadTable
        If ``on_bad="error"`` and there is a bad bin.
    """
    edges = [f"{name}_{end}" for name in axes for end in ("min", "max")]
    variable, threshold = split_cut(cut)
    made = frame.assign(threshold=threshold, variable=variable)
    return without_bad_bins(made, on_bad)[[*edges, *FLAT_COLUMNS]]


def without_bad_bins(frame: pd.DataFrame, on_bad: OnBad) -> pd.DataFrame:
    """Apply the rule for bins without a ratio, and log how many there are."""
    bad = ~np.isfinite(frame[list(RATIO_COLUMNS)].to_numpy(float)).all(axis=1)
    if not bad.any():
        return frame
    found = status_counts(frame["status"][bad])
    count = f"no ratio, or none of its uncertainties, in {found} (of {len(frame)})"
    if on_bad == "error":
        message = (
            f"{count}; merge bins, or say what to write for them: on_bad='keep' (nan), "
            "'unity' (1 with an uncertainty of 1) or, in a CSV, 'drop'"
        )
        raise BadTable(message)
    done = {"keep": "written as nan", "drop": "left out", "unity": "given weight 1 +- 1"}
    log.warning("%s: %s", count, done[on_bad])
    if on_bad == "drop":
        return frame[~bad].reset_index(drop=True)
    if on_bad == "unity":
        # the basf2 convention for tracks outside a table, but not as if it were measured
        frame = frame.copy()
        frame.loc[bad, list(RATIO_COLUMNS)] = [1.0, 1.0, 1.0, 0.0, 0.0]
    return frame
