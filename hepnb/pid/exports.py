"""Weight tables as files: flat CSV, correctionlib JSON and UHI JSON, and back.

==================  =====================================================  =======================
file                holds                                                  read back
==================  =====================================================  =======================
flat CSV            ratio, efficiencies, uncertainties (`flat_table`)      exactly
status CSV          beside it: everything else, one row per bin            exactly, with the CSV
correctionlib JSON  ratio with its uncertainties, and the requirement      ratio, to rounding
UHI JSON            the histograms that the table is made from, and R      exactly, all of it
==================  =====================================================  =======================

Every file is written beside its place and renamed when whole.
"""

from __future__ import annotations

from hepnb.pid.correctionlib_files import read_correctionlib, write_correctionlib
from hepnb.pid.flat_files import read_csv, write_csv, write_frame
from hepnb.pid.uhi_files import read_efficiency_uhi, read_uhi, write_efficiency_uhi, write_uhi

__all__ = (
    "read_correctionlib",
    "read_csv",
    "read_efficiency_uhi",
    "read_uhi",
    "write_correctionlib",
    "write_csv",
    "write_efficiency_uhi",
    "write_frame",
    "write_uhi",
)


def __dir__() -> tuple[str, ...]:
    return __all__
