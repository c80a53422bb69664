"""Background functions of one category: hepnb beside RooFit and zfit, in time and in minima.

    python benchmarks/background_functions.py [--peer-bin DIR ...] [--rounds N] [--parts ...]

Each folder of `--peer-bin` is the bin folder of an environment with ROOT
(`pip install --pre ROOT`) or zfit (`pip install zfit`), or both. Part `fits`: hepnb and RooFit fit
the same 19 functions to the same spectra of 40 to 100,000 candidates (Bernstein 1 to 7;
exponentials 1, 3, 5; power laws 1, 3, 5; Laurent 1 to 6), zfit the 10 that it has (Bernstein,
exponentials). Times are of the 18 without Bernstein 7, in CPU seconds of the process while it
builds and fits, imports excluded: "fresh" is the first scan of a process, where ROOT compiles its
bindings, the others are the least of some rounds after it.

Minima: what a peer found (weights and slopes) is evaluated by the formulas below, integrated over
bins, and compared with hepnb's minimum in that same convention. RooFit and zfit minimise with the
density at the bins' centres, which is not quite the same function; but all that they can find is a
function that hepnb could have found, so that no difference may be negative beyond rounding.

Part `toys`: 1000 pseudo-experiments of the step from Bernstein 3 to 4, 10,000 candidates each.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from background_sets import EXTRA, FUNCTIONS, generated, reference_sets
from efficiency_histograms import measure
from scipy.special import betainc

PEERS = Path(__file__).parent / "peers"
BELOW = 1e-4  # how far a peer may seem to be below hepnb's minimum: rounding of large sums
TRIES = 3  # of RooFit, as in flashggFinalFit

HEPNB = """
import json, sys, time
from hepnb.background.fitting import fit_background
from hepnb.background.spectrum import MassSpectrum
asked = json.load(sys.stdin)
def scan(given):
    spectrum, lower, rows = MassSpectrum(given["edges"], given["counts"]), {}, {}
    for family, order in asked["functions"]:
        start = time.process_time()
        fit = fit_background(spectrum, family, order, lower=lower.get(family))
        cpu = time.process_time() - start
        lower[family] = fit
        rows[fit.name] = {"weights": fit.weights.tolist(), "theta": fit.theta.tolist(), "cpu": cpu,
                          "status": fit.status, "tries": fit.tries, "nll": fit.nll}
    return rows
cold = scan(asked["sets"][asked["first"]])
passes = [{n: scan(each) for n, each in asked["sets"].items()} for _ in range(asked["rounds"])]
with open(sys.argv[1], "w") as file:
    json.dump({"version": "", "cold": cold, "passes": passes}, file)
"""

TOYS = """
import time
import numpy as np
from hepnb.background.fitting import fit_background
from hepnb.background.ftest.pseudo_experiments import PseudoExperiments
from hepnb.background.spectrum import MassSpectrum
import json, sys
given = json.load(sys.stdin)
spectrum = MassSpectrum(given["edges"], given["counts"])
three = fit_background(spectrum, "bernstein", 3)
four = fit_background(spectrum, "bernstein", 4, lower=three)
start = time.process_time()
gains = PseudoExperiments(three, 1).gains(1000, [four])
print(json.dumps({"cpu": time.process_time() - start, "toys": len(gains),
                  "above": float(np.mean(gains > 3.841))}))
