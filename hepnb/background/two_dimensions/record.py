"""The f-test in two masses as JSON: the models below are its schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

import hepnb
from hepnb.background.formats.ftest_json import (
    Finite,
    FTestRecord,
    GofRecord,
    Missing,
    Probability,
    ftest_record,
)
from hepnb.background.formats.text_file import read_json, write_json
from hepnb.background.ftest.goodness import GoodnessOfFit
from hepnb.background.two_dimensions.factorisation import Factorisation
from hepnb.background.two_dimensions.products import Factor
from hepnb.background.two_dimensions.result import FTest2D, TestedProduct

__all__ = (
    "FTest2DRecord",
    "ftest_2d_record",
    "ftest_2d_schema",
    "read_ftest_2d",
    "write_ftest_2d",
)


def __dir__() -> tuple[str, ...]:
    return __all__


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FactorRecord(_Record):
    """A function of one mass, as fitted in a product."""

    family: str
    order: int = Field(ge=1)
    params: dict[str, Missing]
    weights: tuple[Missing, ...] = Field(description="of the normalised components; sum 1")


class ProductRecord(_Record):
    """A product of two functions."""

    name: str = Field(description="such as bernstein2*exponential1")
    legacy_name: str = Field(description="such as Ber2_Exp1")
    x: FactorRecord
    y: FactorRecord
    n_par: int = Field(ge=0)
    nll: Missing = Field(
        description="-sum n ln(f g), not extended; per unit of both masses, normalised on what "
        "is visible, averaged over each bin"
    )
    total: Missing = Field(description="events on the whole plane, hidden ones included")
    total_error: Missing
    gof: GofRecord | None
    status: str
    certificate: Missing
    joint: bool = Field(description="whether both functions were fitted at once")
    accepted: bool


class FactorisationRecord(_Record):
    """Whether the two masses are independent."""

    g: Missing
    ndof: int
    g_p: Probability
    toys: int = Field(ge=0)
    mixed: Missing = Field(description="a of f g (1 + a u v), u and v from -1 to 1")
    mixed_error: Missing
    mixed_p: Probability
    p: Probability
    alpha: Finite
    status: Literal["ok", "does_not_factorise", "too_few"]
    reason: str = Field(description="in words")


class Choice2DRecord(_Record):
    """What was chosen, and why not the rest."""

    envelope: tuple[str, ...]
    best: str | None
    reasons: dict[str, str]


class FTest2DRecord(_Record):
    """One category's f-test in two masses."""

    schema_version: Literal[1] = 1
    kind: Literal["hepnb.ftest_2d"] = "hepnb.ftest_2d"
    tool_version: str
    seed: int | None
    category: str
    candidates: Finite = Field(description="visible ones")
    dropped: dict[str, int] = Field(description="candidates in no bin, by reason")
    hidden_share: Finite = Field(description="of the bins of the plane")
    settings: dict[str, Any]
    x: FTestRecord = Field(description="of the projection on x")
    y: FTestRecord = Field(description="of the projection on y")
    products: tuple[ProductRecord, ...]
    factorisation: FactorisationRecord
    choice: Choice2DRecord
    interrupted: bool = False


def ftest_2d_schema() -> dict[str, Any]:
    """Give the JSON schema of ``ftest_2d.json``."""
    return FTest2DRecord.model_json_schema()


def ftest_2d_record(ftest: FTest2D) -> FTest2DRecord:
    """Give what is written of an f-test in two masses."""
    settings = dict(ftest.settings)
    choice = ftest.choice
    return FTest2DRecord(
        tool_version=hepnb.__version__,
        seed=settings.pop("seed", None),
        category=ftest.spectrum.category,
        candidates=ftest.spectrum.total,
        dropped=dict(ftest.spectrum.dropped),
        hidden_share=float((~ftest.spectrum.visible).mean()),
        settings=settings,
        x=ftest_record(ftest.x),
        y=ftest_record(ftest.y),
        products=tuple(map(_product, ftest.products)),
        factorisation=_factorisation(ftest.factorisation),
        choice=Choice2DRecord(
            envelope=choice.envelope, best=choice.best, reasons=dict(choice.reasons)
        ),
        interrupted=ftest.interrupted,
    )


def write_ftest_2d(ftest: FTest2D, path: str | Path) -> Path:
    """Write an f-test in two masses as JSON, usually ``ftest_2d.json``."""
    return write_json(path, ftest_2d_record(ftest).model_dump(mode="json"))


def read_ftest_2d(path: str | Path) -> FTest2DRecord:
    """Read what `write_ftest_2d` wrote.

    Raises
    ------
    BadTable
        If the file is not JSON of that schema, naming the first thing that is wrong.
    """
    return read_json(path, FTest2DRecord, "2D f-test")


def _product(tested: TestedProduct) -> ProductRecord:
    fit, gof = tested.fit, tested.gof
    return ProductRecord(
        name=fit.name,
        legacy_name=fit.legacy_name,
        x=_factor(fit.x),
        y=_factor(fit.y),
        n_par=fit.n_par,
        nll=fit.nll,
        total=fit.total,
        total_error=fit.total_error,
        gof=None if gof is None else _gof(gof),
        status=fit.status,
        certificate=fit.certificate,
        joint=fit.joint,
        accepted=tested.accepted,
    )


def _factor(side: Factor) -> FactorRecord:
    return FactorRecord(
        family=side.family.name,
        order=side.order,
        params=dict(side.params),
        weights=tuple(side.weights.tolist()),
    )


def _gof(gof: GoodnessOfFit) -> GofRecord:
    return GofRecord(
        stat=gof.statistic,
        value=gof.value,
        ndof=gof.ndof,
        p=gof.p,
        p_error=gof.p_error,
        method=gof.method,
    )


def _factorisation(found: Factorisation) -> FactorisationRecord:
    names = ("g", "ndof", "g_p", "mixed", "mixed_error", "mixed_p", "p", "alpha", "status")
    values = {name: getattr(found, name) for name in names}
    return FactorisationRecord(**values, toys=len(found.toys), reason=found.summary())
