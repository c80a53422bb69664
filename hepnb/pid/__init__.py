"""Particle identification: mass fits, sWeights, efficiencies and weight tables (floor 2)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepnb.pid.curves.calibration import calibrate_efficiency, id_vs_misid
    from hepnb.pid.curves.distributions import compare_distributions
    from hepnb.pid.curves.roc import roc_curve
    from hepnb.pid.curves.threshold_scan import scan_thresholds
    from hepnb.pid.curves.variable_span import bin_edges
    from hepnb.pid.efficiency import EfficiencyTable, measure_efficiency
    from hepnb.pid.mass.fit import MassFit, fit_mass
    from hepnb.pid.mass.models import MassModel, mass_model_names, register_mass_model
    from hepnb.pid.mass.plots import plot_sweights
    from hepnb.pid.subtraction.cows import cow_function
    from hepnb.pid.subtraction.factorisation import control_variables, factorisation_test
    from hepnb.pid.subtraction.subtraction import subtract_background
    from hepnb.pid.subtraction.sweight_columns import choose_sweights, sweight_frame
    from hepnb.pid.tables.weight_result import WeightTable
    from hepnb.pid.uncertainty.systematics import measure_systematics
    from hepnb.pid.weight_table import data_mc_ratio, produce_data_mc_ratio

__all__ = (
    "EfficiencyTable",
    "MassFit",
    "MassModel",
    "WeightTable",
    "bin_edges",
    "calibrate_efficiency",
    "choose_sweights",
    "compare_distributions",
    "control_variables",
    "cow_function",
    "data_mc_ratio",
    "factorisation_test",
    "fit_mass",
    "id_vs_misid",
    "mass_model_names",
    "measure_efficiency",
    "measure_systematics",
    "plot_sweights",
    "produce_data_mc_ratio",
    "register_mass_model",
    "roc_curve",
    "scan_thresholds",
    "subtract_background",
    "sweight_frame",
)

# name -> module that defines it; imported when first asked for: fits alone take a second
_LAZY = {
    "EfficiencyTable": "hepnb.pid.efficiency",
    "MassFit": "hepnb.pid.mass.fit",
    "MassModel": "hepnb.pid.mass.models",
    "WeightTable": "hepnb.pid.tables.weight_result",
    "bin_edges": "hepnb.pid.curves.variable_span",
    "calibrate_efficiency": "hepnb.pid.curves.calibration",
    "choose_sweights": "hepnb.pid.subtraction.sweight_columns",
    "compare_distributions": "hepnb.pid.curves.distributions",
    "control_variables": "hepnb.pid.subtraction.factorisation",
    "cow_function": "hepnb.pid.subtraction.cows",
    "data_mc_ratio": "hepnb.pid.weight_table",
    "factorisation_test": "hepnb.pid.subtraction.factorisation",
    "fit_mass": "hepnb.pid.mass.fit",
    "id_vs_misid": "hepnb.pid.curves.calibration",
    "mass_model_names": "hepnb.pid.mass.models",
    "measure_efficiency": "hepnb.pid.efficiency",
    "measure_systematics": "hepnb.pid.uncertainty.systematics",
    "plot_sweights": "hepnb.pid.mass.plots",
    "produce_data_mc_ratio": "hepnb.pid.weight_table",
    "register_mass_model": "hepnb.pid.mass.models",
    "roc_curve": "hepnb.pid.curves.roc",
    "scan_thresholds": "hepnb.pid.curves.threshold_scan",
    "subtract_background": "hepnb.pid.subtraction.subtraction",
    "sweight_frame": "hepnb.pid.subtraction.sweight_columns",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> tuple[str, ...]:
    return __all__
