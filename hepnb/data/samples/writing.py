"""Writing the samples into a folder, whole or not at all."""

from __future__ import annotations

import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from hepnb.data.samples.candidates import BLOCK, Source
from hepnb.data.samples.further_modes import ALL_MODES, FURTHER_MODES
from hepnb.data.samples.listing import catalogue_entries, file_name
from hepnb.data.samples.modes import (
    COLLECTIONS,
    MODES,
    STANDARD_BINNING,
    STANDARD_CUTS,
    VERSION,
    Collection,
)
from hepnb.data.samples.truth import true_efficiencies
from hepnb.errors import BadParameters, OutputNotWritable

__all__ = ("cache_folder", "ensure", "make", "whole_or_not", "write_file")

# candidates per basket: some 20 MB of columns in memory
BASKET = 8 * BLOCK
# candidates of a further mode, where a tenth of the events would be fewer
LEAST = 3000
# endings of the columns that only simulation has
TRUTH = ("isSignal", "mcPDG")

log = logging.getLogger(__name__)


def __dir__() -> tuple[str, ...]:
    return __all__


def make(
    out: Path | str, *, events: int = 200_000, seed: int = 1, factorising: bool = True
) -> Path:
    """Write calibration samples of any size, with their catalogue and their truth.

    Parameters
    ----------
    out
        Folder to write; it must not exist, or be empty. It appears when all of it is there.
    events
        Candidates per study, for data and for simulation each; a tenth of that, but 3000 if there
        are as many, for the studies other than Dst and Lambda.
    seed
        Of all random numbers. The same seed gives the same candidates; a larger sample begins
        with those of a smaller one.
    factorising
        Whether mass and everything else are independent in the background. Otherwise the slope of
        the background's mass, and its kaon content, depend on the momentum.

    Returns
    -------
    pathlib.Path
        `out`, holding ``<collection>_<study>.root``, ``catalogue.yaml`` and ``truth.json``.

    Raises
    ------
    BadParameters
        Fewer than 2 events, or a negative seed.
    OutputNotWritable
        The folder holds something already, or cannot be written.

    Notes
    -----
    ``truth.json`` holds: how it was made (generator, events, seed, factorising); ``files``, entries
    and true signal of each; ``modes``, the generating densities, signal fractions (0.3 throughout
    when not factorising) and momentum spectra; ``binning``, the edges; ``efficiencies``, for each
    study, particle, kind and cut the efficiency of true signal and its numerical uncertainty per
    bin, the last axis running fastest, null where there are no tracks.
    """
    if events < 2 or seed < 0:
        message = f"events={events}, seed={seed}: at least 2 events and a seed of at least 0"
        raise BadParameters(message)
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        message = f"{out} is there and not an empty folder: choose another, or remove it first"
        raise OutputNotWritable(message)
    with whole_or_not(out) as folder:
        _fill(folder, events, seed, factorising=factorising)
    return out


def ensure(*, events: int = 200_000, seed: int = 1, factorising: bool = True) -> Path:
    """Give the folder of the embedded samples, making them on first use.

    They lie in ``$HEPNB_CACHE``, or in the user's cache folder, under a name made of the
    generator's version, the events and the seed. Two processes may ask at once: each makes them,
    one keeps them.

    Parameters
    ----------
    events, seed, factorising
        As for `make`.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    OutputNotWritable
        The cache cannot be written; the message names it and the variable that moves it.
    """
    name = f"v{VERSION}-{events}-{seed}" + ("" if factorising else "-sloped")
    folder = cache_folder() / "samples" / name
    if not folder.is_dir():
        log.info("Making the embedded samples in %s: some seconds, once", folder)
        try:
            make(folder, events=events, seed=seed, factorising=factorising)
        except OutputNotWritable:
            # another process may have finished first; a folder that is there is whole
            if not folder.is_dir():
                raise
        log.info("Made the embedded samples in %s", folder)
    return folder


