"""Make a program of functions applied to columns and constants."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum, auto
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from hepnb.data.language.evaluation import DECIDING, Program, Step, as_float, nonzero

__all__ = ("Kind", "ProgramBuilder")


def __dir__() -> tuple[str, ...]:
    return __all__


class Kind(Enum):
    """What a slot holds."""

    RAW = auto()  # a column as it was read: float, integer or boolean
    NUMBER = auto()  # float64
    TRUTH = auto()  # bool


_TYPES = {Kind.NUMBER: np.dtype(np.float64), Kind.TRUTH: np.dtype(np.bool_)}


class _Call(NamedTuple):
    function: Callable[..., Any]
    inputs: tuple[int, ...]


@dataclass
class ProgramBuilder:
    """Collects the steps of expressions; what stands in them twice is computed once."""

    _steps: dict[int, _Call] = field(default_factory=dict)
    _columns: dict[int, str] = field(default_factory=dict)
    _constants: dict[int, Any] = field(default_factory=dict)
    _kinds: list[Kind] = field(default_factory=list)
    _known: dict[Hashable, int] = field(default_factory=dict)

    def column(self, name: str) -> int:
        """Slot of a physical column."""
        if name not in self._known:
            self._columns[self._new(name, Kind.RAW)] = name
        return self._known[name]

    def constant(self, value: float | bool) -> int:
        """Slot of a constant."""
        truth = isinstance(value, (bool, np.bool_))
        key = (truth, repr(value))
        if key not in self._known:
            slot = self._new(key, Kind.TRUTH if truth else Kind.NUMBER)
            self._constants[slot] = np.bool_(value) if truth else np.float64(value)
        return self._known[key]

    def constant_value(self, slot: int) -> float | None:
        """Value of a slot that is constant, or None."""
        return self._constants.get(slot)

    def number(self, slot: int) -> int:
        """Slot of the same value in double precision."""
        if self._kinds[slot] is Kind.NUMBER:
            return slot
        return self.apply(as_float, slot)

    def value(self, slot: int) -> int:
        """Slot of the same value as a result has it: float64 or bool."""
        return slot if self._kinds[slot] is Kind.TRUTH else self.number(slot)

    def truth(self, slot: int) -> int:
        """Slot of the value as a decision."""
        if self._kinds[slot] is Kind.TRUTH:
            return slot
        return self.apply(nonzero, slot, kind=Kind.TRUTH)

    def apply(self, function: Callable[..., Any], *inputs: int, kind: Kind = Kind.NUMBER) -> int:
        """Slot of a function of slots; that of constants is a constant."""
        key = (function, inputs)
        if key in self._known:
            return self._known[key]
        decided = function not in DECIDING or not any(map(self._is_nan, inputs))
        if decided and all(each in self._constants for each in inputs):
            with np.errstate(all="ignore"):
                value = function(*[self._constants[each] for each in inputs])
            return self.constant(bool(value) if kind is Kind.TRUTH else float(value))
        slot = self._new(key, kind)
        self._steps[slot] = _Call(function, inputs)
        return slot

    def finish(self, result: int) -> Program:
        """Program for one slot: only the steps it needs, on as few registers as they need."""
        wanted = {result}
        for slot in sorted(self._steps, reverse=True):
            if slot in wanted:
                wanted.update(self._steps[slot].inputs)
        calls = {slot: self._steps[slot] for slot in sorted(self._steps) if slot in wanted}
        columns = [slot for slot in self._columns if slot in wanted]
        constants = [slot for slot in self._constants if slot in wanted]
        deciding = [call for call in calls.values() if call.function in DECIDING]
        given = {slot: index for index, slot in enumerate([*columns, *constants])}
        place, buffers = self._places(calls, given, result)
        return Program(
            columns=tuple(self._columns[slot] for slot in columns),
            # as arrays without dimensions, which ufuncs take in two thirds of the time of scalars
            constants=tuple(np.asarray(self._constants[slot]) for slot in constants),
            buffers=buffers,
            steps=self._ordered(calls, place, offset=len(buffers)),
            result=place[result],
            dtype=_TYPES.get(self._kinds[result], _TYPES[Kind.NUMBER]),
            undecidable=any(self._is_nan(slot) for call in deciding for slot in call.inputs),
        )

    def _new(self, key: Hashable, kind: Kind) -> int:
        self._kinds.append(kind)
        self._known[key] = len(self._kinds) - 1
        return self._known[key]

    def _is_nan(self, slot: int) -> bool:
        return slot in self._constants and bool(np.isnan(self._constants[slot]))

    def _places(
        self, calls: dict[int, _Call], given: dict[int, int], result: int
    ) -> tuple[dict[int, int], tuple[np.dtype[Any], ...]]:
        """Give each slot a register, again once its last reader has run.

        A list of 5000 run numbers needs three registers, not 5000.
        """
        last = {slot: reader for reader, call in calls.items() for slot in call.inputs}
        place = dict(given)
        buffers: list[np.dtype[Any]] = []
        free: dict[Kind, list[int]] = {Kind.NUMBER: [], Kind.TRUTH: []}
        for slot, call in calls.items():
            for each in sorted(set(call.inputs)):
                if last[each] == slot and each not in given and each != result:
                    free[self._kinds[each]].append(place[each])
            kind = self._kinds[slot]
            if free[kind]:
                place[slot] = free[kind].pop()
            else:
                place[slot] = len(given) + len(buffers)
                buffers.append(_TYPES[kind])
        return place, tuple(buffers)

    def _ordered(
        self, calls: dict[int, _Call], place: dict[int, int], *, offset: int
    ) -> tuple[Step, ...]:
        """Put steps in order, with a look for NaN before a slot is first decided on."""
        steps: list[Step] = []
        looked_at: set[int] = set(self._constants)
        for slot, (function, inputs) in calls.items():
            if function in DECIDING:
                new = dict.fromkeys(each for each in inputs if each not in looked_at)
                steps.extend(Step(None, place[each], itemgetter(place[each])) for each in new)
                looked_at.update(new)
            places = [place[each] for each in inputs]
            steps.append(Step(function, place[slot], itemgetter(*places, place[slot] + offset)))
        return tuple(steps)
