"""Figures of background functions and of signal on them, in the house style."""

from __future__ import annotations

from hepnb.background.plots.bands import toy_bands
from hepnb.background.plots.functions import plot_envelope, plot_functions, plot_truths
from hepnb.background.plots.goodness import plot_goodness_of_fit
from hepnb.background.plots.profile import plot_profile
from hepnb.background.plots.shapes import plot_signal_shapes
from hepnb.background.plots.signal import CategoryFit, plot_category, plot_weighted_sum
from hepnb.background.plots.table import p_value_table, plot_p_value_table

__all__ = (
    "CategoryFit",
    "p_value_table",
    "plot_category",
    "plot_envelope",
    "plot_functions",
    "plot_goodness_of_fit",
    "plot_p_value_table",
    "plot_profile",
    "plot_signal_shapes",
    "plot_truths",
    "plot_weighted_sum",
    "toy_bands",
)


def __dir__() -> tuple[str, ...]:
    return __all__
