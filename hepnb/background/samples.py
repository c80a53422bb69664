"""Embedded samples of the background stages: H -> gamma gamma-like categories, and m_gg x m_jj.

The backgrounds fall as no single family of functions does, and differ between categories; the
truth is known, so that choices and yields can be compared with it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hepnb.data.samples.writing import cache_folder, whole_or_not
from hepnb.errors import BadParameters, OutputNotWritable, nearest

__all__ = (
    "CATEGORIES",
    "DEFAULT_CATEGORY",
    "FILES",
    "HggCategory",
    "embedded",
    "hgg_masses",
    "mgg_mjj",
    "write_samples",
)

log = logging.getLogger(__name__)

VERSION = 1
"""Of the generator; a change of what it gives needs a new number."""
LO, HI = 100.0, 180.0
"""Range of m_gg, GeV."""
MJJ_LO, MJJ_HI = 70.0, 190.0
"""Range of m_jj, GeV."""
PEAK = 125.0
"""Mass of the signal, GeV."""
FILES: Mapping[str, str] = MappingProxyType(
    {
        "hgg.root": "m_gg of data, one tree per category: Data_13TeV_<category> with mass",
        "hgg_signal.root": "simulated signal, one tree per category with mass and weight",
        "hgg_background.root": "simulated background, likewise, with unequal weights",
        "hhbbgg.parquet": "m_gg (mass) and m_jj (mjj) of data",
    }
)
"""Name to content of the embedded files."""

Floats = npt.NDArray[np.float64]


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class HggCategory:
    """A category of the sample.

    Attributes
    ----------
    background, signal
        Expected events on [100, 180) GeV; the signal at strength 1.
    resolution
        Width of the signal's core, GeV.
    shares
        Parts of the background: exp(-0.06 m), m^-4, exp(-0.008 m).
    """

    background: float
    signal: float
    resolution: float
    shares: tuple[float, float, float]


CATEGORIES: Mapping[str, HggCategory] = MappingProxyType(
    {
        "UntaggedTag_0": HggCategory(2_500, 60, 1.2, (0.50, 0.30, 0.20)),
        "UntaggedTag_1": HggCategory(10_000, 110, 1.6, (0.60, 0.25, 0.15)),
        "UntaggedTag_2": HggCategory(30_000, 160, 2.2, (0.70, 0.20, 0.10)),
        "VBFTag_0": HggCategory(250, 14, 1.4, (0.40, 0.30, 0.30)),
    }
)
"""Categories of ``hgg.root``, from about 250 to 30,000 candidates."""
DEFAULT_CATEGORY = "UntaggedTag_1"
"""What is read where no category is named."""

_SLOPES = (-0.06, None, -0.008)
_POWER = -4.0
# kinds of random streams, so that what one draws changes nothing in another
_DATA, _SIGNAL, _BACKGROUND, _PAIR = range(4)
_SIMULATED = 20_000


def hgg_masses(category: str, *, seed: int = 1, strength: float = 1.0) -> Floats:
    """Masses of the data of a category, shape (N,), in GeV.

    Parameters
    ----------
    category
        One of `CATEGORIES`.
    seed
        Of the random numbers; the background does not depend on the strength.
    strength
        Multiple of the expected signal, from 0.

    Raises
    ------
    BadParameters
        There is no such category, or a number is negative.
    """
    if category not in CATEGORIES:
        raise BadParameters(
            f"category {category!r} is not of the sample; it has {', '.join(CATEGORIES)}"
            + nearest(category, CATEGORIES)
        )
    if seed < 0 or not strength >= 0:
        raise BadParameters(f"seed = {seed}, strength = {strength:g}; give numbers from 0")
    one = CATEGORIES[category]
    rng = _stream(seed, _DATA, category)
    background = _falling(rng.poisson(one.background), one.shares, rng)
    signal = _peak(rng.poisson(strength * one.signal), PEAK, one.resolution, rng)
    return rng.permutation(np.concatenate([background, signal[(signal >= LO) & (signal < HI)]]))


def mgg_mjj(
    *, seed: int = 1, background: float = 3000.0, signal: float = 12.0, correlation: float = 0.0
) -> dict[str, Floats]:
    """m_gg (``mass``) and m_jj (``mjj``) of HH -> bb gamma gamma-like candidates, shape (N,) each.

    Parameters
    ----------
    seed
        Of the random numbers.
    background, signal
        Expected events on [100, 180) x [70, 190) GeV.
    correlation
        0: the background's density factorises. Up to 1: the slope of m_jj grows with m_gg.
    """
    if seed < 0 or background < 0 or signal < 0 or not 0 <= correlation <= 1:
        raise BadParameters(
            f"seed = {seed}, background = {background:g}, signal = {signal:g}, correlation = "
            f"{correlation:g}; give numbers from 0, and a correlation of at most 1"
        )
    rng = _stream(seed, _PAIR, "")
    number = rng.poisson(background)
    mgg = _falling(number, (0.6, 0.25, 0.15), rng)
    slope = -0.012 * (1 + correlation * (mgg - PEAK) / 50)
    mjj = _exponential(number, slope, MJJ_LO, MJJ_HI, rng)
    peak = rng.poisson(signal)
    columns = {
        "mass": np.concatenate([mgg, _peak(peak, PEAK, 1.6, rng)]),
        "mjj": np.concatenate([mjj, _peak(peak, 118.0, 12.0, rng)]),
    }
    inside = (columns["mass"] >= LO) & (columns["mass"] < HI)
    inside &= (columns["mjj"] >= MJJ_LO) & (columns["mjj"] < MJJ_HI)
    order = rng.permutation(np.flatnonzero(inside))
    return {name: column[order] for name, column in columns.items()}


def embedded(name: str = "hgg.root") -> Path:
    """Give the path of an embedded file, making all of them on first use.

    They lie in ``$HEPNB_CACHE``, or in the user's cache folder.

    Parameters
    ----------
    name
        One of `FILES`.

    Raises
    ------
    BadParameters
        There is no such file.
    OutputNotWritable
        The cache cannot be written.
    """
    if name not in FILES:
        raise BadParameters(
            f"{name!r} is no embedded file; there are {', '.join(FILES)}{nearest(name, FILES)}"
        )
    folder = cache_folder() / "background" / f"v{VERSION}-1"
    if not folder.is_dir():
        try:
            write_samples(folder)
        except OutputNotWritable:
            # another process may have finished first; a folder that is there is whole
            if not folder.is_dir():
                raise
        log.info("Made the embedded background samples in %s", folder)
    return folder / name


def write_samples(out: Path | str, *, seed: int = 1, strength: float = 1.0) -> Path:
    """Write the files of `FILES` into a new folder, which appears when all of them are there.

    Raises
    ------
    BadParameters
        A number is negative.
    OutputNotWritable
        The folder holds something already, or cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet

    data = {
        f"Data_13TeV_{name}": {"mass": hgg_masses(name, seed=seed, strength=strength)}
        for name in CATEGORIES
    }
    with whole_or_not(Path(out)) as folder:
        _write_trees(folder / "hgg.root", data)
        _write_trees(
            folder / "hgg_signal.root",
            {name: _simulated(name, seed, _SIGNAL) for name in CATEGORIES},
        )
        _write_trees(
            folder / "hgg_background.root",
            {name: _simulated(name, seed, _BACKGROUND) for name in CATEGORIES},
        )
        pa.parquet.write_table(pa.table(mgg_mjj(seed=seed)), folder / "hhbbgg.parquet")
    return Path(out)


