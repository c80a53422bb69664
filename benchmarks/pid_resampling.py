"""Resampling and transformation of a PID variable: hepnb beside pidgen2 and beside the truth.

    python benchmarks/pid_resampling.py [--peer-bin DIR] [--rows N] [--peer-rows N] [--seed N]

`--peer-bin` is the bin folder of an environment with pidgen2 (0.5.3 was used). Calibration: 1e6
candidates of data, 70 % signal, with analytic sWeights, and 1e6 of simulation. The variable is a
Gaussian whose mean falls with ln p and the number of tracks; in data it is lower by 4 and wider by
a quarter. Target: 1e6 simulated candidates, softer and with more tracks than the calibration, so
that a response that is smeared over the kinematics shows.

1. hepnb with its defaults. 2. pidgen2 as it is configured for K_Dstar2Dpi, on the first rows of the
target. 3. hepnb on these rows and on the grid of pidgen2: 70 x 70 x 20 cells, 70 bins, its edges.
The kernel is 2 bins wide, and 2, 4 and 4 cells in pidgen2; hepnb has one width for all kinematics
and gets that of the same volume, 3.2 cells. As `fit_response` puts its own bins, numpy counts.

Efficiencies at 20 thresholds, inclusive and in 4 x 4 quartiles of momentum and tracks, less the
exact ones: means of Gaussian integrals over the very candidates that have a value. Their variance:
sum eps (1 - eps) / n^2 of the target, plus sum (r w)^2 (pass - eps)^2 / (sum r w)^2 of the
calibration data, with eps the exact efficiency at the kinematics of a candidate and r the known
ratio of target to calibration there; in a transformation, plus that of simulation, at the quantile
that becomes the threshold.

Targets: 1e6 rows resampled in less than 5 CPU s; Kolmogorov-Smirnov distance to an independent
sample of the truth below the 1 % critical value, which leaves no room for the statistics of the
calibration; deviations within max(0.002, 3 sigma), of which there are 340, so that another seed may
exceed one; Spearman correlation of transformed and original above 0.99; exactly the same in blocks
of another size; on the grid of pidgen2 inclusive deviations below its own, at a higher speed.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from efficiency_histograms import Cost, measure
from scipy.special import erf, ndtr
from scipy.stats import ks_2samp, spearmanr

PEER = Path(__file__).parent / "peers" / "pidgen2_resampling.py"
PID, PT, ETA, TRACKS, WEIGHT = "probe_PIDK", "probe_PT", "probe_ETA", "nTracks", "probe_sWeight"
KINEMATICS = {f"log10({PT})": [2.4, 4.4], ETA: [1.9, 5.0], f"log10({TRACKS})": [0.7, 3.1]}
# exponents of the beta distribution of log10 pT, and of the gamma distribution of the tracks
LAWS = {"calibration": (4.0, 4.0, 4.0), "target": (3.5, 4.5, 4.6)}
SHIFT, WIDTH = {"mc": 0.0, "data": -4.0}, {"mc": 12.0, "data": 15.0}
THRESHOLDS = np.linspace(-20, 50, 20)
METHODS = ("resample", "transform")
BLOCK = 77_777  # rows at a time, to see that it does not matter
NAMES = {"defaults": "hepnb, defaults", "pidgen2": "pidgen2", "grid": "hepnb, pidgen2's grid"}
Columns = dict[str, np.ndarray]


def momentum(columns: Columns) -> np.ndarray:
    return columns[PT] * np.cosh(columns[ETA])


def mean(columns: Columns, kind: str) -> np.ndarray:
    """Mean of the variable at the kinematics of each candidate."""
    falling = 5 * np.log(momentum(columns) / 40e3) + 0.03 * (columns[TRACKS] - 160)
    return 24 + SHIFT[kind] - falling


def candidates(n: int, rng: np.random.Generator, *, law: str, kind: str) -> Columns:
    a, b, shape = LAWS[law]
    columns = {PT: 10 ** (2.4 + 2 * rng.beta(a, b, n)), ETA: 1.9 + 3.1 * rng.beta(2, 2, n)}
    columns[TRACKS] = np.ceil(rng.gamma(shape, 40, n))
    return columns | {PID: rng.normal(mean(columns, kind), WIDTH[kind])}


def target_over_calibration(columns: Columns) -> np.ndarray:
    """Ratio of the densities in the kinematics, but for a constant."""
    a, b, shape = np.subtract(LAWS["target"], LAWS["calibration"])
    x = (np.log10(columns[PT]) - 2.4) / 2
    return x**a * (1 - x) ** b * columns[TRACKS] ** shape


def signal_weights(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Analytic sWeights of a Gaussian peak on a flat background of the mass."""
    n, middle = len(signal), np.linspace(-1, 1, 40_001)
    mass = np.where(signal, rng.normal(0, 0.1, n), rng.uniform(-1, 1, n))
    yields = n * np.array([0.7, 0.3])
    fine, p = (
        np.array([np.exp(-50 * m**2) / np.sqrt(0.02 * np.pi), np.full_like(m, 0.5)])
        for m in (middle, mass)
    )
    inverse = np.trapezoid(fine[:, None] * fine / (yields @ fine), middle)
    return np.linalg.inv(inverse)[0] @ p / (yields @ p)


