"""Families of background functions: positive mixtures, analytic in every bin."""

from __future__ import annotations

from hepnb.background.families.bernstein import Bernstein
from hepnb.background.families.exponential import Exponential
from hepnb.background.families.family import (
    Family,
    Shape,
    family,
    family_names,
    register_family,
)
from hepnb.background.families.laurent import Laurent
from hepnb.background.families.powerlaw import PowerLaw
from hepnb.background.families.user import FunctionFamily

__all__ = (
    "Bernstein",
    "Exponential",
    "Family",
    "FunctionFamily",
    "Laurent",
    "PowerLaw",
    "Shape",
    "family",
    "family_names",
    "register_family",
)


def __dir__() -> tuple[str, ...]:
    return __all__
