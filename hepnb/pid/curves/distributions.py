"""Distributions of a variable in two samples, sWeighted, for several requirements at once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hepnb.data.filling import Filled, fill
from hepnb.pid.efficiency import truth_precut, weight_names
from hepnb.stats.goodness_of_fit import Chi2Test, two_sample_chi2_test

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("Comparison", "Distribution", "compare_distributions")


def __dir__() -> tuple[str, ...]:
    return __all__


log = logging.getLogger(__name__)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Distribution:
    """Histogram of a variable for the candidates that pass one requirement.

    Attributes
    ----------
    value, variance, shift
        Sum of weights, of squared weights, and change with the second weight, each of shape
        (bins,) and scaled as was asked for.
    entries
        Candidates per bin.
    outside
        Candidates that pass, and are in no bin: out of range, or with a variable or weight that
        is NaN.
    """

    value: Floats
    variance: Floats
    shift: Floats
    entries: NDArray[np.int64]
    outside: int

    def scaled(self, factor: float) -> Distribution:
        """Give the same distribution times a number without uncertainty."""
        parts = (factor * self.value, factor**2 * self.variance, factor * self.shift)
        return Distribution(*parts, self.entries, self.outside)

    def normalised(self) -> Distribution:
        """Give shares of the sum in range; the shift is that of the shares."""
        total, shifted = self.value.sum(), self.value + self.shift
        if not (total > 0 and shifted.sum() > 0):
            nothing = np.full(len(self.value), np.nan)
            return Distribution(nothing, nothing, nothing, self.entries, self.outside)
        made = self.scaled(1.0 / total)
        shift = shifted / shifted.sum() - made.value
        return Distribution(made.value, made.variance, shift, made.entries, made.outside)


@dataclass(frozen=True, eq=False)
class Comparison:
    """A variable in one sample or two, for each requirement.

    Attributes
    ----------
    variable, edges, cuts
        What is shown, its bin edges, and the requirements; ``""`` is none.
    first, second
        Requirement to distribution; `second` is empty where there is one sample.
    tests
        Requirement to a test that the two are the same: of their shapes if normalised. It knows
        of statistical uncertainties only. Empty if the samples are not independent.
    names
        Of the two samples, for the legend.
    kinds
        ``"data"``, ``"mc"`` or ``"background"``, which decide the look.
    normalised
        Whether each distribution is divided by its sum.
    """

    variable: str
    edges: Floats
    cuts: tuple[str, ...]
    first: dict[str, Distribution]
    second: dict[str, Distribution]
    tests: dict[str, Chi2Test]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    normalised: bool = True

    @property
    def frame(self) -> pd.DataFrame:
        """One row per requirement, sample and bin."""
        parts = []
        for cut in self.cuts:
            for kind, each in zip(self.kinds, (self.first, self.second), strict=False):
                shown = each[cut]
                columns: dict[str, Any] = {"cut": cut, "side": kind}
                columns |= {"low": self.edges[:-1], "high": self.edges[1:], "value": shown.value}
                columns |= {"stat": np.sqrt(shown.variance), "sys_shift": shown.shift}
                parts.append(pd.DataFrame(columns | {"entries": shown.entries}))
        return pd.concat(parts, ignore_index=True)

    def plot(self, ax: Any = None, *, log_x: bool = False, log_y: bool = False) -> Any:
        """Draw one column of panels for each requirement; gives an array of axes."""
        from hepnb.pid.curves.distribution_plots import plot_comparison

        return plot_comparison(self, ax=ax, log_x=log_x, log_y=log_y)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Give sums in range, candidates outside and p-values, for a run's record."""
        found: dict[str, dict[str, Any]] = {}
        for number, cut in enumerate(self.cuts):
            end = f"_{number}" if len(self.cuts) > 1 else ""
            for kind, each in zip(self.kinds, (self.first, self.second), strict=False):
                shown = each[cut]
                found[f"{kind}_entries{end}"] = _number(shown.entries.sum(), "candidates")
                found[f"{kind}_outside{end}"] = _number(shown.outside, "candidates")
            if cut in self.tests:
                test = self.tests[cut]
                found[f"chi2{end}"] = _number(test.chi2)
                found[f"ndf{end}"] = _number(test.ndf)
                found[f"p_value{end}"] = _number(test.p_value)
        return found

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<name>.csv``: one row per requirement, sample and bin."""
        path = Path(directory) / f"{name}.csv"
        self.frame.to_csv(path, index=False, lineterminator="\n")
        return [path]


def compare_distributions(
    first: Sample,
    second: Sample | None = None,
    *,
    variable: str,
    edges: Sequence[float] | Floats,
    cuts: Sequence[str] = ("",),
    precut: str = "",
    normalised: bool = True,
    names: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    independent: bool = True,
    workers: int = 1,
) -> Comparison:
    """Compare a variable in two samples, for several requirements, in one pass over each.

    Parameters
    ----------
    first, second
        As a rule data, with its sWeights, and simulation, whose true candidates are counted.
    variable, edges
        In the language of cuts, and its bin edges.
    cuts, precut
        Requirements, one panel each; ``""`` is none. What counts at all.
    normalised
        Divide each by its sum in range. Otherwise simulation is scaled to the luminosity of data
        where both are known, and else left as it is.
    names, kinds
        See `Comparison`; by default the names and kinds of the samples. Those of a second sample
        count where there is one.
    independent
        Whether the samples share no candidates; else there is no test.
    workers
        Threads that read.

    Returns
    -------
    Comparison

    Raises
    ------
    BadParameters, CutSyntaxError, UnknownVariable, UnreadableFile
        Before anything is read.
    """
    cuts = tuple(dict.fromkeys(each.strip() for each in cuts)) or ("",)
    bounds = np.asarray(edges, float)
    samples = [first] if second is None else [first, second]
    options: dict[str, Any] = {
        "variable": variable,
        "edges": bounds,
        "cuts": cuts,
        "precut": precut,
    }
    found = [_fill(each, workers=workers, **options) for each in samples]
    tests = {}
    if second is not None:
        scale = _luminosity_ratio(first, second) if not normalised else 1.0
        found[1] = {cut: each.scaled(scale) for cut, each in found[1].items()}
        if independent:
            tests = {cut: _test(found[0][cut], found[1][cut], normalised) for cut in cuts}
    if normalised:
        found = [{cut: each.normalised() for cut, each in part.items()} for part in found]
    return Comparison(
        variable,
        bounds,
        cuts,
        found[0],
        found[1] if second is not None else {},
        tests,
        tuple(names or [each.name for each in samples])[: len(samples)],
        tuple(kinds or [each.kind for each in samples])[: len(samples)],
        normalised,
    )


def _fill(
    sample: Sample,
    *,
    variable: str,
    edges: Floats,
    cuts: Sequence[str],
    precut: str,
    workers: int,
) -> dict[str, Distribution]:
    weight, weight_sys = weight_names(sample)
    precut = truth_precut(sample, precut, weight=weight)
    raw = None if weight is None else f"0 * ({weight}) + 1"
    names = (weight, weight_sys or weight, raw)
    weights = tuple(dict.fromkeys(names))
    binnings: dict[str, Any] = {"shown": {variable: edges}, "all": {"0": [-1.0, 1.0]}}
    filled = fill(
        sample, binnings=binnings, cuts=cuts, precuts=[precut], weights=weights, workers=workers
    )
    made = {cut: _distribution(filled, cut, precut, names) for cut in cuts}
    for cut, each in made.items():
        if each.outside:
            log.info("%s, %r: %d candidates are in no bin", sample.name, cut, each.outside)
    return made


def _distribution(
    filled: Filled, cut: str, precut: str, weights: tuple[str | None, str | None, str | None]
) -> Distribution:
    nominal, shifted, raw = (filled.hist(cut, precut, each, "shown") for each in weights)
    value, variance = nominal.values(), nominal.variances()
    assert variance is not None
    entries = np.rint(raw.values()).astype(np.int64)
    everything = filled.hist(cut, precut, None if weights[0] is None else weights[2], "all")
    outside = round(float(everything.values().sum())) - int(entries.sum())
    shift = np.asarray(shifted.values() - value)
    return Distribution(np.asarray(value), np.asarray(variance), shift, entries, outside)


def _test(first: Distribution, second: Distribution, normalised: bool) -> Chi2Test:
    return two_sample_chi2_test(
        (first.value, first.variance),
        (second.value, second.variance),
        counts=np.minimum(first.entries, second.entries),
        normalised=normalised,
    )


def _luminosity_ratio(first: Sample, second: Sample) -> float:
    if first.luminosity is None or second.luminosity is None:
        log.warning("a luminosity is not known: %s is not scaled to %s", second.name, first.name)
        return 1.0
    return first.luminosity / second.luminosity


def _number(value: float, unit: str = "") -> dict[str, Any]:
    status = "ok" if np.isfinite(value) else "not defined"
    return {"value": float(value), "uncertainty": None, "unit": unit, "status": status}
