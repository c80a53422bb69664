"""J/psi -> e+ e- and mu+ mu-: a study each, since radiation makes their peaks differ."""

from __future__ import annotations

from hepnb.pid.studies.registry import Study, register_study

__all__ = (
    "JPSI_EE",
    "JPSI_MUMU",
)


def __dir__() -> tuple[str, ...]:
    return __all__


JPSI_EE = register_study(
    Study(
        name="Jpsi_ee",
        title="J/psi -> e+ e-",
        particles=("e",),
        mass="Jpsi_M",
        mass_range=(2.80, 3.30),
        mass_model="crystal_ball",
        alternative_model="crystal_ball_exponential",
        standard="[e_dr < 2] and [-4 < e_dz < 4]",
        selections={"tagged": "[e_dr < 2] and [-4 < e_dz < 4] and [eTag_electronID > 0.5]"},
        reference="Belle II lepton identification, J/psi sample",
    )
)

JPSI_MUMU = register_study(
    Study(
        name="Jpsi_mumu",
        title="J/psi -> mu+ mu-",
        particles=("mu",),
        mass="Jpsi_M",
        mass_range=(2.80, 3.30),
        mass_model="crystal_ball",
        alternative_model="crystal_ball_exponential",
        standard="[mu_dr < 2] and [-4 < mu_dz < 4]",
        selections={"tagged": "[mu_dr < 2] and [-4 < mu_dz < 4] and [muTag_muonID > 0.5]"},
        reference="Belle II lepton identification, J/psi sample",
    )
)
