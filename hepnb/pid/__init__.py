"""Particle identification: mass fits, sWeights, efficiencies and weight tables (floor 2)."""

from __future__ import annotations

from hepnb.pid.curves.calibration import calibrate_efficiency, id_vs_misid
from hepnb.pid.curves.distributions import bin_edges, compare_distributions
from hepnb.pid.curves.roc import roc_curve
from hepnb.pid.curves.threshold_scan import scan_thresholds
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


def __dir__() -> tuple[str, ...]:
    return __all__
