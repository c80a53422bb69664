"""Write a syntax tree into a program, given what its names stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from hepnb.data.language.compilation import Kind, ProgramBuilder
from hepnb.data.language.evaluation import different
from hepnb.data.language.syntax import (
    Arithmetic,
    Boolean,
    Comparison,
    Function,
    Logic,
    MetaCall,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Power,
)

__all__ = ("write",)


# numpy wants `out` of these two as a keyword
def _minimum(left: Any, right: Any, out: Any = None) -> Any:
    return np.minimum(left, right, out=out)


def _maximum(left: Any, right: Any, out: Any = None) -> Any:
    return np.maximum(left, right, out=out)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "min": _minimum,
    "max": _maximum,
}
_ARITHMETIC = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
_COMPARISONS: dict[str, Callable[..., Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": different,
}
_LOGIC = {"and": np.logical_and, "or": np.logical_or}


def __dir__() -> tuple[str, ...]:
    return __all__


def write(tree: Node, builder: ProgramBuilder, explain: Callable[[Name | MetaCall], int]) -> int:
    """Write a tree into a program.

    Parameters
    ----------
    tree
        What to write.
    builder
        The program so far.
    explain
        Gives the slot of a name or meta-variable.

    Returns
    -------
    int
        Slot of the value.
    """
    return _Writer(builder, explain).node(tree)


class _Writer:
    def __init__(self, builder: ProgramBuilder, explain: Callable[[Name | MetaCall], int]) -> None:
        self.builder = builder
        self.explain = explain

    def node(self, node: Node) -> int:
        match node:
            case Number() | Boolean():
                return self.builder.constant(node.value)
            case Name() | MetaCall():
                return self.explain(node)
            case Comparison() | Logic() | Not():
                return self.decision(node)
            case _:
                return self.arithmetic(node)

    def decision(self, node: Comparison | Logic | Not) -> int:
        if isinstance(node, Comparison):
            return self.comparison(node)
        # one by one: a decision is joined to those before it while it is in the cache
        truths = (self.builder.truth(self.node(each)) for each in node.operands)
        if isinstance(node, Not):
            return self.builder.apply(np.logical_not, *truths, kind=Kind.TRUTH)
        return self.run_of(_LOGIC[node.operator], truths, Kind.TRUTH)

    def comparison(self, node: Comparison) -> int:
        numbers = [self.number(each) for each in node.operands]
        truths = (
            self.builder.apply(_COMPARISONS[operator], *pair, kind=Kind.TRUTH)
            for operator, pair in zip(node.operators, pairwise(numbers), strict=True)
        )
        return self.run_of(np.logical_and, truths, Kind.TRUTH)

    def arithmetic(self, node: Negative | Power | Arithmetic | Function) -> int:
        numbers = [self.number(each) for each in node.operands]
        match node:
            case Negative():
                return self.builder.apply(np.negative, *numbers)
            case Power():
                return self.power(*numbers)
            case Arithmetic():
                result = numbers[0]
                for operator, slot in zip(node.operators, numbers[1:], strict=True):
                    result = self.builder.apply(_ARITHMETIC[operator], result, slot)
                return result
            case Function():
                if node.name in ("min", "max"):
                    return self.run_of(_FUNCTIONS[node.name], numbers, Kind.NUMBER)
                return self.builder.apply(_FUNCTIONS[node.name], *numbers)

    def power(self, base: int, exponent: int) -> int:
        if self.builder.constant_value(exponent) == 2:  # exact, and ten times as quick
            return self.builder.apply(np.square, base)
        return self.builder.apply(np.power, base, exponent)

    def number(self, node: Node) -> int:
        return self.builder.number(self.node(node))

    def run_of(self, function: Callable[..., Any], slots: Iterable[int], kind: Kind) -> int:
        return reduce(lambda one, two: self.builder.apply(function, one, two, kind=kind), slots)
