"""The parametric shape of a simulated signal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hepnb.background.signal.crystal_ball import DoubleSidedCrystalBall
from hepnb.background.signal.gaussians import SumOfGaussians
from hepnb.background.signal.shapes import Peak
from hepnb.background.signal.template import TemplateSignal
from hepnb.background.signal.weighting import narrowest_interval
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters, FitFailed

__all__ = ("ShapeName", "fit_signal_shape")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
ShapeName = Literal["double_sided_crystal_ball", "sum_of_gaussians", "template"]

_TAILS = {"alpha": (1.5, (0.3, 5.0)), "n": (5.0, (1.05, 100.0))}


def fit_signal_shape(
    spectrum: MassSpectrum,
    shape: str = "double_sided_crystal_ball",
    *,
    gaussians: int = 2,
) -> Peak:
    """Fit a shape to simulated signal, by the likelihood of its weighted bins.

    Parameters
    ----------
    spectrum
        Simulated signal alone, weighted to what is expected at strength 1; nothing hidden.
    shape
        ``double_sided_crystal_ball``, ``sum_of_gaussians``, or ``template``: the bins themselves.
    gaussians
        How many, for the sum.

    Returns
    -------
    Peak
        On the range of the spectrum; `expected` is its sum of weights.

    Raises
    ------
    BadParameters
        Nothing is there, something is hidden, or the number of Gaussians is not 1 to 5.
    FitFailed
        The fit has no usable minimum.
    """
    if not (spectrum.total > 0 and spectrum.visible.all()):
        message = (
            f"simulated signal of {spectrum.total:g} events in visible bins; give some, not blinded"
        )
        raise BadParameters(message)
    if not 1 <= gaussians <= 5:
        message = f"a sum of {gaussians} Gaussians; give 1 to 5"
        raise BadParameters(message)
    common = {"lo": spectrum.lo, "hi": spectrum.hi, "expected": spectrum.total}
    if shape == "template":
        return TemplateSignal(edges=spectrum.edges, values=spectrum.counts, **common)
    low, high = narrowest_interval(spectrum.edges, spectrum.counts)
    mean, sigma = 0.5 * (low + high), max(0.5 * (high - low), 0.1 * float(spectrum.widths.min()))
    if shape == "double_sided_crystal_ball":
        return _minimised(spectrum, *_crystal_ball(mean, sigma, common))
    if shape == "sum_of_gaussians":
        return _minimised(spectrum, *_gaussians(mean, sigma, gaussians, common))
    message = f"shape {shape!r} is none of double_sided_crystal_ball, sum_of_gaussians, template"
    raise BadParameters(message)


Parameters = dict[str, tuple[float, tuple[float, float]]]
"""Name to start and limits."""


def _core(mean: float, sigma: float) -> Parameters:
    return {"mean": (mean, (mean - 3 * sigma, mean + 3 * sigma)),
            "sigma": (sigma, (0.1 * sigma, 5 * sigma))}  # fmt: skip


def _crystal_ball(
    mean: float, sigma: float, common: dict[str, float]
) -> tuple[Parameters, Callable[[dict[str, float]], Peak]]:
    tails = {f"{name}_{side}": value for side in ("low", "high") for name, value in _TAILS.items()}
    return _core(mean, sigma) | tails, lambda v: DoubleSidedCrystalBall(**v, **common)


def _gaussians(
    mean: float, sigma: float, number: int, common: dict[str, float]
) -> tuple[Parameters, Callable[[dict[str, float]], Peak]]:
    parameters: Parameters = {}
    for k in range(number):
        # each wider than the one before, so that none can take another's place
        for name, (start, limits) in _core(mean, 0.9 * sigma).items():
            parameters[f"{name}{k}"] = (start, limits)
        if k:
            parameters[f"sigma{k}"] = (1.8, (1.0, 6.0))
            parameters[f"fraction{k}"] = (0.3, (0.0, 1.0))

    def built(v: dict[str, float]) -> Peak:
        widths = np.cumprod([v[f"sigma{k}"] for k in range(number)])
        rest = np.cumprod([1.0] + [v[f"fraction{k}"] for k in range(1, number)])
        shares = rest - np.append(rest[1:], 0.0)
        means = [v[f"mean{k}"] for k in range(number)]
        return SumOfGaussians(mean=means, sigma=widths.tolist(), fraction=shares.tolist(), **common)

    return parameters, built


def _minimised(
    spectrum: MassSpectrum, parameters: Parameters, built: Callable[[dict[str, float]], Peak]
) -> Peak:
    from iminuit import Minuit

    share = spectrum.counts / spectrum.total
    # in units of effective events, so that Minuit stops where statistics do
    size = spectrum.total
    if spectrum.weighted:
        size = max(size, 1e4)

    def cost(values: Any) -> float:
        signal = built(dict(zip(parameters, map(float, values), strict=True)))
        expected = np.maximum(signal.fractions(spectrum.edges), 1e-300)
        return float(-size * (share @ np.log(expected)))

    minuit = Minuit(cost, [start for start, _ in parameters.values()], name=tuple(parameters))
    minuit.errordef = Minuit.LIKELIHOOD
    for name, (_, limits) in parameters.items():
        minuit.limits[name] = limits
    minuit.migrad()
    if not minuit.valid:
        minuit.simplex().migrad()
    # a power or a share that the simulation does not constrain is no failure
    if not (minuit.valid or minuit.fmin.edm < 1.0):
        message = (
            f"the signal of category {spectrum.category!r} has no usable fit (edm "
            f"{minuit.fmin.edm:.2g}); try fewer Gaussians, or a template"
        )
        raise FitFailed(message)
    return built(dict(zip(parameters, map(float, minuit.values), strict=True)))
