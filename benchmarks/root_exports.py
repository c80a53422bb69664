"""HS3 documents and the RooMultiPdf workspace, read again by ROOT.

    python benchmarks/root_exports.py --peer-bin DIR

`--peer-bin` is the bin folder of an environment with `pip install --pre ROOT` and hepnb itself (for
the workspace, which is written where ROOT is). All 19 functions are fitted to two generated
spectra, one of them with a hidden window, and to the reference sets of $HEPNB_OPEN_DATA where they
are; each is a document, and ROOT's negative logarithm of its likelihood, bins integrated, at the
values that the document holds must equal hepnb's to 1e-6 of its size.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from background_functions import importable
from background_sets import FUNCTIONS, generated, reference_sets

from hepnb.background.fitting import fit_background
from hepnb.background.formats import write_hs3
from hepnb.background.ftest import Choice, FTest, TestedFit
from hepnb.background.spectrum import MassSpectrum

TOLERANCE = 1e-6
PEERS = Path(__file__).parent / "peers"


def everything(spectrum: MassSpectrum) -> FTest:
    """Fit all functions and take all as the envelope, as no test would."""
    fits, lower = [], {}
    for family, order in FUNCTIONS:
        lower[family] = fit_background(spectrum, family, order, lower=lower.get(family))
        fits.append(lower[family])
    none = float("nan")
    return FTest(
        spectrum=spectrum,
        fits=tuple(TestedFit(fit, none, 0, none, none, none, 0, None, True) for fit in fits),
        choice=Choice(
            truth={},
            envelope=tuple(fit.name for fit in fits),
            best=min(fits, key=lambda fit: 2 * fit.nll + fit.n_par).name,
            reasons={},
        ),
        settings={"penalty": 1.0},
    )


def spectra() -> dict[str, MassSpectrum]:
    sets = {"generated10k": generated(10_000, seed=5)} | reference_sets()
    made = {
        name: MassSpectrum(each["edges"], each["counts"], category=name)
        for name, each in sets.items()
    }
    edges, counts = np.array(sets["generated10k"]["edges"]), sets["generated10k"]["counts"]
    shown = (edges[1:] <= 120) | (edges[:-1] >= 130)
    made["blinded10k"] = MassSpectrum(
        edges, np.where(shown, counts, 0), visible=shown, category="blinded10k"
    )
    return made


def ask(peer_bin: Path, script: str, *words: str) -> dict:
    with tempfile.NamedTemporaryFile("r", suffix=".json") as answer:
        command = [str(peer_bin / "python"), str(PEERS / script), answer.name, *words]
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"{script} ended with {ended.returncode}:\n{ended.stderr[-3000:]}")
        return json.loads(Path(answer.name).read_text())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-bin", type=Path, required=True, help="bin folder that has ROOT")
    peer_bin = parser.parse_args().peer_bin
    missed, worst, number = [], 0.0, 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for spectrum in spectra().values():
            write_hs3(everything(spectrum), folder)
        read = ask(peer_bin, "hs3_nll.py", scratch)
        print(f"HS3 documents, ROOT {read.pop('version')}")
        for name, row in sorted(read.items()):
            number += 1
            if row["free"] != row["n_par"]:
                missed.append(f"{name}: {row['free']} free parameters in ROOT of {row['n_par']}")
            apart = abs(row["root"] - row["hepnb"]) / abs(row["hepnb"])
            worst = max(worst, apart)
            if not apart <= TOLERANCE:
                missed.append(f"{name}: {row} ({apart:.2g} apart)")
        print(
            f"  {number} documents imported; largest relative difference of the NLL {worst:.2g} "
            f"(target <= {TOLERANCE:g})"
        )
        if importable(peer_bin, "hepnb"):
            missed += workspace(peer_bin, folder)
        else:
            print("  no RooMultiPdf workspace: hepnb is not in the environment of ROOT")
    for each in missed:
        print(f"  MISSED: {each}")
    return len(missed)


def workspace(peer_bin: Path, folder: Path) -> list[str]:
    """Write the workspace where ROOT is, open it there in another process, compare members."""
    ask(peer_bin, "multipdf_write.py", str(folder))
    read = ask(peer_bin, "multipdf_read.py", str(folder))
    worst = max(abs(r["root"] - r["hepnb"]) / abs(r["hepnb"]) for r in read["members"].values())
    print("RooMultiPdf workspace")
    print(f"  objects: {', '.join(read['names'])}")
    print(
        f"  {len(read['members'])} functions; largest relative difference of the NLL {worst:.2g} "
        f"(target <= {TOLERANCE:g}); index at {read['index']}, best {read['best']}"
    )
    wrong = [] if worst <= TOLERANCE else [f"NLL of the workspace {worst:.2g} apart"]
    if read["index"] != read["best"]:
        wrong.append("the index does not stand at the best function")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