def _stream(seed: int, kind: int, category: str) -> np.random.Generator:
    number = list(CATEGORIES).index(category) if category else 0
    return np.random.default_rng([seed, kind, number])


def _simulated(category: str, seed: int, kind: int) -> dict[str, Floats]:
    """Masses and weights of simulation; the weights sum to what is expected, on average."""
    one = CATEGORIES[category]
    rng = _stream(seed, kind, category)
    if kind == _SIGNAL:
        masses = _peak(_SIMULATED, PEAK, one.resolution, rng)
        expected = one.signal
    else:
        masses = _falling(_SIMULATED, one.shares, rng)
        expected = one.background
    # as of a generator's events, corrected: unequal, mean 1
    weights = rng.gamma(10.0, 0.1, _SIMULATED)
    return {"mass": masses, "weight": expected / _SIMULATED * weights}


def _write_trees(path: Path, trees: Mapping[str, Mapping[str, Floats]]) -> None:
    import uproot

    with uproot.recreate(path, compression=uproot.LZ4(1)) as file:
        for name, columns in trees.items():
            # assigning to file[...] would write an RNTuple, which real ntuples are not
            tree = file.mktree(name, {each: column.dtype for each, column in columns.items()})
            tree.extend(dict(columns))


def _falling(number: int, shares: tuple[float, ...], rng: np.random.Generator) -> Floats:
    """Masses of the background on [LO, HI), by inversion of each part's integral."""
    part = rng.choice(len(shares), size=number, p=shares)
    masses = np.empty(number)
    for which, slope in enumerate(_SLOPES):
        chosen = part == which
        count = int(chosen.sum())
        if slope is None:
            low, high = LO ** (_POWER + 1), HI ** (_POWER + 1)
            masses[chosen] = (low + rng.random(count) * (high - low)) ** (1 / (_POWER + 1))
        else:
            masses[chosen] = _exponential(count, slope, LO, HI, rng)
    return np.clip(masses, LO, np.nextafter(HI, 0))


def _exponential(
    number: int, slope: float | Floats, lo: float, hi: float, rng: np.random.Generator
) -> Floats:
    """Draw from exp(slope m) on [lo, hi)."""
    return np.asarray(lo + np.log1p(rng.random(number) * np.expm1(slope * (hi - lo))) / slope)


def _peak(number: int, at: float, width: float, rng: np.random.Generator) -> Floats:
    """Draw from a Gaussian with a sixth in a wider one, a little below."""
    wide = rng.random(number) < 1 / 6
    return np.asarray(
        rng.normal(np.where(wide, at - 0.5 * width, at), np.where(wide, 2.2 * width, width))
    )
