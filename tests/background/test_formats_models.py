"""The envelope as HS3 documents, pyhf templates and a RooMultiPdf workspace.

ROOT's reading of the documents and of the workspace is measured in benchmarks/root_exports.py.
"""

import dataclasses
import itertools
import json
import math
import re
import sys

import numpy as np
import pyhf
import pytest
from scipy.integrate import quad
from scipy.interpolate import BPoly

from hepnb.background import formats
from hepnb.background.families import FunctionFamily
from hepnb.background.formats.multipdf import multipdf_file_name, recursive_fractions
from hepnb.background.signal import SumOfGaussians
from hepnb.errors import BadTable, MissingExtra

# pyhf 0.7.6 reads its schema through what jsonschema now calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")

FUNCTIONS = (
    ("bernstein", 4),
    ("exponential", 1),
    ("exponential", 3),
    ("powerlaw", 1),
    ("powerlaw", 3),
    ("laurent", 3),
    ("laurent", 1),
)


@pytest.fixture(scope="module")
def whole(ftest_by_hand, falling_spectrum):
    return ftest_by_hand(falling_spectrum(), FUNCTIONS)


@pytest.fixture(scope="module")
def blinded(ftest_by_hand, falling_spectrum):
    return ftest_by_hand(falling_spectrum(blind=(115.0, 135.0)), FUNCTIONS)


class Reader:
    """HS3 by the words of the standard: densities normalised by quadrature on their domain."""

    def __init__(self, document):
        self.document = document
        points = document["parameter_points"][0]["parameters"]
        self.values = {each["name"]: each["value"] for each in points}
        self.axes = {each["name"]: each for each in document["domains"][0]["axes"]}
        self.named = {each["name"]: each for each in document["distributions"]}
        self.norms = {}

    def mass(self, node):
        if node["type"] == "generic_dist":
            return re.match(r"pow\((\w+)/", node["expression"])[1]
        return node["x"] if "x" in node else self.mass(self.named[node["summands"][0]])

    def raw(self, node, m):
        kind = node["type"]
        if kind == "exponential_dist":
            return math.exp(-self.values[node["c"]] * (m - 100.0))
        if kind == "generic_dist":
            _, scale, power = re.fullmatch(
                r"pow\((\w+)/([\d.]+),(\S+)\)", node["expression"]
            ).groups()
            return (m / float(scale)) ** float(self.values.get(power, power))
        if kind == "bernstein_poly_dist":
            axis = self.axes[node["x"]]
            coefficients = [[self.values[each]] for each in node["coefficients"]]
            return float(BPoly(coefficients, [axis["min"], axis["max"]])(m))
        assert kind == "mixture_dist"
        assert node["extended"] is False
        weights = [self.values[each] for each in node["coefficients"]]
        weights.append(1.0 - sum(weights))
        parts = [self.named[each] for each in node["summands"]]
        return sum(w * self.density(p, m) for w, p in zip(weights, parts, strict=True))

    def density(self, node, m):
        if node["name"] not in self.norms:
            axis = self.axes[self.mass(node)]
            whole = quad(lambda x: self.raw(node, x), axis["min"], axis["max"], epsrel=1e-11)
            self.norms[node["name"]] = whole[0]
        return self.raw(node, m) / self.norms[node["name"]]

    def nll(self):
        """Bins integrated, normalised on the visible domains."""
        likelihood = self.document["likelihoods"][0]
        pdf = self.named[likelihood["distributions"][0]]
        (data,) = (d for d in self.document["data"] if d["name"] in likelihood["data"])
        axis = data["axes"][0]
        edges = axis.get("edges")
        if edges is None:
            edges = np.linspace(axis["min"], axis["max"], axis["nbins"] + 1)
        seen = [d["axes"][0] for d in self.document["domains"] if d["name"].startswith("visible")]
        share = [
            quad(lambda m: self.density(pdf, m), lo, hi, epsrel=1e-10)[0]
            for lo, hi in itertools.pairwise(edges)
        ]
        inside = [
            not seen or any(a["min"] <= (lo + hi) / 2 <= a["max"] for a in seen)
            for lo, hi in itertools.pairwise(edges)
        ]
        total = sum(s for s, used in zip(share, inside, strict=True) if used)
        rows = zip(data["contents"], share, np.diff(edges), strict=True)
        return -sum(n * math.log(s / total / width) for n, s, width in rows if n)


