"""Many weight tables at once are those made one by one, in files that their readers understand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from hepnb.data.catalogue import catalogue
from hepnb.data.samples import true_efficiency
from hepnb.errors import BadParameters, HepnbError, UnknownCollection, UnknownVariable
from hepnb.pid import (
    data_mc_ratio,
    measure_efficiency,
    produce_data_mc_ratio,
    subtract_background,
)
from hepnb.pid.efficiency import measure_efficiencies
from hepnb.pid.production.fixed_weights import make_fixed_weights
from hepnb.pid.production.weight_config import WeightConfig, collection_of, study_with
from hepnb.pid.studies import study as registered
from hepnb.stages.fixed_weights import FixedWeights

# as on the slides, key for key
SLIDES = """
weight_dir: /somewhere/weights
remove tmp files: false
weight_cfg_list:
  - prefix_name: hadrons
    efficiency_particle_type: K
    fakerate_particle_type: [pi, p]
    binning: [[0.5, 1.5, 4.5], [-0.866, 0.225, 0.9563], [-2, 0, 2]]
    track_variables: [p, cosTheta, charge]
    cuts: [kaonID > 0.5, "binaryID(K, pi) > 0.6"]
    precuts: ["", nCDCHits > 20]
    mc_proc_query: MC15rd_*
    data_proc_query: proc13+prompt
  - prefix_name: one
    efficiency_particle_type: p
    fakerate_particle_type: []
    binning: [[0.5, 1.5, 4.5]]
    track_variables: [p]
    cuts: protonID > 0.6
    mc_proc_query: MC15rd_proc13
    data_proc_query: pro*
"""


@pytest.fixture(scope="module")
def stage(small_site):
    return FixedWeights.from_values({**yaml.safe_load(SLIDES), "site": small_site})


@pytest.fixture(scope="module")
def made(stage):
    return make_fixed_weights(stage.weight_cfg_list, site=stage.site, workers=2)


def test_the_yaml_of_the_slides_is_read_key_for_key(stage):
    first, second = stage.weight_cfg_list
    assert stage.remove_tmp_files is False
    assert first.species == ["K", "pi", "p"]
    assert (second.cuts, second.precuts) == (["protonID > 0.6"], [""])
    assert first.axes == {
        "p": [0.5, 1.5, 4.5],
        "cosTheta": [-0.866, 0.225, 0.9563],
        "charge": [-2, 0, 2],
    }


def test_one_table_per_cut_precut_and_species(made):
    assert len(made.tables) == 2 * 2 * 3 + 1
    assert made.index["file"].unique().tolist() == [
        f"hadrons_K_{species}_precut{number}.csv"
        for species in ("K", "pi", "p")
        for number in (1, 2)
    ] + ["one_p_p.csv"]
    assert made.index.set_index("file")["study"].to_dict() == {
        name: "Lambda" if "_p_precut" in name or name.startswith("one") else "Dst"
        for name in made.index["file"]
    }


@pytest.mark.parametrize(
    "key",
    [
        (0, "K", "", "kaonID > 0.5"),
        (0, "pi", "nCDCHits > 20", "binaryID(K, pi) > 0.6"),
        (0, "p", "nCDCHits > 20", "kaonID > 0.5"),
        (1, "p", "", "protonID > 0.6"),
    ],
)
def test_each_table_is_that_of_produce_data_mc_ratio(made, stage, key):
    entry, species, precut, cut = key
    config = stage.weight_cfg_list[entry]
    _, table = made.tables[key]
    alone = produce_data_mc_ratio(
        cut,
        species,
        "proc13+prompt",
        "MC15rd_proc13+MC15rd_prompt" if entry == 0 else "MC15rd_proc13",
        config.track_variables,
        config.binning,
        precut,
        site=stage.site,
    )
    # the same sums of the same candidates, in the same order
    pd.testing.assert_frame_equal(table.create_weights(), alone.create_weights(), check_exact=True)
    assert (table.frame["data_sys_shift"] != 0).any()


def test_the_number_of_workers_changes_nothing(made, stage):
    again = make_fixed_weights(stage.weight_cfg_list, site=stage.site, workers=1)
    for key, (_, table) in made.tables.items():
        pd.testing.assert_frame_equal(table.frame, again.tables[key][1].frame, check_exact=True)


def test_efficiency_agrees_with_the_generated_truth(small_site):
    """Chi-square of a bin's difference, at a false-alarm rate of 1e-3 for both cuts together."""
    from scipy import stats

    sample = catalogue(small_site)["proc13+prompt"].study("Dst").particle("K")
    binning = {"p": [0.5, 1.0, 1.5, 2.0, 3.0], "charge": [-2, 0, 2]}
    cuts = ["kaonID > 0.6", "binaryID(K, pi) > 0.5"]
    tables = measure_efficiencies(sample, cuts=cuts, binning=binning)
    for cut in cuts:
        truth = true_efficiency("Dst", "K", "data", cut=cut, binning=binning)
        frame = tables[cut, ""].frame
        pulls = (frame["efficiency"] - truth["efficiency"]) / frame["stat_up"]
        assert stats.chi2.sf(np.sum(pulls**2), len(pulls)) > 5e-4


