"""The embedded samples are what they say: deterministic, well formed, and true to their truth."""

from __future__ import annotations

import json
import multiprocessing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import uproot
import yaml
from scipy import stats
from sweights import SWeight

from hepnb.data import samples
from hepnb.data.catalogue import catalogue
from hepnb.data.samples import mass_shapes, pid_response, writing
from hepnb.data.samples.candidates import BLOCK, Source
from hepnb.data.samples.features import PI0_QUALITY
from hepnb.data.samples.further_modes import ALL_MODES, FURTHER_MODES
from hepnb.data.samples.kinematics import Tracks, two_body_decay
from hepnb.data.samples.modes import COLLECTIONS, MODES, STANDARD_BINNING, STANDARD_CUTS
from hepnb.data.samples.species import HYPOTHESES, MASSES, PDG
from hepnb.errors import BadParameters, OutputNotWritable, UnknownVariable

EVENTS = 20_000
FILES = [f"{collection}_{study}.root" for collection in COLLECTIONS for study in MODES]
MODES_OF = [(study, particle) for study, mode in MODES.items() for particle in mode.particles]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return samples.make(tmp_path_factory.mktemp("made") / "samples", events=EVENTS)


@pytest.fixture(scope="module")
def truth(folder):
    return json.loads((folder / "truth.json").read_text())


def read(path: Path) -> dict[str, np.ndarray]:
    with uproot.open(path) as file:
        [tree] = file.values()
        return tree.arrays(library="np")


def assert_same(one, other):
    assert list(one) == list(other)
    for name, column in one.items():
        assert column.dtype == other[name].dtype
        np.testing.assert_array_equal(column, other[name], err_msg=name)


# determinism


def test_a_range_is_the_same_in_any_pieces():
    whole = samples.candidates("proc13", "Dst", 0, BLOCK + 2000)
    bounds = [0, 1, 5000, BLOCK, BLOCK + 1, BLOCK + 2000]
    pieces = [samples.candidates("proc13", "Dst", start, stop) for start, stop in pairwise(bounds)]
    joined = {name: np.concatenate([each[name] for each in pieces]) for name in whole}
    assert_same(whole, joined)
    assert all(len(each) == 0 for each in samples.candidates("proc13", "Dst", 7, 7).values())


@pytest.mark.parametrize("basket", [900, BLOCK, 100_000])
def test_a_file_does_not_depend_on_how_much_is_written_at_once(tmp_path, basket):
    source = Source(COLLECTIONS["MC15rd_prompt"], MODES["Lambda"], 3)
    path = tmp_path / "MC15rd_prompt_Lambda.root"
    signal = writing.write_file(path, source, 3000, basket=basket)
    expected = samples.candidates("MC15rd_prompt", "Lambda", 0, 3000, seed=3)
    assert_same(read(path), expected)
    assert signal == expected["isSignal"].sum()


def test_seed_collection_and_study_make_different_candidates():
    def mass(*which, seed=1):
        column = "D0_M" if which[1] == "Dst" else "Lambda_M"
        return samples.candidates(*which, 0, 10, seed=seed)[column]

    masses = [
        mass("proc13", "Dst"),
        mass("proc13", "Dst", seed=2),
        mass("prompt", "Dst"),
        mass("MC15rd_proc13", "Dst"),
        mass("proc13", "Lambda"),
    ]
    assert len(np.unique(np.concatenate(masses))) == 50
    np.testing.assert_array_equal(masses[0], mass("proc13", "Dst"))


# files


def test_files_hold_ttrees_with_the_shared_number_of_entries(folder):
    entries = {}
    for name in FILES:
        with uproot.open(folder / name) as file:
            study = Path(name).stem.rsplit("_", 1)[1]
            assert file.classnames() == {f"{study};1": "TTree"}
            entries[name] = file[study].num_entries
    assert entries["proc13_Dst.root"] == entries["MC15rd_proc13_Lambda.root"] == 12_000
    assert entries["prompt_Lambda.root"] == entries["MC15rd_prompt_Dst.root"] == 8000


@pytest.mark.parametrize("events", [2, 3, 7, 1001])
def test_sharing_out_loses_no_event(events):
    shared = [
        writing._entries(each, events) for each in COLLECTIONS.values() if each.kind == "data"
    ]
    assert sum(shared) == events


