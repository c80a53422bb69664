"""Weights of the bins of a table, and their replicas.

A track that passes the requirement has the weight ``R = eps_data / eps_MC`` of its bin; one that
fails it, where failing is what the analysis asks for, ``(1 - eps_data) / (1 - eps_MC)``. Replica i
moves the weight of bin b by ``z_ib s_b + Z_i t_b``:

- ``z_ib`` is one standard normal number per bin of the table (one per block of bins, where its rows
  are such), the statistical fluctuation of the calibration. All tracks in a bin share it, so that
  several tracks of a candidate in one bin move together, and bins are independent. A bin's fail
  weight moves with the same number, downwards where its pass weight moves upwards (exact where
  either data or simulation dominates ``s_b``, and nearly so where both efficiencies are alike).
- ``Z_i`` is one number per table: the systematic shift ``t_b`` is fully correlated over bins and
  keeps its sign. Tables read from a file that holds lengths of error bars only have no sign left:
  there every bin moves the same way.
- asymmetric error bars: a positive number takes the upper length, a negative one the lower (a
  "split" normal: the mean moves by (up - down) / sqrt(2 pi), about 0.4 of their difference).
  ``errors="larger"`` takes the longer bar on both sides, as basf2's `sysvar` does.
- ``"gaussian"`` adds the move to the weight, which may turn negative; ``"lognormal"`` multiplies
  by ``exp(move / weight)``, which keeps the median and the sign.

Numbers are drawn from a generator seeded with the caller's seed and the identity of the table: its
species, requirement, edges, values and uncertainties (to nine digits). Tables are therefore
independent of each other and of their order, as is one table of the order of its rows and axes;
more replicas begin with the same ones.

The numbers are balanced: in each hundred of replicas those of a bin, and the ``Z`` of a table, have
the mean 0 and the width 1 exactly. The spread of a hundred replicas is then the uncertainty of a
bin itself, not that give or take 7 %. Different bins stay independent.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from hepnb.errors import BadParameters, BadTable, nearest
from hepnb.pid.tables.flat_table import RATIO_COLUMNS
from hepnb.pid.tables.table_bins import BLOCK
from hepnb.pid.tables.weight_result import WeightTable
from hepnb.stats import weighted

__all__ = ("BinWeights", "Errors", "Requirement", "Variation", "bin_weights", "replicas_of")

Floats = npt.NDArray[np.float64]
_GROUP = 100  # replicas whose numbers are balanced together
Requirement = Literal["pass", "fail", "cut"]
Errors = Literal["split", "larger"]


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Variation:
    """How replicas are made.

    Attributes
    ----------
    replicas
        How many.
    seed
        Of the random numbers, together with the identity of each table.
    shape
        ``"gaussian"`` or ``"lognormal"``.
    errors
        Asymmetric error bars: ``"split"`` or ``"larger"``.
    common_systematic
        Whether the systematic number ``Z_i`` is the same in all tables, as for a common mass fit.
    """

    replicas: int = 100
    seed: int = 1
    shape: Literal["gaussian", "lognormal"] = "gaussian"
    errors: Errors = "split"
    common_systematic: bool = False

    def __post_init__(self) -> None:
        if self.replicas < 0 or self.seed < 0:
            message = f"replicas={self.replicas}, seed={self.seed}: neither may be negative"
            raise BadParameters(message)
        for value, known in ((self.shape, ("gaussian", "lognormal")), (self.errors, _ERRORS)):
            if value not in known:
                message = f"{value!r} is not one of {', '.join(known)}{nearest(value, known)}"
                raise BadParameters(message)


_ERRORS: tuple[str, ...] = get_args(Errors)


class BinWeights(NamedTuple):
    """Weight of every bin, and how far it moves, each of shape (bins,).

    ``stat_plus`` and ``stat_minus`` are the signed moves per unit of a positive and of a negative
    random number; so are ``sys_plus`` and ``sys_minus``. NaN where the bin has no ratio.
    """

    nominal: Floats
    stat_plus: Floats
    stat_minus: Floats
    sys_plus: Floats
    sys_minus: Floats


def bin_weights(table: WeightTable, requirement: Literal["pass", "fail"]) -> BinWeights:
    """Weights of candidates that pass, or fail, the requirement of a table.

    Raises
    ------
    BadTable
        If weights of failing candidates are asked for, which need the efficiencies, and the table
        was read from a file that holds only the ratio.
    """
    made = _passing(table.frame) if requirement == "pass" else _failing(table)
    known = np.isfinite(np.array(made)).all(axis=0)
    return BinWeights(*(np.where(known, each, np.nan) for each in made))


def _passing(frame: pd.DataFrame) -> BinWeights:
    ratio, stat_up, stat_dn, sys_up, sys_dn = (
        frame[each].to_numpy(float) for each in RATIO_COLUMNS
    )
    if "data_MC_sys_shift" in frame:
        shift = frame["data_MC_sys_shift"].to_numpy(float)
        # a shift is what a table remembers; a table that was edited by hand may differ
        signed = np.isclose(np.abs(shift), np.maximum(sys_up, sys_dn), equal_nan=True)
        sys_up, sys_dn = (np.where(signed, shift, each) for each in (sys_up, sys_dn))
    return BinWeights(ratio, stat_up, stat_dn, sys_up, sys_dn)


def _failing(table: WeightTable) -> BinWeights:
    frame = table.frame
    eps = {side: frame[f"{side}_efficiency"].to_numpy(float) for side in ("data", "MC")}
    if np.isnan(eps["data"]).all() or np.isnan(eps["MC"]).all():
        message = (
            f"table of {table.cut!r} holds no efficiencies, which weights of failing candidates "
            "need; read it from its CSV or UHI file"
        )
        raise BadTable(message)
    stat, sys = (_failing_ratio(frame, eps, kind) for kind in ("stat", "sys"))
    minus, plus = -sys.up, -sys.down
    if "data_sys_shift" in frame and "MC_sys_shift" in frame:
        moved = [
            1 - eps[side] - frame[f"{side}_sys_shift"].to_numpy(float) for side in ("data", "MC")
        ]
        with np.errstate(invalid="ignore", divide="ignore"):
            minus = plus = moved[0] / moved[1] - stat.value
    return BinWeights(stat.value, -stat.down, -stat.up, plus, minus)


def _failing_ratio(frame: pd.DataFrame, eps: dict[str, Floats], kind: str) -> Any:
    """Ratio of ``1 - eps``, whose error bars are those of ``eps`` the other way round."""
    bars = {
        side: (
            frame[f"{side}_uncertainty_{kind}_up"].to_numpy(float),
            frame[f"{side}_uncertainty_{kind}_dn"].to_numpy(float),
        )
        for side in eps
    }
    return weighted.ratio(
        1 - eps["data"],
        1 - eps["MC"],
        numerator_errors=bars["data"],
        denominator_errors=bars["MC"],
    )


def replicas_of(
    table: WeightTable, weights: BinWeights, variation: Variation, species: tuple[int, int]
) -> Floats:
    """Replica weights of every bin, of shape (replicas, bins).

    Parameters
    ----------
    table
        Gives the identity, hence the random numbers: the same for pass and fail weights.
    weights
        What to move.
    variation
        How.
    species
        |PDG| of the hypothesis and of the truth.

    Raises
    ------
    BadTable
        If weights that are not positive should vary log-normally.
    """
    identity = _identity(table, species)
    z = _normals(variation.seed, identity, "stat", variation.replicas, table.axes)
    if BLOCK in table.frame:  # bins of one block are one measurement
        _, first, which = np.unique(table.frame[BLOCK], return_index=True, return_inverse=True)
        z = z[:, first[which]]
    whose = b"" if variation.common_systematic else identity
    big_z = _balanced(_generator(variation.seed, whose, "sys"), variation.replicas, [1])
    move = _moved(z, weights.stat_plus, weights.stat_minus, variation.errors)
    move += _moved(big_z, weights.sys_plus, weights.sys_minus, variation.errors)
    if variation.shape == "gaussian":
        return np.asarray(weights.nominal + move)
    if (wrong := np.flatnonzero(weights.nominal <= 0)).size:
        message = (
            f"table of {table.cut!r} for {species}: {wrong.size} bins have weights that are not "
            f"positive (the first: row {wrong[0] + 1}, {weights.nominal[wrong[0]]:.3g}), for "
            "which there is no log-normal; use shape='gaussian', or merge bins"
        )
        raise BadTable(message)
    return np.asarray(weights.nominal * np.exp(move / weights.nominal))


def _moved(z: Floats, plus: Floats, minus: Floats, errors: Errors) -> Floats:
    if errors == "larger":
        plus = minus = np.where(np.abs(plus) >= np.abs(minus), plus, minus)
    return np.where(z > 0, z * plus, z * minus)


def _normals(seed: int, identity: bytes, kind: str, replicas: int, axes: Any) -> Floats:
    """One number per replica and bin, in an order of bins that is that of no axis."""
    names = sorted(axes)
    shape = [len(axes[each]) - 1 for each in names]
    drawn = _balanced(_generator(seed, identity, kind), replicas, shape)
    order = [1 + names.index(each) for each in axes]
    return drawn.transpose(0, *order).reshape(replicas, math.prod(shape))


def _balanced(rng: np.random.Generator, replicas: int, shape: Sequence[int]) -> Floats:
    """Draw normal numbers of shape (replicas, *shape), each hundred of mean 0 and width 1."""
    drawn = rng.standard_normal((math.ceil(replicas / _GROUP), _GROUP, *shape))
    drawn -= drawn.mean(axis=1, keepdims=True)
    drawn /= drawn.std(axis=1, keepdims=True)
    return drawn.reshape(-1, *shape)[:replicas]


def _generator(seed: int, identity: bytes, kind: str) -> np.random.Generator:
    digest = hashlib.sha256(identity + kind.encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, np.uint32).tolist()])


def _identity(table: WeightTable, species: tuple[int, int]) -> bytes:
    names = sorted(table.axes)
    edges = {each: [f"{edge:.9g}" for edge in table.axes[each]] for each in names}
    shape = [len(each) - 1 for each in table.axes.values()]
    order = [list(table.axes).index(each) for each in names]
    values = [
        table.frame[each].to_numpy(float).reshape(shape).transpose(order).ravel()
        for each in RATIO_COLUMNS
    ]
    numbers = [f"{each:.9g}" for each in np.concatenate(values)]
    return repr((species, table.cut.strip(), edges, numbers)).encode()
