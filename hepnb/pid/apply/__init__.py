"""Applying weight tables to the candidates of an analysis, with replicas for the uncertainties.

`apply_weights` looks every track up in the table of its species, says which fraction of them is in
no table and why, and gives weights, replica weights and their product, without touching the
candidates. Read `hepnb.pid.apply.factors` for what a replica is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepnb.pid.apply.applied import AppliedWeights
    from hepnb.pid.apply.calibration import calibration_tables
    from hepnb.pid.apply.closure import Closure, compare_with_data
    from hepnb.pid.apply.coverage import CAUSES, Coverage
    from hepnb.pid.apply.factors import Variation
    from hepnb.pid.apply.species_tables import tables_from_files
    from hepnb.pid.apply.weighting import apply_weights

__all__ = (
    "CAUSES",
    "AppliedWeights",
    "Closure",
    "Coverage",
    "Variation",
    "apply_weights",
    "calibration_tables",
    "compare_with_data",
    "tables_from_files",
)

# name -> module that defines it; imported when first asked for
_LAZY = {
    "AppliedWeights": "hepnb.pid.apply.applied",
    "CAUSES": "hepnb.pid.apply.coverage",
    "Closure": "hepnb.pid.apply.closure",
    "Coverage": "hepnb.pid.apply.coverage",
    "Variation": "hepnb.pid.apply.factors",
    "apply_weights": "hepnb.pid.apply.weighting",
    "calibration_tables": "hepnb.pid.apply.calibration",
    "compare_with_data": "hepnb.pid.apply.closure",
    "tables_from_files": "hepnb.pid.apply.species_tables",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> tuple[str, ...]:
    return __all__
