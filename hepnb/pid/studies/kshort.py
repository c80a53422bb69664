"""KS -> pi+ pi-: pions by their displaced vertex."""

from __future__ import annotations

from hepnb.pid.studies.registry import Study, register_study

__all__ = ("KS",)


def __dir__() -> tuple[str, ...]:
    return __all__


KS = register_study(
    Study(
        name="KS",
        title="KS -> pi+ pi-",
        particles=("pi",),
        mass="KS_M",
        mass_range=(0.47, 0.53),
        standard="[KS_flightSignificance > 3] and [KS_cosAlpha > 0.99]",
        reference="Belle II Systematic Corrections Framework, KS sample",
    )
)
