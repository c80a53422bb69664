r"""Test that two masses of a background are independent, as every product of functions assumes.

Two tests, neither of which depends on any family of functions:

* a G-test in cells, ``2 sum n ln(n / e)``, with ``e`` the independent expectation of the same
  projections; its distribution is counted in pseudo-experiments;
* a score test of one mixed term, ``f g (1 + a u v)``, with u and v the masses as straight lines
  from -1 to 1: sharper where the slope of one mass changes steadily with the other. What any
  function of x alone or of y alone could do is taken out of ``u v`` first, so that a wrong ``f`` or
  ``g`` cannot be mistaken for a dependence.

Where a region is hidden, independence is tested in what is visible (quasi-independence).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from hepnb.background.two_dimensions.cells import Cells, merged_cells
from hepnb.background.two_dimensions.spectrum import Spectrum2D

__all__ = ("Factorisation", "factorisation_test", "independent")

log = logging.getLogger(__name__)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Verdict = Literal["ok", "does_not_factorise", "too_few"]

_FEW = 30  # candidates below which nothing can be said
_PER_CELL, _MOST = 20.0, 6
_CLOSE = 1e-10  # relative, of projections


@dataclass(frozen=True)
class Factorisation:
    """What `factorisation_test` found.

    Attributes
    ----------
    g, ndof, g_p
        Statistic of the G-test, its degrees of freedom, and its probability in `toys`
        pseudo-experiments.
    mixed, mixed_error, mixed_p
        The coefficient a of the mixed term, its standard deviation if there is none, and the
        two-sided probability.
    p
        Probability that both together see so much by chance: twice the smaller one, at most 1.
    alpha
        Below which the masses do not factorise: at most so often a false alarm.
    status
        ``ok``, ``does_not_factorise``, or ``too_few`` (candidates).
    variables
        The two masses.
    cells, counts, expected
        Of the G-test; counts and expectation of shape (kx, ky).
    toys
        Statistics of the pseudo-experiments.
    """

    g: float
    ndof: int
    g_p: float
    mixed: float
    mixed_error: float
    mixed_p: float
    p: float
    alpha: float
    status: Verdict
    variables: tuple[str, str]
    cells: Cells = field(repr=False)
    counts: Floats = field(repr=False)
    expected: Floats = field(repr=False)
    toys: Floats = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether no dependence was seen."""
        return self.status != "does_not_factorise"

    def summary(self) -> str:
        """Say in a sentence or two whether a product may be used."""
        x, y = self.variables
        if self.status == "too_few":
            return f"Too few candidates to test whether {x} and {y} are independent."
        found = (
            f"mixed term {self.mixed:+.2f} +- {self.mixed_error:.2f} (p = {self.mixed_p:.2g}), "
            f"G = {self.g:.1f} with {self.ndof} degrees of freedom (p = {self.g_p:.2g})"
        )
        if self.passed:
            return f"No dependence of {y} on {x} was seen: {found}."
        return (
            f"{x} and {y} do not factorise: {found}. No product of two functions describes these "
            f"data; split them into categories in which they factorise, or describe {y} in slices "
            f"of {x}."
        )

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Give the numbers of a run's ``result.json``."""
        return {
            "factorisation_p": {"value": self.p, "status": self.status},
            "mixed_term": {
                "value": self.mixed,
                "uncertainty": self.mixed_error,
                "status": self.status,
            },
        }


