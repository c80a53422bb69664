"""Studies, the calibration modes: one module each, and a registry that packages may add to.

Another package adds its own through the entry point group ``hepnb.studies``: name =
module:object, where the object is a `Study`, or a module that registers some by being imported.
"""

from __future__ import annotations

from hepnb.pid.studies.cms2011 import UPSILON, ZEE
from hepnb.pid.studies.dstar import DST
from hepnb.pid.studies.dstar_kpipi0 import DST_KPIPI0
from hepnb.pid.studies.jpsi import JPSI_EE, JPSI_MUMU
from hepnb.pid.studies.kshort import KS
from hepnb.pid.studies.lambda0 import LAMBDA
from hepnb.pid.studies.mumugamma import MUMUGAMMA
from hepnb.pid.studies.registry import Study, register_study, study, study_names, study_of
from hepnb.pid.studies.tau3x1 import TAU3X1
from hepnb.pid.studies.two_leptons import EE, GAMMAGAMMA

__all__ = (
    "DST",
    "DST_KPIPI0",
    "EE",
    "GAMMAGAMMA",
    "JPSI_EE",
    "JPSI_MUMU",
    "KS",
    "LAMBDA",
    "MUMUGAMMA",
    "TAU3X1",
    "UPSILON",
    "ZEE",
    "Study",
    "register_study",
    "study",
    "study_names",
    "study_of",
)


def __dir__() -> tuple[str, ...]:
    return __all__
