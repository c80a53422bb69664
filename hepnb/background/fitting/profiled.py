"""Where a fit of a signal strength begins, and where it ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.background.fitting.newton import Minimum

__all__ = ("Profiled", "Start", "one_less")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


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


def one_less(start: Start) -> Start:
    """Leave out the lightest component, as the start of the next lower order."""
    kept = np.arange(len(start.weights)) != int(np.argmin(start.weights))
    weights = start.weights[kept] * (start.weights.sum() / start.weights[kept].sum())
    return Start(weights, start.strength, start.theta[kept])
