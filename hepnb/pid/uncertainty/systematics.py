"""Uncertainties of an efficiency table by their cause, bin by bin, and their combination.

- *statistical*: of the candidates; independent from bin to bin.
- *second weights*: change with the second weight column, that is with the alternative mass model.
- *mass models*: largest change with any of several other models.
- *shapes*: of the fitted shape parameters, by a bootstrap with refit.
- *binning*: variation of the efficiency within a bin, from bins of half the width.

All but the first are shifts that a table has in all bins together: fully correlated.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hepnb.data.filling import fill
from hepnb.errors import BadParameters, FitFailed
from hepnb.pid.efficiency import measure_efficiency
from hepnb.pid.mass.fit import fit_mass
from hepnb.pid.mass.weights import MassWeights
from hepnb.pid.subtraction.cows import cow_function
from hepnb.pid.tables.efficiency_result import EfficiencyTable
from hepnb.pid.tables.table_bins import rows_of
from hepnb.pid.tables.weight_result import WeightTable
from hepnb.pid.uncertainty.bootstrap import Bootstrap, bootstrap_efficiency
from hepnb.pid.uncertainty.uncertainties import Uncertainties
from hepnb.stats import weighted

if TYPE_CHECKING:
    from hepnb.data.sample import DerivedColumn, Sample
    from hepnb.pid.mass.result import MassFit
    from hepnb.pid.subtraction.subtraction import Subtraction

__all__ = ("halved", "in_bin_variation", "measure_systematics", "model_shifts")


def __dir__() -> tuple[str, ...]:
    return __all__


_LOG = logging.getLogger(__name__)

Floats = NDArray[np.float64]

_POOR = 1e-3  # p-value below which a model does not describe the data, so that it is no alternative


_OF_EFFICIENCY = ("sum_w", "efficiency", "stat_up", "stat_dn")
_OF_RATIO = (
    "data_sum_w",
    "data_MC_ratio",
    "data_MC_uncertainty_stat_up",
    "data_MC_uncertainty_stat_dn",
)

Table = TypeVar("Table", EfficiencyTable, WeightTable)


def measure_systematics(
    background: Subtraction,
    mc: Sample | None = None,
    *,
    cut: str,
    binning: Mapping[str, Sequence[float]],
    precut: str = "",
    models: Sequence[str] = (),
    replicas: int = 200,
    seed: int = 1,
    workers: int = 1,
) -> tuple[Uncertainties, Bootstrap | None]:
    """Measure an efficiency, or its ratio to simulation, with all its uncertainties.

    Parameters
    ----------
    background
        From `hepnb.pid.subtract_background`, with the precut as its cut. Without mass fits there
        are neither shapes nor models.
    mc
        Simulation: the components are then of the data/MC ratio.
    cut, binning, precut
        As in `measure_efficiency`.
    models
        Names of further mass models.
    replicas, seed
        Of the bootstrap for the shapes, see `bootstrap_efficiency`; 0: none.
    workers
        Threads that read.

    Returns
    -------
    Uncertainties
        The efficiency or ratio, and its components in every bin.
    Bootstrap or None
        Also tells how significant the change with the alternative is.
    """
    common: dict[str, Any] = {"cut": cut, "binning": binning, "precut": precut, "workers": workers}
    divided = common | {"binning": halved(binning)}
    table, fine = (measure_efficiency(background.sample, **each) for each in (common, divided))
    shifts = {}
    if len(background.sample.weights) > 1:
        shifts["second_weights"] = table.frame["sys_shift"].to_numpy(float)
    found, replica = _of_fits(background, models, replicas=replicas, seed=seed, **common)
    shifts |= found | {"binning": in_bin_variation(table, fine)}
    uncertainties = Uncertainties.of_efficiency(table, shifts)
    if mc is None:
        return uncertainties, replica
    ratio, fine_ratio = (
        WeightTable.from_efficiencies(data, measure_efficiency(mc, **each))
        for data, each in ((table, common), (fine, divided))
    )
    return uncertainties.of_ratio(ratio, binning=in_bin_variation(ratio, fine_ratio)), replica


def _of_fits(
    background: Subtraction, models: Sequence[str], *, replicas: int, seed: int, **common: Any
) -> tuple[dict[str, Floats], Bootstrap | None]:
    """Give the shifts that come from the mass fits, if the weights do."""
    nominal = background.fit
    if nominal is None or background.choice == "none":
        return {}, None
    common |= {"degree": background.degree if background.choice == "cows" else None}
    shifts, replica = {}, None
    if models:
        shifts["mass_models"] = _largest(model_shifts(background.sample, nominal, models, **common))
    if replicas:
        replica = bootstrap_efficiency(
            background.sample,
            nominal,
            background.alternative,
            replicas=replicas,
            seed=seed,
            **common,
        )
        shifts["shapes"] = replica.shape
    return shifts, replica


def halved(binning: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Give the binning with every bin of every axis cut in two."""
    fine = {}
    for name, edges in binning.items():
        e = np.asarray(edges, float)
        fine[name] = np.insert(e, np.arange(1, len(e)), 0.5 * (e[1:] + e[:-1])).tolist()
    return fine


