"""Weight tables as files, and back.

==================  =====================================================  =======================
file                holds                                                  read back
==================  =====================================================  =======================
flat CSV            ratio, efficiencies, uncertainties (`flat_table`)      exactly
status CSV          beside it: everything else, one row per bin            exactly, with the CSV
correctionlib JSON  ratio with its uncertainties, and the requirement      ratio, to rounding
UHI JSON            the histograms that the table is made from, and R      exactly, all of it
SysVar long CSV     ratio, one length per kind of uncertainty (3 axes)     to the longer error bar
payload JSON        as flat CSV, with species and an out-of-range entry    exactly
pidcalib UHI JSON   passing and total of several requirements             efficiencies, exactly
==================  =====================================================  =======================

Every file is written beside its place and renamed when whole. `read_tables` reads any of them
but the last, and the older variants of the CSV (`legacy_rows`); `TableFile.select` takes
one requirement of those that a file holds.
"""

from __future__ import annotations

from hepnb.pid.formats.correctionlib_files import read_correctionlib, write_correctionlib
from hepnb.pid.formats.flat_files import read_csv, write_csv, write_frame
from hepnb.pid.formats.pidcalib_files import read_pidcalib, write_pidcalib
from hepnb.pid.formats.sysvar_files import read_sysvar, write_sysvar
from hepnb.pid.formats.table_files import TableFile, read_tables
from hepnb.pid.formats.uhi_files import (
    read_efficiency_uhi,
    read_uhi,
    write_efficiency_uhi,
    write_uhi,
)
from hepnb.pid.formats.weighting_payload import read_payload, write_payload

__all__ = (
    "TableFile",
    "read_correctionlib",
    "read_csv",
    "read_efficiency_uhi",
    "read_payload",
    "read_pidcalib",
    "read_sysvar",
    "read_tables",
    "read_uhi",
    "write_correctionlib",
    "write_csv",
    "write_efficiency_uhi",
    "write_frame",
    "write_payload",
    "write_pidcalib",
    "write_sysvar",
    "write_uhi",
)


def __dir__() -> tuple[str, ...]:
    return __all__
