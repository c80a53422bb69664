"""Pseudo-data: from a fitted function, with or without signal, or from weighted simulation."""

from __future__ import annotations

import logging
from typing import Literal, Protocol

import numpy as np

from hepnb.background.filling import Windows, make_edges, make_visible
from hepnb.background.reading import MASS, Spectral, mass_of, sample_of
from hepnb.background.signal.shapes import SignalShape
from hepnb.background.spectrum import FloatArray, MassSpectrum
from hepnb.errors import BadParameters, BadTable

__all__ = ("Expectation", "pseudo_data", "pseudo_data_from_simulation")

log = logging.getLogger(__name__)

# unbinned pseudo-data are flat within this part of a bin
_PARTS = 50


def __dir__() -> tuple[str, ...]:
    return __all__


class Expectation(Protocol):
    """What a background fit offers, as far as pseudo-data need it."""

    @property
    def spectrum(self) -> MassSpectrum:
        """The bins."""
        ...

    def expected(self, edges: FloatArray | None = None) -> FloatArray:
        """Give the expected events per bin, shape (n,)."""
        ...


def pseudo_data(
    source: Expectation | MassSpectrum,
    rng: np.random.Generator | None = None,
    *,
    events: int | Literal["poisson", "asimov"] = "poisson",
    signal: SignalShape | None = None,
    strength: float = 1.0,
    unbinned: bool = False,
    unblind: bool = False,
) -> MassSpectrum:
    """Draw a spectrum from expected events per bin.

    Parameters
    ----------
    source
        A fit, anything with its ``spectrum`` and ``expected(edges)``, or a spectrum whose counts
        are what is expected (simulation).
    rng
        Random numbers; not needed for ``"asimov"``.
    events
        ``"poisson"`` lets every bin vary; a number draws that many candidates in the visible bins;
        ``"asimov"`` gives the expectation itself.
    signal, strength
        Signal that is added, and its multiple. It may be negative while every bin's expectation is
        positive.
    unbinned
        Draw masses. The density is taken as flat within a fiftieth of a bin.
    unblind
        Fill the hidden bins too. Pseudo-data hold no secret, but the fit that is done with
        them should see what that of the data sees.

    Returns
    -------
    MassSpectrum
        In the bins of the source, unweighted unless it is Asimov's.

    Raises
    ------
    BadParameters
        There is no `rng`, a number of events that is negative, Asimov's or a spectrum's masses are
        asked for, or an expectation is negative.
    """
    spectrum = source if isinstance(source, MassSpectrum) else source.spectrum
    if unblind:
        if isinstance(source, MassSpectrum) and not source.visible.all():
            raise BadParameters("a blinded spectrum expects nothing in its window; give a fit")
        shown = np.ones_like(spectrum.visible)
    else:
        shown = spectrum.visible
    edges, parts = spectrum.edges, 1
    if unbinned:
        if events == "asimov" or isinstance(source, MassSpectrum):
            raise BadParameters("masses can be drawn from a fit only; leave `unbinned` out")
        steps = np.arange(_PARTS) / _PARTS
        edges = np.append((edges[:-1, None] + spectrum.widths[:, None] * steps).ravel(), edges[-1])
        parts = _PARTS
    expected = _expected(source, edges, signal, strength)
    expected = np.where(np.repeat(shown, parts), expected, 0.0)
    blank = MassSpectrum(
        edges=spectrum.edges,
        counts=np.zeros(len(spectrum.counts)),
        visible=shown,
        variable=spectrum.variable,
        unit=spectrum.unit,
        category=spectrum.category,
        weighted=events == "asimov",
    )
    if events == "asimov":
        return blank.with_counts(expected)
    if rng is None:
        raise BadParameters("pseudo-data need random numbers: rng=numpy.random.default_rng(seed)")
    counts = _drawn(expected, events, rng)
    if not unbinned:
        return blank.with_counts(counts)
    low = np.repeat(edges[:-1], counts)
    masses = low + np.repeat(np.diff(edges), counts) * rng.random(len(low))
    # rounding may lift a mass onto the upper edge of its part
    return blank.with_masses(np.minimum(masses, np.repeat(np.nextafter(edges[1:], 0), counts)))


