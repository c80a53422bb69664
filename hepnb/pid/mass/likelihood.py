"""Extended likelihoods of a mass model, for Minuit.

Written out here, as the cost functions of iminuit compile themselves when numba is present, which
takes longer than the fit; tests hold the two equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from hepnb.pid.mass.models import MassModel

__all__ = ("BinnedLikelihood", "UnbinnedLikelihood")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_TINY = 1e-300  # keeps logarithms finite where a density underflows


class BinnedLikelihood:
    """Poisson likelihood of bins, with exact integrals of the model over each.

    Called with the yields and then the shape parameters it gives half the chi-square of Baker and
    Cousins (Nucl. Instrum. Meth. 221 (1984) 437). Weighted bins are scaled to the Poisson count
    of equal relative uncertainty (Bohm and Zech, Nucl. Instrum. Meth. A 748 (2014) 1).

    Parameters
    ----------
    model
        What is fitted.
    edges, counts
        Histogram, of shapes (bins + 1,) and (bins,).
    variances
        Of shape (bins,), when the candidates are weighted.
    """

    errordef = 0.5

    def __init__(
        self, model: MassModel, edges: Floats, counts: Floats, variances: Floats | None = None
    ) -> None:
        self.model = model
        self.edges = edges
        self.scale: Floats = np.ones_like(counts)
        if variances is not None:
            # bins that tell no scale of their own take that of the whole spectrum
            common = counts.sum() / variances.sum() if variances.sum() > 0 else 1.0
            usable = (counts > 0) & (variances > 0)
            self.scale = np.where(usable, counts / np.where(usable, variances, 1.0), common)
        self.seen = np.maximum(counts * self.scale, 0.0)

    def __call__(self, *values: float) -> float:
        """Half the likelihood-ratio chi-square."""
        size = len(self.model.components)
        shares = self.model.bin_probabilities(self.edges, values[size:])
        expected = np.maximum((np.asarray(values[:size]) @ shares) * self.scale, _TINY)
        return float(np.sum(expected - self.seen + xlogy(self.seen, self.seen / expected)))


class UnbinnedLikelihood:
    """Extended likelihood of candidates one by one.

    Called with the yields and then the shape parameters it gives ``sum N - sum ln D``.

    Parameters
    ----------
    model
        What is fitted.
    lo, hi
        Fit range, in units of the mass.
    mass
        Masses in the range, of shape (n,).
    """

    errordef = 0.5

    def __init__(self, model: MassModel, lo: float, hi: float, mass: Floats) -> None:
        self.model = model
        self.lo, self.hi = lo, hi
        self.mass = mass

    def __call__(self, *values: float) -> float:
        """Negative logarithm of the extended likelihood."""
        yields = np.asarray(values[: len(self.model.components)])
        shapes = values[len(yields) :]
        density = yields @ self.model.pdf(self.mass, self.lo, self.hi, shapes)
        return float(yields.sum() - np.sum(np.log(np.maximum(density, _TINY))))