@pytest.mark.parametrize(("study", "particle"), MODES_OF)
def test_names_are_those_of_the_real_ntuples(folder, study, particle):
    data = read(folder / f"prompt_{study}.root")
    simulation = read(folder / f"MC15rd_prompt_{study}.root")
    names = ["p", "pt", "cosTheta", "theta", "phi", "charge", "dr", "dz", "nCDCHits", "nPXDHits"]
    names += ["thetaInCDCAcceptance"]
    names += [f"{each}ID" for each in ("electron", "muon", "pion", "kaon", "proton", "deuteron")]
    assert {f"{particle}_{name}" for name in names} <= data.keys()
    assert simulation.keys() - data.keys() >= {
        f"{particle}_mcPDG",
        f"{particle}_isSignal",
        "isSignal",
    }
    assert not any(name.endswith(("mcPDG", "isSignal")) for name in data)
    for name in (MODES[study].mass, "sweight", "sweight_sys"):
        assert data[name].dtype == np.float64
    for name in ("p", "cosTheta", "kaonID"):
        assert data[f"{particle}_{name}"].dtype == np.float32
    assert all(np.isfinite(column).all() for column in simulation.values())


def test_catalogue_lists_what_is_there(folder):
    catalogue = yaml.safe_load((folder / "catalogue.yaml").read_text())
    assert catalogue["site"] == "samples"
    collections = catalogue["collections"]
    assert set(collections) == {*COLLECTIONS, "MC15rd_proc13+prompt"}
    assert collections["MC15rd_proc13+prompt"]["studies"]["Dst"]["files"] == [
        "MC15rd_proc13_Dst.root",
        "MC15rd_prompt_Dst.root",
    ]
    for entry in collections.values():
        for study in entry["studies"].values():
            for name in study["files"]:
                columns = read(folder / name)
                wanted = {*study.get("weights", []), *study.get("truth", "").strip("`").split()}
                wanted |= {study["mass"]} if "mass" in study else set()
                assert wanted <= columns.keys()
    embedded = samples.catalogue_entries()
    assert embedded["proc13"]["studies"]["Dst"]["files"] == ["samples:proc13_Dst.root"]


def test_catalogue_opens_as_a_site_and_as_the_embedded_collections(folder):
    collection = catalogue(folder / "catalogue.yaml")["MC15rd_proc13+prompt"]
    sample = collection.study("Dst").particle("K")
    assert sample.entries == EVENTS
    frame = sample.read(["p", "kaonID"], cut=sample.truth, max_entries=1000)
    assert ((frame["p"] >= 0.3) & (frame["p"] <= 5)).all()
    assert set(samples.catalogue_entries()) <= set(catalogue().names())


def test_size_is_modest(folder):
    # 200,000 events, the default, then stay below 150 MB, and 200 MB with the further studies
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.root")}
    assert sum(sizes[name] for name in FILES) / (4 * EVENTS) < 180
    further = sum(size for name, size in sizes.items() if name not in FILES)
    candidates = 2 * 3000 * len(FURTHER_MODES)
    assert further / candidates * 2 * 20_000 * len(FURTHER_MODES) < 50e6


def test_kinematics_are_those_of_the_calibration_decays(folder):
    for study, mode in MODES.items():
        columns = read(folder / f"proc13_{study}.root")
        first, second = mode.particles
        for particle in mode.particles:
            assert columns[f"{particle}_p"].min() >= 0.3
            assert columns[f"{particle}_p"].max() <= 5.0
            np.testing.assert_allclose(
                np.cos(columns[f"{particle}_theta"]), columns[f"{particle}_cosTheta"], atol=1e-6
            )
        charge = columns[f"{first}_charge"]
        np.testing.assert_array_equal(charge, -columns[f"{second}_charge"])
        # as many positive as negative ones, to 4 standard deviations
        assert abs(charge.mean()) < 4 / np.sqrt(len(charge))
        low, high = mode.shapes["data"].low, mode.shapes["data"].high
        assert low <= columns[mode.mass].min() <= columns[mode.mass].max() <= high
    columns = read(folder / "proc13_Lambda.root")
    assert (columns["p_p"] >= columns["pi_p"]).all()


