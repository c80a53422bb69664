"""The f-test and its envelope as files of every kind in use, and back."""

from __future__ import annotations

from hepnb.background.formats.dat import LegacyChoice, legacy_choice, read_dat, write_dat
from hepnb.background.formats.ftest_json import FTestRecord, ftest_schema, read_ftest, write_ftest
from hepnb.background.formats.hs3 import hs3_documents, write_hs3
from hepnb.background.formats.multipdf import write_multipdf
from hepnb.background.formats.pyhf_templates import pyhf_workspace, write_pyhf

__all__ = (
    "FTestRecord",
    "LegacyChoice",
    "ftest_schema",
    "hs3_documents",
    "legacy_choice",
    "pyhf_workspace",
    "read_dat",
    "read_ftest",
    "write_dat",
    "write_ftest",
    "write_hs3",
    "write_multipdf",
    "write_pyhf",
)


def __dir__() -> tuple[str, ...]:
    return __all__
