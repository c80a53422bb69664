"""What a function pays for its parameters, so that functions of unlike number can be compared.

All are of P. D. Dauncey, M. Kenzie, N. Wardle and G. J. Davies, JINST 10 (2015) P04015
(arXiv:1408.6865): a function with more parameters follows the data more closely whether or not it
is nearer to the truth, so that its ``-2 ln L`` has to be raised before the lowest one is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BadParameters

__all__ = ("Correction", "CorrectionLike", "as_correction")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
CorrectionLike: TypeAlias = "float | Literal['akaike', 'pvalue', 'finite_akaike'] | Correction"


@dataclass(frozen=True)
class Correction:
    """How ``-2 ln L`` is raised.

    Attributes
    ----------
    kind
        ``per_parameter``: by `c` for each parameter; ``pvalue``: to the chi-square that is as
        probable for a function without parameters; ``finite_akaike``: by
        ``2 n / (1 - (n + 1) / n_obs)``, where n counts the normalisation too.
    c
        0 takes the lowest likelihood; 1 is CMS's choice, approximately the p-value; 2 is Akaike's.
    """

    kind: Literal["per_parameter", "pvalue", "finite_akaike"] = "per_parameter"
    c: float = 1.0

    @property
    def label(self) -> str:
        """In words, for figures and records."""
        words = {"pvalue": "exact p-value", "finite_akaike": "Akaike, finite sample"}
        return words.get(self.kind, f"{self.c:g} per parameter")

    def apply(
        self, value: ArrayLike, *, n_par: int, n_observations: float, saturated: float
    ) -> Floats:
        """Raise values of ``-2 ln L`` of a function.

        Parameters
        ----------
        value
            ``-2 ln L``, of any shape.
        n_par
            Shape parameters of the function; the normalisation comes on top where a formula is
            not linear in the number.
        n_observations
            Visible bins, or candidates of an unbinned fit.
        saturated
            The lowest ``-2 ln L`` that any function could have; the difference to it is the
            chi-square of ``pvalue``.

        Returns
        -------
        ndarray
            Ascending in `value`. Infinite where the data are too few for the number of parameters.
        """
        given = np.asarray(value, float)
        if self.kind == "per_parameter":
            return given + self.c * n_par
        n = n_par + 1
        if n_observations <= n + 1:
            return np.full_like(given, np.inf)
        if self.kind == "finite_akaike":
            return given + 2.0 * n / (1.0 - (n + 1.0) / n_observations)
        chi2 = np.maximum(given - saturated, 0.0)
        return saturated + _as_probable(chi2, n_observations - n, n_observations)


def as_correction(given: CorrectionLike) -> Correction:
    """Give the correction of a number per parameter, or of a name.

    Raises
    ------
    BadParameters
        A number that is negative or not finite, or an unknown name.
    """
    if isinstance(given, Correction):
        return given
    if given == "akaike":
        return Correction(c=2.0)
    if given == "pvalue":
        return Correction("pvalue")
    if given == "finite_akaike":
        return Correction("finite_akaike")
    try:
        c = float(given)
    except (TypeError, ValueError):
        c = np.nan
    if not (np.isfinite(c) and c >= 0.0):
        message = (
            f"correction {given!r}; give a number from 0 (1 is CMS's choice), or akaike, pvalue, "
            "finite_akaike"
        )
        raise BadParameters(message)
    return Correction(c=c)


def _as_probable(chi2: Floats, ndof: float, other: float) -> Floats:
    """Chi-square of `other` degrees of freedom with the same p-value as one of `ndof`."""
    from scipy.stats import chi2 as distribution

    above, below = distribution.sf(chi2, ndof), distribution.cdf(chi2, ndof)
    # each tail where it keeps its digits
    exact = np.where(
        below < 0.5,
        distribution.ppf(below, other),
        distribution.isf(np.maximum(above, 1e-300), other),
    )
    # beyond what a double can hold, the cube root of chi-square is normal (Wilson and Hilferty)
    sigmas = (np.cbrt(chi2 / ndof) - 1.0 + 2.0 / (9.0 * ndof)) * np.sqrt(4.5 * ndof)
    root = 1.0 - 2.0 / (9.0 * other) + sigmas / np.sqrt(4.5 * other)
    return np.asarray(np.where(above > 1e-290, exact, other * root**3))
