"""Open a RooMultiPdf workspace by the names that combine's datacards use; evaluate its members."""

# ruff: noqa: ANN201

import json
import sys
from pathlib import Path

import ROOT

ROOT.RooMsgService.instance().setGlobalKillBelow(ROOT.RooFit.ERROR)
TAG = "UntaggedTag_0_all_13TeV"


def main():
    answer, folder = sys.argv[1:]
    expected = json.loads((Path(folder) / "multipdf.json").read_text())
    file = ROOT.TFile.Open(str(Path(folder) / expected["file"]))
    workspace = file.Get("multipdf")
    multi = workspace.pdf(f"CMS_hgg_{TAG}_bkgshape")
    norm = workspace.var(f"CMS_hgg_{TAG}_bkgshape_norm")
    index = workspace.cat(f"pdfindex_{TAG}")
    data = workspace.data("roohist_data_mass_UntaggedTag_0")
    if not (multi.ClassName() == "RooMultiPdf" and abs(norm.getVal() - data.sumEntries()) < 1e-6):
        raise SystemExit(f"{multi.ClassName()}, {norm.getVal()} of {data.sumEntries()} events")
    members = {}
    for i in range(multi.getNumPdfs()):
        pdf = multi.getPdf(i)
        name = pdf.GetName().rsplit("_", 1)[1]
        options = ROOT.RooFit.IntegrateBins(1e-7), ROOT.RooFit.Offset("none")
        value = pdf.createNLL(data, *options).getVal()
        members[name] = {"root": value, "hepnb": expected["nll"][name]}
    current = multi.getPdf(index.getIndex()).GetName().rsplit("_", 1)[1]
    names = [each.GetName() for each in (multi, norm, index, data)]
    found = {"members": members, "names": names, "index": current, "best": expected["best"]}
    Path(answer).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