def test_truth_columns_agree_with_each_other(folder):
    columns = read(folder / "MC15rd_proc13_Dst.root")
    is_kaon = np.abs(columns["K_mcPDG"]) == 321
    np.testing.assert_array_equal(columns["K_isSignal"] == 1, is_kaon)
    assert is_kaon[columns["isSignal"] == 1].all()
    assert 0.1 < is_kaon[columns["isSignal"] == 0].mean() < 0.3
    for name, code in PDG.items():
        found = np.abs(columns["pi_mcPDG"]) == abs(code)
        sign = -1 if name in ("e", "mu") else 1
        np.testing.assert_array_equal(
            np.sign(columns["pi_mcPDG"][found]), sign * columns["pi_charge"][found]
        )


# momenta, PID and mass against their definitions


def test_two_body_decay_conserves_the_four_momentum():
    rng = np.random.default_rng(5)
    n, masses = 1000, (1.86484, MASSES["K"], MASSES["pi"])
    parent = Tracks(rng.uniform(0, 6, n), rng.uniform(-1, 1, n), rng.uniform(-3, 3, n))
    pair = two_body_decay(parent, rng.uniform(-1, 1, n), rng.uniform(-3, 3, n), masses=masses)

    def vector(tracks):
        sine = np.sqrt(1 - tracks.cos_theta**2)
        return tracks.p * np.array(
            [sine * np.cos(tracks.phi), sine * np.sin(tracks.phi), tracks.cos_theta]
        )

    np.testing.assert_allclose(vector(pair.first) + vector(pair.second), vector(parent), atol=1e-7)
    energies = np.hypot(pair.first.p, masses[1]) + np.hypot(pair.second.p, masses[2])
    np.testing.assert_allclose(energies, np.hypot(parent.p, masses[0]), rtol=1e-9)


@pytest.mark.parametrize("kind", ["data", "mc"])
@pytest.mark.parametrize("species", ["K", "pi", "p"])
def test_binary_efficiency_at_fixed_momentum_is_the_fraction_that_passes(kind, species):
    n, rng = 20_000, np.random.default_rng(11)
    points = [(p, c, q) for p in (0.6, 1.5, 3.5) for c in (-0.7, 0.3, 0.8) for q in (-1.0, 1.0)]
    chi2 = 0.0
    for p, cos_theta, charge in points:
        fixed = {
            "p": np.full(n, p),
            "cos_theta": np.full(n, cos_theta),
            "charge": np.full(n, charge),
        }
        index = np.full(n, HYPOTHESES.index(species))
        kaon, pion = pid_response.identify(rng, kind, index, **fixed)[[3, 2]]
        passed = int((kaon / (kaon + pion) > 0.3).sum())
        exact = pid_response.binary_efficiency(
            kind, species, "K", "pi", threshold=0.3, **{k: v[:1] for k, v in fixed.items()}
        )[0]
        # two-sided binomial probability, as a normal deviate: exact also near 0 and 1
        chi2 += stats.norm.isf(stats.binomtest(passed, n, exact).pvalue / 2) ** 2
    assert stats.chi2.sf(chi2, len(points)) > 1e-3


def test_pid_peaks_at_0_and_1_and_sums_to_1(folder):
    columns = read(folder / "MC15rd_proc13_Dst.root")
    names = ("electron", "muon", "pion", "kaon", "proton", "deuteron")
    total = sum(columns[f"K_{each}ID"].astype(float) for each in names)
    np.testing.assert_allclose(total, 1, atol=1e-6)
    content, _ = np.histogram(columns["K_kaonID"], bins=10, range=(0, 1))
    assert min(content[0], content[-1]) > 3 * content[1:-1].max()


def test_data_and_simulation_differ_visibly(folder):
    truth_of = {}
    for kind, collection in (("data", "proc13"), ("mc", "MC15rd_proc13")):
        columns = read(folder / f"{collection}_Dst.root")
        fast = columns["K_p"] > 2
        truth_of[kind] = np.average(
            columns["K_kaonID"][fast] > 0.6, weights=columns["sweight"][fast]
        )
    assert truth_of["mc"] - truth_of["data"] > 0.05


