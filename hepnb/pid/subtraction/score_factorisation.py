"""Test, on simulation, that a score does not depend on PID within any species.

sWeights of a score keep the signal only if, in each species, the score and what is looked at are
independent. Where regions have weights of their own, they need be so only within each region.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.pid.subtraction.factorisation import FactorisationTest, Tau, kendall

__all__ = ("ScoreFactorisation", "score_factorisation")

_LOG = logging.getLogger(__name__)

_FEW = 50  # candidates below which nothing can be said
_MOST = 50_000  # candidates of a species that are tested


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False)
class ScoreFactorisation(FactorisationTest):
    """What `score_factorisation` found; `frame` has a column of species too."""

    def summary(self) -> str:
        """Say in a sentence whether sWeights of the score may be used."""
        if self.passed:
            most = self.frame["significance"].max()
            return (
                f"No variable depends on the score within a species: at most {most:.1f} standard "
                f"deviations ({self.region})."
            )
        return (
            f"The score depends on {', '.join(self.dependent)} within a species by over "
            f"{self.threshold:g} standard deviations ({self.region}). Its sWeights are then "
            "biased: leave out the feature that knows of it, or divide score_regions by it."
        )

    @staticmethod
    def _label(row: Any) -> str:
        return f"tau({row.variable}, {row.species})"


def score_factorisation(
    species: Mapping[str, tuple[NDArray[np.intp], NDArray[np.intp], Any]],
    variables: Sequence[str],
    *,
    threshold: float = 4.0,
) -> ScoreFactorisation:
    """Kendall's tau of score and PID, for each species, and a warning where it is not 0.

    Parameters
    ----------
    species
        Name to cell of the score, region, and columns that hold the variables.
    variables
        Of PID.
    threshold
        Significance, in standard deviations, from which on a score depends on a variable.

    Returns
    -------
    ScoreFactorisation
        Its frame has one row per species and variable: species, variable, candidates, tau (the
        mean of regions, weighted by its variance), error (if independent), significance, and
        status: ``"ok"``, ``"depends_on_score"`` or ``"undefined"`` (too few candidates, or a
        constant).
    """
    import pandas as pd

    rows = []
    for name, (cells, regions, columns) in species.items():
        for variable in variables:
            values = np.asarray(columns[variable], float)[:_MOST]
            found = _stratified(cells[:_MOST].astype(float), values, regions[:_MOST])
            significance = found.significance if np.isfinite(found.tau) else np.nan
            status = "undefined" if np.isnan(significance) else "ok"
            if significance > threshold:
                status = "depends_on_score"
                _LOG.warning(
                    "the score depends on %s in species %r: tau = %.3f, %.1f standard deviations; "
                    "its sWeights are biased; leave out the feature that knows of PID, divide "
                    "regions more finely, or name backgrounds apart",
                    variable,
                    name,
                    found.tau,
                    significance,
                )
            rows.append((name, variable, len(values), found.tau, found.error, significance, status))
    names = ["species", "variable", "candidates", "tau", "error", "significance", "status"]
    found = pd.DataFrame(rows, columns=names)
    return ScoreFactorisation(found, "simulation that did not train", threshold)


def _stratified(
    score: NDArray[np.float64], values: NDArray[np.float64], regions: NDArray[np.intp]
) -> Tau:
    parts = []
    for region in np.unique(regions[regions >= 0]):
        inside = (regions == region) & np.isfinite(values)
        if inside.sum() < _FEW or np.ptp(values[inside]) == 0 or np.ptp(score[inside]) == 0:
            continue
        parts.append(kendall(score[inside], values[inside]))
    if not parts:
        return Tau(np.nan, np.nan)
    weights = np.array([1 / each.error**2 for each in parts])
    mean = float(weights @ [each.tau for each in parts] / weights.sum())
    return Tau(mean, float(weights.sum() ** -0.5))
