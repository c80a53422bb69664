"""Real collision data that anybody may use: by name, checked by sha256, fetched when asked for."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from hepnb.errors import DataNotFetched, UnreadableFile, nearest

__all__ = ("FILES", "OpenFile", "datasets", "fetch", "path")

log = logging.getLogger(__name__)

_CMS = "https://raw.githubusercontent.com/cms-opendata-education/cms-jupyter-materials-english"


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class OpenFile:
    """A published file.

    Attributes
    ----------
    url
        Where it is published, at a fixed version.
    sha256
        Of its content.
    description
        What it holds.
    """

    url: str
    sha256: str
    description: str


FILES = {
    "cms2011/upsilon_mumu.csv": OpenFile(
        f"{_CMS}/82427367f57c1748ac5ed5cac08a299812a18dbb/Data/peakdata3.csv",
        "230c776ac457783ce2cf5c38807ff05e1e3c8f737e8b2386a765df2adebb7906",
        "19,519 opposite-sign muon pairs, 9.0 < M < 9.7 GeV (CMS 2011, CC BY 4.0; derived from "
        "CERN Open Data record 545)",
    ),
    "cms2011/zee.csv": OpenFile(
        f"{_CMS}/b19c83ec0d382c3b97255281a8229202a85dbc78/Data/Zee_Run2011A.csv",
        "b232564653e7072d0bcd62888723e05532313853ca67134c94f3486f1c15ba1b",
        "18,885 electron pairs near the Z, with shower shape and isolation (CMS 2011, CC BY 4.0)",
    ),
}
"""Name, as ``dataset/file``, to the published file."""


def datasets() -> dict[str, tuple[str, ...]]:
    """Names of the data sets, each with those of its files."""
    names = dict.fromkeys(str(Path(name).parent) for name in FILES)
    return {each: tuple(name for name in FILES if name.startswith(f"{each}/")) for each in names}


def fetch(dataset: str) -> list[Path]:
    """Give the files of a data set, downloading those that are not there yet.

    Raises
    ------
    DataNotFetched
        If there is no such data set, or the download fails.
    UnreadableFile
        If a file is not the published one.
    """
    known = datasets()
    if dataset not in known:
        raise DataNotFetched(
            f"no open data is called {dataset!r}; there is {', '.join(known)}"
            + nearest(dataset, known)
        )
    return [path(name, download=True) for name in known[dataset]]


def path(name: str, download: bool = False) -> Path:
    """Give the path of a file of open data.

    Parameters
    ----------
    name
        For example ``cms2011/upsilon_mumu.csv``.
    download
        Whether to download it if it is in neither place; otherwise the network is not touched.

    Returns
    -------
    Path
        In the folder ``$HEPNB_OPEN_DATA`` (as ``cms2011/upsilon_mumu.csv`` or
        ``upsilon_mumu.csv``) if it is there, else in hepnb's cache.

    Raises
    ------
    DataNotFetched
        If there is no such file here and it was not to be downloaded, or the download fails.
    UnreadableFile
        If the file is not the published one, by its sha256.
    """
    if name not in FILES:
        raise DataNotFetched(
            f"no file of open data is called {name!r}; there is {', '.join(FILES)}"
            + nearest(name, FILES)
        )
    cached = _cache() / name
    for candidate in (*_local(name), cached):
        if candidate.is_file():
            return _checked(candidate, name)
    if not download:
        raise DataNotFetched(
            f"open data {name!r} is not here: run `hepnb data fetch {Path(name).parent}`, or set "
            "HEPNB_OPEN_DATA to a folder that holds it"
        )
    return _download(name, cached)


def _local(name: str) -> list[Path]:
    chosen = os.environ.get("HEPNB_OPEN_DATA")
    if not chosen:
        return []
    folder = Path(chosen).expanduser()
    return [folder / name, folder / Path(name).name]


def _cache() -> Path:
    import platformdirs

    chosen = os.environ.get("HEPNB_CACHE")
    return (Path(chosen) if chosen else platformdirs.user_cache_path("hepnb")) / "open-data"


def _checked(file: Path, name: str) -> Path:
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != FILES[name].sha256:
        raise UnreadableFile(
            f"{str(file)!r} is not the published {name!r}: its sha256 is {found}, that of "
            f"{FILES[name].url} is {FILES[name].sha256}; remove it and fetch it again"
        )
    return file


def _download(name: str, target: Path) -> Path:
    import pooch
    import requests

    published = FILES[name]
    log.info("Downloading %s to %s", published.url, target)
    try:
        pooch.retrieve(
            published.url, f"sha256:{published.sha256}", fname=target.name, path=target.parent
        )
    except ValueError as error:  # pooch has removed what it got
        raise UnreadableFile(
            f"what {published.url} gave is not the published {name!r}: {error}"
        ) from error
    except (requests.RequestException, OSError) as error:
        raise DataNotFetched(
            f"open data {name!r} could not be downloaded from {published.url} ({error}); where "
            "there is no network, set HEPNB_OPEN_DATA to a folder that holds it"
        ) from error
    return target