@pytest.mark.parametrize("study", MODES)
@pytest.mark.parametrize("kind", ["data", "mc"])
def test_masses_follow_their_densities(study, kind):
    shape, rng = MODES[study].shapes[kind], np.random.default_rng(13)
    grid = np.linspace(shape.low, shape.high, 20_001)

    def p_value(density, drawn):
        values = density(grid)
        steps = np.concatenate([[0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(grid))])
        assert steps[-1] == pytest.approx(1, abs=1e-6)
        return stats.kstest(drawn, lambda m: np.interp(m, grid, steps)).pvalue

    n = 20_000
    signal = mass_shapes.draw_signal(rng, shape, n)
    assert p_value(mass_shapes.signal_density(shape), signal) > 1e-3
    background = mass_shapes.draw_bernstein(rng, shape, n)
    assert p_value(mass_shapes.background_density(shape), background) > 1e-3
    linear = mass_shapes.draw_linear(rng, shape, np.full(n, -0.6))
    assert p_value(mass_shapes.linear_density(shape, -0.6), linear) > 1e-3


# sWeights


@pytest.mark.parametrize("study", MODES)
@pytest.mark.parametrize("factorising", [True, False])
def test_sum_of_sweights_is_the_signal_yield(study, factorising):
    columns = samples.candidates("MC15rd_proc13", study, 0, EVENTS, factorising=factorising)
    signal = columns["isSignal"] == 1
    weight = columns["sweight"]
    # variance of sum w - N_s, each term being independent of the others
    error = np.sqrt(np.sum((weight - signal) ** 2))
    assert abs(weight.sum() - signal.sum()) < 4 * error
    assert abs(weight[~signal].sum()) < 4 * np.sqrt(np.sum(weight[~signal] ** 2))
    # the other shape is wrong on purpose, and not by much
    assert columns["sweight_sys"].sum() == pytest.approx(signal.sum(), rel=0.05)
    assert not np.allclose(columns["sweight_sys"], weight)


def test_sweights_are_those_of_the_sweights_package():
    source = Source(COLLECTIONS["proc13"], MODES["Dst"])
    columns = source.read(0, EVENTS)
    mass, signal = columns["D0_M"], columns["isSignal"].sum()
    shape = source.shape
    reference = SWeight(
        mass,
        pdfs=[mass_shapes.signal_density(shape), mass_shapes.background_density(shape)],
        yields=[signal, EVENTS - signal],
        discvarranges=((shape.low, shape.high),),
        method="summation",
        compnames=("signal", "background"),
        verbose=False,
        checks=False,
    ).get_weight(0, mass)
    # theirs sums over these events, ours integrates: equal within the statistics of 20,000
    np.testing.assert_allclose(columns["sweight"], reference, atol=0.02)


def test_sweights_of_both_components_sum_to_one():
    source = Source(COLLECTIONS["proc13"], MODES["Lambda"])
    shape, fraction = source.shape, source.signal_fraction
    s, b = mass_shapes.signal_density(shape), mass_shapes.background_density(shape)

    def truth(m):
        return fraction * s(m) + (1 - fraction) * b(m)

    m = np.linspace(shape.low, shape.high, 4001)
    of_signal = mass_shapes.signal_weight(shape, truth, s, b)(m)
    of_background = mass_shapes.signal_weight(shape, truth, b, s)(m)
    np.testing.assert_allclose(of_signal + of_background, 1, atol=1e-9)
    # and their expectations are the yields, to the precision of the integral
    assert np.trapezoid(of_signal * truth(m), m) == pytest.approx(fraction, abs=1e-5)


# further modes


@pytest.mark.parametrize("study", FURTHER_MODES)
def test_every_further_mode_has_clean_columns_of_its_probes(folder, study):
    mode = FURTHER_MODES[study]
    columns = read(folder / f"MC15rd_proc13_{study}.root")
    assert len(columns["isSignal"]) == 1800
    assert all(np.isfinite(column).all() for column in columns.values())
    assert {f"{probe}_{name}" for probe in mode.probes for name in ("p", "cosTheta", "mcPDG")} <= (
        columns.keys()
    )
    assert (mode.mass in columns) == ("sweight" in columns) == mode.fittable
    assert columns.keys() >= mode.features.keys()
    share = mode.signal_fraction["mc"]
    assert columns["isSignal"].mean() == pytest.approx(share, abs=4 * np.sqrt(share / 1800))


