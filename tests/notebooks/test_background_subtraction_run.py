"""The efficiency table's notebook with COWs, on a background that does not factorise."""

import json

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hepnb
from hepnb.data import samples

pytestmark = pytest.mark.notebook

BINNING = {"p": [0.5, 1.0, 1.5, 2.5, 3.5]}
FALSE_ALARM = 1e-3
CUT = "kaonID > 0.6"


@pytest.fixture(scope="module")
def dependent_site(tmp_path_factory):
    """300 000 candidates whose background's mass depends on p and PID, as one Parquet file."""
    folder = tmp_path_factory.mktemp("dependent")
    columns = samples.candidates("proc13", "Dst", 0, 300_000, factorising=False)
    kept = {k: v for k, v in columns.items() if k.startswith(("D0_", "K_"))}
    pd.DataFrame(kept).to_parquet(folder / "dependent.parquet")
    site = folder / "site.yaml"
    site.write_text(f"""
site: toy
collections:
  dependent:
    kind: data
    studies:
      Dst:
        files: [{folder}/dependent.parquet]
        mass: D0_M
        particles: {{K: K}}
""")
    return str(site)


def run(site, out, **parameters):
    common = {"site": site, "binning": BINNING, "cut": CUT, "precut": "", "sweights": "cows"}
    return hepnb.run("efficiency_table", out, parameters=common | parameters)


def chi2_probability(folder):
    table = pd.read_csv(folder / "efficiency.csv")
    truth = samples.true_efficiency("Dst", "K", "data", cut=CUT, binning=BINNING)
    sigma = np.hypot(table["stat_up"], truth["uncertainty"])
    pulls = (table["efficiency"] - truth["efficiency"]) / sigma
    return stats.chi2.sf(np.sum(pulls**2), len(pulls))


def test_background_that_depends_on_momentum_is_told_and_cows_close(dependent_site, tmp_path):
    found = run(dependent_site, tmp_path / "out", data="dependent", cow_degree=3)
    assert chi2_probability(found.directory) > FALSE_ALARM
    assert found.numbers["tau(p)"]["status"] == "depends_on_mass"
    notebook = nbformat.read(found.directory / "notebook.ipynb", as_version=4)
    [cell] = [each for each in notebook.cells if each.id == "factorisation"]
    shown = json.dumps([each for each in cell.outputs if each.output_type == "execute_result"])
    assert "does not factorise" in shown
