"""D*+ -> D0(K- pi+ pi0) pi+: efficiency of the pi0, on a steep background."""

from __future__ import annotations

from hepnb.pid.studies.registry import Study, register_study

__all__ = ("DST_KPIPI0",)


def __dir__() -> tuple[str, ...]:
    return __all__


DST_KPIPI0 = register_study(
    Study(
        name="Dst_Kpipi0",
        title="D*+ -> D0(K- pi+ pi0) pi+",
        particles=("pi0", "K", "pi"),
        mass="D0_M",
        mass_range=(1.80, 1.95),
        standard=(
            "[K_dr < 2] and [pi_dr < 2] and [-4 < K_dz < 4] and [-4 < pi_dz < 4] and "
            "[Dst_p_CMS > 2.5] and [0.1439 < Dst_deltaM < 0.1469] and [1.8 < D0_M < 1.95]"
        ),
        selections={"pi0Mass": "[0.120 < pi0_M < 0.145]", "fastPi0": "[pi0_p > 1.5]"},
        reference="Belle II Systematic Corrections Framework; steep background below 1.5 GeV",
    )
)
