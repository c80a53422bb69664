"""Test that the mass of the background depends on no other variable, as sWeights assume.

The test needs candidates without signal: the sidebands of the mass peak, or background by truth. On
a mixture of signal and background every variable that differs between the two depends on the mass.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hepnb.data.expressions import parse
from hepnb.data.sample import Sample
from hepnb.errors import BadParameters

if TYPE_CHECKING:
    from hepnb.pid.mass.result import MassFit

__all__ = ("FactorisationTest", "Tau", "control_variables", "factorisation_test", "kendall")

_LOG = logging.getLogger(__name__)

_PURE = 0.01  # share of signal, by the fit, up to which a mass belongs to the sidebands
_FEW = 50  # candidates below which nothing can be said
_COLUMNS = ("variable", "candidates", "tau", "error", "significance", "status")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Tau:
    """Kendall's rank correlation of two variables.

    Attributes
    ----------
    tau
        Variant b, which allows for ties; NaN if a variable has a single value.
    error
        Standard deviation of tau for variables that are independent.
    """

    tau: float
    error: float

    @property
    def significance(self) -> float:
        """How many standard deviations tau is from 0."""
        return abs(self.tau) / self.error


@dataclass(frozen=True, eq=False)
class FactorisationTest:
    """What `factorisation_test` found.

    Attributes
    ----------
    frame
        One row per variable: variable, candidates, tau, error, significance (in standard
        deviations), and status: ``"ok"``, ``"depends_on_mass"``, ``"too_few"`` (candidates) or
        ``"constant"`` (variables that take a single value).
    region
        What the background-pure candidates are, in words.
    threshold
        Significance from which on a variable depends on the mass.
    reason
        Why nothing was tested; blank if something was.
    """

    frame: pd.DataFrame
    region: str
    threshold: float
    reason: str = ""

    @classmethod
    def untested(cls, reason: str) -> FactorisationTest:
        """Say why there was nothing to test: where no mass was fitted."""
        return cls(pd.DataFrame(columns=_COLUMNS), "", float("nan"), reason)

    @property
    def dependent(self) -> list[str]:
        """Variables that depend on the mass."""
        dependent = self.frame["status"].isin(["depends_on_mass", "depends_on_score"])
        return [str(each) for each in self.frame.loc[dependent, "variable"].unique()]

    @property
    def passed(self) -> bool:
        """Whether no variable was seen to depend on the mass."""
        return not self.dependent

    def summary(self) -> str:
        """Say in a sentence whether sWeights may be used."""
        if self.reason:
            return self.reason
        if (self.frame["status"] == "too_few").all():
            return (
                f"Too few candidates to test whether the background factorises ({self.region}); "
                "a wider mass range has more."
            )
        if self.passed:
            most = self.frame["significance"].max()
            return (
                f"No variable depends on the mass of the background: at most {most:.1f} standard "
                f"deviations ({self.region})."
            )
        return (
            f"The background does not factorise: its mass depends on {', '.join(self.dependent)} "
            f"by over {self.threshold:g} standard deviations ({self.region}). sWeights are then "
            "biased; use COWs (sweights = 'cows') with a degree of 2 or more."
        )

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Kendall's tau of each variable, for the record of a run."""
        return {
            self._label(row): {
                "value": float(row.tau),
                "uncertainty": float(row.error),
                "unit": "",
                "status": row.status,
            }
            for row in self.frame.itertuples(index=False)
        }

    @staticmethod
    def _label(row: Any) -> str:
        return f"tau({row.variable})"

    def save(self, directory: Path | str, name: str = "factorisation") -> list[Path]:
        """Write `frame` as ``<name>.csv``, if anything was tested."""
        if self.reason:
            return []
        path = Path(directory) / f"{name}.csv"
        self.frame.to_csv(path, index=False)
        return [path]

    def _repr_html_(self) -> str:
        if self.reason:
            return f"<p>{self.reason}</p>"
        formats = {
            "tau": "{:+.4f}".format,
            "error": "{:.4f}".format,
            "significance": "{:.1f}".format,
        }
        table = self.frame.to_html(index=False, formatters=formats, border=0)
        return f"<p>{self.summary()}</p>{table}"


def control_variables(binning: Iterable[str], cut: str) -> tuple[str, ...]:
    """Variables that a measurement looks at: axes of its binning, then those of its cut."""
    return tuple(dict.fromkeys((*binning, *parse(cut).names)))


