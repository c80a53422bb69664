"""Custom orthogonal weight functions: sWeights for a background that does not factorise.

sWeights ask that the background's mass is independent of the variables that are looked at. COWs
ask for less: that it is a sum of terms which each factorise, ``sum_k g_k(m) h_k(x)``. Bernstein
polynomials g_k of degree d describe any background whose mass, at whatever x, is a polynomial of
that degree. With the signal density g_0, and any positive function I(m)::

    W_kl = integral g_k g_l / I dm,     A = W^-1,     w_k(m) = sum_l A_kl g_l(m) / I(m)

As ``integral w_k g_l dm`` is 1 for k = l and else 0, the weights w_0 keep the signal and remove
each term of the background, whatever its distribution in x. I(m) changes their variance only.

H. Dembinski, M. Kenzie, C. Langenbruch and M. Schmelling, Nucl. Instrum. Meth. A 1040 (2022)
167270, arXiv:2112.04574.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BadParameters, FitFailed
from hepnb.pid.mass.models import MassModel
from hepnb.pid.mass.weights import MassWeights

if TYPE_CHECKING:
    from hepnb.pid.mass.result import MassFit

__all__ = ("CowFunction", "Variance", "bernstein_basis", "cow_function", "make_cows")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
Variance = Literal["fit", "histogram", "constant"]
"""What the variance function of `cow_function` is made of."""

_MOST = 4  # degree; beyond, the polynomials describe the peak as well
_CELLS = 400  # of the integrals, with eight Gauss-Legendre points in each
_LEAST = 1e-3  # of I(m), as a share of its mean
_SINGULAR = 1e10  # condition number beyond which weights are rounding
_NODES, _SHARES = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True)
class CowFunction(MassWeights):
    """COWs as a function of the mass; `cow_function` makes it from a fit.

    Attributes
    ----------
    degree
        Of the Bernstein polynomials.
    edges, heights
        The function I(m) between edges, of shapes (bins + 1,) and (bins,), if it has steps.
    yields
        The function I(m) as a sum of the model's densities, where it has none.
    matrix
        A of shape (components, terms): rows of one component are added already.
    background
        Index of the component that the polynomials stand for.
    """

    degree: int
    edges: Floats
    heights: Floats
    yields: Floats
    matrix: Floats
    background: int

    def inside(self, mass: Floats) -> Floats:
        """Weights of shape (n, components) for masses of shape (n,), all within the range."""
        return np.asarray((self.matrix @ (self.terms(mass) / self.variance(mass))).T)

    def terms(self, mass: Floats) -> Floats:
        """Give g_k at masses of shape (n,): components but the background, then polynomials."""
        others = np.delete(self.densities(mass), self.background, axis=0)
        return np.concatenate([others, bernstein_basis(mass, self.lo, self.hi, self.degree)])

    def densities(self, mass: Floats) -> Floats:
        """Give the model's densities, of shape (components, n)."""
        return np.asarray(self.model.pdf(mass, self.lo, self.hi, self.values))

    def variance(self, mass: Floats) -> Floats:
        """Give I(m) at masses of shape (n,)."""
        if len(self.heights):
            place = np.searchsorted(self.edges, mass, side="right") - 1
            return np.asarray(self.heights[np.clip(place, 0, len(self.heights) - 1)])
        # where the fitted density reaches 0, weights would have no bound
        least = _LEAST * self.yields.sum() / (self.hi - self.lo)
        return np.asarray(np.maximum(self.yields @ self.densities(mass), least))


def bernstein_basis(mass: Floats, lo: float, hi: float, degree: int) -> Floats:
    """Bernstein polynomials of a degree, each with integral 1 over [lo, hi].

    Returns
    -------
    ndarray
        Of shape (degree + 1, n) for masses of shape (n,).
    """
    u = (mass - lo) / (hi - lo)
    scale = (degree + 1) / (hi - lo)
    each = [comb(degree, k) * u**k * (1.0 - u) ** (degree - k) for k in range(degree + 1)]
    return np.asarray(scale * np.array(each))


