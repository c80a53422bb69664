"""Which functions, and of which order, may describe a spectrum."""

from __future__ import annotations

from hepnb.background.ftest.goodness import GoodnessOfFit, asymptotic_goodness
from hepnb.background.ftest.result import Choice, FTest, TestedFit
from hepnb.background.ftest.scan import FAMILIES, run_ftest

__all__ = (
    "FAMILIES",
    "Choice",
    "FTest",
    "GoodnessOfFit",
    "TestedFit",
    "asymptotic_goodness",
    "run_ftest",
)


def __dir__() -> tuple[str, ...]:
    return __all__
