"""Several categories with one signal strength, each with background functions of its own.

With m functions in each of k categories there are ``m ** k`` combinations. At a fixed strength,
however, the categories are independent: the best combination is the best function of each, and the
profile over all combinations is the sum of the categories' envelopes, exactly. It costs as much as
the envelopes themselves. This holds as long as the strength is all that the categories share.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hepnb.background.profiling.corrections import CorrectionLike
from hepnb.background.profiling.envelope import (
    Envelope,
    checked_levels,
    envelope_of,
    fit_members,
)
from hepnb.background.profiling.functions import Function
from hepnb.background.profiling.profile_result import LEVELS, Profile, described
from hepnb.background.profiling.scan import Scan, minimum_of, scan
from hepnb.background.profiling.scan_range import Members, lowest_of
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = (
    "Combination",
    "CombinedEnvelope",
    "minimise_exhaustively",
    "minimise_iteratively",
    "scan_categories",
)


def __dir__() -> tuple[str, ...]:
    return __all__


_MOST_ROUNDS = 50


class Combination(NamedTuple):
    """Functions of all categories, at the strength where they are lowest together."""

    strength: float
    """Signal strength."""
    height: float
    """Sum of corrected ``-2 ln L``."""
    functions: tuple[str, ...]
    """Name of the function of each category."""
    rounds: int
    """Rounds of the iteration, or combinations tried."""


@dataclass(frozen=True, kw_only=True)
class CombinedEnvelope(Profile):
    """Discrete profile of a signal strength that categories share.

    Attributes
    ----------
    categories
        Category to its own envelope, at the strengths of the combined scan; its intervals are
        those of the category alone, as far as the scan reaches.
    best
        Category to the function that is taken at the minimum.
    """

    categories: Mapping[str, Envelope] = field(repr=False)
    best: Mapping[str, str]

    @property
    def frame(self) -> pd.DataFrame:
        """One row per category: its function, what it finds alone, and its rise at the minimum."""
        rows = [
            {
                "category": name,
                "function": self.best[name],
                "strength": each.strength,
                "best_alone": each.best,
                "rise": float(np.interp(self.strength, each.strengths, each.lowest)) - each.minimum,
            }
            for name, each in self.categories.items()
        ]
        return pd.DataFrame(rows)

    def plot(self, **options: Any) -> Any:
        """Draw the scan of each category, their sum and its intervals; gives the axes."""
        from hepnb.background.plots.profile import plot_profile

        # each from its own minimum, so that all begin at the combined one's height
        curves = {
            name: each.lowest - each.lowest.min() + self.minimum
            for name, each in self.categories.items()
        }
        return plot_profile(
            self.strengths,
            curves,
            envelope=self.lowest,
            intervals=self.intervals,
            best=self.strength,
            **options,
        )

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write the scan as ``<name>.csv``, and the result as ``<name>.json``."""
        folder = Path(directory)
        columns: dict[str, Any] = {"strength": self.strengths, "envelope": self.lowest}
        for category, each in self.categories.items():
            columns |= {category: each.lowest, f"{category}:function": each.lowest_function}
        table = pd.DataFrame(columns)
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        content = described(self) | {
            "best": dict(self.best),
            "categories": json.loads(self.frame.to_json(orient="records", double_precision=12)),
            "failed": {key: dict(each.failed) for key, each in self.categories.items()},
        }
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return [folder / f"{name}.csv", path]


