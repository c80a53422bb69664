"""Pseudo-experiments of a fitted function, drawn on demand, and p-values from them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepnb.background.fitting import BackgroundFit
from hepnb.background.fitting.toys import Refitter
from hepnb.background.ftest.goodness import deviance
from hepnb.stats.intervals import clopper_pearson

__all__ = ("CountedP", "PseudoExperiments", "counted_p")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_BATCH = 10
_LEAST = 50  # pseudo-experiments before it may stop early, so that every p-value means something
_SURE = 0.997  # level of the interval that must leave out every threshold to stop early


class CountedP(NamedTuple):
    """A p-value counted in pseudo-experiments."""

    p: float
    """Share of pseudo-experiments at least as extreme as the data; NaN without any."""
    error: float
    """Binomial uncertainty."""
    n: int
    """Pseudo-experiments."""


class PseudoExperiments:
    """Data drawn from a fitted function and fitted again, with it and with higher orders.

    Each experiment has a seed of its own, so that results depend neither on how many are drawn at
    a time nor on what else is tested.

    Parameters
    ----------
    fit
        The function that is taken for true.
    seed
        Of the random numbers.

    Attributes
    ----------
    interrupted
        Whether the user stopped the loop; what was done until then is kept.
    """

    def __init__(self, fit: BackgroundFit, seed: int) -> None:
        self.fit = fit
        self.interrupted = False
        self._seed = [seed, zlib.crc32(f"{fit.spectrum.category}/{fit.name}".encode())]
        self._refitters: dict[tuple[int, ...], Refitter] = {}
        self._done: dict[tuple[int, ...], list[Floats]] = {}

    def deviances(self, n: int) -> Floats:
        """Give the deviance of the function in the first `n` experiments."""
        return self._first(n, (), self._deviance).ravel()

    def gains(self, n: int, fits: Sequence[BackgroundFit]) -> Floats:
        """Give ``2 (nll - nll_higher)`` of the first `n` experiments: shape (n, fits).

        Parameters
        ----------
        n
            Experiments.
        fits
            Fits of higher orders to the data.
        """
        return self._first(n, tuple(fits), self._gain)

    def counts(self, index: int) -> Floats:
        """Give the counts of one experiment, the same whenever asked: shape (bins,)."""
        rng = np.random.default_rng([*self._seed, index])
        expected = np.where(self.fit.spectrum.visible, self.fit.expected(), 0.0)
        return rng.poisson(expected).astype(np.float64)

    def _first(
        self,
        n: int,
        higher: tuple[BackgroundFit, ...],
        measured: Callable[[Refitter, Floats], Floats],
    ) -> Floats:
        """Rows of the first `n` experiments; fewer if the user stops the loop."""
        fits = (self.fit, *higher)
        orders = tuple(fit.order for fit in fits)
        rows = self._done.setdefault(orders, [])
        if orders not in self._refitters:
            self._refitters[orders] = Refitter(self.fit.spectrum, self.fit.family, orders)
        try:
            while len(rows) < n and not self.interrupted:
                rows.append(measured(self._refitters[orders], self.counts(len(rows))))
        except KeyboardInterrupt:
            self.interrupted = True
        return np.array(rows[:n], float).reshape(-1, max(len(higher), 1))

    def _deviance(self, refitter: Refitter, counts: Floats) -> Floats:
        (refit,) = refitter(counts)
        shown = self.fit.spectrum.visible
        return deviance(counts[shown], refit.expected[shown])

    def _gain(self, refitter: Refitter, counts: Floats) -> Floats:
        nll = refitter.nlls(counts)
        return np.asarray(np.maximum(2.0 * (nll[0] - nll[1:]), 0.0))


def counted_p(
    statistics: Callable[[int], Floats],
    observed: float,
    *,
    thresholds: Sequence[float],
    maximum: int,
) -> CountedP:
    """Count how often pseudo-experiments are at least as extreme as the data.

    Parameters
    ----------
    statistics
        Gives the statistic of the first ``n`` experiments, large where extreme.
    observed
        Of the data.
    thresholds
        Stop as soon as it is clear, at 99.7 %, on which side of each of these p lies.
    maximum
        Experiments at most.

    Returns
    -------
    CountedP
    """
    n, passed = 0, 0
    while n < maximum:
        values = statistics(min(max(n + _BATCH, _LEAST), maximum))
        if len(values) <= n:  # interrupted
            break
        n = len(values)
        # a gain that differs by rounding alone is the same gain
        passed = int(np.count_nonzero(values >= observed - 1e-9 * max(1.0, abs(observed))))
        low, high = (float(end) for end in clopper_pearson(passed, n, _SURE))
        if all(high < each or low > each for each in thresholds):
            break
    if n == 0:
        return CountedP(float("nan"), float("nan"), 0)
    p = passed / n
    # the binomial uncertainty at the estimate that is never exactly 0 or 1
    shrunk = (passed + 0.5) / (n + 1.0)
    return CountedP(p, float(np.sqrt(shrunk * (1.0 - shrunk) / n)), n)
