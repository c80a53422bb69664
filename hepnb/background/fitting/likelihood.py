"""The likelihood of a positive mixture, with or without a signal, and its derivatives.

All fits minimise the extended likelihood ``sum_i nu_i - sum_i n_i ln nu_i`` over what is visible,
with the expectations in units of the number of candidates: ``nu / N = sum_k w_k phi_k + mu s / N``.
Then weights are bounded below by zero and nothing else ties them together; at the minimum the
expectation of the visible range equals the candidates in it.
"""

from __future__ import annotations

import copy
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families import Shape
from hepnb.background.families.family import Parts
from hepnb.background.fitting.newton import Evaluation
from hepnb.background.spectrum import MassSpectrum

__all__ = ("Likelihood", "Objective", "SignalLike")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
Rows = slice | NDArray[np.bool_]


class SignalLike(Protocol):
    """What a likelihood asks of a signal."""

    @property
    def expected(self) -> float:
        """Events in the range at signal strength 1."""

    def fractions(self, edges: Floats) -> Floats:
        """Give the share of each bin: shape (bins,)."""

    def density(self, mass: Floats) -> Floats:
        """Give the density per unit of mass: shape (n,)."""


class Columns(NamedTuple):
    """Components per row of the data, and over the visible range."""

    rows: Parts
    visible: Parts


class Likelihood:
    """Data of one category and a function of a family, ready to be evaluated.

    Parameters
    ----------
    spectrum
        The data; only what is visible of it is used.
    shape
        The function.
    signal
        Of known shape; None for background alone.
    unbinned
        Whether each candidate is a row, not each bin.
    """

    def __init__(
        self,
        spectrum: MassSpectrum,
        shape: Shape,
        *,
        signal: SignalLike | None = None,
        unbinned: bool = False,
    ) -> None:
        self.spectrum, self.shape, self.signal = spectrum, shape, signal
        self.masses = spectrum.masses if unbinned else None
        shown = spectrum.visible
        self._low, self._high = spectrum.edges[:-1][shown], spectrum.edges[1:][shown]
        runs = np.asarray(spectrum.visible_runs, float).reshape(-1, 2)
        self._run_low, self._run_high = runs[:, 0], runs[:, 1]
        self.counts = spectrum.counts[shown] if self.masses is None else np.ones(len(self.masses))
        self._whole = len(runs) == 1 and shown.all()
        self._fixed = None if shape.theta_names else self._evaluated(np.empty(0), slice(None))
        self.signal_row, self.signal_visible = self._signal_columns()

    def filled(self, spectrum: MassSpectrum) -> Likelihood:
        """Give the binned likelihood of other counts in the same bins.

        Parameters
        ----------
        spectrum
            Such as pseudo-data from ``spectrum.with_counts``; what was evaluated is kept.
        """
        other = copy.copy(self)
        other.spectrum, other.counts = spectrum, spectrum.counts[spectrum.visible]
        return other

    def columns(self, theta: Floats, rows: Rows = slice(None)) -> Columns:
        """Give the components at these parameters: densities per row, shares of the range.

        Parameters
        ----------
        theta
            Parameters of the components.
        rows
            Which rows are wanted, as an index.
        """
        if self._fixed is None:
            return self._evaluated(theta, rows)
        return Columns(self._fixed.rows.mapped(lambda part: part[rows]), self._fixed.visible)

    def objective(
        self, counts: Floats | None = None, *, strength: float | None = None
    ) -> Objective:
        """Give the function to minimise.

        Parameters
        ----------
        counts
            Other data in the same rows, such as pseudo-data; None for the spectrum's own.
        strength
            Signal strength to hold; None to leave it free where there is a signal.
        """
        return Objective(self, self.counts if counts is None else counts, strength)

    def _evaluated(self, theta: Floats, rows: Rows) -> Columns:
        if self.masses is not None:
            return Columns(self.shape.density_parts(self.masses[rows], theta), self._shares(theta))
        low, high = self._low[rows], self._high[rows]
        width = (high - low)[:, None]
        bins = self.shape.integral_parts(low, high, theta)
        return Columns(bins.mapped(lambda part: part / width), self._shares(theta))

    def _shares(self, theta: Floats) -> Parts:
        """Share of each component that is visible; all of it where nothing is hidden."""
        if self._whole:
            nothing = np.zeros(len(theta)) if len(theta) else None
            return Parts(np.ones(self.shape.n_components), nothing, nothing)
        runs = self.shape.integral_parts(self._run_low, self._run_high, theta)
        return runs.mapped(lambda part: part.sum(axis=0))

    def _signal_columns(self) -> tuple[Floats, float]:
        if self.signal is None:
            return np.zeros(len(self.counts)), 0.0
        shares = self.signal.expected * self.signal.fractions(self.spectrum.edges)
        shares = shares[self.spectrum.visible]
        if self.masses is not None:
            return self.signal.expected * self.signal.density(self.masses), float(shares.sum())
        return shares / (self._high - self._low), float(shares.sum())


