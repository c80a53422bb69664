"""Fit the response: fill a template from a sample, with bins that follow the candidates."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hepnb.errors import BadParameters
from hepnb.pid.curves.variable_span import variable_span
from hepnb.pid.efficiency import truth_precut, weight_names
from hepnb.pid.response.bins import FineCounts, Part
from hepnb.pid.response.interpolation import GridAxis
from hepnb.pid.response.template import PidTemplate

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("fit_response",)

Floats = npt.NDArray[np.float64]

log = logging.getLogger(__name__)

_ATOM = 1e-3  # share of candidates that have the very same value
_MOST_CELLS = 50_000_000
_NEGATIVE = 0.02  # of the density; twicing alone makes up to 0.01 beside a narrow peak


def __dir__() -> tuple[str, ...]:
    return __all__


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
    if range is not None:
        _check_edges(f"range of {variable!r}", range)
    weight, second = weight_names(sample)
    cut = truth_precut(sample, precut, weight=weight)

    def parts() -> Iterator[Part]:
        names = [*kinematics, variable, *(each for each in (weight, second) if each)]
        for chunk in sample.iterate(list(dict.fromkeys(names)), cut=cut):
            columns = {name: np.asarray(each, float) for name, each in chunk.items()}
            w = columns[weight] if weight else np.ones(len(columns[variable]))
            w2 = columns[second] if second else w
            yield Part({each: columns[each] for each in kinematics}, columns[variable], w, w2)

    single = _atoms(next(parts(), None)) if atoms is None else np.sort(np.asarray(atoms, float))
    low, *_, high = _span(sample, variable, cut, single) if range is None else range
    fine = FineCounts(kinematics, single, (float(low), float(high)))
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
        _check_edges(f"kinematics {name!r}", edges)
    if cells < 1 or bins < 2:
        raise BadParameters(f"cells={cells}, bins={bins}: at least 1 and 2 are needed")
    if min(widths) < 0:
        raise BadParameters(f"widths of the kernel are {widths}; they must be 0 or more")
    size = bins * int(np.prod([cells if len(e) == 2 else len(e) - 1 for e in kinematics.values()]))
    if size > _MOST_CELLS:
        message = f"a template of {size:,} cells is too large; at most {_MOST_CELLS:,}: take fewer"
        raise BadParameters(message)


def _check_edges(what: str, edges: Sequence[float]) -> None:
    if len(edges) < 2 or not np.all(np.diff(edges) > 0) or not np.all(np.isfinite(edges)):
        raise BadParameters(f"{what}: {list(edges)} are not two or more rising finite numbers")


def _atoms(first: Part | None) -> Floats:
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

    def add(self, part: Part) -> None:
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
