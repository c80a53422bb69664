"""The envelope as a RooMultiPdf in a ROOT workspace, named as flashggFinalFit names it.

This needs ROOT with RooMultiPdf: 6.36 or newer has the class itself, an older one together with
combine brings combine's. The penalty of ROOT's own class is fixed when a likelihood is made
(root-project/root#23454): compare with RooFit function by function.
"""

from __future__ import annotations

import importlib
import math
from array import array
from pathlib import Path
from typing import Any

from hepnb.background.families import Laurent
from hepnb.background.fitting import BackgroundFit
from hepnb.background.formats.envelope import envelope_fits, plain_name
from hepnb.background.ftest.result import FTest
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadTable, MissingExtra

__all__ = ("multipdf_file_name", "write_multipdf")


def __dir__() -> tuple[str, ...]:
    return __all__


def multipdf_file_name(category: str) -> str:
    """Give the name that flashggFinalFit gives the file of a category."""
    return f"CMS-HGG_multipdf_{plain_name(category)}.root"


def write_multipdf(
    ftest: FTest, path: str | Path, *, year: str = "all", energy: str = "13TeV"
) -> Path:
    """Write the workspace ``multipdf`` that combine's datacards point to.

    It holds ``CMS_hgg_<cat>_<year>_<energy>_bkgshape`` (the RooMultiPdf), the same with ``_norm``
    (the yield, from 0 to the larger of 10 and three times what was fitted),
    ``pdfindex_<cat>_<year>_<energy>`` set to the best function, and ``roohist_data_mass_<cat>``.

    Parameters
    ----------
    ftest
        The test of one category. Its observable keeps its name, ``CMS_hgg_mass`` for ``mass``.
    path
        The file, or a folder in which it is named by `multipdf_file_name`.
    year, energy
        Parts of the names.

    Returns
    -------
    Path

    Raises
    ------
    MissingExtra
        If there is no ROOT in this environment, or it has no RooMultiPdf.
    BadTable
        If a window is hidden (the data set would look empty there), the envelope is empty, or a
        family has no RooFit form.
    """
    root = _root()
    spectrum = ftest.spectrum
    if spectrum.blind:
        message = f"{spectrum.blind} is hidden, and combine would take it as empty; unblind first"
        raise BadTable(message)
    members = envelope_fits(ftest)
    path = Path(path)
    if path.is_dir():
        path = path / multipdf_file_name(spectrum.category)
    category = plain_name(spectrum.category)
    tag = f"{category}_{year}_{energy}"
    builder = _Builder(root, spectrum, tag)
    pdfs = [builder.pdf(fit) for fit in members]
    index = root.RooCategory(f"pdfindex_{tag}", "index of the background function")
    name = f"CMS_hgg_{tag}_bkgshape"
    multi = root.RooMultiPdf(name, "all background functions", index, root.RooArgList(*pdfs))
    names = [fit.name for fit in members]
    index.setIndex(names.index(ftest.choice.best) if ftest.choice.best in names else 0)
    total = members[index.getIndex()].total
    norm = root.RooRealVar(f"{name}_norm", "background events", total, 0.0, max(3.0 * total, 10.0))
    workspace = root.RooWorkspace("multipdf", "multipdf")
    for each in (multi, norm, index):
        getattr(workspace, "import")(
            each, root.RooFit.RecycleConflictNodes(), root.RooFit.Silence()
        )
    data = builder.data(f"roohist_data_mass_{category}")
    getattr(workspace, "import")(data, root.RooFit.Silence())
    beside = path.with_name(f".{path.name}.part.root")
    workspace.writeToFile(str(beside))  # what it returns differs between versions
    if not beside.exists():
        raise BadTable(f"ROOT could not write {path}; make room, or choose another folder")
    beside.replace(path)
    return path


def _root() -> Any:
    try:
        root: Any = importlib.import_module("ROOT")
    except ImportError:
        message = (
            "the RooMultiPdf export needs ROOT, which is not in this environment; "
            "pip install --pre ROOT, or use an environment with combine"
        )
        raise MissingExtra(message) from None
    if not hasattr(root, "RooMultiPdf"):
        message = f"ROOT {root.gROOT.GetVersion()} has no RooMultiPdf; take 6.36, or load combine"
        raise MissingExtra(message)
    return root


