"""Ten categories on two cores against one: commands in fresh folders, on the same candidates."""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uproot

from hepnb.background.samples import hgg_masses

TARGET = 6.0
NUMBER = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--category", default="UntaggedTag_0")
    given = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "allData.root"
        masses = hgg_masses(given.category)
        with uproot.recreate(data) as file:
            for number in range(NUMBER):
                file.mktree(f"Data_13TeV_cat{number}", {"mass": masses.dtype}).extend(
                    {"mass": masses}
                )
        one = ["run", "ftest", "-p", f"data={data}", "-p", "category=cat0", "-o", folder / "one"]
        ten = ["categories", data, "-o", folder / "ten"]
        ratios = []
        for turn in range(given.repeat):
            # a file system that has just been written to answers slowly once
            pairs = [_timed([*map(str, command)]) for command in (one, ten)]
            for each in ("one", "ten"):
                shutil.rmtree(folder / each)
            (wall, cpu), (walls, cpus) = pairs
            ratios.append(walls / wall)
            print(
                f"{turn + 1}: one {wall:.1f} s ({cpu:.1f} s CPU), {NUMBER} {walls:.1f} s "
                f"({cpus:.1f} s CPU): wall {walls / wall:.2f}, CPU {cpus / cpu:.2f}"
            )
    least = min(ratios)
    print(f"{NUMBER} categories on two cores / one: {least:.2f} (target {TARGET:g})")
    return int(least > TARGET)


def _timed(command: list[str]) -> tuple[float, float]:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-c", "from hepnb.cli import main; main()", *command],
        check=True,
        capture_output=True,
        env=environment,
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
