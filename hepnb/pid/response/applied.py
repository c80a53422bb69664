"""Corrected candidates: chunk by chunk, as files, or as columns of the sample."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.data.column_files import write_columns
from hepnb.errors import BadParameters
from hepnb.pid.response.correction import CAUSES, ResponseCorrection

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.data.sample import Sample

__all__ = ("CorrectedCandidates", "column_name", "correct")

_WORDS = {
    "nan": "NaN in kinematics, species or variable",
    "wrong_truth": "no template for the species",
    "out_of_range": "out of range",
    "no_calibration": "where there are no calibration candidates",
    "flat": "where simulation has no calibration candidates",
}


def __dir__() -> tuple[str, ...]:
    return __all__


def column_name(variable: str, *, prefix: str = "") -> str:
    """Name of the corrected variable: ``K_kaonID_corrected``, ``K_binaryID_K_pi_corrected``."""
    words = re.sub(r"\W+", "_", variable).strip("_")
    return "_".join(filter(None, (prefix, words, "corrected")))


@dataclass(frozen=True, eq=False, repr=False)
class CorrectedCandidates:
    """Candidates of a sample with their corrected PID variable, computed when asked for.

    Made by `hepnb.pid.response.correct`.

    Columns: what was asked to be kept; the corrected variable, see `column_name`; the same with the
    ends of its variations; and ``<name>_cause``, index in `hepnb.pid.response.correction.CAUSES`.
    Rows are those of the sample, in its order.

    Attributes
    ----------
    sample
        The candidates, with the corrected variable as a column that every string can name.
    correction
        What was done.
    name
        Of the corrected variable.
    variations
        End of the name to the correction of each variation.
    keep
        Expressions that are copied.
    file_format
        What `save` writes.
    """

    sample: Sample
    correction: ResponseCorrection
    name: str
    variations: Mapping[str, ResponseCorrection]
    keep: tuple[str, ...] = ()
    file_format: str = "parquet"

    def iterate(self, *, chunk_size: int = 250_000) -> Iterator[dict[str, np.ndarray]]:
        """Columns chunk by chunk; they do not depend on the chunk size."""
        needed = dict.fromkeys((*self.keep, *self.correction.dependencies))
        for chunk in self.sample.iterate(list(needed), chunk_size=chunk_size):
            values, causes = self.correction.apply(chunk)
            made = {each: chunk[each] for each in self.keep} | {self.name: values}
            for end, other in self.variations.items():
                made[self.name + end], _ = other.apply(chunk)
            yield made | {f"{self.name}_cause": causes}

    def frame(self) -> pd.DataFrame:
        """Give all columns in memory."""
        import pandas as pd

        parts = [*self.iterate(), self._empty()]
        return pd.DataFrame(
            {each: np.concatenate([part[each] for part in parts]) for each in parts[0]}
        )

    def write(self, path: Path | str, *, tree: str = "corrected") -> Path:
        """Write the columns as Parquet or as a ROOT TTree, by the ending of the path."""
        return write_columns(self.iterate(), Path(path), empty=self._empty(), tree=tree)

    def save(self, directory: Path | str, name: str) -> list[Path]:
        """Write ``<name>.parquet`` or ``<name>.root``."""
        return [self.write(Path(directory) / f"{name}.{self.file_format}")]

    @cached_property
    def causes(self) -> dict[str, int]:
        """What became of the candidates: name in `CAUSES` to how many; takes a pass."""
        total = np.zeros(len(CAUSES), int)
        for chunk in self.sample.iterate(list(self.correction.dependencies)):
            total += np.bincount(self.correction.apply(chunk).causes, minlength=len(CAUSES))
        return dict(zip(CAUSES, total.tolist(), strict=True))

    def summary(self) -> str:
        """Say how many candidates are corrected, and why the others are not."""
        counts = self.causes
        total = max(sum(counts.values()), 1)
        parts = [
            f"{100 * counts[cause] / total:.3g} % {words}"
            for cause, words in _WORDS.items()
            if counts[cause]
        ]
        head = f"{self.name}: {100 * counts['corrected'] / total:.4g} % of {total:,} corrected"
        return "; ".join([head, *parts, *(["those are NaN"] if parts else [])])

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Give candidates by what became of them, for a run's record."""
        return {
            name: {"value": number, "uncertainty": None, "unit": "candidates", "status": "ok"}
            for name, number in self.causes.items()
        }

    def _empty(self) -> dict[str, np.ndarray]:
        names = [self.name, *(self.name + end for end in self.variations)]
        empty = {each: np.empty(0) for each in (*self.keep, *names)}
        return empty | {f"{self.name}_cause": np.empty(0, np.int8)}

    def __repr__(self) -> str:
        return f"<CorrectedCandidates of {self.sample.name!r}: {self.name}>"


def correct(
    sample: Sample,
    correction: ResponseCorrection,
    *,
    replicas: int = 0,
    kernel: float = 1.5,
    variations: bool = True,
    keep: Sequence[str] = (),
    file_format: str = "parquet",
) -> CorrectedCandidates:
    """Give simulated candidates the PID variable of data.

    Parameters
    ----------
    sample
        Candidates of one particle.
    correction
        What to do.
    replicas, kernel
        See `ResponseCorrection.variations`.
    variations
        Whether there are any.
    keep
        Expressions to copy beside.
    file_format
        ``"parquet"`` or ``"root"``.

    Returns
    -------
    CorrectedCandidates

    Raises
    ------
    BadParameters
        If the sample has a column of that name already.
    CutSyntaxError, UnknownVariable
        If it lacks what the templates need.
    """
    if file_format not in {"parquet", "root"}:
        raise BadParameters(f"file_format {file_format!r} is not one of parquet, root")
    for text in (*correction.dependencies, *keep):
        sample.bind(text)
    name = column_name(correction.variable, prefix=sample.prefix)
    others = dict(correction.variations(replicas=replicas, kernel=kernel)) if variations else {}
    columns = {name: correction.column()}
    columns |= {name + end: other.column() for end, other in others.items()}
    return CorrectedCandidates(
        sample.with_columns(**columns), correction, name, others, tuple(keep), file_format
    )
