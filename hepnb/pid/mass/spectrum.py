"""The masses that a fit sees: counted, binned, and ready to be gone through again in blocks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.data.sample import Sample
from hepnb.errors import BadParameters, FitFailed

__all__ = ("BLOCK", "Spectrum", "read_spectrum")


def __dir__() -> tuple[str, ...]:
    return __all__


_LOG = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Block = tuple[Floats, Floats | None]

BLOCK = 65_536  # sums are formed over blocks of this size, whatever the size of chunks read
_IN_MEMORY = 50_000_000  # candidates whose masses are kept (400 MB); beyond, files are read again


@dataclass(frozen=True)
class Spectrum:
    """A mass spectrum within a range, as a histogram and, if they are known, as candidates.

    Attributes
    ----------
    edges, counts, variances
        Histogram over ``[lo, hi)``: edges of shape (bins + 1,); contents and variances.
    weighted
        Whether candidates have weights, so that variances differ from counts.
    passes
        Function that gives all masses, and their weights, block by block, each time it is called;
        None if only a histogram was given.
    seen
        Numbers of candidates: "candidates" given, "in_range", "below", "above", "not_finite" and
        "bad_weight" (in range, with a weight that is not finite: left out).
    """

    edges: Floats
    counts: Floats
    variances: Floats
    weighted: bool
    passes: Callable[[], Iterator[Block]] | None
    seen: dict[str, int]

    @property
    def lo(self) -> float:
        """Lower end of the range, inclusive."""
        return float(self.edges[0])

    @property
    def hi(self) -> float:
        """Upper end of the range, exclusive."""
        return float(self.edges[-1])

    def candidates(self) -> Iterator[Block]:
        """Give masses in the range, and finite weights, block by block; none of a histogram."""
        for mass, q in self.passes() if self.passes is not None else ():
            yield _inside(mass, q, self.lo, self.hi, None)


def read_spectrum(
    data: Sample | ArrayLike,
    *,
    variable: str | None = None,
    bounds: tuple[float, float] | None = None,
    bins: int | Sequence[float] = 150,
    cut: str = "",
    weights: str | ArrayLike | None = None,
) -> Spectrum:
    """Read the masses of a sample, an array or a histogram.

    Parameters
    ----------
    data
        A `Sample`; masses of shape (n,); or a one-dimensional `hist.Hist`.
    variable
        Mass expression of a sample; its own mass if None.
    bounds
        Range ``[lo, hi)``; what the candidates span if None.
    bins
        Number of equal bins in the range, or edges.
    cut
        Requirement on a sample's candidates before the fit.
    weights
        Expression (sample) or array: weights of candidates.

    Returns
    -------
    Spectrum

    Raises
    ------
    BadParameters
        If an option does not go with the kind of data, or the range or the bins make no sense.
    FitFailed
        If no candidate is in the range.
    """
    # a Series has axes and values too, but its values are no method
    if hasattr(data, "axes") and callable(getattr(data, "values", None)):
        return _from_histogram(data, bounds, bins_given=bins, cut=cut, weights=weights)
    if isinstance(data, Sample):
        passes = _passes_of_sample(data, variable, cut, weights)
    else:
        passes = _passes_of_array(data, cut, weights)
    lo, hi = _checked_range(bounds, bins) or _span(passes)
    edges = _edges(lo, hi, bins)
    lo, hi = float(edges[0]), float(edges[-1])
    counts, variances = np.zeros((2, len(edges) - 1))
    names = ("candidates", "in_range", "below", "above", "not_finite", "bad_weight")
    seen = dict.fromkeys(names, 0)
    for mass, q in passes():
        inside, w = _inside(mass, q, lo, hi, seen)
        counts += np.histogram(inside, edges, weights=w)[0]
        variances += 0.0 if w is None else np.histogram(inside, edges, weights=w * w)[0]
    if seen["in_range"] == 0 or not counts.any():
        raise FitFailed(
            f"no candidate has a mass in [{lo:g}, {hi:g}): of {seen['candidates']} candidates "
            f"{seen['below']} are below, {seen['above']} above and {seen['not_finite']} not finite;"
            " check the variable, its unit, the range and the cut"
        )
    if seen["not_finite"] + seen["bad_weight"]:
        _LOG.warning("mass fit leaves out candidates that are not finite: %s", seen)
    weighted = weights is not None

    return Spectrum(edges, counts, variances if weighted else counts, weighted, passes, seen)


def _inside(
    mass: Floats, q: Floats | None, lo: float, hi: float, seen: dict[str, int] | None
) -> Block:
    keep = (mass >= lo) & (mass < hi)
    lost = 0
    if q is not None:
        usable = keep & np.isfinite(q)
        lost = int(np.count_nonzero(keep) - np.count_nonzero(usable))
        keep = usable
    if seen is not None:
        finite = np.isfinite(mass)
        seen["candidates"] += len(mass)
        seen["in_range"] += int(np.count_nonzero(keep))
        seen["below"] += int(np.count_nonzero(finite & (mass < lo)))
        seen["above"] += int(np.count_nonzero(finite & (mass >= hi)))
        seen["not_finite"] += len(mass) - int(np.count_nonzero(finite))
        seen["bad_weight"] += lost
    return mass[keep], None if q is None else q[keep]


def _passes_of_array(
    data: ArrayLike, cut: str, weights: str | ArrayLike | None
) -> Callable[[], Iterator[Block]]:
    if cut.strip() or isinstance(weights, str):
        raise BadParameters("a cut or a name of weights needs a sample; given is an array")
    mass = np.asarray(data, float)
    q = None if weights is None else np.asarray(weights, float)
    if mass.ndim != 1 or (q is not None and q.shape != mass.shape):
        shapes = f"masses {mass.shape}" + ("" if q is None else f" and weights {q.shape}")
        raise BadParameters(f"{shapes} must be flat and of one length")
    return lambda: _blocks(mass, q)


def _blocks(mass: Floats, q: Floats | None) -> Iterator[Block]:
    for start in range(0, len(mass), BLOCK):
        part = slice(start, start + BLOCK)
        yield mass[part], None if q is None else q[part]


def _passes_of_sample(
    sample: Sample, variable: str | None, cut: str, weights: str | ArrayLike | None
) -> Callable[[], Iterator[Block]]:
    if weights is not None and not isinstance(weights, str):
        raise BadParameters("weights of a sample are named by an expression, not given as an array")
    text = variable or sample.mass
    if text is None:
        raise BadParameters(f"sample {sample.name!r} names no mass; give one as variable=...")

    def read() -> Iterator[Block]:
        wanted = [text] if weights is None else [text, weights]
        for chunk in sample.iterate(list(dict.fromkeys(wanted)), cut=cut):
            q = None if weights is None else np.asarray(chunk[weights], float)
            yield np.asarray(chunk[text], float), q

    if sample.entries > _IN_MEMORY:
        _LOG.info("masses of %d candidates are read anew in each pass", sample.entries)
        return read
    parts = list(read())
    mass = np.concatenate([part[0] for part in parts] or [np.empty(0)])
    q = None if weights is None else np.concatenate([p[1] for p in parts if p[1] is not None])
    return lambda: _blocks(mass, q)


def _from_histogram(
    data: Any,
    bounds: tuple[float, float] | None,
    *,
    bins_given: int | Sequence[float],
    cut: str,
    weights: str | ArrayLike | None,
) -> Spectrum:
    if bounds is not None or cut.strip() or weights is not None or bins_given != 150:
        message = (
            "a histogram has its range and bins already, and takes no cut or weights; slice it"
        )
        raise BadParameters(message)
    if len(data.axes) != 1:
        raise BadParameters(f"a mass histogram has one axis, not {len(data.axes)}; project it")
    counts = np.asarray(data.values(), float)
    variances = data.variances()
    variances = counts if variances is None else np.asarray(variances, float)
    if not counts.any() or not np.all(np.isfinite(counts)):
        raise FitFailed("the histogram is empty, or a bin of it is not finite")
    weighted = not np.array_equal(counts, variances)
    everything = data.values(flow=True)
    seen = {"candidates": round(float(np.sum(everything))), "in_range": round(float(counts.sum()))}
    edges = np.asarray(data.axes[0].edges, float)
    return Spectrum(edges, counts, variances, weighted, None, seen)


def _checked_range(
    bounds: tuple[float, float] | None, bins: int | Sequence[float]
) -> tuple[float, float] | None:
    if not isinstance(bins, int | np.integer):
        edges = np.asarray(bins, float)
        if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0):
            raise BadParameters(f"bin edges must increase; they are {edges.tolist()}")
        if bounds is not None and tuple(bounds) != (edges[0], edges[-1]):
            raise BadParameters(f"range {tuple(bounds)} is not that of the bin edges; leave it out")
        return float(edges[0]), float(edges[-1])
    if bins < 1:
        raise BadParameters(f"{bins} bins cannot be fitted; use some 100")
    if bounds is None:
        return None
    lo, hi = (float(each) for each in bounds)
    if not (np.isfinite(lo) and np.isfinite(hi) and lo < hi):
        raise BadParameters(f"range ({lo:g}, {hi:g}) needs two finite numbers, the lower one first")
    return lo, hi


def _span(passes: Callable[[], Iterable[Block]]) -> tuple[float, float]:
    lo, hi = np.inf, -np.inf
    for mass, _ in passes():
        finite = mass[np.isfinite(mass)]
        lo = min(lo, float(finite.min(initial=np.inf)))
        hi = max(hi, float(finite.max(initial=-np.inf)))
    if not lo < hi:
        message = "no two candidates have different finite masses; check the variable and the cut"
        raise FitFailed(message)
    # the upper end is exclusive, and the largest mass is to be in
    return lo, float(np.nextafter(hi, np.inf))


def _edges(lo: float, hi: float, bins: int | Sequence[float]) -> Floats:
    if isinstance(bins, int | np.integer):
        return np.linspace(lo, hi, int(bins) + 1)
    return np.asarray(bins, float)
