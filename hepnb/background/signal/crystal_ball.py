"""Gaussian core with power-law tails on both sides."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hepnb.background.signal.shapes import Peak, check_positive, normal_integral
from hepnb.errors import BadParameters

__all__ = ("DoubleSidedCrystalBall",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


@dataclass(frozen=True, kw_only=True)
class DoubleSidedCrystalBall(Peak):
    """Use it for a resonance whose resolution has tails: diphotons, dimuons, B mesons.

    With t = (m - mean) / sigma the density is proportional to::

        exp(-t^2 / 2)                                        -alpha_low <= t <= alpha_high
        exp(-a^2 / 2) [1 + a / n (|t| - a)]^-n                beyond, a and n of that side

    which is the usual A (B + |t|)^-n in a form that does not overflow for large n.

    Attributes
    ----------
    mean, sigma
        Of the core, in units of mass.
    alpha_low, alpha_high
        Where the tails begin, in units of sigma from the mean, both positive.
    n_low, n_high
        Powers of the tails, above 1, so that they have an integral.

    Raises
    ------
    BadParameters
        If a width or alpha is not positive, a power not above 1, or a value not finite.
    """

    mean: float
    sigma: float
    alpha_low: float
    n_low: float
    alpha_high: float
    n_high: float

    def _check(self) -> None:
        if not math.isfinite(self.mean):
            message = f"mean = {self.mean} must be finite"
            raise BadParameters(message)
        for name in ("sigma", "alpha_low", "alpha_high"):
            check_positive(name, getattr(self, name))
        for name in ("n_low", "n_high"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 1):
                message = f"{name} = {value:g}: a tail has an integral only with a power above 1"
                raise BadParameters(message)

    @property
    def position(self) -> float:
        """The mean of the core."""
        return self.mean

    @property
    def width(self) -> float:
        """The sigma of the core."""
        return self.sigma

    @property
    def _norm(self) -> float:
        """Integral over the whole axis in units of t."""
        core = normal_integral(np.array([-self.alpha_low]), np.array([self.alpha_high]))[0]
        low, high = (_whole_tail(*each) for each in self._tails)
        return float(_ROOT_TWO_PI * core + low + high)

    @property
    def _tails(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return (self.alpha_low, self.n_low), (self.alpha_high, self.n_high)

    def _integral(self, low: Floats, high: Floats) -> Floats:
        t0, t1 = ((each - self.mean) / self.sigma for each in (low, high))
        below, above = self._tails
        a, b = -self.alpha_low, self.alpha_high
        core = _ROOT_TWO_PI * normal_integral(np.clip(t0, a, b), np.clip(t1, a, b))
        tails = _tail(-t1, -t0, *below) + _tail(t0, t1, *above)
        return np.asarray((core + tails) / self._norm)

    def _density(self, mass: Floats) -> Floats:
        t = (mass - self.mean) / self.sigma
        alpha = np.where(t < 0, self.alpha_low, self.alpha_high)
        n = np.where(t < 0, self.n_low, self.n_high)
        beyond = np.maximum(np.abs(t) - alpha, 0.0)
        core = -0.5 * np.minimum(np.abs(t), alpha) ** 2
        return np.asarray(
            np.exp(core - n * np.log1p(alpha / n * beyond)) / (self._norm * self.sigma)
        )

    def _moved(self, mean: float, scale: float) -> Self:
        return replace(self, mean=self.mean + mean, sigma=scale * self.sigma)


def _whole_tail(alpha: float, n: float) -> float:
    return math.exp(-0.5 * alpha**2) * n / (alpha * (n - 1.0))


def _tail(near: Floats, far: Floats, alpha: float, n: float) -> Floats:
    """Integral of the tail beyond alpha, between two distances from the mean."""
    log_near, log_far = (np.log1p(alpha / n * np.maximum(t - alpha, 0.0)) for t in (near, far))
    # u^(1-n) at the near end, less that at the far one, without cancellation in narrow bins
    with np.errstate(invalid="ignore"):
        step = np.where(np.isinf(log_near), 0.0, log_far - log_near)
    part = np.exp((1.0 - n) * log_near) * -np.expm1((1.0 - n) * step)
    return np.asarray(_whole_tail(alpha, n) * part)
