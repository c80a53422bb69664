"""Parameters of the f-test."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field

from hepnb.errors import BadParameters, nearest
from hepnb.stages.mass_data import MassDataStage

__all__ = ("Ftest",)


def __dir__() -> tuple[str, ...]:
    return __all__


class Ftest(MassDataStage):
    """Which functions, and of which order, may describe a smooth background."""

    title: ClassVar[str] = "Choice of background functions (f-test)"
    notebook: ClassVar[str] = "background/ftest.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "ftest.json": "every function: parameters, likelihood, tests, and the choice",
            "ftest.dat": "the choice, as the table of flashggFinalFit",
            "ftest_hs3": "one HS3 document per function of the envelope",
        }
    )

    families: list[str] = Field(
        default=["bernstein", "exponential", "powerlaw", "laurent"],
        min_length=1,
        description="families of functions to try",
    )
    rule: Literal["lookahead", "legacy"] = Field(
        default="lookahead",
        description="look two orders ahead with toys, or the sequential rule of flashggFinalFit",
    )
    scan: Literal["test", "all"] = Field(
        default="test", description="fit what the test needs, or every order up to the maximum"
    )
    max_order: dict[str, int] = Field(
        default={}, description="highest order by family, instead of 7, 5, 5 and 6"
    )
    alpha: float = Field(
        default=0.05, gt=0, lt=1, description="a higher order is taken where p is below"
    )
    envelope_alpha: float = Field(
        default=0.1, gt=0, lt=1, description="the same for functions of the envelope"
    )
    gof_minimum: float = Field(
        default=0.01, ge=0, lt=1, description="least goodness-of-fit probability in the envelope"
    )
    penalty: float = Field(default=1.0, ge=0, description="c: functions compete by 2 NLL + c n_par")
    unbinned: bool | None = Field(
        default=None,
        description="fit candidates, not bins; none: up to 100,000 of them, where they are known",
    )
    toys: int = Field(
        default=200, ge=0, le=100_000, description="pseudo-experiments per test, at most"
    )
    seed: int = Field(default=1, ge=0, description="seed of the pseudo-experiments")

    @property
    def testing(self) -> dict[str, Any]:
        """Options of `hepnb.background.run_ftest`."""
        return self.model_dump(exclude=set(MassDataStage.model_fields))

    def check(self) -> None:
        """Look up the families; see also `MassDataStage.check`."""
        from hepnb.background.families import family, family_names

        super().check()
        if self.alpha > self.envelope_alpha:
            message = (
                f"alpha = {self.alpha:g}, envelope_alpha = {self.envelope_alpha:g}; "
                "0 < alpha <= envelope_alpha < 1, for instance 0.05 and 0.1"
            )
            raise BadParameters(message)
        for name in self.families:
            family(name)
        for name in self.max_order:
            if name not in family_names():
                message = f"max_order of {name!r}: no such family{nearest(name, family_names())}"
                raise BadParameters(message)
