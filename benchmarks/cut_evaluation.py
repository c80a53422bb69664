"""CPU time of a cut in the cut language, with NaN counted, over that of hand-written numpy.

The target is at most 1.3. Run it on an otherwise idle machine.
Hand-written numpy counts no NaN; a second figure has it count too. Rounds alternate between the
two, and the ratio is the median over rounds, so that a slow spell of the machine hits both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from hepnb.data.expressions import parse

CUT = "[-3 < dz < 3] and [dr < 1] and kaonID > 0.6"


def by_hand(c: dict[str, np.ndarray]) -> np.ndarray:
    """Evaluate the cut as one would in a notebook."""
    return (c["dz"] > -3) & (c["dz"] < 3) & (c["dr"] < 1) & (c["kaonID"] > 0.6)


def by_hand_counting(c: dict[str, np.ndarray]) -> tuple[np.ndarray, int]:
    """Evaluate the cut, and count the candidates with NaN."""
    missing = np.isnan(c["dz"]) | np.isnan(c["dr"]) | np.isnan(c["kaonID"])
    return by_hand(c), np.count_nonzero(missing)


def cpu_seconds(function: Callable[..., object], *arguments: object) -> float:
    """Measure one call."""
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


def measure(rows: int, dtype: str, missing: float, rounds: int) -> tuple[float, float, float]:
    """Median CPU time in ms, and median ratios to hand-written numpy without and with counting."""
    rng = np.random.default_rng(1)
    columns = {
        "dz": rng.normal(0, 2, rows),
        "dr": rng.exponential(0.5, rows),
        "kaonID": rng.random(rows),
    }
    columns = {name: values.astype(dtype) for name, values in columns.items()}
    if missing:
        columns["kaonID"][rng.random(rows) < missing] = np.nan
    bound = parse(CUT).bind(list(columns))
    passed, undecided = bound.mask_counting(columns)
    np.testing.assert_array_equal(passed, by_hand(columns))
    assert undecided == by_hand_counting(columns)[1]
    times = [
        (
            cpu_seconds(bound.mask_counting, columns),
            cpu_seconds(by_hand, columns),
            cpu_seconds(by_hand_counting, columns),
        )
        for _ in range(rounds)
    ]
    ours = statistics.median(each[0] for each in times)
    plain = statistics.median(each[0] / each[1] for each in times)
    counting = statistics.median(each[0] / each[2] for each in times)
    return ours * 1e3, plain, counting


def main() -> None:
    """Print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=41)
    rounds = arguments.parse_args().rounds
    print(f"cut: {CUT}")
    print("     rows     type    NaN   CPU ms  ratio  ratio, both counting")
    for rows, dtype, missing in (
        (100_000, "float64", 0),
        (1_000_000, "float64", 0),
        (5_000_000, "float64", 0),
        (1_000_000, "float64", 0.01),
        (1_000_000, "float32", 0),
    ):
        ours, plain, counting = measure(rows, dtype, missing, rounds)
        print(f"{rows:9d} {dtype:>8} {missing:6.2f} {ours:8.2f} {plain:6.2f} {counting:21.2f}")


if __name__ == "__main__":
    main()
