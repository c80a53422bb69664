"""The charged species of the samples: masses, PDG codes and names of their PID columns."""

from __future__ import annotations

__all__ = ("HYPOTHESES", "ID_COLUMNS", "MASSES", "PDG")

HYPOTHESES = ("e", "mu", "pi", "K", "p", "d")

# GeV, Particle Data Group 2024; the deuteron has 2013.55 u
MASSES = {
    "e": 0.000511,
    "mu": 0.105658,
    "pi": 0.139570,
    "K": 0.493677,
    "p": 0.938272,
    "d": 1.875613,
}

# code of the POSITIVELY charged state; leptons are numbered the other way round
PDG = {"e": -11, "mu": -13, "pi": 211, "K": 321, "p": 2212, "d": 1000010020}

ID_COLUMNS = {
    "e": "electronID",
    "mu": "muonID",
    "pi": "pionID",
    "K": "kaonID",
    "p": "protonID",
    "d": "deuteronID",
}


def __dir__() -> tuple[str, ...]:
    return __all__
