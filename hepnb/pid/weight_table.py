"""Data/MC weights of a requirement, measured from calibration samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hepnb.errors import BadParameters
from hepnb.pid.efficiency import measure_efficiency
from hepnb.pid.tables.flat_table import OnBad, check_on_bad
from hepnb.pid.tables.weight_result import WeightTable

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("WeightTable", "data_mc_ratio", "produce_data_mc_ratio")


def __dir__() -> tuple[str, ...]:
    return __all__


def data_mc_ratio(
    data: Sample,
    mc: Sample,
    *,
    cut: str,
    binning: Mapping[str, Sequence[float]],
    precut: str = "",
    weight: str | None = "auto",
    weight_sys: str | None = "auto",
    mc_weight: str | None = "auto",
    mc_weight_sys: str | None = "auto",
    mc_truth: bool | None = None,
    requirement: Literal["pass", "fail"] = "pass",
    on_bad: OnBad = "keep",
    workers: int = 1,
) -> WeightTable:
    """Ratio of the efficiencies of a requirement in data and in simulation, in bins.

    Parameters
    ----------
    data, mc
        Candidates of one particle: ``collection.study("Dst").particle("K")``.
    cut, binning, precut
        The requirement; variable to bin edges; and what counts at all.
    weight, weight_sys, mc_weight, mc_weight_sys, mc_truth
        Weights and truth matching, see `measure_efficiency`. By default data is weighted with its
        sWeights, and simulation is truth-matched and counted.
    requirement
        ``"pass"``: weights of candidates that pass, ``eps_data / eps_MC``. ``"fail"``: weights of
        those that fail, ``(1 - eps_data) / (1 - eps_MC)``, for analyses that veto.
    on_bad
        What to write for bins without a ratio, see `WeightTable.on_bad`.
    workers
        Threads that read; the result does not depend on it.

    Returns
    -------
    WeightTable

    Raises
    ------
    BadParameters, CutSyntaxError, UnknownVariable, UnreadableFile
        Before anything is read.
    """
    if requirement not in ("pass", "fail"):
        raise BadParameters(f"requirement is {requirement!r}; it must be 'pass' or 'fail'")
    check_on_bad(on_bad)
    common: dict[str, Any] = {"cut": cut, "binning": binning, "precut": precut, "workers": workers}
    tables = (
        measure_efficiency(data, weight=weight, weight_sys=weight_sys, **common),
        measure_efficiency(
            mc, weight=mc_weight, weight_sys=mc_weight_sys, truth=mc_truth, **common
        ),
    )
    if requirement == "fail":
        tables = (tables[0].failing(), tables[1].failing())
    return WeightTable.from_efficiencies(*tables, on_bad=on_bad)


def produce_data_mc_ratio(  # noqa: PLR0917 -- the order of arguments is that of SysCorrFW
    cut: str,
    particle_type: str,
    data_collection: str,
    mc_collection: str,
    track_variables: Sequence[str],
    binning: Sequence[Sequence[float]],
    precut: str = "",
    *,
    apply_std_constraints: bool = True,
    model_names: Sequence[str] | None = None,
    output: str | Path | None = None,
    site: str = "local",
    workers: int = 1,
) -> WeightTable:
    """Data/MC weights by the call that SysCorrFW users know.

    Parameters
    ----------
    cut
        The requirement, for instance ``"kaonID > 0.6"``.
    particle_type
        Which particle it is put on. It tells the study: the one of both collections that has such
        a particle, so ``p`` is from Lambda; where several have it, the first of
        `hepnb.pid.studies`, so ``K`` and ``pi`` are from D*+, ``e`` and ``mu`` from J/psi.
    data_collection, mc_collection
        Names in the catalogue; ``A+B`` is the union.
    track_variables, binning
        Variables, and a list of edges for each, in the same order.
    precut
        Candidates that count at all.
    apply_std_constraints
        Ask for the study's standard selection as well (`hepnb.pid.studies.Study.standard`).
    model_names
        Two mass models, nominal and alternative: the sWeights of the data are then made here by
        fits to what passes the precut, in place of the columns of the files.
    output
        Where to save: a ``.csv`` file, or a folder that gets all formats, named ``weights``.
    site
        Where collections live, see `hepnb.catalogue`.
    workers
        Threads that read.

    Returns
    -------
    WeightTable
        With ``.plot()`` and ``.create_weights()``.

    Raises
    ------
    BadParameters
        If variables and edges are not as many, models are not two, or standard constraints are
        asked for of a study that is not registered.
    CutSyntaxError, UnknownVariable, UnknownCollection, UnreadableFile
        Before anything is read; the third also if no study has the particle.
    """
    from hepnb.data.catalogue import catalogue
    from hepnb.pid.production.weight_config import study_with
    from hepnb.pid.studies import study as registered

    if len(track_variables) != len(binning):
        message = (
            f"{len(track_variables)} track_variables ({', '.join(track_variables)}) but "
            f"{len(binning)} lists of edges; give one list for each variable, in the same order"
        )
        raise BadParameters(message)
    collections = catalogue(site)
    pair = (collections[data_collection], collections[mc_collection])
    study = study_with(particle_type, pair)
    data, mc = (each.study(study).particle(particle_type) for each in pair)
    if apply_std_constraints:
        standard = registered(study).selection("standard")
        precut = " and ".join(f"[{each}]" for each in (precut, standard) if each.strip())
    if model_names is not None:
        data = _refitted(data, model_names, precut)
    axes = dict(zip(track_variables, binning, strict=True))
    table = data_mc_ratio(data, mc, cut=cut, binning=axes, precut=precut, workers=workers)
    if output is not None:
        _save(table, Path(output))
    return table


def _refitted(data: Sample, model_names: Sequence[str], precut: str) -> Sample:
    from hepnb.pid.subtraction.subtraction import subtract_background

    if len(model_names) != 2:
        message = (
            f"model_names has {len(model_names)} names; give two, the nominal mass model and an "
            "alternative one, whose difference is the systematic uncertainty"
        )
        raise BadParameters(message)
    return subtract_background(data, "fit", models=model_names, cut=precut).sample


def _save(table: WeightTable, output: Path) -> None:
    if output.suffix == ".csv":
        output.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(output)
    else:
        output.mkdir(parents=True, exist_ok=True)
        table.save(output, "weights")
