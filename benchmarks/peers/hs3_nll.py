"""ROOT's side of root_exports.py: import HS3 documents and evaluate their likelihoods."""

# ruff: noqa: ANN001, ANN201

import json
import sys
from pathlib import Path

import ROOT

ROOT.RooMsgService.instance().setGlobalKillBelow(ROOT.RooFit.ERROR)


def evaluate(document, file):
    """Give -sum n ln f, f averaged over bins and normalised on what may be seen."""
    workspace = ROOT.RooWorkspace("ws")
    if not ROOT.RooJSONFactoryWSTool(workspace).importJSON(str(file)):
        raise SystemExit(f"{file} was not imported")
    likelihood = document["likelihoods"][0]
    pdf = workspace.pdf(likelihood["distributions"][0])
    data = workspace.data(likelihood["data"][0])
    x = workspace.var(document["data"][0]["axes"][0]["name"])
    mine = document["misc"]["hepnb"]
    options = []
    if len(mine["visible"]) > 1:
        names = [d["name"] for d in document["domains"] if d["name"].startswith("visible_")]
        options.append(ROOT.RooFit.Range(",".join(names)))
    if not mine["unbinned"]:
        options.append(ROOT.RooFit.IntegrateBins(1e-7))
    nll = pdf.createNLL(data, *options, ROOT.RooFit.Offset("none"))
    value = nll.getVal()
    free = pdf.getParameters(ROOT.RooArgSet(x))
    floating = sum(1 for each in free if not each.isConstant())
    return {
        "root": value,
        "hepnb": mine["nll"],
        "free": floating,
        "n_par": mine["penalty"]["n_par"],
    }


def main():
    answer, folder = sys.argv[1:]
    rows = {"version": str(ROOT.gROOT.GetVersion())}
    for file in sorted(Path(folder).glob("hs3_*.json")):
        rows[file.stem] = evaluate(json.loads(file.read_text()), file)
    Path(answer).write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
