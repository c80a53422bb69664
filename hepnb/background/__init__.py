"""Background functions: families, f-test, envelope, signal plus background."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "MassSpectrum": "spectrum",
    "read_spectrum": "reading",
    "read_categories": "categories",
    "pseudo_data": "pseudodata",
    "family": "families",
    "family_names": "families",
    "register_family": "families",
    "FunctionFamily": "families",
    "fit_background": "fitting",
    "fit_signal_strength": "fitting",
    "run_ftest": "ftest",
    "scan_categories": "profiling",
    "scan_envelope": "profiling",
    "spurious_signal": "profiling",
    "study_bias": "profiling",
}
"""Name to the room that it lives in; read when it is first asked for."""

__all__ = tuple(_HOMES)


def __dir__() -> tuple[str, ...]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
