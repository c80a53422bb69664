"""Fit a mass spectrum: extended likelihood, binned unless asked otherwise.

The shapes come from a histogram, whose cost does not grow with the sample, with exact bin
integrals. The yields are then fitted once more, alone, to the candidates themselves: that is what
makes the identities of the sWeights hold (`hepnb.pid.subtraction.sweights`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from iminuit import Minuit
from numpy.typing import ArrayLike, NDArray

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, FitFailed
from hepnb.pid.mass.likelihood import BinnedLikelihood, UnbinnedLikelihood
from hepnb.pid.mass.models import Guess, MassModel, mass_model
from hepnb.pid.mass.result import MassFit
from hepnb.pid.mass.spectrum import Spectrum, read_spectrum
from hepnb.pid.subtraction.sweights import YieldFit, fit_yields
from hepnb.stats.goodness_of_fit import Chi2Test, chi2_test, likelihood_chi2_test

__all__ = ("MassFit", "fit_mass")


def __dir__() -> tuple[str, ...]:
    return __all__


_LOG = logging.getLogger(__name__)

Floats = NDArray[np.float64]

_WIDTHS = (1.0, 0.5, 2.0, 0.25, 4.0)  # the peak's width is the least certain start
_GOOD = 0.01  # p-value from which on no other start is tried
_MANY = 1_000_000  # candidates beyond which an unbinned fit takes minutes


def fit_mass(
    data: Sample | ArrayLike,
    model: str | MassModel = "two_gaussians",
    *,
    variable: str | None = None,
    range: tuple[float, float] | None = None,  # noqa: A002 -- the field's word, as in numpy
    bins: int | Sequence[float] = 150,
    unbinned: bool = False,
    cut: str = "",
    weights: str | ArrayLike | None = None,
    unit: str = "GeV/c^2",
) -> MassFit:
    """Fit the mass spectrum of a sample.

    Parameters
    ----------
    data
        A `Sample`, masses of shape (n,), or a one-dimensional `hist.Hist`. Of a histogram the
        yields are refitted in its bins, so that the sWeights' identities hold for bins only.
    model
        Name of a registered model, or a model.
    variable
        Mass expression of a sample, by default the sample's own; of an array, its name.
    range
        Fit range ``[lo, hi)``; by default all that the candidates span.
    bins
        Number of equal bins, or edges. Some ten bins across the peak's width are plenty.
    unbinned
        Fit the shapes to candidates one by one: more precise where candidates are few, slow
        beyond 1e5.
    cut
        Requirement before the fit. sWeights are valid for all candidates that pass it.
    weights
        Expression (sample) or array: weights of candidates, in binned fits.
    unit
        Of the mass.

    Returns
    -------
    MassFit
        Yields, parameters, quality and sWeights. A flaw that leaves a usable minimum is told in
        its `status`, and logged.

    Raises
    ------
    BadParameters
        If the model is unknown, or an option makes no sense for the data.
    FitFailed
        If there is nothing to fit, or no start leads to a minimum.

    Notes
    -----
    Of a sample only the mass (and weight) is read. Up to 5e7 candidates these are kept, 8 bytes
    each; of a larger sample they are read anew in each pass: one to fill the histogram, three or
    four to refit the yields.
    """
    chosen = mass_model(model)
    spectrum = read_spectrum(
        data, variable=variable, bounds=range, bins=bins, cut=cut, weights=weights
    )
    if unbinned and (spectrum.weighted or spectrum.passes is None):
        message = "an unbinned fit needs candidates without weights; fit binned instead"
        raise BadParameters(message)
    minuit = _fit_binned(chosen, spectrum)
    if unbinned:
        minuit = _fit_unbinned(chosen, spectrum, minuit)
    refit, problem = _refit(chosen, spectrum, minuit)
    table = _table(chosen, minuit, unit)
    test = _quality(chosen, spectrum, minuit)
    status = _status(chosen, minuit, table, test, refit)
    if status != "ok":
        _LOG.warning("mass fit with model %r: %s %s", chosen.name, status, problem)
    name = variable or (data.mass if isinstance(data, Sample) else None)
    return MassFit(
        chosen, spectrum, minuit, table, test, status, unbinned, refit, problem, name, unit
    )


def _fit_binned(model: MassModel, spectrum: Spectrum) -> Minuit:
    variances = spectrum.variances if spectrum.weighted else None
    cost = BinnedLikelihood(model, spectrum.edges, spectrum.counts, variances)
    guess = Guess.from_histogram(spectrum.counts, spectrum.edges)
    best: tuple[float, Minuit] | None = None
    for factor in _WIDTHS:
        minuit = _minimised(cost, model, spectrum, guess._replace(width=guess.width * factor))
        if minuit.valid and (best is None or minuit.fval < best[0] - 1e-3):
            best = (float(minuit.fval), minuit)
        if best is not None and _quality(model, spectrum, best[1]).p_value > _GOOD:
            break
    if best is None:
        raise FitFailed(
            f"model {model.name!r} has no minimum from {len(_WIDTHS)} starts in "
            f"[{spectrum.lo:g}, {spectrum.hi:g}) with {spectrum.counts.sum():g} candidates; "
            "try a simpler model, another range, or fewer bins"
        )
    return _settled(best[1])


def _settled(minuit: Minuit) -> Minuit:
    """Make the covariance accurate; a better one can show that the minimum is not quite reached."""
    for _ in range(3):
        minuit.hesse()
        if minuit.valid:
            break
        minuit.migrad()
    return minuit


def _minimised(cost: Any, model: MassModel, spectrum: Spectrum, guess: Guess) -> Minuit:
    shapes = [each.start_for(guess) for each in model.parameters]
    total = float(spectrum.counts.sum())
    names = [f"N_{name}" for name in model.component_names]
    yields = _start_yields(model.bin_probabilities(spectrum.edges, shapes), spectrum.counts)
    minuit = Minuit(cost, *yields, *shapes, name=(*names, *model.parameter_names))
    for name in names:
        minuit.limits[name] = (0.0, 2.0 * abs(total) + 100.0)
    for each in model.parameters:
        minuit.limits[each.name] = each.limits_for(guess)
    minuit.migrad()
    return minuit


def _start_yields(probabilities: Floats, counts: Floats) -> Floats:
    """Give yields of fixed shapes after a few steps of expectation and maximisation."""
    seen = np.maximum(counts, 0.0)
    yields = np.full(len(probabilities), seen.sum() / len(probabilities))
    for _ in np.arange(20):
        total = np.maximum(yields @ probabilities, 1e-300)
        yields *= (probabilities / total) @ seen
    return np.asarray(np.maximum(yields, 1e-3 * seen.sum()))


def _fit_unbinned(model: MassModel, spectrum: Spectrum, binned: Minuit) -> Minuit:
    mass = np.concatenate([block for block, _ in spectrum.candidates()])
    if len(mass) > _MANY:
        _LOG.warning("unbinned fit of %d candidates takes minutes; binned is exact too", len(mass))
    cost = UnbinnedLikelihood(model, spectrum.lo, spectrum.hi, mass)
    start = {each.name: each.value for each in binned.params}
    minuit = Minuit(cost, *start.values(), name=tuple(start))
    minuit.limits = binned.limits
    minuit.errors = binned.errors
    minuit.migrad()
    if not _settled(minuit).valid:
        raise FitFailed(
            f"the unbinned fit of model {model.name!r} does not converge from the binned minimum; "
            "use the binned fit, or a simpler model"
        )
    return minuit


def _refit(model: MassModel, spectrum: Spectrum, minuit: Minuit) -> tuple[YieldFit | None, str]:
    """Fit the yields alone, to candidates if there are any, else to bins."""
    values = [float(minuit.params[name].value) for name in model.parameter_names]
    lo, hi = spectrum.lo, spectrum.hi
    widths = np.diff(spectrum.edges)

    def passes() -> Iterator[tuple[Floats, Floats | None]]:
        if spectrum.passes is None:
            yield model.bin_probabilities(spectrum.edges, values) / widths, spectrum.counts
            return
        for mass, q in spectrum.candidates():
            yield model.pdf(mass, lo, hi, values), q

    start = np.array([minuit.params[f"N_{name}"].value for name in model.component_names])
    try:
        return fit_yields(passes, np.maximum(start, 1e-6 * start.sum())), ""
    except FitFailed as error:
        return None, str(error)


def _table(model: MassModel, minuit: Minuit, unit: str) -> pd.DataFrame:
    units = dict.fromkeys((f"N_{name}" for name in model.component_names), "candidates")
    units |= {each.name: unit if each.of_mass else "" for each in model.parameters}
    rows = [
        (name, float(value), float(error), units[name], _at_limit(name, float(value), limits))
        for name, value, error, limits in zip(
            minuit.parameters, minuit.values, minuit.errors, minuit.limits, strict=True
        )
    ]
    return pd.DataFrame(rows, columns=["name", "value", "error", "unit", "at_limit"])


def _at_limit(name: str, value: float, limits: tuple[float, float]) -> bool:
    low, high = limits
    # a yield's upper limit is far away, hence no scale for what is near the lower one
    near = 0.01 if name.startswith("N_") else 1e-4 * min(high - low, 1e300)
    return value - low < near or high - value < near


def _quality(model: MassModel, spectrum: Spectrum, minuit: Minuit) -> Chi2Test:
    values = list(minuit.values)
    size = len(model.components)
    expected = np.asarray(values[:size]) @ model.bin_probabilities(spectrum.edges, values[size:])
    free = int(minuit.nfit)
    if spectrum.weighted:
        return chi2_test(spectrum.counts, expected, spectrum.variances, n_parameters=free)
    return likelihood_chi2_test(spectrum.counts, expected, n_parameters=free)


def _status(
    model: MassModel, minuit: Minuit, table: pd.DataFrame, test: Chi2Test, refit: YieldFit | None
) -> str:
    words = [f"at_limit:{name}" for name in table.loc[table["at_limit"], "name"]]
    if not minuit.accurate:
        words.append("approximate_errors")
    if test.p_value < 1e-3:
        words.append("poor_fit")
    if refit is None:
        words.append("no_sweights")
    else:
        size = len(model.components)
        moved = np.abs(refit.yields - np.asarray(minuit.values)[:size])
        if refit.alike:
            words.append("similar_components")
        if np.any(moved > 0.5 * np.asarray(minuit.errors)[:size]):
            words.append("refit_differs")
    return ";".join(words) or "ok"
