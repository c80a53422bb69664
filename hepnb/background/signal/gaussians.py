"""Sums of Gaussians, the parametric signal of the CMS H -> gamma gamma analyses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hepnb.background.signal.shapes import Peak, check_positive, normal_integral
from hepnb.errors import BadParameters

__all__ = ("SumOfGaussians",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SumOfGaussians(Peak):
    """Use it where simulation gives a shape to any precision: one to five Gaussians.

    Attributes
    ----------
    mean, sigma
        Of each Gaussian, in units of mass; a number is a sum of one.
    fraction
        Share of each, not negative; divided by their sum. Empty: equal shares.

    Raises
    ------
    BadParameters
        If the three differ in length, a width is not positive, or a fraction is negative.
    """

    mean: Sequence[float] | float
    sigma: Sequence[float] | float
    fraction: Sequence[float] | float = ()

    def __post_init__(self) -> None:
        # lists of a file become tuples, so that equal signals are equal and can be keys
        for name in ("mean", "sigma", "fraction"):
            object.__setattr__(self, name, _tuple(getattr(self, name)))
        super().__post_init__()

    def _check(self) -> None:
        mean, sigma, fraction = (_tuple(each) for each in (self.mean, self.sigma, self.fraction))
        if len(mean) != len(sigma) or len(fraction) not in {0, len(mean)} or not mean:
            message = (
                f"{len(mean)} means, {len(sigma)} widths and {len(fraction)} fractions; give as "
                "many of each, at least one"
            )
            raise BadParameters(message)
        if not np.isfinite(mean).all():
            message = f"mean = {list(mean)} must be finite"
            raise BadParameters(message)
        for value in sigma:
            check_positive("sigma", value)
        if fraction and not (np.isfinite(fraction).all() and min(fraction) >= 0 < sum(fraction)):
            message = f"fraction = {list(fraction)}: shares are not negative and not all zero"
            raise BadParameters(message)

    @property
    def shares(self) -> Floats:
        """Fractions that add up to 1, of shape (Gaussians,)."""
        given = np.array(_tuple(self.fraction) or np.ones(len(_tuple(self.mean))), float)
        return np.asarray(given / given.sum())

    @property
    def position(self) -> float:
        """Mean of the sum."""
        return float(self.shares @ np.array(_tuple(self.mean)))

    @property
    def width(self) -> float:
        """Standard deviation of the sum."""
        mean, sigma = np.array(_tuple(self.mean)), np.array(_tuple(self.sigma))
        return float(np.sqrt(self.shares @ (sigma**2 + (mean - self.position) ** 2)))

    def _columns(self) -> tuple[Floats, Floats]:
        mean, sigma = (np.array(_tuple(each))[:, None] for each in (self.mean, self.sigma))
        return mean, sigma

    def _integral(self, low: Floats, high: Floats) -> Floats:
        mean, sigma = self._columns()
        each = normal_integral((low - mean) / sigma, (high - mean) / sigma)
        return np.asarray(self.shares @ each)

    def _density(self, mass: Floats) -> Floats:
        mean, sigma = self._columns()
        flat = np.ravel(mass)
        each = np.exp(-0.5 * ((flat - mean) / sigma) ** 2) / (np.sqrt(2.0 * np.pi) * sigma)
        return np.asarray(self.shares @ each).reshape(np.shape(mass))

    def _moved(self, mean: float, scale: float) -> Self:
        centre, means = self.position, np.array(_tuple(self.mean))
        return replace(
            self,
            mean=tuple(centre + mean + scale * (means - centre)),
            sigma=tuple(scale * np.array(_tuple(self.sigma))),
        )


def _tuple(values: Sequence[float] | float) -> tuple[float, ...]:
    return tuple(float(each) for each in np.atleast_1d(np.asarray(values, float)))
