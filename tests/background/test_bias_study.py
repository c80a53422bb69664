"""Bias studies: closure of arXiv:1408.6865, and what happens when toys fail or are stopped."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hepnb.background.fitting import fit_background
from hepnb.background.fitting.signal_model import SignalModel
from hepnb.background.profiling import bias, study_bias, toys
from hepnb.background.signal import SumOfGaussians
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

EDGES = np.linspace(110.0, 150.0, 161)
BLANK = MassSpectrum(edges=EDGES, counts=np.zeros(160))
SIGNAL = SumOfGaussians(expected=50.8, mean=125.0, sigma=1.19, lo=110.0, hi=150.0)
FOUR = ("powerlaw1", "exponential1", "laurent1", "bernstein1")
FALSE_ALARM = 1e-3  # of each statistical test below


class Falling:
    """A background given by its integral."""

    def __init__(self, events, integral):
        self.events, self.integral = events, integral

    def expected(self, edges):
        parts = np.diff(self.integral(np.asarray(edges)))
        return self.events * parts / parts.sum()


POWER = Falling(4194.0, lambda mass: mass**-3.91)
EXPONENTIAL = Falling(4231.0, lambda mass: np.exp(-0.0386 * mass))


@pytest.fixture(scope="module")
def study():
    return study_bias(
        BLANK,
        {"power": POWER, "exponential": EXPONENTIAL},
        FOUR,
        SIGNAL,
        strengths=(1.0,),
        toys=60,
        seed=17,
    )


def test_the_envelope_is_nearly_unbiased_where_wrong_functions_are_not(study):
    z = stats.norm.isf(FALSE_ALARM / 2)
    table = study.table.set_index(["truth", "function"])
    assert (table["toys"] == 60).all()
    assert (table["failed"] == 0).all()
    for truth, own, wrong in (
        ("power", "powerlaw1", "bernstein1"),
        ("exponential", "exponential1", "bernstein1"),
    ):
        # 1000 toys of the benchmark find at most 0.19
        assert abs(table.loc[(truth, "envelope"), "mean_pull"]) < 0.2 + z / np.sqrt(60)
        assert abs(table.loc[(truth, own), "mean_pull"]) < 0.1 + z / np.sqrt(60)
        assert table.loc[(truth, wrong), "mean_pull"] < -1.3 + z / np.sqrt(60)
        for level, low, high in (("coverage_68", 0.64, 0.75), ("coverage_95", 0.925, 0.975)):
            least = stats.binom.ppf(FALSE_ALARM / 2, 60, low)
            most = stats.binom.isf(FALSE_ALARM / 2, 60, high)
            assert least <= 60 * table.loc[(truth, "envelope"), level] <= most


@pytest.mark.slow
@pytest.mark.parametrize("truth", ["power law", "exponential", "Laurent"])
def test_closure_of_the_paper_with_a_thousand_toys(truth):
    import importlib.util

    path = Path(__file__).parents[2] / "benchmarks" / "discrete_profiling.py"
    spec = importlib.util.spec_from_file_location("discrete_profiling", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    study = benchmark.closure(1000, strengths=(0.0, 1.0), truths={truth: benchmark.TRUTHS[truth]})
    assert benchmark.missed(study).empty
    assert study.table["failed"].sum() == 0


def test_pulls_are_the_signed_root_of_the_rise_and_the_distance_in_sigmas(study):
    frame = study.toys
    np.testing.assert_allclose(frame["pull"] ** 2, frame["rise"], atol=1e-12)
    assert (np.sign(frame["pull"]) == np.sign(frame["strength"] - 1.0)).all()
    # a likelihood that is nearly a parabola
    single = frame[frame["function"] != "envelope"]
    difference = (single["pull"] - single["pull_sigma"]).abs()
    assert difference.median() < 0.05


def test_the_envelope_of_a_toy_is_that_of_a_full_scan(study):
    from hepnb.background.profiling import scan_envelope

    experiment = bias._experiment(
        BLANK,
        {"power": POWER, "exponential": EXPONENTIAL},
        FOUR,
        signal=SIGNAL,
        strengths=(1.0,),
        correction=bias.as_correction(1.0),
        seed=17,
    )
    frame = study.toys[study.toys["function"] == "envelope"]
    for toy in range(3):
        scanned = scan_envelope(experiment.draw("power", 1.0, toy), FOUR, SIGNAL)
        row = frame[(frame["truth"] == "power") & (frame["toy"] == toy)].iloc[0]
        assert row["strength"] == pytest.approx(scanned.strength, abs=1e-5)
        assert row["chosen"] == scanned.best
        rise = np.interp(1.0, scanned.strengths, scanned.lowest) - scanned.minimum
        assert row["rise"] == pytest.approx(rise, abs=0.03)  # of the interpolation


def test_toys_depend_on_the_seed_alone():
    def run(**options):
        found = study_bias(
            BLANK, {"power": POWER}, FOUR[:2], SIGNAL, strengths=(0.0, 1.0), **options
        )
        return found.toys.sort_values(["toy", "injected", "function"], ignore_index=True)

    one = run(toys=6, seed=5)
    pd.testing.assert_frame_equal(one, run(toys=6, seed=5))
    pd.testing.assert_frame_equal(one, run(toys=6, seed=5, jobs=2))
    # more toys begin with the same ones
    more = run(toys=7, seed=5)
    pd.testing.assert_frame_equal(one, more[more["toy"] < 6].reset_index(drop=True))
    assert not np.isclose(one["strength"], run(toys=6, seed=6)["strength"]).any()


def test_each_toy_has_the_random_numbers_that_spawning_would_give():
    experiment = bias._experiment(
        BLANK,
        {"power": POWER},
        ["laurent1"],
        signal=SIGNAL,
        strengths=(0.0, 2.0),
        correction=bias.as_correction(1.0),
        seed=9,
    )
    sequence = np.random.SeedSequence(9).spawn(1)[0].spawn(2)[1].spawn(4)[3]
    counts = np.random.default_rng(sequence).poisson(experiment.mean("power", 2.0))
    np.testing.assert_array_equal(experiment.draw("power", 2.0, 3).counts, counts)


def test_an_interrupted_study_gives_what_was_done(monkeypatch, caplog):
    whole = toys.toy_fits
    done = []

    def stopped(*task):
        if len(done) == 13:
            raise KeyboardInterrupt
        done.append(task)
        return whole(*task)

    monkeypatch.setattr(bias, "toy_fits", stopped)
    truths = {"power": POWER, "exponential": EXPONENTIAL}
    partial = study_bias(BLANK, truths, ["laurent1"], SIGNAL, strengths=(0.0, 1.0), toys=50)
    assert partial.interrupted
    assert (partial.done, partial.requested) == (3, 50)
    # in turns, so that all truths and strengths have as many
    assert partial.table["toys"].between(3, 4).all()
    assert "13 of 200 toys" in caplog.text
    assert partial.numbers()["toys"]["status"] == "interrupted"
    monkeypatch.undo()
    finished = study_bias(BLANK, truths, ["laurent1"], SIGNAL, strengths=(0.0, 1.0), toys=4)
    pd.testing.assert_frame_equal(partial.toys, finished.toys.iloc[: len(partial.toys)])


def test_an_interrupt_before_the_first_toy_is_passed_on(monkeypatch):
    def stopped(*task):
        raise KeyboardInterrupt

    monkeypatch.setattr(bias, "toy_fits", stopped)
    with pytest.raises(KeyboardInterrupt):
        study_bias(BLANK, {"power": POWER}, ["laurent1"], SIGNAL, toys=2)


def test_failed_fits_are_counted_and_left_out(monkeypatch):
    whole = SignalModel.fit

    def failing(self, **options):
        # some of the toys, by what is in them
        odd = self.likelihood.spectrum.total % 3 == 0 and not self.likelihood.spectrum.weighted
        if self.family.name == "exponential" and odd and options.get("starts"):
            return None
        return whole(self, **options)

    monkeypatch.setattr(SignalModel, "fit", failing)
    study = study_bias(
        BLANK, {"power": POWER}, ["exponential1", "laurent1"], SIGNAL, strengths=(1.0,), toys=30
    )
    table = study.table.set_index("function")
    assert 3 < table.loc["exponential1", "failed"] < 20
    assert table.loc["laurent1", "failed"] == 0
    assert table.loc["envelope", "failed"] == table.loc["exponential1", "failed"]
    assert (table["toys"] + table["failed"] == 30).all()
    assert len(study.pulls("power", 1.0)) == table.loc["envelope", "toys"]
    assert np.isfinite(study.pulls("power", 1.0)).all()


@pytest.mark.parametrize("events", [0.7, 4.0, 40.0])
def test_few_events_give_finite_or_empty_toys(events):
    small = SumOfGaussians(expected=2.0, mean=125.0, sigma=1.5, lo=110.0, hi=150.0)
    edges = np.linspace(110.0, 150.0, 41)
    blank = MassSpectrum(edges=edges, counts=np.zeros(40))
    truth = {"power": Falling(events, lambda mass: mass**-3.91)}
    study = study_bias(
        blank, truth, ["laurent1", "bernstein1"], small, strengths=(0.0,), toys=12, seed=2
    )
    table = study.table
    assert (table["failed"] == 0).all()
    assert (table["toys"] + table["empty"] == 12).all()
    assert (table["empty"] > 0).all() == (events < 1)
    good = study.toys[study.toys["status"] == "ok"]
    assert np.isfinite(good[["strength", "rise", "pull"]]).all(axis=None)


def test_truths_of_a_blinded_spectrum_are_those_of_its_sidebands():
    rng = np.random.default_rng(4)
    counts = rng.poisson(POWER.expected(EDGES) + 30 * SIGNAL.expected * SIGNAL.fractions(EDGES))
    hidden = (EDGES[:-1] >= 119.0) & (EDGES[1:] <= 131.0)
    blinded = MassSpectrum(edges=EDGES, counts=np.where(hidden, 0, counts), visible=~hidden)
    fit = fit_background(blinded, "powerlaw", 1)
    study = study_bias(blinded, ["powerlaw1"], ["laurent1"], SIGNAL, strengths=(0.0,), toys=40)
    given = study_bias(blinded, [fit], ["laurent1"], SIGNAL, strengths=(0.0,), toys=40)
    pd.testing.assert_frame_equal(study.toys, given.toys)
    # toys fill the window, and know nothing of the thirty-fold signal in it
    z = stats.norm.isf(FALSE_ALARM / 2)
    assert abs(study.table["mean_pull"].iloc[0]) < 0.1 + z / np.sqrt(40)


def test_settings_that_make_no_study_are_refused():
    for options, message in (
        ({"toys": 0}, "at least 1, 0 and 1"),
        ({"strengths": ()}, "no injected strength"),
        ({"strengths": (-50.0,)}, "inject a larger one"),
        ({"correction": -1.0}, "CMS's choice"),
    ):
        with pytest.raises(BadParameters, match=message):
            study_bias(BLANK, {"power": POWER}, ["laurent1"], SIGNAL, **({"toys": 2} | options))
    with pytest.raises(BadParameters, match="needs some to draw from"):
        study_bias(BLANK, ["powerlaw1"], ["laurent1"], SIGNAL, toys=2)
    with pytest.raises(BadParameters, match="no truth"):
        study_bias(BLANK, [], ["laurent1"], SIGNAL, toys=2)


def test_what_is_saved_and_drawn_is_what_was_found(study, tmp_path):
    files = study.save(tmp_path, "bias")
    assert [each.name for each in files] == ["bias.csv", "bias.toys.parquet", "bias.json"]
    pd.testing.assert_frame_equal(pd.read_csv(files[0]), study.table, check_dtype=False)
    assert len(pd.read_parquet(files[1])) == len(study.rows)
    assert json.loads(files[2].read_text())["toys_done"] == 60
    np.testing.assert_allclose(study.chosen.sum(axis=1), 1.0)
    matrix = study.matrix("mean_pull")
    assert list(matrix) == [*FOUR, "envelope"]
    own = study.table.query("truth == 'exponential' and function == 'laurent1'").iloc[0]
    assert matrix.loc[("exponential", 1.0), "laurent1"] == own["mean_pull"]
    axes = study.plot()
    assert [ax.get_title(loc="left") for ax in axes] == ["truth: Power", "truth: Exponential"]
    assert len(study.plot_coverage()) == 2
    number = study.numbers()["coverage_68_power_mu1"]
    row = study.table.query("truth == 'power' and function == 'envelope'").iloc[0]
    assert number["value"] == row["coverage_68"]
