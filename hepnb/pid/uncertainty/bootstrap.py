"""Bootstrap of an sWeighted efficiency: the mass fit is repeated with every replica.

``sum w^2`` knows the fluctuation of the candidates, not that of the shapes which they were fitted
with. A replica counts each candidate Poisson(1) times, fits the mass again and weighs again.

Everything is binned: candidates are counted once per mass bin, table bin and decision, and a sum
of n independent Poisson(1) numbers is Poisson(n). Replicas of the counts are therefore replicas of
the candidates, at a cost that does not grow with the sample, and they depend on the seed alone,
not on how the files are read. Nominal and alternative fit see the same replicas.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from iminuit import Minuit
from numpy.typing import NDArray

from hepnb.data.filling import fill
from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, FitFailed
from hepnb.pid.mass.likelihood import BinnedLikelihood
from hepnb.pid.subtraction.cows import make_cows
from hepnb.pid.subtraction.sweights import fit_yields, sweights
from hepnb.pid.uncertainty.bootstrap_result import Bootstrap
from hepnb.stats import weighted

if TYPE_CHECKING:
    from hepnb.pid.mass.result import MassFit

__all__ = ("Bootstrap", "bootstrap_efficiency")


def __dir__() -> tuple[str, ...]:
    return __all__


_LOG = logging.getLogger(__name__)

Floats = NDArray[np.float64]

_ENOUGH = 30  # of 15 replicas of a normal number 4 % seem to have tails, of 30 0.4 %
_TAILS = (
    1.5  # standard deviation over half the central 68 %: 1 for a Gaussian, 1.1 at most by chance
)


def bootstrap_efficiency(
    sample: Sample,
    nominal: MassFit,
    alternative: MassFit | None = None,
    *,
    cut: str,
    binning: Mapping[str, Sequence[float]],
    precut: str = "",
    degree: int | None = None,
    component: str = "signal",
    replicas: int = 200,
    seed: int = 1,
    workers: int = 1,
) -> Bootstrap:
    """Resample the candidates, fit their mass again, and measure the efficiency again.

    Parameters
    ----------
    sample
        Unweighted candidates, those that were fitted.
    nominal, alternative
        Fits of the sample; the spectrum's bins are those of the bootstrap.
    cut, binning, precut
        As in `measure_efficiency`; the precut is that of the fits.
    degree
        Of the background's polynomials, to weigh with COWs; None: with sWeights.
    component
        Whose efficiency.
    replicas
        200 tell a standard deviation to 5 %; a replica and fit take some 20 ms.
    seed
        The first replicas of a longer bootstrap are those of a shorter one.
    workers
        Threads that read; the result does not depend on it.

    Returns
    -------
    Bootstrap

    Raises
    ------
    BadParameters
        If the fits are not of these candidates, or are of weighted ones.
    FitFailed
        If fewer than half of the replicas can be fitted.
    """
    if replicas < 2:
        raise BadParameters(f"{replicas} replicas have no spread; use some 200")
    cells = _count(sample, nominal, cut=cut, binning=binning, precut=precut, workers=workers)
    fits = [nominal] if alternative is None else [nominal, alternative]
    if alternative is not None and not np.array_equal(
        nominal.spectrum.edges, alternative.spectrum.edges
    ):
        message = "nominal and alternative fit have different mass bins; fit both with the same"
        raise BadParameters(message)
    weigh = [_Weigher(fit, degree, fit.model.component_names.index(component)) for fit in fits]
    names = ("nominal", "alternative")
    measured = {
        name: cells.efficiency(each(cells.spectrum, floating=False))
        for name, each in zip(names, weigh, strict=False)
    }
    found = np.full((1 + len(fits), replicas, cells.passing.shape[1]), np.nan)
    for number in range(replicas):
        rng = np.random.default_rng(np.random.SeedSequence((seed, number)))
        copy = _Cells(*(rng.poisson(each).astype(float) for each in cells))
        try:
            weights = [weigh[0](copy.spectrum, floating=False)]
            weights += [each(copy.spectrum, floating=True) for each in weigh]
        except FitFailed:
            continue
        found[:, number] = [copy.efficiency(each) for each in weights]
    failed = int(np.isnan(found).all(axis=(0, 2)).sum())
    if failed > 0.02 * replicas:
        _LOG.warning("%d of %d replicas could not be fitted, and are left out", failed, replicas)
    if failed > 0.5 * replicas:
        raise FitFailed(f"{failed} of {replicas} replicas could not be fitted; simplify the model")
    axes = {name: tuple(map(float, edges)) for name, edges in binning.items()}
    result = Bootstrap(
        axes, measured, found[0], found[1], found[2] if alternative else None, failed
    )
    known = np.isfinite(result.total)  # bins without candidates have no spread
    low, high = np.nanpercentile(result.floating[:, known], [15.87, 84.13], axis=0)
    far = result.total[known] > _TAILS * 0.5 * (high - low)
    if replicas >= _ENOUGH and far.any():
        _LOG.warning(
            "replicas of the fit with model %r have tails: its shapes are not determined by these "
            "candidates, and its uncertainty is large; take a simpler model",
            nominal.model.name,
        )
    return result


class _Cells(NamedTuple):
    """Candidates per mass bin: (mass bins, table bins), and (mass bins,) outside the table."""

    passing: Floats
    failing: Floats
    elsewhere: Floats

    @property
    def spectrum(self) -> Floats:
        return np.asarray((self.passing + self.failing).sum(axis=1) + self.elsewhere)

    def efficiency(self, weights: Floats) -> Floats:
        passing, failing = weights @ self.passing, weights @ self.failing
        return weighted.efficiency(passing, 0.0, passing + failing, 0.0).value


def _count(
    sample: Sample,
    fit: MassFit,
    *,
    cut: str,
    binning: Mapping[str, Sequence[float]],
    precut: str,
    workers: int,
) -> _Cells:
    if fit.variable is None or fit.variable in binning or fit.spectrum.weighted:
        message = "a bootstrap needs a fit of unweighted candidates, and no axis that is their mass"
        raise BadParameters(message)
    axes = {fit.variable: fit.spectrum.edges.tolist(), **binning}
    filled = fill(sample, binnings=axes, cuts=[cut], precuts=[precut], workers=workers)
    size = len(fit.spectrum.counts)
    passing, total = (
        np.asarray(filled.hist(each, precut).values(), float).reshape(size, -1)
        for each in (cut, "")
    )
    elsewhere = fit.spectrum.counts - total.sum(axis=1)
    if np.any(elsewhere < 0):
        message = "the fit saw fewer candidates than pass the precut; fit with cut=precut"
        raise BadParameters(message)
    return _Cells(passing, total - passing, elsewhere)


class _Weigher:
    """Weights of the mass bins for any counts, with the fit's model."""

    def __init__(self, fit: MassFit, degree: int | None, component: int) -> None:
        self.fit, self.degree, self.component = fit, degree, component
        self.edges = fit.spectrum.edges
        self.start = np.array([float(each.value) for each in fit.minuit.params])
        self.size = len(fit.model.components)

    def __call__(self, counts: Floats, *, floating: bool) -> Floats:
        model, edges = self.fit.model, self.edges
        values = self._refitted(counts) if floating else self.start
        shapes = tuple(values[self.size :].tolist())
        densities = model.bin_probabilities(edges, shapes) / np.diff(edges)
        start = np.maximum(values[: self.size], 1e-6 * counts.sum())
        found = fit_yields(lambda: [(densities, counts)], start)
        if self.degree is None:
            return sweights(densities, found.yields, found.covariance)[:, self.component]
        cows = make_cows(model, self.fit.range, shapes, found.yields, degree=self.degree)
        return cows(0.5 * (edges[1:] + edges[:-1]))[:, self.component]

    def _refitted(self, counts: Floats) -> Floats:
        cost = BinnedLikelihood(self.fit.model, self.edges, counts)
        minuit = Minuit(cost, *self.start, name=self.fit.minuit.parameters)
        minuit.limits = self.fit.minuit.limits
        minuit.errors = self.fit.minuit.errors
        minuit.strategy = 0  # no second derivatives: only the minimum is wanted
        minuit.migrad()
        if not minuit.valid:
            minuit.strategy = 1
            minuit.migrad()
        if not minuit.valid:
            raise FitFailed("a replica has no minimum")
        return np.array(minuit.values)
