"""The PID response as a density over kinematics, and simulation that is given that of data.

`fit_response` fits a template of a PID variable; `ResponseCorrection` draws the variable of
simulated tracks from it, or moves what simulation has; `correct` does so for all candidates of a
sample.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepnb.pid.response.applied import CorrectedCandidates, correct
    from hepnb.pid.response.calibration import calibration_templates, templates_from_files
    from hepnb.pid.response.check import ResponseCheck, check_response
    from hepnb.pid.response.correction import ResponseCorrection
    from hepnb.pid.response.fitting import fit_response
    from hepnb.pid.response.kernel import smooth_counts
    from hepnb.pid.response.template import PidTemplate

__all__ = (
    "CorrectedCandidates",
    "PidTemplate",
    "ResponseCheck",
    "ResponseCorrection",
    "calibration_templates",
    "check_response",
    "correct",
    "fit_response",
    "smooth_counts",
    "templates_from_files",
)

# name -> module that defines it; imported when first asked for
_LAZY = {
    "CorrectedCandidates": "hepnb.pid.response.applied",
    "ResponseCorrection": "hepnb.pid.response.correction",
    "PidTemplate": "hepnb.pid.response.template",
    "ResponseCheck": "hepnb.pid.response.check",
    "calibration_templates": "hepnb.pid.response.calibration",
    "check_response": "hepnb.pid.response.check",
    "correct": "hepnb.pid.response.applied",
    "fit_response": "hepnb.pid.response.fitting",
    "smooth_counts": "hepnb.pid.response.kernel",
    "templates_from_files": "hepnb.pid.response.calibration",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> tuple[str, ...]:
    return __all__
