"""Signal plus background in one or several categories."""

from __future__ import annotations

from hepnb.background.splusb.inputs import (
    described,
    embedded_signals,
    named_functions,
    read_spectra,
    signals_of,
)
from hepnb.background.splusb.result import SPlusB
from hepnb.background.splusb.run import choose_functions, function_of, run_splusb
from hepnb.background.splusb.shared import fit_shared_strength
from hepnb.background.splusb.sidebands import window_yield

__all__ = (
    "SPlusB",
    "choose_functions",
    "described",
    "embedded_signals",
    "fit_shared_strength",
    "function_of",
    "named_functions",
    "read_spectra",
    "run_splusb",
    "signals_of",
    "window_yield",
)


def __dir__() -> tuple[str, ...]:
    return __all__
