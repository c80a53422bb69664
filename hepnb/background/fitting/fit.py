"""Fit a background function so that the minimum is found, and say how well that is known."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families import Family, Shape, family
from hepnb.background.families.sums import SumOfTilted
from hepnb.background.fitting.likelihood import Likelihood, Objective
from hepnb.background.fitting.newton import Minimum, minimise
from hepnb.background.fitting.result import ACTIVE, BackgroundFit, Status
from hepnb.background.fitting.starts import pair_starts, spread_start, steepest
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = ("assembled", "covariance_of", "fit_background", "follow", "starting_points")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_NO_GAIN = 1e-5  # of the negative logarithm: a further component that gains less is not tried


def fit_background(
    spectrum: MassSpectrum,
    family_name: str | Family,
    order: int,
    *,
    lower: BackgroundFit | None = None,
    unbinned: bool = False,
) -> BackgroundFit:
    """Fit a function of a family to what is visible of a spectrum.

    Parameters
    ----------
    spectrum
        The data.
    family_name, order
        The function.
    lower
        Fit of the next lower order to the same data, where it is at hand; sums with free slopes
        begin from it, and never end above it.
    unbinned
        Fit candidate by candidate; the spectrum must hold them.

    Returns
    -------
    BackgroundFit
        With its status and a certificate of its minimum.

    Raises
    ------
    BadParameters
        Unknown family or order, or an unbinned fit of a histogram.
    """
    kind = family(family_name)
    kind.check_order(order)
    if unbinned and spectrum.masses is None:
        message = "unbinned: the spectrum holds counts, not candidates; fit it binned"
        raise BadParameters(message)
    likelihood = Likelihood(
        spectrum, kind.shape(order, spectrum.lo, spectrum.hi), unbinned=unbinned
    )
    if spectrum.total == 0.0:
        return _empty(likelihood, kind, order)
    if isinstance(likelihood.shape, SumOfTilted) and order > 1 and lower is None:
        lower = fit_background(spectrum, kind, order - kind.step, unbinned=unbinned)
    starts = starting_points(likelihood, lower)
    minimum = follow(likelihood.objective(), starts) if starts else None
    if lower is not None and isinstance(likelihood.shape, SumOfTilted):
        minimum = _not_above(lower, minimum, likelihood)
    if minimum is None:
        message = f"{kind.label} {order} is zero where there are candidates, whatever is tried"
        raise BadParameters(message)
    fit = assembled(likelihood, kind, order, minimum, tries=len(starts))
    return _bounded_gain(fit, likelihood)


def follow(objective: Objective, starts: list[Floats]) -> Minimum | None:
    """Follow every start down and keep the lowest minimum.

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


def starting_points(likelihood: Likelihood, lower: BackgroundFit | None) -> list[Floats]:
    """Give the points from which to begin a fit of background alone.

    Parameters
    ----------
    likelihood
        Data and function.
    lower
        Fit with one component fewer.

    Returns
    -------
    list of ndarray
        Weights, then parameters. Empty if no further component can lower the likelihood of
        `lower`.
    """
    shape = likelihood.shape
    even = np.full(shape.n_components, 1.0 / shape.n_components)
    if not isinstance(shape, SumOfTilted):
        return [np.concatenate([even, shape.start()])]
    if lower is None:
        return [np.array([1.0, _mean_slope(shape)])]
    if lower.certificate < _NO_GAIN:
        return []
    seen = np.concatenate([lower.weights, [0.05]]) / 1.05
    slope, _ = steepest(likelihood, lower.expected()[likelihood.spectrum.visible])
    starts = [np.concatenate([seen, lower.theta, [slope]])]
    if shape.n_components == 2:
        starts += [np.concatenate(pair) for pair in pair_starts(likelihood, number=3)]
    else:
        starts.append(np.concatenate(spread_start(likelihood, shape.n_components)))
    return starts


def covariance_of(minimum: Minimum, bounds: Floats) -> Floats:
    """Invert the curvature at a minimum, for the variables that are not at a bound."""
    free = (minimum.x > bounds[:, 0]) & (minimum.x < bounds[:, 1])
    covariance = np.zeros_like(minimum.hessian)
    covariance[np.ix_(free, free)] = np.linalg.pinv(
        minimum.hessian[np.ix_(free, free)], hermitian=True
    )
    return covariance


