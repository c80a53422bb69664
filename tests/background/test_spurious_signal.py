"""Spurious signal: none from the true function, found and refused from others, with its errors."""

import numpy as np
import pytest
from scipy import stats

from hepnb.background.profiling import read_template, spurious_signal
from hepnb.background.signal import SumOfGaussians
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters

EDGES = np.linspace(110.0, 150.0, 81)
SIGNAL = SumOfGaussians(expected=50.8, mean=125.0, sigma=1.19, lo=110.0, hi=150.0)
FALSE_ALARM = 1e-3  # of each statistical test below


def template(events=4194.0):
    shares = np.diff(EDGES**-3.91)
    return MassSpectrum(edges=EDGES, counts=events * shares / shares.sum())


def poisson(seed, events):
    return template().with_counts(np.random.default_rng(seed).poisson(template(events).counts))


@pytest.fixture(scope="module")
def result():
    functions = ["powerlaw1", "exponential1", "bernstein1", "bernstein3", "exponential3"]
    return spurious_signal(template(), functions, SIGNAL, np.arange(116.0, 135.0, 2.0), weight=0.0)


def test_the_true_function_has_none_and_the_simplest_of_the_good_ones_is_chosen(result):
    table = result.table.set_index("function")
    assert abs(table.loc["powerlaw1", "spurious"]) < 1e-5
    assert result.chosen == "powerlaw1"
    assert table.loc["exponential3", "accepted"]
    assert table.loc["bernstein1", "reason"] == "spurious signal too large"
    assert (result.frame["mc_error"] == 0).all()


def test_the_spurious_signal_is_the_bias_of_toys(result):
    from hepnb.background.profiling import study_bias

    class Truth:
        def expected(self, edges):  # noqa: ARG002
            return template().counts

    study = study_bias(
        template(), {"truth": Truth()}, ["bernstein1"], SIGNAL, strengths=(0.0,), toys=60
    )
    frame = result.frame
    own = frame[(frame["function"] == "bernstein1") & (frame["mass"].isin([124.0, 126.0]))]
    found = study.toys[study.toys["function"] == "bernstein1"]["strength"]
    error = found.std() / np.sqrt(60)
    z = stats.norm.isf(FALSE_ALARM / 2)
    assert found.mean() == pytest.approx(
        own["spurious"].mean() / SIGNAL.expected, abs=z * error + 0.1
    )


def test_errors_are_those_of_the_template_and_of_the_data():
    masses = [125.0]
    pulls = []
    for seed in range(60):
        # ten times the data
        found = spurious_signal(
            poisson(seed, 41_940.0), ["powerlaw1"], SIGNAL, masses, scale=0.1
        ).frame.iloc[0]
        pulls.append(found["spurious"] / found["mc_error"])
        assert found["error"] == pytest.approx(found["mc_error"] * np.sqrt(10.0))
    low, high = stats.chi2.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], 60)
    assert low < np.square(pulls).sum() < high
    one = spurious_signal(template(), ["powerlaw1"], SIGNAL, masses).frame.iloc[0]
    assert found["error"] == pytest.approx(one["error"], rel=0.03)


def test_weights_make_a_template_as_large_as_its_effective_number():
    plain = poisson(3, 41_940.0)
    weighted = MassSpectrum(edges=EDGES, counts=0.25 * plain.counts, weighted=True)
    options = {"functions": ["powerlaw1"], "signal": SIGNAL, "masses": [120.0, 130.0]}
    one = spurious_signal(plain, scale=0.1, **options)
    other = spurious_signal(weighted, scale=0.4, weight=0.25, **options)
    for column in ("spurious", "error", "mc_error"):
        np.testing.assert_allclose(one.frame[column], other.frame[column], rtol=1e-6)
    assert other.table["p_value"].iloc[0] == pytest.approx(one.table["p_value"].iloc[0])


def test_a_function_that_does_not_describe_the_template_is_refused():
    found = spurious_signal(
        poisson(1, 400_000.0), ["bernstein1", "powerlaw1"], SIGNAL, [125.0], scale=0.01
    )
    table = found.table.set_index("function")
    assert table.loc["bernstein1", "p_value"] < 1e-6
    assert "does not describe the template" in table.loc["bernstein1", "reason"]
    assert table.loc["powerlaw1", "p_value"] > FALSE_ALARM


def test_relaxed_criteria_forgive_what_the_template_cannot_tell():
    small = poisson(7, 4194.0)
    masses = np.arange(116.0, 135.0, 3.0)
    strict = spurious_signal(small, ["powerlaw1"], SIGNAL, masses)
    relaxed = spurious_signal(small, ["powerlaw1"], SIGNAL, masses, relaxed=True)
    assert not strict.table["accepted"].iloc[0]
    assert strict.chosen == ""
    assert relaxed.table["of_error"].iloc[0] < strict.table["of_error"].iloc[0]
    assert relaxed.chosen == "powerlaw1"


def test_templates_are_read_in_the_bins_of_the_data_with_their_weights(tmp_path):
    rng = np.random.default_rng(11)
    masses, weights = 110 + 40 * rng.random(4000), rng.gamma(4.0, 0.25, 4000)
    path = tmp_path / "simulation.csv"
    rows = "\n".join(f"{m},{w}" for m, w in zip(masses, weights, strict=True))
    path.write_text(f"mass,w\n{rows}\n")
    found = read_template(str(path), template(), events=500.0, weight="w")
    assert found["template"].total == pytest.approx(weights.sum())
    np.testing.assert_array_equal(found["template"].edges, EDGES)
    assert found["scale"] * found["template"].total == pytest.approx(500.0)
    assert found["weight"] == pytest.approx(np.square(weights).sum() / weights.sum())


def test_templates_and_masses_that_make_no_test_are_refused():
    hidden = np.arange(80) > 40
    blinded = MassSpectrum(
        edges=EDGES, counts=np.where(hidden, 0, template().counts), visible=~hidden
    )
    for spectrum, masses, options, message in (
        (blinded, [125.0], {}, "blinded or empty"),
        (template(), [], {}, "no mass"),
        (template(), [125.0], {"scale": 0.0}, "positive numbers"),
    ):
        with pytest.raises(BadParameters, match=message):
            spurious_signal(spectrum, ["powerlaw1"], SIGNAL, masses, **options)


def test_what_is_saved_and_drawn_is_what_was_found(result, tmp_path):
    files = result.save(tmp_path, "spurious")
    assert [each.name for each in files] == ["spurious.csv", "spurious.masses.csv", "spurious.json"]
    ax = result.plot()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "Power law 1 (chosen)" in labels
    number = result.numbers()["spurious_bernstein1"]
    assert number["status"] == "spurious signal too large"
    assert number["unit"] == "events"
