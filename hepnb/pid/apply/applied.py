"""Weights of candidates: in memory, chunk by chunk, as files, or as a column of the sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hepnb.data.derived import DerivedColumn
from hepnb.pid.apply.coverage import Coverage
from hepnb.pid.apply.track import Track

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.data.expressions import BoundExpression
    from hepnb.data.sample import Sample

__all__ = ("CHUNK", "AppliedWeights", "FileFormat")

CHUNK = 50_000
"""Candidates at a time: 80 MB for three particles with a hundred replicas each."""

FileFormat = Literal["parquet", "root"]


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False, repr=False)
class AppliedWeights:
    """Weights of the candidates of a sample, computed while they are asked for.

    Made by `hepnb.pid.apply.apply_weights`. Use `write` for ntuples, `frame` for what fits into
    memory, `column` to use the weight in histograms and fits of the same sample.

    Columns, in this order: what was asked to be kept; for each particle ``<prefix>_Weight`` and
    ``<prefix>_Weight_0 .. _{N-1}``, if `per_particle`; and the products over the particles,
    ``Weight`` and ``Weight_0 .. Weight_{N-1}``. Nominal weights are double, replicas single
    precision. Rows are those of the sample in its order, less those that fail the cut.

    Attributes
    ----------
    sample
        The candidates; never changed.
    tracks
        Their particles, with the weights of each table bin.
    coverage
        Which tracks are in a table.
    cut
        Selection of the candidates, None for all.
    keep
        Text to expression that is copied.
    default
        Weight of tracks that have none.
    per_particle
        Whether weights of the single particles are given too.
    occupancy
        Particle to the number of its tracks in each row of its weights.
    file_format
        What `save` writes.
    """

    sample: Sample
    tracks: tuple[Track, ...]
    coverage: Coverage
    cut: BoundExpression | None
    keep: Mapping[str, BoundExpression]
    default: float
    per_particle: bool
    occupancy: Mapping[str, np.ndarray]
    file_format: FileFormat = "parquet"

    def iterate(self, *, chunk_size: int = CHUNK) -> Iterator[dict[str, np.ndarray]]:
        """Columns chunk by chunk; they do not depend on the chunk size.

        Yields
        ------
        dict
            Column name to array of shape (n passing,).
        """
        from hepnb.pid.apply.reading import chunks

        for columns in chunks(self.sample, self.tracks, self.cut, self.keep, chunk_size):
            kept = {text: each.evaluate(columns) for text, each in self.keep.items()}
            yield kept | self._weights(columns)

    def frame(self) -> pd.DataFrame:
        """Give all columns in memory."""
        import pandas as pd

        parts = list(self.iterate())
        names = list(parts[0]) if parts else []
        # one column at a time, so that at most one is held twice
        return pd.DataFrame(
            {each: np.concatenate([part.pop(each) for part in parts]) for each in names}, copy=False
        )

    def column(self, replica: int | None = None) -> DerivedColumn:
        """Weight as a column: ``sample.with_columns(pid_weight=applied.column())``.

        Parameters
        ----------
        replica
            Which replica; by default the nominal weight.
        """
        needed = sorted(
            {each for track in self.tracks for v in track.variables.all for each in v.columns}
        )

        def weight(columns: Mapping[str, np.ndarray]) -> np.ndarray:
            product: Any = 1.0
            for track in self.tracks:
                rows = track.locate(columns).rows
                values = track.nominal if replica is None else track.replicas[replica]
                product = product * values[rows]
            return np.asarray(product, float)

        return DerivedColumn(tuple(needed), weight)

    def write(self, path: str | Path, *, tree: str = "weights", chunk_size: int = CHUNK) -> Path:
        """Write the columns, in chunks, as Parquet or as a ROOT TTree, by the ending of the path.

        A tree of all candidates is a friend of theirs. The file appears when it is whole.
        """
        from hepnb.pid.apply.writing import write_weights

        return write_weights(self, Path(path), tree=tree, chunk_size=chunk_size)

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write ``<name>.parquet`` or ``<name>.root``, and ``<name>.coverage.csv``."""
        from hepnb.pid.formats.exports import write_frame

        folder = Path(directory)
        return [
            self.write(folder / f"{name}.{self.file_format}"),
            write_frame(self.coverage.frame, folder / f"{name}.coverage.csv"),
        ]

    def plot_coverage(self, ax: Any = None) -> Any:
        """Draw the fraction of tracks in a table over momentum and angle."""
        return self.coverage.plot(ax)

    def summary(self) -> str:
        """Say what is in a table, and the mean weight of each particle."""
        lines = [self.coverage.summary()]
        if not self.coverage.complete:
            lines.append(f"tracks in no table have the weight {self.default:g}, in all replicas")
        for name, number in self._means().items():
            spread = number["uncertainty"]
            lines.append(
                f"{name}: mean weight {number['value']:.4f}"
                + ("" if spread is None else f" ± {spread:.4f}")
            )
        if (negative := self.negative_fraction) > 0:
            lines.append(f"{100 * negative:.3g} % of the replica weights are negative")
        return "\n".join(lines)

    @property
    def negative_fraction(self) -> float:
        """Fraction of the replica weights of all tracks that are negative."""
        below = total = 0.0
        for track in self.tracks:
            counts = self.occupancy[track.name]
            below += float(((track.replicas < 0) @ counts).sum())
            total += float(counts.sum() * len(track.replicas))
        return below / total if total else 0.0

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Coverage, mean weight per particle with the spread of its replicas, negative replicas."""
        means = {f"{name}_mean_weight": each for name, each in self._means().items()}
        status = "ok" if self.negative_fraction == 0 else "negative_replicas"
        value = {"value": self.negative_fraction, "uncertainty": None, "unit": "", "status": status}
        return self.coverage.numbers() | means | {"negative_replicas": value}

    def _means(self) -> dict[str, dict[str, Any]]:
        """Mean weight of each particle's tracks; the default counts where it is what they have."""
        found: dict[str, dict[str, Any]] = {}
        for track in self.tracks:
            counts = self.occupancy[track.name]
            used = counts > 0  # a bin without a ratio holds none, and NaN times 0 would be NaN
            share = counts[used] / max(counts.sum(), 1)
            over = track.replicas[:, used].astype(float) @ share
            found[track.name] = {
                "value": float(track.nominal[used] @ share) if used.any() else float("nan"),
                "uncertainty": float(over.std(ddof=1)) if len(over) > 1 else None,
                "unit": "",
                "status": "ok" if used.any() else "empty",
            }
        return found

    def _weights(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Weights of a chunk; replicas column by column, so that each is one fast look-up."""
        rows = [track.locate(columns).rows for track in self.tracks]
        made: dict[str, np.ndarray] = {}
        product: dict[str, np.ndarray] = {}
        for track, row in zip(self.tracks, rows, strict=True):
            for end, values in _series(track):
                one = values.take(row)
                if self.per_particle:
                    made[f"{track.name}_{end}"] = one
                product[end] = product[end] * one if end in product else one
        return made | product

    def __repr__(self) -> str:
        return f"<AppliedWeights of {', '.join(each.name for each in self.tracks)}>"


def _series(track: Track) -> Iterator[tuple[str, np.ndarray]]:
    yield "Weight", track.nominal
    for i, values in enumerate(track.replicas):
        yield f"Weight_{i}", values


def column_names(tracks: Sequence[Track], *, per_particle: bool) -> list[str]:
    """Names of the weight columns, in order."""
    ends = [end for end, _ in _series(tracks[0])]
    own = [f"{track.name}_{end}" for track in tracks for end in ends] if per_particle else []
    return [*own, *ends]
