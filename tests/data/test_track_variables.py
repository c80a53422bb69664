"""Likelihood differences, single detectors, BDT scores and p*: against formulas done otherwise."""

import numpy as np
import pytest

from hepnb.data.expressions import parse
from hepnb.data.samples.species import MASSES
from hepnb.data.track_variables import BEAMS
from hepnb.data.variables import manager
from hepnb.errors import BadVariable, UnknownVariable

rng = np.random.default_rng(1)
LOG_L = {each: rng.normal(0, 5, 50) for each in ("kaon", "pion", "proton")}
TOTAL = sum(np.exp(each) for each in LOG_L.values())
PID = {f"{each}ID": np.exp(value) / TOTAL for each, value in LOG_L.items()}


def value(text, columns, **bind):
    return parse(text).bind(list(columns), **bind).evaluate(columns)


def test_difference_of_log_likelihoods_is_had_from_the_identifications():
    expected = LOG_L["kaon"] - LOG_L["pion"]
    np.testing.assert_allclose(value("deltaLogL(K, pi)", PID), expected, rtol=1e-10, atol=1e-10)


def test_difference_keeps_its_order_where_a_likelihood_vanishes():
    columns = {"kaonID": np.array([1.0, 0.0, 0.0]), "pionID": np.array([0.0, 1.0, 0.0])}
    found = value("deltaLogL(K, pi)", columns)
    assert found[0] == np.inf
    assert found[1] == -np.inf
    assert np.isnan(found[2])
    mask, undecided = parse("deltaLogL(K, pi) > 2").bind(list(columns)).mask_counting(columns)
    assert mask.tolist() == [True, False, False]
    assert undecided == 1


def test_one_detector_is_asked_for_by_its_name_and_follows_the_prefix():
    columns = {"K_kaonID_TOP": np.array([0.6, 0.0]), "K_pionID_TOP": np.array([0.2, 0.0])}
    found = value("detectorID(K, pi, TOP)", columns, prefix="K")
    assert found[0] == pytest.approx(0.75)
    assert np.isnan(found[1])
    difference = value("deltaLogL(K, pi, TOP)", columns, prefix="K")
    assert difference[0] == pytest.approx(np.log(3))


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("chargedBDT(e)", "pidChargedBDTScore_e"),
        ("chargedBDT(e)", "pidChargedBDTScore__bo11__cm__spALL__bc"),
        ("chargedBDT(e, pi)", "pidPairChargedBDTScore__bo11__cm__sp211__cm__spALL__bc"),
        ("kaonIDNN", "kaonIDNN"),
    ],
)
def test_learned_scores_are_columns_under_any_of_their_names(text, column):
    columns = {f"e_{column}": np.array([0.25])}
    assert value(text, columns, prefix="e").tolist() == [0.25]


def boosted(p, mass, beams):
    """Four-vector boosted by the matrix of the frame in which the two beams add up to rest."""
    electrons, positrons, angle = beams
    ends = ((electrons, 1), (positrons, -1))
    total = sum(
        np.array([each, each * np.sin(angle / 2), 0, sign * each * np.cos(angle / 2)])
        for each, sign in ends
    )
    mass_of_frame = np.sqrt(total[0] ** 2 - total[1:] @ total[1:])
    u = total / mass_of_frame
    matrix = np.eye(4)
    matrix[0] = [u[0], *-u[1:]]
    matrix[1:, 0] = -u[1:]
    matrix[1:, 1:] += np.outer(u[1:], u[1:]) / (1 + u[0])
    return matrix @ np.array([np.sqrt(p @ p + mass**2), *p])


@pytest.mark.parametrize(
    ("text", "mass", "beams"),
    [
        ("pStar(K)", MASSES["K"], BEAMS),
        ("pStar(2.01)", 2.01, BEAMS),
        ("pStar(pi, 8.0, 3.5, 0.022)", MASSES["pi"], (8.0, 3.5, 0.022)),
    ],
)
def test_momentum_in_the_cms_is_that_of_the_boosted_four_vector(text, mass, beams):
    momenta = rng.normal(0, 1.5, (20, 3))
    columns = {f"p{axis}": momenta[:, i].copy() for i, axis in enumerate("xyz")}
    expected = [np.linalg.norm(boosted(p, mass, beams)[1:]) for p in momenta]
    np.testing.assert_allclose(value(text, columns), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("detectorID(K, pi, TOF)", BadVariable, "'TOF' is not a detector"),
        ("deltaLogL(K, pi, CDX)", BadVariable, "did you mean 'CDC'"),
        ("deltaLogL(K, K)", BadVariable, "hypotheses must differ"),
        ("deltaLogL(K, pi, TOP)", UnknownVariable, "kaonID_TOP"),
        ("chargedBDT(x)", BadVariable, "not a hypothesis"),
        ("pStar(Q)", BadVariable, "'Q' has no mass"),
        ("pStar(-1)", BadVariable, "a mass is not negative"),
        ("pStar(K, 0)", BadVariable, "two energies in GeV"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(text, error, words):
    with pytest.raises(error, match=words):
        parse(text).bind(list(PID))


def test_the_list_of_variables_has_them():
    assert {"deltaLogL", "detectorID", "chargedBDT", "pStar"} <= set(manager.names())