@pytest.mark.parametrize("which", ["whole", "blinded"])
def test_hs3_documents_give_the_nll_of_the_fit(which, request):
    """To 1e-8 of its size: numerical normalisation; the specification asks for 1e-6."""
    ftest = request.getfixturevalue(which)
    documents = formats.hs3_documents(ftest)
    assert tuple(documents) == ftest.choice.envelope
    for name, document in documents.items():
        assert Reader(document).nll() == pytest.approx(ftest.fit(name).nll, rel=1e-8), name


def test_hs3_unbinned_data_are_the_candidates(ftest_by_hand, falling_spectrum):
    masses = np.random.default_rng(3).uniform(100.0, 180.0, 200)
    spectrum = falling_spectrum(blind=(115.0, 135.0)).with_masses(masses)
    ftest = ftest_by_hand(spectrum, FUNCTIONS[:2])
    fit = dataclasses.replace(ftest.fits[0].fit, unbinned=True)
    tested = (dataclasses.replace(ftest.fits[0], fit=fit), ftest.fits[1])
    document = formats.hs3_documents(dataclasses.replace(ftest, fits=tested))["bernstein4"]
    kept = np.sort(masses[(masses < 114.0) | (masses >= 136.0)])
    assert document["data"][0]["type"] == "unbinned"
    assert np.array(document["data"][0]["entries"]).ravel() == pytest.approx(kept, abs=0)


def test_hs3_free_parameters_are_those_of_the_function(whole):
    for name, document in formats.hs3_documents(whole).items():
        points = document["parameter_points"][0]["parameters"]
        free = [each["name"] for each in points if not each.get("const")]
        assert len(free) == whole.fit(name).n_par, name
        axes = {each["name"]: each for each in document["domains"][0]["axes"]}
        for each in points:
            axis = axes[each["name"]]
            assert axis["min"] <= each["value"] <= axis["max"], (name, each)


def test_hs3_block_names_index_members_and_penalty(whole, tmp_path):
    paths = formats.write_hs3(whole, tmp_path)
    assert [path.name for path in paths][:2] == [
        "hs3_Untagged_Tag_0_bernstein4.json",
        "hs3_Untagged_Tag_0_exponential1.json",
    ]
    blocks = [json.loads(path.read_text())["misc"]["hepnb"] for path in paths]
    assert [each["index"]["value"] for each in blocks] == list(range(len(paths)))
    assert all(each["index"]["members"] == list(whole.choice.envelope) for each in blocks)
    assert blocks[0]["penalty"] == {"per_parameter": 1.0, "added_to": "2nll", "n_par": 4}
    assert blocks[2]["nll"] == whole.fit("exponential3").nll


def with_user_function(ftest):
    """The same test with a function in its envelope that no format has a form for."""
    family = FunctionFamily("logarithmic", {1: (np.log, {})}, short="log")
    fit = dataclasses.replace(
        ftest.fits[1].fit, family=family, order=1, weights=np.ones(1), theta=np.empty(0)
    )
    tested = (dataclasses.replace(ftest.fits[1], fit=fit),)
    choice = dataclasses.replace(ftest.choice, envelope=(fit.name,), best=fit.name)
    return dataclasses.replace(ftest, fits=tested, choice=choice)


def test_empty_envelope_is_refused(whole, tmp_path):
    bare = dataclasses.replace(whole, choice=dataclasses.replace(whole.choice, envelope=()))
    for write in (formats.write_hs3, lambda ftest, path: formats.write_pyhf([ftest], path)):
        with pytest.raises(BadTable, match=r"envelope of category 'Untagged Tag/0' is empty"):
            write(bare, tmp_path)


def fitted(ftest, signals=None):
    workspace = pyhf.Workspace(formats.pyhf_workspace([ftest], signals=signals))
    return workspace, workspace.model(poi_name=None if signals is None else "mu")


@pytest.mark.parametrize("which", ["whole", "blinded"])
def test_pyhf_expects_the_best_function_and_moves_to_the_others(which, request):
    """pyhf's own schema is checked as it reads; to 1e-9: interpolation at exactly +1."""
    ftest = request.getfixturevalue(which)
    _, model = fitted(ftest)
    shown = ftest.spectrum.visible
    start = np.array(model.config.suggested_init())
    best = ftest.best.expected()[shown]
    assert model.expected_actualdata(start) == pytest.approx(best, rel=1e-9)
    for name in ftest.choice.envelope:
        if name == ftest.choice.best:
            continue
        moved = start.copy()
        where = model.config.par_slice(f"Untagged_Tag_0_{name}")
        other = ftest.fit(name).expected()[shown]
        moved[where] = 1.0
        assert model.expected_actualdata(moved) == pytest.approx(other, rel=1e-9)
        moved[where] = -1.0
        mirrored = np.maximum(2.0 * best - other, 1e-3 * best)
        assert model.expected_actualdata(moved) == pytest.approx(mirrored, rel=1e-9)


