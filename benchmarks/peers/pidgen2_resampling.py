"""pidgen2's part of pid_resampling.py: run by a Python that has pidgen2, never imported by hepnb.

    python pidgen2_resampling.py FOLDER ROWS

Reads data.root, mc.root and target.root of the folder; writes pidgen2_resample.npy and
pidgen2_transform.npy of the first rows of the target, and prints CPU seconds as JSON. The command
line of pidgen2 0.5.3 cannot be imported; its core can, with a configuration by hand: the numbers
are those that it has for K_Dstar2Dpi, and the variable is its CombDLLK.
"""

# ruff: noqa: ANN001, ANN201, ANN202

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import uproot
from pidgen2.resampling import correct_data, create_template, data_transform, resample_data
from pidgen2.variables.CombDLLK import variable
from scipy.ndimage import gaussian_filter

KINEMATICS = ["probe_PT", "probe_ETA", "nTracks"]
QUIET = -1
CONFIG = {
    "trees": ["DecayTree"],
    "prefix": "probe",
    "calib_cache_branches": ["pt", "eta", "ntr", "sw"],
    "data_ranges": [(2.4, 4.4), (1.9, 5.0), (0.7, 3.1)],
    "labels": ["PID", "pT", "eta", "tracks"],
    "names": ["pid", "pt", "eta", "ntr"],
    "max_weights": None,
    "smear": [None, None, (-0.5, 0.5)],
    "transform": ["np.log10(x)", "x", "np.log10(x)"],
    "normalise_bins": [100, 100, 100],
    "normalise_methods": ["scale", "scale", "flatten"],
    "normalise_ranges": [(0.0, 1.0), (0.0, 1.0), (0.0, 1.0)],
    "template_bins": [70, 70, 20],
    "template_sigma": {"default": [2.0, 4.0, 4.0]},
}


def template(folder, name, normaliser):
    """Smoothed counts, edges and normaliser of a calibration sample."""
    weights = ["probe_sWeight"] if name == "data" else []
    config = CONFIG | {"sample": [f"{folder}/{name}.root"], "branches": [*KINEMATICS, *weights]}
    counts, _, edges, own = create_template(
        variable, config, verbose=QUIET, mc=name == "mc", external_normaliser=normaliser
    )
    sigma = [variable["template_sigma"]["default"], *CONFIG["template_sigma"]["default"]]
    return gaussian_filter(counts, sigma), edges, own


def main():
    folder, rows = Path(sys.argv[1]), int(sys.argv[2])
    cpu, made = {}, {}
    start = time.process_time()

    def lap(name):
        nonlocal start
        start, cpu[name] = time.process_time(), time.process_time() - start

    for name in ("data", "mc"):
        made[name] = template(folder, name, made["data"][2] if made else None)
        lap(f"template of {name}")
    tree = uproot.open(folder / "target.root")["DecayTree"]
    target = tree.arrays(["probe_PIDK", *KINEMATICS], entry_stop=rows, library="np")
    columns = np.stack([target[name] for name in KINEMATICS], axis=1)
    kinematics = data_transform(columns, CONFIG)
    all_of_them = np.column_stack([target["probe_PIDK"], kinematics])
    np.random.seed(1)  # noqa: NPY002 -- pidgen2 draws from the global generator
    start = time.process_time()
    drawn = resample_data(kinematics, CONFIG, variable, made["data"], verbose=QUIET)[0]
    lap("resample")
    moved = correct_data(all_of_them, CONFIG, variable, made["data"], made["mc"], verbose=QUIET)[0]
    lap("transform")
    np.save(folder / "pidgen2_resample.npy", drawn.ravel())
    np.save(folder / "pidgen2_transform.npy", moved.ravel())
    return {"cpu": cpu}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        answer = main()
    print(json.dumps(answer))
