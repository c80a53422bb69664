"""Background subtracted by a learned score, where no mass can be fitted.

A classifier, trained on simulation with variables that are not the PID of the probe, gives a score;
templates of simulated species are fitted to its distribution in data; sWeights come from that fit.
Unlike `mc_background` neither the yields nor the PID of the background are believed, but
the score must not depend on PID within a species, which is tested. Where it depends on kinematics,
each region of them gets templates, a fit and weights of its own.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.data.binning import Edges, Grid, make_grids
from hepnb.data.sample import DerivedColumn, Sample
from hepnb.errors import BadParameters
from hepnb.pid.subtraction.mc_background import species_cuts
from hepnb.pid.subtraction.score_cells import ScoreCells, region_of, train_score
from hepnb.pid.subtraction.score_factorisation import ScoreFactorisation, score_factorisation
from hepnb.pid.subtraction.template_fit import TemplateFit, fit_templates

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("LearnedSubtraction", "ScoreFit", "subtract_learned_background")

_LOG = logging.getLogger(__name__)

_LEAST = 200  # simulated candidates of a species, half of which train


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False)
class ScoreFit:
    """A score, its fits, and the weights that they give; also the function of a derived column.

    Attributes
    ----------
    cells
        The score.
    grid
        Regions, or None for one that holds everything.
    fits
        By region, as the bins of a table count (the last axis fastest).
    """

    cells: ScoreCells
    grid: Grid | None
    fits: tuple[TemplateFit, ...]

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Expressions that the weights need."""
        axes = () if self.grid is None else tuple(axis.variable for axis in self.grid.axes)
        return tuple(dict.fromkeys((*self.cells.features, *axes)))

    def __call__(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Give the weights of candidates, of shape (n,); NaN outside the regions."""
        region = region_of(self.grid, columns)
        table = np.array([fit.weights for fit in self.fits])
        return np.where(region < 0, np.nan, table[region, self.cells(columns)])


@dataclass(frozen=True, eq=False)
class LearnedSubtraction:
    """A sample with sWeights of a learned score, and the fits that they come from.

    Attributes
    ----------
    sample
        Its `weights` name the nominal and the systematic column; goes wherever a sample does.
    species
        Their names, "signal" first.
    fit, alternative
        The alternative swaps the halves of the simulation that train and that make templates, so
        that the difference holds the statistics of both.
    factorisation
        Whether the score depends on the control variables within a species.
    """

    sample: Sample
    species: tuple[str, ...]
    fit: ScoreFit
    alternative: ScoreFit
    factorisation: ScoreFactorisation

    @property
    def frame(self) -> pd.DataFrame:
        """One row per region: data, yield and error of each species, p_value, status."""
        import pandas as pd

        rows = []
        for region, fit in enumerate(self.fit.fits):
            row: dict[str, Any] = {"region": region, "data": fit.counts.sum()}
            for name, value, error in zip(self.species, fit.yields, fit.errors, strict=True):
                row |= {name: value, f"{name}_error": error}
            rows.append(row | {"p_value": fit.p_value, "status": fit.status})
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """Say how many candidates of each species there are, and where no fit was possible."""
        fits = [each for each in self.fit.fits if each.status != "failed"]
        places = f", in {len(fits)} regions" if len(self.fit.fits) > 1 else ""
        lines = [f"Background is subtracted by sWeights of a learned score{places}:"]
        for name, each in self.numbers().items():
            value, error = each["value"], each["uncertainty"]
            lines.append(f"  {name.removeprefix('N_')}: {value:,.0f} \u00b1 {error:,.0f}")
        if len(fits) == 1:
            lines.append(f"  p-value of the fit: {fits[0].p_value:.2g}")
        if lost := len(self.fit.fits) - len(fits):
            lines.append(f"  regions without a fit, and so without weights: {lost}")
        return "\n".join(lines)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Give the yields of the species, all regions together, for the record of a run."""
        frame = self.frame
        good = frame[frame["status"] != "failed"]
        status = "ok" if len(good) == len(frame) else "failed_regions"
        return {
            f"N_{name}": {
                "value": float(good[name].sum()),
                "uncertainty": float(np.sqrt((good[f"{name}_error"] ** 2).sum())),
                "unit": "",
                "status": status,
            }
            for name in self.species
        }

    def save(self, directory: Path | str, name: str = "background") -> list[Path]:
        """Write `frame` as ``<name>.csv``."""
        path = Path(directory) / f"{name}.csv"
        self.frame.to_csv(path, index=False)
        return [path]

    def plot(self, region: int | None = None, axes: Any = None) -> Any:
        """Draw the score with the fitted templates and pulls, in a region or in all together."""
        from hepnb.pid.subtraction.background_plots import plot_score_fit

        return plot_score_fit(self.fit.fits, self.species, region, axes)


def subtract_learned_background(
    sample: Sample,
    simulation: Sample,
    *,
    features: Sequence[str],
    control: Sequence[str],
    species: Mapping[str, str] | None = None,
    regions: Mapping[str, Edges] | None = None,
    cut: str = "",
    bins: int = 15,
    seed: int = 1,
    max_candidates: int = 200_000,
) -> LearnedSubtraction:
    """Make sWeights from a score that is learned on simulation and fitted in data.

    Parameters
    ----------
    sample, simulation
        Candidates of one particle in data, and simulated ones.
    features
        Expressions that the classifier sees, in both samples. The kinematics of the probe may be
        among them only where `regions` divides them.
    control
        Variables that are looked at, on which the score must not depend: PID, and the axes of a
        table that `regions` does not divide (`factorisation.control_variables`).
    species
        Name to cut in the language of the simulation, signal first; by default signal is what
        passes its truth, and all else is one background. Name those backgrounds apart that differ
        in PID or kinematics.
    regions
        Binning whose bins are fitted one by one, such as that of the table.
    cut
        Selection, as of the measurement.
    bins
        Of the score.
    seed
        Of the classifier, and of the division of the simulation.
    max_candidates
        Of each species; the first so many are used.

    Returns
    -------
    LearnedSubtraction
        Columns "weight_learned" and "weight_learned_sys". A region whose fit failed has NaN for
        weights, so that its candidates are counted as lost, not taken as signal.

    Raises
    ------
    MissingExtra
        If scikit-learn is not installed.
    BadParameters
        If a control variable is a feature, or a species has too few simulated candidates.
    FitFailed
        If the features do not tell signal from background.
    """
    if not features or not control or set(features) & set(control):
        both = f"features {list(features)} and control variables {list(control)}"
        message = f"{both} must be given, and have none in common: PID cannot tell what PID is"
        raise BadParameters(message)
    if species is None:
        species = {"signal": simulation.truth or "", **species_cuts(simulation)}
    grid = None if regions is None else next(iter(make_grids(regions).values()))
    axes = () if grid is None else tuple(axis.variable for axis in grid.axes)
    needed = tuple(dict.fromkeys((*features, *axes)))
    read = tuple(dict.fromkeys((*needed, *control)))
    simulated = [
        _read(simulation, name, read, (cut, where), max_candidates)
        for name, where in species.items()
    ]
    # dealt out in turn, so that both halves hold as many
    rng = np.random.default_rng(seed)
    first = [rng.permutation(len(each)) % 2 == 0 for each in simulated]
    halves = [
        [each[half == which] for each, half in zip(simulated, first, strict=True)]
        for which in (True, False)
    ]
    chunks = partial(sample.iterate, needed, cut=cut)
    fit, alternative = (
        _score_fit(train, test, chunks, features, grid, bins, seed + turn)
        for turn, (train, test) in enumerate((halves, halves[::-1]))
    )
    held_out = dict(zip(species, halves[1], strict=True))
    tested = {
        name: (fit.cells(each), region_of(grid, each), each) for name, each in held_out.items()
    }
    columns = {
        name: DerivedColumn(each.dependencies, each)
        for name, each in zip(
            ("weight_learned", "weight_learned_sys"), (fit, alternative), strict=True
        )
    }
    weighted = dataclasses.replace(sample.with_columns(**columns), weights=tuple(columns))
    factorisation = score_factorisation(tested, control)
    found = LearnedSubtraction(weighted, tuple(species), fit, alternative, factorisation)
    bad = found.frame.query("status == 'failed'")
    if len(bad):
        _LOG.warning("%s: no weights in %d of %d regions", sample.name, len(bad), len(fit.fits))
    return found


def _score_fit(  # noqa: PLR0917 -- private, and called once
    train: Sequence[pd.DataFrame],
    test: Sequence[pd.DataFrame],
    data: Callable[[], Iterable[Mapping[str, np.ndarray]]],
    features: Sequence[str],
    grid: Grid | None,
    bins: int,
    seed: int,
) -> ScoreFit:
    """Train a score on one half of the simulation, and fit templates of the other to the data."""
    cells = train_score(train, features, bins=bins, seed=seed)
    counts = _counts(cells, grid, data())
    # of shape (regions, species, cells)
    templates = np.stack([_counts(cells, grid, [each]) for each in test], axis=1)
    return ScoreFit(cells, grid, tuple(map(fit_templates, counts, templates)))


def _read(
    simulation: Sample, name: str, columns: Sequence[str], cuts: Sequence[str], most: int
) -> pd.DataFrame:
    chosen = " and ".join(f"[{each}]" for each in cuts if each.strip())
    found = simulation.read(columns, cut=chosen, max_entries=most)
    if len(found) < _LEAST:
        message = (
            f"simulation {simulation.name!r} has {len(found)} candidates of species {name!r} "
            f"({chosen or 'all'}); at least {_LEAST} are needed to learn and to make templates"
        )
        raise BadParameters(message)
    return found


def _counts(cells: ScoreCells, grid: Grid | None, chunks: Any) -> np.ndarray:
    """Candidates by region and cell, of shape (regions, cells)."""
    regions = 1 if grid is None else int(grid.inside.sum())
    total = np.zeros(regions * cells.count)
    for chunk in chunks:
        region = region_of(grid, chunk)
        place = (region * cells.count + cells(chunk))[region >= 0]
        total += np.bincount(place, minlength=len(total))
    return total.reshape(regions, cells.count)
