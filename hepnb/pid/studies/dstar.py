"""D*+ -> D0(K- pi+) pi+: the charge of the slow pion tells the kaon from the pion."""

from __future__ import annotations

from hepnb.pid.studies.registry import Study, register_study

__all__ = ("DST",)


def __dir__() -> tuple[str, ...]:
    return __all__


DST = register_study(
    Study(
        name="Dst",
        title="D*+ -> D0(K- pi+) pi+",
        particles=("K", "pi"),
        mass="D0_M",
        mass_range=(1.80, 1.95),
        standard=(
            "[K_dr < 2] and [pi_dr < 2] and [-4 < K_dz < 4] and [-4 < pi_dz < 4] and "
            "[Dst_p_CMS > 2.5] and [0.1439 < Dst_deltaM < 0.1469] and [1.8 < D0_M < 1.95]"
        ),
        reference="Belle II Systematic Corrections Framework, D*+ sample; lengths in cm, GeV",
    )
)
