"""A template: the distribution of a PID variable in cells of the kinematics of a track."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hepnb.errors import BadParameters
from hepnb.pid.response.interpolation import GridAxis
from hepnb.pid.response.kernel import effective_counts, smooth_counts

__all__ = ("Conditional", "PidTemplate")

Floats = npt.NDArray[np.float64]

LEAST = 5.0
"""Effective candidates near a cell without which nothing is known there."""


def __dir__() -> tuple[str, ...]:
    return __all__


class Conditional(NamedTuple):
    """What is known of the variable in each cell of the kinematics.

    Attributes
    ----------
    cdf
        Distribution function of the continuous part at the edges, of shape (cells, bins + 1); NaN
        where nothing is known.
    atoms
        Probability of each single value, of shape (cells, atoms); NaN likewise.
    effective
        Effective number of candidates near each cell, of shape (cells,).
    negative
        Share of the density that is below zero before distribution functions are made to rise.
    """

    cdf: npt.NDArray[np.float32]
    atoms: Floats
    effective: Floats
    negative: float


@dataclass(frozen=True, eq=False)
class PidTemplate:
    """Weighted counts of a PID variable over kinematics, and the distributions they tell.

    Made by `hepnb.pid.response.fit_response`.

    Attributes
    ----------
    variable
        In the language of cuts.
    axes
        The kinematics.
    edges
        Bins of the variable; its last edge is within the last bin.
    atoms
        Single values that many candidates have, such as -1 for no information; they are in no bin.
    counts, squares
        Sums of weights and of squared weights, of shape (cells of each axis, bins).
    atom_counts, atom_squares
        The same of the atoms, of shape (cells of each axis, atoms).
    shifted, atom_shifted
        `counts` and `atom_counts` with the second weights; None where there are none.
    widths
        Of the kernel, in cells of the kinematics and in bins of the variable.
    adaptive
        See `hepnb.pid.response.kernel.smooth_counts`.
    seen
        Where the candidates went: read, nan, out_of_range, in_template.
    sample, cut
        What was fitted.
    """

    variable: str
    axes: tuple[GridAxis, ...]
    edges: Floats
    atoms: tuple[float, ...]
    counts: npt.NDArray[np.float32]
    squares: npt.NDArray[np.float32]
    atom_counts: Floats
    atom_squares: Floats
    shifted: npt.NDArray[np.float32] | None = None
    atom_shifted: Floats | None = None
    widths: tuple[float, float] = (1.0, 2.0)
    adaptive: bool = False
    seen: Mapping[str, int] = dataclasses.field(default_factory=dict)
    sample: str = ""
    cut: str = ""

    @cached_property
    def conditional(self) -> Conditional:
        """The distributions, smoothed."""
        kinematic = [self.widths[0] if each.continuous else 0.0 for each in self.axes]
        smooth = smooth_counts(self.counts, [*kinematic, self.widths[1]], adaptive=self.adaptive)
        single = smooth_counts(self.atom_counts, [*kinematic, 0.0], adaptive=self.adaptive)
        total = self.counts.sum(axis=-1, dtype=float) + self.atom_counts.sum(axis=-1)
        squares = self.squares.sum(axis=-1, dtype=float) + self.atom_squares.sum(axis=-1)
        effective = effective_counts(total, squares, kinematic).ravel().astype(float)
        sizes = np.abs(smooth).sum(dtype=float)
        negative = float(-smooth[smooth < 0].sum(dtype=float) / sizes) if sizes else 0.0
        bins = len(self.edges) - 1
        content = smooth.sum(axis=-1, dtype=float).ravel()
        single = np.maximum(single.reshape(len(content), -1), 0)
        both = content + single.sum(axis=-1)
        cdf = np.full((len(content), bins + 1), np.nan, np.float32)
        known = (effective >= LEAST) & (both > 0)
        rising = known & (content > 1e-3 * both)
        cdf[rising] = _rising(smooth.reshape(-1, bins)[rising], content[rising])
        # a cell of atoms alone: nothing is drawn from its continuous part
        cdf[known & ~rising] = np.linspace(0, 1, bins + 1)
        probability = np.full(single.shape, np.nan)
        probability[known] = single[known] / both[known, None]
        return Conditional(cdf, probability, effective, negative)

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells of each axis."""
        return tuple(each.cells for each in self.axes)

    @property
    def known_share(self) -> float:
        """Share of the cells near which there are calibration candidates."""
        return float((~np.isnan(self.conditional.cdf[:, 0])).mean())

    def with_kernel(self, scale: float) -> PidTemplate:
        """Give the same candidates smoothed with a kernel that is wider by this factor."""
        return dataclasses.replace(self, widths=(scale * self.widths[0], scale * self.widths[1]))

    def with_second_weights(self) -> PidTemplate:
        """Give the template of the second weights.

        Raises
        ------
        BadParameters
            If there are none.
        """
        if self.shifted is None or self.atom_shifted is None:
            raise BadParameters(f"sample {self.sample!r} has no second weights")
        return dataclasses.replace(self, counts=self.shifted, atom_counts=self.atom_shifted)

    def replica(self, number: int, *, seed: int = 1) -> PidTemplate:
        """Give the template of a sample that fluctuates: each cell by the sum of squared weights.

        Parameters
        ----------
        number, seed
            Decide the fluctuation, together with what the template is of.
        """
        # of its own counts: two species of one sample fluctuate independently
        digest = hashlib.sha256(self.counts.tobytes() + self.atom_counts.tobytes()).digest()
        rng = np.random.default_rng([seed, number, *np.frombuffer(digest, np.uint32).tolist()])
        normal = rng.standard_normal(self.counts.shape, np.float32)
        single = rng.standard_normal(self.atom_counts.shape)
        return dataclasses.replace(
            self,
            counts=np.asarray(self.counts + np.sqrt(self.squares) * normal, np.float32),
            atom_counts=self.atom_counts + np.sqrt(self.atom_squares) * single,
        )

    def efficiency(self, threshold: float) -> Floats:
        """Probability above a threshold in each cell, NaN where nothing is known; (cells,)."""
        cdf, atoms = self.conditional.cdf.astype(float), self.conditional.atoms
        bin_ = int(np.clip(np.searchsorted(self.edges, threshold, "right") - 1, 0, len(cdf.T) - 2))
        width = self.edges[bin_ + 1] - self.edges[bin_]
        within = float(np.clip((threshold - self.edges[bin_]) / width, 0, 1))
        below = cdf[:, bin_] + within * (cdf[:, bin_ + 1] - cdf[:, bin_])
        single = atoms @ (np.asarray(self.atoms) > threshold).astype(float)
        return np.asarray((1 - atoms.sum(axis=1)) * (1 - below) + single)

    def summary(self) -> str:
        """Say what the template is of, and how well it is known."""
        seen, total = self.seen, max(self.seen.get("read", 0), 1)
        cells = " x ".join(str(each.cells) for each in self.axes)
        text = (
            f"{self.variable} of {self.sample}: {cells} cells x {len(self.edges) - 1} bins, "
            f"{seen.get('in_template', 0):,} of {seen.get('read', 0):,} candidates "
            f"({100 * seen.get('out_of_range', 0) / total:.2g} % out of range, "
            f"{100 * seen.get('nan', 0) / total:.2g} % NaN); {100 * self.known_share:.1f} % of the "
            f"cells are known, {100 * self.conditional.negative:.2g} % of the density is negative"
        )
        values = ", ".join(f"{each:.9g}" for each in self.atoms)
        return f"{text}; single values: {values}" if values else text

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Give candidates by what became of them, and what is known, for a run's record."""
        found: dict[str, dict[str, Any]] = {
            name: {"value": value, "uncertainty": None, "unit": "candidates", "status": "ok"}
            for name, value in self.seen.items()
        }
        for name, share in {
            "known": self.known_share,
            "negative": self.conditional.negative,
        }.items():
            found[f"{name}_share"] = {
                "value": share, "uncertainty": None, "unit": "", "status": "ok"
            }  # fmt: skip
        return found

    def plot(self, ax: Any = None) -> Any:
        """Draw the distribution of the variable in cells along the first axis."""
        from hepnb.pid.response.plots import plot_template

        return plot_template(self, ax=ax)

    def save(self, directory: Path | str, name: str = "template") -> list[Path]:
        """Write ``<name>.root``; see `hepnb.pid.response.template_file`."""
        from hepnb.pid.response.template_file import write_template

        return [write_template(self, Path(directory) / f"{name}.root")]

    @classmethod
    def load(cls, path: Path | str) -> PidTemplate:
        """Read what `save` wrote."""
        from hepnb.pid.response.template_file import read_template

        return read_template(Path(path))

    def __repr__(self) -> str:
        return f"<PidTemplate of {self.variable}, {self.sample!r}>"


def _rising(density: npt.NDArray[np.floating], content: Floats) -> npt.NDArray[np.float32]:
    """Distribution functions that rise: midway between the largest before and the least after.

    Cutting negative cells off instead would add to whatever fluctuates around zero.
    """
    cdf = np.zeros((len(density), density.shape[1] + 1))
    np.cumsum(density, axis=1, dtype=float, out=cdf[:, 1:])
    cdf /= content[:, None]
    before = np.maximum.accumulate(cdf, axis=1)
    after = np.minimum.accumulate(cdf[:, ::-1], axis=1)[:, ::-1]
    made = np.clip(0.5 * (before + after), 0, 1)
    made[:, 0], made[:, -1] = 0, 1
    return np.asarray(made, np.float32)
