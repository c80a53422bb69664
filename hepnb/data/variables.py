"""Meta-variables: plug-ins that compute a column from others and are usable in every string.

As a function::

    @variable("kaonOverPion", dependencies=["kaonID", "pionID"])
    def kaon_over_pion(columns):
        return columns["kaonID"] / columns["pionID"]

as a class::

    class TrinaryVariable(VariableBase):
        def __init__(self, arguments: list):
            super().__init__(name="trinaryID", arguments=arguments, args_range=(3, 3))
            self.dependencies = [HYPOTHESES[label] for label in arguments]

        def run(self, df):
            return df[self.dependencies[0]] / df[self.dependencies].sum(axis=1)

    manager.register_variable("trinaryID", TrinaryVariable)

or from an installed package, by an entry point of the group `hepnb.variables` that names such a
class, or a module whose decorators register by being imported. A plug-in computes candidate by
candidate: it is called with blocks of rows, and results may not depend on where blocks end.
"""

from __future__ import annotations

import importlib.metadata
import logging
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from hepnb.data.language.parser import FUNCTIONS
from hepnb.data.language.tokens import RESERVED
from hepnb.data.meta_variables import BUILT_IN
from hepnb.data.track_variables import TRACK
from hepnb.data.variable_base import Dependencies, FunctionVariable, VariableBase, span
from hepnb.errors import BadVariable, HepnbError

__all__ = (
    "ENTRY_POINTS",
    "Description",
    "FunctionVariable",
    "VariableBase",
    "VariableManager",
    "manager",
    "variable",
)

ENTRY_POINTS = "hepnb.variables"
_Function = TypeVar("_Function", bound=Callable[..., Any])
_log = logging.getLogger(__name__)


def __dir__() -> tuple[str, ...]:
    return __all__


class Description(NamedTuple):
    """One line of `hepnb variables`.

    Attributes
    ----------
    name
        As written in a cut.
    arguments
        How many it takes: `"0"`, `"2"`, `"1 to 3"`.
    summary
        What it is.
    """

    name: str
    arguments: str
    summary: str


class _Entry(NamedTuple):
    make: Callable[[list[Any]], VariableBase]
    args_range: tuple[int, int] | None
    summary: str


