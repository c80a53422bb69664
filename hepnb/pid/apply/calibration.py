"""Tables made on the spot: the efficiency of one species and the fake rates of the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hepnb.errors import BadParameters
from hepnb.pid.tables.weight_result import WeightTable
from hepnb.pid.weight_table import data_mc_ratio

if TYPE_CHECKING:
    from hepnb.data.collection import Collection as Candidates

__all__ = ("CODES", "calibration_tables")

CODES: Mapping[str, int] = MappingProxyType({"e": 11, "mu": 13, "pi": 211, "K": 321, "p": 2212})
"""|PDG| of the particles of the calibration modes."""


def __dir__() -> tuple[str, ...]:
    return __all__


def calibration_tables(
    data: Candidates,
    mc: Candidates,
    *,
    study: str,
    hypotheses: Collection[int | None],
    cut: str,
    binning: Mapping[str, Sequence[float]],
    fake_binning: Mapping[str, Sequence[float]] | None = None,
    **options: Any,
) -> dict[tuple[int, int], WeightTable]:
    """Weight tables of a requirement for every particle of a calibration mode.

    Parameters
    ----------
    data, mc
        Collections of calibration decays.
    study
        The mode: ``Dst`` has kaons and pions.
    hypotheses
        PDG code of what the requirement is to select, one: the particle of that code gives the
        efficiency, the others give fake rates.
    cut, binning
        The requirement, and the bins of the efficiency.
    fake_binning
        Bins of the fake rates, which few particles make: coarser ones; by default the same.
    **options
        Of `hepnb.pid.data_mc_ratio`, for instance precut.

    Returns
    -------
    dict
        (|reco|, |true|) to table.

    Raises
    ------
    BadParameters
        If there is not one code, or none of the particles of the mode is of it.
    """
    codes = {each if each is None else abs(each) for each in hypotheses}
    if len(codes) != 1 or None in codes:
        message = (
            f"hypotheses {sorted(map(str, hypotheses))}: one requirement is made for one; give "
            "tables for several, or for hypotheses that a column tells"
        )
        raise BadParameters(message)
    [hypothesis] = (each for each in codes if each is not None)
    particles = {name: CODES[name] for name in data.particles(study) if name in CODES}
    if hypothesis not in particles.values():
        have = ", ".join(f"{name} ({code})" for name, code in particles.items())
        raise BadParameters(f"{study} has no particle of code {hypothesis}; it has {have}")
    made = {}
    for name, code in particles.items():
        bins = binning if code == hypothesis else fake_binning or binning
        pair = [each.study(study).particle(name) for each in (data, mc)]
        made[hypothesis, code] = data_mc_ratio(*pair, cut=cut, binning=bins, **options)
    return made
