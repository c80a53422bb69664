"""The candidates themselves: any range of any file, column by column, from the seed alone.

Candidates are made in blocks of `BLOCK`, each with a generator of its own, seeded by the file's
name and the number of the block. So a range can be asked for in any pieces, and a smaller sample
is the beginning of a larger one.

PID columns are of single precision, as large ntuples are: the least likely hypotheses of some slow
tracks are exactly 0, and so ``binaryID`` of two of them is 0/0, as it happens with real data.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hepnb.data.samples import mass_shapes
from hepnb.data.samples.features import feature_columns, pi0_columns
from hepnb.data.samples.further_modes import ALL_MODES
from hepnb.data.samples.kinematics import Pair, Tracks, background_pair, signal_pair
from hepnb.data.samples.modes import COLLECTIONS, Collection, MassShape, Mode
from hepnb.data.samples.species import HYPOTHESES
from hepnb.data.samples.track_columns import track_columns

__all__ = ("BLOCK", "Source", "candidates")

Array = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[np.generic]]

# small enough for the arrays of a block to stay in the processor's cache
BLOCK = 16_384
# what background tracks of each particle are: e, mu, pi, K, p, d
IMPURITIES = {
    "e": (0.30, 0.05, 0.55, 0.07, 0.03, 0.0),
    "mu": (0.03, 0.30, 0.58, 0.07, 0.02, 0.0),
    "K": (0.03, 0.03, 0.72, 0.18, 0.04, 0.0),
    "p": (0.02, 0.02, 0.64, 0.16, 0.15, 0.01),
    "pi": (0.03, 0.04, 0.82, 0.08, 0.03, 0.0),
}


def __dir__() -> tuple[str, ...]:
    return __all__


def candidates(
    collection: str,
    study: str,
    start: int,
    stop: int,
    *,
    seed: int = 1,
    factorising: bool = True,
) -> Columns:
    """Give candidates ``[start, stop)`` of one file of the samples, as they are written.

    Parameters
    ----------
    collection, study
        For instance "proc13" and "Dst".
    start, stop
        Range of candidates; the content of each depends on neither.
    seed
        Of the sample.
    factorising
        Whether mass and everything else are independent in the background.

    Returns
    -------
    dict of numpy.ndarray
        Columns of length ``stop - start``. Data have the truth columns too, which the
        files of data lack.
    """
    return Source(COLLECTIONS[collection], ALL_MODES[study], seed, factorising).read(start, stop)


@dataclass(frozen=True)
class Source:
    """All candidates that a file can hold.

    Attributes
    ----------
    collection, mode
        Which file.
    seed
        Of the sample.
    factorising
        As in `candidates`.
    """

    collection: Collection
    mode: Mode
    seed: int = 1
    factorising: bool = True

    @property
    def shape(self) -> MassShape:
        """Mass shape of this kind."""
        return self.mode.shapes[self.collection.kind]

    @property
    def signal_fraction(self) -> float:
        """Share of signal: low where the background is the subject."""
        return self.mode.signal_fraction[self.collection.kind] if self.factorising else 0.3

    def read(self, start: int, stop: int) -> Columns:
        """Give candidates ``[start, stop)``; see `candidates`."""
        numbers = range(start // BLOCK, max(start, stop - 1) // BLOCK + 1)
        pieces = []
        for number in numbers:
            inside = slice(max(start - number * BLOCK, 0), max(stop - number * BLOCK, 0))
            block = self.block(number)
            pieces.append({name: column[inside] for name, column in block.items()})
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    def block(self, number: int) -> Columns:
        """Make one block of `BLOCK` candidates."""
        rng = self._generator(number)
        mode, kind = self.mode, self.collection.kind
        signal = rng.random(BLOCK) < self.signal_fraction
        n_signal = int(signal.sum())
        pair = _merge(
            signal,
            signal_pair(rng, mode, kind, n_signal),
            background_pair(rng, mode, BLOCK - n_signal),
        )
        columns: Columns = {}
        mass: Array | None = None
        if mode.fittable:
            mass = np.empty(BLOCK)
            mass[signal] = mass_shapes.draw_signal(rng, self.shape, n_signal)
            mass[~signal] = self._background_mass(rng, pair.first.p[~signal])
            columns[mode.mass] = mass
        charge = np.where(rng.random(BLOCK) < 0.5, 1, -1)
        columns[f"{mode.parent}_p"] = _single(pair.parent_p)
        if mode.delta_m:
            columns["Dst_deltaM"] = _delta_m(rng, signal)
        for (prefix, particle), tracks, sign in zip(
            mode.tracks.items(), (pair.first, pair.second), (charge, -charge), strict=True
        ):
            species = self._species(rng, particle, signal, mass=mass, p=tracks.p)
            columns |= track_columns(
                rng, mode, kind, prefix=prefix, tracks=tracks, species=species, charge=sign
            )
        columns |= self._beside(number, signal)
        columns["isSignal"] = signal.astype(np.int8)
        if mass is not None:
            for name, weight in zip(("sweight", "sweight_sys"), self._weights, strict=True):
                columns[name] = weight(mass)
        return columns

    def _beside(self, number: int, signal: npt.NDArray[np.bool_]) -> Columns:
        rng = self._generator(number, 1)
        features = feature_columns(rng, self.mode, signal)
        return features | (pi0_columns(rng, self.collection.kind, signal) if self.mode.pi0 else {})

    def _generator(self, number: int, *more: int) -> np.random.Generator:
        # crc32 and not hash(): the latter differs from one process to the next
        name = zlib.crc32(f"{self.collection.name}_{self.mode.study}".encode())
        return np.random.default_rng(np.random.SeedSequence((self.seed, name, number, *more)))

    def _background_mass(self, rng: np.random.Generator, p: Array) -> Array:
        if self.factorising:
            return mass_shapes.draw_bernstein(rng, self.shape, len(p))
        return mass_shapes.draw_linear(rng, self.shape, _slope(p))

    @cached_property
    def background_density(self) -> mass_shapes.Density:
        """Density of the background's mass, whatever its momentum."""
        if self.factorising:
            return mass_shapes.background_density(self.shape)
        # seeded apart from the candidates: the same for each of them, whatever the seed
        pair = background_pair(np.random.default_rng(0), self.mode, 200_000)
        return mass_shapes.linear_density(self.shape, float(_slope(pair.first.p).mean()))

    @cached_property
    def _weights(self) -> tuple[mass_shapes.Density, mass_shapes.Density]:
        shape, background = self.shape, self.background_density
        signal = mass_shapes.signal_density(shape)
        fraction = self.signal_fraction

        def truth(m: Array) -> Array:
            return fraction * signal(m) + (1 - fraction) * background(m)

        others = mass_shapes.alternative_densities(shape, background)
        return (
            mass_shapes.signal_weight(shape, truth, signal, background),
            mass_shapes.signal_weight(shape, truth, *others),
        )

    def _species(
        self,
        rng: np.random.Generator,
        particle: str,
        signal: npt.NDArray[np.bool_],
        *,
        mass: Array | None,
        p: Array,
    ) -> npt.NDArray[np.int64]:
        """Draw what the tracks are, as indices of hypotheses."""
        true = HYPOTHESES.index(particle)
        shares = np.array(IMPURITIES[particle])
        own = np.full(len(p), shares[true])
        if mass is not None and not self.factorising and particle == self.mode.particles[0]:
            x = 2 * (mass - self.shape.low) / (self.shape.high - self.shape.low) - 1
            own = 0.35 * (1 + 0.9 * x * np.clip(1 - p / 2, -1, 1))
        others = np.where(np.arange(len(shares)) == true, 0, shares)
        u = rng.random(len(p))
        rest = np.searchsorted(
            np.cumsum(others / others.sum())[:-1], (u - own) / (1 - own), side="right"
        )
        return np.where(signal | (u < own), true, rest)


def _slope(p: Array) -> Array:
    """Slope of the background in mass, from -0.9 for the softest first track to +0.3 at 3 GeV."""
    return np.asarray(-0.9 + 1.2 * np.clip((p - 0.3) / 2.7, 0, 1))


def _delta_m(rng: np.random.Generator, signal: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """M(D*) - M(D0) in GeV: a peak of the signal on a background that rises from the threshold."""
    peak = 0.14543 + 0.0004 * rng.standard_normal(len(signal))
    rest = 0.1396 + 0.0154 * rng.random(len(signal)) ** (2 / 3)
    return _single(np.where(signal, peak, rest))


def _merge(signal: npt.NDArray[np.bool_], true: Pair, false: Pair) -> Pair:
    def blend(a: Array, b: Array) -> Array:
        both = np.empty(len(signal))
        both[signal] = a
        both[~signal] = b
        return both

    first = Tracks(*map(blend, true.first, false.first))
    second = Tracks(*map(blend, true.second, false.second))
    return Pair(first, second, blend(true.parent_p, false.parent_p))


def _single(column: Array) -> npt.NDArray[np.float32]:
    return column.astype(np.float32)
