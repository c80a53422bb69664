"""Stages: one model, checked wherever its values come from."""

import nbformat
import papermill
import pytest
import yaml

from hepnb import stages
from hepnb.errors import BadParameters, HepnbError, UnknownCollection, UnknownStage, UnknownVariable
from hepnb.stages.weight_table import WeightTable

ALL = sorted(stages.all_stages())


@pytest.mark.parametrize("name", ALL)
def test_parameters_cell_equals_the_fields_and_defaults(name):
    stage = stages.find(name)
    notebook = nbformat.read(stage.notebook_path(), as_version=4)
    [cell] = [each for each in notebook.cells if "parameters" in each.metadata.get("tags", [])]
    values: dict = {}
    exec(compile(cell.source, name, "exec"), {}, values)
    defaults = {key: field.default for key, field in stage.model_fields.items()}
    assert values == defaults
    assert list(values) == list(defaults)


@pytest.mark.parametrize("name", ALL)
def test_papermill_sees_every_parameter(name):
    stage = stages.find(name)
    seen = papermill.inspect_notebook(str(stage.notebook_path()))
    assert set(seen) == set(stage.model_fields)


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_is_described(name):
    stage = stages.find(name)
    assert stage.title
    assert stage.products
    for field in stage.model_fields.values():
        assert field.description


@pytest.mark.parametrize("name", ALL)
def test_parameters_survive_yaml(name):
    stage = stages.find(name)()
    text = yaml.safe_dump(stage.model_dump(mode="json"))
    assert type(stage).from_values(yaml.safe_load(text)) == stage


@pytest.mark.parametrize("name", ALL)
def test_stages_are_frozen(name):
    with pytest.raises(ValueError, match="frozen"):
        stages.find(name)().site = "kekcc"


def test_unknown_stage_is_named_with_its_neighbour():
    with pytest.raises(UnknownStage, match="did you mean 'weight_table'"):
        stages.find("weight_tabel")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("particl=K", r"particl: no such parameter; did you mean 'particle'"),
        ("cut=[kaonID > 0.5", r"cut = '\[kaonID > 0.5'"),
        ("binning={p: [1.0]}", r"1 bin edge\(s\)"),
        ("binning={p: [1.0, 0.5]}", r"bin edges must increase, but 0.5 follows 1"),
        ("binning={p: [1.0, .inf]}", "finite"),
        ("binning={}", "no axis"),
        ("binning=[1, 2", "cannot be read as YAML"),
        ("mass_range=[1.8]", "an interval has two"),
        ("bad_bins=ignore", "keep"),
        ("sweights", "not of the form name=value"),
    ],
)
def test_a_bad_parameter_is_refused_with_reason_and_remedy(assignment, message):
    with pytest.raises(BadParameters, match=message):
        WeightTable.from_strings([assignment])


def test_a_string_parameter_keeps_its_zeros():
    assert WeightTable.from_strings(["data=007"]).data == "007"


def test_a_number_is_not_taken_for_a_string():
    with pytest.raises(BadParameters, match="valid string"):
        WeightTable.from_values({"data": 7})


def test_strings_go_on_top_of_a_parameter_file():
    stage = WeightTable.from_strings(["cut=kaonID > 0.9"], {"cut": "pionID > 0.1", "study": "X"})
    assert (stage.cut, stage.study) == ("kaonID > 0.9", "X")


LACKING = [
    ("cut=kaonIDD > 0.6", UnknownVariable, "did you mean 'kaonID'"),
    ("precut=kaonIDD > 0.6", UnknownVariable, "did you mean 'kaonID'"),
    ("variable=kaonIDD", UnknownVariable, "did you mean 'kaonID'"),
    ("data=proc14", UnknownCollection, "did you mean 'proc13'"),
    ("study=Lamda", UnknownCollection, "did you mean 'Lambda'"),
    ("particle=mu", BadParameters, "not a particle"),
    ("mass_model=two_gausians", BadParameters, "did you mean 'two_gaussians'"),
]


@pytest.mark.parametrize(
    ("name", "parameter", "error", "message"),
    [
        (name, *case)
        for name in ALL
        for case in LACKING
        if stages.find(name).check is not stages.Stage.check
        and {case[0].split("=")[0], "site"} <= set(stages.find(name).model_fields)
    ],
)
def test_what_the_inputs_lack_is_refused_before_work_starts(
    name, parameter, error, message, small_site
):
    stage = stages.find(name).from_strings([f"site={small_site}", parameter])
    with pytest.raises(error, match=message):
        stage.check()


