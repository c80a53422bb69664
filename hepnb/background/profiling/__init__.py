"""Discrete profiling of the signal strength, and studies of its bias and coverage."""

from __future__ import annotations

from hepnb.background.profiling.bias import study_bias
from hepnb.background.profiling.bias_result import BiasStudy
from hepnb.background.profiling.categories import (
    Combination,
    CombinedEnvelope,
    minimise_exhaustively,
    minimise_iteratively,
    scan_categories,
)
from hepnb.background.profiling.corrections import Correction
from hepnb.background.profiling.envelope import Envelope, fit_members, scan_envelope
from hepnb.background.profiling.profile_result import Profile
from hepnb.background.profiling.spurious import SpuriousSignal, spurious_signal
from hepnb.background.profiling.template import read_template

__all__ = (
    "BiasStudy",
    "Combination",
    "CombinedEnvelope",
    "Correction",
    "Envelope",
    "Profile",
    "SpuriousSignal",
    "fit_members",
    "minimise_exhaustively",
    "minimise_iteratively",
    "read_template",
    "scan_categories",
    "scan_envelope",
    "spurious_signal",
    "study_bias",
)


def __dir__() -> tuple[str, ...]:
    return __all__
