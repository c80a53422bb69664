"""How well a product of functions describes a plane: a deviance in well filled cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hepnb.background.fitting import fit_background
from hepnb.background.ftest.goodness import GoodnessOfFit, deviance, deviance_moments
from hepnb.background.ftest.pseudo_experiments import counted_p
from hepnb.background.two_dimensions.cells import Cells, merged_cells
from hepnb.background.two_dimensions.products import ProductFit, fit_product
from hepnb.background.two_dimensions.spectrum import Spectrum2D

__all__ = ("goodness_cells", "product_goodness")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_PER_CELL, _MOST = 20.0, 20
_WELL_FILLED = 5.0  # expected candidates per cell; below, pseudo-experiments tell


def goodness_cells(spectrum: Spectrum2D) -> Cells:
    """Cells in which goodness of fit is told: about 20 candidates each, at most 20 x 20."""
    return merged_cells(spectrum, per_cell=_PER_CELL, most=_MOST)


def product_goodness(
    fit: ProductFit, cells: Cells, *, minimum: float = 0.01, toys: int = 200, seed: int = 1
) -> GoodnessOfFit:
    """Test a product's Poisson deviance in cells.

    Parameters
    ----------
    fit
        The product.
    cells
        As of `goodness_cells`.
    minimum
        Pseudo-experiments stop when it is clear on which side of this p lies.
    toys
        Pseudo-experiments at most, drawn where a cell expects fewer than 5 candidates and fitted
        anew; 0 for none.
    seed
        Of their random numbers.

    Returns
    -------
    GoodnessOfFit
        Without pseudo-experiments from a scaled chi-square distribution with the exact mean and
        variance of the deviance, each fitted parameter taking 1 and 2 from them.
    """
    value = _deviance(fit, cells)
    expected = cells.sums(np.where(fit.spectrum.visible, fit.expected(), 0.0))[cells.visible]
    ndof = len(expected) - fit.n_par - 1
    mean, variance = deviance_moments(expected)
    mean, variance = mean - fit.n_par - 1, variance - 2.0 * (fit.n_par + 1)
    p = float("nan")
    if ndof > 0 and mean > 0.0 and variance > 0.0:
        scale = variance / (2.0 * mean)
        p = float(stats.chi2.sf(value / scale, mean / scale))
    found = GoodnessOfFit("deviance", value, ndof, p, "moments")
    if toys == 0 or expected.min(initial=np.inf) >= _WELL_FILLED:
        return found
    experiments = _Experiments(fit, cells, seed)
    counted = counted_p(experiments.deviances, value, thresholds=(minimum,), maximum=toys)
    if counted.n == 0:
        return found
    drawn = tuple(float(each) for each in np.sort(experiments.deviances(counted.n)))
    return GoodnessOfFit("deviance", value, ndof, counted.p, "toys", counted.error, drawn)


def _deviance(fit: ProductFit, cells: Cells) -> float:
    counts, expected = cells.sums(fit.spectrum.counts), cells.sums(fit.expected())
    return float(deviance(counts[cells.visible], expected[cells.visible]))


class _Experiments:
    """Pseudo-experiments of a product, fitted with it again, drawn on demand."""

    def __init__(self, fit: ProductFit, cells: Cells, seed: int) -> None:
        self._fit, self._cells, self._seed = fit, cells, seed
        self._means = np.where(fit.spectrum.visible, fit.expected(), 0.0)
        self._done: list[float] = []

    def deviances(self, n: int) -> Floats:
        """Give the deviance of the first `n`; fewer if the user stops the loop."""
        try:
            while len(self._done) < n:
                self._done.append(self._one(len(self._done)))
        except KeyboardInterrupt:
            n = len(self._done)
        return np.array(self._done[:n], dtype=np.float64)

    def _one(self, index: int) -> float:
        rng = np.random.default_rng([self._seed, 3, index])
        data = self._fit.spectrum.with_counts(rng.poisson(self._means))
        x, y = (
            fit_background(data.projection(axis), side.family, side.order)  # type: ignore[arg-type]
            for axis, side in enumerate((self._fit.x, self._fit.y))
        )
        return _deviance(fit_product(data, x, y), self._cells)