def make(folder: Path, n: int, seed: int) -> None:
    """Write data, simulation and target as ROOT files, and the truth of another target."""
    data, mc, target, truth = (np.random.default_rng([seed, k]) for k in range(4))
    made = {"data": candidates(n, data, law="calibration", kind="data")}
    signal = data.random(n) < 0.7
    made["data"][PID] = np.where(signal, made["data"][PID], data.normal(-10, 15, n))
    made["data"][WEIGHT] = signal_weights(signal, data)
    made["mc"] = candidates(n, mc, law="calibration", kind="mc")
    made["target"] = candidates(n, target, law="target", kind="mc")
    for name, columns in made.items():
        with uproot.recreate(folder / f"{name}.root", compression=uproot.ZLIB(1)) as file:
            file.mktree("DecayTree", dict.fromkeys(columns, "f8")).extend(columns)
    np.save(folder / "truth.npy", candidates(n, truth, law="target", kind="data")[PID])


def read(folder: Path, name: str, rows: int | None = None) -> Columns:
    """Columns of a file, by the names that templates have for them too."""
    tree = uproot.open(folder / f"{name}.root")["DecayTree"]
    columns = tree.arrays(entry_stop=rows, library="np")
    return columns | {f"log10({each})": np.log10(columns[each]) for each in (PT, TRACKS)}


def peer_edges(columns: Columns) -> list[np.ndarray]:
    """Edges of pidgen2: of equal width, but tracks of equal content and PID in normal scores."""
    made = [np.linspace(*each, 71) for each in list(KINEMATICS.values())[:2]]
    scores = 0.5 + 0.5 * erf(np.linspace(-2.5, 2.5, 71))
    for name, fine, span, level in (
        (f"log10({TRACKS})", 100, KINEMATICS[f"log10({TRACKS})"], np.linspace(0, 1, 21)),
        (PID, 1000, (-150, 150), scores),
    ):
        counts, edges = np.histogram(columns[name], fine, span, weights=columns[WEIGHT])
        below = np.maximum.accumulate(np.append(0, np.cumsum(counts))) / counts.sum()
        made.append(np.interp(level, below, edges))
    return made


def on_grid(columns: Columns, edges: list[np.ndarray]) -> Any:
    """Template of hepnb with given edges; nodes are means of cells, as in `fit_response`."""
    from hepnb.pid.response import PidTemplate
    from hepnb.pid.response.interpolation import GridAxis

    w, axes = columns.get(WEIGHT, np.ones(len(columns[PID]))), []
    for name, each in zip(KINEMATICS, edges[:-1], strict=True):
        middle, x = 0.5 * (each[1:] + each[:-1]), columns[name]
        total, moment = (np.histogram(x, each, weights=f)[0] for f in (w, w * x))
        node = np.divide(moment, total, out=middle.copy(), where=total > 0)
        node = np.where((node > each[:-1]) & (node < each[1:]), node, middle)
        axes.append(GridAxis(name, tuple(each.tolist()), tuple(node.tolist())))
    values = np.array([columns[name] for name in (*KINEMATICS, PID)]).T
    sums = [np.histogramdd(values, edges, weights=f)[0].astype(np.float32) for f in (w, w**2)]
    none = np.zeros((*sums[0].shape[:-1], 0))
    return PidTemplate(PID, tuple(axes), edges[-1], (), *sums, none, none, widths=(3.2, 2.0))