@pytest.mark.parametrize("study", [name for name, mode in FURTHER_MODES.items() if mode.fittable])
@pytest.mark.parametrize("kind", ["data", "mc"])
def test_masses_of_further_modes_follow_their_densities(study, kind):
    shape, rng = FURTHER_MODES[study].shapes[kind], np.random.default_rng(17)
    density = mass_shapes.signal_density(shape)
    grid = np.linspace(shape.low, shape.high, 20_001)
    values = density(grid)
    steps = np.concatenate([[0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(grid))])
    assert steps[-1] == pytest.approx(1, abs=1e-6)
    drawn = mass_shapes.draw_signal(rng, shape, 20_000)
    assert stats.kstest(drawn, lambda m: np.interp(m, grid, steps)).pvalue > 1e-3


@pytest.mark.parametrize("kind", ["data", "mc"])
def test_a_radiative_tail_is_the_crystal_ball_of_scipy(kind):
    shape = FURTHER_MODES["Jpsi_ee"].shapes[kind]
    reference = stats.crystalball(*shape.tail, loc=shape.mean, scale=shape.widths[0])
    m = np.linspace(shape.low, shape.high, 1001)
    inside = np.diff(reference.cdf([shape.low, shape.high]))[0]
    # the midpoint rule of 4000 cells
    np.testing.assert_allclose(
        mass_shapes.signal_density(shape)(m), reference.pdf(m) / inside, rtol=1e-6
    )


@pytest.mark.parametrize("study", [name for name, mode in FURTHER_MODES.items() if mode.fittable])
def test_sweights_of_further_modes_subtract_the_background(study):
    columns = samples.candidates("proc13", study, 0, EVENTS)
    signal, weight = columns["isSignal"] == 1, columns["sweight"]
    assert abs(weight.sum() - signal.sum()) < 4 * np.sqrt(np.sum((weight - signal) ** 2))
    assert columns["sweight_sys"].sum() == pytest.approx(signal.sum(), rel=0.05)


@pytest.mark.parametrize("kind", ["data", "mc"])
def test_quality_of_a_true_pi0_is_the_power_law_that_is_stated(kind):
    collection = "proc13" if kind == "data" else "MC15rd_proc13"
    columns = samples.candidates(collection, "Dst_Kpipi0", 0, BLOCK)
    quality = columns["pi0_photonMVA"][columns["isSignal"] == 1].astype(float)
    assert stats.kstest(quality, lambda c: c ** PI0_QUALITY[kind]).pvalue > 1e-3


# factorisation


def significance_of_tau(x, y):
    n = len(x)
    tau = stats.kendalltau(x, y).statistic
    # variance of tau for independent x and y (Kendall 1938)
    return tau / np.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))


@pytest.mark.parametrize("name", ["K_p", "K_cosTheta", "K_kaonID", "pi_p", "D0_p", "Dst_deltaM"])
def test_mass_is_independent_of_everything_by_default(name):
    columns = samples.candidates("MC15rd_proc13", "Dst", 0, 2 * EVENTS)
    for component in (0, 1):
        chosen = columns["isSignal"] == component
        found = significance_of_tau(columns["D0_M"][chosen][:8000], columns[name][chosen][:8000])
        # 12 of these tests: 3.5 standard deviations are 0.6 % for all of them together
        assert abs(found) < 3.5


def test_background_does_not_factorise_when_asked():
    columns = samples.candidates("MC15rd_proc13", "Dst", 0, EVENTS, factorising=False)
    background = columns["isSignal"] == 0
    mass, p = columns["D0_M"][background], columns["K_p"][background]
    assert significance_of_tau(mass, p) > 10
    # slopes -0.9 at the lowest momenta and +0.3 above 3 GeV: mean of x is a third of the slope
    x = (mass - 1.875) / 0.075
    for chosen, slope in ((p < 0.4, -0.9 + 1.2 * (p[p < 0.4].mean() - 0.3) / 2.7), (p > 3, 0.3)):
        error = x[chosen].std() / np.sqrt(chosen.sum())
        assert abs(x[chosen].mean() - slope / 3) < 4 * error
    # whether the background passes depends on both
    kaon = columns["K_isSignal"][background] == 1
    soft = p < 1
    assert kaon[soft & (x > 0.5)].mean() > 1.5 * kaon[soft & (x < -0.5)].mean()


