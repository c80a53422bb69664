"""Fit products of two functions, one of each mass.

The likelihood of a product of densities is ``-sum n_ij ln f_i - sum n_ij ln g_j + n ln beta``, with
``beta`` the share of the product in the visible region. Where that region is all pairs of visible
x and y, ``beta`` is a product too, and the sum falls into one part with ``f`` alone and one with
``g`` alone: the two minima in one dimension, on the projections, are the joint minimum, exactly. A
hidden rectangle ties them together; then both functions are fitted at once to all that is visible.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.background.families import Family, Shape
from hepnb.background.fitting import BackgroundFit
from hepnb.background.fitting.newton import minimise
from hepnb.background.fitting.result import ACTIVE, Status
from hepnb.background.two_dimensions.joint import Joint
from hepnb.background.two_dimensions.spectrum import Spectrum2D
from hepnb.errors import BadParameters

__all__ = ("Factor", "ProductFit", "fit_product", "short_name")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
_SHORT = {"bernstein": "Ber", "exponential": "Exp", "powerlaw": "Pow", "laurent": "Lau"}


@dataclass(frozen=True)
class Factor:
    """A function of one of the two masses.

    Attributes
    ----------
    family, order
        The function.
    shape
        Its components on their range.
    weights, theta
        As of `BackgroundFit`.
    """

    family: Family
    order: int
    shape: Shape = field(repr=False)
    weights: Floats
    theta: Floats

    @property
    def n_par(self) -> int:
        """Free shape parameters."""
        return self.family.n_par(self.order)

    @property
    def name(self) -> str:
        """Such as ``bernstein2``."""
        return f"{self.family.name}{self.order}"

    @property
    def title(self) -> str:
        """Such as ``Bernstein 2``."""
        return f"{self.family.label} {self.order}"

    @property
    def params(self) -> dict[str, float]:
        """Slopes or powers, then weights, by name."""
        named = dict(zip(self.shape.theta_names, self.theta.tolist(), strict=True))
        return named | {f"weight_{k}": w for k, w in enumerate(self.weights.tolist(), 1)}

    def fractions(self, edges: ArrayLike) -> Floats:
        """Give the share of each bin in the whole range: shape (bins,)."""
        return self.shape.fractions(np.asarray(edges, float), self.theta) @ self.weights


@dataclass(frozen=True)
class ProductFit:
    """A product f(x) g(y), fitted to what is visible of a plane.

    Attributes
    ----------
    spectrum
        The data.
    x, y
        The two functions.
    total, total_error
        Events on the whole plane, what is hidden included.
    nll
        ``-sum n ln(f g)``, not extended, the product per unit of both masses, normalised on the
        visible region and averaged over each bin.
    status
        As of `BackgroundFit`.
    certificate
        The largest relative violation of the Kuhn-Tucker conditions by a weight.
    joint
        Whether both were fitted at once, as a hidden rectangle asks for.
    """

    spectrum: Spectrum2D = field(repr=False)
    x: Factor
    y: Factor
    total: float
    total_error: float
    nll: float
    status: Status
    certificate: float
    joint: bool

    @property
    def n_par(self) -> int:
        """Free shape parameters of both functions."""
        return self.x.n_par + self.y.n_par

    @property
    def valid(self) -> bool:
        """Whether the minimum was reached."""
        return self.status in {"ok", "at_bound"}

    @property
    def name(self) -> str:
        """Such as ``bernstein2*exponential1``."""
        return f"{self.x.name}*{self.y.name}"

    @property
    def title(self) -> str:
        """Such as ``Bernstein 2 x Exponential 1``, with a times sign."""
        return f"{self.x.title} \N{MULTIPLICATION SIGN} {self.y.title}"

    @property
    def legacy_name(self) -> str:
        """Such as ``Ber2_Exp1``, as whitelists of flashggFinalFit's forks say."""
        return f"{short_name(self.x)}_{short_name(self.y)}"

    def expected(self) -> Floats:
        """Give the events expected in each bin, hidden ones included: shape (nx, ny)."""
        plane = self.spectrum
        return self.total * np.outer(
            self.x.fractions(plane.x_edges), self.y.fractions(plane.y_edges)
        )

    @property
    def hidden(self) -> float:
        """Events expected where nothing may be seen."""
        return float(self.expected()[~self.spectrum.visible].sum())


def short_name(function: Factor | BackgroundFit) -> str:
    """Name of a function in the forks of flashggFinalFit, such as ``Ber2``."""
    return f"{_SHORT.get(function.family.name, function.family.name)}{function.order}"


