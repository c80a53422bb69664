"""Fill histograms for many cuts, binnings and weights in one pass over a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from hepnb.data.binning import Edges, Grid, make_grids
from hepnb.data.chunks import Block, ordered_map, positive
from hepnb.data.sample import Sample
from hepnb.data.sums import Filling, Place, Sums
from hepnb.errors import BadParameters, nearest

if TYPE_CHECKING:
    import pandas as pd
    from hist import Hist

__all__ = ("BLOCK", "Counts", "Filled", "fill")

BLOCK = 500_000
"""Entries of a file whose sum is made by itself; the last block of a file is shorter.

The grid of blocks is fixed, because floating-point sums depend on the order of their terms.
"""

# of the sums of one block; a few blocks are under way at a time
_MOST_BYTES = 1 << 30


def __dir__() -> tuple[str, ...]:
    return __all__


class Counts(NamedTuple):
    """Where candidates went: ``passed = nan_axis + nan_weight + out_of_range + filled``.

    Attributes
    ----------
    read
        Candidates read.
    nan_precut
        Candidates for which a comparison in the precut met NaN.
    passed
        Candidates that pass the precut.
    nan_axis, nan_weight, out_of_range
        Of these, lost because a variable of an axis is NaN; else because the weight is not
        finite; else because a variable is outside its axis. The latter fill the flow bins.
    filled
        Candidates in a bin.
    """

    read: int
    nan_precut: int
    passed: int
    nan_axis: int
    nan_weight: int
    out_of_range: int
    filled: int


@dataclass(frozen=True)
class Filled:
    """Histograms of one pass, by cut, precut, weight and binning.

    Attributes
    ----------
    grids
        Binnings by name.
    cuts, precuts, weights
        As they were given; the cut ``""``, for all that pass the precut, is always there too.
    sums
        What the histograms are made of.
    """

    grids: Mapping[str, Grid]
    cuts: tuple[str, ...]
    precuts: tuple[str, ...]
    weights: tuple[str | None, ...]
    sums: Sums = field(repr=False)

    def hist(
        self,
        cut: str = "",
        precut: str = "",
        weight: str | None = None,
        binning: str | None = None,
    ) -> Hist[Any]:
        """Histogram of the candidates that pass a precut and a cut.

        Parameters
        ----------
        cut, precut, weight
            As given to `fill`; the cut ``""`` is the total, the weight None counts candidates.
        binning
            Name of the binning; needed only where there are several.

        Returns
        -------
        hist.Hist
            Storage ``Weight``: sums of w and of w^2. One axis per variable, named after it. The
            flow bins hold what is out of range; what is NaN is in no bin (see `counts`).

        Raises
        ------
        BadParameters
            If that was not filled.
        """
        from hist import Hist
        from hist.axis import Variable
        from hist.storage import Weight

        grid, place = self._place(binning, precut, weight)
        row = 0 if not cut.strip() else 1 + _position("cut", cut, self.cuts)
        axes = [Variable(axis.edges, name=axis.variable, label=axis.variable) for axis in grid.axes]
        histogram = Hist(*axes, storage=Weight())
        view: Any = histogram.view(flow=True)
        total = self.sums.weighted[place][row, 1:].reshape(grid.shape)
        view["value"], view["variance"] = total.real, total.imag
        return histogram

    def count(
        self, precut: str = "", weight: str | None = None, binning: str | None = None
    ) -> Counts:
        """Where the candidates went; parameters and errors as of `hist`."""
        grid, place = self._place(binning, precut, weight)
        known, lost = self.sums.seen[place]
        read, nan_precut, passed = self.sums.passed[place[1]][:3]
        filled = known[grid.inside].sum()
        return Counts(
            read=int(read),
            nan_precut=int(nan_precut),
            passed=int(passed),
            nan_axis=int(known[0] + lost[0]),
            nan_weight=int(lost[1:].sum()),
            out_of_range=int(known[1:].sum() - filled),
            filled=int(filled),
        )

    def nan_decisions(self, cut: str, precut: str = "") -> int:
        """Candidates that pass the precut and for which a comparison in the cut met NaN.

        They count as the comparison being False, as a rule as failing the cut.
        """
        _position("precut", precut, self.precuts)
        if not cut.strip():
            return 0
        return int(self.sums.passed[precut][3 + _position("cut", cut, self.cuts)])

    @property
    def counts(self) -> pd.DataFrame:
        """Where the candidates went.

        Returns
        -------
        pandas.DataFrame
            One row per precut, weight and binning; the columns of `Counts`, and one column
            ``nan: <cut>`` per cut with its `nan_decisions`.
        """
        import pandas as pd

        rows = []
        for name, precut, weight in self.sums.weighted:
            row: dict[str, Any] = {"precut": precut, "weight": weight, "binning": name}
            row |= self.count(precut, weight, name)._asdict()
            row |= {f"nan: {cut}": self.nan_decisions(cut, precut) for cut in self.cuts}
            rows.append(row)
        return pd.DataFrame(rows)

    def _place(self, binning: str | None, precut: str, weight: str | None) -> tuple[Grid, Place]:
        if binning is None and len(self.grids) > 1:
            raise BadParameters(f"say which binning; filled were {', '.join(self.grids)}")
        name = next(iter(self.grids)) if binning is None else binning
        _position("binning", name, tuple(self.grids))
        _position("precut", precut, self.precuts)
        _position("weight", weight, self.weights)
        return self.grids[name], (name, precut, weight)


def _position(what: str, wanted: str | None, given: Sequence[str | None]) -> int:
    if wanted in given:
        return given.index(wanted)
    known = [repr(each) for each in given]
    raise BadParameters(
        f"{what} {wanted!r} was not filled; filled were {', '.join(known) or 'none'}"
        + nearest(str(wanted), [str(each) for each in given])
    )


def fill(
    sample: Sample,
    *,
    binnings: Mapping[str, Mapping[str, Edges]] | Mapping[str, Edges],
    cuts: Sequence[str] = (),
    precuts: Sequence[str] = ("",),
    weights: Sequence[str | None] = (None,),
    chunk_size: int = BLOCK,
    workers: int = 1,
    client: Any = None,
) -> Filled:
    """Fill the histograms of every cut, precut, weight and binning in one pass over a sample.

    The result is the same, bit by bit, for any chunk size and any number of workers. Only the
    branches that are named are read; memory holds a chunk per worker and the histograms.

    Parameters
    ----------
    sample
        Where the candidates are.
    binnings
        Variable to edges, or name to such a mapping. Bins are [lo, hi), the last one too.
    cuts
        Requirements; a candidate for which one is undefined (NaN) fails it, and is counted.
    precuts
        What the cuts are applied on top of; ``""`` takes all.
    weights
        Expressions; None counts candidates. Sums are made in double precision.
    chunk_size
        Entries read at a time; never more than a `BLOCK`.
    workers
        Threads.
    client
        A `dask.distributed.Client` to use instead of threads.

    Returns
    -------
    Filled

    Raises
    ------
    BadParameters, CutSyntaxError, UnknownVariable, UnreadableFile
        Before any candidate is read: edges that do not increase, a cut that is not of the
        language, a name that some file lacks, a file that cannot be opened.
    """
    grids = make_grids(binnings)
    cuts = tuple(cut for cut in _each(cuts) if cut is not None and cut.strip())
    precuts = tuple(precut or "" for precut in _each(precuts))
    weights = _each(weights)
    size = positive("chunk_size", chunk_size)
    threads = positive("workers", workers)
    cells = sum(grid.cells for grid in grids.values())
    needed = 16 * cells * (1 + len(cuts)) * len(precuts) * len(weights)
    if needed > _MOST_BYTES:
        raise BadParameters(
            f"the histograms need {needed / 2**30:.1f} GiB, of which at most "
            f"{_MOST_BYTES / 2**30:.0f} is allowed; take fewer bins, cuts or weights at a time"
        )

    variables = {axis.variable: None for grid in grids.values() for axis in grid.axes}
    bound = {
        text: sample.bind(text)
        for text in (*variables, *cuts, *precuts, *weights)
        if text is not None
    }
    recipe = sample.recipe(bound.values())
    filling = Filling(
        source=sample.source,
        recipe=recipe,
        grids=tuple(grids.values()),
        variables={text: bound[text] for text in variables},
        cuts=tuple(bound[cut] for cut in cuts),
        precuts={text: bound[text] if text.strip() else None for text in precuts},
        weights={text: None if text is None else bound[text] for text in weights},
        chunk_size=size,
    )
    # all files are opened first, so that a fault in the last one does not cost an hour
    count = partial(sample.source.entries, columns=recipe.branches)
    files = range(len(sample.source))
    entries = list(ordered_map(count, files, workers=threads, client=client))
    whole = (Block(file, 0, number) for file, number in enumerate(entries))
    blocks = (block for each in whole for block in each.split(BLOCK))
    sums = filling.nothing()
    for part in ordered_map(filling, blocks, workers=threads, client=client):
        sums.add(part)
    return Filled(grids, cuts, precuts, weights, sums)


def _each(given: Sequence[str | None] | str | None) -> tuple[str | None, ...]:
    """Each text once; one text alone stands for a list of it."""
    return tuple(dict.fromkeys([given] if given is None or isinstance(given, str) else given))
