"""Run every benchmark, one after the other: ``python -m benchmarks [--peer-bin DIR ...]``."""

import argparse
import subprocess
import sys
from pathlib import Path

# script to the command that its peer's environment has; those of None take several environments
PEERED = {
    "efficiency_histograms.py": "pidcalib2.make_eff_hists",
    "pidcalib2_bins.py": "pidcalib2.make_eff_hists",
    "root_exports.py": "root",
    "pid_resampling.py": "pidgen2.resample",
    "background_functions.py": None,
}
NEEDED = ("pidcalib2_bins.py", "root_exports.py")  # nothing to measure without the peer
ALONE = (
    "import_time.py",
    "cut_evaluation.py",
    "apply_weights.py",
    "discrete_profiling.py",
    "ftest_size.py",
    "ten_categories.py",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-bin", type=Path, nargs="+", default=[], help="bin folders of peers")
    given = parser.parse_args().peer_bin
    failed = []
    for name in (*ALONE, *PEERED):
        command = PEERED.get(name)
        several = name in PEERED and command is None
        found = given if several else [each for each in given if (each / (command or "-")).exists()]
        if name in NEEDED and not found:
            continue
        chosen = found if several else found[:1]
        options = ["--peer-bin", *chosen] if chosen else []
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, Path(__file__).parent / name, *options]).returncode:
            failed.append(name)
    print("missed its target: " + ", ".join(failed) if failed else "every target met")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
