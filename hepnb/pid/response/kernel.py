"""Kernel density estimates on a grid, with weights of either sign and without bias at boundaries.

The relative estimate of A. Poluektov, JINST 10 (2015) P02011 (arXiv:1411.5528)::

    density = approximation * (counts (*) K) / (approximation (*) K),

where (*) is the convolution with a kernel K over the grid and nothing lies beyond it. The
approximation 1 corrects the loss at boundaries; one that is close to the truth leaves to the kernel
only what it does not describe. Kernels are Gaussian.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

__all__ = ("effective_counts", "relative_density", "twofold_density")

Array = npt.NDArray[np.floating]

_LEVELS = 8
_CLAMP = (0.1, 3.0)


def __dir__() -> tuple[str, ...]:
    return __all__


def relative_density(
    counts: Array,
    widths: Sequence[float],
    *,
    approximation: Array | None = None,
    adaptive: bool = False,
) -> Array:
    """Smooth weighted counts.

    Parameters
    ----------
    counts
        Sums of weights in the cells of a grid; cells may be negative.
    widths
        Standard deviation of the kernel along each axis, in cells; 0 does not smooth.
    approximation
        A density of the same shape, not negative; by default 1.
    adaptive
        Widen the kernel where there are few counts and narrow it where there are many: its width is
        multiplied by ``a**(-1/D)``, where a is the estimate with a fixed kernel over its mean,
        kept within [0.1, 3], and D the number of axes that are smoothed.

    Returns
    -------
    ndarray
        Of the shape and sum of `counts`; negative where negative weights prevail.
    """
    start = np.ones_like(counts) if approximation is None else approximation
    if adaptive:
        above, below = np.zeros_like(counts), np.zeros_like(counts)
        for scale, where in _levels(relative_density(counts, widths), widths):
            wider = [scale * each for each in widths]
            above += _smooth(np.where(where, counts, 0), wider)
            below += _smooth(np.where(where, start, 0), wider)
    else:
        above, below = _smooth(counts, widths), _smooth(start, widths)
    density = np.divide(start * above, below, out=np.zeros_like(counts), where=below > 0)
    total, found = counts.sum(dtype=float), density.sum(dtype=float)
    return density * counts.dtype.type(total / found) if found else density


def twofold_density(counts: Array, widths: Sequence[float], *, adaptive: bool = False) -> Array:
    """Smooth twice: an estimate relative to the estimate itself.

    What the kernel has broadened once is known from the second time, so that the bias falls from
    the second to the fourth power of the width (Jones, Linton and Nielsen, Biometrika 82 (1995)
    327). Parameters and result as of `relative_density`.
    """
    first = relative_density(counts, widths, adaptive=adaptive)
    np.maximum(first, 0, out=first)
    return relative_density(counts, widths, approximation=first, adaptive=adaptive)


def effective_counts(counts: Array, squares: Array, widths: Sequence[float]) -> Array:
    """Give the number of unweighted candidates that would know the smoothed counts as well.

    Parameters
    ----------
    counts, squares
        Sums of weights and of squared weights in the cells.
    widths
        Of the kernel, in cells.

    Returns
    -------
    ndarray
        ``(sum K w)^2 / sum K^2 w^2``, 0 where nothing is near.
    """
    # the square of a normalised Gaussian is one of 1 / sqrt(2) of the width, times its integral
    narrower = [each / np.sqrt(2) for each in widths]
    integral = np.prod([_integral_of_square(each) for each in widths])
    above, below = _smooth(counts, widths) ** 2, integral * _smooth(squares, narrower)
    return np.divide(above, below, out=np.zeros_like(counts), where=below > 0)


def _smooth(values: Array, widths: Sequence[float]) -> Array:
    return np.asarray(gaussian_filter(values, widths, mode="constant", truncate=4.0))


def _integral_of_square(width: float) -> float:
    if width == 0:
        return 1.0
    cells = np.arange(-np.ceil(4 * width), np.ceil(4 * width) + 1)
    kernel = np.exp(-0.5 * (cells / width) ** 2)
    return float((kernel**2).sum() / kernel.sum() ** 2)


def _levels(pilot: Array, widths: Sequence[float]) -> list[tuple[float, npt.NDArray[np.bool_]]]:
    """Scales of the kernel, and the cells that have each."""
    dimensions = max(sum(each > 0 for each in widths), 1)
    relative = np.clip(pilot / max(pilot.mean(), np.finfo(float).tiny), *_CLAMP)
    scale = relative ** (-1 / dimensions)
    edges = np.geomspace(scale.min(), scale.max() * (1 + 1e-6), _LEVELS + 1)
    level = np.clip(np.searchsorted(edges, scale, side="right") - 1, 0, _LEVELS - 1)
    middle = np.sqrt(edges[1:] * edges[:-1])
    return [(float(middle[each]), level == each) for each in np.unique(level)]