def ours(folder: Path, part: str, rows: int) -> None:
    """Fit, resample and transform with hepnb; print what it took as JSON."""
    from hepnb.data.sample import Sample
    from hepnb.pid.response import ResponseCorrection, fit_response
    from hepnb.pid.response.correction import CAUSES

    told: dict[str, Any] = {"cpu": {}, "causes": {}, "same": {}}
    edges, templates = None if part == "defaults" else peer_edges(read(folder, "data")), []
    for kind, weights in (("data", (WEIGHT,)), ("mc", ())):
        file = (str(folder / f"{kind}.root"),)
        start = time.process_time()
        if edges is None:
            sample = Sample(kind, kind, files=file, tree="DecayTree", weights=weights)
            template = fit_response(sample, PID, kinematics=KINEMATICS)
        else:
            template = on_grid(read(folder, kind), edges)
        template.conditional  # noqa: B018 -- smoothed when first asked for
        told["cpu"][f"template of {kind}"] = time.process_time() - start
        templates.append({None: template})
    target = read(folder, "target", rows)
    blocks = [slice(start, start + BLOCK) for start in range(0, rows, BLOCK)]
    for method in METHODS:
        correction = ResponseCorrection(*templates, method=method)
        start = time.process_time()
        values, causes = correction.apply(target)
        told["cpu"][method] = time.process_time() - start
        np.save(folder / f"{part}_{method}.npy", values)
        counts = np.bincount(causes, minlength=len(CAUSES)).tolist()
        told["causes"][method] = dict(zip(CAUSES[1:], counts[1:], strict=True))
        parts = [correction.apply({n: c[each] for n, c in target.items()}) for each in blocks]
        again = np.concatenate([each.values for each in parts])
        told["same"][method] = np.array_equal(again, values, equal_nan=True)
    print(json.dumps(told))


