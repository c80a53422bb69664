"""Spurious signal: what a signal fit finds where there is none.

As ATLAS chooses background functions (ATL-PHYS-PUB-2020-028): signal plus background is fitted to
a background template of high statistics at every mass in a window. What is found is a bias of the
function; the function with the fewest parameters whose bias is small enough is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hepnb.background.fitting import BackgroundFit, fit_background
from hepnb.background.fitting.profiled import Profiled
from hepnb.background.fitting.signal_model import SignalModel
from hepnb.background.profiling.functions import Function, functions_of
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters
from hepnb.plotting.style import axis_label
from hepnb.stats.goodness_of_fit import chi2_p_value

__all__ = ("SpuriousSignal", "spurious_signal")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class SpuriousSignal:
    """Signal found in a template without signal.

    Attributes
    ----------
    frame
        One row per function and mass: ``function, mass, spurious`` (events), ``error`` (of the
        data's statistics), ``mc_error`` (of the template's), ``expected`` (signal events at
        strength 1), ``status``.
    table
        One row per function, the fewest parameters first: ``n_par``; ``spurious``, the largest
        in size over the masses, and ``at_mass``; ``of_expected`` and ``of_error``, the largest
        ratios to the two; ``p_value`` of the template's fit; ``failed`` masses; ``accepted``,
        and otherwise the ``reason``.
    chosen
        The accepted function with the fewest parameters; of these the one with the smallest
        spurious signal. Empty if none is accepted.
    label
        Title of the mass axis.
    expected_limit, error_limit, p_limit, relaxed
        The criteria.
    """

    frame: pd.DataFrame = field(repr=False)
    table: pd.DataFrame
    chosen: str
    label: str
    expected_limit: float
    error_limit: float
    p_limit: float
    relaxed: bool

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions, the fewest parameters first."""
        return tuple(self.table["function"])

    def plot(self, **options: Any) -> Any:
        """Draw the spurious signal over its error against the mass; gives the axes."""
        from hepnb.background.plots.bias import plot_spurious

        return plot_spurious(self, **options)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Spurious signal of each function, in events, for a run's record."""
        return {
            f"spurious_{row['function']}": {
                "value": row["spurious"],
                "uncertainty": row["mc_error"],
                "unit": "events",
                "status": "accepted" if row["accepted"] else row["reason"],
            }
            for row in self.table.to_dict("records")
        }

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<name>.csv``, one row per function, ``<name>.masses.csv``, ``<name>.json``."""
        folder = Path(directory)
        files = [folder / f"{name}.csv", folder / f"{name}.masses.csv", folder / f"{name}.json"]
        for path, frame in zip(files, (self.table, self.frame), strict=False):
            frame.to_csv(path, index=False, lineterminator="\n")
        content = {
            "chosen": self.chosen,
            "expected_limit": self.expected_limit,
            "error_limit": self.error_limit,
            "p_limit": self.p_limit,
            "relaxed": self.relaxed,
        }
        files[2].write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return files


def spurious_signal(
    template: MassSpectrum,
    functions: Iterable[Function],
    signal: Any,
    masses: Sequence[float],
    *,
    scale: float = 1.0,
    weight: float = 1.0,
    expected_limit: float = 0.10,
    error_limit: float = 0.20,
    p_limit: float = 0.01,
    relaxed: bool = False,
) -> SpuriousSignal:
    """Fit a signal at every mass to a template that has none.

    Parameters
    ----------
    template
        Background only, of many more candidates than the data, or of what is expected.
    functions
        Background functions to choose from.
    signal
        Signal shape with ``position`` and ``shifted``; its width is taken to be the same at all
        masses.
    masses
        Where the signal is put, in units of mass.
    scale
        Events of data for one of the template's, as a ratio of luminosities.
    weight
        Of one simulated candidate, where the template's counts are sums of weights:
        ``sum w^2 / sum w``; 0 for a template without statistical fluctuation.
    expected_limit, error_limit
        A function is accepted if the spurious signal is below one or the other: the first of the
        expected signal, the second of the error that data have.
    p_limit
        And if its fit to the template has at least this p-value.
    relaxed
        Move the spurious signal by two of the template's errors towards zero before it is
        compared.

    Returns
    -------
    SpuriousSignal

    Raises
    ------
    BadParameters
        No mass, a signal that cannot be moved, a template that is blinded or empty, or scales
        that are not positive.
    """
    _check(template, signal, masses, scale, weight)
    counts = template.counts / (weight or 1.0)
    effective = template.with_counts(counts)
    per_count = scale * (weight or 1.0)
    positions = np.asarray(masses, float)
    peaks = [signal.shifted(mean=float(mass) - signal.position) for mass in positions]
    rows: list[dict[str, Any]] = []
    summaries = []
    limits = (expected_limit, error_limit, p_limit)
    for kind, order in functions_of(functions):
        alone = fit_background(effective, kind, order)
        own: list[dict[str, Any]] = []
        near: Profiled | None = None
        for mass, peak in zip(positions, peaks, strict=True):
            model = SignalModel(effective, kind, order, peak)
            starts = () if near is None else (near.start._replace(strength=0.0),)
            near = model.fit(starts=starts, thorough=True)
            own.append({"function": alone.name, "mass": mass} | _found(near, peak, per_count))
        frame = pd.DataFrame(own)
        if weight == 0.0:
            frame["mc_error"] = 0.0
        p_value = _p_value(alone, counts) if weight else np.nan
        summaries.append(_summary(alone, frame, p_value, limits, relaxed=relaxed))
        rows += frame.to_dict("records")
    table = pd.DataFrame(summaries)
    good = table[table["accepted"]].assign(size=lambda each: each["spurious"].abs())
    chosen = good.sort_values(["n_par", "size"], kind="stable")["function"]
    return SpuriousSignal(
        frame=pd.DataFrame(rows),
        table=table,
        chosen=str(chosen.iloc[0]) if len(chosen) else "",
        label=axis_label(template.variable, template.unit),
        expected_limit=expected_limit,
        error_limit=error_limit,
        p_limit=p_limit,
        relaxed=relaxed,
    )


def _check(
    template: MassSpectrum, signal: Any, masses: Sequence[float], scale: float, weight: float
) -> None:
    if not len(masses):
        message = "no mass; give those at which a signal is looked for"
        raise BadParameters(message)
    if not (hasattr(signal, "shifted") and hasattr(signal, "position")):
        message = f"a {type(signal).__name__} cannot be moved; give a shape of hepnb.background"
        raise BadParameters(message)
    if not template.visible.all() or not template.total > 0.0:
        message = "the template is blinded or empty; it needs all bins, and no data"
        raise BadParameters(message)
    if not (scale > 0.0 and weight >= 0.0):
        message = f"scale = {scale:g}, weight = {weight:g}; give positive numbers"
        raise BadParameters(message)


def _found(fit: Profiled | None, peak: Any, per_count: float) -> dict[str, Any]:
    if fit is None or not fit.converged:
        nothing = dict.fromkeys(("spurious", "error", "mc_error"), np.nan)
        return nothing | {"expected": peak.expected, "status": "failed"}
    events, error = fit.strength * peak.expected, fit.strength_error * peak.expected
    return {
        "spurious": events * per_count,
        # k times the events have sqrt(k) times the error
        "error": error * np.sqrt(per_count),
        "mc_error": error * per_count,
        "expected": peak.expected,
        "status": "limited" if fit.limited else "ok",
    }


def _p_value(alone: BackgroundFit, counts: Any) -> float:
    expected = alone.expected()
    filled = counts > 0
    deviance = 2.0 * float(
        (expected - counts).sum() + counts[filled] @ np.log(counts[filled] / expected[filled])
    )
    # shape and normalisation
    return float(chi2_p_value(deviance, len(counts) - alone.n_par - 1))


def _summary(
    alone: BackgroundFit,
    frame: pd.DataFrame,
    p_value: float,
    limits: tuple[float, float, float],
    *,
    relaxed: bool,
) -> dict[str, Any]:
    size = frame["spurious"].abs()
    counted = np.maximum(size - 2.0 * frame["mc_error"], 0.0) if relaxed else size
    of_expected = float((counted / frame["expected"]).max())
    of_error = float((counted / frame["error"]).max())
    worst = frame.loc[size.idxmax()] if size.notna().any() else frame.iloc[0]
    failed = int((frame["status"] == "failed").sum())
    reasons = []
    if failed:
        reasons.append(f"failed at {failed} masses")
    if not (of_expected < limits[0] or of_error < limits[1]):
        reasons.append("spurious signal too large")
    if p_value < limits[2]:
        reasons.append("does not describe the template")
    return {
        "function": alone.name,
        "n_par": alone.n_par,
        "spurious": float(worst["spurious"]),
        "at_mass": float(worst["mass"]),
        "mc_error": float(worst["mc_error"]),
        "of_expected": of_expected,
        "of_error": of_error,
        "p_value": p_value,
        "failed": failed,
        "accepted": not reasons,
        "reason": "; ".join(reasons),
    }
