"""What a meta-variable is: arguments, dependencies, and `run`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hepnb.errors import BadVariable

__all__ = ("Dependencies", "FunctionVariable", "VariableBase", "span")

Dependencies = Sequence[str] | Sequence[tuple[str, ...]]


def __dir__() -> tuple[str, ...]:
    return __all__


class VariableBase:
    """Derive from this when a meta-variable needs more than a function.

    A subclass takes its list of arguments, hands them to this `__init__`, sets `dependencies`, and
    gives its column from `run`.

    Parameters
    ----------
    name
        As written in a cut.
    arguments
        As written in the call: labels as str, numbers as float.
    args_range
        Smallest and largest number of arguments.

    Attributes
    ----------
    dependencies
        Names or expressions needed, resolved as if the user had written them (aliases, the
        particle's prefix, columns, other meta-variables). Given as a list of tuples instead, they
        are alternatives: the first whose members exist is computed from.
    same_particle
        The dependencies must all carry the particle's prefix, or all not.

    Raises
    ------
    BadVariable
        When the number of arguments is out of range.
    """

    dependencies: Dependencies = ()
    same_particle: bool = False

    def __init__(
        self, name: str, arguments: list[Any], args_range: tuple[int, int] = (0, 0)
    ) -> None:
        self.name = name
        self.arguments = list(arguments)
        self.args_range = (args_range[0], args_range[1])
        least, most = self.args_range
        if not least <= len(arguments) <= most:
            given = f" ({', '.join(map(str, arguments))})" if arguments else ""
            raise BadVariable(
                f"{name!r} takes {span(self.args_range)} arguments, not {len(arguments)}{given}"
            )

    def run(self, df: Any) -> Any:
        """Compute the column.

        Parameters
        ----------
        df
            pandas DataFrame with one double-precision column per dependency, under the
            dependency's own name.

        Returns
        -------
        array-like
            One number per row.
        """
        raise NotImplementedError(f"{type(self).__name__} computes nothing: define run(self, df)")


class FunctionVariable(VariableBase):
    """A meta-variable made by `variable` from a function; see there."""

    def __init__(
        self,
        name: str,
        arguments: list[Any],
        args_range: tuple[int, int],
        *,
        function: Callable[..., Any],
        dependencies: Callable[..., Dependencies] | Dependencies,
        same_particle: bool = False,
    ) -> None:
        super().__init__(name, arguments, args_range)
        self.function = function
        self.dependencies = (
            dependencies(*self.arguments) if callable(dependencies) else dependencies
        )
        self.same_particle = same_particle

    def run(self, df: Mapping[str, Any]) -> Any:
        """Compute the column from a mapping of arrays."""
        return self.function(df, *self.arguments)


def span(args_range: tuple[int, int] | None) -> str:
    """Write a range of numbers of arguments: `2`, `1 to 3`, `?` when unknown."""
    if args_range is None:
        return "?"
    least, most = args_range
    return str(least) if least == most else f"{least} to {most}"
