"""A background function and a signal, ready to be fitted at many strengths and to many data."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families import Family, family
from hepnb.background.families.sums import SumOfTilted
from hepnb.background.fitting.fit import covariance_of, fit_background, follow
from hepnb.background.fitting.likelihood import Likelihood, Objective, SignalLike
from hepnb.background.fitting.newton import Minimum
from hepnb.background.fitting.starts import steepest
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = ("Profiled", "SignalModel", "Start")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_SOFT = (1e-2, 1e-4, 1e-6)  # candidates that empty bins are given where a signal would empty them
_FEWEST = 1e-4  # of the candidates: weight from which a component can come back


class Start(NamedTuple):
    """Where a fit begins."""

    weights: Floats
    """Events of each component on the whole range, of shape (K,)."""
    strength: float
    """Signal strength; where it is held, that value is taken instead."""
    theta: Floats
    """Parameters of the components."""


class Profiled(NamedTuple):
    """The likelihood at its minimum, with the strength fitted or held."""

    strength: float
    """mu."""
    strength_error: float
    """From the curvature; NaN where the strength was held."""
    nll: float
    """Extended: ``sum_i nu_i - sum_i n_i ln(nu_i / width_i)``."""
    slope: float
    """Derivative of `nll` by the strength, the background following."""
    start: Start
    """The minimum, from which other fits can begin."""
    converged: bool
    """Whether it was reached."""
    limited: bool
    """Whether a more negative signal would make the expectation of an empty bin negative."""
    tries: int
    """Starting points followed."""
    minimum: Minimum
    """In the variables of `Objective`."""


class SignalModel:
    """Use it where one function is fitted many times; `fit_signal_strength` makes one for each fit.

    Parameters
    ----------
    spectrum
        The data.
    family_name, order
        The background function.
    signal
        A signal shape.
    unbinned
        Fit candidate by candidate.

    Raises
    ------
    BadParameters
        Unknown family or order; a signal of which nothing is visible.
    """

    def __init__(
        self,
        spectrum: MassSpectrum,
        family_name: str | Family,
        order: int,
        signal: SignalLike,
        *,
        unbinned: bool = False,
    ) -> None:
        self.family, self.order = family(family_name), order
        shape = self.family.shape(order, spectrum.lo, spectrum.hi)
        self.likelihood = Likelihood(spectrum, shape, signal=signal, unbinned=unbinned)
        if not self.likelihood.signal_visible > 0.0:
            message = (
                f"the signal expects {self.likelihood.signal_visible:g} events in the visible "
                "bins; widen the range, or unblind it"
            )
            raise BadParameters(message)

    @property
    def title(self) -> str:
        """Such as ``Bernstein 4``."""
        return f"{self.family.label} {self.order}"

    @property
    def one_minimum(self) -> bool:
        """Whether fits end at the same minimum wherever they begin.

        So they do for fixed components, where the likelihood is convex, and for a single slope.
        """
        shape = self.likelihood.shape
        return not shape.theta_names or (isinstance(shape, SumOfTilted) and shape.n_components == 1)

    @cached_property
    def lower(self) -> SignalModel | None:
        """The sum with one component fewer, for sums whose slopes are free."""
        likelihood, order = self.likelihood, self.order - self.family.step
        if not isinstance(likelihood.shape, SumOfTilted) or order < 1 or likelihood.signal is None:
            return None
        return SignalModel(
            likelihood.spectrum,
            self.family,
            order,
            likelihood.signal,
            unbinned=likelihood.masses is not None,
        )

    def with_data(self, spectrum: MassSpectrum) -> SignalModel:
        """Give the model of other counts in the same bins; what was evaluated is kept."""
        other, likelihood = copy.copy(self), copy.copy(self.likelihood)
        likelihood.spectrum, likelihood.masses = spectrum, None
        likelihood.counts = spectrum.counts[spectrum.visible]
        other.likelihood = likelihood
        if self.lower is not None:
            other.__dict__["lower"] = self.lower.with_data(spectrum)
        return other

    def fit(
        self,
        *,
        strength: float | None = None,
        starts: Sequence[Start] = (),
        thorough: bool | None = None,
    ) -> Profiled | None:
        """Minimise over the background, and over the strength unless it is held.

        Parameters
        ----------
        strength
            Value to hold mu at.
        starts
            Where to begin; none: from a fit of background alone.
        thorough
            Whether sums with free slopes begin at the next lower order with the best new slope
            too, and never end above it; None: where there are no starts.

        Returns
        -------
        Profiled or None
            None if the function is zero where there are candidates.

        Raises
        ------
        BadParameters
            There is no candidate.
        """
        if self.likelihood.spectrum.total == 0.0:
            message = "no candidate is visible; a signal strength needs at least one"
            raise BadParameters(message)
        given = list(starts) or [self._alone()]
        below = None
        if self.lower is not None and (not starts if thorough is None else thorough):
            below = self.lower.fit(strength=strength)
        if below is not None:
            given.append(self._one_more(below))
        objective = self.likelihood.objective(strength=strength)
        points = [self._point(each, strength) for each in given]
        minimum = follow(objective, points)
        limited = False
        if minimum is None or not minimum.converged:
            softened = self._softened(points, strength)
            if softened is not None and (minimum is None or softened.value < minimum.value + 1e-6):
                minimum, limited = softened, True
        if minimum is None:
            return None
        found = self._profiled(minimum, objective, strength, len(points), limited=limited)
        if below is not None and below.nll < found.nll:
            same = objective(self._point(self._one_more(below, weight=0.0), strength, least=0.0))
            if same is not None:
                unused = Minimum(
                    self._point(self._one_more(below, weight=0.0), strength, least=0.0),
                    *same,
                    converged=below.converged,
                    steps=0,
                )
                return self._profiled(
                    unused, objective, strength, len(points), limited=below.limited
                )
        return found

    def _alone(self) -> Start:
        likelihood = self.likelihood
        fit = fit_background(
            likelihood.spectrum, self.family, self.order, unbinned=likelihood.masses is not None
        )
        return Start(fit.weights * fit.total, 0.0, fit.theta)

    def _one_more(self, below: Profiled, *, weight: float = 0.05) -> Start:
        """Give the lower order with a component at the slope that lowers the likelihood most."""
        likelihood, near = self.likelihood, below.start
        spectrum, signal = likelihood.spectrum, likelihood.signal
        assert self.lower is not None
        assert signal is not None
        shape = self.lower.likelihood.shape
        expected = shape.fractions(spectrum.edges, near.theta) @ near.weights
        expected = expected + below.strength * signal.expected * signal.fractions(spectrum.edges)
        seen = np.maximum(expected[spectrum.visible], 1e-12 * spectrum.total)
        slope, _ = steepest(likelihood, seen)
        weights = np.append(near.weights, weight * near.weights.sum())
        return Start(weights / (1.0 + weight), below.strength, np.append(near.theta, slope))

    def _point(self, start: Start, held: float | None, *, least: float = _FEWEST) -> Floats:
        """Variables of `Objective`, with background enough for every expectation to be positive."""
        likelihood = self.likelihood
        total = likelihood.spectrum.total
        mu = start.strength if held is None else held
        weights = np.maximum(start.weights, least * total)
        density = likelihood.columns(start.theta).rows.value
        background = density @ weights
        lacking = background + mu * likelihood.signal_row <= 0.0
        if lacking.any():
            even = density.sum(axis=1)[lacking]
            missing = -mu * likelihood.signal_row[lacking] - background[lacking]
            weights = weights + 1.5 * float((missing / even).max()) + 1e-6 * total
        return np.concatenate([weights / total, [mu] if held is None else [], start.theta])

    def _softened(self, points: list[Floats], strength: float | None) -> Minimum | None:
        """Minimise where the expectation of an empty bin ends at zero.

        There the logarithm is no wall, and Newton's steps would stop short of the minimum along
        it; a vanishing number of candidates in each empty bin makes one.
        """
        likelihood = self.likelihood
        if likelihood.masses is not None:
            return None
        total, k = likelihood.counts.sum(), likelihood.shape.n_components
        best: Minimum | None = None
        for point in points:
            near: Minimum | None = None
            x = point
            for soft in _SOFT:
                counts = np.maximum(likelihood.counts, soft)
                scale = np.ones_like(x)
                scale[:k] = total / counts.sum()
                near = follow(likelihood.objective(counts, strength=strength), [x * scale])
                if near is None:
                    break
                x = near.x / scale
            plain = likelihood.objective(strength=strength)(x)
            if near is None or plain is None:
                continue
            if best is None or plain.value < best.value:
                best = Minimum(x, *plain, converged=near.converged, steps=near.steps)
        return best

    def _profiled(
        self,
        minimum: Minimum,
        objective: Objective,
        strength: float | None,
        tries: int,
        *,
        limited: bool,
    ) -> Profiled:
        likelihood = self.likelihood
        total, k = likelihood.spectrum.total, likelihood.shape.n_components
        weights, fitted, theta = objective.split(minimum.x)
        mu, error = fitted if strength is None else strength, np.nan
        if strength is None:
            error = float(np.sqrt(covariance_of(minimum, objective.bounds)[k, k]))
        expected = total * (likelihood.columns(theta).rows.value @ weights)
        expected = expected + mu * likelihood.signal_row
        counts = np.maximum(likelihood.counts, _SOFT[-1]) if limited else likelihood.counts
        slope = likelihood.signal_visible - float(counts @ (likelihood.signal_row / expected))
        return Profiled(
            strength=mu,
            strength_error=error,
            nll=minimum.value - total * float(np.log(total)),
            slope=slope,
            start=Start(total * weights, mu, theta),
            converged=minimum.converged,
            limited=limited,
            tries=tries,
            minimum=minimum,
        )
