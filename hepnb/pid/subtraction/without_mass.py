"""Background subtraction for calibration modes with no mass to fit, by one of two methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hepnb.errors import BadParameters, nearest
from hepnb.pid.subtraction.learned_background import LearnedSubtraction, subtract_learned_background
from hepnb.pid.subtraction.mc_background import subtract_mc_background
from hepnb.pid.subtraction.mc_subtraction import McSubtraction

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("subtract_without_mass",)

_METHODS: dict[str, Callable[..., McSubtraction | LearnedSubtraction]] = {
    "mc": subtract_mc_background,
    "learned": subtract_learned_background,
}


def __dir__() -> tuple[str, ...]:
    return __all__


def subtract_without_mass(
    sample: Sample, simulation: Sample, method: str = "mc", **options: Any
) -> McSubtraction | LearnedSubtraction:
    """Give a sample weights, nominal and systematic, that subtract its background.

    Parameters
    ----------
    sample, simulation
        Candidates of one particle in data, and simulated ones.
    method
        "mc" subtracts what simulation expects, bin by bin; "learned" fits a classifier's score.
    **options
        Of `hepnb.pid.subtraction.mc_background.subtract_mc_background` or
        `hepnb.pid.subtraction.learned_background.subtract_learned_background`.

    Returns
    -------
    McSubtraction or LearnedSubtraction
        Its `sample` goes wherever one with sWeights does.

    Raises
    ------
    BadParameters
        If there is no such method, or as the two functions do.
    MissingExtra, FitFailed
        As `subtract_learned_background` does.
    """
    if method not in _METHODS:
        known = ", ".join(_METHODS)
        raise BadParameters(f"method {method!r} is not one of {known}{nearest(method, _METHODS)}")
    return _METHODS[method](sample, simulation, **options)
