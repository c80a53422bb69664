"""One HS3 document per function of the envelope (HEP Statistics Serialization Standard, 0.2).

HS3 has no discrete profile, so every function is a document with one likelihood of its own, and
``misc.hepnb`` says which index it has, which the others are and what a parameter costs. Sums are
plain mixtures with one weight less than components. Exponentials are ``exponential_dist``
(``exp(-c m)``), powers of the mass ``generic_dist``, Bernstein polynomials
``bernstein_poly_dist``, an extension of the standard that ROOT and pyhs3 have.

The likelihood is not extended. ``misc.hepnb.nll`` averages the density over each bin, as hepnb
does; RooFit takes bin centres unless told ``IntegrateBins``. Where a window is hidden, domains
``visible_1``, ``visible_2``, ... are the ranges on which the density is normalised
(``Range("visible_1,visible_2")`` in RooFit).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import hepnb
from hepnb.background.families import Laurent
from hepnb.background.fitting import BackgroundFit
from hepnb.background.formats.envelope import envelope_fits, plain_name
from hepnb.background.formats.text_file import write_json
from hepnb.background.ftest.result import FTest
from hepnb.errors import BadTable

__all__ = ("hs3_document", "hs3_documents", "write_hs3")


def __dir__() -> tuple[str, ...]:
    return __all__


Parts = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def write_hs3(ftest: FTest, folder: str | Path) -> tuple[Path, ...]:
    """Write ``hs3_<category>_<function>.json`` for each function of the envelope.

    Returns
    -------
    tuple of Path
        In the order of the envelope, which is that of the index.

    Raises
    ------
    BadTable
        If the envelope is empty, or one of its families has no form in HS3.
    """
    folder = Path(folder)
    category = plain_name(ftest.spectrum.category)
    documents = hs3_documents(ftest)
    return tuple(
        write_json(folder / f"hs3_{category}_{name}.json", document)
        for name, document in documents.items()
    )


def hs3_documents(ftest: FTest) -> dict[str, dict[str, Any]]:
    """Give a document for each function of the envelope, by its name."""
    members = envelope_fits(ftest)
    names = [fit.name for fit in members]
    penalty = float(ftest.settings["penalty"])
    return {
        fit.name: hs3_document(fit)
        | {"misc": {"hepnb": _own_block(fit, index, names, ftest.choice.best, penalty)}}
        for index, fit in enumerate(members)
    }


def hs3_document(fit: BackgroundFit) -> dict[str, Any]:
    """Give the document of one fitted function, without the block on the envelope.

    Raises
    ------
    BadTable
        If its family has no form in HS3.
    """
    spectrum = fit.spectrum
    mass, pdf = plain_name(spectrum.variable, "mass"), f"pdf_{fit.name}"
    distributions, parameters = _distributions(fit, mass, pdf)
    free = [each["name"] for each in parameters if not each.get("const")]
    observable = {"name": mass, "min": spectrum.lo, "max": spectrum.hi}
    domains = [
        {
            "name": "default_domain",
            "type": "product_domain",
            "axes": [observable, *({key: each[key] for key in observable} for each in parameters)],
        }
    ]
    if spectrum.blind:
        domains += [
            {
                "name": f"visible_{number}",
                "type": "product_domain",
                "axes": [{"name": mass, "min": lo, "max": hi}],
            }
            for number, (lo, hi) in enumerate(spectrum.visible_runs, start=1)
        ]
    points = [{key: each[key] for key in each if key not in {"min", "max"}} for each in parameters]
    return {
        "metadata": {
            "hs3_version": "0.2",
            "packages": [{"name": "hepnb", "version": hepnb.__version__}],
            "description": f"{fit.title} fitted to {spectrum.category or 'a mass spectrum'}",
        },
        "distributions": distributions,
        "data": [_data(fit, mass)],
        "domains": domains,
        "parameter_points": [{"name": "default_values", "parameters": points}],
        "likelihoods": [{"name": "likelihood", "distributions": [pdf], "data": ["observed"]}],
        "analyses": [
            {
                "name": "background",
                "likelihood": "likelihood",
                "parameters_of_interest": free[:1],
                "domains": [each["name"] for each in domains],
                "init": "default_values",
            }
        ],
    }


def _own_block(
    fit: BackgroundFit, index: int, names: list[str], best: str | None, penalty: float
) -> dict[str, Any]:
    category = plain_name(fit.spectrum.category)
    return {
        "schema_version": 1,
        "category": fit.spectrum.category,
        "index": {"name": f"pdfindex_{category}", "value": index, "members": names, "best": best},
        "penalty": {"per_parameter": penalty, "added_to": "2nll", "n_par": fit.n_par},
        "nll": fit.nll,
        "total": fit.total,
        "visible": [list(each) for each in fit.spectrum.visible_runs],
        "unbinned": fit.unbinned,
    }


def _data(fit: BackgroundFit, mass: str) -> dict[str, Any]:
    spectrum = fit.spectrum
    axis: dict[str, Any] = {"name": mass, "min": spectrum.lo, "max": spectrum.hi}
    if fit.unbinned and spectrum.masses is not None:
        entries = [[each] for each in spectrum.masses.tolist()]
        return {"name": "observed", "type": "unbinned", "axes": [axis], "entries": entries}
    widths = spectrum.widths
    if np.allclose(widths, widths[0], rtol=1e-9, atol=0.0):
        axis["nbins"] = len(widths)
    else:
        axis = {"name": mass, "edges": spectrum.edges.tolist()}
    contents = spectrum.counts.tolist()
    return {"name": "observed", "type": "binned", "axes": [axis], "contents": contents}


def _distributions(fit: BackgroundFit, mass: str, pdf: str) -> Parts:
    """Distributions of the function, the whole one last, and their parameters."""
    if fit.family.name == "bernstein":
        return _bernstein(fit, mass, pdf)
    theta = fit.theta.tolist()
    bounds = fit.shape.bounds.tolist()
    if fit.family.name == "exponential":
        slopes = [
            {"name": f"c{k}", "value": -s, "min": -hi, "max": -lo}
            for k, (s, (lo, hi)) in enumerate(zip(theta, bounds, strict=True), start=1)
        ]
        parts = [{"type": "exponential_dist", "x": mass, "c": each["name"]} for each in slopes]
        return _mixture(fit, pdf, parts, slopes)
    if fit.family.name == "powerlaw":
        powers = [
            {"name": f"p{k}", "value": p, "min": lo, "max": hi}
            for k, (p, (lo, hi)) in enumerate(zip(theta, bounds, strict=True), start=1)
        ]
        parts = [_power(fit, mass, str(each["name"])) for each in powers]
        return _mixture(fit, pdf, parts, powers)
    if isinstance(fit.family, Laurent):
        parts = [_power(fit, mass, str(each)) for each in fit.family.powers(fit.order)]
        return _mixture(fit, pdf, parts, [])
    message = (
        f"{fit.title} has no form in HS3; bernstein, exponential, powerlaw and laurent have, "
        "leave the others out of the envelope or write pyhf templates"
    )
    raise BadTable(message)


def _bernstein(fit: BackgroundFit, mass: str, pdf: str) -> Parts:
    # the scale of the coefficients is free: that of the largest weight stands still at 1
    largest = int(fit.weights.argmax())
    parameters: list[dict[str, Any]] = [
        {"name": f"b{k}", "value": value, "min": 0.0, "max": 1000.0}
        for k, value in enumerate((fit.weights / fit.weights[largest]).tolist())
    ]
    parameters[largest]["const"] = True
    coefficients = [each["name"] for each in parameters]
    whole = {"name": pdf, "type": "bernstein_poly_dist", "x": mass, "coefficients": coefficients}
    return [whole], parameters


def _power(fit: BackgroundFit, mass: str, power: str) -> dict[str, Any]:
    # masses in units of the lower end: a power of the mass itself would be too small for the
    # absolute tolerance of a numerical normalisation
    return {"type": "generic_dist", "expression": f"pow({mass}/{fit.spectrum.lo!r},{power})"}


def _mixture(
    fit: BackgroundFit, pdf: str, parts: list[dict[str, Any]], parameters: list[dict[str, Any]]
) -> Parts:
    if len(parts) == 1:
        return [{"name": pdf, **parts[0]}], parameters
    named = [{"name": f"{pdf}_{k}", **each} for k, each in enumerate(parts, start=1)]
    weights = [
        {"name": f"w{k}", "value": value, "min": 0.0, "max": 1.0}
        for k, value in enumerate(fit.weights[:-1].tolist(), start=1)
    ]
    whole = {
        "name": pdf,
        "type": "mixture_dist",
        "extended": False,
        "summands": [each["name"] for each in named],
        "coefficients": [each["name"] for each in weights],
    }
    return [*named, whole], [*parameters, *weights]
