"""One signal strength, and one shift and scale of the peak, for all categories."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.background.fitting import fit_signal_strength
from hepnb.background.fitting.signal_fit import SignalFit
from hepnb.background.signal.shapes import Peak
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import FitFailed

__all__ = ("SharedFit", "combined_strength", "fit_shared_strength")


def __dir__() -> tuple[str, ...]:
    return __all__


Function = tuple[str, int]
"""Family and order."""

_NEUTRAL = {"mean": 0.0, "scale": 1.0}
_FAR = 1e6  # of the logarithm: where an expectation would be negative


@dataclass(frozen=True)
class SharedFit:
    """Categories fitted together.

    Attributes
    ----------
    strength, strength_error
        mu that all categories share, and its uncertainty from the curvature of the likelihood.
    floated
        Shift and scale of the peak with their uncertainties, where they were fitted.
    nll
        Sum of the extended ones.
    fits
        Category to its fit at the shared strength.
    valid
        Whether the minimum was reached in all.
    """

    strength: float
    strength_error: float
    nll: float
    fits: Mapping[str, SignalFit]
    valid: bool
    floated: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def combined_strength(fits: Mapping[str, SignalFit]) -> tuple[float, float]:
    """Mean of strengths weighted by their precision: the shared one where parabolas describe them.

    Parameters
    ----------
    fits
        Category to a fit with a strength of its own.

    Returns
    -------
    tuple of float
        Strength and uncertainty.

    Raises
    ------
    FitFailed
        None of the fits has an uncertainty.
    """
    pairs = [(each.strength, each.strength_error) for each in fits.values()]
    good = [(mu, 1.0 / error**2) for mu, error in pairs if math.isfinite(error) and error > 0]
    if not good:
        message = f"no strength of {', '.join(fits)} has an uncertainty; try another function"
        raise FitFailed(message)
    precision = sum(weight for _, weight in good)
    return sum(mu * weight for mu, weight in good) / precision, precision**-0.5


def fit_shared_strength(
    spectra: Mapping[str, MassSpectrum],
    functions: Mapping[str, Function],
    signals: Mapping[str, Peak],
    *,
    strength: float | None = None,
    floating: Mapping[str, tuple[float, float]] | None = None,
) -> SharedFit:
    """Fit all categories with one signal strength; backgrounds are their own.

    Parameters
    ----------
    spectra
        Category to data.
    functions
        Category to family and order of its background.
    signals
        Category to signal.
    strength
        Value to hold mu at; None to fit it.
    floating
        ``mean`` (a shift in units of mass) and ``scale`` (a factor on widths), each with its
        bounds, that all categories share too.

    Returns
    -------
    SharedFit

    Raises
    ------
    FitFailed
        No category has a usable minimum to begin with.
    BadParameters
        As `fit_signal_strength`.
    """
    fitter = _Fitter(spectra, functions, signals, tuple(floating or ()))
    alone = fitter.alone(strength)
    mu, error = (strength, math.nan) if strength is not None else combined_strength(alone)
    if not floating and (strength is not None or len(spectra) == 1):
        valid = all(each.background.valid for each in alone.values())
        nll = sum(each.nll for each in alone.values())
        if strength is None:
            mu = next(iter(alone.values())).strength
        return SharedFit(mu, error, nll, alone, valid)
    fitter.near = alone
    return _minimised(fitter, mu, error, held=strength is not None, floating=floating or {})


class _Fitter:
    """Sum of likelihoods, backgrounds at their best, each fit beginning at the one before."""

    def __init__(
        self,
        spectra: Mapping[str, MassSpectrum],
        functions: Mapping[str, Function],
        signals: Mapping[str, Peak],
        names: tuple[str, ...],
    ) -> None:
        self.spectra, self.functions, self.signals, self.names = spectra, functions, signals, names
        self.near: Mapping[str, SignalFit] = {}

    def alone(self, strength: float | None) -> dict[str, SignalFit]:
        return {
            name: fit_signal_strength(
                each, *self.functions[name], self.signals[name], strength=strength
            )
            for name, each in self.spectra.items()
        }

    def at(self, values: Any) -> dict[str, SignalFit]:
        moves = dict(zip(self.names, list(values)[1:], strict=True))
        fits = {}
        for name, each in self.spectra.items():
            signal = self.signals[name].shifted(**moves) if moves else self.signals[name]
            fits[name] = fit_signal_strength(
                each,
                *self.functions[name],
                signal,
                strength=float(values[0]),
                start=self.near.get(name),
            )
        self.near = fits
        return fits

    def nll(self, values: NDArray[np.float64]) -> float:
        try:
            return float(sum(each.nll for each in self.at(values).values()))
        except FitFailed:
            return math.nan


def _minimised(
    fitter: _Fitter,
    mu: float,
    error: float,
    *,
    held: bool,
    floating: Mapping[str, tuple[float, float]],
) -> SharedFit:
    from iminuit import Minuit

    names = ("strength", *floating)
    start = [mu, *(_NEUTRAL[name] for name in floating)]
    first = fitter.nll(np.array(start))

    def cost(values: NDArray[np.float64]) -> float:
        # the part that varies, or its digits would drown in those of the sum
        found = fitter.nll(values) - first
        return found if math.isfinite(found) else _FAR

    minuit = Minuit(cost, start, name=names)
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.errors["strength"] = error if math.isfinite(error) else 1.0
    minuit.fixed["strength"] = held
    for name, limits in floating.items():
        minuit.limits[name] = limits
        minuit.errors[name] = 0.05 * (limits[1] - limits[0])
    minuit.migrad()
    minuit.hesse()
    fits = fitter.at(minuit.values)
    return SharedFit(
        strength=float(minuit.values["strength"]),
        strength_error=math.nan if held else float(minuit.errors["strength"]),
        nll=sum(each.nll for each in fits.values()),
        fits=fits,
        valid=bool(minuit.valid) and all(each.background.valid for each in fits.values()),
        floated={n: (float(minuit.values[n]), float(minuit.errors[n])) for n in floating},
    )
