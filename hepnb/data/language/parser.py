"""From the text of a cut or variable to its syntax tree; nothing is ever executed.

The language is basf2's (`[-3 < dz < 3] and [dr < 1]`), with Python's and ROOT's spellings::

    lowest    or  ||
              and  &&
              not  !
              < <= > >= == !=        chained, as in Python: -3 < dz < 3
              + -
              * /
              -x +x
    highest   ** ^                   from the right: 2**3**2 is 2**9, and -2**2 is -4

`!` negates what stands directly behind it. Before a comparison, `!a > b` would be `(!a) > b` in
ROOT and `!(a > b)` to a reader of Python, so that it is refused until brackets say which is meant.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

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
    locate,
)
from hepnb.data.language.tokens import BOOLEANS, Token, tokenize
from hepnb.errors import CutSyntaxError, nearest

__all__ = ("FUNCTIONS", "MAX_DEPTH", "MAX_LENGTH", "Parsed", "parse_text")

MAX_LENGTH = 100_000  # characters: a list of some thousand run numbers fits
MAX_DEPTH = 100  # brackets within brackets; keeps every walk far from Python's recursion limit

FUNCTIONS: dict[str, tuple[int, int | None]] = {  # name -> smallest and largest number of operands
    **dict.fromkeys(("abs", "sqrt", "exp", "log", "log10"), (1, 1)),
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan"), (1, 1)),
    "atan2": (2, 2),
    "min": (2, None),
    "max": (2, None),
}

_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _POWER = range(1, 8)
_LEVELS = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), _COMPARE),
    **dict.fromkeys("+-", _SUM),
    **dict.fromkeys("*/", _PRODUCT),
    "**": _POWER,
}
_CLOSING = {"(": ")", "[": "]"}


def __dir__() -> tuple[str, ...]:
    return __all__


class Parsed(NamedTuple):
    """What a string says.

    Attributes
    ----------
    tree
        Its syntax tree; None for a blank string, the cut that is always true.
    names
        Plain names and canonical meta-variable calls in order of appearance, without duplicates.
    """

    tree: Node | None
    names: tuple[str, ...]


def parse_text(text: str) -> Parsed:
    """Read a string of the language.

    Raises
    ------
    CutSyntaxError
        With the column, counted from 1, where the string stops making sense.
    """
    if not isinstance(text, str):
        raise CutSyntaxError(f"a cut is a string, not {type(text).__name__}: {text!r:.80}")
    if len(text) > MAX_LENGTH:
        raise CutSyntaxError(
            f"{len(text)} characters are too many for one cut (at most {MAX_LENGTH}): "
            f'split "{text[:30]}..." or give its parts as aliases'
        )
    parser = _Parser(text)
    try:
        tree = parser.whole()
    except RecursionError:  # only when called from a stack that was nearly full already
        raise CutSyntaxError(f'brackets are nested too deeply in cut "{text[:80]}"') from None
    return Parsed(tree, tuple(parser.names))


class _Parser:
    """Operator-precedence parser: one method per thing that can stand in a string."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.position = 0
        self.depth = 0
        self.names: dict[str, None] = {}  # an ordered set

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def accept(self, text: str) -> bool:
        found = self.next.text == text
        self.position += found
        return found

    def fail(self, message: str, token: Token, hint: str = "") -> NoReturn:
        raise CutSyntaxError(f"{message}, {locate(self.text, token.column)}{hint}")

    def checked(self, node: Node, token: Token) -> Node:
        if node.depth > MAX_DEPTH:
            self.fail(f"nested more than {MAX_DEPTH} deep", token)
        return node

    def deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"nested more than {MAX_DEPTH} deep", token)

    def whole(self) -> Node | None:
        if self.next.kind == "end":
            return None
        tree = self.expression(_OR)
        if self.next.text in (")", "]"):
            self.fail(f"{self.next.text!r} was never opened", self.next)
        if self.next.kind != "end":
            self.fail(f"expected an operator, found {self.next.written!r}", self.next)
        return tree

    def expression(self, minimum: int) -> Node:
        """Take everything up to an operator that binds less tightly than `minimum`."""
        left = self.prefix(minimum)
        while (level := _LEVELS.get(self.next.text, 0)) >= minimum:
            token = self.next
            left = self.checked(self.operation(left, level), token)
        return left

    def operation(self, left: Node, level: int) -> Node:
        """Take the run of operators of one level that starts here."""
        if level == _POWER:
            self.deeper(self.take())
            exponent = self.expression(_POWER)
            self.depth -= 1
            return Power((left, exponent))
        operands, operators = [left], []
        while _LEVELS.get(self.next.text) == level:
            operators.append(self.take().text)
            operands.append(self.expression(level + 1))
        if level in (_OR, _AND):
            return Logic(tuple(operands), operators[0])
        node = Comparison if level == _COMPARE else Arithmetic
        return node(tuple(operands), tuple(operators))

    def prefix(self, minimum: int) -> Node:
        """Take a value with what may stand before it."""
        token = self.next
        self.deeper(token)
        if token.text in ("not", "!"):
            if minimum > _NOT:
                self.fail(f"put what {token.text!r} negates, and itself, in brackets", token)
            node = self.negation()
        elif token.text in ("-", "+"):
            self.take()
            operand = self.expression(_POWER)
            node = Negative((operand,)) if token.text == "-" else operand
        else:
            node = self.value()
        self.depth -= 1
        return self.checked(node, token)

    def negation(self) -> Node:
        token = self.take()
        if token.text == "not":
            return Not((self.expression(_NOT),))
        operand = self.prefix(_NOT)
        if _LEVELS.get(self.next.text, 0) > _NOT:
            after = self.next.written
            remedy = f"; write !(a {after} b) or (!a) {after} b"
            self.fail(f"'!' with {after!r} is read in two ways", token, remedy)
        return Not((operand,))

    def value(self) -> Node:
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.text in BOOLEANS:
            return Boolean(BOOLEANS[token.text])
        if token.kind == "name":
            if self.next.text == "(":
                return self.call(token)
            self.names[token.text] = None
            return Name(token.text, token.column)
        if token.text in _CLOSING:
            node = self.expression(_OR)
            self.close(token)
            return node
        self.position -= 1
        return self.fail(f"expected a value, found {token.quoted}", token)

    def number(self, token: Token) -> Number:
        value = float(token.text)
        if value == float("inf"):
            self.fail(f"{token.text:.30} is too large for a number", token)
        return Number(value)

    def close(self, opening: Token) -> None:
        token = self.next
        if token.text == _CLOSING[opening.text]:
            self.take()
        elif token.kind == "end":
            self.fail(f"{opening.text!r} is never closed", opening)
        elif token.text in (")", "]", ","):
            wanted = _CLOSING[opening.text]
            self.fail(f"expected {wanted!r}, found {token.text!r}", token)
        else:
            self.fail(f"expected an operator, found {token.written!r}", token)

    def call(self, name: Token) -> Node:
        opening = self.take()
        if name.text not in FUNCTIONS:
            return self.meta_call(name, opening)
        operands: list[Node] = []
        while not operands or self.accept(","):
            operands.append(self.expression(_OR))
        self.close(opening)
        least, most = FUNCTIONS[name.text]
        if len(operands) < least or (most is not None and len(operands) > most):
            wanted = f"{least}" if most == least else f"at least {least}"
            self.fail(f"{name.text!r} takes {wanted} operands, not {len(operands)}", name)
        return Function(tuple(operands), name.text)

    def meta_call(self, name: Token, opening: Token) -> MetaCall:
        arguments: list[str | float] = []
        if self.next.text != ")":  # without arguments, the variable itself says what it takes
            arguments.append(self.label(name))
        while self.accept(","):
            arguments.append(self.label(name))
        self.close(opening)
        node = MetaCall(name.text, tuple(arguments), name.column)
        self.names[node.canonical] = None
        return node

    def label(self, name: Token) -> str | float:
        sign = -1 if self.accept("-") else 1
        token = self.next
        if token.kind in ("number", "name"):
            self.take()
            if self.next.text in (",", ")") or self.next.kind == "end":
                if token.kind == "number":
                    return sign * self.number(token).value
                if sign > 0:
                    return token.text
        message = f"arguments of {name.text!r} are labels or numbers, found {token.quoted}"
        return self.fail(message, token, nearest(name.text, FUNCTIONS))