def cow_function(
    fit: MassFit, *, degree: int = 2, variance: Variance = "fit", background: str = "background"
) -> CowFunction:
    """Weights whose background is any sum of polynomials of a degree, from a mass fit.

    Parameters
    ----------
    fit
        Gives the density of the signal, and of all components but the background.
    degree
        Of the background's polynomials, 0 to 4. Take the least at which the result stays put: each
        further one makes the weights larger. A requirement whose efficiency for background
        changes linearly with mass makes a line a parabola.
    variance
        What I(m) is: "fit" the fitted density, near the optimum and smooth; "histogram" the
        spectrum that was fitted, near the optimum too and free of the background's model, yet with
        steps; "constant" a constant, with the largest variance of the three.
    background
        Component that the polynomials take the place of.

    Returns
    -------
    CowFunction
        Call it with masses; its `column` goes into ``sample.with_columns(...)``.

    Raises
    ------
    BadParameters
        If the degree, the variance or the component is not one of these.
    FitFailed
        If the densities are so alike that there are no weights.
    """
    if variance not in get_args(Variance):
        message = f"variance {variance!r} is not one of {', '.join(get_args(Variance))}"
        raise BadParameters(message)
    yields = np.array([fit.yields[name] for name in fit.model.component_names])
    edges, heights = np.empty(0), np.empty(0)
    if variance == "histogram":
        edges = fit.spectrum.edges
        seen = fit.spectrum.variances
        # any positive value will do where nothing was seen; that of one candidate is nearest
        heights = np.where(seen > 0, seen, seen[seen > 0].min()) / np.diff(edges)
    elif variance == "constant":
        edges = np.array(fit.range)
        heights = np.array([fit.spectrum.variances.sum() / (edges[1] - edges[0])])
    return make_cows(
        fit.model,
        fit.range,
        fit.shape_values,
        yields,
        degree=degree,
        steps=(edges, heights),
        background=background,
    )


def make_cows(
    model: MassModel,
    bounds: tuple[float, float],
    values: tuple[float, ...],
    yields: Floats,
    *,
    degree: int,
    steps: tuple[Floats, Floats] = (np.empty(0), np.empty(0)),
    background: str = "background",
) -> CowFunction:
    """COWs from shapes; `cow_function` takes them from a fit.

    Parameters
    ----------
    model, bounds, values, yields
        Densities, their range, their shape parameters, and the yields that make I(m) of them.
    degree, background
        As in `cow_function`.
    steps
        Edges and heights of an I(m) with steps; empty: the model's sum.
    """
    if not 0 <= degree <= _MOST:
        raise BadParameters(f"degree {degree} of COWs must be 0 to {_MOST}")
    names = list(model.component_names)
    if background not in names or len(names) < 2:
        message = f"model {model.name!r} has components {names}; name its background"
        raise BadParameters(message)
    index = names.index(background)
    empty = np.empty((0, 0))
    bare = CowFunction(model, *bounds, values, degree, *steps, yields, empty, index)
    edges = _cells(bare)
    half = 0.5 * np.diff(edges)[:, np.newaxis]
    points = (edges[:-1, np.newaxis] + half * (1.0 + _NODES)).ravel()
    terms = bare.terms(points)
    products = (terms * ((half * _SHARES).ravel() / bare.variance(points))) @ terms.T
    scale = np.sqrt(np.diagonal(products))
    if not np.all(scale > 0) or not np.all(np.isfinite(products)):
        raise FitFailed(f"a density of model {model.name!r} vanishes or is infinite; no COWs")
    scaled = products / np.outer(scale, scale)
    if np.linalg.cond(scaled) > _SINGULAR:
        message = f"polynomials of degree {degree} describe the signal too; lower the degree"
        raise FitFailed(message)
    inverse = np.linalg.inv(scaled) / np.outer(scale, scale)
    others = len(names) - 1
    matrix = np.insert(inverse[:others], index, inverse[others:].sum(axis=0), axis=0)
    return CowFunction(model, *bounds, values, degree, *steps, yields, matrix, index)


def _cells(function: CowFunction) -> Floats:
    """Give the cells of the integrals: those of I(m), so that its steps lie between them."""
    grid = np.linspace(function.lo, function.hi, _CELLS + 1)
    return np.unique(np.concatenate([grid, function.edges]))
