"""Fit a background function so that the minimum is found, and say how well that is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families import Family, Shape, family
from hepnb.background.families.sums import SumOfTilted
from hepnb.background.fitting.likelihood import Likelihood
from hepnb.background.fitting.newton import Minimum
from hepnb.background.fitting.result import ACTIVE, BackgroundFit, Status
from hepnb.background.fitting.search import Lower, follow, largest_gain, search
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = ("assembled", "covariance_of", "fit_background", "follow")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


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
        begin from it, and never end above it. A user's formula begins from its parameters too,
        as far as they have the same names.
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
    shape = kind.shape(order, spectrum.lo, spectrum.hi)
    likelihood = Likelihood(spectrum, shape, unbinned=unbinned)
    if spectrum.total == 0.0:
        return _empty(likelihood, kind, order)
    if isinstance(shape, SumOfTilted) and order > 1:
        lower = lower or fit_background(spectrum, kind, order - kind.step, unbinned=unbinned)
        if lower.family.name != kind.name or lower.order != order - kind.step:
            message = (
                f"{kind.label} {order} begins from {kind.label} {order - kind.step}, not from "
                f"{lower.title}; leave `lower` out"
            )
            raise BadParameters(message)
    minimum, tries = search(likelihood, None if lower is None else _lower_of(lower))
    if minimum is None:
        message = f"{kind.label} {order} is zero where there are candidates, whatever is tried"
        raise BadParameters(message)
    return assembled(likelihood, kind, order, minimum, tries=tries)


def _lower_of(fit: BackgroundFit) -> Lower:
    weights = fit.weights * fit.total / fit.spectrum.total
    return Lower(weights, fit.theta, fit.shape.theta_names, fit.valid)


def covariance_of(minimum: Minimum, bounds: Floats) -> Floats:
    """Invert the curvature at a minimum, for the variables that are not at a bound."""
    free = (minimum.x > bounds[:, 0]) & (minimum.x < bounds[:, 1])
    covariance = np.zeros_like(minimum.hessian)
    covariance[np.ix_(free, free)] = np.linalg.pinv(
        minimum.hessian[np.ix_(free, free)], hermitian=True
    )
    return covariance


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
        Starting points.
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
    unit = np.concatenate([np.full(k, n_candidates), np.ones(len(theta))])
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
        certificate=_certificate(likelihood, minimum, weights, theta),
        tries=tries,
        covariance=covariance * np.outer(unit, unit),
        unbinned=likelihood.masses is not None,
    )


def _certificate(likelihood: Likelihood, minimum: Minimum, weights: Floats, theta: Floats) -> float:
    """Give how far the minimum may be from the lowest; see `BackgroundFit.certificate`."""
    free = bool(likelihood.shape.theta_names)
    if isinstance(likelihood.shape, SumOfTilted) and likelihood.signal is None:
        return max(0.0, largest_gain(likelihood, weights, theta)[1])
    if free:
        return float("nan")
    gradient = minimum.gradient[: len(weights)] / likelihood.spectrum.total
    return float(max(0.0, -gradient.min(), np.abs(gradient[weights > ACTIVE]).max(initial=0.0)))


def _at_bound(shape: Shape, weights: Floats, theta: Floats) -> tuple[tuple[str, ...], bool]:
    unused = [f"weight_{k}" for k, weight in enumerate(weights, 1) if weight <= ACTIVE]
    width = shape.bounds[:, 1] - shape.bounds[:, 0]
    near = 1e-9 * np.where(np.isfinite(width), width, 1.0)
    ends = (theta <= shape.bounds[:, 0] + near) | (theta >= shape.bounds[:, 1] - near)
    # the slope of an unused component means nothing
    ends &= weights[shape.owner] > ACTIVE
    names = [name for name, end in zip(shape.theta_names, ends, strict=True) if end]
    return (*unused, *names), bool(names)


def _empty(likelihood: Likelihood, kind: Family, order: int) -> BackgroundFit:
    """Give no events in a flat shape, or the flattest that the family has at hand."""
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
