"""Bin by bin beside pidcalib2: 1, 2 and 3 dimensions, two cuts, 200,000 sWeighted candidates.

    python benchmarks/pidcalib2_bins.py --peer-bin DIR

Where a bin's total is positive the two must agree to 1e-12 in efficiency and uncertainty, unless
every candidate of the bin passes or fails: pidcalib2 then says +- 0 and hepnb gives an interval.
Bins whose total is not positive must carry a status other than "ok" in hepnb.
"""

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path

from efficiency_histograms import CUTS, ETA, MAKE, UNPICKLE, P, measure

N_TRACKS = [0.0, 132.0, 140.0, 180.0, 220.0]
AXES = {"P": P, "ETA": ETA, "nTracks": N_TRACKS}
BRANCHES = {"P": "probe_P", "ETA": "probe_ETA", "nTracks": "nTracks"}

HEPNB = """
import json, sys
from hepnb.data.sample import Sample
from hepnb.pid import measure_efficiency
request = json.load(sys.stdin)
sample = Sample("benchmark", "data", files=(request["file"],), tree="DecayTree")
for cut in request["cuts"]:
    frame = measure_efficiency(sample, cut=f"probe_PIDK > {cut}", binning=request["binning"],
                               weight="probe_sWeight").frame
    rows = frame[["efficiency", "stat_up", "stat_dn", "sum_w", "status"]].values.tolist()
    print(json.dumps([[str(x) if isinstance(x, str) else float(x) for x in row] for row in rows]))
"""


def compare(file: Path, folder: Path, peer_bin: Path, names: list[str]) -> list[str]:
    """Compare tables in the axes named; say what was found and give what is wrong."""
    binning = {BRANCHES[name]: AXES[name] for name in names}
    request = {"file": str(file), "cuts": CUTS, "binning": binning}
    ours = measure([sys.executable, "-c", HEPNB], json.dumps(request)).output.splitlines()
    out = folder / "-".join(names)
    (folder / "bins.json").write_text(json.dumps({"K": {name: AXES[name] for name in names}}))
    (folder / "files.txt").write_text(f"{file}\n")
    options = ["--sample", "22", "--magnet", "up", "--particle", "K", "--output-dir", str(out)]
    options += ["--binning-file", "bins.json", "--file-list", "files.txt"]
    options += [word for name in names for word in ("--bin-var", name)]
    options += [word for cut in CUTS for word in ("--pid-cut", f"DLLK>{cut:g}")]
    measure([str(peer_bin / "pidcalib2.make_eff_hists"), *options], cwd=folder)
    reading = [str(peer_bin / "python"), "-c", UNPICKLE, str(out), *(f"{c:g}" for c in CUTS)]
    theirs = json.loads(measure(reading).output)
    worst, compared, edges, flagged, wrong = 0.0, 0, 0, [], []
    for line, (values, sigmas) in zip(ours, theirs, strict=True):
        for (eps, up, down, total, status), peer_eps, peer_sigma in zip(
            json.loads(line), values, sigmas, strict=True
        ):
            if not total > 0:
                flagged += [total]
                if total < 0:
                    print(f"    pidcalib2: {peer_eps:.4g} +- {peer_sigma:.4g}, total {total:.3g}")
                if "bad_total" not in status or not math.isnan(eps):
                    wrong.append(f"a bin of total {total:.3g} has status {status}")
                continue
            compared += 1
            worst = max(worst, abs(eps - peer_eps) / max(abs(peer_eps), 1e-300))
            if peer_sigma == 0:
                edges += 1
                if not max(up, down) > 0:
                    wrong.append(f"efficiency {eps} +{up} -{down}")
            else:
                worst = max(worst, abs(up - peer_sigma) / peer_sigma)
    print(
        f"{' x '.join(names)}: {compared} pairs of numbers compared, largest relative difference "
        f"{worst:.2g}; {edges} where pidcalib2 says +- 0 have an interval here; "
        f"{len(flagged)} bins of total <= 0 flagged here, {flagged.count(0.0)} of them empty"
    )
    return [*wrong, *([f"difference {worst:.2g}"] if worst > 1e-12 else [])]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-bin", type=Path, required=True, help="bin folder with pidcalib2")
    peer_bin = parser.parse_args().peer_bin
    missed = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        file = folder / "calibration.root"
        measure([sys.executable, "-c", MAKE, str(file), "200000", "100000"])
        for names in (["P"], ["P", "ETA"], ["P", "ETA", "nTracks"]):
            missed += compare(file, folder, peer_bin, names)
    for each in missed:
        print(f"MISSED: {each}")
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
