"""Fit the response: fill a template from a sample, with bins that follow the candidates."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hepnb.errors import BadParameters
from hepnb.pid.curves.variable_span import variable_span
from hepnb.pid.efficiency import truth_precut, weight_names
from hepnb.pid.response.interpolation import GridAxis
from hepnb.pid.response.template import PidTemplate

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("fit_response",)

Floats = npt.NDArray[np.float64]

log = logging.getLogger(__name__)

_FINE = 20_000  # bins from which quantiles are read
_ATOM = 1e-3  # share of candidates that have the very same value
_MOST_CELLS = 50_000_000
_NEGATIVE = 0.02  # of the density; twicing alone makes up to 0.01 beside a narrow peak
_FLAT = 0.5  # bins that are of equal width rather than content


def __dir__() -> tuple[str, ...]:
    return __all__


class _Part(NamedTuple):
    """Candidates of a chunk: kinematics by variable, the PID variable and both weights."""

    kinematics: Mapping[str, Floats]
    value: Floats
    weight: Floats
    second: Floats


def fit_response(
    sample: Sample,
    variable: str,
    *,
    kinematics: Mapping[str, Sequence[float]],
    cells: int = 15,
    bins: int = 200,
    range: Sequence[float] | None = None,  # noqa: A002 -- the field's word, as in numpy
    widths: tuple[float, float] = (0.8, 3.0),
    adaptive: bool = False,
    atoms: Sequence[float] | None = None,
    precut: str = "",
) -> PidTemplate:
    """Fit the distribution of a PID variable as a function of kinematics.

    Parameters
    ----------
    sample
        Candidates of one particle. In data its weights subtract the background; in simulation
        true candidates are taken, as in `hepnb.pid.measure_efficiency`.
    variable
        In the language of cuts; continuous, but for `atoms`.
    kinematics
        Variable to range ``[low, high]``, along which the distribution is continuous; or to more
        edges, between which it is not: ``"charge": [-2, 0, 2]``.
    cells
        Along each continuous axis. Half of them share the candidates evenly, half the range.
    bins
        Of the variable, chosen likewise.
    range
        Of the variable, both ends included; by default all that there is.
    widths
        Of the kernel: cells of the kinematics, bins of the variable.
    adaptive
        See `hepnb.pid.response.kernel.smooth_counts`.
    atoms
        Single values to keep apart, such as -1 for no information; by default those that one
        candidate in a thousand has.
    precut
        Candidates that count at all.

    Returns
    -------
    PidTemplate

    Raises
    ------
    BadParameters
        If the variable is among the kinematics or has no range, nothing is left to fill with, or
        the template is too large.
    CutSyntaxError, UnknownVariable, UnreadableFile
        Before anything is read.
    """
    _check(variable, kinematics, cells, bins, widths)
    weight, second = weight_names(sample)
    cut = truth_precut(sample, precut, weight=weight)

    def parts() -> Iterator[_Part]:
        names = [*kinematics, variable, *(each for each in (weight, second) if each)]
        for chunk in sample.iterate(list(dict.fromkeys(names)), cut=cut):
            columns = {name: np.asarray(each, float) for name, each in chunk.items()}
            w = columns[weight] if weight else np.ones(len(columns[variable]))
            w2 = columns[second] if second else w
            yield _Part({each: columns[each] for each in kinematics}, columns[variable], w, w2)

    single = _atoms(next(parts(), None)) if atoms is None else np.sort(np.asarray(atoms, float))
    low, high = range or _span(sample, variable, cut, single)
    fine = _Fine(kinematics, single, (float(low), float(high)))
    for part in parts():
        fine.add(part)
    edges, axes = fine.bins(bins), fine.axes(cells)
    filled = _Filling(axes, edges, single, shifted=second is not None)
    for part in parts():
        filled.add(part)
    template = PidTemplate(
        variable,
        axes,
        edges,
        tuple(single.tolist()),
        **filled.sums,
        widths=(float(widths[0]), float(widths[1])),
        adaptive=adaptive,
        seen=filled.seen,
        sample=sample.name,
        cut=cut,
    )
    _tell(template)
    return template


def _check(
    variable: str,
    kinematics: Mapping[str, Sequence[float]],
    cells: int,
    bins: int,
    widths: tuple[float, float],
) -> None:
    if not kinematics:
        raise BadParameters("no kinematics; name a variable with its range, such as p: [0.5, 4.5]")
    if variable in kinematics:
        raise BadParameters(f"{variable!r} cannot be both the PID variable and one of kinematics")
    for name, edges in kinematics.items():
        if len(edges) < 2 or not np.all(np.diff(edges) > 0) or not np.all(np.isfinite(edges)):
            message = (
                f"kinematics {name!r}: {list(edges)} are not two or more rising finite numbers"
            )
            raise BadParameters(message)
    if cells < 1 or bins < 2:
        raise BadParameters(f"cells={cells}, bins={bins}: at least 1 and 2 are needed")
    if min(widths) < 0:
        raise BadParameters(f"widths of the kernel are {widths}; they must be 0 or more")
    size = bins * int(np.prod([cells if len(e) == 2 else len(e) - 1 for e in kinematics.values()]))
    if size > _MOST_CELLS:
        message = f"a template of {size:,} cells is too large; at most {_MOST_CELLS:,}: take fewer"
        raise BadParameters(message)


def _atoms(first: _Part | None) -> Floats:
    """Values that occur again and again among the first candidates."""
    if first is None:
        return np.empty(0)
    values, number = np.unique(first.value[np.isfinite(first.value)], return_counts=True)
    return np.asarray(values[number >= max(20, _ATOM * len(first.value))])


def _span(sample: Sample, variable: str, cut: str, single: Floats) -> tuple[float, float]:
    others = " and ".join([f"[{cut}]"] if cut.strip() else [])
    for each in single.tolist():
        others += f"{' and ' if others else ''}[{variable} != {each!r}]"
    try:
        return variable_span(sample, variable, cut=others)
    except BadParameters:
        if len(single):  # single values are all there is
            return float(single[0]) - 1.0, float(single[-1]) + 1.0
        raise


def _spread(counts: Floats, edges: Floats, bins: int) -> Floats:
    """Edges of bins that share content and width evenly."""
    total = counts.sum()
    share = (1 - _FLAT) * counts / total if total > 0 else np.zeros_like(counts)
    share = share + (1 - share.sum()) / len(counts)
    cumulative = np.concatenate([[0.0], np.cumsum(share)])
    made = np.interp(np.linspace(0, cumulative[-1], bins + 1), cumulative, edges)
    made[[0, -1]] = edges[[0, -1]]
    return np.asarray(made)


class _Fine:
    """Fine histograms of the variable and of each axis, from which bins are made."""

    def __init__(
        self,
        kinematics: Mapping[str, Sequence[float]],
        single: Floats,
        span: tuple[float, float],
    ) -> None:
        self.single = single
        self.edges = np.linspace(*span, _FINE + 1)
        # bins are [lo, hi): a PID of exactly 1 is to be in the last one all the same
        self.edges[-1] = np.nextafter(self.edges[-1], np.inf)
        self.counts = np.zeros(_FINE)
        self.continuous = {name: len(edges) == 2 for name, edges in kinematics.items()}
        self.along = {
            name: np.linspace(edges[0], edges[-1], _FINE + 1)
            if self.continuous[name]
            else np.asarray(edges, float)
            for name, edges in kinematics.items()
        }
        # candidates, their weights, and weights times value
        self.sums = {name: np.zeros((3, len(edges) - 1)) for name, edges in self.along.items()}

    def add(self, part: _Part) -> None:
        known = np.isfinite(part.value) & ~np.isin(part.value, self.single)
        self.counts += np.histogram(part.value[known], self.edges)[0]
        for name, edges in self.along.items():
            values = part.kinematics[name]
            cell = np.searchsorted(edges, values, "right") - 1
            known = (cell >= 0) & (cell < len(edges) - 1) & np.isfinite(part.weight)
            cell, values, weight = cell[known], values[known], part.weight[known]
            # one by one, so that chunks do not change the order of a sum
            for total, each in zip(
                self.sums[name], (np.ones_like(weight), weight, weight * values), strict=True
            ):
                np.add.at(total, cell, each)

    def bins(self, number: int) -> Floats:
        """Edges of the bins of the variable."""
        return _spread(self.counts, self.edges, number)

    def axes(self, cells: int) -> tuple[GridAxis, ...]:
        """Axes whose nodes are the means of the candidates in each cell."""
        axes = []
        for name, fine in self.along.items():
            counts, *sums = self.sums[name]
            continuous = self.continuous[name]
            edges = _spread(counts, fine, cells) if continuous else fine
            cell = np.clip(np.searchsorted(edges, fine[:-1], "right") - 1, 0, len(edges) - 2)
            w, wx = (np.bincount(cell, each, minlength=len(edges) - 1) for each in sums)
            middle = 0.5 * (edges[1:] + edges[:-1])
            mean = np.divide(wx, w, out=middle.copy(), where=w > 0)
            inside = continuous & (mean >= edges[:-1]) & (mean <= edges[1:])
            nodes = np.where(inside, mean, middle)
            axes.append(GridAxis(name, tuple(edges.tolist()), tuple(nodes.tolist()), continuous))
        return tuple(axes)


class _Filling:
    """Sums of a template while candidates are read."""

    def __init__(
        self, axes: tuple[GridAxis, ...], edges: Floats, single: Floats, *, shifted: bool
    ) -> None:
        self.axes, self.edges, self.single, self.shifted = axes, edges, single, shifted
        shape = tuple(each.cells for each in axes)
        self.binned = np.zeros((3, *shape, len(edges) - 1))
        self.atoms = np.zeros((3, *shape, len(single)))
        self._counted: Counter[str] = Counter()

    def add(self, part: _Part) -> None:
        columns = [part.kinematics[each.variable] for each in self.axes]
        nan = ~np.isfinite(part.value) | ~np.isfinite(part.weight) | ~np.isfinite(part.second)
        for column in columns:
            nan |= np.isnan(column)
        cells = [axis.find(column) for axis, column in zip(self.axes, columns, strict=True)]
        outside = ~nan & np.any([each < 0 for each in cells], axis=0)
        atom = np.isin(part.value, self.single)
        bin_ = np.searchsorted(self.edges, part.value, "right") - 1
        outside |= ~nan & ~atom & ((bin_ < 0) | (bin_ > len(self.edges) - 2))
        good = ~nan & ~outside
        self._counted.update(read=len(nan), nan=int(nan.sum()), out_of_range=int(outside.sum()))
        self._counted.update(in_template=int(good.sum()))
        for chosen, last, sums in (
            (good & ~atom, bin_, self.binned),
            (good & atom, np.searchsorted(self.single, part.value), self.atoms),
        ):
            if not chosen.any():
                continue
            where = [each[chosen] for each in (*cells, last)]
            flat = np.ravel_multi_index(where, sums.shape[1:])
            w, w2 = part.weight[chosen], part.second[chosen]
            for total, weight in zip(sums, (w, w**2, w2), strict=True):
                np.add.at(total.reshape(-1), flat, weight)

    @property
    def seen(self) -> dict[str, int]:
        """Where the candidates went."""
        return dict(self._counted)

    @property
    def sums(self) -> dict[str, Any]:
        """Fields of a template."""
        counts, squares, shifted = self.binned.astype(np.float32)
        made = {"counts": counts, "squares": squares}
        made |= {"atom_counts": self.atoms[0], "atom_squares": self.atoms[1]}
        if self.shifted:
            made |= {"shifted": shifted, "atom_shifted": self.atoms[2]}
        return made


def _tell(template: PidTemplate) -> None:
    if not template.counts.sum() + template.atom_counts.sum() > 0:
        message = (
            f"sample {template.sample!r} has no signal in the template of {template.variable!r} "
            f"({template.seen}); check the cut, the ranges and the weights"
        )
        raise BadParameters(message)
    if template.conditional.negative > _NEGATIVE:
        log.warning(
            "%.1f %% of the density of %s in %s is negative: take fewer cells or a wider kernel",
            100 * template.conditional.negative,
            template.variable,
            template.sample,
        )
