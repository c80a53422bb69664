"""Run every benchmark, one after the other: ``python -m benchmarks [--peer-bin DIR]``."""

import argparse
import subprocess
import sys
from pathlib import Path

PEERED = ("efficiency_histograms.py", "pidcalib2_bins.py")
ALONE = ("import_time.py", "cut_evaluation.py", "apply_weights.py")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-bin", help="bin folder of the environment that has the peers")
    peer_bin = parser.parse_args().peer_bin
    failed = []
    for name in (*ALONE, *PEERED):
        if name == "pidcalib2_bins.py" and not peer_bin:
            continue  # nothing to measure without the peer
        options = ["--peer-bin", peer_bin] if peer_bin and name in PEERED else []
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, Path(__file__).parent / name, *options]).returncode:
            failed.append(name)
    print("missed its target: " + ", ".join(failed) if failed else "every target met")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
