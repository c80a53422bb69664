"""Electrons from two photons, e+ e- -> (e+ e-) e+ e-, and from e+ e- -> e+ e- (gamma)."""

from __future__ import annotations

from hepnb.pid.studies.registry import Study, register_study

__all__ = (
    "EE",
    "GAMMAGAMMA",
)


def __dir__() -> tuple[str, ...]:
    return __all__


GAMMAGAMMA = register_study(
    Study(
        name="gammagamma",
        title="e+ e- -> (e+ e-) e+ e- by two photons",
        particles=("e",),
        standard="[e_dr < 2] and [-4 < e_dz < 4] and [pair_pt < 0.3] and [visibleEnergy < 5]",
        selections={"tagged": "[pair_pt < 0.3] and [eTag_electronID > 0.5]"},
        features=("pair_pt", "visibleEnergy"),
        reference="Belle II lepton identification, two-photon sample",
    )
)

EE = register_study(
    Study(
        name="ee",
        title="e+ e- -> e+ e- (gamma)",
        particles=("e",),
        standard="[e_dr < 2] and [-4 < e_dz < 4] and [missingEnergy < 1.2] and [gamma_E > 0.8]",
        selections={"tagged": "[missingEnergy < 1.2] and [eTag_electronID > 0.5]"},
        features=("missingEnergy", "gamma_E"),
        reference="Belle II lepton identification, Bhabha sample",
    )
)