def scan_categories(
    spectra: Mapping[str, MassSpectrum],
    functions: Iterable[Function] | Mapping[str, Iterable[Function]],
    signals: Any,
    *,
    correction: CorrectionLike = 1.0,
    levels: Sequence[float] = LEVELS,
    strengths: Sequence[float] | None = None,
) -> CombinedEnvelope:
    """Profile a signal strength that categories share over the functions of each.

    Parameters
    ----------
    spectra
        Category to its data.
    functions
        For all categories, or category to its own.
    signals
        A signal shape for all categories, or category to its own.
    correction, levels, strengths
        As of `hepnb.background.profiling.scan_envelope`.

    Returns
    -------
    CombinedEnvelope

    Raises
    ------
    BadParameters
        A category without functions or signal, or as of `scan_envelope`.
    FitFailed
        No function of a category could be fitted.
    """
    fitted = {
        name: fit_members(spectrum, *_of_category(name, functions, signals), correction=correction)
        for name, spectrum in spectra.items()
    }
    if not fitted:
        message = "no category; give at least one spectrum"
        raise BadParameters(message)
    members = [each for each, _ in fitted.values()]
    heights = checked_levels(levels)
    found = scan(members, levels=heights, strengths=strengths)
    parts = {
        name: envelope_of(spectrum, own, failed, _alone(own, found, heights))
        for (name, spectrum), (own, failed) in zip(spectra.items(), fitted.values(), strict=True)
    }
    _, choice = lowest_of(members, found.minimum[0])
    chosen = zip(spectra, members, choice, strict=True)
    return CombinedEnvelope(
        strengths=np.array(found.strengths),
        lowest=np.sum([each.lowest for each in parts.values()], axis=0),
        strength=found.minimum[0],
        minimum=found.minimum[1],
        intervals=found.intervals,
        correction=members[0][0].correction,
        open_ends=found.open_ends,
        categories=parts,
        best={name: own[which].name for name, own, which in chosen},
    )


def minimise_iteratively(
    categories: Sequence[Members], *, start: float | None = None, tolerance: float = 1e-9
) -> Combination:
    """Look for the lowest combination as combine does: functions and strength in turn.

    At a fixed strength every category takes its best function; with these the strength is fitted;
    and so on until nothing is gained. Each round is exact, yet the end may be a local minimum, in
    which the envelope of the sum has several: `scan_categories` finds the lowest.

    Parameters
    ----------
    categories
        Functions of each category, from `fit_members`.
    start
        Strength to begin with; None: each category begins with its best function.
    tolerance
        Of ``-2 ln L``: gain of a round below which it ends.
    """
    if start is None:
        best = [min(own, key=lambda each: each.corrected(each.minimum.nll)) for own in categories]
        choice = tuple(own.index(each) for own, each in zip(categories, best, strict=True))
        start = float(np.mean([each.minimum.strength for each in best]))
    else:
        _, choice = lowest_of(categories, start)
    mu, height = minimum_of(categories, choice, start)
    rounds = 1
    while rounds < _MOST_ROUNDS:
        rounds += 1
        lower, new = lowest_of(categories, mu)
        if new == choice or lower > height - tolerance:
            break
        choice = new
        mu, height = minimum_of(categories, choice, mu)
    return Combination(mu, height, _names(categories, choice), rounds)


def minimise_exhaustively(categories: Sequence[Members]) -> Combination:
    """Find the lowest of all combinations of functions, each at its own best strength.

    It is there to test the others; the number of combinations is the product of the numbers of
    functions.
    """
    best = Combination(np.nan, np.inf, (), 0)
    near = float(np.mean([own[0].minimum.strength for own in categories]))
    combinations = list(product(*(range(len(own)) for own in categories)))
    for choice in combinations:
        mu, height = minimum_of(categories, choice, near)
        if height < best.height:
            best = Combination(mu, height, _names(categories, choice), len(combinations))
    return best


def _names(categories: Sequence[Members], choice: Sequence[int]) -> tuple[str, ...]:
    return tuple(own[which].name for own, which in zip(categories, choice, strict=True))


def _alone(own: Members, combined: Scan, levels: Sequence[float]) -> Scan:
    """Scan of one category at the strengths of them all."""
    alone = scan([own], levels=levels, strengths=combined.strengths)
    return alone._replace(strengths=combined.strengths)


def _of_category(name: str, functions: Any, signals: Any) -> tuple[Any, Any]:
    found = []
    for what, given in (("functions", functions), ("signal", signals)):
        if not isinstance(given, Mapping):
            found.append(given)
        elif name in given:
            found.append(given[name])
        else:
            known = ", ".join(map(str, given)) or "none"
            message = f"category {name!r} has no {what} (known: {known}); give them by category"
            raise BadParameters(message)
    return found[0], found[1]
