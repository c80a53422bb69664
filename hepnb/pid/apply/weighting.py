"""Apply weight tables to candidates."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from hepnb.errors import BadParameters, BadTable, nearest
from hepnb.pid.apply.applied import AppliedWeights, FileFormat
from hepnb.pid.apply.binding import bind_track, sample_of
from hepnb.pid.apply.coverage import Coverage
from hepnb.pid.apply.factors import Errors, Requirement, Variation
from hepnb.pid.apply.lookup import LastEdge, check_last_edge
from hepnb.pid.apply.species_tables import AnyTable, SpeciesTables, check_tables
from hepnb.pid.apply.survey import survey
from hepnb.pid.apply.track import Track, table_blocks

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.data.sample import Sample

__all__ = ("OnMissing", "apply_weights")

OnMissing = Literal["raise", "warn", "count"]

log = logging.getLogger(__name__)


def __dir__() -> tuple[str, ...]:
    return __all__


def apply_weights(
    candidates: Sample | pd.DataFrame,
    tables: Mapping[tuple[int, int], AnyTable],
    *,
    particles: Sequence[str] | Mapping[str, int | None],
    seed: int,
    replicas: int = 100,
    requirement: Requirement = "pass",
    cut: str = "",
    keep: Sequence[str] = (),
    shape: Literal["gaussian", "lognormal"] = "gaussian",
    errors: Errors = "split",
    common_systematic: bool = False,
    default: float = 1.0,
    on_missing: OnMissing = "raise",
    last_edge: LastEdge = "exclusive",
    per_particle: bool = True,
    file_format: FileFormat = "parquet",
) -> AppliedWeights:
    """Weights of candidates from the tables of their particles' species.

    The candidates are read once here, to find out which tracks are in no table, and again when
    the weights are asked for. They are never changed.

    Parameters
    ----------
    candidates
        Simulated candidates of an analysis. Axis ``p`` of a table is the variable ``<prefix>_p``,
        or else what the name ``p`` means for that particle in the sample.
    tables
        (reco PDG, true PDG) to table: efficiencies (321, 321) and fake rates (321, 211). A table
        may be a `hepnb.pid.WeightTable`, its rows, or its file. Signs of PDG codes do not matter.
    particles
        Names or prefixes of the particles. A mapping gives the PDG code that each was
        reconstructed as; without one the column ``<prefix>_PDG`` says so, track by track. The
        column ``<prefix>_mcPDG`` says what each is.
    seed, replicas, shape, errors, common_systematic
        Replicas for the uncertainties, see `hepnb.pid.apply.factors`.
    requirement
        ``"pass"``: every track was asked to pass, weight ``eps_data / eps_MC``; ``"fail"``: to fail
        (a veto), ``(1 - eps_data) / (1 - eps_MC)``; ``"cut"``: the requirement of the table is
        evaluated and decides, for selections made later. NaN in it is a failure, and counted.
    cut
        Candidates that get weights. A friend tree of all candidates needs none.
    keep
        Variables to copy beside the weights.
    default
        Weight of tracks without one, in all replicas too.
    on_missing
        Tracks without a weight: ``"raise"``; or use the default, and ``"warn"`` or just
        ``"count"``. All tell the fraction by cause, in the summary too.
    last_edge
        Whether a value on the last edge of an axis is in the last bin, see
        `hepnb.pid.apply.lookup`.
    per_particle
        Whether to give the weights of the single particles beside their product.
    file_format
        What ``save`` writes.

    Returns
    -------
    AppliedWeights

    Raises
    ------
    BadTable
        If a table or its assignment is ambiguous, columns are missing, or there are tracks without
        a weight and `on_missing` is ``"raise"``.
    BadParameters, CutSyntaxError, UnreadableFile
        Before anything is read.
    """
    _check(particles, requirement=requirement, on_missing=on_missing, file_format=file_format)
    known = check_tables(tables)
    variation = Variation(replicas, seed, shape, errors, common_systematic)
    sample = sample_of(candidates, particles)
    tracks = _tracks(
        sample,
        known,
        particles,
        requirement=requirement,
        variation=variation,
        default=default,
        last_edge=check_last_edge(last_edge),
    )
    selection = sample.bind(cut) if cut.strip() else None
    coverage, occupancy = survey(sample, tracks, selection)
    _check_complete(coverage, on_missing, default)
    return AppliedWeights(
        sample,
        tracks,
        coverage,
        selection,
        {text: sample.bind(text) for text in keep},
        default,
        per_particle,
        occupancy,
        file_format,
    )


def _check_complete(coverage: Coverage, on_missing: str, default: float) -> None:
    """Refuse tracks without a weight, or warn of them, as was asked for."""
    if coverage.complete or on_missing == "count":
        return
    if on_missing == "raise":
        remedy = (
            "give tables for these species and ranges, select the candidates with cut=, or "
            f"take the default weight, {default:g}, with on_missing='warn'"
        )
        raise BadTable(f"tracks without a weight:\n{coverage.summary()}\n{remedy}")
    log.warning("%s; the others get the weight %g", coverage.summary(), default)


def _check(particles: Any, **choices: str) -> None:
    known: Mapping[str, tuple[str, ...]] = {
        "requirement": get_args(Requirement),
        "on_missing": get_args(OnMissing),
        "file_format": get_args(FileFormat),
    }
    for name, value in choices.items():
        if value not in known[name]:
            allowed = ", ".join(known[name])
            message = f"{name} is {value!r}; it must be one of {allowed}"
            raise BadParameters(message + nearest(value, known[name]))
    if isinstance(particles, str) or not particles:
        message = (
            f"particles is {particles!r}; give names, for instance ['K', 'pi'] or {{'K': 321}}"
        )
        raise BadParameters(message)


def _tracks(
    sample: Sample,
    tables: SpeciesTables,
    particles: Sequence[str] | Mapping[str, int | None],
    *,
    requirement: Requirement,
    variation: Variation,
    default: float,
    last_edge: LastEdge,
) -> tuple[Track, ...]:
    hypotheses = particles if isinstance(particles, Mapping) else dict.fromkeys(particles)
    tracks = []
    for name, code in hypotheses.items():
        hypothesis = None if code is None else abs(int(code))
        mine = {
            species: table
            for species, table in tables.items()
            if hypothesis is None or species[0] == hypothesis
        }
        if not mine:
            have = ", ".join(map(str, tables))
            raise BadTable(f"{name}: no table for hypothesis {hypothesis}; there are {have}")
        prefix = sample.particles.get(name, name)
        blocks, nominal, moved = table_blocks(mine, requirement, variation, default)
        variables = bind_track(sample, prefix, hypothesis, mine, with_cuts=requirement == "cut")
        tracks.append(
            Track(prefix, hypothesis, variables, blocks, requirement, nominal, moved, last_edge)
        )
    _check_apart(tracks)
    return tuple(tracks)


def _check_apart(tracks: Sequence[Track]) -> None:
    """Refuse two particles that are the same columns: names that do not say whose they are."""
    seen: dict[tuple[str, ...], str] = {}
    for track in tracks:
        for axis, bound in track.variables.axes.items():
            other = seen.setdefault((axis, *bound.columns), track.name)
            if other != track.name and bound.columns:
                message = (
                    f"{axis!r} of {other} and of {track.name} is the same column "
                    f"{', '.join(bound.columns)}; name them {other}_{axis} and {track.name}_{axis}"
                )
                raise BadTable(message)
