"""Find the minimum of a background function: where to begin, what to follow, what to keep."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families.sums import SumOfTilted
from hepnb.background.fitting.likelihood import Likelihood, Objective
from hepnb.background.fitting.newton import Evaluation, Minimum, minimise
from hepnb.background.fitting.starts import mixed_start, pair_starts, spread_start, steepest

__all__ = (
    "Lower",
    "follow",
    "largest_gain",
    "search",
    "starting_points",
    "with_best_weights",
)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_NO_GAIN = 1e-5  # of the negative logarithm: a further component that gains less is not tried


class Lower(NamedTuple):
    """A fit of the next lower order to the same data, as far as the next one needs it."""

    weights: Floats
    """Of the components, in units of the visible candidates."""
    theta: Floats
    """Parameters of the components."""
    names: tuple[str, ...]
    """Names of these parameters."""
    converged: bool
    """Whether it is a minimum."""


def search(likelihood: Likelihood, lower: Lower | None) -> tuple[Minimum | None, int]:
    """Find the minimum of background alone.

    Parameters
    ----------
    likelihood
        Data, at least one candidate, and function.
    lower
        The next lower order, which sums with free slopes never end above; None for the lowest.

    Returns
    -------
    minimum
        None if the likelihood is zero at every start, or the lower order had none either.
    tries
        Starting points.
    """
    shape, objective = likelihood.shape, likelihood.objective()
    if not isinstance(shape, SumOfTilted):
        starts = starting_points(likelihood, lower)
        return follow(objective, starts), len(starts)
    if lower is None:
        starts = starting_points(likelihood, lower) if shape.n_components == 1 else []
        return follow(objective, starts), len(starts)
    unused = _with_unused(lower, objective)
    starts = starting_points(likelihood, lower)
    found = follow(objective, starts)
    better = found is not None and found.value <= unused.value
    return (found if better else unused), len(starts)


def starting_points(likelihood: Likelihood, lower: Lower | None) -> list[Floats]:
    """Give the points from which to begin a fit of background alone.

    Returns
    -------
    list of ndarray
        Weights, then parameters. Empty if no further component can lower the likelihood of
        `lower`.
    """
    shape = likelihood.shape
    if not isinstance(shape, SumOfTilted):
        points = [np.concatenate([mixed_start(likelihood), shape.start()])]
        known = dict(zip(lower.names, lower.theta, strict=True)) if lower else {}
        if known and set(known) <= set(shape.theta_names):
            pairs = zip(shape.theta_names, shape.start(), strict=True)
            warm = np.array([known.get(name, value) for name, value in pairs])
            points.append(np.concatenate([np.ones(1), warm]))
        return points
    if lower is None:
        return [np.array([1.0, shape.grid(9)[4]])]
    slope, gain = largest_gain(likelihood, lower.weights, lower.theta)
    if gain < _NO_GAIN:
        return []
    # with the best weights at these slopes it begins below the lower order, and stays there
    theta = np.append(lower.theta, slope)
    near = np.concatenate([np.append(lower.weights, 1e-3), theta])
    points = [with_best_weights(likelihood.objective(), near)]
    if shape.n_components == 2:
        points += [np.concatenate(pair) for pair in pair_starts(likelihood, number=3)]
    else:
        points.append(np.concatenate(spread_start(likelihood, shape.n_components)))
    return points


def follow(objective: Objective, starts: list[Floats]) -> Minimum | None:
    """Follow every start down, and keep the lowest minimum.

    Parameters
    ----------
    objective
        What to minimise.
    starts
        Points, each of shape (n,).

    Returns
    -------
    Minimum or None
        None if the likelihood is zero at every start.
    """
    best: Minimum | None = None
    for start in starts:
        found = minimise(objective, start, objective.bounds, scale=objective.scale)
        if found is not None and (best is None or found.value < best.value):
            best = found
    return best


def largest_gain(likelihood: Likelihood, weights: Floats, theta: Floats) -> tuple[float, float]:
    """Give the best slope of one more component, and the most that any number can gain.

    Parameters
    ----------
    likelihood
        Of a sum with free slopes.
    weights, theta
        The sum so far, weights in units of the candidates, each of shape (components,).
    """
    shape, spectrum = likelihood.shape, likelihood.spectrum
    seen = spectrum.total * weights
    expected = shape.fractions(spectrum.edges, theta)[spectrum.visible] @ seen
    density = None
    if likelihood.masses is not None:
        density = shape.density(likelihood.masses, theta) @ seen
    return steepest(likelihood, expected, density)


def with_best_weights(objective: Objective, point: Floats) -> Floats:
    """Minimise over weights and strength, with the parameters held: a convex problem.

    Parameters
    ----------
    objective
        What to minimise.
    point
        Its variables, of shape (n,), where to begin.

    Returns
    -------
    ndarray
        The best point with the same parameters, of shape (n,).
    """
    k = len(point) - len(objective.likelihood.shape.theta_names)

    def evaluate(x: Floats) -> Evaluation | None:
        here = objective(np.concatenate([x, point[k:]]))
        return here and Evaluation(here.value, here.gradient[:k], here.hessian[:k, :k])

    found = minimise(evaluate, point[:k], objective.bounds[:k], scale=objective.scale[:k])
    return point if found is None else np.concatenate([found.x, point[k:]])


def _with_unused(lower: Lower, objective: Objective) -> Minimum:
    """Give the lower order with one more component, of weight zero."""
    x = np.concatenate([lower.weights, [0.0], lower.theta, lower.theta[-1:]])
    same = objective(x)
    assert same is not None
    return Minimum(x, *same, converged=lower.converged, steps=0)
