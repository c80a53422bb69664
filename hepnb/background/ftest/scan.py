"""Test which functions may describe a spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from scipy import stats

from hepnb.background.families import Family, family
from hepnb.background.fitting import BackgroundFit, fit_background
from hepnb.background.ftest.goodness import (
    GoodnessOfFit,
    asymptotic_goodness,
    is_sparse,
)
from hepnb.background.ftest.legacy import legacy_goodness, legacy_orders, legacy_scan
from hepnb.background.ftest.lookahead import Step, look_ahead
from hepnb.background.ftest.pseudo_experiments import PseudoExperiments, counted_p
from hepnb.background.ftest.result import Choice, FTest, TestedFit
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = ("FAMILIES", "run_ftest")


def __dir__() -> tuple[str, ...]:
    return __all__


FAMILIES = ("bernstein", "exponential", "powerlaw", "laurent")

_FEW = 5  # candidates below which only first orders are tried
_UNBINNED = 100_000  # candidates up to which an unbinned fit is the default
# measured: with 40 to 300 candidates in 320 bins, where the computed probability is above this,
# the one counted in pseudo-experiments is above 0.1
_CLEARLY_GOOD = 0.3
_GOODNESS = 5  # times the pseudo-experiments of a step
_SAME = 1e-4  # difference of negative logarithms below which two functions are one


def run_ftest(
    spectrum: MassSpectrum,
    *,
    families: Sequence[str | Family] = FAMILIES,
    alpha: float = 0.05,
    envelope_alpha: float = 0.1,
    gof_minimum: float = 0.01,
    penalty: float = 1.0,
    rule: Literal["lookahead", "legacy"] = "lookahead",
    scan: Literal["test", "all"] = "test",
    max_order: Mapping[str, int] | None = None,
    toys: int = 200,
    seed: int = 1,
    unbinned: bool | None = None,
) -> FTest:
    """Fit functions of rising order, test which the data ask for, and choose an envelope.

    Parameters
    ----------
    spectrum
        The data; a blinded window stays out of every number.
    families
        Families to try.
    alpha
        A higher order is asked for where the probability of its gain by chance is below.
    envelope_alpha
        The same for functions of the envelope; not below `alpha`.
    gof_minimum
        Least probability of goodness of fit in the envelope.
    penalty
        c: functions compete by ``2 NLL + c n_par`` for the best.
    rule
        ``lookahead`` (see `hepnb.background.ftest.lookahead`) or ``legacy``, the rule of
        flashggFinalFit with its flaws (see `hepnb.background.ftest.legacy`).
    scan
        ``test`` fits what the test needs; ``all`` every order up to the family's maximum.
    max_order
        Family to the highest order, instead of the family's own maximum.
    toys
        Pseudo-experiments per step and goodness of fit, at most; 0 for none.
    seed
        Of the pseudo-experiments.
    unbinned
        Fit candidate by candidate; None does so for up to 100,000 of them, where they are known,
        and never by the legacy rule. Pseudo-experiments are always binned.

    Returns
    -------
    FTest

    Raises
    ------
    BadParameters
        A threshold out of order, or an unknown family.
    """
    if not 0.0 < alpha <= envelope_alpha < 1.0:
        message = (
            f"alpha = {alpha:g}, envelope_alpha = {envelope_alpha:g}; "
            "0 < alpha <= envelope_alpha < 1, for instance 0.05 and 0.1"
        )
        raise BadParameters(message)
    if unbinned is None:
        known = spectrum.masses is not None and len(spectrum.masses) <= _UNBINNED
        unbinned = known and rule != "legacy"
    work = _Workbench(spectrum, seed=seed, toys=toys, unbinned=unbinned)
    kinds = [family(each) for each in families]
    thresholds = {"alpha": alpha, "envelope_alpha": envelope_alpha}
    tested: list[TestedFit] = []
    truth: dict[str, int | None] = {}
    reasons: dict[str, str] = {}
    exhausted: list[str] = []
    for kind in kinds:
        limit = (max_order or {}).get(kind.name, kind.maximum)
        outcome = (_legacy if rule == "legacy" else _look_ahead)(work, kind, limit, thresholds)
        if scan == "all":
            for order in work.orders(kind, limit):
                work.fit(kind, order)
        fits = work.fits(kind)
        wanted = outcome["envelope"]
        qualities = {
            fit.order: work.goodness(fit, gof_minimum, rule, precise=fit.order in wanted)
            for fit in fits
        }
        refused = {
            fit.name: reason
            for fit in fits
            if (reason := _refusal(fit, fits, outcome, qualities[fit.order], gof_minimum))
        }
        reasons |= refused
        truth[kind.name] = outcome["truth"]
        exhausted += [kind.name] * bool(outcome["exhausted"])
        tested += [
            _tested(
                fit,
                fits,
                outcome["steps"],
                qualities[fit.order],
                accepted=fit.name not in refused,
            )
            for fit in fits
        ]
    envelope = [each.fit for each in tested if each.accepted]
    best = min(envelope, key=lambda fit: 2.0 * fit.nll + penalty * fit.n_par, default=None)
    settings: dict[str, Any] = {
        "families": [kind.name for kind in kinds],
        **thresholds,
        "gof_minimum": gof_minimum,
        "penalty": penalty,
        "rule": rule,
        "scan": scan,
        "toys": toys,
        "seed": seed,
        "unbinned": unbinned,
    }
    return FTest(
        spectrum=spectrum,
        fits=tuple(tested),
        choice=Choice(
            truth=truth,
            envelope=tuple(fit.name for fit in envelope),
            best=None if best is None else best.name,
            reasons=reasons,
            exhausted=tuple(exhausted),
        ),
        settings=settings,
        interrupted=work.interrupted,
    )


class _Workbench:
    """Fits and pseudo-experiments of one spectrum, each made once and when asked for."""

    def __init__(self, spectrum: MassSpectrum, *, seed: int, toys: int, unbinned: bool) -> None:
        self.spectrum, self.seed, self.toys, self.unbinned = spectrum, seed, toys, unbinned
        self._fits: dict[str, dict[int, BackgroundFit]] = {}
        self._experiments: dict[str, PseudoExperiments] = {}

    @property
    def interrupted(self) -> bool:
        return any(each.interrupted for each in self._experiments.values())

    def orders(self, kind: Family, limit: int) -> tuple[int, ...]:
        """Orders that the data can bear."""
        orders = kind.orders(limit)
        if self.spectrum.total < _FEW:
            return orders[:1]
        return tuple(o for o in orders if o == orders[0] or kind.n_par(o) < self.spectrum.total)

    def fit(self, kind: Family, order: int) -> BackgroundFit:
        known = self._fits.setdefault(kind.name, {})
        if order not in known:
            below = known.get(order - kind.step)
            known[order] = fit_background(
                self.spectrum, kind, order, lower=below, unbinned=self.unbinned
            )
        return known[order]

    def fits(self, kind: Family) -> list[BackgroundFit]:
        return [fit for _, fit in sorted(self._fits.get(kind.name, {}).items())]

    def experiments(self, fit: BackgroundFit) -> PseudoExperiments:
        if fit.name not in self._experiments:
            self._experiments[fit.name] = PseudoExperiments(fit, self.seed)
        if self.interrupted:
            self._experiments[fit.name].interrupted = True
        return self._experiments[fit.name]

    def goodness(
        self, fit: BackgroundFit, minimum: float, rule: str, *, precise: bool
    ) -> GoodnessOfFit | None:
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


def _look_ahead(
    work: _Workbench, kind: Family, limit: int, thresholds: Mapping[str, float]
) -> dict[str, Any]:
    orders = work.orders(kind, limit)
    work.fit(kind, orders[0])
    scan = look_ahead(
        orders,
        lambda order: work.fit(kind, order),
        work.experiments,
        toys=work.toys,
        **thresholds,
    )
    inside = tuple(order for order in kind.orders(limit) if order <= scan.reach)
    return {
        "truth": scan.truth,
        "envelope": inside,
        "exhausted": scan.exhausted and len(kind.orders(limit)) > 1,
        "steps": scan.steps,
        "exempt": None,
    }


def _legacy(
    work: _Workbench, kind: Family, limit: int, thresholds: Mapping[str, float]
) -> dict[str, Any]:
    orders = [order for order in work.orders(kind, limit) if order in legacy_orders(kind)]
    scan = legacy_scan([(order, work.fit(kind, order).nll) for order in orders], **thresholds)
    return {
        "truth": scan.truth,
        "envelope": scan.envelope,
        "exhausted": scan.exhausted,
        "steps": (),
        "exempt": scan.truth,  # from goodness of fit: a flaw of the rule
    }


def _refusal(
    fit: BackgroundFit,
    fits: Sequence[BackgroundFit],
    outcome: Mapping[str, Any],
    gof: GoodnessOfFit | None,
    gof_minimum: float,
) -> str:
    """Why a function is not in the envelope; empty if it is."""
    exempt = outcome["exempt"]
    twin = next(
        (low for low in fits if low.order < fit.order and low.nll - fit.nll < _SAME and low.valid),
        None,
    )
    reason = ""
    if fit.status == "empty":
        reason = "no candidate is visible"
    elif not fit.valid:
        reason = "the fit did not reach a minimum"
    elif fit.order not in outcome["envelope"]:
        reason = f"order {outcome['envelope'][-1]} is enough"
    elif gof is not None and gof.p < gof_minimum and fit.order != exempt:
        reason = f"goodness of fit p = {gof.p:.2g} < {gof_minimum:g}"
    elif twin is not None and exempt is None:
        reason = f"the same function as order {twin.order}"
    return reason


def _tested(
    fit: BackgroundFit,
    fits: Sequence[BackgroundFit],
    steps: Sequence[Step],
    gof: GoodnessOfFit | None,
    *,
    accepted: bool,
) -> TestedFit:
    below = [each for each in fits if each.order < fit.order]
    step = next((each for each in steps if each.toward == fit.order), None)
    q, dof, p_asym = float("nan"), 0, float("nan")
    if below:
        q = max(2.0 * (below[-1].nll - fit.nll), 0.0)
        dof = fit.n_par - below[-1].n_par
        p_asym = float(stats.chi2.sf(q, dof))
    return TestedFit(
        fit=fit,
        q=q,
        dof=dof,
        p_asym=p_asym,
        p_toy=float("nan") if step is None else step.counted.p,
        p_toy_err=float("nan") if step is None else step.counted.error,
        n_toys=0 if step is None else step.counted.n,
        gof=gof,
        accepted=accepted,
    )
