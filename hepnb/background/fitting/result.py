"""What a fit of a background function gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.background.families import Family, Shape
from hepnb.background.spectrum import MassSpectrum

__all__ = ("ACTIVE", "BackgroundFit", "Status")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
Status = Literal["ok", "at_bound", "failed", "empty"]

ACTIVE = 1e-6  # weight above which a component counts as used


@dataclass(frozen=True)
class BackgroundFit:
    """A function of a family, fitted to what is visible of a spectrum.

    Attributes
    ----------
    spectrum
        The data.
    family, order
        The function.
    weights
        Weights of the components, normalised to 1 on the whole range, of shape (K,).
    theta
        Parameters of the components (slopes, powers), of shape (n_theta,).
    total
        Background events on the whole range ``[lo, hi]``, a hidden window included.
    nll
        ``-sum n ln f``, not extended, with ``f`` per unit of mass, normalised on the visible
        range, and averaged over each bin unless `unbinned`.
    status
        ``ok``; ``at_bound`` if a slope ended at the end of its allowed range; ``failed`` if the
        minimum was not reached; ``empty`` without candidates.
    at_bound
        What sits at a bound: weights at zero, slopes at an end.
    certificate
        Fixed components: the largest relative violation of the Kuhn-Tucker conditions; the
        minimum is proven within ``N`` times it. Free slopes: the largest directional derivative,
        the most by which any number of further components could lower `nll`. NaN for a user's
        formula, and for free slopes beside a signal: nothing is proven about these.
    tries
        Starting points; once two of them lead to the same minimum, the others are not followed.
    covariance
        Of the events of each component on the whole range (``total * weights``), then of `theta`,
        as the curvature of the likelihood gives it; zero for what is at a bound.
    unbinned
        Whether candidates were fitted, not bins.
    """

    spectrum: MassSpectrum
    family: Family
    order: int
    weights: Floats
    theta: Floats
    total: float
    nll: float
    status: Status
    at_bound: tuple[str, ...]
    certificate: float
    tries: int
    covariance: Floats = field(repr=False)
    unbinned: bool = False

    @property
    def shape(self) -> Shape:
        """The function's components on the range of the spectrum."""
        return self.family.shape(self.order, self.spectrum.lo, self.spectrum.hi)

    @property
    def n_par(self) -> int:
        """Free shape parameters, normalisation not counted."""
        return self.family.n_par(self.order)

    @property
    def n_active(self) -> int:
        """Components whose weight is above 1e-6."""
        return int(np.count_nonzero(self.weights > ACTIVE))

    @property
    def valid(self) -> bool:
        """Whether the minimum was reached."""
        return self.status in {"ok", "at_bound"}

    @property
    def name(self) -> str:
        """Such as ``bernstein4``."""
        return f"{self.family.name}{self.order}"

    @property
    def title(self) -> str:
        """Such as ``Bernstein 4``."""
        return f"{self.family.label} {self.order}"

    @property
    def legacy_name(self) -> str:
        """Such as ``pol4``, as flashggFinalFit calls it."""
        return f"{self.family.short}{self.order}"

    @property
    def params(self) -> dict[str, float]:
        """Slopes or powers, then weights, by name."""
        named = dict(zip(self.shape.theta_names, self.theta.tolist(), strict=True))
        return named | {f"weight_{k}": w for k, w in enumerate(self.weights.tolist(), 1)}

    @property
    def total_error(self) -> float:
        """Uncertainty of `total`: of the counts, and of the shape where a window is hidden."""
        n_components = len(self.weights)
        of_weights = self.covariance[:n_components, :n_components]
        return float(np.sqrt(max(of_weights.sum(), 0.0)))

    def fractions(self, edges: ArrayLike | None = None) -> Floats:
        """Give the share of each bin in the whole range: shape (bins,).

        Parameters
        ----------
        edges
            Of the bins, inside the range; None for those of the spectrum.
        """
        ends = self.spectrum.edges if edges is None else np.asarray(edges, float)
        return self.shape.fractions(ends, self.theta) @ self.weights

    def expected(self, edges: ArrayLike | None = None) -> Floats:
        """Give the events expected in each bin: shape (bins,)."""
        return self.total * self.fractions(edges)

    def density(self, mass: ArrayLike) -> Floats:
        """Give the density per unit of mass, normalised on the whole range: shape (n,)."""
        return self.shape.density(np.asarray(mass, float), self.theta) @ self.weights