def test_simulation_is_truth_matched_as_in_a_single_measurement(small_site):
    sample = catalogue(small_site)["MC15rd_proc13"].study("Dst").particle("pi")
    options = {"binning": {"p": [0.5, 1.5, 4.5]}}
    found = measure_efficiencies(sample, cuts=["kaonID > 0.5"], precuts=["dr < 1"], **options)
    alone = measure_efficiency(sample, cut="kaonID > 0.5", precut="dr < 1", **options)
    table = found["kaonID > 0.5", "dr < 1"]
    pd.testing.assert_frame_equal(table.frame, alone.frame, check_exact=True)
    assert dict(table.counts) == dict(alone.counts)
    assert table.interval == "clopper_pearson"


WITHOUT_MASS = {
    "prefix_name": "leptons",
    "efficiency_particle_type": "mu",
    "binning": [[0.5, 1.5, 4.5]],
    "track_variables": "p",
    "cuts": ["muonID > 0.6", "muonID > 0.9"],
    "precuts": ["", "thetaInCDCAcceptance"],
    "mc_proc_query": "MC15rd_proc13",
    "data_proc_query": "proc13",
    "study": "mumugamma",
    "sweights": "simulation",
    "control_region": "missingEnergy > 0.9 and gamma_E < 1.6",
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"sweights": "none"},
        {"study": "Dst", "efficiency_particle_type": "K", "cuts": "kaonID > 0.6"}
        | {"sweights": "cows", "control_region": ""},
    ],
    ids=lambda change: change.get("sweights", "simulation"),
)
def test_weights_made_here_are_those_of_a_table_alone(small_site, change):
    """A mode without a mass too: one path from the choice to the table, for each precut."""
    config = WeightConfig.model_validate(WITHOUT_MASS | change)
    made = make_fixed_weights([config], site=small_site)
    assert len(made.tables) == len(config.cuts) * 2
    (_, _, precut, cut), (study, table) = list(made.tables.items())[-1]
    assert study == config.study
    mode = registered(study)
    within = " and ".join(f"[{each}]" for each in (precut, mode.standard))
    data, mc = (
        catalogue(small_site)[each].study(study).particle(config.efficiency_particle_type)
        for each in ("proc13", "MC15rd_proc13")
    )
    background = subtract_background(
        data,
        config.sweights,
        simulation=mc,
        models=[mode.mass_model, mode.alternative_model],
        range=mode.mass_range,
        cut=within,
        variables=config.variables,
        control_region=config.control_region,
    )
    alone = data_mc_ratio(
        background.sample, mc, cut=cut, precut=within, binning={"p": config.binning[0]}
    )
    pd.testing.assert_frame_equal(table.create_weights(), alone.create_weights(), check_exact=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sweights": "stored"}, "no stored weights"),
        ({"sweights": "fit"}, "no mass to fit"),
        ({"study": "Lambda"}, "mu"),
        ({"sweights": "learned", "cuts": "missingEnergy < 0.5"}, "missingEnergy"),
    ],
)
def test_weights_that_cannot_be_made_are_refused_before_the_run(small_site, change, message):
    values = {"site": small_site, "weight_cfg_list": [WITHOUT_MASS | change]}
    with pytest.raises(HepnbError, match=message):
        FixedWeights.from_values(values).check()


