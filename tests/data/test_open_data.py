"""Open data: where it is looked for, when it is downloaded, what is refused; real candidates."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import threading
from pathlib import Path

import numpy as np
import pytest

from hepnb.data import open_data
from hepnb.data.catalogue import catalogue
from hepnb.errors import DataNotFetched, UnreadableFile

NAME = "cms2011/upsilon_mumu.csv"
CONTENT = b"M\n9.46\n"
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_real_data = pytest.mark.skipif(
    not (REAL / NAME).is_file(), reason=f"open data is not in {REAL}"
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HEPNB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HEPNB_OPEN_DATA", raising=False)
    monkeypatch.delenv("HEPNB_SITE", raising=False)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Counts what is asked for, on the server's `asked`."""

    def log_message(self, *_):
        self.server.asked.append(self.path)


@pytest.fixture
def published(monkeypatch, tmp_path):
    """A server on this machine in the place of the public one."""
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "peakdata3.csv").write_bytes(CONTENT)
    (folder / "Zee_Run2011A.csv").write_bytes(CONTENT)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *args: Quiet(*args, directory=str(folder))
    )
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    for name, file in open_data.FILES.items():
        here = f"http://127.0.0.1:{server.server_port}/{file.url.rsplit('/', 1)[1]}"
        local = dataclasses.replace(file, url=here, sha256=hashlib.sha256(CONTENT).hexdigest())
        monkeypatch.setitem(open_data.FILES, name, local)
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_downloaded_unless_asked(published):
    with pytest.raises(DataNotFetched, match="run `hepnb data fetch cms2011`, or set HEPNB_OPEN"):
        open_data.path(NAME)
    assert published.asked == []


def test_download_lands_in_the_cache_once(published, tmp_path):
    path = open_data.path(NAME, download=True)
    assert path == tmp_path / "cache" / "open-data" / NAME
    assert path.read_bytes() == CONTENT
    assert open_data.path(NAME) == open_data.path(NAME, download=True) == path
    assert published.asked == ["/peakdata3.csv"]


def test_whole_data_set_is_fetched_by_name(published):
    paths = open_data.fetch("cms2011")
    assert [path.name for path in paths] == ["upsilon_mumu.csv", "zee.csv"]
    assert len(published.asked) == 2
    with pytest.raises(DataNotFetched, match="'cms2012'; there is cms2011; did you mean 'cms2011'"):
        open_data.fetch("cms2012")


def test_download_that_is_not_the_published_file_is_refused_and_removed(published, tmp_path):
    (tmp_path / "server" / "peakdata3.csv").write_bytes(CONTENT + b"9.47\n")
    with pytest.raises(UnreadableFile, match=r"is not the published 'cms2011/upsilon_mumu.csv'"):
        open_data.path(NAME, download=True)
    assert not [each for each in (tmp_path / "cache").rglob("*") if each.is_file()]


def test_failed_download_says_what_else_can_be_done(published, tmp_path):
    (tmp_path / "server" / "peakdata3.csv").unlink()
    with pytest.raises(DataNotFetched, match=r"could not be downloaded .*404.*HEPNB_OPEN_DATA"):
        open_data.path(NAME, download=True)


@pytest.mark.parametrize("place", [NAME, "upsilon_mumu.csv"])
def test_local_folder_goes_first(published, tmp_path, monkeypatch, place):
    cached = open_data.path(NAME, download=True)
    local = tmp_path / "local" / place
    local.parent.mkdir(parents=True)
    local.write_bytes(CONTENT)
    monkeypatch.setenv("HEPNB_OPEN_DATA", str(tmp_path / "local"))
    assert open_data.path(NAME) == local
    local.unlink()
    assert open_data.path(NAME) == cached


