"""e+ e- -> tau+ tau-, three prongs against one: pions, for the rates at which they fake leptons."""

from __future__ import annotations

from hepnb.pid.studies.registry import Study, register_study

__all__ = ("TAU3X1",)


def __dir__() -> tuple[str, ...]:
    return __all__


TAU3X1 = register_study(
    Study(
        name="tau3x1",
        title="e+ e- -> tau+ tau-, 3 x 1 prongs",
        particles=("pi",),
        standard="[pi_dr < 2] and [-4 < pi_dz < 4] and [0.85 < thrust < 0.99]",
        selections={"lowEnergy": "[0.85 < thrust < 0.99] and [visibleEnergy < 8]"},
        features=("thrust", "visibleEnergy", "threeProngM"),
        reference="Belle II lepton identification: fake rates of pions",
    )
)
