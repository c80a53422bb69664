"""Signal plus background: sidebands, fit of the strength, toys, weights of the categories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hepnb.background.families import family, family_names
from hepnb.background.fitting import fit_background
from hepnb.background.pseudodata import pseudo_data
from hepnb.background.signal.shapes import Peak
from hepnb.background.signal.weighting import (
    category_weights,
    narrowest_window,
)
from hepnb.background.spectrum import MassSpectrum
from hepnb.background.splusb.result import Category, SPlusB
from hepnb.background.splusb.shared import Function, SharedFit, fit_shared_strength
from hepnb.background.splusb.sidebands import window_yield
from hepnb.background.splusb.toys import background_toys, signal_toys
from hepnb.errors import BadParameters, FitFailed, nearest

__all__ = ("choose_functions", "function_of", "run_splusb")


def __dir__() -> tuple[str, ...]:
    return __all__


def function_of(name: str) -> Function:
    """Family and order of a name such as ``bernstein4``.

    Raises
    ------
    BadParameters
        No family has that name, or the order is not one of its.
    """
    match = re.fullmatch(r"([a-z_]\w*?)(\d+)", name.strip().lower())
    if match is None or match[1] not in family_names():
        known = [f"{each}{family(each).orders()[0]}" for each in family_names()]
        message = f"function {name!r} is none (such as {', '.join(known)}){nearest(name, known)}"
        raise BadParameters(message)
    kind, order = family(match[1]), int(match[2])
    kind.check_order(order)
    return kind.name, order


def choose_functions(
    spectra: Mapping[str, MassSpectrum],
    functions: Mapping[str, str] | None = None,
    **testing: Any,
) -> dict[str, str]:
    """Give the background function of each category, by an f-test where none is named.

    Parameters
    ----------
    spectra
        Category to what the test may see: best the sidebands, so that a signal has no say.
    functions
        Category to name of a function, such as ``bernstein4``.
    **testing
        Options of `run_ftest`, such as ``toys`` and ``seed``.

    Returns
    -------
    dict
        Category to name.

    Raises
    ------
    FitFailed
        No function describes a category.
    BadParameters
        A name is no function, or names a category that is not there.
    """
    from hepnb.background.ftest import run_ftest

    chosen = dict(functions or {})
    for name in chosen:
        if name not in spectra:
            known = ", ".join(spectra)
            message = f"function of category {name!r}{nearest(name, spectra)} (known: {known})"
            raise BadParameters(message)
    for name, each in spectra.items():
        if name in chosen:
            function_of(chosen[name])
            continue
        best = run_ftest(each, **testing).choice.best
        if best is None:
            message = f"no function describes category {name!r}; name one, or change the range"
            raise FitFailed(message)
        chosen[name] = best
    return {name: chosen[name] for name in spectra}


def run_splusb(
    spectra: Mapping[str, MassSpectrum],
    signals: Mapping[str, Peak],
    functions: Mapping[str, str],
    *,
    sidebands: Mapping[str, MassSpectrum] | None = None,
    floating: Mapping[str, tuple[float, float]] | None = None,
    toys: int = 100,
    seed: int = 1,
) -> SPlusB:
    """Fit signal plus background in one or several categories.

    Parameters
    ----------
    spectra
        Category to data. Where a bin is hidden in any of them, no signal is fitted: what is given
        is the background of the sidebands, and the uncertainty that is expected of the strength,
        from the fit's own expectation at strength 1 (Asimov's data).
    signals
        Category to signal.
    functions
        Category to name of its background function.
    sidebands
        Category to the data without the signal's window, for the fit of background alone; None
        takes `spectra`.
    floating
        ``mean`` and ``scale`` with their bounds; see `fit_shared_strength`.
    toys
        Pseudo-experiments that are refitted for the bands; 0 draws none.
    seed
        Of the random numbers.

    Returns
    -------
    SPlusB

    Raises
    ------
    FitFailed
        A background cannot be fitted.
    BadParameters
        An unknown function, or a signal of which nothing is visible.
    """
    pairs = {name: function_of(functions[name]) for name in spectra}
    beside = {
        name: fit_background(each, *pairs[name]) for name, each in (sidebands or spectra).items()
    }
    for name, each in beside.items():
        if not each.valid:
            message = f"{each.title} of category {name!r} has no usable fit ({each.status})"
            raise FitFailed(f"{message}; choose another function")
    blinded = not all(each.visible.all() for each in spectra.values())
    data = (
        {
            name: pseudo_data(fit, events="asimov", signal=signals[name], unblind=True)
            for name, fit in beside.items()
        }
        if blinded
        else spectra
    )
    shared = fit_shared_strength(data, pairs, signals, floating=floating)
    null = fit_shared_strength(data, pairs, signals, strength=0.0)
    if blinded:
        refits = background_toys(beside, toys=toys, seed=seed)
    else:
        refits = signal_toys(shared.fits, shared.strength, toys=toys, seed=seed)
    weights = category_weights(shared.fits)
    categories = {
        name: Category(
            spectrum=each,
            sideband=beside[name],
            background=beside[name] if blinded else shared.fits[name].background,
            signal=signals[name] if blinded else shared.fits[name].signal,
            alone=None if blinded else _alone(name, each, pairs, shared),
            window=_window(name, beside, signals),
            window_background=window_yield(beside[name], _window(name, beside, signals)),
            toys=refits[name],
        )
        for name, each in spectra.items()
    }
    return SPlusB(
        categories=categories,
        shared=shared,
        weights=weights,
        blinded=blinded,
        q0=max(2.0 * (null.nll - shared.nll), 0.0),
        toys_asked=toys,
    )


def _alone(
    name: str, spectrum: MassSpectrum, pairs: Mapping[str, Function], shared: SharedFit
) -> SharedFit:
    """Fit one category with a strength of its own, the peak where the shared fit has it."""
    if len(shared.fits) == 1:
        return shared
    return fit_shared_strength(
        {name: spectrum}, {name: pairs[name]}, {name: shared.fits[name].signal}
    )


def _window(
    name: str, beside: Mapping[str, Any], signals: Mapping[str, Peak]
) -> tuple[float, float]:
    """Give the hidden window of the sidebands, or else that of the signal."""
    hidden = beside[name].spectrum.blind
    return (hidden[0][0], hidden[-1][1]) if hidden else narrowest_window(signals[name])
