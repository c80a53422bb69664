"""What every part's tests share: small generated samples and the folder of open data."""

import os
from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("Agg")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory):
    """Keep what is generated on first use out of the user's cache; test processes share it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEPNB_CACHE", str(tmp_path_factory.getbasetemp().parent / "cache"))
        yield


@pytest.fixture(scope="session")
def small_samples(tmp_path_factory):
    """Folder of generated samples: 20,000 candidates per study and kind."""
    from hepnb.data import samples

    return samples.make(tmp_path_factory.mktemp("samples") / "small", events=20_000, seed=11)


@pytest.fixture(scope="session")
def small_site(small_samples):
    """Catalogue file of the small samples, as a stage's parameter `site`."""
    return str(small_samples / "catalogue.yaml")


@pytest.fixture(scope="session")
def open_data_folder():
    """Folder of the CMS 2011 files; skips where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("HEPNB_OPEN_DATA", beside))
    if not (folder / "cms2011" / "upsilon_mumu.csv").exists():
        pytest.skip("CMS 2011 open data is not here; set HEPNB_OPEN_DATA to its folder")
    return folder
