"""CMS 2011 open data of the catalogue: Upsilon(1S) -> mu+ mu- and Z -> e+ e-."""

from __future__ import annotations

from hepnb.pid.studies.registry import Study, register_study

__all__ = ("UPSILON", "ZEE")


def __dir__() -> tuple[str, ...]:
    return __all__


UPSILON = register_study(
    Study(
        name="Upsilon",
        title="Upsilon(1S) -> mu+ mu-",
        particles=("mu",),
        mass="M",
        mass_model="crystal_ball",
        alternative_model="student",
        reference="CMS 2011 open data, pairs of 9.0 < M < 9.7 GeV",
    )
)

ZEE = register_study(
    Study(
        name="Zee",
        title="Z -> e+ e-",
        particles=("e",),
        mass="M",
        mass_range=(60.0, 120.0),
        mass_model="z_boson",
        alternative_model="crystal_ball_two_sided",
        reference="CMS 2011 open data",
    )
)