def _mean_slope(shape: SumOfTilted) -> float:
    return float(shape.grid(9)[4])


def _not_above(lower: BackgroundFit, found: Minimum | None, likelihood: Likelihood) -> Minimum:
    """Give the lower order, with an unused component, where nothing better was found."""
    seen = lower.total / likelihood.spectrum.total
    weights = np.concatenate([lower.weights * seen, [0.0]])
    x = np.concatenate([weights, lower.theta, lower.theta[-1:]])
    same = likelihood.objective()(x)
    assert same is not None
    if found is not None and found.value <= same.value:
        return found
    return Minimum(x, *same, converged=lower.valid, steps=0)


def assembled(
    likelihood: Likelihood,
    kind: Family,
    order: int,
    minimum: Minimum,
    *,
    tries: int,
    free_strength: bool = False,
) -> BackgroundFit:
    """Give the background of a minimum, components in ascending order of their slopes.

    Parameters
    ----------
    likelihood, kind, order
        What was fitted.
    minimum
        In the variables of `Objective`.
    tries
        Starting points followed.
    free_strength
        Whether a signal strength is among the variables.
    """
    spectrum, shape = likelihood.spectrum, likelihood.shape
    n_candidates, k = spectrum.total, shape.n_components
    order_of = np.arange(k)
    if isinstance(shape, SumOfTilted):
        order_of = np.argsort(minimum.x[k + free_strength :])
    # weights, then parameters, without the strength between them
    kept = np.concatenate([order_of, np.arange(k + free_strength, len(minimum.x))])
    if isinstance(shape, SumOfTilted):
        kept[k:] = k + free_strength + order_of
    weights, theta = minimum.x[kept[:k]], minimum.x[kept[k:]]
    total = float(weights.sum())
    objective_bounds = likelihood.objective(strength=None if free_strength else 0.0).bounds
    covariance = covariance_of(minimum, objective_bounds)[np.ix_(kept, kept)]
    at_bound, ends = _at_bound(shape, weights / total, theta)
    status: Status = "failed" if not minimum.converged else "at_bound" if ends else "ok"
    return BackgroundFit(
        spectrum=spectrum,
        family=kind,
        order=order,
        weights=weights / total,
        theta=theta,
        total=total * n_candidates,
        # the expectation of the visible range is the number of candidates
        nll=minimum.value - n_candidates,
        status=status,
        at_bound=at_bound,
        certificate=_violation(minimum, k, n_candidates),
        tries=tries,
        covariance=covariance * n_candidates**2,
        unbinned=likelihood.masses is not None,
    )


def _bounded_gain(fit: BackgroundFit, likelihood: Likelihood) -> BackgroundFit:
    if not isinstance(likelihood.shape, SumOfTilted):
        return fit
    _, gain = steepest(likelihood, fit.expected()[fit.spectrum.visible])
    return dataclasses.replace(fit, certificate=max(gain, 0.0))


def _violation(minimum: Minimum, k: int, n_candidates: float) -> float:
    gradient = minimum.gradient[:k] / n_candidates
    used = minimum.x[:k] > ACTIVE
    return float(max(-gradient.min(), np.abs(gradient[used]).max(initial=0.0), 0.0))


def _at_bound(shape: Shape, weights: Floats, theta: Floats) -> tuple[tuple[str, ...], bool]:
    unused = [f"weight_{k}" for k, weight in enumerate(weights, 1) if weight <= ACTIVE]
    near = 1e-9 * (shape.bounds[:, 1] - shape.bounds[:, 0])
    ends = (theta <= shape.bounds[:, 0] + near) | (theta >= shape.bounds[:, 1] - near)
    # the slope of an unused component means nothing
    ends &= weights[shape.owner] > ACTIVE
    names = [name for name, end in zip(shape.theta_names, ends, strict=True) if end]
    return (*unused, *names), bool(names)


def _empty(likelihood: Likelihood, kind: Family, order: int) -> BackgroundFit:
    shape = likelihood.shape
    k = shape.n_components
    theta = shape.start()
    size = k + len(theta)
    return BackgroundFit(
        spectrum=likelihood.spectrum,
        family=kind,
        order=order,
        weights=np.full(k, 1.0 / k),
        theta=theta,
        total=0.0,
        nll=0.0,
        status="empty",
        at_bound=(),
        certificate=0.0,
        tries=0,
        covariance=np.zeros((size, size)),
    )
