"""Studies: a registry, cuts that every sample understands, and mass fits that describe the data."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hepnb.data.catalogue import catalogue
from hepnb.data.sample import Sample
from hepnb.data.samples import candidates
from hepnb.data.samples.further_modes import ALL_MODES
from hepnb.errors import BadParameters, CutSyntaxError, FitFailed
from hepnb.pid import subtract_background
from hepnb.pid.studies import Study, register_study, study, study_names, study_of
from hepnb.pid.studies import study as lookup
from hepnb.pid.studies.registry import _LOADED, _STUDIES

ALL = tuple(ALL_MODES)
FITTABLE = [name for name in ALL if study(name).fittable]
EVENTS = 20_000
# of each fit; 12 fits of fixed seeds
LEAST_P = 0.01


def frame(collection: str, name: str) -> tuple[Sample, dict[str, np.ndarray]]:
    columns = candidates(collection, name, 0, EVENTS)
    mode = ALL_MODES[name]
    prefixes = {each: each for each in mode.probes}
    mass = mode.mass if mode.fittable else None
    return (
        Sample.from_frame(columns, name=collection, study=name, mass=mass, particles=prefixes),
        columns,
    )


@pytest.fixture
def clean_registry(monkeypatch):
    monkeypatch.setattr("hepnb.pid.studies.registry._STUDIES", dict(_STUDIES))
    monkeypatch.setattr("hepnb.pid.studies.registry._LOADED", set(_LOADED))


def test_there_is_a_study_for_every_generated_mode_and_for_open_data():
    assert set(study_names()) == {*ALL, "Upsilon", "Zee"}
    for name in ALL:
        assert study(name).fittable == ALL_MODES[name].fittable
        assert set(study(name).particles) == set(ALL_MODES[name].probes)
    assert {name for name in ALL if not study(name).fittable} == {
        "tau3x1",
        "mumugamma",
        "gammagamma",
        "ee",
    }


@pytest.mark.parametrize("collection", ["proc13", "MC15rd_proc13"])
@pytest.mark.parametrize("name", FITTABLE)
def test_the_default_model_describes_the_generated_mass(name, collection):
    sample, columns = frame(collection, name)
    fit = study(name).fit(sample)
    assert fit.valid
    assert fit.status == "ok"
    assert fit.p_value > LEAST_P
    assert fit.range == study(name).mass_range
    signal = int(columns["isSignal"].sum())
    # 4 standard deviations of 12 fits
    assert abs(fit.yields["signal"] - signal) < 4 * fit.errors["signal"]


@pytest.mark.parametrize(
    ("collection", "name", "signal"),
    [("cms2011_upsilon", "Upsilon", 8_500), ("cms2011_zee", "Zee", 10_500)],
)
def test_both_models_describe_open_data(collection, name, signal, open_data_folder, monkeypatch):
    """Of 19 519 muon and 18 885 electron pairs; the two models agree on their signal."""
    monkeypatch.setenv("HEPNB_OPEN_DATA", str(open_data_folder))
    sample = catalogue()[collection].study(name)
    for model in (None, study(name).alternative_model):
        fit = study(name).fit(sample, model)
        assert fit.status == "ok"
        assert fit.p_value > LEAST_P
        assert fit.yields["signal"] == pytest.approx(signal, rel=0.1)


@pytest.mark.parametrize("name", FITTABLE)
def test_the_alternative_model_converges_to_other_weights_of_like_sum(name):
    sample, _ = frame("proc13", name)
    nominal, other = (
        study(name).fit(sample, each) for each in (None, study(name).alternative_model)
    )
    assert other.valid
    assert other.yields["signal"] == pytest.approx(nominal.yields["signal"], rel=0.05)
    mass = np.linspace(*nominal.range, 50, endpoint=False)
    assert np.abs(nominal.sweights(mass) - other.sweights(mass)).max() > 1e-3


def test_background_is_subtracted_with_the_models_of_the_study_unless_others_are_named():
    sample, _ = frame("proc13", "Jpsi_mumu")
    mode = study("Jpsi_mumu")
    own = subtract_background(sample, "fit")
    assert [own.fit.model.name, own.alternative.model.name] == [
        mode.mass_model,
        mode.alternative_model,
    ]
    assert own.fit.range == mode.mass_range
    other = subtract_background(sample, "fit", models=["student", ""], range=[2.9, 3.2])
    assert [other.fit.model.name, other.alternative.model.name] == [
        "student",
        mode.alternative_model,
    ]
    assert other.fit.range == (2.9, 3.2)


@pytest.mark.parametrize("name", ALL)
def test_every_selection_keeps_signal_and_not_all_is_kept(name):
    sample, columns = frame("MC15rd_proc13", name)
    chosen, signal = study(name), columns["isSignal"] == 1
    for particle in chosen.particles:
        for which in ("standard", *chosen.selections):
            cut = chosen.selection(which)
            mask = sample.particle(particle).bind(cut).mask(columns)
            # HLT and 1.5 GeV pi0 are hard selections; J/psi and dileptons are nearly clean
            assert 0.05 < mask[signal].mean() <= 1
            assert mask[signal].mean() >= 0.99 * mask[~signal].mean()


def test_selections_of_the_issue_by_hand():
    """Independent of the language of cuts: numpy, and the numbers as they were asked for."""
    sample, c = frame("proc13", "Dst")
    expected = (c["K_dr"] < 2) & (c["pi_dr"] < 2) & (abs(c["K_dz"]) < 4) & (abs(c["pi_dz"]) < 4)
    expected &= (c["Dst_p_CMS"] > 2.5) & (c["D0_M"] > 1.8) & (c["D0_M"] < 1.95)
    delta_m = c["Dst_deltaM"].astype(float)
    expected &= (delta_m > 0.1439) & (delta_m < 0.1469)
    assert 0 < expected.sum() < len(expected)
    found = sample.bind(study("Dst").selection()).mask(c)
    np.testing.assert_array_equal(found, expected)

    sample, c = frame("proc13", "Lambda")
    c = {name: column.astype(float) for name, column in c.items()}
    share, significance = c["p_p"] / c["Lambda_p"], c["Lambda_flightSignificance"]
    by_hand = {
        "analysis": (share > 0.6) & (share < 1) & (significance > 3) & (c["p_protonID"] > 0.1),
        "hlt": (significance > 10) & ((c["p_p"] - c["pi_p"]) / (c["p_p"] + c["pi_p"]) > 0.41),
        "tight": (c["p_nCDCHits"] > 20) & (c["pi_nCDCHits"] > 20) & (share > 0.6),
    }
    by_hand["analysis"] &= c["Lambda_cosAlpha"] > 0.99
    by_hand["tight"] &= significance > 2
    for name, expected in by_hand.items():
        assert 0 < expected.sum() < len(expected)
        for particle in ("p", "pi"):
            found = sample.particle(particle).bind(study("Lambda").selection(name)).mask(c)
            np.testing.assert_array_equal(found, expected, err_msg=name)


def test_standard_selections_ask_for_no_identification_of_what_is_studied():
    names = {"K": "kaonID", "pi": "pionID", "p": "protonID", "e": "electronID", "mu": "muonID"}
    for name in ALL:
        for particle in set(study(name).particles) - {"pi0"}:
            assert f"{particle}_{names[particle]}" not in study(name).standard


# the registry


@pytest.mark.usefixtures("clean_registry")
def test_a_study_is_added_in_one_call_and_found_by_name():
    added = register_study(Study("Xi", "Xi -> Lambda pi", ("pi",), mass="Xi_M"))
    assert study("Xi") is added
    assert study_names()[-1] == "Xi"
    assert register_study(added) is added
    other = Study("Xi", "another", ("pi",))
    with pytest.raises(BadParameters, match="'Xi' exists"):
        register_study(other)
    assert register_study(other, replace=True) is study("Xi")


@pytest.mark.usefixtures("clean_registry")
def test_packages_add_studies_by_entry_points_and_a_broken_one_spoils_nothing(monkeypatch, caplog):
    def broken():
        raise ImportError("no such thing")

    points = [
        SimpleNamespace(name="mine", load=lambda: Study("Omega", "Omega -> Lambda K", ("K",))),
        SimpleNamespace(name="bad", load=broken),
    ]
    monkeypatch.setattr("hepnb.pid.studies.registry.entry_points", lambda **_: points)
    assert study("Omega").particles == ("K",)
    assert "'bad'" in caplog.text
    assert "no such thing" in caplog.text


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lookup("Dts"), BadParameters, "did you mean 'Dst'"),
        (lambda: study("Lambda").selection("tihgt"), BadParameters, "did you mean 'tight'"),
        (lambda: Study("X", "x", ()), BadParameters, "at least one particle"),
        (lambda: Study("X", "x", ("K",), mass_range=(2, 1)), BadParameters, "is empty"),
        (lambda: Study("X", "x", ("K",), standard="[dr < 1"), CutSyntaxError, "column"),
        (lambda: Study("X", "x", ("K",), selections={"standard": ""}), BadParameters, "standard="),
        (lambda: study("ee").fit(frame("proc13", "ee")[0]), BadParameters, "no mass to fit"),
    ],
)
def test_mistakes_are_refused_with_a_remedy(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_an_unregistered_sample_has_the_study_that_its_catalogue_tells():
    sample = Sample.from_frame({"M": [1.0]}, study="Upsilon", mass="M", particles={"mu": "mu"})
    found = study_of(sample)
    assert (found.mass, found.particles, found.mass_range) == ("M", ("mu",), None)
    with pytest.raises(FitFailed):
        found.fit(sample)


def test_the_catalogue_lists_every_study(small_site):
    collection = catalogue(small_site)["proc13"]
    assert set(collection.studies) == set(ALL)
    for name in ALL:
        sample = collection.study(name)
        assert study_of(sample) is study(name)
        assert (sample.mass or "") == study(name).mass
