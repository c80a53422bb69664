"""A background function and a signal, ready to be fitted at many strengths and to many data."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families import Family, family
from hepnb.background.families.sums import SumOfTilted
from hepnb.background.fitting.fit import covariance_of, fit_background
from hepnb.background.fitting.likelihood import Likelihood, Objective, SignalLike
from hepnb.background.fitting.newton import Minimum
from hepnb.background.fitting.profiled import Profiled, Start, one_less
from hepnb.background.fitting.search import follow, starting_points, with_best_weights
from hepnb.background.fitting.starts import steepest
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = ("SignalModel", "Start")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_SOFT = (1e-2, 1e-4, 1e-6)  # candidates that empty bins are given where a signal would empty them
_LITTLE = 1e-4  # of the background of a bin: what a signal leaves of it at the least
_NO_GAIN = 1e-5  # of -ln L: a further component that gains less is not tried
_FEWEST = 1e-4  # of the candidates: weight from which a component can come back


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
        unbinned = likelihood.masses is not None
        data, signal = likelihood.spectrum, likelihood.signal
        return SignalModel(data, self.family, order, signal, unbinned=unbinned)

    def with_data(self, spectrum: MassSpectrum) -> SignalModel:
        """Give the model of other counts in the same bins; what was evaluated is kept."""
        other = copy.copy(self)
        other.likelihood = self.likelihood.filled(spectrum)
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
        given = given[:1] if self.one_minimum else given
        objective = self.likelihood.objective(strength=strength)
        unused: Profiled | None = None
        added: Floats | None = None
        if self.lower is not None and (not starts if thorough is None else thorough):
            below = self.lower.fit(strength=strength, starts=[one_less(each) for each in given])
            if below is not None:
                start, gain = self._one_more(below)
                unused = self._unused(below, objective, strength)
                if unused is not None and below.converged and gain < _NO_GAIN:
                    return unused
                added = with_best_weights(objective, self._point(start, strength))
        points = [self._point(each, strength) for each in given]
        if added is not None:
            points.append(added)
        beaten = np.inf if unused is None else unused.minimum.value
        minimum = self._minimised(points, objective, strength)
        if minimum is None or beaten < minimum.value:
            return unused
        limited = self._emptied(minimum.x, strength)
        return self._profiled(minimum, objective, strength, len(points), limited=limited)

    def _minimised(
        self, points: list[Floats], objective: Objective, strength: float | None
    ) -> Minimum | None:
        at_wall = any(self._emptied(each, strength) for each in points)
        minimum = None if at_wall else follow(objective, points)
        if minimum is not None and minimum.converged:
            return minimum
        softened = self._softened(points, strength)
        if softened is not None and not self._emptied(softened.x, strength):
            # what the soft wall cost; if it is one after all, steps stop short there
            plain = follow(objective, [softened.x])
            if plain is not None and plain.value < softened.value:
                softened = plain._replace(converged=plain.converged or softened.converged)
        if softened is not None and (minimum is None or softened.value < minimum.value + 1e-6):
            return softened
        return minimum

    def _alone(self) -> Start:
        likelihood = self.likelihood
        total = likelihood.spectrum.total
        if self.one_minimum:
            x, k = starting_points(likelihood, None)[0], likelihood.shape.n_components
            return Start(x[:k] * total, 0.0, x[k:])
        unbinned = likelihood.masses is not None
        fit = fit_background(likelihood.spectrum, self.family, self.order, unbinned=unbinned)
        return Start(fit.weights * fit.total, 0.0, fit.theta)

    def _unused(
        self, below: Profiled, objective: Objective, strength: float | None
    ) -> Profiled | None:
        """Give the lower order, with a component that nothing is taken from."""
        near = below.start
        start = Start(
            np.append(near.weights, 0.0), near.strength, np.append(near.theta, near.theta[-1:])
        )
        point = self._point(start, strength, least=0.0)
        same = objective(point)
        if same is None:
            return None
        minimum = Minimum(point, *same, below.converged, 0)
        return self._profiled(minimum, objective, strength, 0, limited=below.limited)

    def _one_more(self, below: Profiled) -> tuple[Start, float]:
        """Add a component where it gains most, and give the most that any number could gain."""
        likelihood, near = self.likelihood, below.start
        spectrum, signal = likelihood.spectrum, likelihood.signal
        assert self.lower is not None
        assert signal is not None
        shape = self.lower.likelihood.shape
        expected = shape.fractions(spectrum.edges, near.theta) @ near.weights
        expected = expected + below.strength * signal.expected * signal.fractions(spectrum.edges)
        seen = np.maximum(expected[spectrum.visible], 1e-12 * spectrum.total)
        slope, gain = steepest(likelihood, seen)
        weights = np.append(near.weights, 1e-3 * near.weights.sum())
        return Start(weights, below.strength, np.append(near.theta, slope)), gain

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

    def _emptied(self, x: Floats, strength: float | None) -> bool:
        """Whether a signal takes all that is expected from an empty bin."""
        likelihood, k = self.likelihood, self.likelihood.shape.n_components
        mu = float(x[k]) if strength is None else strength
        empty = likelihood.counts == 0.0
        if mu >= 0.0 or not empty.any():
            return False
        rows = likelihood.columns(x[k + (strength is None) :]).rows.value[empty]
        background = likelihood.spectrum.total * (rows @ x[:k])
        return bool((background * (1 - _LITTLE) + mu * likelihood.signal_row[empty] < 0).any())

    def _softened(self, points: list[Floats], strength: float | None) -> Minimum | None:
        """Minimise where the expectation of an empty bin ends at zero.

        Nothing bends the likelihood there, and Newton's steps would stop short of the minimum; a
        vanishing number of candidates in each empty bin makes a wall.
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