def factorisation_test(
    sample: Sample,
    fit: MassFit,
    variables: Sequence[str],
    *,
    cut: str = "",
    background: str = "auto",
    threshold: float = 4.0,
    max_candidates: int = 200_000,
) -> FactorisationTest:
    """Test whether the mass of the background is independent of other variables.

    Parameters
    ----------
    sample
        The sample that was fitted.
    fit
        Tells mass, range, and where there is signal.
    variables
        For instance ``control_variables(binning, cut)``.
    cut
        Selection, as of the fit.
    background
        Cut that selects background by truth; blank: the sidebands, where by the fit less than 1 %
        is signal; "auto": what fails the truth cut of simulation, and the sidebands in data.
    threshold
        Significance, in standard deviations, from which on a variable depends on the mass, which
        is then logged as a warning. At 4 a variable that does not is blamed once in 16 000 times.
    max_candidates
        The first so many are tested: 2e5 tell a tau of 0.006.

    Returns
    -------
    FactorisationTest

    Raises
    ------
    BadParameters
        If no variable is given, or the mass is one of them.

    Notes
    -----
    Kendall's tau sees a dependence that rises or falls. One that is as large on both sides of the
    peak with the same sign is not seen in the sidebands.
    """
    variables = tuple(dict.fromkeys(variables))
    mass = fit.variable
    if mass is None or mass in variables or not variables:
        message = f"variables {list(variables)} must be some others than the mass ({mass})"
        raise BadParameters(message)
    if background == "auto":
        simulated = sample.kind == "mc" and sample.truth
        background = f"not [{sample.truth}]" if simulated else ""
    chosen = " and ".join(f"[{each}]" for each in (cut, background) if each.strip())
    lo, hi = fit.range
    parts: list[pd.DataFrame] = []
    left = max_candidates
    for chunk in sample.iterate([mass, *variables], cut=chosen):
        m = np.asarray(chunk[mass], float)
        keep = (m >= lo) & (m < hi)
        if not background:
            keep[keep] = _signal_share(fit, m[keep]) < _PURE
        parts.append(pd.DataFrame({name: column[keep][:left] for name, column in chunk.items()}))
        left -= len(parts[-1])
        if left <= 0:
            break
    columns = pd.concat(parts, ignore_index=True).astype(float)
    rows = [_row(name, columns[mass], columns[name], threshold) for name in variables]
    region = background or f"sidebands of {mass}"
    found = FactorisationTest(pd.DataFrame(rows, columns=_COLUMNS), region, threshold)
    if not found.passed:
        _LOG.warning("%s: %s", sample.name, found.summary())
    return found


def kendall(x: NDArray[np.float64], y: NDArray[np.float64]) -> Tau:
    """Kendall's tau-b of two finite arrays of shape (n,), with its error if independent.

    Notes
    -----
    `scipy.stats.kendalltau` gives tau and a probability, which underflows at 38 standard
    deviations; the variance with ties is that of M. G. Kendall, Rank Correlation Methods (1970).
    """
    from scipy.stats import kendalltau

    n = len(x)
    tau = float(kendalltau(x, y).statistic)
    pairs = n * (n - 1.0)
    ties = [np.unique(each, return_counts=True)[1].astype(float) for each in (x, y)]
    two = [float(np.sum(t * (t - 1))) for t in ties]
    three = [float(np.sum(t * (t - 1) * (t - 2))) for t in ties]
    five = [float(np.sum(t * (t - 1) * (2 * t + 5))) for t in ties]
    variance = (pairs * (2 * n + 5) - sum(five)) / 18
    variance += two[0] * two[1] / (2 * pairs) + three[0] * three[1] / (9 * pairs * (n - 2))
    untied = 0.5 * np.sqrt((pairs - two[0]) * (pairs - two[1]))
    return Tau(tau, float(np.sqrt(variance) / untied) if untied > 0 else np.nan)


def _signal_share(fit: MassFit, mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the first component at each mass, by the fit."""
    yields = np.array(list(fit.yields.values()))
    parts = yields[:, np.newaxis] * fit.model.pdf(mass, *fit.range, fit.shape_values)
    return np.asarray(parts[0] / np.maximum(parts.sum(axis=0), 1e-300))


def _row(name: str, mass: Any, other: Any, threshold: float) -> tuple[Any, ...]:
    finite = np.isfinite(other)
    n = int(finite.sum())
    if n < _FEW:
        return name, n, np.nan, np.nan, np.nan, "too_few"
    if other[finite].nunique() < 2:
        return name, n, np.nan, np.nan, np.nan, "constant"
    found = kendall(mass[finite].to_numpy(), other[finite].to_numpy())
    status = "depends_on_mass" if found.significance > threshold else "ok"
    return name, n, found.tau, found.error, found.significance, status
