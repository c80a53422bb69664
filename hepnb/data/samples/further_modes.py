"""The further calibration modes: smaller files of the samples, for every study that there is.

J/psi to two leptons has a radiative tail; the mass of K pi pi0 a steep background. In the modes
with two leptons or pions of the same kind one track is the probe, the other the tag. The last four
have no mass to fit: they are pure, and their background differs in the features.
"""

from __future__ import annotations

from hepnb.data.samples.modes import MODES, Feature, MassShape, Mode

__all__ = ("ALL_MODES", "FURTHER_MODES")


def __dir__() -> tuple[str, ...]:
    return __all__


FURTHER_MODES = {
    each.study: each
    for each in (
        Mode(
            study="Dst_Kpipi0",
            parent="D0",
            parent_mass=1.86484,
            particles=("K", "pi"),
            momentum={"data": (1.0, 4.0, 0.50), "mc": (1.0, 4.0, 0.52)},
            dr_scale=0.008,
            delta_m=True,
            signal_fraction={"data": 0.55, "mc": 0.60},
            shapes={
                "data": MassShape(1.80, 1.95, 1.8642, (0.0098, 0.021), 0.68, (0.74, 0.18, 0.08)),
                "mc": MassShape(1.80, 1.95, 1.8640, (0.0092, 0.020), 0.70, (0.72, 0.19, 0.09)),
            },
            features={"Dst_p_CMS": Feature((0.75, 0.6), (0.45, 0.7), origin=2.3)},
            # of K and pi alone: the pi0 takes the rest
            parent_masses=(0.80, 1.60),
            pi0=True,
        ),
        Mode(
            study="KS",
            parent="KS",
            parent_mass=0.497611,
            particles=("pi", "pi"),
            prefixes=("pi", "piTag"),
            momentum={"data": (0.8, 2.5, 0.60), "mc": (0.8, 2.5, 0.62)},
            dr_scale=0.8,
            delta_m=False,
            signal_fraction={"data": 0.75, "mc": 0.80},
            shapes={
                "data": MassShape(0.47, 0.53, 0.49765, (0.0022, 0.0052), 0.66, (0.37, 0.33, 0.30)),
                "mc": MassShape(0.47, 0.53, 0.49761, (0.0020, 0.0048), 0.68, (0.36, 0.34, 0.30)),
            },
            features={
                "KS_flightSignificance": Feature((30.0, 0.8), (4.0, 0.8)),
                "KS_cosAlpha": Feature((0.0005, 1.2), (0.01, 1.5), origin=1.0, sign=-1),
            },
        ),
        Mode(
            study="Jpsi_ee",
            parent="Jpsi",
            parent_mass=3.0969,
            particles=("e", "e"),
            prefixes=("e", "eTag"),
            momentum={"data": (0.3, 3.0, 0.50), "mc": (0.3, 3.0, 0.52)},
            dr_scale=0.008,
            delta_m=False,
            signal_fraction={"data": 0.60, "mc": 0.66},
            shapes={
                "data": MassShape(
                    2.80, 3.30, 3.0935, (0.0155, 0.0155), 1.0, (0.42, 0.32, 0.26), (0.70, 2.4)
                ),
                "mc": MassShape(
                    2.80, 3.30, 3.0945, (0.0140, 0.0140), 1.0, (0.40, 0.33, 0.27), (0.74, 2.4)
                ),
            },
        ),
        Mode(
            study="Jpsi_mumu",
            parent="Jpsi",
            parent_mass=3.0969,
            particles=("mu", "mu"),
            prefixes=("mu", "muTag"),
            momentum={"data": (0.3, 3.0, 0.50), "mc": (0.3, 3.0, 0.52)},
            dr_scale=0.008,
            delta_m=False,
            signal_fraction={"data": 0.68, "mc": 0.72},
            shapes={
                "data": MassShape(
                    2.80, 3.30, 3.0955, (0.0120, 0.0120), 1.0, (0.42, 0.32, 0.26), (1.45, 3.0)
                ),
                "mc": MassShape(
                    2.80, 3.30, 3.0962, (0.0110, 0.0110), 1.0, (0.40, 0.33, 0.27), (1.50, 3.0)
                ),
            },
        ),
        Mode(
            study="tau3x1",
            parent="tau",
            parent_mass=1.77693,
            particles=("pi", "pi"),
            prefixes=("pi", "piTag"),
            momentum={"data": (1.5, 2.5, 0.60), "mc": (1.5, 2.5, 0.62)},
            dr_scale=0.008,
            delta_m=False,
            signal_fraction={"data": 0.88, "mc": 0.90},
            shapes={},
            features={
                "thrust": Feature((0.08, 0.45), (0.20, 0.40), origin=1.0, sign=-1),
                "visibleEnergy": Feature((6.5, 0.18), (8.8, 0.12)),
                "threeProngM": Feature((1.10, 0.14), (1.40, 0.28)),
            },
            # of two of the three prongs
            parent_masses=(0.45, 1.20),
        ),
        Mode(
            study="mumugamma",
            parent="mumu",
            parent_mass=5.0,
            particles=("mu", "mu"),
            prefixes=("mu", "muTag"),
            momentum={"data": (0.3, 2.0, 0.80), "mc": (0.3, 2.0, 0.80)},
            dr_scale=0.008,
            delta_m=False,
            signal_fraction={"data": 0.93, "mc": 0.95},
            shapes={},
            features={
                "missingEnergy": Feature((0.15, 0.60), (0.90, 0.60)),
                "gamma_E": Feature((2.2, 0.35), (1.0, 0.45)),
            },
            parent_masses=(1.0, 8.0),
        ),
        Mode(
            study="gammagamma",
            parent="ee",
            parent_mass=2.0,
            particles=("e", "e"),
            prefixes=("e", "eTag"),
            momentum={"data": (0.2, 2.0, 0.50), "mc": (0.2, 2.0, 0.50)},
            dr_scale=0.008,
            delta_m=False,
            signal_fraction={"data": 0.90, "mc": 0.92},
            shapes={},
            features={
                "pair_pt": Feature((0.06, 0.70), (0.35, 0.60)),
                "visibleEnergy": Feature((2.8, 0.30), (4.0, 0.30)),
            },
            parent_masses=(1.0, 4.5),
        ),
        Mode(
            study="ee",
            parent="ee",
            parent_mass=6.0,
            particles=("e", "e"),
            prefixes=("e", "eTag"),
            momentum={"data": (0.3, 2.0, 0.80), "mc": (0.3, 2.0, 0.80)},
            dr_scale=0.008,
            delta_m=False,
            signal_fraction={"data": 0.97, "mc": 0.98},
            shapes={},
            features={
                "missingEnergy": Feature((0.20, 0.60), (1.10, 0.60)),
                "gamma_E": Feature((2.0, 0.40), (0.9, 0.45)),
            },
            parent_masses=(1.5, 8.5),
        ),
    )
}

ALL_MODES = MODES | FURTHER_MODES
