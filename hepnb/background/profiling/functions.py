"""``-2 ln L`` of one function against the signal strength, solved where it is asked for."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families import Family, family, family_names
from hepnb.background.fitting.profiled import Profiled
from hepnb.background.fitting.signal_model import SignalModel
from hepnb.background.profiling.corrections import Correction
from hepnb.errors import BadParameters

__all__ = ("Function", "FunctionProfile", "function_of", "functions_of")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
Function: TypeAlias = "str | tuple[str | Family, int] | Any"
"""``"bernstein4"``, ``("bernstein", 4)``, or a fit with its `family` and `order`."""

_ROUNDING = 1e-9  # of -ln L: what counts as lower


def function_of(given: Function) -> tuple[Family, int]:
    """Give family and order of a function.

    Raises
    ------
    BadParameters
        It is of no known family, or the family has no such order.
    """
    if isinstance(given, str):
        kind, order = _named(given)
    elif isinstance(given, tuple):
        kind, order = family(given[0]), int(given[1])
    else:
        kind, order = given.family, given.order
    kind.check_order(order)
    return kind, order


def functions_of(given: Iterable[Function]) -> tuple[tuple[Family, int], ...]:
    """Give families and orders of functions, each once, the fewest parameters first.

    Raises
    ------
    BadParameters
        There is none, or one is not known.
    """
    found = {(kind.name, order): (kind, order) for kind, order in map(function_of, given)}
    if not found:
        message = "no function; name at least one, for instance bernstein3"
        raise BadParameters(message)
    return tuple(sorted(found.values(), key=lambda each: each[0].n_par(each[1])))


def _named(text: str) -> tuple[Family, int]:
    match = re.fullmatch(r"\s*(.*?)\s*(\d+)\s*", text)
    if match is None:
        message = f"function {text!r}; give a family and an order, for instance bernstein4"
        raise BadParameters(message)
    try:
        return family(match[1].lower()), int(match[2])
    except BadParameters:
        shorts = {family(name).short: name for name in family_names()}
        if match[1] not in shorts:
            raise
        return family(shorts[match[1]]), int(match[2])


class FunctionProfile:
    """One function's profile; fits are made where they are asked for, from those nearest to it.

    Parameters
    ----------
    model
        Data, function and signal.
    correction
        What the function pays for its parameters.

    Attributes
    ----------
    best
        With the strength fitted; None where that failed.
    failures
        Strengths at which the fit failed.
    """

    def __init__(self, model: SignalModel, correction: Correction) -> None:
        self.model, self.correction = model, correction
        self.family, self.order = model.family, model.order
        self.best: Profiled | None = None
        self.failures: list[float] = []
        self._solved: dict[float, Profiled] = {}
        self._strengths: list[float] = []
        spectrum = model.likelihood.spectrum
        counts = spectrum.counts[spectrum.visible]
        filled = counts[counts > 0]
        logs = np.log(filled / spectrum.widths[spectrum.visible][counts > 0])
        self._saturated = 2.0 * float(counts.sum() - filled @ logs)
        unbinned = model.likelihood.masses is not None
        self._n_observations = spectrum.total if unbinned else float(len(counts))

    @classmethod
    def fitted(cls, model: SignalModel, correction: Correction) -> FunctionProfile:
        """Give the profile with its minimum, where it has one."""
        profile, best = cls(model, correction), model.fit()
        if best is not None and best.converged:
            profile.best = best
            profile._keep(best)
        return profile

    def _keep(self, found: Profiled) -> None:
        if found.strength not in self._solved:
            bisect.insort(self._strengths, found.strength)
        self._solved[found.strength] = found

    @property
    def name(self) -> str:
        """Such as ``bernstein4``."""
        return f"{self.family.name}{self.order}"

    @property
    def title(self) -> str:
        """Such as ``Bernstein 4``."""
        return self.model.title

    @property
    def n_par(self) -> int:
        """Shape parameters."""
        return self.family.n_par(self.order)

    @property
    def minimum(self) -> Profiled:
        """The fit with the strength free; the profile is only used where there is one."""
        assert self.best is not None
        return self.best

    @property
    def widest(self) -> float:
        """Uncertainty of the strength if all candidates lay under the peak."""
        likelihood = self.model.likelihood
        return float((np.sqrt(likelihood.spectrum.total) + 3.0) / likelihood.signal_visible)

    def corrected(self, nll: float) -> float:
        """Corrected ``-2 ln L`` of a negative logarithm of the likelihood."""
        raised = self.correction.apply(
            2.0 * nll,
            n_par=self.n_par,
            n_observations=self._n_observations,
            saturated=self._saturated,
        )
        return float(raised)

    def value(self, strength: float) -> float:
        """Corrected ``-2 ln L`` at a strength; infinite where the fit failed."""
        solved = self.at(strength)
        return np.inf if solved is None else self.corrected(solved.nll)

    def slope(self, strength: float) -> float:
        """Slope of `value` in the strength, up to a positive factor; NaN where the fit failed."""
        solved = self.at(strength)
        return np.nan if solved is None else solved.slope

    def at(self, strength: float) -> Profiled | None:
        """Give the fit at a strength, begun from those solved on either side of it."""
        key = float(strength)
        if key in self._solved:
            return self._solved[key]
        starts = [self.minimum.start]
        place = bisect.bisect(self._strengths, key)
        beside = [self._solved[each] for each in self._strengths[max(place - 1, 0) : place + 1]]
        if beside:
            beside.sort(key=lambda each: abs(each.strength - key))
            # with one minimum only, one start is enough
            starts = [each.start for each in (beside[:1] if self.model.one_minimum else beside)]
        found = self.model.fit(strength=key, starts=starts)
        if found is None or not found.converged:
            found = self.model.fit(strength=key)
        if found is None or not found.converged:
            self.failures.append(key)
            return None
        self._keep(found)
        return found

    def sweep(self, strengths: Sequence[float]) -> None:
        """Solve at strengths, outwards from the minimum, then from either end to the other.

        The lower of what is found on the ways is kept.
        """
        ordered = sorted({float(each) for each in strengths})
        for each in sorted(ordered, key=lambda mu: abs(mu - self.minimum.strength)):
            self.at(each)
        if self.model.one_minimum:
            return
        solved = [each for each in ordered if each in self._solved]
        for way in (solved, solved[::-1]):
            for near, there in pairwise(way):
                self._improve(there, self._solved[near])
        lowest = min((self._solved[each] for each in solved), key=lambda each: each.nll)
        if lowest.nll < self.minimum.nll - _ROUNDING:
            again = self.model.fit(starts=[lowest.start])
            if again is not None and again.nll < self.minimum.nll:
                self.best = again
                self._keep(again)

    def _improve(self, strength: float, near: Profiled) -> None:
        there = self._solved[strength]
        found = self.model.fit(strength=strength, starts=[near.start])
        if found is not None and found.converged and found.nll < there.nll - _ROUNDING:
            self._solved[strength] = found
