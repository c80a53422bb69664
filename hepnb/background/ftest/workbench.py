"""Fits, pseudo-experiments and goodness of fit of one spectrum, each made when it is needed."""

from __future__ import annotations

import numpy as np

from hepnb.background.families import Family
from hepnb.background.fitting import BackgroundFit, fit_background
from hepnb.background.ftest.goodness import (
    GoodnessOfFit,
    asymptotic_goodness,
    is_sparse,
)
from hepnb.background.ftest.legacy import legacy_goodness
from hepnb.background.ftest.pseudo_experiments import PseudoExperiments, counted_p
from hepnb.background.spectrum import MassSpectrum

__all__ = ("Workbench",)


def __dir__() -> tuple[str, ...]:
    return __all__


_FEW = 5  # candidates below which only first orders are tried
# measured: with 40 to 300 candidates in 320 bins, where the computed probability is above this,
# the one counted in pseudo-experiments is above 0.1
_CLEARLY_GOOD = 0.3
_GOODNESS = 5  # times the pseudo-experiments of a step


class Workbench:
    """Fits and pseudo-experiments of one spectrum, each made once and when asked for.

    Parameters
    ----------
    spectrum
        The data.
    seed
        Of the pseudo-experiments.
    toys
        Pseudo-experiments at most; 0 for none.
    unbinned
        Whether the data are fitted candidate by candidate.
    """

    def __init__(self, spectrum: MassSpectrum, *, seed: int, toys: int, unbinned: bool) -> None:
        self.spectrum, self.seed, self.toys, self.unbinned = spectrum, seed, toys, unbinned
        self._fits: dict[str, dict[int, BackgroundFit]] = {}
        self._experiments: dict[str, PseudoExperiments] = {}

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped the pseudo-experiments."""
        return any(each.interrupted for each in self._experiments.values())

    def orders(self, kind: Family, limit: int) -> tuple[int, ...]:
        """Give the orders that the data can bear."""
        orders = kind.orders(limit)
        if self.spectrum.total < _FEW:
            return orders[:1]
        return tuple(o for o in orders if o == orders[0] or kind.n_par(o) < self.spectrum.total)

    def fit(self, kind: Family, order: int) -> BackgroundFit:
        """Give the fit of one function."""
        known = self._fits.setdefault(kind.name, {})
        if order not in known:
            below = known.get(order - kind.step)
            known[order] = fit_background(
                self.spectrum, kind, order, lower=below, unbinned=self.unbinned
            )
        return known[order]

    def fits(self, kind: Family) -> list[BackgroundFit]:
        """Give the fits made so far of one family, orders ascending."""
        return [fit for _, fit in sorted(self._fits.get(kind.name, {}).items())]

    def experiments(self, fit: BackgroundFit) -> PseudoExperiments:
        """Give the pseudo-experiments of one function; none are drawn after an interruption."""
        if fit.name not in self._experiments:
            self._experiments[fit.name] = PseudoExperiments(fit, self.seed)
        if self.interrupted:
            self._experiments[fit.name].interrupted = True
        return self._experiments[fit.name]

    def goodness(
        self, fit: BackgroundFit, minimum: float, rule: str, *, precise: bool
    ) -> GoodnessOfFit | None:
        """Test how well a function describes the data; None if its fit failed.

        Parameters
        ----------
        fit
            The function.
        minimum
            Probability that decides.
        rule
            Of the f-test.
        precise
            Whether to draw pseudo-experiments where the computed probability may be off.
        """
        if not fit.valid:
            return None
        if rule == "legacy" and precise:
            return legacy_goodness(fit, np.random.default_rng([self.seed, fit.n_par]))
        found = asymptotic_goodness(fit)
        clear = found.p > _CLEARLY_GOOD or not is_sparse(fit)
        if clear or not precise or self.toys == 0 or self.interrupted:
            return found
        drawn = self.experiments(fit)
        counted = counted_p(
            drawn.deviances,
            found.value,
            thresholds=(minimum,),
            # the probability that matters is small, and a single fit is quick
            maximum=_GOODNESS * self.toys,
        )
        if counted.n == 0:
            return found
        statistics = tuple(float(value) for value in np.sort(drawn.deviances(counted.n)))
        return GoodnessOfFit(
            "deviance", found.value, found.ndof, counted.p, "toys", counted.error, statistics
        )
