"""zfit's part of background_functions.py: run by a Python that has zfit, never imported by hepnb.

Input and output as of roofit_functions.py. zfit has exponentials, Bernstein polynomials and sums,
but no power laws of the mass and so no Laurent series: those are left out. Counts are given as
weights of the bins' centres, the convention of RooFit, and Minuit starts from the same values.
"""

# ruff: noqa: ANN001, ANN201, ANN204, D102, PTH123, BLE001

import json
import math
import sys
import time

import numpy as np
import zfit


class Model:
    """A function of one order."""

    def __init__(self, obs, family, order, tag):
        self.slopes, self.fractions, self.family = [], [], family
        if family == "bernstein":
            self.fractions = [
                zfit.Parameter(f"c{i}_{tag}", (0.1 * (i + 1)) ** 2, 0.0, 225.0)
                for i in range(order)
            ]
            self.pdf = zfit.pdf.Bernstein(obs=obs, coeffs=[1.0, *self.fractions])
            return
        number = (order + 1) // 2
        self.slopes = [
            zfit.Parameter(f"s{k}_{tag}", max(-1, -0.04 * (k + 1)), -1.0, 0.0)
            for k in range(1, number + 1)
        ]
        parts = [zfit.pdf.Exponential(each, obs=obs) for each in self.slopes]
        if number == 1:
            self.pdf = parts[0]
            return
        # recursive fractions: plain ones may add up to more than 1, and a weight be negative
        self.fractions = [
            zfit.Parameter(f"f{k}_{tag}", 0.9 - (k - 1) / (number - 1), 1e-4, 1 - 1e-4)
            for k in range(1, number)
        ]
        plain = self.fractions[:1]
        if number == 3:
            plain.append(
                zfit.ComposedParameter(
                    f"w2_{tag}",
                    func=lambda params: (1 - params[0]) * params[1],
                    params=self.fractions,
                )
            )
        self.pdf = zfit.pdf.SumPDF(parts, fracs=plain)

    def found(self):
        values = [float(each.value()) for each in self.fractions]
        if self.family == "bernstein":
            all_of_them = [1.0, *values]
            weights = [each / math.fsum(all_of_them) for each in all_of_them]
        else:
            left, weights = 1.0, []
            for each in values:
                weights.append(left * each)
                left *= 1 - each
            weights.append(left)
        return weights, [float(each.value()) for each in self.slopes]


def scan(spectrum, functions, tag):
    edges, counts = np.array(spectrum["edges"]), np.array(spectrum["counts"], float)
    centres = (edges[1:] + edges[:-1]) / 2
    obs = zfit.Space("mass", limits=(edges[0], edges[-1]))
    filled = counts > 0
    data = zfit.Data.from_numpy(obs=obs, array=centres[filled], weights=counts[filled])
    rows = {}
    for family, order in functions:
        name = f"{family}{order}"
        start = time.process_time()
        row = {"weights": [], "theta": [], "status": -1, "tries": 1}
        try:
            model = Model(obs, family, order, f"{name}_{tag}")
            loss = zfit.loss.UnbinnedNLL(model.pdf, data)
            result = zfit.minimize.Minuit().minimize(loss)
            row["weights"], row["theta"] = model.found()
            row["status"] = 0 if result.valid else 1
        except Exception as error:
            row["error"] = f"{type(error).__name__}: {error}"[:200]
        rows[name] = row | {"cpu": time.process_time() - start}
    return rows


def main():
    asked = json.load(sys.stdin)
    known = [each for each in asked["functions"] if each[0] in ("bernstein", "exponential")]
    cold = scan(asked["sets"][asked["first"]], known, "cold")
    passes = [{name: scan(spectrum, known, name) for name, spectrum in asked["sets"].items()}]
    answer = {"version": zfit.__version__, "cold": cold, "passes": passes}
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
