"""Efficiency of a requirement, bin by bin, from counts or from sWeighted candidates."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hepnb.data.filling import Filled, fill
from hepnb.errors import BadParameters
from hepnb.pid.tables.efficiency_result import EfficiencyTable

if TYPE_CHECKING:
    from hist import Hist

    from hepnb.data.sample import Sample

__all__ = (
    "EfficiencyTable",
    "measure_efficiencies",
    "measure_efficiency",
    "truth_precut",
    "weight_names",
)

log = logging.getLogger(__name__)


def __dir__() -> tuple[str, ...]:
    return __all__


def measure_efficiency(
    sample: Sample,
    *,
    cut: str,
    binning: Mapping[str, Sequence[float]],
    precut: str = "",
    weight: str | None = "auto",
    weight_sys: str | None = "auto",
    truth: bool | None = None,
    workers: int = 1,
) -> EfficiencyTable:
    """Efficiency of a requirement in bins, in one pass over the sample.

    Parameters
    ----------
    sample
        Candidates of one particle: ``collection.study("Dst").particle("K")``.
    cut
        The requirement. Where it is undefined (NaN) the candidate fails, and is counted.
    binning
        Variable to increasing edges; bins are [lo, hi).
    precut
        Candidates that count at all.
    weight
        Weight column that subtracts the background; ``"auto"``: the first of `sample.weights` in
        data, none in simulation. With None candidates are counted (Clopper-Pearson intervals).
    weight_sys
        Second weight column, for the systematic uncertainty; ``"auto"``: the second one.
    truth
        Take only candidates that pass the truth cut of the sample; by default where the sample
        is simulated, not weighted, and has such a cut.
    workers
        Threads that read; the result does not depend on it.

    Returns
    -------
    EfficiencyTable

    Raises
    ------
    BadParameters
        If truth is asked for where the sample has none.
    CutSyntaxError, UnknownVariable, UnreadableFile
        Before anything is read.
    """
    made = measure_efficiencies(
        sample,
        cuts=[cut],
        binning=binning,
        precuts=[precut],
        weight=weight,
        weight_sys=weight_sys,
        truth=truth,
        workers=workers,
    )
    return made[cut, precut]


def measure_efficiencies(
    sample: Sample,
    *,
    cuts: Sequence[str],
    binning: Mapping[str, Sequence[float]],
    precuts: Sequence[str] = ("",),
    weight: str | None = "auto",
    weight_sys: str | None = "auto",
    truth: bool | None = None,
    workers: int = 1,
) -> dict[tuple[str, str], EfficiencyTable]:
    """Efficiencies of several requirements, with several precuts, in one pass over the sample.

    Parameters
    ----------
    sample, binning, weight, weight_sys, truth, workers
        As of `measure_efficiency`.
    cuts, precuts
        Each requirement is measured with each precut.

    Returns
    -------
    dict
        (cut, precut), as given, to table.

    Raises
    ------
    BadParameters, CutSyntaxError, UnknownVariable, UnreadableFile
        Before anything is read.
    """
    if not all(cut.strip() for cut in cuts):
        raise BadParameters("cut is blank; give the requirement, for instance 'kaonID > 0.6'")
    weight, weight_sys = weight_names(sample, weight, weight_sys)
    within = {each: truth_precut(sample, each, weight=weight, truth=truth) for each in precuts}
    # a column that is 1 where the weight is defined: candidates without one are in no bin
    raw = None if weight is None else f"0 * ({weight}) + 1"
    filled = fill(
        sample,
        binnings=binning,
        cuts=cuts,
        precuts=tuple(within.values()),
        weights=tuple(dict.fromkeys((weight, weight_sys, raw))),
        workers=workers,
    )
    tables = {}
    for precut, inside in within.items():
        for cut in cuts:
            shifted: dict[str, Hist[Any]] = {}
            if weight_sys is not None:
                shifted["passing_sys"] = filled.hist(cut, inside, weight_sys)
                shifted["total_sys"] = filled.hist("", inside, weight_sys)
            counts = _counts(filled, cut, inside, weight, weight_sys)
            log.info("%s, %r: %s", sample.name, cut, counts)
            tables[cut, precut] = EfficiencyTable.from_histograms(
                filled.hist(cut, inside, weight),
                filled.hist("", inside, weight),
                raw=filled.hist("", inside, raw),
                **shifted,
                interval="clopper_pearson" if weight is None else "weighted",
                cut=cut,
                precut=inside,
                sample=sample.name,
                weight=weight,
                weight_sys=weight_sys,
                counts=counts,
            )
    return tables


def weight_names(
    sample: Sample, weight: str | None = "auto", weight_sys: str | None = "auto"
) -> tuple[str | None, str | None]:
    """Resolve "auto" as `measure_efficiency` does.

    Raises
    ------
    BadParameters
        If there is a second weight without a first one.
    """
    stored = sample.weights
    if weight == "auto":
        weight = stored[0] if sample.kind == "data" and stored else None
        if sample.kind == "data" and not stored:
            log.warning("%s has no weights: its background is not subtracted", sample.name)
    if weight_sys == "auto":
        weight_sys = stored[1] if len(stored) > 1 and weight == stored[0] else None
    if weight is None and weight_sys is not None:
        raise BadParameters(f"weight_sys={weight_sys!r} needs a nominal weight to compare with")
    return weight, weight_sys


def truth_precut(
    sample: Sample, precut: str, *, weight: str | None, truth: bool | None = None
) -> str:
    """Precut that also asks for the truth, where `measure_efficiency` does.

    Raises
    ------
    BadParameters
        If truth is asked for where the sample has none.
    """
    if truth is None:
        truth = sample.kind == "mc" and weight is None and sample.truth is not None
    if not truth:
        return precut
    if not sample.truth:
        message = (
            f"sample {sample.name!r} has no truth cut; give its study `truth:` in the catalogue, "
            "or measure with truth=False"
        )
        raise BadParameters(message)
    return f"[{precut}] and [{sample.truth}]" if precut.strip() else sample.truth


def _counts(
    filled: Filled, cut: str, precut: str, weight: str | None, weight_sys: str | None
) -> Mapping[str, int]:
    """Where the candidates went; what is not defined is worth a warning."""
    found = filled.count(precut, weight)
    lost = {
        "nan_in_precut": found.nan_precut,
        "nan_in_cut": filled.nan_decisions(cut, precut),
        "nan_on_axis": found.nan_axis,
        "nan_weight": found.nan_weight,
    }
    if weight_sys is not None:
        lost["nan_weight_sys"] = filled.count(precut, weight_sys).nan_weight
    for cause, number in lost.items():
        if number:
            log.warning("%d of %d candidates: %s", number, found.read, cause.replace("_", " "))
    passed = {"read": found.read, "passing_precut": found.passed}
    kept = {"out_of_range": found.out_of_range, "in_table": found.filled}
    return MappingProxyType(passed | lost | kept)