def _put(root: Any, workspace: Any, made: Any) -> None:
    options = [root.RooFit.Silence()]
    if not isinstance(made, root.RooAbsData):
        options.append(root.RooFit.RecycleConflictNodes())
    getattr(workspace, "import")(made, *options)  # a word that Python keeps for itself


class _Builder:
    """Makes RooFit objects and keeps them: ROOT does not own what a list refers to."""

    def __init__(self, root: Any, spectrum: MassSpectrum, tag: str) -> None:
        self.root, self.spectrum, self.tag = root, spectrum, tag
        self.kept: list[Any] = []
        variable, edges = spectrum.variable, array("d", spectrum.edges.tolist())
        mass = "CMS_hgg_mass" if variable == "mass" else plain_name(variable, "mass")
        self.x = root.RooRealVar(mass, variable, spectrum.lo, spectrum.hi)
        self.x.setBinning(root.RooBinning(len(edges) - 1, edges))

    def keep(self, made: Any) -> Any:
        self.kept.append(made)
        return made

    def real(self, name: str, value: float, bounds: tuple[float, float]) -> Any:
        full = f"{name}_{self.tag}"
        return self.keep(self.root.RooRealVar(full, full, value, *bounds))

    def data(self, name: str) -> Any:
        data = self.root.RooDataHist(name, name, self.root.RooArgList(self.x))
        for i, count in enumerate(self.spectrum.counts.tolist()):
            # without the error, the call is taken for one that sets the current bin
            data.set(i, count, math.sqrt(count))
        return data

    def pdf(self, fit: BackgroundFit) -> Any:
        name = f"env_pdf_{self.tag}_{fit.legacy_name}"
        if fit.family.name == "bernstein":
            return self.bernstein(fit, name)
        parts = self.parts(fit)
        if len(parts) == 1:
            parts[0].SetName(name)
            return parts[0]
        fractions = [
            self.real(f"{fit.legacy_name}_f{k}", value, (0.0, 1.0))
            for k, value in enumerate(recursive_fractions(fit.weights.tolist()), start=1)
        ]
        lists = [self.keep(self.root.RooArgList(*each)) for each in (parts, fractions)]
        return self.keep(self.root.RooAddPdf(name, fit.title, *lists, True))

    def bernstein(self, fit: BackgroundFit, name: str) -> Any:
        # the scale of the coefficients is free: the largest stands still at 1
        largest = int(fit.weights.argmax())
        values = (fit.weights / fit.weights[largest]).tolist()
        coefficients = [
            self.root.RooFit.RooConst(1.0)
            if k == largest
            else self.real(f"{fit.legacy_name}_b{k}", value, (0.0, 1000.0))
            for k, value in enumerate(values)
        ]
        listed = self.keep(self.root.RooArgList(*coefficients))
        return self.keep(self.root.RooBernstein(name, fit.title, self.x, listed))

    def parts(self, fit: BackgroundFit) -> list[Any]:
        stem = fit.legacy_name
        free = [
            self.real(f"{stem}_p{k}", value, tuple(bounds))
            for k, (value, bounds) in enumerate(
                zip(fit.theta.tolist(), fit.shape.bounds.tolist(), strict=True), start=1
            )
        ]
        if fit.family.name == "exponential":
            return [
                self.keep(self.root.RooExponential(f"{stem}_e{k}_{self.tag}", "", self.x, each))
                for k, each in enumerate(free, start=1)
            ]
        if isinstance(fit.family, Laurent):
            free = list(map(self.root.RooFit.RooConst, map(float, fit.family.powers(fit.order))))
        elif fit.family.name != "powerlaw":
            message = f"{fit.title} has no RooFit form here; leave its family out of the envelope"
            raise BadTable(message)
        # in units of the lower end, or the numerical normalisation loses its precision
        formula = f"pow(@0/{self.spectrum.lo!r},@1)"
        return [
            self.keep(
                self.root.RooGenericPdf(
                    f"{stem}_t{k}_{self.tag}", formula, self.root.RooArgList(self.x, each)
                )
            )
            for k, each in enumerate(free, start=1)
        ]


def recursive_fractions(weights: list[float]) -> list[float]:
    """Give f with ``w_1 = f_1, w_2 = (1 - f_1) f_2, ...``, one less than weights."""
    left, fractions = 1.0, []
    for weight in weights[:-1]:
        fractions.append(min(max(weight / left, 0.0), 1.0) if left > 0 else 0.0)
        left -= weight
    return fractions
