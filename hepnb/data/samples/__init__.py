"""Calibration samples with known truth: D*+ -> D0(K pi) pi, Lambda -> p pi and further modes.

Every stage has something to work on from the first minute, and every measurement can be compared
with the truth. `ensure` gives the embedded default, `make` writes any other, `candidates` gives a
range of a file without writing it, `true_efficiency` is what a measurement should find, and
`catalogue_entries` tells the catalogue what there is.
"""

from __future__ import annotations

from hepnb.data.samples.candidates import candidates
from hepnb.data.samples.listing import catalogue_entries
from hepnb.data.samples.truth import true_efficiency
from hepnb.data.samples.writing import ensure, make

__all__ = ("candidates", "catalogue_entries", "ensure", "make", "true_efficiency")


def __dir__() -> tuple[str, ...]:
    return __all__
