"""The fixed_weights stage, from the YAML of the slides to its files."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

import hepnb
from hepnb.pid import produce_data_mc_ratio
from hepnb.stages.fixed_weights import FixedWeights

pytestmark = pytest.mark.notebook

CONFIG = """
weight_dir: kaon_weights
remove tmp files: true
weight_cfg_list:
  - prefix_name: kaons
    efficiency_particle_type: K
    fakerate_particle_type: [pi]
    binning: [[0.5, 1.5, 4.5], [-0.866, 0.225, 0.9563]]
    track_variables: [p, cosTheta]
    cuts: [kaonID > 0.5, "binaryID(K, pi) > 0.6"]
    precuts: [thetaInCDCAcceptance]
    mc_proc_query: MC15rd_proc13+prompt
    data_proc_query: proc13+prompt
"""


def test_the_workflow_file_gives_one_csv_per_species(small_site, tmp_path):
    stage = FixedWeights.from_values({**yaml.safe_load(CONFIG), "site": small_site})
    run = hepnb.run(stage, tmp_path / "run")
    folder = run.directory / "kaon_weights"
    assert sorted(each.name for each in folder.iterdir()) == [
        "index.csv",
        "kaons_K_K.csv",
        "kaons_K_K.status.csv",
        "kaons_K_pi.csv",
        "kaons_K_pi.status.csv",
    ]
    rows = pd.read_csv(folder / "kaons_K_pi.csv")
    alone = produce_data_mc_ratio(
        "kaonID > 0.5",
        "pi",
        "proc13+prompt",
        "MC15rd_proc13+prompt",
        ["p", "cosTheta"],
        [[0.5, 1.5, 4.5], [-0.866, 0.225, 0.9563]],
        "thetaInCDCAcceptance",
        site=small_site,
    ).create_weights()
    chosen = rows[rows["variable"] == "kaonID"].reset_index(drop=True)
    pd.testing.assert_frame_equal(chosen, alone, check_dtype=False)
    assert run.numbers["tables"]["value"] == 4
    assert (run.directory / "mean_weights.pdf").stat().st_size > 0