class Truth:
    """Exact efficiencies of the target, and how well they can be known."""

    def __init__(self, folder: Path) -> None:
        self.target, self.sample = read(folder, "target"), np.load(folder / "truth.npy")
        axes = momentum(self.target), self.target[TRACKS]
        self.quartiles = [np.quantile(each, (0.25, 0.5, 0.75)) for each in axes]
        self.calibration = {k: self._calibration(read(folder, k), k) for k in ("data", "mc")}

    def _sums(self, columns: Columns, values: np.ndarray) -> np.ndarray:
        """Give sums in 4 x 4 cells and, last, over all."""
        axes = zip(self.quartiles, (momentum(columns), columns[TRACKS]), strict=True)
        p, tracks = (np.searchsorted(edges, each) for edges, each in axes)
        made = np.bincount(4 * p + tracks, values, 16)
        return np.append(made, made.sum())

    def _calibration(self, columns: Columns, kind: str) -> np.ndarray:
        """Variance due to a calibration sample, of shape (thresholds, cells + 1)."""
        w = columns.get(WEIGHT, 1.0) * target_over_calibration(columns)
        pull = (columns[PID] - mean(columns, kind)) / WIDTH[kind]
        made, total = [], self._sums(columns, w)
        for threshold in THRESHOLDS:
            least = (threshold - mean(columns, "data")) / WIDTH["data"]
            made.append(self._sums(columns, (w * ((pull > least) - ndtr(-least))) ** 2))
        return np.array(made) / total**2

    def deviations(self, values: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
        """Efficiencies less the exact ones, and one sigma; of shape (thresholds, cells + 1)."""
        good = ~np.isnan(values)
        columns = {name: each[: len(values)][good] for name, each in self.target.items()}
        n, apart, variance = self._sums(columns, np.ones(good.sum())), [], []
        for threshold in THRESHOLDS:
            eps = ndtr((mean(columns, "data") - threshold) / WIDTH["data"])
            apart.append(self._sums(columns, (values[good] > threshold) - eps) / n)
            variance.append(self._sums(columns, eps * (1 - eps)) / n**2)
        known = [self.calibration[k] for k in ("data", "mc")[: 1 + (method == "transform")]]
        return np.array(apart), np.sqrt(np.array(variance) + sum(known))

    def judge(self, values: np.ndarray, method: str) -> dict[str, Any]:
        """Print and give how near values are to the truth."""
        good = ~np.isnan(values)
        apart, sigma = self.deviations(values, method)
        limit = np.maximum(0.002, 3 * sigma)
        distance = ks_2samp(values[good], self.sample, method="asymp").statistic
        critical = 1.628 * np.sqrt(1 / good.sum() + 1 / len(self.sample))
        spearman = spearmanr(values[good], self.target[PID][: len(values)][good]).statistic
        print(f"  KS distance to the truth {distance:.5f}, 1 % critical value {critical:.5f}")
        for what, part in (("inclusive", np.s_[:, -1:]), ("4 x 4 cells", np.s_[:, :-1])):
            d, s, most = np.abs(apart[part]), sigma[part], limit[part]
            i = np.unravel_index((d / most).argmax(), d.shape)
            print(
                f"  efficiencies, {what}: at most {d.max():.5f} and {(d / s).max():.2f} sigma off; "
                f"worst {d[i]:.5f} of {most[i]:.5f} at {THRESHOLDS[i[0]]:.1f}"
            )
        none = len(values) - good.sum()
        print(f"  Spearman correlation with the original {spearman:.4f}; without a value: {none}")
        inclusive, worst = np.abs(apart[:, -1]).max(), (np.abs(apart) / limit).max()
        return {"ks": distance / critical, "off": inclusive, "worst": worst, "spearman": spearman}


def report(folder: Path, truth: Truth, name: str, cost: Cost) -> dict[str, Any]:
    """Print what one program took; print and give its figures by method."""
    told, found = json.loads(cost.output), {}
    steps = ", ".join(f"{step} {cpu:.2f}" for step, cpu in told["cpu"].items())
    print(f"== {NAMES[name]}\nCPU seconds: {steps}; peak memory {cost.rss:.0f} MB")
    for method in METHODS:
        values = np.load(folder / f"{name}_{method}.npy")
        speed = len(values) / told["cpu"][method]
        print(f"{method}: {len(values):,} rows, {speed:,.0f} per CPU second")
        found[method] = truth.judge(values, method) | {"speed": speed}
        if "same" in told:
            found[method]["same"] = told["same"][method]
            causes = ", ".join(f"{cause} {n}" for cause, n in told["causes"][method].items())
            print(f"  by cause: {causes}; same in blocks: {told['same'][method]}")
    return found


def benchmark(folder: Path, asked: argparse.Namespace) -> list[str]:
    """Run all programs, judge what they gave, and say what is missed."""
    me, few = [sys.executable, __file__], str(min(asked.peer_rows, asked.rows))
    options = ["--rows", str(asked.rows), "--seed", str(asked.seed)]
    measure([*me, *options, "--part", "make", str(folder)])
    commands = {"defaults": [*me, *options, "--part", "defaults", str(folder)]}
    if asked.peer_bin:
        commands["pidgen2"] = [str(asked.peer_bin / "python"), str(PEER), str(folder), few]
    commands["grid"] = [*me, "--rows", few, "--part", "grid", str(folder)]
    costs = {name: measure(command) for name, command in commands.items()}
    truth = Truth(folder)  # after the others: a child's peak memory starts from that of its parent
    found = {name: report(folder, truth, name, cost) for name, cost in costs.items()}
    checks = {
        "1e6 rows resampled in 5 CPU s": found["defaults"]["resample"]["speed"] > 1e6 / 5,
        "Spearman correlation": found["defaults"]["transform"]["spearman"] > 0.99,
    }
    for method, got in found["defaults"].items():
        checks[f"KS distance, {method}"] = got["ks"] < 1
        checks[f"efficiencies within max(0.002, 3 sigma), {method}"] = got["worst"] <= 1
        checks[f"the same in blocks, {method}"] = got["same"]
    for method, theirs in found.get("pidgen2", {}).items():
        mine, ratio = found["grid"][method], found["grid"][method]["speed"] / theirs["speed"]
        print(
            f"equal grid, {method}: largest inclusive deviation {mine['off']:.5f}, pidgen2 "
            f"{theirs['off']:.5f}; {ratio:.0f} times the speed of pidgen2"
        )
        checks[f"inclusive deviation below pidgen2's, {method}"] = mine["off"] < theirs["off"]
        checks[f"faster than pidgen2, {method}"] = ratio > 1
    if not asked.peer_bin:
        print("not compared with pidgen2: no --peer-bin was given")
    return [name for name, good in checks.items() if not good]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-bin", type=Path, help="bin folder that has pidgen2")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=20240621)
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)  # of a process of its own
    asked = parser.parse_args()
    if asked.part:
        part, folder = asked.part[0], Path(asked.part[1])
        if part == "make":
            make(folder, asked.rows, asked.seed)
        else:
            ours(folder, part, asked.rows)
        return 0
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as scratch:
        missed = benchmark(Path(scratch), asked)
    for each in missed:
        print(f"MISSED: {each}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