def _expected(
    source: Expectation | MassSpectrum,
    edges: FloatArray,
    signal: SignalShape | None,
    strength: float,
) -> FloatArray:
    expected = source.counts if isinstance(source, MassSpectrum) else source.expected(edges)
    if signal is not None:
        expected = expected + strength * signal.expected * signal.fractions(edges)
    if not np.isfinite(expected).all() or (expected < 0).any():
        place = int(np.argmin(np.where(np.isfinite(expected), expected, -np.inf)))
        raise BadParameters(
            f"{expected[place]:g} events are expected in [{edges[place]:g}, {edges[place + 1]:g}) "
            f"at strength {strength:g}; give a larger strength, or another background"
        )
    return np.asarray(expected, dtype=np.float64)


def _drawn(
    expected: FloatArray, events: int | str, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if events == "poisson":
        return rng.poisson(expected)
    if isinstance(events, str) or events < 0:
        raise BadParameters(f"events = {events!r}; give 'poisson', 'asimov', or a number from 0")
    total = expected.sum()
    if events and not total > 0:
        raise BadParameters(f"{events} events cannot be drawn where none are expected")
    shares = expected / total if total > 0 else np.full(len(expected), 1 / len(expected))
    return rng.multinomial(events, shares)


def pseudo_data_from_simulation(
    source: Spectral,
    rng: np.random.Generator,
    *,
    weight: str,
    mass: str = MASS,
    cut: str = "",
    tree: str = "",
    category: str = "",
    scale: float = 1.0,
    events: int | Literal["poisson"] = "poisson",
    range: tuple[float, float] | None = None,  # noqa: A002 -- as in read_spectrum
    bins: int | None = None,
    blind: Windows | None = None,
    unblind: bool = False,
) -> MassSpectrum:
    """Draw candidates of weight one from weighted simulation, each with probability as its weight.

    A simulated candidate may be drawn more than once; where more are drawn than the effective
    sample size, which is logged, pseudo-data fluctuate with the simulation.

    Parameters
    ----------
    source, mass, weight, cut, tree, category, range, bins, blind, unblind
        As of `read_spectrum`. Masses and weights of all candidates are held in memory.
    rng
        Random numbers.
    scale
        Multiple of the weights, for instance a ratio of luminosities.
    events
        ``"poisson"`` about the sum of scaled weights, or a number, in the range, hidden
        bins included.

    Returns
    -------
    MassSpectrum
        With the masses drawn.

    Raises
    ------
    BadTable
        Weights are negative or not finite, or there are none.
    """
    sample = sample_of(source, tree=tree, category=category)
    variable, edges = mass_of(sample, mass), make_edges(range, bins)
    table = sample.read(list(dict.fromkeys((variable, weight))), cut=cut)
    masses = table[variable].to_numpy(dtype=np.float64)
    weights = table[weight].to_numpy(dtype=np.float64) * scale
    inside = (masses >= edges[0]) & (masses < edges[-1])
    masses, weights = masses[inside], weights[inside]
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise BadTable(
            f"{int((~(weights >= 0)).sum())} weights of {sample.name!r} are negative or not finite;"
            " a candidate cannot be drawn with such a probability: leave them out by a cut, or "
            "read the spectrum in wider bins and draw from its counts"
        )
    total = float(weights.sum())
    if not total > 0:
        raise BadTable(
            f"the weights of {sample.name!r} sum to {total:g} in the range; nothing to draw"
        )
    number = int(rng.poisson(total)) if events == "poisson" else int(events)
    effective = total**2 / float(np.square(weights).sum())
    log.info("%d of an effective %.0f simulated candidates are drawn", number, effective)
    drawn = rng.choice(masses, size=number, p=weights / total)
    blank = MassSpectrum(
        edges=edges,
        counts=np.zeros(len(edges) - 1),
        visible=make_visible(edges, blind, unblind=unblind),
        variable=variable,
        category=category,
    )
    return blank.with_masses(drawn)
