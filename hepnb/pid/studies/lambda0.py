"""Lambda -> p pi-: the larger momentum tells the proton from the pion."""

from __future__ import annotations

from hepnb.pid.studies.registry import Study, register_study

__all__ = ("LAMBDA",)


def __dir__() -> tuple[str, ...]:
    return __all__


ANALYSIS = (
    "[0.6 < p_p / Lambda_p < 1.0] and [Lambda_flightSignificance > 3] and "
    "[p_protonID > 0.1] and [Lambda_cosAlpha > 0.99]"
)
"""Of the analysis skim; as it asks for proton identification, not for measuring that of protons."""
HLT = "[Lambda_flightSignificance > 10] and [(p_p - pi_p) / (p_p + pi_p) > 0.41]"
"""Of the high-level trigger skim."""
TIGHT = (
    "[p_nCDCHits > 20] and [pi_nCDCHits > 20] and [p_p / Lambda_p > 0.6] and "
    "[Lambda_flightSignificance > 2]"
)
"""Good tracks; the standard, as it asks for no identification."""

LAMBDA = register_study(
    Study(
        name="Lambda",
        title="Lambda -> p pi-",
        particles=("p", "pi"),
        mass="Lambda_M",
        mass_range=(1.10, 1.13),
        standard=TIGHT,
        selections={"analysis": ANALYSIS, "hlt": HLT, "tight": TIGHT},
        reference="Belle II Systematic Corrections Framework, Lambda sample (p, pi, anti-n)",
    )
)
