"""Kernel density estimates on a grid, with weights of either sign.

Boundaries are corrected as by the relative estimate of A. Poluektov, JINST 10 (2015) P02011
(arXiv:1411.5528), with a flat approximation: ``S(c) = (c * K) / (1 * K)``, where ``*`` is the
convolution with a Gaussian kernel K over the grid, beyond which there is nothing. Twicing takes
back what the kernel broadens, ``S(c) + S(c - S(c))`` (J. W. Tukey, Exploratory Data Analysis,
1977): the bias falls from the second to the fourth power of the width. Both are linear in the
counts, so that weights of opposite signs cancel as they should.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

__all__ = ("effective_counts", "smooth_counts")

Array = npt.NDArray[np.floating]

_LEVELS = 8
_CLAMP = (0.1, 3.0)


def __dir__() -> tuple[str, ...]:
    return __all__


def smooth_counts(
    counts: Array, widths: Sequence[float], *, adaptive: bool = False, twicing: bool = True
) -> Array:
    """Smooth sums of weights.

    Parameters
    ----------
    counts
        Sums of weights in the cells of a grid; cells may be negative.
    widths
        Standard deviation of the kernel along each axis, in cells; 0 does not smooth.
    adaptive
        Widen the kernel where there are few counts and narrow it where there are many: its width is
        multiplied by ``a**(-1/D)``, where a is the estimate with a fixed kernel over its mean,
        kept within [0.1, 3], and D the number of axes that are smoothed (arXiv:1411.5528).
    twicing
        Whether to take back the broadening.

    Returns
    -------
    ndarray
        Of the shape and sum of `counts` (a sum of mere fluctuations, of about 0, is kept roughly);
        negative where negative weights prevail.
    """
    if not counts.size:
        return counts
    levels = [(1.0, np.ones(counts.shape, bool))]
    if adaptive:
        levels = _levels(_relative(counts, widths, levels), widths)
    smooth = _relative(counts, widths, levels)
    if twicing:
        smooth = smooth + _relative(counts - smooth, widths, levels)
    total, found = counts.sum(dtype=float), smooth.sum(dtype=float)
    # a sum that is nothing but fluctuations is no measure of what boundaries took
    ratio = total / found if found else 1.0
    return smooth * counts.dtype.type(ratio) if 0.5 < ratio < 2 else smooth


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
    above, below = _filtered(counts, widths) ** 2, integral * _filtered(squares, narrower)
    return np.divide(above, below, out=np.zeros_like(counts), where=below > 0)


def _relative(
    counts: Array, widths: Sequence[float], levels: Sequence[tuple[float, npt.NDArray[np.bool_]]]
) -> Array:
    above, below = np.zeros_like(counts), np.zeros_like(counts)
    for scale, where in levels:
        scaled = [scale * each for each in widths]
        above += _filtered(np.where(where, counts, 0), scaled)
        below += _filtered(where.astype(counts.dtype), scaled)
    return np.divide(above, below, out=np.zeros_like(counts), where=below > 0)


def _filtered(values: Array, widths: Sequence[float]) -> Array:
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
