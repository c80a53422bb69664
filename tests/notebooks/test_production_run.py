"""The production stage: a task list becomes a campaign that other stages read."""

from __future__ import annotations

import pandas as pd
import pytest

import hepnb

pytestmark = pytest.mark.notebook


def test_a_task_list_becomes_a_campaign(small_samples, tmp_path):
    tasks = tmp_path / "tasks.yaml"
    tasks.write_text(
        f"- {{path: '{small_samples}/p*_KS.root', proc: proc13, short_name: KS, cms_energy: 4S}}\n"
        "- {path: /belle/Data/x, proc: proc14, short_name: KS}\n"
    )
    run = hepnb.run("production", tmp_path / "run", parameters={"task_list": str(tasks)})
    table = pd.read_csv(run.directory / "tasks.csv")
    assert table["status"].tolist() == ["ok", "on the grid"]
    assert table["p_value"][0] > 1e-3  # false-alarm rate
    sample = hepnb.catalogue(run.directory / "campaign.yaml")["proc13"].study("KS")
    assert sample.entries == 3000
    weights = sample.read(["sweight", "sweight_sys"])
    assert weights["sweight"].sum() == pytest.approx(table["signal"][0], rel=0.01)
    assert (run.directory / "campaign_b2luigi.py").stat().st_size > 0
