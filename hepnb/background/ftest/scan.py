"""Test which functions may describe a spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from scipy import stats

from hepnb.background.families import Family, family
from hepnb.background.fitting import BackgroundFit
from hepnb.background.ftest.goodness import GoodnessOfFit
from hepnb.background.ftest.legacy import legacy_orders, legacy_scan
from hepnb.background.ftest.lookahead import Step, look_ahead
from hepnb.background.ftest.result import Choice, FTest, TestedFit
from hepnb.background.ftest.workbench import Workbench
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

__all__ = ("FAMILIES", "run_ftest")


def __dir__() -> tuple[str, ...]:
    return __all__


FAMILIES = ("bernstein", "exponential", "powerlaw", "laurent")

_UNBINNED = 100_000  # candidates up to which an unbinned fit is the default
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
    work = Workbench(spectrum, seed=seed, toys=toys, unbinned=unbinned)
    kinds = [family(each) for each in families]
    thresholds = {"alpha": alpha, "envelope_alpha": envelope_alpha}
    results = [
        _test_family(
            work,
            kind,
            (max_order or {}).get(kind.name, kind.maximum),
            rule=rule,
            every=scan == "all",
            gof_minimum=gof_minimum,
            thresholds=thresholds,
        )
        for kind in kinds
    ]
    tested = [each for result in results for each in result.tested]
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
            truth={kind.name: each.truth for kind, each in zip(kinds, results, strict=True)},
            envelope=tuple(fit.name for fit in envelope),
            best=None if best is None else best.name,
            reasons={name: why for each in results for name, why in each.reasons.items()},
            exhausted=tuple(
                kind.name for kind, each in zip(kinds, results, strict=True) if each.exhausted
            ),
        ),
        settings=settings,
        interrupted=work.interrupted,
    )


class _Orders(NamedTuple):
    """What a rule makes of the orders of one family."""

    truth: int
    envelope: tuple[int, ...]
    exhausted: bool
    steps: tuple[Step, ...] = ()
    exempt: int | None = None
    """Order that needs no goodness of fit."""


class _FamilyResult(NamedTuple):
    tested: list[TestedFit]
    truth: int | None
    reasons: dict[str, str]
    exhausted: bool


def _test_family(
    work: Workbench,
    kind: Family,
    limit: int,
    *,
    rule: str,
    every: bool,
    gof_minimum: float,
    thresholds: Mapping[str, float],
) -> _FamilyResult:
    found = (_legacy if rule == "legacy" else _look_ahead)(work, kind, limit, thresholds)
    for order in work.orders(kind, limit) if every else ():
        work.fit(kind, order)
    fits = work.fits(kind)
    reasons: dict[str, str] = {}
    tested = []
    for fit in fits:
        wanted = fit.order in found.envelope
        gof = work.goodness(fit, gof_minimum, rule, precise=wanted)
        reason = _refusal(fit, fits, found, gof, gof_minimum)
        if reason:
            reasons[fit.name] = reason
        tested.append(_tested(fit, fits, found.steps, gof, accepted=not reason))
    # a family of which nothing describes the data is dropped
    described = any(each.accepted for each in tested)
    return _FamilyResult(tested, found.truth if described else None, reasons, found.exhausted)


def _look_ahead(
    work: Workbench, kind: Family, limit: int, thresholds: Mapping[str, float]
) -> _Orders:
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
    exhausted = scan.exhausted and len(kind.orders(limit)) > 1
    return _Orders(scan.truth, inside, exhausted, scan.steps)


def _legacy(work: Workbench, kind: Family, limit: int, thresholds: Mapping[str, float]) -> _Orders:
    orders = [order for order in work.orders(kind, limit) if order in legacy_orders(kind)]
    scan = legacy_scan([(order, work.fit(kind, order).nll) for order in orders], **thresholds)
    # its truth is exempt from goodness of fit: a flaw of the rule
    return _Orders(scan.truth, scan.envelope, scan.exhausted, exempt=scan.truth)


def _refusal(
    fit: BackgroundFit,
    fits: Sequence[BackgroundFit],
    found: _Orders,
    gof: GoodnessOfFit | None,
    gof_minimum: float,
) -> str:
    """Why a function is not in the envelope; empty if it is."""
    exempt = found.exempt
    twin = next(
        (low for low in fits if low.order < fit.order and low.nll - fit.nll < _SAME and low.valid),
        None,
    )
    reason = ""
    if fit.status == "empty":
        reason = "no candidate is visible"
    elif not fit.valid:
        reason = "the fit did not reach a minimum"
    elif fit.order not in found.envelope:
        reason = f"order {found.envelope[-1]} is enough"
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