def test_damaged_local_file_is_refused_not_passed_over(published, tmp_path, monkeypatch):
    open_data.path(NAME, download=True)
    (tmp_path / "upsilon_mumu.csv").write_bytes(CONTENT[:-1])
    monkeypatch.setenv("HEPNB_OPEN_DATA", str(tmp_path))
    with pytest.raises(UnreadableFile, match=r"its sha256 is .* remove it and fetch it again"):
        open_data.path(NAME)


def test_unknown_names_are_refused():
    with pytest.raises(DataNotFetched, match=r"did you mean 'cms2011/zee\.csv'"):
        open_data.path("cms2011/ze.csv")


def test_versions_are_fixed():
    for file in open_data.FILES.values():
        commit = file.url.split("/")[5]
        assert len(commit) == 40
        assert set(commit + file.sha256) <= set("0123456789abcdef")
        assert len(file.sha256) == 64


# ------------------------------------------------------------------ the data themselves


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setenv("HEPNB_OPEN_DATA", str(REAL))
    return catalogue()


def columns_of(name, *wanted):
    """Columns as strings, by splitting lines: an independent reading of the file."""
    header, *lines = (REAL / "cms2011" / name).read_text().split("\n")
    rows = [line.split(",") for line in lines if line]
    places = [header.split(",").index(each) for each in wanted]
    return [np.array([row[place] for row in rows]) for place in places]


@needs_real_data
def test_upsilon_candidates_are_those_of_the_file(real):
    sample = real["cms2011_upsilon"].study("Upsilon")
    assert sample.entries == 19_519
    table = sample.particle("mu").read(["M", "pt", "mu_pt", "eta", "charge", "isGlobal", "p"])
    mass, pt, eta, charge, kind = columns_of("upsilon_mumu.csv", "M", "pt2", "eta2", "Q2", "Type2")
    np.testing.assert_array_equal(table["M"], mass.astype(float))
    np.testing.assert_array_equal(table["pt"], pt.astype(float))
    np.testing.assert_array_equal(table["mu_pt"], table["pt"])
    np.testing.assert_array_equal(table["charge"], charge.astype(float))
    np.testing.assert_array_equal(table["isGlobal"].astype(bool), kind == "G")
    # the momentum that follows from pt and eta
    np.testing.assert_allclose(table["p"], pt.astype(float) * np.cosh(eta.astype(float)), rtol=1e-9)
    assert table["M"].between(9.0, 9.7).all()


@needs_real_data
def test_mass_of_the_dielectron_is_that_of_the_sum_of_four_momenta(real):
    sample = real["cms2011_zee"].study("Zee")
    assert sample.entries == 18_885
    table = sample.read([sample.mass, "e_isBarrel", "e_isoHcal"])
    names = ("pt1", "eta1", "phi1", "pt2", "eta2", "phi2")
    pt1, eta1, phi1, pt2, eta2, phi2 = (
        each.astype(float) for each in columns_of("zee.csv", *names)
    )
    total = sum(
        np.array([pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
        for pt, eta, phi in ((pt1, eta1, phi1), (pt2, eta2, phi2))
    )
    mass = np.sqrt(total[0] ** 2 - (total[1:] ** 2).sum(axis=0))
    # energies of up to some 1000 GeV cancel in the square: 1e-16 * (1000 / 60)**2, with a margin
    np.testing.assert_allclose(table[sample.mass], mass, rtol=1e-11)
    (kind,) = columns_of("zee.csv", "type2")
    np.testing.assert_array_equal(table["e_isBarrel"].astype(bool), kind == "EB")


@needs_real_data
@pytest.mark.parametrize("chunk_size", [777, 19_519])
def test_chunks_of_the_csv_join_to_the_whole(real, chunk_size):
    sample = real["cms2011_upsilon"].study("Upsilon")
    chunks = list(sample.iterate(["M", "mu_pt"], cut="mu_isGlobal", chunk_size=chunk_size))
    mass, kind = columns_of("upsilon_mumu.csv", "M", "Type2")
    joined = np.concatenate([chunk["M"] for chunk in chunks])
    np.testing.assert_array_equal(joined, mass.astype(float)[kind == "G"])