def fit_product(spectrum: Spectrum2D, x: BackgroundFit, y: BackgroundFit) -> ProductFit:
    """Fit a product of two functions to what is visible.

    Parameters
    ----------
    spectrum
        The data.
    x, y
        Fits to ``spectrum.projection(0)`` and ``spectrum.projection(1)``: the result, where no
        rectangle is hidden; else where the joint fit begins.

    Returns
    -------
    ProductFit

    Raises
    ------
    BadParameters
        The fits are of other data.
    """
    for axis, fit in ((0, x), (1, y)):
        if not np.array_equal(fit.spectrum.counts, spectrum.projection(axis).counts):  # type: ignore[arg-type]
            raise BadParameters(f"{fit.title} was not fitted to the projection on axis {axis}")
    if spectrum.total == 0.0:
        return _empty(spectrum, x, y)
    if not (x.valid and y.valid):
        return _product(spectrum, x, y, np.nan, "failed")
    if spectrum.factorises:
        end = "at_bound" in (x.status, y.status)
        return _product(spectrum, x, y, x.nll + y.nll, "at_bound" if end else "ok")
    return _fit_joint(spectrum, x, y)


def _product(
    spectrum: Spectrum2D, x: BackgroundFit, y: BackgroundFit, nll: float, status: Status
) -> ProductFit:
    """Put two fits together that know nothing of one another."""
    n = spectrum.total
    shares = [fit.spectrum.total / fit.total if fit.total else 1.0 for fit in (x, y)]
    total = n / (shares[0] * shares[1])
    # each total is n over its visible share; the number of candidates is in both
    spread = 1.0 / n
    for fit in (x, y):
        spread += (fit.total_error / fit.total) ** 2 - 1.0 / fit.spectrum.total
    error = total * np.sqrt(max(spread, 0.0))
    certificate = max(_weights_certificate(fit) for fit in (x, y))
    factors = (_factor(x), _factor(y))
    return ProductFit(
        spectrum, *factors, total, float(error), nll, status, certificate, joint=False
    )


def _empty(spectrum: Spectrum2D, x: BackgroundFit, y: BackgroundFit) -> ProductFit:
    return ProductFit(spectrum, _factor(x), _factor(y), 0.0, 0.0, 0.0, "empty", 0.0, joint=False)


def _weights_certificate(fit: BackgroundFit) -> float:
    """Certificates of free slopes are of another kind: bounds of the likelihood itself."""
    return 0.0 if fit.shape.theta_names else fit.certificate


def _factor(fit: BackgroundFit) -> Factor:
    return Factor(fit.family, fit.order, fit.shape, fit.weights, fit.theta)


def _fit_joint(spectrum: Spectrum2D, x: BackgroundFit, y: BackgroundFit) -> ProductFit:
    objective = Joint(spectrum, x.shape, y.shape)
    share = float(_share(spectrum, x, y))
    start = np.concatenate([x.weights / share, x.theta, y.weights, y.theta])
    minimum = minimise(objective, start, objective.bounds, scale=objective.scale)
    if minimum is None:
        return _product(spectrum, x, y, np.nan, "failed")
    n = spectrum.total
    (w, theta), (v, phi) = objective.split(minimum.x)
    weights = objective.is_weight
    gradient = minimum.gradient[weights] / n
    used = minimum.x[weights] > ACTIVE
    violation = max(float(-gradient.min()), float(np.abs(gradient[used]).max(initial=0.0)))
    near = 1e-9 * np.where(weights, 1.0, np.ptp(objective.bounds, axis=1))
    ends = (minimum.x - objective.bounds[:, 0] <= near) | (
        objective.bounds[:, 1] - minimum.x <= near
    )
    status: Status = "at_bound" if (ends & ~weights).any() else "ok"
    slope = n * np.concatenate(
        [np.full(len(w), v.sum()), 0.0 * theta, np.full(len(v), w.sum()), 0.0 * phi]
    )
    free = ~ends
    inverse = np.linalg.pinv(minimum.hessian[np.ix_(free, free)], hermitian=True)
    return ProductFit(
        spectrum=spectrum,
        x=Factor(x.family, x.order, x.shape, w / w.sum(), theta),
        y=Factor(y.family, y.order, y.shape, v / v.sum(), phi),
        total=float(n * w.sum() * v.sum()),
        total_error=float(np.sqrt(max(float(slope[free] @ inverse @ slope[free]), 0.0))),
        # the expectation of the visible region is the number of candidates
        nll=minimum.value - n + objective.of_widths,
        status=status if minimum.converged else "failed",
        certificate=violation,
        joint=True,
    )


def _share(spectrum: Spectrum2D, x: BackgroundFit, y: BackgroundFit) -> Floats:
    shares = np.outer(x.fractions(), y.fractions())
    return np.asarray(shares[spectrum.visible].sum())