# truth


@pytest.mark.parametrize("kind", ["data", "mc"])
@pytest.mark.parametrize(("study", "particle"), MODES_OF)
@pytest.mark.parametrize(
    "cut", ["binaryID(K, pi) > 0.5", "kaonID > 0.6", "protonID > 0.6 or kaonID < 0.01"]
)
def test_true_efficiency_is_what_the_candidates_show(kind, study, particle, cut):
    collection = "proc13" if kind == "data" else "MC15rd_proc13"
    columns = samples.candidates(collection, study, 0, 3 * BLOCK)
    signal = columns["isSignal"] == 1
    column = {
        name: columns[f"{particle}_{name}"][signal].astype(float)
        for name in ("p", "cosTheta", "charge", "kaonID", "pionID", "protonID")
    }
    passed = {
        "binaryID(K, pi) > 0.5": column["kaonID"] > column["pionID"],
        "kaonID > 0.6": column["kaonID"] > 0.6,
        "protonID > 0.6 or kaonID < 0.01": (column["protonID"] > 0.6) | (column["kaonID"] < 0.01),
    }[cut]
    binning = {"charge": [-2, 0, 2], "p": [0.5, 0.8, 1.2, 2, 3], "cosTheta": [-0.8, 0, 0.6, 0.9]}
    table = samples.true_efficiency(study, particle, kind, cut=cut, binning=binning, tracks=50_000)
    assert set(table["method"]) == {"analytic" if "binaryID" in cut else "counted"}
    axes = [column[axis] for axis in binning]
    edges = list(binning.values())
    total = np.histogramdd(axes, edges)[0].ravel()
    count = np.histogramdd([each[passed] for each in axes], edges)[0].ravel()
    expected = table["efficiency"].to_numpy()
    # normal approximation: only where it holds
    with np.errstate(invalid="ignore"):
        usable = total * np.minimum(expected, 1 - expected) > 10
    variance = expected * (1 - expected) / np.maximum(total, 1) + table["uncertainty"] ** 2
    pulls = ((count / np.maximum(total, 1) - expected) / np.sqrt(variance))[usable]
    # 24 of these tests
    assert stats.chi2.sf(np.sum(pulls**2), max(len(pulls), 1)) > 1e-4
    # elsewhere the rarer outcome is counted over all bins together
    rest = ~usable & (total > 0) & np.isfinite(expected)
    common = expected > 0.5
    seen = np.sum(np.where(common, total - count, count)[rest])
    rare = np.sum((total * np.minimum(expected, 1 - expected))[rest])
    numerical = np.sum((total * table["uncertainty"].to_numpy())[rest] ** 2)
    assert abs(seen - rare) < 4 * np.sqrt(rare + numerical + 1)


def test_analytic_and_counted_truth_agree():
    # brackets hide the closed form
    options = {"binning": {"p": STANDARD_BINNING["p"]}, "tracks": 100_000}
    exact = samples.true_efficiency("Dst", "K", "data", cut="binaryID(K, pi) > 0.7", **options)
    counted = samples.true_efficiency("Dst", "K", "data", cut="[binaryID(K, pi) > 0.7]", **options)
    assert (set(exact["method"]), set(counted["method"])) == ({"analytic"}, {"counted"})
    pulls = (exact["efficiency"] - counted["efficiency"]) / counted["uncertainty"]
    assert stats.chi2.sf(np.sum(pulls**2), len(pulls)) > 1e-3
    below = samples.true_efficiency("Dst", "K", "data", cut="binaryID(K, pi) < 0.7", **options)
    np.testing.assert_allclose(exact["efficiency"] + below["efficiency"], 1, rtol=1e-12)


