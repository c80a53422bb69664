"""Newton's method between bounds, for smooth functions of a few variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

__all__ = ("Evaluation", "Minimum", "minimise")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_DECREASE = 1e-10  # of the function: what a further step may still gain when it stops
_ROUNDING = 1e-16  # relative, of the function
_ARMIJO = 1e-4
_LONGEST = 4.0  # times a variable's scale: the farthest that a step may reach


class Evaluation(NamedTuple):
    """A function with its derivatives at a point."""

    value: float
    gradient: Floats
    hessian: Floats


class Minimum(NamedTuple):
    """Where a function is least, as far as it was followed."""

    x: Floats
    value: float
    gradient: Floats
    hessian: Floats
    converged: bool
    steps: int


def minimise(
    evaluate: Callable[[Floats], Evaluation | None],
    start: Floats,
    bounds: Floats,
    *,
    scale: Floats,
    max_steps: int = 200,
) -> Minimum | None:
    """Follow a function down from a point, never leaving the bounds.

    Parameters
    ----------
    evaluate
        Gives value, gradient and Hessian at a point, or None where it is not defined.
    start
        Where to begin, of shape (n,), inside the bounds.
    bounds
        Of shape (n, 2); infinite where there is none.
    scale
        By how much a variable changes between points that matter, of shape (n,).
    max_steps
        Steps before it gives up.

    Returns
    -------
    Minimum or None
        None if the function is not defined at `start`.

    Notes
    -----
    Each step minimises the quadratic model subject to the bounds (non-negative least squares in
    the distance from each variable's nearer bound), then is halved until the function falls.
    """
    x = np.clip(start, bounds[:, 0], bounds[:, 1])
    here = evaluate(x)
    if here is None:
        return None
    for number in range(1, max_steps + 1):
        step = _step(here, x, bounds, scale)
        promised = -float(here.gradient @ step)
        if promised < _DECREASE + _ROUNDING * abs(here.value):
            return _finished(evaluate, x, here, np.clip(x + step, *bounds.T), number)
        length = 1.0
        while length > 1e-12:
            point = np.clip(x + length * step, bounds[:, 0], bounds[:, 1])
            there = evaluate(point)
            if there is not None and there.value <= here.value - _ARMIJO * length * promised:
                break
            length *= 0.5
        else:
            # rounding hides what is left to gain
            return Minimum(
                x, *here, converged=promised < 1e-6 + 1e-13 * abs(here.value), steps=number
            )
        x, here = point, there
    return Minimum(x, *here, converged=False, steps=max_steps)


def _finished(
    evaluate: Callable[[Floats], Evaluation | None],
    x: Floats,
    here: Evaluation,
    last: Floats,
    steps: int,
) -> Minimum:
    """Take the last step, which the function's own rounding cannot judge, unless it harms."""
    there = evaluate(last)
    if there is not None and there.value <= here.value + _DECREASE + 1e-14 * abs(here.value):
        return Minimum(last, *there, converged=True, steps=steps)
    return Minimum(x, *here, converged=True, steps=steps)


def _step(here: Evaluation, x: Floats, bounds: Floats, scale: Floats) -> Floats:
    """Minimise ``g d + d H d / 2`` within the bounds, and within reach of the scales.

    Non-negative least squares knows one bound of each variable: the nearer, or the other for those
    that went beyond it.
    """
    down = np.maximum((bounds[:, 0] - x) / scale, -_LONGEST)
    up = np.minimum((bounds[:, 1] - x) / scale, _LONGEST)
    root = _root(scale[:, None] * here.hessian * scale)
    newton = -np.linalg.solve(root, scale * here.gradient)
    sign = np.where(-down <= up, 1.0, -1.0)
    for _ in range(3):
        room = np.where(sign > 0, -down, up)  # d = sign (y - room), y >= 0
        model = (sign[:, None] * root).T
        step = sign * (nnls(model, newton + model @ room)[0] - room)
        beyond = (step < down) | (step > up)
        if not beyond.any():
            break
        sign[beyond] *= -1.0
    else:
        # each variable on its own goes downwards whatever the others do
        step = np.clip(-scale * here.gradient / np.square(root).sum(axis=1), down, up)
    return np.asarray(scale * step)


def _root(hessian: Floats) -> Floats:
    """Give R with ``R R^T = H``; where H bends down along an axis, as if it bent up as much."""
    try:
        added = 1e-13 * np.diagonal(hessian).max()
        return np.asarray(np.linalg.cholesky(hessian + added * np.eye(len(hessian))), float)
    except np.linalg.LinAlgError:
        curvature, axes = np.linalg.eigh(hessian)
        stiff = np.abs(curvature)
        return np.asarray(axes * np.sqrt(np.maximum(stiff, 1e-13 * (stiff.max() or 1.0))))
