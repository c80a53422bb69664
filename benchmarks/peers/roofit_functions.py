"""RooFit's part of background_functions.py: run by a Python that has ROOT, never imported by hepnb.

Reads {"sets": {name: {"edges", "counts"}}, "first", "functions": [[family, order], ...], "call",
"tries", "rounds"} from the standard input. Writes, to the file named, weights and slopes of every
minimum, its status and the CPU seconds of building and fitting it: "cold" for the set `first` in
the fresh process, then "passes". Parameters, ranges and starting values are those of
flashggFinalFit: squares for Bernstein, recursive fractions for sums. RooFit's default convention
for binned data is kept (density at the bin's centre). The call "legacy" is fitTo with SumW2Error,
which computes errors too, "bare" the minimisation alone; a failed fit is tried again from random
values.
"""

# ruff: noqa: ANN001, ANN201, ANN204, D102, PTH123

import json
import math
import random
import sys
import time

import ROOT

ROOT.RooMsgService.instance().setGlobalKillBelow(ROOT.RooFit.FATAL)
ROOT.gErrorIgnoreLevel = ROOT.kFatal


def recursive(weights):
    """Weights of recursive fractions f: f_1, (1 - f_1) f_2, ..."""
    left, out = 1.0, []
    for each in weights:
        out.append(left * each)
        left *= 1 - each
    return [*out, left]


class Model:
    """A function of one order; `kept` holds what ROOT would otherwise delete."""

    def __init__(self, x, family, order):
        self.kept, self.free, self.slopes, self.family = [], [], [], family
        make = {
            "bernstein": self.bernstein,
            "exponential": self.exponential,
            "powerlaw": self.powerlaw,
            "laurent": self.laurent,
        }
        self.pdf = make[family](x, order)

    def keep(self, made):
        self.kept.append(made)
        return made

    def real(self, name, start, lo, hi):
        made = self.keep(ROOT.RooRealVar(name, name, start, lo, hi))
        self.free.append(made)
        return made

    def bernstein(self, x, order):
        roots = [self.real(f"p{i}", 0.1 * (i + 1), -15, 15) for i in range(order)]
        squares = [
            self.keep(ROOT.RooFormulaVar(f"c{i}", "", "@0*@0", ROOT.RooArgList(each)))
            for i, each in enumerate(roots)
        ]
        coefficients = ROOT.RooArgList(self.keep(ROOT.RooConstVar("one", "", 1.0)), *squares)
        self.fractions = roots
        return ROOT.RooBernstein("pdf", "", x, self.keep(coefficients))

    def mixture(self, parts, starts, lo):
        if len(parts) == 1:
            self.fractions = []
            return parts[0]
        self.fractions = [
            self.real(f"f{k}", start, lo, 1 - lo) for k, start in enumerate(starts, start=1)
        ]
        lists = ROOT.RooArgList(*parts), ROOT.RooArgList(*self.fractions)
        return ROOT.RooAddPdf("pdf", "", *map(self.keep, lists), True)

    def starts(self, number):
        return [0.9 - (k - 1) / number for k in range(1, number + 1)] if number else []

    def exponential(self, x, order):
        number = (order + 1) // 2
        self.slopes = [
            self.real(f"s{k}", max(-1, -0.04 * (k + 1)), -1, 0) for k in range(1, number + 1)
        ]
        parts = [
            self.keep(ROOT.RooExponential(f"e{k}", "", x, each))
            for k, each in enumerate(self.slopes)
        ]
        return self.mixture(parts, self.starts(number - 1), 1e-4)

    def power(self, x, name, exponent):
        one = self.keep(ROOT.RooArgList(ROOT.RooFit.RooConst(1.0)))
        return self.keep(ROOT.RooPowerSum(name, "", x, one, self.keep(ROOT.RooArgList(exponent))))

    def powerlaw(self, x, order):
        number = (order + 1) // 2
        self.slopes = [self.real(f"a{k}", max(-9, -(k + 1)), -9, 1) for k in range(1, number + 1)]
        parts = [self.power(x, f"r{k}", each) for k, each in enumerate(self.slopes)]
        return self.mixture(parts, self.starts(number - 1), 0.0)

    def laurent(self, x, order):
        powers = [-4, *(-4 - i for i in range(1, (order + 1) // 2 + 1))]
        powers += [-4 + i for i in range(1, order // 2 + 1)]
        parts = [
            self.power(x, f"r{k}", ROOT.RooFit.RooConst(float(each)))
            for k, each in enumerate(powers)
        ]
        return self.mixture(parts, [0.25 / order] * order, 1e-6)

    def fit(self, data, call, tries, chance):
        """Minimise; give the status of the last try and how many there were."""
        nll = self.pdf.createNLL(data) if call == "bare" else None
        for attempt in range(1, tries + 1):
            status = self.minimise(nll) if nll else self.as_legacy(data)
            if status == 0 or attempt == tries:
                break
            for each in self.free:
                each.setVal(chance.uniform(each.getMin(), each.getMax()))
        return status, attempt

    def minimise(self, nll):
        minimiser = ROOT.RooMinimizer(nll)
        minimiser.setPrintLevel(-1)
        minimiser.setPrintEvalErrors(-1)
        return minimiser.minimize("Minuit2", "minimize")

    def as_legacy(self, data):
        fit = ROOT.RooFit
        options = fit.Save(True), fit.Minimizer("Minuit2", "minimize"), fit.SumW2Error(True)
        return self.pdf.fitTo(data, *options, fit.PrintLevel(-1), fit.PrintEvalErrors(-1)).status()

    def found(self):
        """Give weights of the normalised components, and slopes."""
        values = [each.getVal() for each in self.fractions]
        if self.family == "bernstein":
            squares = [1.0, *(each**2 for each in values)]
            weights = [each / math.fsum(squares) for each in squares]
        else:
            weights = recursive(values)
        return weights, [each.getVal() for each in self.slopes]


def binned(spectrum):
    """Give the observable and the data."""
    edges = spectrum["edges"]
    x = ROOT.RooRealVar("mass", "", edges[0], edges[-1])
    x.setBins(len(edges) - 1)
    data = ROOT.RooDataHist("data", "", ROOT.RooArgList(x))
    for i, count in enumerate(spectrum["counts"]):
        data.set(i, count, math.sqrt(count))
    return x, data


def scan(spectrum, functions, call, tries):
    x, data = binned(spectrum)
    rows = {}
    for family, order in functions:
        start = time.process_time()
        model = Model(x, family, order)
        status, tried = model.fit(data, call, tries, random.Random(order))
        cpu = time.process_time() - start
        weights, slopes = model.found()
        rows[f"{family}{order}"] = {
            "weights": weights, "theta": slopes, "status": status, "tries": tried, "cpu": cpu,
        }  # fmt: skip
    return rows


def main():
    asked = json.load(sys.stdin)
    rest = asked["functions"], asked["call"], asked["tries"]
    cold = scan(asked["sets"][asked["first"]], *rest)  # compiles the bindings, as in any first run
    passes = [
        {name: scan(spectrum, *rest) for name, spectrum in asked["sets"].items()}
        for _ in range(asked["rounds"])
    ]
    answer = {"version": str(ROOT.gROOT.GetVersion()), "cold": cold, "passes": passes}
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