def test_uncertainty_of_the_truth_covers():
    # 20 independent truths spread as much as each of them states
    options = {"cut": "kaonID > 0.6", "binning": {"p": [1, 2, 3, 4]}, "tracks": 4000}
    tables = [samples.true_efficiency("Dst", "K", "mc", seed=seed, **options) for seed in range(20)]
    values = np.array([table["efficiency"] for table in tables])
    stated = np.mean([table["uncertainty"] ** 2 for table in tables], axis=0)
    chi2 = np.sum((values - values.mean(axis=0)) ** 2 / stated)
    assert 1e-3 < stats.chi2.sf(chi2, 19 * 3) < 1 - 1e-3


def test_truth_is_written_down_for_every_mode_and_cut(folder, truth):
    tables = {(t["study"], t["particle"], t["kind"], t["cut"]): t for t in truth["efficiencies"]}
    assert tables.keys() == {
        (study, particle, kind, cut)
        for study, particle in MODES_OF
        for kind in ("data", "mc")
        for cut in STANDARD_CUTS
    }
    n_bins = np.prod([len(edges) - 1 for edges in truth["binning"].values()])
    for table in tables.values():
        assert len(table["efficiency"]) == len(table["uncertainty"]) == n_bins == 160
    for name, expected in truth["files"].items():
        if name.startswith("MC"):
            assert read(folder / name)["isSignal"].sum() == expected["signal"]
    table = tables["Dst", "K", "mc", "kaonID > 0.6"]
    again = samples.true_efficiency(
        "Dst", "K", "mc", cut="kaonID > 0.6", binning=truth["binning"], tracks=300_000
    )
    written = np.array(table["efficiency"], dtype=float)
    np.testing.assert_allclose(again["efficiency"], written, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"study": "Dstar"}, "'Dstar'"),
        ({"particle": "p"}, "'p'"),
        ({"kind": "toy"}, "'toy'"),
        ({"binning": {"cosTheda": [0, 1]}}, "did you mean 'cosTheta'"),
    ],
)
def test_truth_of_what_is_not_there_is_refused(change, message):
    asked = {"study": "Dst", "particle": "K", "kind": "mc"} | change
    binning = asked.pop("binning", {"p": [0, 5]})
    with pytest.raises(BadParameters, match=message):
        samples.true_efficiency(*asked.values(), cut="kaonID > 0.6", binning=binning)


def test_truth_of_an_unknown_variable_is_refused():
    with pytest.raises(UnknownVariable, match="kaonIDD"):
        samples.true_efficiency("Dst", "K", "mc", cut="kaonIDD > 0.6", binning={"p": [0, 5]})


# folders


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(OutputNotWritable, match="remove it first"):
        samples.make(tmp_path, events=10)
    with pytest.raises(OutputNotWritable, match="remove it first"):
        samples.make(tmp_path / "mine.txt", events=10)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("wrong", [{"events": 1}, {"seed": -1}])
def test_senseless_sizes_and_seeds_are_refused(tmp_path, wrong):
    with pytest.raises(BadParameters, match="at least"):
        samples.make(tmp_path / "out", **wrong)


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "write_file", full)
    with pytest.raises(OutputNotWritable, match="No space left"):
        samples.make(tmp_path / "out", events=10)
    assert list(tmp_path.iterdir()) == []


def _ensure(cache, queue):
    import os

    os.environ["HEPNB_CACHE"] = cache
    queue.put(str(samples.ensure(events=500)))


def test_two_processes_may_ensure_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=_ensure, args=(str(tmp_path), queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = {queue.get(timeout=120) for _ in workers}
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert found == {str(tmp_path / "samples" / "v2-500-1")}
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["v2-500-1"]
    assert {path.name for path in Path(found.pop()).iterdir()} == {
        *(f"{collection}_{study}.root" for collection in COLLECTIONS for study in ALL_MODES),
        "catalogue.yaml",
        "truth.json",
    }


def test_ensure_makes_once_and_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("HEPNB_CACHE", str(tmp_path))
    monkeypatch.setattr(writing, "_truth", dict)
    folder = samples.ensure(events=100, seed=7)
    assert "Making the embedded samples" in caplog.text
    caplog.clear()
    made = (folder / "truth.json").stat().st_mtime_ns
    assert samples.ensure(events=100, seed=7) == folder
    assert caplog.text == ""
    assert (folder / "truth.json").stat().st_mtime_ns == made
    assert samples.ensure(events=100, seed=7, factorising=False) != folder
