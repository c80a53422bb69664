"""Shapes of a signal, their widths, and the weights of categories."""

from __future__ import annotations

from hepnb.background.signal.crystal_ball import DoubleSidedCrystalBall
from hepnb.background.signal.gaussians import SumOfGaussians
from hepnb.background.signal.reading import (
    SIGNAL_SHAPES,
    describe_signal,
    read_signal,
    read_signals,
)
from hepnb.background.signal.shapes import Peak, SignalShape
from hepnb.background.signal.simulation import fit_signal_shape
from hepnb.background.signal.template import TemplateSignal
from hepnb.background.signal.weighting import (
    CategoryWeights,
    category_weights,
    effective_sigma,
    narrowest_window,
    purity_weights,
)

__all__ = (
    "SIGNAL_SHAPES",
    "CategoryWeights",
    "DoubleSidedCrystalBall",
    "Peak",
    "SignalShape",
    "SumOfGaussians",
    "TemplateSignal",
    "category_weights",
    "describe_signal",
    "effective_sigma",
    "fit_signal_shape",
    "narrowest_window",
    "purity_weights",
    "read_signal",
    "read_signals",
)


def __dir__() -> tuple[str, ...]:
    return __all__
