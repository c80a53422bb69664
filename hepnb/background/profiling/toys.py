"""One pseudo-experiment of a bias study: drawn from a truth, fitted by every function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.background.fitting.profiled import Profiled, Start
from hepnb.background.fitting.signal_model import SignalModel
from hepnb.background.profiling.corrections import Correction
from hepnb.background.profiling.functions import FunctionProfile
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import HepnbError

__all__ = ("ENVELOPE", "Experiment", "ToyFit", "toy_fits")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

ENVELOPE = "envelope"
_BELOW = 1e-6  # of -ln L, per candidate: how far rounding may put a minimum above a point


class ToyFit(NamedTuple):
    """What a function, or the envelope, finds in one toy."""

    strength: float
    """Fitted signal strength."""
    error: float
    """Its uncertainty from the curvature; of the envelope: that of the lowest function."""
    rise: float
    """``-2 ln L``, corrected, at the injected strength, above its minimum."""
    chosen: str
    """The function itself; of the envelope: the lowest at its minimum."""
    status: str
    """``ok``, ``failed``, or ``empty``."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """What toys are drawn from, and what is fitted to them; all that a worker needs to know.

    Attributes
    ----------
    expected
        Truth to the background that it expects in each bin.
    blank
        The bins, all visible.
    models
        Models of the functions on these bins, by name.
    signal
        What is injected and fitted.
    strengths
        Injected strengths.
    correction
        What functions pay for their parameters in the envelope.
    seed
        Toy i of a truth and a strength has random numbers of its own, whoever draws it.
    starts
        (truth, strength) to where each function's fits begin: its fit to what is expected.
    """

    expected: Mapping[str, Floats]
    blank: MassSpectrum
    models: Mapping[str, SignalModel]
    signal: Any
    strengths: Sequence[float]
    correction: Correction
    seed: int
    starts: Mapping[tuple[str, float], Mapping[str, Start]] = field(default_factory=dict)

    def mean(self, truth: str, strength: float) -> Floats:
        """Events expected in each bin."""
        shares = self.signal.fractions(self.blank.edges)
        return np.asarray(self.expected[truth] + strength * self.signal.expected * shares)

    def draw(self, truth: str, strength: float, toy: int) -> MassSpectrum:
        """Give the pseudo-data of a toy."""
        place = (list(self.expected).index(truth), list(self.strengths).index(strength), toy)
        # the children that SeedSequence(seed).spawn would give, without making them all
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=place))
        return self.blank.with_counts(rng.poisson(self.mean(truth, strength)))

    def with_starts(self) -> Experiment:
        """Fit every function to what is expected, which is where the fits to toys begin."""
        starts = {}
        for truth in self.expected:
            for strength in self.strengths:
                spectrum = self.blank.with_counts(self.mean(truth, strength))
                fits = {
                    name: model.with_data(spectrum).fit() for name, model in self.models.items()
                }
                starts[truth, strength] = {
                    name: fit.start for name, fit in fits.items() if fit is not None
                }
        return replace(self, starts=starts)


def toy_fits(experiment: Experiment, truth: str, strength: float, toy: int) -> dict[str, ToyFit]:
    """Draw a toy and fit it with every function and with the envelope.

    Parameters
    ----------
    experiment
        What is drawn and fitted.
    truth, strength, toy
        Which toy.

    Returns
    -------
    dict
        Function, and last of all ``envelope``, to what it finds. Where a function fails the
        envelope does too: without that function it would be another one.
    """
    spectrum = experiment.draw(truth, strength, toy)
    if spectrum.total == 0.0:
        nothing = ToyFit(np.nan, np.nan, np.nan, "", "empty")
        return dict.fromkeys([*experiment.models, ENVELOPE], nothing)
    starts = experiment.starts.get((truth, strength), {})
    found: dict[str, ToyFit] = {}
    heights: dict[str, tuple[float, float]] = {}
    for name, model in experiment.models.items():
        data = model.with_data(spectrum)
        near = [starts[name]] if name in starts else []
        free, held = _both(data, strength, near)
        if free is None or held is None:
            found[name] = ToyFit(np.nan, np.nan, np.nan, name, "failed")
            continue
        corrected = FunctionProfile(data, experiment.correction).corrected
        heights[name] = corrected(held.nll), corrected(free.nll)
        rise = max(heights[name][0] - heights[name][1], 0.0)
        found[name] = ToyFit(free.strength, free.strength_error, rise, name, "ok")
    if len(heights) < len(experiment.models):
        return found | {ENVELOPE: ToyFit(np.nan, np.nan, np.nan, "", "failed")}
    best = min(heights, key=lambda each: heights[each][1])
    rise = min(each[0] for each in heights.values()) - heights[best][1]
    envelope = found[best]._replace(rise=max(rise, 0.0))
    return found | {ENVELOPE: envelope}


def _both(
    data: SignalModel, strength: float, near: list[Start]
) -> tuple[Profiled | None, Profiled | None]:
    """Fit with the strength free and held, each from the other's minimum as well."""
    try:
        free = data.fit(starts=near, thorough=True)
        held = data.fit(strength=strength, starts=[free.start] if free else near)
        if free is None or held is None:
            return None, None
        if held.nll < free.nll:
            again = data.fit(starts=[held.start])
            free = again if again is not None and again.nll < free.nll else free
    except HepnbError:
        return None, None
    lost = free.nll - held.nll
    total = data.likelihood.spectrum.total
    if not (free.converged and held.converged) or lost > _BELOW * max(total, 1.0):
        return None, None
    return free, held
