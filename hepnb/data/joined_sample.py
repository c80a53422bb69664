"""A sample with chosen candidates of other samples appended, such as simulated background.

What is subtracted is then made of candidates like all others, with a weight of their own: sums of
weights subtract in any bin and for any cut, and sums of squared weights carry the statistics of
what was subtracted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hepnb.data.chunks import Block, Source
from hepnb.data.formats.reader import Columns, Reader
from hepnb.data.sample import Sample
from hepnb.errors import BadParameters

__all__ = ("JoinedSample", "JoinedSource", "join")


def __dir__() -> tuple[str, ...]:
    return __all__


class JoinedSource(Source):
    """Files of a sample, then those of the samples appended to it.

    Parameters
    ----------
    first
        Whose candidates are all there.
    additions
        Samples, each with the cut, in its own language, that its candidates have to pass.
    origin
        Column that is 0 for the first sample, 1 for the first addition, and so on.
    """

    def __init__(self, first: Source, additions: Sequence[tuple[Sample, str]], origin: str) -> None:
        self._parts: list[Source] = [first, *(sample.source for sample, _ in additions)]
        self._additions = tuple(additions)
        self._origin = origin
        self._selections = [sample.bind(cut) for sample, cut in additions]

    def __reduce__(self) -> tuple[type[JoinedSource], tuple[Any, ...]]:
        return JoinedSource, (self._parts[0], self._additions, self._origin)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def reader(self, file: int) -> Reader:
        """Open a file, or take it from those that are open."""
        part, file = self._place(file)
        return self._parts[part].reader(file)

    def entries(self, file: int, columns: Iterable[str] = ()) -> int:
        """Count the entries of a file, before the cut on it, that has these columns."""
        part, file = self._place(file)
        return self._parts[part].entries(file, [each for each in columns if each != self._origin])

    def read(self, columns: Sequence[str], block: Block) -> Columns:
        """Read some columns of the candidates of a block that pass the cut on its sample."""
        part, file = self._place(block.file)
        source, block = self._parts[part], block._replace(file=file)
        wanted = [each for each in columns if each != self._origin]
        wanted = wanted or list(source.reader(file).columns[:1])
        if part == 0:
            found = source.read(wanted, block)
        else:
            selection = self._selections[part - 1]
            recipe = self._additions[part - 1][0].recipe([selection])
            branches = tuple(dict.fromkeys((*recipe.branches, *wanted)))
            everything = dataclasses.replace(recipe, branches=branches).read(source, block)
            mask = selection.mask(everything)
            found = {each: everything[each][mask] for each in wanted}
        if self._origin in columns:
            found[self._origin] = np.full(len(found[wanted[0]]), float(part))
        return found

    def _place(self, file: int) -> tuple[int, int]:
        for part, source in enumerate(self._parts):
            if file < len(source):
                return part, file
            file -= len(source)
        raise IndexError(file)


@dataclass(frozen=True)
class JoinedSample(Sample):
    """A sample with candidates of others appended; `join` makes it.

    Strings mean what they mean for the first sample; columns of the others are found by the same
    names. `entries` counts the others before the cuts on them.

    Attributes
    ----------
    additions
        Samples, each with the cut that its candidates have to pass.
    origin
        Column that tells where a candidate is from: 0 for the first sample, 1 for the first
        addition, and so on.
    """

    additions: tuple[tuple[Sample, str], ...] = ()
    origin: str = "origin"

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        rebuild, (values,) = super().__reduce__()
        mine = {"additions", "origin"}
        plain = {name: value for name, value in values.items() if name not in mine}
        return _rejoined, (rebuild, plain, self.additions, self.origin)

    @cached_property
    def source(self) -> Source:
        """Where the columns come from."""
        return JoinedSource(super().source, self.additions, self.origin)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the branches of the first sample, and the origin."""
        return (*super().columns, self.origin)


def join(
    sample: Sample, additions: Iterable[tuple[Sample, str]], *, origin: str = "origin"
) -> JoinedSample:
    """Append the candidates of other samples that pass a cut.

    Parameters
    ----------
    sample
        All of its candidates are there; its names, aliases and derived columns hold for all.
    additions
        Other samples, each with a cut in its own language; blank takes all.
    origin
        Name of the column that tells where a candidate is from.

    Returns
    -------
    JoinedSample

    Raises
    ------
    BadParameters
        If the name of the column is taken, or the sample is joined already.
    CutSyntaxError, UnknownVariable
        If a cut is not of the language, or names what its sample has not.
    """
    if isinstance(sample, JoinedSample):
        raise BadParameters(f"sample {sample.name!r} is joined already; give all additions at once")
    if origin in sample.columns or origin in sample.derived:
        raise BadParameters(f"{origin!r} is a column of sample {sample.name!r}; choose another")
    values = {each.name: getattr(sample, each.name) for each in dataclasses.fields(Sample)}
    joined = JoinedSample(**values, additions=tuple(additions), origin=origin)
    for other, cut in joined.additions:
        other.bind(cut)
    return joined


def _rejoined(
    rebuild: Any, values: dict[str, Any], additions: tuple[tuple[Sample, str], ...], origin: str
) -> JoinedSample:
    return join(rebuild(values), additions, origin=origin)
