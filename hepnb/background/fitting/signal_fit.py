"""Fit the strength of a signal on a background function."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families import Family, family
from hepnb.background.fitting.fit import assembled
from hepnb.background.fitting.profiled import Profiled, Start
from hepnb.background.fitting.result import BackgroundFit, Status
from hepnb.background.fitting.signal_model import SignalModel
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters, FitFailed

__all__ = ("SignalFit", "as_signal_fit", "fit_signal_strength")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SignalFit:
    """Signal of a strength on a background function, fitted to what is visible.

    Attributes
    ----------
    strength
        mu, in units of the signal's expectation; negative values are allowed as long as every
        expectation stays positive.
    strength_error
        From the curvature of the likelihood; NaN where the strength was held.
    background
        The background under the signal. Its `nll` is that of signal and background together,
        not extended.
    signal
        The shape that was fitted, floating parameters at their fitted values.
    nll
        Extended: ``sum_i nu_i - sum_i n_i ln(nu_i / width_i)``.
    status
        As that of the background.
    floated
        Fitted values and uncertainties of floating parameters of the signal, by name.
    """

    strength: float
    strength_error: float
    background: BackgroundFit
    signal: Any
    nll: float
    status: Status
    floated: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def yield_(self) -> float:
        """Signal events in the range."""
        return self.strength * float(self.signal.expected)

    @property
    def yield_error(self) -> float:
        """Uncertainty of the signal events."""
        return self.strength_error * float(self.signal.expected)

    def expected(self, edges: Any = None) -> Floats:
        """Give signal plus background expected in each bin: shape (bins,)."""
        ends = self.background.spectrum.edges if edges is None else np.asarray(edges, float)
        signal = np.asarray(self.yield_ * self.signal.fractions(ends), float)
        return np.asarray(self.background.expected(ends) + signal)


def fit_signal_strength(
    spectrum: MassSpectrum,
    family_name: str | Family,
    order: int,
    signal: Any,
    *,
    strength: float | None = None,
    start: SignalFit | BackgroundFit | None = None,
    floating: Mapping[str, tuple[float, float]] | None = None,
    unbinned: bool = False,
) -> SignalFit:
    """Fit a signal and a function of a family to what is visible of a spectrum.

    Parameters
    ----------
    spectrum
        The data.
    family_name, order
        The background function.
    signal
        A signal shape; see `hepnb.background.signal`.
    strength
        Value to hold mu at; None to fit it.
    start
        A fit of the same function to the same data from which to begin, such as one at a
        neighbouring strength; None for a fit of background alone.
    floating
        Parameters of ``signal.shifted`` that are fitted, with their bounds: ``mean`` (a shift,
        in units of the mass) and ``scale`` (a factor on the width).
    unbinned
        Fit candidate by candidate.

    Returns
    -------
    SignalFit

    Raises
    ------
    BadParameters
        Unknown family or order; an empty spectrum.
    FitFailed
        An expectation is negative wherever the fit begins.
    """
    if floating:
        return _fit_floating(
            spectrum,
            family(family_name),
            order,
            signal,
            strength=strength,
            floating=floating,
            unbinned=unbinned,
        )
    model = SignalModel(spectrum, family_name, order, signal, unbinned=unbinned)
    starts = () if start is None else (_start_of(start, spectrum),)
    found = model.fit(strength=strength, starts=starts)
    if found is None:
        message = (
            f"{model.title} with signal strength {strength}: the function is zero where there are "
            "candidates, whatever is tried"
        )
        raise FitFailed(message)
    return as_signal_fit(model, found, free=strength is None)


def as_signal_fit(model: SignalModel, found: Profiled, *, free: bool) -> SignalFit:
    """Give the whole fit of a minimum.

    Parameters
    ----------
    model
        What was fitted.
    found
        Its minimum.
    free
        Whether the strength was fitted.
    """
    likelihood, minimum = model.likelihood, found.minimum
    k = likelihood.shape.n_components
    if not minimum.x[:k].sum() > 0.0:
        # all candidates are signal; a background of none still has a shape
        minimum = minimum._replace(x=np.concatenate([np.full(k, 1e-12), minimum.x[k:]]))
    background = assembled(
        likelihood,
        model.family,
        model.order,
        minimum,
        tries=found.tries,
        free_strength=free,
    )
    if found.limited and background.valid:
        background = dataclasses.replace(background, status="at_bound")
    return SignalFit(
        strength=found.strength,
        strength_error=found.strength_error,
        background=background,
        signal=likelihood.signal,
        nll=found.nll,
        status=background.status,
    )


def _start_of(near: SignalFit | BackgroundFit, spectrum: MassSpectrum) -> Start:
    alone, mu = (near.background, near.strength) if isinstance(near, SignalFit) else (near, 0.0)
    # components at zero can come back
    weights = np.maximum(alone.weights, 1e-4) * max(alone.total, 1e-3 * spectrum.total)
    return Start(weights, mu, alone.theta)


def _fit_floating(
    spectrum: MassSpectrum,
    kind: Family,
    order: int,
    signal: Any,
    *,
    strength: float | None,
    floating: Mapping[str, tuple[float, float]],
    unbinned: bool,
) -> SignalFit:
    """Minimise over the signal's own parameters what is left after the best background."""
    from iminuit import Minuit

    neutral = {"mean": 0.0, "scale": 1.0}
    unknown = set(floating) - set(neutral)
    if unknown:
        message = f"floating parameters {sorted(unknown)} are not known; there are mean, scale"
        raise BadParameters(message)
    names = tuple(floating)
    near: SignalFit | None = None

    def profiled(values: Any) -> SignalFit:
        nonlocal near
        moved = signal.shifted(**dict(zip(names, values, strict=True)))
        near = fit_signal_strength(
            spectrum, kind, order, moved, strength=strength, start=near, unbinned=unbinned
        )
        return near

    minuit = Minuit(
        lambda values: profiled(values).nll, [neutral[name] for name in names], name=names
    )
    minuit.errordef = Minuit.LIKELIHOOD
    for name, limits in floating.items():
        minuit.limits[name] = limits
        minuit.errors[name] = 0.05 * (limits[1] - limits[0])
    minuit.migrad()
    minuit.hesse()
    fit = profiled(minuit.values)
    error = fit.strength_error
    if minuit.valid and strength is None:
        # how the strength follows each floating parameter, over one of its uncertainties
        values, errors = np.asarray(minuit.values), np.asarray(minuit.errors)
        steps = 0.5 * np.diag(errors)
        pairs = [(profiled(values + step), profiled(values - step)) for step in steps]
        slopes = np.array([up.strength - down.strength for up, down in pairs]) / errors
        error = float(np.sqrt(error**2 + slopes @ np.asarray(minuit.covariance) @ slopes))
    return dataclasses.replace(
        fit,
        strength_error=error,
        status=fit.status if minuit.valid else "failed",
        floated={name: (minuit.values[name], minuit.errors[name]) for name in names},
    )
