"""Chosen candidates of other samples appended to one, against rows put together by hand."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from hepnb.data.filling import fill
from hepnb.data.joined_sample import join
from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, UnknownVariable


def frame(seed, n):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"K_p": rng.random(n), "K_id": rng.random(n)})


DATA, MC = frame(1, 1000), frame(2, 700).assign(K_match=lambda f: (f["K_id"] > 0.4).astype(float))
FIRST = Sample.from_frame(DATA, particles={"K": "K"}, prefix="K")
OTHER = Sample.from_frame(MC, kind="mc", prefix="K", aliases={"good": "match == 1"})


@pytest.fixture
def joined():
    return join(FIRST, [(OTHER, "not good"), (OTHER, "good and p > 0.5")])


@pytest.mark.parametrize("size", [37, 250, 10_000])
def test_rows_are_those_of_the_parts_in_order_for_any_chunk_size(joined, size):
    chunks = [pd.DataFrame(each) for each in joined.iterate(["p", "origin"], chunk_size=size)]
    found = pd.concat(chunks, ignore_index=True)
    parts = [DATA, MC[MC["K_match"] == 0], MC[(MC["K_match"] == 1) & (MC["K_p"] > 0.5)]]
    np.testing.assert_array_equal(found["p"], np.concatenate([each["K_p"] for each in parts]))
    np.testing.assert_array_equal(found["origin"], np.repeat([0, 1, 2], list(map(len, parts))))


def test_histograms_of_the_parts_add_up_for_threads_too(joined):
    whole = fill(joined, binnings={"p": [0, 0.5, 1]}, cuts=["id > 0.2"], workers=2).hist("id > 0.2")
    by_hand = np.zeros(2)
    for rows in (DATA, MC[MC["K_match"] == 0], MC[(MC["K_match"] == 1) & (MC["K_p"] > 0.5)]):
        by_hand += np.histogram(rows.loc[rows["K_id"] > 0.2, "K_p"], [0, 0.5, 1])[0]
    np.testing.assert_array_equal(whole.values(), by_hand)


def test_it_travels_to_another_process_and_keeps_its_particle(joined):
    copy = pickle.loads(pickle.dumps(joined))
    assert copy.columns == joined.columns == ("K_p", "K_id", "origin")
    assert (
        copy.particle("K").read(["origin"])["origin"].sum() == joined.read(["origin"]).sum().item()
    )


def test_what_cannot_be_joined_is_refused_before_reading(joined):
    with pytest.raises(BadParameters, match="choose another"):
        join(FIRST, [], origin="K_p")
    with pytest.raises(BadParameters, match="joined already"):
        join(joined, [(OTHER, "")])
    with pytest.raises(UnknownVariable, match="goood"):
        join(FIRST, [(OTHER, "goood")])
