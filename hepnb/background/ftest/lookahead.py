"""The f-test that looks two orders ahead and counts its p-values in pseudo-experiments.

A step from order N is tested with the smaller of the p-values of N + 1 and N + 2, each with its
own degrees of freedom; the distribution of that smaller one under order N is taken from
pseudo-experiments, so that the size of the test is what it says, boundaries or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hepnb.background.fitting import BackgroundFit
from hepnb.background.ftest.pseudo_experiments import CountedP, PseudoExperiments, counted_p

__all__ = ("LookAheadScan", "Step", "look_ahead")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_DECISIVE = 1e-5  # below, no boundary makes the p-value of Wilks' theorem large enough to matter
_NO_GAIN = 1e-6  # in units of 2 NLL


class Step(NamedTuple):
    """The test of one order against the next two."""

    order: int
    """The order that was taken for true."""
    toward: int
    """The order of the smallest p-value among the next two."""
    p_asym: float
    """That p-value, by Wilks' theorem."""
    counted: CountedP
    """How often pseudo-experiments of `order` have one as small."""

    @property
    def p(self) -> float:
        """What decides: the counted p-value where there is one."""
        return self.p_asym if np.isnan(self.counted.p) else self.counted.p


class LookAheadScan(NamedTuple):
    """What the test makes of the orders of a family."""

    truth: int
    """The order that no step improves."""
    reach: int
    """The same at the envelope's level: no less than `truth`."""
    steps: tuple[Step, ...]
    """Every step tested."""
    exhausted: bool
    """Whether the last step led to the highest order there is."""


def look_ahead(
    orders: tuple[int, ...],
    fitted: Callable[[int], BackgroundFit],
    experiments: Callable[[BackgroundFit], PseudoExperiments],
    *,
    alpha: float,
    envelope_alpha: float,
    toys: int,
) -> LookAheadScan:
    """Find the order of a family that the data ask for.

    Parameters
    ----------
    orders
        That may be tried, ascending.
    fitted
        Gives the fit of an order to the data.
    experiments
        Gives pseudo-experiments of a fit.
    alpha, envelope_alpha
        A step is taken where its p-value is below.
    toys
        Pseudo-experiments at most per step; 0 for Wilks' theorem alone.

    Returns
    -------
    LookAheadScan
    """
    steps: list[Step] = []
    at, truth = 0, None
    while at < len(orders) - 1:
        null = fitted(orders[at])
        ahead = tuple(fitted(order) for order in orders[at + 1 : at + 3])
        step = _step(null, ahead, experiments, (alpha, envelope_alpha), toys)
        steps.append(step)
        if truth is None and not step.p < alpha:
            truth = at
        if not step.p < envelope_alpha:
            break
        at = orders.index(step.toward)
    reach = at
    truth = reach if truth is None else truth
    return LookAheadScan(
        orders[truth], orders[reach], tuple(steps), exhausted=truth == len(orders) - 1
    )


def _step(
    null: BackgroundFit,
    ahead: tuple[BackgroundFit, ...],
    experiments: Callable[[BackgroundFit], PseudoExperiments],
    thresholds: tuple[float, float],
    toys: int,
) -> Step:
    dof = np.array([fit.n_par - null.n_par for fit in ahead], float)
    gains = np.array([2.0 * (null.nll - fit.nll) for fit in ahead])
    p_values = _wilks(gains, dof)
    best = int(np.argmin(p_values))
    toward, p = ahead[best].order, float(p_values[best])
    if gains.max() < _NO_GAIN or p < _DECISIVE or toys == 0:
        return Step(null.order, toward, p, CountedP(float("nan"), float("nan"), 0))
    drawn = experiments(null)
    counted = counted_p(
        # small p-values are extreme
        lambda n: -_wilks(drawn.gains(n, ahead), dof).min(axis=1),
        -p,
        thresholds=thresholds,
        maximum=toys,
    )
    return Step(null.order, toward, p, counted)


def _wilks(gains: Floats, dof: Floats) -> Floats:
    return np.where(gains < _NO_GAIN, 1.0, stats.chi2.sf(np.maximum(gains, 0.0), dof))