class VariableManager:
    """The registry of meta-variables; `manager` is the one that cuts look into.

    The last registration under a name holds, so that a notebook cell can be run again. Entry
    points are loaded once, when first a name is looked up that nothing else explains; they add
    names and never replace one.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._failures: dict[str, str] = {}
        self._lock = threading.RLock()
        self._loaded = False

    def register_variable(self, name: str, cls: type[VariableBase]) -> None:
        """Make a `VariableBase` subclass usable in strings under a name.

        Raises
        ------
        BadVariable
            When the name cannot be written in a string, or `cls` is no such subclass.
        """
        given: object = cls  # a notebook may hand over anything
        if not (isinstance(given, type) and issubclass(given, VariableBase)):
            raise BadVariable(f"{name!r} must be a subclass of VariableBase, not {cls!r}")
        self._register(name, _Entry(cls, _args_range(cls), _first_line(cls)))

    def register_function(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        args: tuple[int, int] = (0, 0),
        dependencies: Callable[..., Dependencies] | Dependencies = (),
        same_particle: bool = False,
        summary: str | None = None,
    ) -> None:
        """Make a function of columns usable in strings under a name; see `variable`."""
        if isinstance(dependencies, str):
            raise BadVariable(f"dependencies of {name!r} must be a list: [{dependencies!r}]")

        def make(arguments: list[Any]) -> VariableBase:
            return FunctionVariable(
                name,
                arguments,
                args,
                function=function,
                dependencies=dependencies,
                same_particle=same_particle,
            )

        self._register(name, _Entry(make, args, summary or _first_line(function)))

    def __contains__(self, name: str) -> bool:
        if name not in self._entries:
            self._load()
        return name in self._entries

    def names(self) -> tuple[str, ...]:
        """Names of all meta-variables, sorted."""
        self._load()
        return tuple(sorted(self._entries, key=str.lower))

    def describe(self) -> list[Description]:
        """Name, number of arguments and meaning of each meta-variable."""
        return [
            Description(name, span(entry.args_range), entry.summary)
            for name, entry in ((name, self._entries[name]) for name in self.names())
        ]

    def make(self, name: str, arguments: Sequence[str | float] = ()) -> VariableBase:
        """Build a meta-variable for the arguments given.

        Raises
        ------
        BadVariable
            When there is none of that name, or it refuses the arguments.
        """
        if name not in self:
            raise BadVariable(f"no meta-variable is called {name!r}")
        try:
            made = self._entries[name].make(list(arguments))
        except HepnbError:
            raise
        except Exception as error:
            shown = ", ".join(map(str, arguments))
            raise BadVariable(f"{name}({shown}): {type(error).__name__}: {error}") from error
        return made

    def failure(self, name: str) -> str:
        """Why the entry point of that name is not there, or an empty string."""
        self._load()
        return self._failures.get(name, "")

    def _register(self, name: str, entry: _Entry) -> None:
        given: object = name
        if not (isinstance(given, str) and re.fullmatch(r"[A-Za-z_]\w*", given, re.ASCII)):
            raise BadVariable(f"{name!r} cannot be written in a cut: use letters, digits and _")
        if name in RESERVED or name in FUNCTIONS:
            raise BadVariable(f"{name!r} is a word of the cut language: choose another name")
        with self._lock:
            self._entries[name] = entry

    def _load(self) -> None:
        with self._lock:
            if self._loaded:
                return
            self._loaded = True
            for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
                self._load_point(point)

    def _load_point(self, point: importlib.metadata.EntryPoint) -> None:
        before = dict(self._entries)
        try:
            loaded = point.load()
            if isinstance(loaded, type) and point.name not in before:
                self.register_variable(point.name, loaded)
        except Exception as error:  # noqa: BLE001 -- one broken package must not stop the others
            self._failures[point.name] = f"{point.value}: {type(error).__name__}: {error}"
            _log.warning("variable %r is not available: %s", point.name, self._failures[point.name])
        self._entries.update(before)  # what was there before stays


def _first_line(documented: object) -> str:
    return next(iter((getattr(documented, "__doc__", None) or "").strip().splitlines()), "")


def _args_range(cls: type[VariableBase]) -> tuple[int, int] | None:
    """Find the range that a class hands to the base, by asking for no arguments."""
    asked = cls.__new__(cls)
    try:
        asked.__init__([])  # type: ignore[misc]
    except Exception as error:  # noqa: BLE001 -- refusing is fine, the base has noted the range
        _log.debug("%s without arguments: %s", cls.__name__, error)
    return getattr(asked, "args_range", None)


manager = VariableManager()


def variable(
    name: str,
    *,
    args: tuple[int, int] = (0, 0),
    dependencies: Callable[..., Dependencies] | Dependencies = (),
    same_particle: bool = False,
) -> Callable[[_Function], _Function]:
    """Register a function as a meta-variable; the function itself stays as it is.

    Parameters
    ----------
    name
        As written in a cut.
    args
        Smallest and largest number of arguments.
    dependencies
        Names or expressions that the function needs, or a function that gives them from the
        arguments. A list of tuples is alternatives, in order of preference.
    same_particle
        Refuse to mix columns that carry the particle's prefix with others that do not.

    Returns
    -------
    callable
        A decorator for `function(columns, *arguments)`, where `columns` maps each dependency to a
        read-only float64 array and the result is an array of the same length.

    Raises
    ------
    BadVariable
        When the name cannot be written in a string.
    """

    def register(function: _Function) -> _Function:
        manager.register_function(
            name, function, args=args, dependencies=dependencies, same_particle=same_particle
        )
        return function

    return register


for _name, _built_in in (BUILT_IN | TRACK).items():
    manager.register_function(
        _name,
        _built_in.function,
        args=_built_in.args,
        dependencies=_built_in.dependencies,
        same_particle=True,
        summary=_built_in.summary,
    )