"""


def importable(peer_bin: Path, module: str) -> bool:
    """Whether the environment has a package, asked without importing it."""
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return not subprocess.run([str(peer_bin / "python"), "-c", code]).returncode


def components(name: str, theta: list[float], edges: np.ndarray) -> np.ndarray:
    """Give each component's share of every bin, written anew from the definitions."""
    family = name.rstrip("0123456789")
    order = int(name.removeprefix(family))
    if family == "bernstein":
        k, t = np.arange(order + 1), (edges - edges[0]) / (edges[-1] - edges[0])
        return np.diff(betainc(k + 1.0, order - k + 1.0, t[:, None]), axis=0)
    powers = [-4, *(-4 - i for i in range(1, (order + 1) // 2 + 1))]
    powers += [-4 + i for i in range(1, order // 2 + 1)]
    slopes = np.array(theta if family != "laurent" else powers, float)
    x = edges if family == "exponential" else np.log(edges)
    slopes = slopes if family == "exponential" else slopes + 1.0
    slopes = np.where(np.abs(slopes) < 1e-12, 1e-12, slopes)
    below = np.expm1(slopes * (x[:, None] - x[0]))
    return np.diff(below, axis=0) / below[-1]


def nll(name: str, row: dict, spectrum: dict) -> float:
    """Give -sum n ln f, bins integrated, of what was found."""
    edges, counts = np.array(spectrum["edges"]), np.array(spectrum["counts"])
    density = components(name, row["theta"], edges) @ np.array(row["weights"]) / np.diff(edges)
    filled = counts > 0
    return -float(np.sum(counts[filled] * np.log(density[filled])))


def run(command: list[str], request: dict) -> dict:
    """Run a peer or hepnb; it answers in a file, as ROOT prints what it likes."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as answer:
        measure([*command, answer.name], json.dumps(request))
        return json.loads(Path(answer.name).read_text())


def cpu(rows: dict) -> float:
    return sum(row["cpu"] for name, row in rows.items() if name != EXTRA)


def least(found: dict, spectrum: str) -> float:
    return min(cpu(each[spectrum]) for each in found["passes"])


def report(ours: dict, peers: dict[str, dict], sets: dict, missed: list[str]) -> None:
    """Print times and minima of all sets."""
    for peer, found in peers.items():
        same = set(found["cold"])
        mine = sum(row["cpu"] for name, row in ours["cold"].items() if name in same - {EXTRA})
        print(f"{peer} {found['version']}, {len(same - {EXTRA})} functions, CPU seconds")
        ratio = mine / cpu(found["cold"])
        print(f"  fresh process, mid: hepnb {mine:.3f}, {cpu(found['cold']):.3f}, {ratio:.2f}")
        if ratio > 1.0:
            missed.append(f"CPU time of {peer} in a fresh process")
        total, peer_total = 0.0, 0.0
        for name in sets:
            mine = min(
                sum(row["cpu"] for key, row in each[name].items() if key in same - {EXTRA})
                for each in ours["passes"]
            )
            theirs = least(found, name)
            print(f"  {name:<13} hepnb {mine:.3f}, {theirs:.3f}, ratio {mine / theirs:.2f}")
            total, peer_total = total + mine, peer_total + theirs
        ratio = total / peer_total
        print(f"  all four      hepnb {total:.3f}, {peer_total:.3f}, ratio {ratio:.2f}")
    slow = [name for name in sets if least(ours, name) > 0.6]
    missed += [f"0.6 CPU s for 18 functions on {name}" for name in slow]
    minima(ours, peers, sets, missed)


def minima(ours: dict, peers: dict[str, dict], sets: dict, missed: list[str]) -> None:
    """Print every excess over hepnb's minimum that is seen, and check that none is negative."""
    print("excess of the peers' NLL over hepnb's minimum, where above 0.001")
    for name, spectrum in sets.items():
        mine = ours["passes"][0][name]
        for function, row in mine.items():
            again = nll(function, row, spectrum)
            if abs(again - row["nll"]) > 1e-9 * abs(again) + 1e-6:
                missed.append(f"{name} {function}: hepnb says {row['nll']}, its function {again}")
            if row["status"] not in {"ok", "at_bound"}:
                missed.append(f"{name} {function}: status {row['status']}")
        for peer, found in peers.items():
            rows = found["passes"][0][name]
            gaps = {
                function: nll(function, row, spectrum) - mine[function]["nll"]
                for function, row in rows.items()
                if row["weights"]
            }
            seen = [
                f"{function} {gap:+.3f}{'' if rows[function]['status'] == 0 else ' (failed)'}"
                for function, gap in gaps.items()
                if gap > 1e-3
            ]
            failed = [function for function, row in rows.items() if row["status"] != 0]
            lowest = min(gaps.values())
            print(
                f"  {name:<13} {peer}: {', '.join(seen) or 'none'}; least {lowest:+.1e}; "
                f"{len(failed)} of {len(rows)} not valid by the peer's own word"
            )
            missed += [
                f"{name} {function}: {peer} is {-gap:.2g} below hepnb"
                for function, gap in gaps.items()
                if gap < -BELOW
            ]


def fits(peer_bins: list[Path], rounds: int, missed: list[str]) -> None:
    sets = {"generated40": generated(40, seed=3)} | reference_sets()
    sets["generated1e5"] = generated(100_000, seed=4)
    first = "mid10k" if "mid10k" in sets else "generated1e5"
    request = {"sets": sets, "functions": FUNCTIONS, "first": first, "rounds": rounds}
    request["tries"] = TRIES
    ours = run([sys.executable, "-c", HEPNB], request)
    peers: dict[str, dict] = {}
    for each in peer_bins:
        python = str(each / "python")
        if importable(each, "ROOT"):
            script = [python, str(PEERS / "roofit_functions.py")]
            for call in ("bare", "legacy"):
                peers[f"RooFit ({call})"] = run(script, request | {"call": call})
        if importable(each, "zfit"):
            peers["zfit"] = run([python, str(PEERS / "zfit_functions.py")], request)
    for name in sets:
        print(f"hepnb, 18 functions, {name}: {least(ours, name):.3f} CPU s")
    print(f"hepnb, 18 functions, {first}, fresh process: {cpu(ours['cold']):.3f} CPU s")
    fresh(peer_bins, request, missed)
    if peers:
        report(ours, peers, sets, missed)
    else:
        print("not compared with RooFit and zfit: no --peer-bin was given")


def fresh(peer_bins: list[Path], request: dict, missed: list[str]) -> None:
    """Scan each set in a process of its own, as a job for one category does."""
    for python in (str(each / "python") for each in peer_bins if importable(each, "ROOT")):
        for name in request["sets"]:
            alone = request | {"first": name, "rounds": 0, "call": "bare"}
            mine = cpu(run([sys.executable, "-c", HEPNB], alone)["cold"])
            theirs = cpu(run([python, str(PEERS / "roofit_functions.py")], alone)["cold"])
            print(f"  {name:<13} fresh: hepnb {mine:.3f}, RooFit {theirs:.3f}, {mine / theirs:.2f}")
            if mine > theirs:
                missed.append(f"CPU time of RooFit on {name}, both fresh")


def toys(missed: list[str]) -> None:
    spectrum = generated(10_000, seed=5)
    done = json.loads(measure([sys.executable, "-c", TOYS], json.dumps(spectrum)).output)
    print(
        f"{done['toys']} toys of Bernstein 3 to 4: {done['cpu']:.2f} CPU s (target < 10); "
        f"q above 3.841 in {done['above']:.3f} of them"
    )
    if done["cpu"] >= 10:
        missed.append("1000 toys of one Bernstein step in 10 CPU s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-bin", type=Path, nargs="+", default=[], help="bin folders")
    parser.add_argument("--rounds", type=int, default=3, help="repeats of which the least counts")
    parser.add_argument("--parts", nargs="+", default=["fits", "toys"])
    asked = parser.parse_args()
    missed: list[str] = []
    if "fits" in asked.parts:
        fits(asked.peer_bin, asked.rounds, missed)
    if "toys" in asked.parts:
        toys(missed)
    for each in missed:
        print(f"  MISSED: {each}")
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