def test_files_hold_all_cuts_and_an_index(made, tmp_path):
    written = made.save(tmp_path, "tables")
    flat = pd.read_csv(tmp_path / "tables" / "hadrons_K_pi_precut1.csv")
    assert len(flat) == 2 * 8
    assert flat["variable"].unique().tolist() == ["kaonID", "binaryID(K, pi) > 0.6"]
    chosen = flat[(flat["variable"] == "kaonID") & (flat["threshold"] == 0.5)]
    table = made.tables[0, "pi", "", "kaonID > 0.5"][1].create_weights()
    np.testing.assert_array_equal(chosen["data_MC_ratio"], table["data_MC_ratio"])
    status = pd.read_csv(tmp_path / "tables" / "hadrons_K_pi_precut1.status.csv")
    assert (len(status), "status" in status) == (16, True)
    assert {each.name for each in written} == {
        each.name for each in (tmp_path / "tables").iterdir()
    }
    assert len(pd.read_csv(tmp_path / "tables" / "index.csv")) == 13


def test_temporary_histograms_are_kept_when_asked(made, tmp_path):
    import dataclasses

    dataclasses.replace(made, keep_tables=True).save(tmp_path, "tables")
    kept = sorted(each.name for each in (tmp_path / "tables" / "tmp").iterdir())
    assert len(kept) == 13
    table = made.tables[1, "p", "", "protonID > 0.6"][1]
    again = type(table).from_uhi(tmp_path / "tables" / "tmp" / "one_p_p_cut1.uhi.json")
    pd.testing.assert_frame_equal(again.create_weights(), table.create_weights())


def test_average_weights_are_drawn_for_every_table(made):
    ax = made.plot()
    drawn = np.concatenate([bars[0].get_xdata() for bars in ax.containers])
    np.testing.assert_allclose(np.sort(drawn), np.sort(made.index["mean_weight"]))


GOOD = yaml.safe_load(SLIDES)["weight_cfg_list"][1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"binning": [[0.5, 1.5], [0, 1]]}, "1 track_variables but 2 lists"),
        ({"binning": [[1.5, 0.5]]}, "numbers that increase"),
        ({"cuts": ["protonID > "]}, "protonID"),
        ({"cuts": [""]}, "a cut is blank"),
        ({"cuts": []}, "at least 1"),
        ({"fakerate_particle_type": "p"}, "'p' is given twice"),
        ({"prefix_name": "a/b"}, "pattern"),
        ({"prefix": "x"}, "not permitted"),
    ],
)
def test_wrong_entries_are_refused_with_a_reason(change, message):
    with pytest.raises(ValidationError, match=message):
        WeightConfig.model_validate(GOOD | change)


def test_wrong_names_are_refused_before_anything_is_read(small_site):
    def make(*changes):
        configs = [WeightConfig.model_validate(GOOD | change) for change in changes]
        return make_fixed_weights(configs, site=small_site)

    with pytest.raises(BadParameters, match=r"two entries make one_p_p\.csv"):
        make({}, {})
    with pytest.raises(UnknownCollection, match="no collection of data fits 'MC15rd"):
        make({"data_proc_query": "MC15rd_*"})
    with pytest.raises(UnknownCollection, match="where data is wanted"):
        make({"data_proc_query": "MC15rd_proc13"})
    with pytest.raises(UnknownCollection, match="no study of both has particle 'd'"):
        make({"efficiency_particle_type": "d"})
    with pytest.raises(UnknownVariable, match="protonID"):
        make({"cuts": ["protonIDD > 0.5"]})


def test_queries_are_unions_of_patterns(small_site):
    site = catalogue(small_site)
    assert collection_of(site, "pro*", "data").name == "proc13+prompt"
    assert collection_of(site, "MC15rd_*", "mc").name == "MC15rd_proc13+MC15rd_prompt"
    assert collection_of(site, "MC15rd_proc13+prompt", "mc").name == "MC15rd_proc13+prompt"
    both = (site["proc13"], site["MC15rd_proc13"])
    assert [study_with(each, both) for each in ("K", "pi", "p", "e", "mu", "pi0")] == [
        *("Dst", "Dst", "Lambda"),
        *("Jpsi_ee", "Jpsi_mumu", "Dst_Kpipi0"),
    ]
