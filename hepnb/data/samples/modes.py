"""What is generated: the main calibration decays, their mass shapes and the collections they fill.

The other calibration modes are in `hepnb.data.samples.further_modes`; all are `Mode`.

Nothing here is measured: the values are of the size met at Belle II, chosen once, and written into
``truth.json`` with each sample. Bump `VERSION` with any change of what is generated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hepnb.data.samples.species import HYPOTHESES

__all__ = (
    "COLLECTIONS",
    "MODES",
    "STANDARD_BINNING",
    "STANDARD_CUTS",
    "VERSION",
    "Collection",
    "Feature",
    "MassShape",
    "Mode",
)

VERSION = 2


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
    tail
        If given, the signal is a Crystal Ball function instead: ``alpha, n`` of the power law that
        continues the Gaussian of the core's width below ``mean - alpha * width``.
    """

    low: float
    high: float
    mean: float
    widths: tuple[float, float]
    core_fraction: float
    background: tuple[float, float, float]
    tail: tuple[float, float] | None = None


@dataclass(frozen=True)
class Feature:
    """A variable of the whole candidate: ``origin + sign * median * exp(spread * z)``, z normal.

    It depends neither on the mass nor on the tracks.

    Attributes
    ----------
    signal, background
        Median and spread.
    origin, sign
        Where it begins, and in which direction it goes.
    """

    signal: tuple[float, float]
    background: tuple[float, float]
    origin: float = 0.0
    sign: int = 1


@dataclass(frozen=True)
class Mode:
    """A calibration decay: one parent, two tracks that are known without their PID.

    Attributes
    ----------
    study
        Name of the study and of the tree.
    parent, parent_mass
        Name of the decaying particle, and its nominal mass in GeV.
    particles
        What the two tracks are; the first one carries the charge that is drawn.
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
        Densities of the mass, for "data" and "mc"; empty where no mass can be fitted.
    prefixes
        Beginnings of the names of the tracks' columns, by default the particles; a prefix that is
        no particle, such as "piTag", is of a track that only tags the other one.
    features
        Variables of the candidate, by name.
    parent_masses
        If given, the parent of the two tracks has a mass between these, not `parent_mass`.
    pi0
        Whether a pi0 belongs to the candidate.
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
    prefixes: tuple[str, str] | None = None
    features: Mapping[str, Feature] = field(default_factory=dict)
    parent_masses: tuple[float, float] | None = None
    pi0: bool = False

    @property
    def mass(self) -> str:
        """Name of the mass column."""
        return f"{self.parent}_M"

    @property
    def fittable(self) -> bool:
        """Whether there is a mass to fit, and so sWeights."""
        return bool(self.shapes)

    @property
    def tracks(self) -> dict[str, str]:
        """Prefix of each track's columns to what it is."""
        return dict(zip(self.prefixes or self.particles, self.particles, strict=True))

    @property
    def probes(self) -> tuple[str, ...]:
        """Particles that can be studied; their names are the prefixes of their columns."""
        found = [prefix for prefix in self.tracks if prefix in HYPOTHESES]
        return (*found, "pi0") if self.pi0 else tuple(found)


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
        features={"Dst_p_CMS": Feature((0.75, 0.6), (0.45, 0.7), origin=2.3)},
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
        features={
            "Lambda_flightSignificance": Feature((30.0, 0.8), (4.0, 0.8)),
            "Lambda_cosAlpha": Feature((0.0005, 1.2), (0.01, 1.5), origin=1.0, sign=-1),
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
