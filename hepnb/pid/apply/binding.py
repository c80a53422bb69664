"""Names of a particle's variables in a sample."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hepnb.data.sample import Sample
from hepnb.errors import BadTable, UnknownVariable
from hepnb.pid.apply.species_tables import SpeciesTables
from hepnb.pid.apply.track import Variables

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.data.expressions import BoundExpression

__all__ = ("bind_track", "sample_of")


def __dir__() -> tuple[str, ...]:
    return __all__


def sample_of(candidates: Sample | pd.DataFrame, particles: Iterable[str]) -> Sample:
    """Give a table in memory as a sample of these particles; it is not copied."""
    if isinstance(candidates, Sample):
        return candidates
    return Sample.from_frame(candidates, kind="mc", particles={each: each for each in particles})


def bind_track(
    sample: Sample,
    prefix: str,
    hypothesis: int | None,
    tables: SpeciesTables,
    *,
    with_cuts: bool,
) -> Variables:
    """Find the variables of a particle.

    Parameters
    ----------
    sample
        The candidates.
    prefix
        Of the particle's variables.
    hypothesis
        |PDG| that it was reconstructed as; None: the column ``<prefix>_PDG`` says so.
    tables
        Whose axes, and requirements, are to be evaluated.
    with_cuts
        Whether the requirements are needed.

    Raises
    ------
    BadTable
        Naming every variable that the sample lacks.
    """
    missing: list[str] = []

    def find(*texts: str) -> BoundExpression | None:
        """First of these spellings that the sample knows."""
        reasons = []
        for text in texts:
            try:
                return dataclasses.replace(sample, prefix=prefix).bind(text)
            except UnknownVariable as error:
                reasons.append(str(error))
        missing.append(reasons[0])
        return None

    # species are the particle's own: `mcPDG` alone would be that of the candidate
    truth = find(f"{prefix}_mcPDG")
    reco = None if hypothesis is not None else find(f"{prefix}_PDG")
    names = dict.fromkeys(name for table in tables.values() for name in table.axes)
    axes = {each: find(*_spellings(prefix, each)) for each in names}
    texts = dict.fromkeys(table.cut for table in tables.values()) if with_cuts else {}
    cuts = {each: find(each) for each in texts}
    if missing:
        hint = "" if hypothesis is not None else f" (or give its hypothesis: {{{prefix!r}: 321}})"
        what = "\n".join(dict.fromkeys(missing))
        message = f"columns of {prefix} are missing{hint}; rename them, or add aliases:\n{what}"
        raise BadTable(message)
    assert truth is not None
    return Variables(
        truth,
        reco,
        {name: each for name, each in axes.items() if each is not None},
        {text: each for text, each in cuts.items() if each is not None},
    )


def _spellings(prefix: str, axis: str) -> tuple[str, ...]:
    """Spellings of an axis, the particle's own column first."""
    return (f"{prefix}_{axis}", axis) if axis.isidentifier() else (axis,)
