"""Refits of pseudo-experiments: where the background component may lie."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hepnb.background.fitting import fit_background
from hepnb.background.fitting.result import BackgroundFit
from hepnb.background.fitting.signal_fit import SignalFit, as_signal_fit
from hepnb.background.fitting.signal_model import SignalModel, Start
from hepnb.background.pseudodata import pseudo_data
from hepnb.background.splusb.shared import combined_strength
from hepnb.errors import FitFailed, HepnbError

__all__ = ("background_toys", "signal_toys")


def __dir__() -> tuple[str, ...]:
    return __all__


Toys = dict[str, tuple[BackgroundFit, ...]]


def background_toys(fits: Mapping[str, BackgroundFit], *, toys: int, seed: int) -> Toys:
    """Refit pseudo-data of each background, seen where the data are seen.

    Parameters
    ----------
    fits
        Category to fit of background alone.
    toys
        How many.
    seed
        Of the random numbers; each category has its own stream.

    Returns
    -------
    dict
        Category to refits; those that failed are left out.
    """
    found: Toys = {}
    for i, (name, fit) in enumerate(fits.items()):
        rng = np.random.default_rng([seed, i])
        drawn = (pseudo_data(fit, rng) for _ in range(toys))
        refits = [fit_background(each, fit.family, fit.order) for each in drawn]
        found[name] = tuple(each for each in refits if each.valid)
    return found


def signal_toys(fits: Mapping[str, SignalFit], strength: float, *, toys: int, seed: int) -> Toys:
    """Refit pseudo-data of signal and background with one strength for all categories.

    Parameters
    ----------
    fits
        Category to its fit at the shared strength; position and width of the signal are held at
        what they are in it.
    strength
        The shared strength.
    toys, seed
        As for `background_toys`.

    Returns
    -------
    dict
        Category to backgrounds of refits; a toy of which any category failed is left out of all.

    Notes
    -----
    The strength of a toy is the mean of those of its categories, weighted by their precision,
    which is the minimum of the sum of their likelihoods where these are parabolas.
    """
    rngs = {name: np.random.default_rng([seed, i]) for i, name in enumerate(fits)}
    models = {name: _model(fit) for name, fit in fits.items()}
    # each refit begins at the truth of its toy, from where the nearest minimum is the best
    truth = {name: _start(fit, strength) for name, fit in fits.items()}
    found: dict[str, list[BackgroundFit]] = {name: [] for name in fits}
    for _ in range(toys):
        drawn = {
            name: model.with_data(
                pseudo_data(
                    fits[name].background, rngs[name], signal=fits[name].signal, strength=strength
                )
            )
            for name, model in models.items()
        }
        try:
            refits = _refitted(drawn, truth)
        except HepnbError:
            continue
        if all(each.background.valid for each in refits.values()):
            for name, each in refits.items():
                found[name].append(each.background)
    return {name: tuple(each) for name, each in found.items()}


def _model(fit: SignalFit) -> SignalModel:
    background = fit.background
    return SignalModel(background.spectrum, background.family, background.order, fit.signal)


def _start(fit: SignalFit, strength: float) -> Start:
    background = fit.background
    # components at zero can come back
    weights = np.maximum(background.weights, 1e-4) * background.total
    return Start(weights, strength, background.theta)


def _refitted(
    models: Mapping[str, SignalModel], starts: Mapping[str, Start]
) -> dict[str, SignalFit]:
    free = {name: _fitted(model, starts[name]) for name, model in models.items()}
    if len(models) == 1:
        return free
    strength, _ = combined_strength(free)
    return {
        name: _fitted(model, _start(free[name], strength), strength)
        for name, model in models.items()
    }


def _fitted(model: SignalModel, start: Start, strength: float | None = None) -> SignalFit:
    found = model.fit(strength=strength, starts=(start,))
    if found is None:
        message = f"{model.title} is zero where a toy has candidates"
        raise FitFailed(message)
    return as_signal_fit(model, found, free=strength is None)
