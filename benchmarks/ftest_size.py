"""Size of the f-test: how often the default rule asks for more than the true function.

Pseudo-data of known functions go through the test of their own family at alpha = 0.05; a test of
the right size asks for a higher order in 5 % of them. Truths with every weight above zero should
be at 0.05 +- 0.02; parametric pseudo-experiments promise nothing where a true weight is zero.

    python benchmarks/ftest_size.py --experiments 400
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from hepnb.background import MassSpectrum, family, fit_background
from hepnb.background.ftest.lookahead import look_ahead
from hepnb.background.ftest.pseudo_experiments import PseudoExperiments

TRUTHS = {
    "exponential 1": ("exponential", 1, [-0.04], [1.0]),
    "power law 1": ("powerlaw", 1, [-5.0], [1.0]),
    "Bernstein 3, interior": ("bernstein", 3, [], [0.6, 0.15, 0.15, 0.1]),
    "Bernstein 3, a weight at zero": ("bernstein", 3, [], [0.7, 0.0, 0.2, 0.1]),
    "Laurent 1, interior": ("laurent", 1, [], [0.5, 0.5]),
}


def taken(name: str, events: float, experiments: int, toys: int, seed: int) -> list[float]:
    """P-value of the first step beyond the true order, for every pseudo-experiment."""
    kind, order, theta, weights = TRUTHS[name]
    edges = np.linspace(100.0, 180.0, 321)
    shape = family(kind).shape(order, 100.0, 180.0)
    expected = events * shape.fractions(edges, np.array(theta)) @ np.array(weights)
    orders = tuple(each for each in family(kind).orders() if each >= order)[:3]
    found = []
    for number in range(experiments):
        rng = np.random.default_rng([seed, number])
        spectrum = MassSpectrum(edges, rng.poisson(expected) * 1.0)
        scan = look_ahead(
            orders,
            lambda each, data=spectrum: fit_background(data, kind, each),
            lambda fit, own=number: PseudoExperiments(fit, seed=own),
            alpha=0.05,
            envelope_alpha=0.05,
            toys=toys,
        )
        found.append(scan.steps[0].p)
    return found


def main() -> None:
    """Print the size of the test for every truth and two sample sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=400)
    parser.add_argument("--toys", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--truth", default="", help="only those whose name begins so")
    options = parser.parse_args()
    for name in TRUTHS:
        if not name.startswith(options.truth):
            continue
        for events in (10_000, 300):
            begin = time.process_time()
            p_values = taken(name, events, options.experiments, options.toys, options.seed)
            size = float(np.mean(np.array(p_values) < 0.05))
            error = np.sqrt(size * (1 - size) / len(p_values))
            cpu = time.process_time() - begin
            print(f"{name:32s} N = {events:6d}: size {size:.3f} +- {error:.3f}, {cpu:.0f} CPU s")


if __name__ == "__main__":
    main()