def in_bin_variation(table: Table, fine: Table) -> Floats:
    """Spread of the efficiency or ratio within each bin, less what statistics alone would give.

    A table is applied to candidates that are distributed otherwise within a bin than those which it
    was measured with; halves of a bin show by how much that can matter.

    Parameters
    ----------
    table, fine
        Efficiencies in bins, and in the bins of `halved`; or two weight tables, whose ratio varies
        far less within a bin, as what data and simulation share cancels.

    Returns
    -------
    ndarray
        Standard deviation over the parts of a bin, of shape (bins,), not negative.

    Raises
    ------
    BadParameters
        If `fine` does not have the halved bins.

    Notes
    -----
    With shares ``f_j`` of the signal, ``sum f_j (eps_j - eps)^2 - sum f_j (1 - f_j) Var_j``, where
    the second term is the expectation of the first for equal efficiencies. For an efficiency that
    is linear over the bin this is a quarter of its change from edge to edge. Parts without signal
    (halves of a bin of charge) do not count.
    """
    expected = {name: tuple(edges) for name, edges in halved(table.axes).items()}
    if dict(fine.axes) != expected:
        raise BadParameters(f"bins of the finer table must be {expected}; they are {fine.axes}")
    bins: list[int] = [len(edges) - 1 for edges in table.axes.values()]
    pairs = [size for number in bins for size in (number, 2)]
    order = [*range(0, 2 * len(bins), 2), *range(1, 2 * len(bins), 2)]

    def parts(column: str) -> Floats:
        values = fine.frame[column].to_numpy(float).reshape(pairs)
        return np.asarray(values.transpose(order).reshape(int(np.prod(bins)), -1))

    names = _OF_RATIO if "data_MC_ratio" in fine.frame else _OF_EFFICIENCY
    signal, eps, up, down = (parts(each) for each in names)
    sigma = np.maximum(up, down)
    known = (signal > 0) & np.isfinite(eps) & np.isfinite(sigma)
    signal, eps, sigma = (np.where(known, each, 0.0) for each in (signal, eps, sigma))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = signal / signal.sum(axis=1, keepdims=True)
        mean = np.sum(share * eps, axis=1, keepdims=True)
        spread = np.sum(share * (eps - mean) ** 2, axis=1)
        noise = np.sum(share * (1.0 - share) * sigma**2, axis=1)
    return np.asarray(np.sqrt(np.maximum(spread - noise, 0.0)))


def model_shifts(
    sample: Sample,
    nominal: MassFit,
    models: Sequence[str],
    *,
    cut: str,
    binning: Mapping[str, Sequence[float]],
    precut: str = "",
    degree: int | None = None,
    component: str = "signal",
    workers: int = 1,
) -> pd.DataFrame:
    """Change of the efficiency in every bin with other mass models, in one pass over the sample.

    Parameters
    ----------
    sample, nominal
        Candidates, and their fit.
    models
        Names of mass models; each is fitted to the same bins of the same candidates. One that
        cannot be fitted, or whose p-value is below 0.001, is logged and left out.
    cut, binning, precut, degree, component, workers
        As in `measure_systematics`.

    Returns
    -------
    pandas.DataFrame
        Edges of the bins, then a column of shifts per model.
    """
    functions = {"nominal": _weights_of(nominal, degree)}
    for name in dict.fromkeys(models):
        try:
            found = fit_mass(sample, name, bins=nominal.spectrum.edges.tolist(), cut=precut)
            function = _weights_of(found, degree)
        except FitFailed as error:
            _LOG.warning("mass model %r is left out: %s", name, error)
            continue
        if found.p_value < _POOR:
            _LOG.warning("mass model %r is left out: %s", name, found.status)
            continue
        functions[name] = function
    variable = nominal.variable or ""
    columns: dict[str, DerivedColumn] = {
        f"sweight_model{number}": function.column(variable, component)
        for number, function in enumerate(functions.values())
    }
    weighted_sample = sample.with_columns(**columns)
    filled = fill(
        weighted_sample,
        binnings=binning,
        cuts=[cut],
        precuts=[precut],
        weights=list(columns),
        workers=workers,
    )
    eps = []
    for weight in columns:
        passing, total = (filled.hist(each, precut, weight).values().ravel() for each in (cut, ""))
        eps.append(weighted.efficiency(passing, 0.0, total, 0.0).value)
    shifts = {name: each - eps[0] for name, each in zip(functions, eps, strict=True)}
    axes = {name: tuple(map(float, edges)) for name, edges in binning.items()}
    return pd.concat([rows_of(axes), pd.DataFrame(shifts).drop(columns="nominal")], axis=1)


def _weights_of(fit: MassFit, degree: int | None) -> MassWeights:
    return fit.sweight_function if degree is None else cow_function(fit, degree=degree)


def _largest(shifts: pd.DataFrame) -> Floats:
    """Largest shift of each bin, with its sign; 0 where no model could be fitted."""
    edges = [name for name in shifts if name.endswith(("_min", "_max"))]
    each = shifts.drop(columns=edges).to_numpy(float)
    if not each.size:
        return np.zeros(len(shifts))
    filled = np.nan_to_num(each)
    return np.asarray(filled[np.arange(len(filled)), np.argmax(np.abs(filled), axis=1)])
