"""The stages of the PID response, from a fit to corrected candidates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hepnb
from hepnb.data import samples
from hepnb.pid.response import PidTemplate

pytestmark = pytest.mark.notebook

KINEMATICS = {"p": [0.3, 5.0], "charge": [-2, 0, 2]}
COARSE = {"kinematics": KINEMATICS, "cells": 8, "variable_bins": 100}


@pytest.fixture(scope="module")
def fits(small_site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fits")
    return {
        particle: hepnb.run(
            "pid_fit",
            folder / particle,
            parameters=COARSE | {"site": small_site, "particle": particle},
        )
        for particle in ("K", "pi")
    }


def test_templates_have_the_efficiency_that_was_generated(fits, small_site):
    """At 0.5, averaged over the tracks of data, within four standard deviations of the sample."""
    run = fits["K"]
    assert run.numbers["known_share"]["value"] > 0.9
    for side, kind in (("data", "data"), ("mc", "mc")):
        template = PidTemplate.load(run.directory / f"template_{side}.root")
        content = template.counts.sum(axis=-1).ravel() + template.atom_counts.sum(axis=-1).ravel()
        each = template.efficiency(0.5)
        known = np.isfinite(each)
        found = content[known] @ each[known] / content[known].sum()
        binning = {"p": [0.3, 5.0], "charge": [-2, 0, 2]}
        truth = samples.true_efficiency("Dst", "K", kind, cut="kaonID > 0.5", binning=binning)
        n = content.sum() ** 2 / template.squares.sum()
        assert abs(found - truth["efficiency"].mean()) < 4 * np.sqrt(found * (1 - found) / n) + 0.01


@pytest.mark.parametrize("method", ["resample", "transform"])
def test_corrected_candidates_pass_as_often_as_data_do(method, fits, small_site, tmp_path):
    entries = [
        {side: str(run.directory / f"template_{side}.root") for side in ("data", "mc")}
        | {"truth": {"K": 321, "pi": 211}[particle]}
        for particle, run in fits.items()
    ]
    parameters = {"site": small_site, "method": method, "templates": entries, "replicas": 5}
    parameters |= {"thresholds": [0.2, 0.5, 0.8], "binning": {"p": [0.5, 1.5, 2.5, 4.5]}}
    run = hepnb.run("pid_correction", tmp_path / "out", parameters=parameters)
    total = pd.read_csv(run.directory / "check.total.csv")
    sigma = np.sqrt((total.filter(like="_error") ** 2).sum(axis=1))
    # data is in the templates too; three thresholds that move together
    assert ((total["corrected"] - total["data"]).abs() < 3.5 * sigma).all()
    assert ((total["mc"] - total["data"]) > 3 * sigma).any()
    frame = pd.read_parquet(run.directory / "candidates.parquet")
    assert [each for each in frame if each.endswith("_4")] == ["K_kaonID_corrected_4"]
    counts = frame["K_kaonID_corrected_cause"].value_counts()
    assert run.numbers["corrected"]["value"] == counts[0]
    assert frame["K_kaonID_corrected"].notna().sum() == counts[0]
    assert (run.directory / "check.png").stat().st_size > 0


def test_templates_are_fitted_on_the_spot_and_the_check_can_be_left_out(small_site, tmp_path):
    parameters = COARSE | {"site": small_site, "check_data": "", "file_format": "root"}
    run = hepnb.run("pid_correction", tmp_path / "out", parameters=parameters)
    assert (run.directory / "candidates.root").stat().st_size > 0
    assert not (run.directory / "check.csv").exists()


def test_a_transformation_without_templates_of_simulation_is_refused_before_the_run(small_site):
    stage = hepnb.stages.find("pid_correction").from_values(
        {"site": small_site, "templates": [{"data": "a.root", "truth": 321}]}
    )
    with pytest.raises(hepnb.errors.BadParameters, match="have no file of simulation"):
        stage.check()
    with pytest.raises(hepnb.errors.BadParameters, match="template 1, truth"):
        hepnb.stages.find("pid_correction").from_values({"templates": [{"data": "a.root"}]})
