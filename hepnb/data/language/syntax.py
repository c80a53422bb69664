"""The syntax tree of a cut or variable string: what the parser makes and the binder reads.

Runs of one operator are flat (`a or b or c` is one `Logic` of three operands), so that the depth
of a tree is that of the brackets a person wrote, however long the string is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

__all__ = (
    "Arithmetic",
    "Boolean",
    "Comparison",
    "Function",
    "Logic",
    "MetaCall",
    "Name",
    "Negative",
    "Node",
    "Not",
    "Number",
    "Power",
    "locate",
)

_SHOWN = 80  # characters of a cut that fit into a message


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Number:
    """A number, as double precision."""

    value: float
    depth: int = field(default=1, init=False, repr=False)


@dataclass(frozen=True)
class Boolean:
    """`True` or `False`."""

    value: bool
    depth: int = field(default=1, init=False, repr=False)


@dataclass(frozen=True)
class Name:
    """A plain name: an alias, a column or a meta-variable without arguments."""

    name: str
    column: int = field(compare=False)
    depth: int = field(default=1, init=False, repr=False)
    arguments: ClassVar[tuple[str | float, ...]] = ()

    @property
    def canonical(self) -> str:
        """The name itself; as of `MetaCall`."""
        return self.name


@dataclass(frozen=True)
class MetaCall:
    """A meta-variable with arguments, as `binaryID(K, pi)`: labels and numbers only."""

    name: str
    arguments: tuple[str | float, ...]
    column: int = field(compare=False)
    depth: int = field(default=1, init=False, repr=False)

    @property
    def canonical(self) -> str:
        """The call in its one spelling, whatever the blanks in the string."""
        return f"{self.name}({', '.join(map(_spell, self.arguments))})"


@dataclass(frozen=True)
class _Inner:
    """A node with others below it, from left to right; knows how deep they go."""

    operands: tuple[Node, ...]
    depth: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", 1 + max(each.depth for each in self.operands))


@dataclass(frozen=True)
class Function(_Inner):
    """A mathematical function of expressions, as `atan2(y, x)`."""

    name: str


@dataclass(frozen=True)
class Negative(_Inner):
    """`-operand`."""


@dataclass(frozen=True)
class Power(_Inner):
    """`base ** exponent`."""


@dataclass(frozen=True)
class Arithmetic(_Inner):
    """A run of `+ -` or of `* /`, done from left to right: one operator fewer than operands."""

    operators: tuple[str, ...]


@dataclass(frozen=True)
class Comparison(_Inner):
    """`a < b <= c`: true where each neighbouring pair compares."""

    operators: tuple[str, ...]


@dataclass(frozen=True)
class Logic(_Inner):
    """A run of `and`, or of `or`."""

    operator: str


@dataclass(frozen=True)
class Not(_Inner):
    """`not operand`."""


Node = (
    Number
    | Boolean
    | Name
    | MetaCall
    | Function
    | Negative
    | Power
    | Arithmetic
    | Comparison
    | Logic
    | Not
)


def _spell(argument: str | float) -> str:
    return argument if isinstance(argument, str) else repr(argument).removesuffix(".0")


def locate(text: str, column: int, *, kind: str = "cut") -> str:
    """Words that say where in a string something stands.

    Parameters
    ----------
    text
        The whole string; a long one is shown around the place only.
    column
        Counted from 1.
    kind
        What the string is.

    Returns
    -------
    str
        ``'in cut "kaonIDD > 0.5" (column 1)'``.
    """
    shown = text
    if len(text) > _SHOWN:
        start = max(0, min(column - 1 - _SHOWN // 2, len(text) - _SHOWN))
        stop = start + _SHOWN
        shown = ("..." if start else "") + text[start:stop] + ("..." if stop < len(text) else "")
    return f'in {kind} "{shown}" (column {column})'
