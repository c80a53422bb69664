"""The f-test as JSON: the models below are its schema.

Numbers that JSON does not have (NaN, infinities) are ``null``, and only there where the model says
that a number may be missing.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

import hepnb
from hepnb.background.formats.text_file import read_json, write_json
from hepnb.background.ftest.goodness import GoodnessOfFit
from hepnb.background.ftest.result import FTest, TestedFit
from hepnb.background.spectrum import MassSpectrum

__all__ = (
    "ChoiceRecord",
    "Counts",
    "FTestRecord",
    "FitRecord",
    "GofRecord",
    "Observable",
    "ftest_record",
    "ftest_schema",
    "read_ftest",
    "write_ftest",
)


def __dir__() -> tuple[str, ...]:
    return __all__


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> Any:
    """Numbers and arrays of numpy as Python's, for the settings, whose kinds are open."""
    if isinstance(value, dict):
        return {str(key): _number(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_number(each) for each in value]
    return _finite(value.tolist() if hasattr(value, "tolist") else value)


Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Missing = Annotated[Finite | None, BeforeValidator(_finite)]
Probability = Annotated[Share | None, BeforeValidator(_finite)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Observable(_Record):
    """The mass and its bins."""

    name: str
    lo: Finite
    hi: Finite
    bins: int = Field(ge=1, description="number of bins in [lo, hi], hidden ones included")
    unit: str
    blind: tuple[tuple[Finite, Finite], ...] = Field(
        description="hidden windows (lo, hi); what they hold was never read"
    )
    edges: tuple[Finite, ...] | None = Field(
        None, description="edges of the bins where they are not all equally wide"
    )


class Counts(_Record):
    """How many candidates there are; sums of weights where they have weights."""

    total: Missing = Field(description="in [lo, hi]; null where a window of it is hidden")
    sideband: Finite = Field(description="in the bins that may be seen")
    dropped: dict[str, int] = Field(description="candidates in no bin, by reason")


class GofRecord(_Record):
    """Goodness of fit of one function."""

    stat: str = Field(description="which statistic, such as deviance or pearson")
    value: Missing = Field(description="of the statistic")
    ndof: Missing = Field(description="degrees of freedom; null where toys need none")
    p: Probability
    p_error: Missing = Field(None, description="binomial uncertainty of p; 0 where computed")
    method: str = Field(description="where p is from, such as asymptotic or toys")


class FitRecord(_Record):
    """One function, fitted and tested against the lower orders of its family."""

    family: str = Field(description="bernstein, exponential, powerlaw, laurent or a user's own")
    order: int = Field(ge=1)
    n_par: int = Field(ge=0, description="free shape parameters, normalisation not counted")
    params: dict[str, Missing]
    weights: tuple[Missing, ...] = Field(description="of the normalised components; sum 1")
    nll: Missing = Field(
        description="-sum n ln f, not extended; f per unit of mass, normalised on the bins that "
        "may be seen, averaged over each bin unless the fit was unbinned"
    )
    q: Missing = Field(description="twice the gain over the next lower order")
    dof: int | None = Field(description="parameters more than that one has")
    p_asym: Probability = Field(description="of q, by Wilks' theorem")
    p_toy: Probability = Field(description="of q, by toys")
    p_toy_err: Missing = Field(description="binomial uncertainty of p_toy")
    n_toys: int = Field(0, ge=0, description="toys behind p_toy")
    gof: GofRecord | None
    status: str = Field(description="ok, at_bound, failed or empty")
    at_bound: tuple[str, ...] = Field(description="what sits at a bound")
    certificate: Missing = Field(None, description="how well the minimum is known")
    tries: int | None = Field(None, description="starting points followed")
    accepted: bool = Field(description="whether it is in the envelope")


class ChoiceRecord(_Record):
    """What the test chose, and why not the rest."""

    truth: dict[str, int | None] = Field(description="order per family; null: none fits")
    envelope: tuple[str, ...] = Field(description="functions of the envelope, as family + order")
    best: str | None = Field(description="the one of least 2 NLL + c n_par")
    exhausted: tuple[str, ...] = Field(
        (), description="families whose highest order was still better than the one below"
    )
    reasons: dict[str, str] = Field(description="why a function is not in the envelope")


class FTestRecord(_Record):
    """One category's f-test."""

    schema_version: Literal[1] = 1
    kind: Literal["hepnb.ftest"] = "hepnb.ftest"
    tool_version: str = Field(description="version of hepnb")
    seed: int | None = Field(description="of the toys")
    observable: Observable
    category: str
    counts: Counts
    settings: dict[str, Any]
    fits: tuple[FitRecord, ...]
    choice: ChoiceRecord
    interrupted: bool = Field(False, description="the toys were stopped before their end")


def ftest_schema() -> dict[str, Any]:
    """Give the JSON schema of ``ftest.json``."""
    return FTestRecord.model_json_schema()


def ftest_record(ftest: FTest) -> FTestRecord:
    """Give what is written of an f-test."""
    settings = _number(dict(ftest.settings))
    choice = ftest.choice
    return FTestRecord(
        tool_version=hepnb.__version__,
        seed=settings.pop("seed", None),
        observable=_observable(ftest.spectrum),
        category=ftest.spectrum.category,
        counts=_counts(ftest.spectrum),
        settings=settings,
        fits=tuple(map(_fit, ftest.fits)),
        choice=ChoiceRecord(
            truth=dict(choice.truth),
            envelope=tuple(choice.envelope),
            best=choice.best,
            exhausted=choice.exhausted,
            reasons=dict(choice.reasons),
        ),
        interrupted=ftest.interrupted,
    )


def write_ftest(ftest: FTest, path: str | Path) -> Path:
    """Write an f-test as JSON, usually ``ftest.json``.

    Returns
    -------
    Path
        The file, written beside its place and renamed when whole.
    """
    return write_json(path, ftest_record(ftest).model_dump(mode="json"))


def read_ftest(path: str | Path) -> FTestRecord:
    """Read what `write_ftest` wrote.

    Raises
    ------
    BadTable
        If the file is not JSON of that schema, naming the first thing that is wrong.
    """
    return read_json(path, FTestRecord, "f-test")


def _observable(spectrum: MassSpectrum) -> Observable:
    widths = spectrum.widths
    even = bool(abs(widths - widths.mean()).max() < 1e-9 * widths.mean())
    return Observable(
        name=spectrum.variable,
        lo=spectrum.lo,
        hi=spectrum.hi,
        bins=len(widths),
        unit=spectrum.unit,
        blind=spectrum.blind,
        edges=None if even else tuple(spectrum.edges.tolist()),
    )


def _counts(spectrum: MassSpectrum) -> Counts:
    total = None if spectrum.blind else spectrum.total
    return Counts(total=total, sideband=spectrum.total, dropped=dict(spectrum.dropped))


def _fit(tested: TestedFit) -> FitRecord:
    fit, gof = tested.fit, tested.gof
    return FitRecord(
        family=fit.family.name,
        order=fit.order,
        n_par=fit.n_par,
        params=_number(dict(fit.params)),
        weights=tuple(_number(fit.weights)),
        nll=fit.nll,
        q=_number(tested.q),
        dof=_whole(tested.dof),
        p_asym=_number(tested.p_asym),
        p_toy=_number(tested.p_toy),
        p_toy_err=_number(tested.p_toy_err),
        n_toys=tested.n_toys,
        gof=None if gof is None else _gof(gof),
        status=fit.status,
        at_bound=tuple(fit.at_bound),
        certificate=fit.certificate,
        tries=fit.tries,
        accepted=tested.accepted,
    )


def _gof(gof: GoodnessOfFit) -> GofRecord:
    return GofRecord(
        stat=gof.statistic,
        value=_number(gof.value),
        ndof=_number(gof.ndof),
        p=_number(gof.p),
        p_error=_number(gof.p_error),
        method=gof.method,
    )


def _whole(value: float | None) -> int | None:
    return int(value) if value is not None and math.isfinite(value) and value > 0 else None
