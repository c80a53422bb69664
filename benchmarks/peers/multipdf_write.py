"""Write a RooMultiPdf workspace with hepnb, in an environment that has ROOT as well."""

# ruff: noqa: ANN201

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from background_sets import generated
from root_exports import everything

from hepnb.background.formats import write_multipdf
from hepnb.background.spectrum import MassSpectrum


def main():
    answer, folder = sys.argv[1:]
    made = generated(10_000, seed=5)
    ftest = everything(MassSpectrum(made["edges"], made["counts"], category="UntaggedTag 0"))
    path = write_multipdf(ftest, folder)
    nll = {each.fit.legacy_name: each.fit.nll for each in ftest.fits}
    best = next(e.fit.legacy_name for e in ftest.fits if e.fit.name == ftest.choice.best)
    expected = {"file": path.name, "nll": nll, "best": best}
    (Path(folder) / "multipdf.json").write_text(json.dumps(expected))
    Path(answer).write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
