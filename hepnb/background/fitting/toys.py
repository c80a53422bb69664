"""Fit functions of one family again and again, to pseudo-data in the same bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.background.families import Family, family
from hepnb.background.families.sums import SumOfTilted
from hepnb.background.fitting.likelihood import Likelihood
from hepnb.background.fitting.search import Lower, search
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = ("Refit", "Refitter")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class Refit(NamedTuple):
    """What a fit to pseudo-data gives."""

    order: int
    """Of the function."""
    nll: float
    """As `BackgroundFit.nll`; NaN where no minimum was found, 0 without candidates."""
    expected: Floats
    """Events in each bin, hidden ones included, of shape (bins,)."""
    weights: Floats
    """Of the components, normalised to 1 on the whole range, of shape (K,)."""
    theta: Floats
    """Parameters of the components, of shape (n_theta,), in the order of the weights."""
    converged: bool
    """Whether it is a minimum."""


class Refitter:
    """Use it where functions are fitted to many pseudo-data sets; `fit_background` for data.

    The minima are those of `fit_background`, without certificate and covariance. What does not
    depend on the counts is evaluated once.

    Parameters
    ----------
    spectrum
        The bins, and which of them are visible.
    family_name
        The family.
    orders
        Which of its orders; those of them that are nested never end one above the other.

    Raises
    ------
    BadParameters
        Unknown family or order, or no order.
    """

    def __init__(
        self, spectrum: MassSpectrum, family_name: str | Family, orders: Sequence[int]
    ) -> None:
        kind = family(family_name)
        self.spectrum, self.orders = spectrum, tuple(sorted(set(orders)))
        if not self.orders:
            raise BadParameters("no order to fit; give at least one")
        shapes = {order: kind.shape(order, spectrum.lo, spectrum.hi) for order in self.orders}
        if isinstance(shapes[self.orders[-1]], SumOfTilted):
            # each begins from the one before
            below = kind.orders(self.orders[-1])
            shapes = {order: kind.shape(order, spectrum.lo, spectrum.hi) for order in below}
        blank = spectrum.with_counts(np.zeros(len(spectrum.counts)))
        self._likelihoods = {order: Likelihood(blank, shape) for order, shape in shapes.items()}
        self._shares = {
            order: shape.fractions(spectrum.edges, shape.start())
            for order, shape in shapes.items()
            if not shape.theta_names
        }

    def __call__(self, counts: ArrayLike) -> tuple[Refit, ...]:
        """Fit one pseudo-data set.

        Parameters
        ----------
        counts
            Of every bin, of shape (bins,); what is in hidden ones is not looked at.

        Returns
        -------
        tuple of Refit
            One per order, ascending.
        """
        data = self.spectrum.with_counts(counts)
        done: list[Refit] = []
        lower: Lower | None = None
        for order, likelihood in self._likelihoods.items():
            refit, lower = self._fitted(order, likelihood.filled(data), lower)
            if order in self.orders:
                done.append(refit)
        return tuple(done)

    def nlls(self, counts: ArrayLike) -> Floats:
        """Fit many pseudo-data sets and give their negative logarithms of the likelihood.

        Parameters
        ----------
        counts
            Of shape (..., bins).

        Returns
        -------
        ndarray
            Of shape (..., orders), orders ascending.
        """
        return np.apply_along_axis(
            lambda row: np.array([refit.nll for refit in self(row)]), -1, np.asarray(counts, float)
        )

    def _fitted(
        self, order: int, likelihood: Likelihood, lower: Lower | None
    ) -> tuple[Refit, Lower | None]:
        shape, total = likelihood.shape, likelihood.spectrum.total
        k = shape.n_components
        minimum = None
        weights, theta, nll = np.full(k, 1.0 / k), shape.start(), 0.0
        if total > 0.0:
            minimum, _ = search(likelihood, lower)
            nll = np.nan if minimum is None else minimum.value - total
        found = None
        if minimum is not None:
            weights, theta = minimum.x[:k], minimum.x[k:]
            found = Lower(weights, theta, shape.theta_names, minimum.converged)
        shares = self._shares.get(order)
        if shares is None:
            shares = shape.fractions(self.spectrum.edges, theta)
        converged = total == 0.0 if found is None else found.converged
        share = weights / weights.sum()
        return Refit(order, nll, total * (shares @ weights), share, theta, converged), found
