"""What the catalogue says of the samples; it lists, and makes nothing."""

from __future__ import annotations

from typing import Any

from hepnb.data.samples.further_modes import ALL_MODES
from hepnb.data.samples.modes import COLLECTIONS, Collection, Mode

__all__ = ("catalogue_entries", "file_name")

WEIGHTS = ("sweight", "sweight_sys")


def __dir__() -> tuple[str, ...]:
    return __all__


def file_name(collection: str, study: str) -> str:
    """Give the name of a collection's file, for instance ``proc13_Dst.root``."""
    return f"{collection}_{study}.root"


def catalogue_entries(prefix: str = "samples:") -> dict[str, dict[str, Any]]:
    """Give the collections of the samples, as the catalogue's schema wants them.

    Parameters
    ----------
    prefix
        What stands before each file's name: the scheme of the embedded samples, or nothing for a
        catalogue that lies beside its files.

    Returns
    -------
    dict
        Name of each collection -> its entry. Simulation also comes as one collection with both
        files, "MC15rd_proc13+prompt".
    """
    entries = {each.name: _entry((each,), prefix) for each in COLLECTIONS.values()}
    simulation = tuple(each for each in COLLECTIONS.values() if each.kind == "mc")
    return entries | {"MC15rd_proc13+prompt": _entry(simulation, prefix)}


def _entry(collections: tuple[Collection, ...], prefix: str) -> dict[str, Any]:
    kind = collections[0].kind
    return {
        "kind": kind,
        "energy": "4S",
        "luminosity": sum(each.luminosity for each in collections),
        "process": "generic" if kind == "mc" else None,
        "description": f"Generated toy calibration {'simulation' if kind == 'mc' else 'data'}",
        "studies": {
            study: _study(
                mode, kind, [prefix + file_name(each.name, study) for each in collections]
            )
            for study, mode in ALL_MODES.items()
        },
    }


def _study(mode: Mode, kind: str, files: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "files": files,
        "tree": mode.study,
        "particles": {particle: particle for particle in mode.probes},
    }
    if mode.fittable:
        entry |= {"mass": mode.mass, "weights": list(WEIGHTS)}
    return entry | ({"truth": "`isSignal`"} if kind == "mc" else {})
