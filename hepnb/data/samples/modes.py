"""What is generated: the calibration decays, their mass shapes and the collections they fill.

Nothing here is measured: the values are of the size met at Belle II, chosen once, and written into
``truth.json`` with each sample. Bump `VERSION` with any change of what is generated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = (
    "COLLECTIONS",
    "MODES",
    "STANDARD_BINNING",
    "STANDARD_CUTS",
    "VERSION",
    "Collection",
    "MassShape",
    "Mode",
)

VERSION = 1


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class MassShape:
    """Two Gaussians with a common mean, cut off at the range, on a Bernstein polynomial.

    Attributes
    ----------
    low, high
        Range of the mass in GeV.
    mean
        Mean of both Gaussians in GeV.
    widths
        Standard deviations of the core and of the wide Gaussian in GeV.
    core_fraction
        Share of the core in the signal.
    background
        Shares of the three Bernstein polynomials of degree 2, each normalised; their sum is 1.
        The same functions as a Chebychev series of order 2, but never negative.
    """

    low: float
    high: float
    mean: float
    widths: tuple[float, float]
    core_fraction: float
    background: tuple[float, float, float]


@dataclass(frozen=True)
class Mode:
    """A calibration decay: one parent, two particles that are known without their PID.

    Attributes
    ----------
    study
        Name of the study and of the tree.
    parent, parent_mass
        Name of the decaying particle, and its nominal mass in GeV.
    particles
        The two daughters; the first one carries the charge that is drawn.
    momentum
        Least momentum, shape and scale of the gamma distribution of the parent's momentum in GeV,
        for "data" and "mc".
    dr_scale
        Median distance of the tracks from the beam line in cm.
    delta_m
        Whether the column ``Dst_deltaM`` exists.
    signal_fraction
        Share of signal among the candidates, for "data" and "mc".
    shapes
        Densities of the mass, for "data" and "mc".
    """

    study: str
    parent: str
    parent_mass: float
    particles: tuple[str, str]
    momentum: Mapping[str, tuple[float, float, float]]
    dr_scale: float
    delta_m: bool
    signal_fraction: Mapping[str, float]
    shapes: Mapping[str, MassShape]

    @property
    def mass(self) -> str:
        """Name of the mass column."""
        return f"{self.parent}_M"


@dataclass(frozen=True)
class Collection:
    """One file per study.

    Attributes
    ----------
    name, kind
        Name, and "data" or "mc".
    share
        Part of the events of its kind.
    luminosity
        In 1/fb, as it stands in the catalogue; of no consequence for the events.
    """

    name: str
    kind: str
    share: float
    luminosity: float


MODES = {
    "Dst": Mode(
        study="Dst",
        parent="D0",
        parent_mass=1.86484,
        particles=("K", "pi"),
        momentum={"data": (1.0, 4.0, 0.50), "mc": (1.0, 4.0, 0.52)},
        dr_scale=0.008,
        delta_m=True,
        signal_fraction={"data": 0.70, "mc": 0.75},
        shapes={
            "data": MassShape(1.80, 1.95, 1.8650, (0.0054, 0.0105), 0.70, (0.45, 0.30, 0.25)),
            "mc": MassShape(1.80, 1.95, 1.8647, (0.0050, 0.0100), 0.72, (0.43, 0.31, 0.26)),
        },
    ),
    "Lambda": Mode(
        study="Lambda",
        parent="Lambda",
        parent_mass=1.115683,
        particles=("p", "pi"),
        momentum={"data": (1.2, 3.0, 0.60), "mc": (1.2, 3.0, 0.62)},
        dr_scale=0.3,
        delta_m=False,
        signal_fraction={"data": 0.72, "mc": 0.77},
        shapes={
            "data": MassShape(1.10, 1.13, 1.11572, (0.00095, 0.0023), 0.68, (0.28, 0.36, 0.36)),
            "mc": MassShape(1.10, 1.13, 1.11568, (0.00088, 0.0021), 0.70, (0.30, 0.34, 0.36)),
        },
    ),
}

COLLECTIONS = {
    each.name: each
    for each in (
        Collection("proc13", "data", 0.6, 120.0),
        Collection("prompt", "data", 0.4, 80.0),
        Collection("MC15rd_proc13", "mc", 0.6, 120.0),
        Collection("MC15rd_prompt", "mc", 0.4, 80.0),
    )
}

STANDARD_BINNING: dict[str, tuple[float, ...]] = {
    "p": (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.5),
    "cosTheta": (-0.866, -0.682, -0.4226, -0.1045, 0.225, 0.5, 0.766, 0.8829, 0.9563),
    "charge": (-2.0, 0.0, 2.0),
}

STANDARD_CUTS = (
    "binaryID(K, pi) > 0.5",
    "kaonID > 0.6",
    "binaryID(p, pi) > 0.5",
    "protonID > 0.6",
)