def test_pyhf_finds_the_fitted_yield(whole):
    """The best function alone is normalised to the data, so that its factor is 1 at the minimum."""
    single = dataclasses.replace(
        whole, choice=dataclasses.replace(whole.choice, envelope=(whole.choice.best,))
    )
    workspace, model = fitted(single)
    (norm,) = pyhf.infer.mle.fit(workspace.data(model), model)
    assert norm == pytest.approx(1.0, abs=1e-4)


def test_pyhf_signal_is_scaled_by_mu(whole):
    signal = SumOfGaussians(mean=125.0, sigma=1.5, expected=40.0, lo=100.0, hi=180.0)
    _, model = fitted(whole, {"Untagged Tag/0": signal})
    assert model.config.poi_name == "mu"
    start = np.array(model.config.suggested_init())
    without = start.copy()
    without[model.config.poi_index] = 0.0
    gained = model.expected_actualdata(start) - model.expected_actualdata(without)
    assert gained.sum() == pytest.approx(40.0, rel=1e-9)
    assert gained == pytest.approx(40.0 * signal.fractions(whole.spectrum.edges), abs=1e-9)


def test_pyhf_categories_are_channels_of_one_workspace(whole, blinded):
    other = dataclasses.replace(
        blinded, spectrum=dataclasses.replace(blinded.spectrum, category="1")
    )
    workspace = pyhf.Workspace(formats.pyhf_workspace([whole, other]))
    assert workspace.channels == ["Untagged_Tag_0", "cat1"]
    assert workspace.channel_nbins["cat1"] == blinded.spectrum.visible.sum()
    with pytest.raises(BadTable, match="every category once"):
        formats.pyhf_workspace([whole, blinded])
    with pytest.raises(BadTable, match="signals of"):
        formats.pyhf_workspace([whole], signals={"elsewhere": None})


def test_pyhf_file_is_the_workspace(whole, tmp_path):
    path = formats.write_pyhf([whole], tmp_path / "workspace.json")
    assert json.loads(path.read_text()) == formats.pyhf_workspace([whole])


def test_functions_without_a_form_in_hs3_are_refused_but_have_templates(whole):
    odd = with_user_function(whole)
    with pytest.raises(BadTable, match="has no form in HS3"):
        formats.hs3_documents(odd)
    assert pyhf.Workspace(formats.pyhf_workspace([odd])).channels == ["Untagged_Tag_0"]


def test_functions_of_unregistered_families_keep_their_name_in_the_table(whole, tmp_path):
    path = formats.write_dat(
        [formats.legacy_choice(with_user_function(whole), 0)], tmp_path / "t.dat"
    )
    assert "paul=logarithmic:1:logarithmic1\n" in path.read_text()


def test_multipdf_without_root_says_what_to_install(whole, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ROOT", None)
    with pytest.raises(MissingExtra, match="pip install --pre ROOT"):
        formats.write_multipdf(whole, tmp_path)


def test_multipdf_of_an_old_root_says_what_is_missing(whole, tmp_path, monkeypatch):
    class Old:
        class gROOT:  # noqa: N801 -- ROOT's spelling
            GetVersion = staticmethod(lambda: "6.26/10")

    monkeypatch.setitem(sys.modules, "ROOT", Old())
    with pytest.raises(MissingExtra, match=r"6\.26/10 has no RooMultiPdf"):
        formats.write_multipdf(whole, tmp_path)


def test_multipdf_file_has_the_name_of_flashggfinalfit():
    assert multipdf_file_name("UntaggedTag_0") == "CMS-HGG_multipdf_UntaggedTag_0.root"
    assert multipdf_file_name("Untagged Tag/0") == "CMS-HGG_multipdf_Untagged_Tag_0.root"


@pytest.mark.parametrize("weights", [[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [1.0, 0.0], [1.0]])
def test_recursive_fractions_multiply_back_to_the_weights(weights):
    fractions = [*recursive_fractions(weights), 1.0]
    left = np.cumprod([1.0, *(1.0 - f for f in fractions[:-1])])
    assert left * fractions == pytest.approx(weights, abs=1e-15)