class Objective:
    """Extended negative logarithm of the likelihood as a function of ``(w, mu, theta)``.

    Attributes
    ----------
    total
        N, the candidates.
    free_strength
        Whether ``mu`` is among the variables.
    """

    def __init__(self, likelihood: Likelihood, counts: Floats, strength: float | None) -> None:
        self.likelihood = likelihood
        self.total = float(counts.sum())
        self.free_strength = likelihood.signal is not None and strength is None
        # empty bins count in the integral alone, unless a negative signal could empty them
        keep = np.ones(len(counts), bool) if likelihood.signal is not None else counts > 0
        self._keep: Rows = slice(None) if keep.all() else keep
        self._counts = counts[self._keep]
        self._signal = likelihood.signal_row[self._keep] / self.total
        self._signal_visible = likelihood.signal_visible / self.total
        held = strength if strength is not None and likelihood.signal is not None else 0.0
        self._offset = held * self._signal
        self._offset_visible = held * self._signal_visible
        self._n_components = likelihood.shape.n_components
        self._last: tuple[Floats, Columns] | None = None

    @property
    def bounds(self) -> Floats:
        """Bounds of the variables, of shape (n, 2)."""
        weights = np.tile([0.0, np.inf], (self._n_components, 1))
        strength = np.array([[-np.inf, np.inf]] * self.free_strength).reshape(-1, 2)
        return np.concatenate([weights, strength, self.likelihood.shape.bounds])

    @property
    def scale(self) -> Floats:
        """By how much each variable changes between points that matter."""
        strength = [1.0 / max(self._signal_visible, 1e-300)] * self.free_strength
        bounds = self.likelihood.shape.bounds
        widths = np.where(np.isfinite(bounds).all(axis=1), (bounds[:, 1] - bounds[:, 0]) / 20, 1.0)
        return np.concatenate([np.ones(self._n_components), strength, widths])

    def split(self, x: Floats) -> tuple[Floats, float, Floats]:
        """Give weights (in units of N), signal strength and parameters."""
        k = self._n_components
        strength = float(x[k]) if self.free_strength else 0.0
        return x[:k], strength, x[k + self.free_strength :]

    def __call__(self, x: Floats) -> Evaluation | None:
        """Evaluate with gradient and Hessian; None where an expectation is not positive."""
        weights, strength, theta = self.split(x)
        rows, visible = self._columns(theta)
        expected = rows.value @ weights + self._offset
        over_range = float(visible.value @ weights) + self._offset_visible
        if self.free_strength:
            expected = expected + strength * self._signal
            over_range += strength * self._signal_visible
        if not expected.min(initial=np.inf) > 0.0:
            return None
        ratio = self._counts / expected
        nll = self.total * over_range - float(self._counts @ np.log(expected))

        slopes, range_slopes = [rows.value], [visible.value]
        if self.free_strength:
            slopes.append(self._signal[:, None])
            range_slopes.append(np.array([self._signal_visible]))
        if rows.first is not None and visible.first is not None:
            of_owner = weights[self.likelihood.shape.owner]
            slopes.append(rows.first * of_owner)
            range_slopes.append(visible.first * of_owner)
        jacobian = slopes[0] if len(slopes) == 1 else np.hstack(slopes)
        gradient = self.total * np.concatenate(range_slopes) - ratio @ jacobian
        hessian = (jacobian.T * (ratio / expected)) @ jacobian
        self._bend(hessian, weights, ratio, Columns(rows, visible))
        return Evaluation(nll, gradient, hessian)

    def _bend(self, hessian: Floats, weights: Floats, ratio: Floats, columns: Columns) -> None:
        """Add to the Hessian what the curvature of the expectation in theta contributes."""
        rows, visible = columns
        if rows.first is None or visible.first is None:
            return
        owner = self.likelihood.shape.owner
        at = np.arange(len(hessian) - len(owner), len(hessian))
        mixed = self.total * visible.first - ratio @ rows.first
        hessian[owner, at] += mixed
        hessian[at, owner] += mixed
        if rows.second is not None and visible.second is not None:
            curvature = self.total * visible.second - ratio @ rows.second
            hessian[at, at] += weights[owner] * curvature

    def _columns(self, theta: Floats) -> Columns:
        # weights often change alone
        if self._last is None or not np.array_equal(self._last[0], theta):
            self._last = (theta.copy(), self.likelihood.columns(theta, self._keep))
        return self._last[1]
