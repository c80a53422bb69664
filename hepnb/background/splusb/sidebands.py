"""How much background a fit of the sidebands expects in a window, and how well that is known."""

from __future__ import annotations

import numpy as np

from hepnb.background.fitting.result import BackgroundFit

__all__ = ("window_yield",)


def __dir__() -> tuple[str, ...]:
    return __all__


def window_yield(fit: BackgroundFit, window: tuple[float, float]) -> tuple[float, float]:
    """Background events in a window, with the uncertainty of the fit.

    Parameters
    ----------
    fit
        Of what is visible; the window may be hidden.
    window
        Lower and upper end, in units of mass.

    Returns
    -------
    tuple of float
        Events and their uncertainty: ``g C g`` with the gradient of the number by the weights of
        the components, in events, and by their parameters. Poisson fluctuations of what will be
        counted in the window are not in it. A weight that ended at zero stays there in it, so that
        toys, which let it come back, may scatter more.
    """
    edges, theta = np.asarray(window, float), np.asarray(fit.theta, float)
    shares = fit.shape.fractions(edges, theta)[0]
    gradient = [shares]
    steps = 1e-5 * np.maximum(np.abs(theta), 1e-3)
    for i, step in enumerate(steps):
        ends = [
            fit.shape.fractions(edges, theta + sign * step * (np.arange(len(theta)) == i))
            for sign in (1.0, -1.0)
        ]
        slope = (ends[0] - ends[1])[0] @ fit.weights / (2.0 * step)
        gradient.append(np.array([fit.total * slope]))
    g = np.concatenate(gradient)
    return float(fit.expected(edges)[0]), float(np.sqrt(max(g @ fit.covariance @ g, 0.0)))
