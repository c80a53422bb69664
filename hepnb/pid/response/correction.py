"""Give simulated tracks the PID response of data: by drawing it anew, or by moving what they have.

- **Resampling** draws the variable of a track from its distribution in data at the kinematics of
  the track: ``x' = F_data^-1(u | kinematics)``. What simulation said of the variable is forgotten,
  with every correlation to anything but the kinematics.
- **Transformation** moves the variable to the same quantile of data,
  ``x' = F_data^-1(F_MC(x | kinematics) | kinematics)``: it stays correlated with all that it was
  correlated with, such as other PID variables of the track. It needs the template of simulation.

A single value (an "atom", such as -1 for no information) is no quantile. A track with one keeps it
as far as data has that value as often; the rest is drawn from what data has more of, and likewise
the other way round: no more tracks change between single values and the continuum than must.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from hepnb.data.derived import DerivedColumn
from hepnb.errors import BadParameters, nearest
from hepnb.pid.response.interpolation import Mixture, Neighbours, neighbours
from hepnb.pid.response.numbers import track_uniform
from hepnb.pid.response.template import PidTemplate

__all__ = ("CAUSES", "Corrected", "Method", "ResponseCorrection")

Floats = npt.NDArray[np.float64]
Method = Literal["resample", "transform"]

CAUSES = ("corrected", "nan", "wrong_truth", "out_of_range", "no_calibration", "flat")
"""What became of a track: corrected; NaN in its kinematics, species or variable; no template for
its species; kinematics or variable outside the template; no calibration candidates near; or at a
value of the variable that no simulated calibration candidate has."""

_BLOCK = 50_000


def __dir__() -> tuple[str, ...]:
    return __all__


class Corrected(NamedTuple):
    """Corrected values, NaN where there is none, and index in `CAUSES`, each of shape (n,)."""

    values: Floats
    causes: npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class ResponseCorrection:
    """A correction of one PID variable, for tracks of the species that have templates.

    Attributes
    ----------
    data
        True species to the template of data; the key None stands for every species.
    mc
        The same of simulation; needed by ``"transform"``.
    method
        ``"resample"`` or ``"transform"``.
    seed
        Of the random numbers, see `hepnb.pid.response.numbers`.
    """

    data: Mapping[int | None, PidTemplate]
    mc: Mapping[int | None, PidTemplate] = dataclasses.field(default_factory=dict)
    method: Method = "resample"
    seed: int = 1

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            known = get_args(Method)
            hint = nearest(self.method, known)
            raise BadParameters(f"method {self.method!r} is not one of {', '.join(known)}{hint}")
        if not self.data:
            raise BadParameters("no template of data; fit one with fit_response")
        if self.seed < 0:
            raise BadParameters(f"seed={self.seed} may not be negative")
        if None in self.data and len(self.data) > 1:
            raise BadParameters("a template is for every species (None), or several for one each")
        if self.method == "transform" and set(self.mc) != set(self.data):
            message = (
                f"templates of data are for species {list(self.data)}, of simulation for "
                f"{list(self.mc)}; a transformation needs the same of both"
            )
            raise BadParameters(message)
        names = {each.variable for each in (*self.data.values(), *self.mc.values())}
        if len(names) > 1:
            raise BadParameters(f"templates are of several variables: {', '.join(sorted(names))}")

    @property
    def variable(self) -> str:
        """The PID variable."""
        return next(iter(self.data.values())).variable

    @property
    def kinematics(self) -> tuple[str, ...]:
        """Variables of all axes."""
        templates = [*self.data.values()]
        templates += self.mc.values() if self.method == "transform" else []
        return tuple(dict.fromkeys(axis.variable for each in templates for axis in each.axes))

    @property
    def dependencies(self) -> tuple[str, ...]:
        """What is read of a track."""
        old = (self.variable,) if self.method == "transform" else ()
        truth = () if None in self.data else ("mcPDG",)
        return tuple(dict.fromkeys((*self.kinematics, *old, *truth)))

    def column(self) -> DerivedColumn:
        """Corrected variable as a column: ``sample.with_columns(kaonID_data=correction.column())``.

        Usable in every cut, axis and precut of that sample.
        """
        return DerivedColumn(self.dependencies, partial(_values, self))

    def varied(self, change: Callable[[PidTemplate], PidTemplate]) -> ResponseCorrection:
        """Give the correction with other templates, and the same random numbers."""
        data, mc = (
            {code: change(each) for code, each in part.items()} for part in (self.data, self.mc)
        )
        return dataclasses.replace(self, data=data, mc=mc)

    def variations(self, *, replicas: int = 0, kernel: float = 1.5) -> Iterator[
        tuple[str, ResponseCorrection]
    ]:  # fmt: skip
        """Give the corrections whose changes are the uncertainty, each with the end of its name.

        Parameters
        ----------
        replicas
            Statistical ones, ``_0`` and so on: their spread is that of the calibration.
        kernel
            Factor on the width of the kernel in ``_kernel``.

        Yields
        ------
        (str, ResponseCorrection)
            ``_kernel``; ``_sweights``, if all templates of data know second weights; replicas.
        """
        yield "_kernel", self.varied(lambda each: each.with_kernel(kernel))
        if all(each.shifted is not None for each in self.data.values()):
            shifted = {code: each.with_second_weights() for code, each in self.data.items()}
            yield "_sweights", dataclasses.replace(self, data=shifted)
        for number in range(replicas):
            yield f"_{number}", self.varied(partial(_replica, number=number, seed=self.seed))

    def apply(self, columns: Mapping[str, np.ndarray]) -> Corrected:
        """Correct tracks.

        Parameters
        ----------
        columns
            Each of `dependencies` to an array of shape (n,).
        """
        read = {name: np.asarray(columns[name], float) for name in self.dependencies}
        size = len(next(iter(read.values())))
        values, causes = np.full(size, np.nan), np.zeros(size, np.int8)
        for start in range(0, size, _BLOCK):
            part = slice(start, start + _BLOCK)
            block = {name: each[part] for name, each in read.items()}
            values[part], causes[part] = self._block(block)
        return Corrected(values, causes)

    def _block(self, columns: Mapping[str, Floats]) -> Corrected:
        size = len(next(iter(columns.values())))
        values, causes = np.full(size, np.nan), np.full(size, CAUSES.index("wrong_truth"), np.int8)
        species = np.abs(columns["mcPDG"]) if "mcPDG" in columns else np.zeros(size)
        causes[np.isnan(species)] = CAUSES.index("nan")
        for code, data in self.data.items():
            mine = np.arange(size) if code is None else np.flatnonzero(species == abs(code))
            part = {name: each[mine] for name, each in columns.items()}
            found = self._corrected(part, data, self.mc.get(code))
            values[mine], causes[mine] = found
        return Corrected(values, causes)

    def _corrected(
        self, columns: Mapping[str, Floats], data: PidTemplate, mc: PidTemplate | None
    ) -> Corrected:
        around, causes = _around(data, columns)
        target = Mixture(data.conditional.cdf, around)
        wanted = around.mean(data.conditional.atoms)
        own = [columns[name] for name in self.dependencies]
        if mc is None or self.method == "resample":
            causes[(causes == 0) & ~target.known] = CAUSES.index("no_calibration")
            kind = _drawn(wanted, self._uniform(own, "keep"))
            u = self._uniform(own, "draw")
        else:
            old = columns[self.variable]
            within, other = _around(mc, columns)
            source = Mixture(mc.conditional.cdf, within)
            single = np.isin(old, mc.atoms)
            causes = np.where(causes > 0, causes, other)
            inside = single | ((old >= mc.edges[0]) & (old <= mc.edges[-1]))
            causes[(causes == 0) & ~inside] = CAUSES.index("out_of_range")
            causes[np.isnan(old)] = CAUSES.index("nan")
            known = target.known & source.known
            causes[(causes == 0) & ~known] = CAUSES.index("no_calibration")
            had = within.mean(mc.conditional.atoms)
            kind = self._moved(own, old, (mc.atoms, had), (data.atoms, wanted))
            at, flat = source.at(np.where(np.isfinite(old), old, 0.0), mc.edges)
            causes[(causes == 0) & flat & ~single] = CAUSES.index("flat")
            drawn = self._uniform(own, "draw")
            u = np.where(single, drawn, np.clip(at, 0, np.nextafter(1.0, 0)))
        values = target.quantile(u, data.edges)
        for number, atom in enumerate(data.atoms):
            values[kind == number] = atom
        values[causes > 0] = np.nan
        return Corrected(values, causes)

    def _uniform(self, own: list[Floats], what: str) -> Floats:
        """Numbers of tracks, independent for each variable and for what they decide."""
        digest = hashlib.sha256(f"{self.variable}|{what}".encode()).digest()
        return track_uniform(own, seed=self.seed, stream=int.from_bytes(digest[:8], "big"))

    def _moved(
        self,
        own: list[Floats],
        old: Floats,
        mc: tuple[tuple[float, ...], Floats],
        data: tuple[tuple[float, ...], Floats],
    ) -> npt.NDArray[np.intp]:
        """Which single value of data a track gets, -1 for none.

        Categories are all single values of either side and, last, the continuum.
        """
        names = sorted({*mc[0], *data[0]})
        had, wanted = (_categories(names, *each) for each in (mc, data))
        before = np.full(old.shape, len(names))
        for number, name in enumerate(names):
            before[old == name] = number
        rows = np.arange(len(old))
        p, q = had[rows, before], wanted[rows, before]
        keep = np.divide(q, p, out=np.ones_like(p), where=p > 0)
        change = self._uniform(own, "keep") >= keep
        missing = np.maximum(wanted - had, 0)
        total = missing.sum(axis=1, keepdims=True)
        share = np.divide(missing, total, out=np.zeros_like(missing), where=total > 0)
        drawn = _drawn(share[:, :-1], self._uniform(own, "choose"))
        after = np.where(change, np.where(drawn < 0, len(names), drawn), before)
        places = [data[0].index(name) if name in data[0] else -1 for name in names]
        return np.asarray([*places, -1])[after]


def _values(correction: ResponseCorrection, columns: Mapping[str, np.ndarray]) -> Floats:
    return correction.apply(columns).values


def _replica(template: PidTemplate, number: int, seed: int) -> PidTemplate:
    return template.replica(number, seed=seed)


def _around(
    template: PidTemplate, columns: Mapping[str, Floats]
) -> tuple[Neighbours, npt.NDArray[np.int8]]:
    """Cells around tracks, and why some are on no cell: those get any."""
    values = [columns[each.variable] for each in template.axes]
    causes = np.zeros(len(values[0]), np.int8)
    for axis, column in zip(template.axes, values, strict=True):
        outside = (axis.find(column) < 0) & (causes == 0)
        causes[outside] = CAUSES.index("out_of_range")
    for column in values:
        causes[np.isnan(column)] = CAUSES.index("nan")
    good = causes == 0
    safe = [
        np.where(good, column, axis.edges[0])
        for axis, column in zip(template.axes, values, strict=True)
    ]
    return neighbours(template.axes, safe), causes


def _drawn(probabilities: Floats, u: Floats) -> npt.NDArray[np.intp]:
    """Index that u draws from probabilities of shape (n, k), -1 for what they leave of 1."""
    below = np.cumsum(probabilities, axis=1)
    index = (u[:, None] >= below).sum(axis=1)
    return np.where(index < probabilities.shape[1], index, -1)


def _categories(names: list[float], atoms: tuple[float, ...], probability: Floats) -> Floats:
    """Probabilities of single values by name and, last, of the continuum; (n, names + 1)."""
    made = np.zeros((len(probability), len(names) + 1))
    for column, atom in enumerate(atoms):
        made[:, names.index(atom)] = probability[:, column]
    made[:, -1] = 1 - made[:, :-1].sum(axis=1)
    return made
