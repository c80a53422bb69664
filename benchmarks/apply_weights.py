"""Replica weights of 1,000,000 candidates with three particles and 100 replicas, written to a file.

    python benchmarks/apply_weights.py [--candidates N] [--replicas N] [--repeats N]

Each candidate has three tracks, kaons and pions that are in one of two tables of 160 bins
(momentum, angle, charge). Weights and replicas of each track and their products are written, 404
columns.
Targets: less than 20 s of CPU time (user + system of the whole process, imports and reading
included) and less than 2 GB of memory at its peak, for Parquet and for a ROOT friend tree.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CPU, MEMORY = 20.0, 2000.0  # seconds, MB

# numpy and uproot stay out of this process: a child's peak memory starts from that of its parent
MAKE = """
import sys
import numpy as np, uproot
path, rows = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(20240621)
names = [f"{t}_{v}" for t in "ABC" for v in ("p", "cosTheta", "charge", "PDG", "mcPDG")]
with uproot.recreate(path, compression=uproot.ZLIB(1)) as file:
    tree = file.mktree("candidates", dict.fromkeys(names, "f8"))
    for start in range(0, rows, 100_000):
        n = min(100_000, rows - start)
        columns = {}
        for t in "ABC":
            columns |= {
                f"{t}_p": rng.uniform(0.5, 4.5, n), f"{t}_cosTheta": rng.uniform(-0.86, 0.95, n),
                f"{t}_charge": rng.choice([-1.0, 1.0], n), f"{t}_PDG": np.full(n, 321.0),
                f"{t}_mcPDG": rng.choice([321.0, -321.0, 211.0, -211.0], n)}
        tree.extend(columns)
"""

APPLY = """
import sys
import numpy as np
from hepnb.data.sample import Sample
from hepnb.pid.apply import apply_weights
from hepnb.pid.tables.flat_table import FLAT_COLUMNS
from hepnb.pid.tables.table_bins import rows_of
from hepnb.pid.tables.weight_result import WeightTable
source, target, replicas = sys.argv[1], sys.argv[2], int(sys.argv[3])
axes = {"p": (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.5),
        "cosTheta": (-0.866, -0.682, -0.4226, -0.1045, 0.225, 0.5, 0.766, 0.8829, 0.9563),
        "charge": (-2.0, 0.0, 2.0)}
frame = rows_of(axes).assign(**dict.fromkeys(FLAT_COLUMNS[:-2], 0.02), status="ok")
rng = np.random.default_rng(1)
tables = {(321, true): WeightTable(frame.assign(data_MC_ratio=rng.normal(1, 0.1, len(frame))), axes,
                                   cut="kaonID > 0.6") for true in (321, 211)}
sample = Sample("benchmark", "mc", files=(source,), tree="candidates")
apply_weights(sample, tables, particles=["A", "B", "C"], seed=1, replicas=replicas).write(target)
"""


def measure(command: list[str]) -> tuple[float, float]:
    """CPU seconds and peak MB of a command, run to its end."""
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=1_000_000)
    parser.add_argument("--replicas", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "candidates.root"
        measure([sys.executable, "-c", MAKE, str(source), str(asked.candidates)])
        print(f"{asked.candidates:,} candidates x 3 particles x {asked.replicas} replicas")
        for kind in ("parquet", "root"):
            target = Path(scratch) / f"weights.{kind}"
            command = [sys.executable, "-c", APPLY, str(source), str(target), str(asked.replicas)]
            costs = [measure(command) for _ in range(asked.repeats)]
            cpu, memory = min(each[0] for each in costs), max(each[1] for each in costs)
            good = cpu < CPU and memory < MEMORY
            missed += not good
            print(
                f"  {kind:<8} CPU {cpu:.1f} s (target < {CPU:g}), peak {memory:.0f} MB "
                f"(target < {MEMORY:g}), file {target.stat().st_size / 1e6:.0f} MB"
                f"{'' if good else ': MISSED'}"
            )
            target.unlink()
    return missed


if __name__ == "__main__":
    sys.exit(main())
