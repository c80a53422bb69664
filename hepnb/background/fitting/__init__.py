"""Fits of background functions that find the minimum and certify it."""

from __future__ import annotations

from hepnb.background.fitting.fit import fit_background
from hepnb.background.fitting.result import BackgroundFit
from hepnb.background.fitting.signal_fit import SignalFit, fit_signal_strength

__all__ = ("BackgroundFit", "SignalFit", "fit_background", "fit_signal_strength")


def __dir__() -> tuple[str, ...]:
    return __all__