SUBTRACTING = [name for name in ALL if "sweights" in stages.find(name).model_fields]
WITHOUT_MASS = {"study": "mumugamma", "particle": "mu", "precut": "", "binning": {"p": [1, 2, 4]}}
WITHOUT_MASS |= {"cut": "muonID > 0.5", "variable": "muonID", "fake_particle": "mu", "cuts": [""]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "no stored weights; choose 'simulation' .* 'learned'"),
        ({"sweights": "cows"}, "no mass to fit; choose 'simulation' .* 'learned'"),
        ({"sweights": "learned", "mc": ""}, "name it as `mc`"),
        ({"sweights": "simulation", "data": "MC15rd_prompt"}, "choose 'none'"),
        ({"sweights": "simulation", "mc_scale": 1, "control_region": "gamma_E > 3"}, "not both"),
        ({"sweights": "simulation", "control_region": "gamma_Energy > 3"}, "mean 'gamma_E'"),
        ({"sweights": "learned", "score_features": ["gamma_e"]}, "mean 'gamma_E'"),
        ({"sweights": "learned", "score_features": ["muonID"]}, "which the measurement looks at"),
        ({"sweights": "learned", "study": "Dst", "particle": "K"}, "name variables that tell"),
    ],
)
def test_a_way_to_subtract_the_background_that_cannot_work_is_refused(changed, message, small_site):
    kind = stages.find("efficiency_table")
    values = {"site": small_site} | WITHOUT_MASS | changed
    stage = kind.from_values({k: v for k, v in values.items() if k in kind.model_fields})
    with pytest.raises(HepnbError, match=message):
        stage.check()


@pytest.mark.parametrize("name", SUBTRACTING)
def test_a_study_without_mass_has_its_ways_in_every_stage(name, small_site):
    kind = stages.find(name)
    values = {"site": small_site} | WITHOUT_MASS
    known = {k: v for k, v in values.items() if k in kind.model_fields}
    for choice in ("simulation", "learned", "none"):
        kind.from_values(known | {"sweights": choice}).check()
    with pytest.raises(BadParameters, match="no mass to fit"):
        kind.from_values(known | {"sweights": "fit"}).check()


@pytest.mark.parametrize("name", ["mass_fit", "refit"])
def test_a_fit_needs_a_mass(name, small_site):
    values = {"site": small_site, "study": "mumugamma", "particle": "mu"}
    with pytest.raises(BadParameters, match=r"no mass to fit.*sweights='simulation' or 'learned'"):
        stages.find(name).from_values(values).check()
    if name == "mass_fit":
        stages.find(name).from_values(values | {"mass": "gamma_E"}).check()


@pytest.mark.parametrize("name", ["id_vs_misid_curve", "plot_distribution"])
def test_background_of_a_mass_fit_needs_one(name, small_site):
    field = "fakes" if name == "id_vs_misid_curve" else "against"
    stage = stages.find(name).from_values({"site": small_site, field: "background"})
    with pytest.raises(BadParameters, match="choose sweights='fit' or 'cows', not 'stored'"):
        stage.check()


@pytest.mark.parametrize("name", ["apply_weights", "pid_correction"])
def test_data_whose_background_nothing_subtracts_is_no_calibration(name, small_site):
    kind = stages.find(name)
    values = {"site": small_site, "study": "mumugamma", "particle": "mu", "precut": ""}
    values |= {"cut": "muonID > 0.5"} if name == "apply_weights" else {"variable": "muonID"}
    with pytest.raises(BadParameters, match="no stored weights for study 'mumugamma'"):
        kind.from_values(values).check()
    own = {"apply_weights": {"tables": [{"file": "a.csv", "reco": 13, "truth": 13}]}}
    own["pid_correction"] = {"templates": [{"data": "a.root", "mc": "b.root", "truth": 13}]}
    kind.from_values(values | own[name] | {"check_data": ""}).check()


@pytest.mark.parametrize("change", [{"cut": "kaonIDD > 0.5"}, {"selection": "pp > 1"}])
def test_names_in_the_cuts_of_weights_are_looked_up_before_the_run(change, small_site):
    kind = stages.find("apply_weights")
    with pytest.raises(UnknownVariable):
        kind.from_values({"site": small_site} | change).check()


def test_a_logarithmic_axis_starts_above_zero(small_site):
    kind = stages.find("plot_distribution")
    with pytest.raises(BadParameters, match="a logarithmic axis cannot start at 0"):
        kind.from_values({"site": small_site, "log_x": True}).check()
    kind.from_values({"site": small_site, "log_x": True, "variable_range": [0.1, 1]}).check()


def test_simulation_is_an_input_of_the_efficiency_only_where_it_is_read(small_site):
    kind = stages.find("efficiency_table")
    files = [
        kind.from_values({"site": small_site, "sweights": choice}).input_files()
        for choice in ("stored", "simulation")
    ]
    assert [any("MC15rd" in each for each in found) for found in files] == [False, True]


@pytest.mark.parametrize("name", ALL)
def test_the_defaults_pass_the_check(name, small_site):
    kind = stages.find(name)
    stage = kind.from_values({"site": small_site} if "site" in kind.model_fields else {})
    stage.check()
    # with a site, the catalogue file beside the data
    assert len(stage.input_files()) > ("site" in kind.model_fields)


def test_the_catalogue_file_is_an_input_of_the_stage(tmp_path):
    (tmp_path / "a.csv").write_text("M\n1.0\n")
    site = tmp_path / "my.yaml"
    site.write_text(
        "site: my\ncollections: {a: {kind: data, studies: {S: {files: [a.csv], mass: M}}}}\n"
    )
    stage = stages.find("mass_fit").from_values({"site": str(site), "data": "a", "study": "S"})
    assert stage.input_files() == (str(site), str(tmp_path / "a.csv"))