def factorisation_test(
    spectrum: Spectrum2D, *, alpha: float = 0.01, toys: int = 1000, seed: int = 1
) -> Factorisation:
    """Test whether the two masses are independent in what is visible.

    Parameters
    ----------
    spectrum
        The data. A signal in them is a dependence: hide it, or it may be found.
    alpha
        Largest probability of a false alarm.
    toys
        Pseudo-experiments of the G-test.
    seed
        Of their random numbers.

    Returns
    -------
    Factorisation
        A dependence is logged as a warning too.
    """
    cells = merged_cells(spectrum, per_cell=_PER_CELL, most=_MOST)
    expected = independent(spectrum.counts, spectrum.visible)
    counts, means = cells.sums(spectrum.counts), cells.sums(expected)
    mixed, error = _mixed_term(spectrum, expected)
    mixed_p = float(2.0 * stats.norm.sf(abs(mixed) / error)) if error < np.inf else 1.0
    rng = np.random.default_rng([seed, 2])
    g, drawn = _g_test(counts, means, cells.visible, toys, rng)
    g_p = float((1.0 + np.count_nonzero(drawn >= g * (1 - 1e-12))) / (1.0 + len(drawn)))
    p = min(1.0, 2.0 * min(g_p, mixed_p))
    status: Verdict = "ok" if p >= alpha else "does_not_factorise"
    rows, columns = cells.visible.any(axis=1).sum(), cells.visible.any(axis=0).sum()
    ndof = int(cells.visible.sum() - rows - columns + 1)
    if spectrum.total < _FEW or ndof < 1:
        status = "too_few"
    found = Factorisation(
        g, ndof, g_p, mixed, error, mixed_p, p, alpha, status,
        spectrum.variables, cells, counts, means, drawn,
    )  # fmt: skip
    if not found.passed:
        log.warning("%s", found.summary())
    return found


def independent(counts: Floats, visible: Bools) -> Floats:
    """Give the expectation of independent x and y with the same projections as the data.

    Parameters
    ----------
    counts
        Of shape (..., nx, ny), 0 where hidden.
    visible
        Of shape (nx, ny).

    Returns
    -------
    ndarray
        ``a_i b_j`` where visible, by iterative proportional fitting, 0 elsewhere.
    """
    shown = visible.astype(np.float64)
    of_x, of_y = counts.sum(axis=-1), counts.sum(axis=-2)
    a, b = of_x.copy(), np.ones_like(of_y)
    for _ in range(1000):
        b = _ratio(of_y, a @ shown)
        beside = b @ shown.T
        if np.all(np.abs(a * beside - of_x) <= _CLOSE * np.maximum(of_x, 1.0)):
            break
        a = _ratio(of_x, beside)
    return np.asarray(a[..., :, None] * b[..., None, :] * shown)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def _g_test(
    counts: Floats, expected: Floats, visible: Bools, toys: int, rng: np.random.Generator
) -> tuple[float, Floats]:
    total = counts.sum()
    if total == 0.0:
        return 0.0, np.zeros(toys)
    share = expected.ravel() / expected.sum()
    drawn = rng.multinomial(int(total), share / share.sum(), size=toys).astype(np.float64)
    drawn = drawn.reshape(toys, *counts.shape)
    return float(_g(counts, visible)), _g(drawn, visible)


def _g(counts: Floats, visible: Bools) -> Floats:
    expected = independent(counts, visible)
    ratio = np.divide(counts, expected, out=np.ones_like(counts), where=counts > 0)
    return np.asarray(2.0 * special.xlogy(counts, ratio).sum(axis=(-2, -1)))


def _mixed_term(spectrum: Spectrum2D, expected: Floats) -> tuple[float, float]:
    """Coefficient of the mixed term, and its standard deviation where there is none."""
    u, v = (_line(edges) for edges in (spectrum.x_edges, spectrum.y_edges))
    term = np.outer(u, v)
    nx = len(u)
    of_x, of_y = expected.sum(axis=1), expected.sum(axis=0)
    # least squares in a_i + b_j, weighted with the expectation
    normal = np.block([[np.diag(of_x), expected], [expected.T, np.diag(of_y)]])
    right = np.concatenate([(expected * term).sum(axis=1), (expected * term).sum(axis=0)])
    solution = np.linalg.lstsq(normal, right, rcond=1e-12)[0]
    apart = term - solution[:nx, None] - solution[None, nx:]
    information = float((expected * apart**2).sum())
    if information <= 1e-9:
        return 0.0, np.inf
    score = float(((spectrum.counts - expected) * apart).sum())
    return score / information, information**-0.5


def _line(edges: Floats) -> Floats:
    """Middles of bins, from -1 to 1 over the range."""
    return np.asarray((edges[1:] + edges[:-1] - edges[0] - edges[-1]) / (edges[-1] - edges[0]))
