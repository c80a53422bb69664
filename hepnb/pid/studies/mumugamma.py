"""e+ e- -> mu+ mu- gamma: muons, by the energy that is complete."""

from __future__ import annotations

from hepnb.pid.studies.registry import Study, register_study

__all__ = ("MUMUGAMMA",)


def __dir__() -> tuple[str, ...]:
    return __all__


MUMUGAMMA = register_study(
    Study(
        name="mumugamma",
        title="e+ e- -> mu+ mu- gamma",
        particles=("mu",),
        standard="[mu_dr < 2] and [-4 < mu_dz < 4] and [missingEnergy < 1] and [gamma_E > 1]",
        selections={"tagged": "[missingEnergy < 1] and [gamma_E > 1] and [muTag_muonID > 0.5]"},
        features=("missingEnergy", "gamma_E"),
        reference="Belle II lepton identification, radiative dimuons",
    )
)