def cache_folder() -> Path:
    """Folder of what is made or fetched once: ``$HEPNB_CACHE``, or the user's cache."""
    import platformdirs

    chosen = os.environ.get("HEPNB_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("hepnb")


@contextmanager
def whole_or_not(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that takes its name at the end, and vanishes on any error."""
    folder = out.parent / f".{out.name}.{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True)
        yield folder
        # replaces an empty folder, and fails on any other
        folder.rename(out)
    except OSError as error:
        message = f"{out} cannot be written ({error}): make room, or choose another folder"
        raise OutputNotWritable(message) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path, events: int, seed: int, *, factorising: bool) -> None:
    files = {}
    for collection in COLLECTIONS.values():
        for study, mode in ALL_MODES.items():
            name = file_name(collection.name, study)
            source = Source(collection, mode, seed, factorising)
            entries = _entries(collection, _size(study, events))
            signal = write_file(folder / name, source, entries)
            files[name] = {"entries": entries, "signal": signal}
    catalogue = {"site": "samples", "collections": catalogue_entries("")}
    (folder / "catalogue.yaml").write_text(yaml.safe_dump(catalogue, sort_keys=False))
    origin = {
        "generator": VERSION,
        "events": events,
        "seed": seed,
        "factorising": factorising,
        "files": files,
    }
    (folder / "truth.json").write_text(json.dumps(origin | _truth(), allow_nan=False))


def _size(study: str, events: int) -> int:
    """Candidates of a study: a tenth of those of the main ones, yet some thousands."""
    return max(events // 10, min(events, LEAST)) if study in FURTHER_MODES else events


def _entries(collection: Collection, events: int) -> int:
    """Share out the events of a kind so that no rounding loses one."""
    alike = [each for each in COLLECTIONS.values() if each.kind == collection.kind]
    bounds = np.rint(np.cumsum([0.0, *(each.share for each in alike)]) * events).astype(int)
    return int(np.diff(bounds)[alike.index(collection)])


def write_file(path: Path, source: Source, entries: int, *, basket: int = BASKET) -> int:
    """Write the first `entries` candidates of a source as a TTree.

    Parameters
    ----------
    path
        File to write.
    source
        What to write; of data, without the truth columns.
    entries
        How many candidates.
    basket
        How many to hold in memory and write at once; the content does not depend on it.

    Returns
    -------
    int
        How many of them are signal.
    """
    import uproot

    signal = 0
    with uproot.recreate(path, compression=uproot.LZ4(1)) as file:
        tree = None
        for start in range(0, entries, basket):
            columns = source.read(start, min(start + basket, entries))
            signal += int(columns["isSignal"].sum())
            if source.collection.kind == "data":
                columns = {name: each for name, each in columns.items() if not name.endswith(TRUTH)}
            if tree is None:
                # assigning to file[...] would write an RNTuple, which real ntuples are not
                types = {name: each.dtype for name, each in columns.items()}
                tree = file.mktree(source.mode.study, types)
            tree.extend(columns)
    return signal


def _truth() -> dict[str, Any]:
    efficiencies = []
    for study, mode in MODES.items():
        for particle in mode.particles:
            for kind in ("data", "mc"):
                truths = true_efficiencies(
                    study,
                    particle,
                    kind,
                    cuts=STANDARD_CUTS,
                    binning=STANDARD_BINNING,
                    tracks=300_000,
                )
                efficiencies += [
                    {
                        "study": study,
                        "particle": particle,
                        "kind": kind,
                        "cut": cut,
                        "method": truth.method,
                        "tracks": truth.tracks.tolist(),
                        "efficiency": _or_none(truth.efficiency),
                        "uncertainty": _or_none(truth.uncertainty),
                    }
                    for cut, truth in truths.items()
                ]
    return {
        "modes": {study: asdict(mode) for study, mode in ALL_MODES.items()},
        "binning": STANDARD_BINNING,
        "efficiencies": efficiencies,
    }


def _or_none(values: npt.NDArray[np.float64]) -> list[float | None]:
    return [float(f"{each:.6g}") if np.isfinite(each) else None for each in values]
