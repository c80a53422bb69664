"""Cut a string of the cut language into numbers, names and operators."""

from __future__ import annotations

import re
from typing import NamedTuple

from hepnb.data.language.syntax import locate
from hepnb.errors import CutSyntaxError

__all__ = ("BOOLEANS", "RESERVED", "Token", "tokenize")

BOOLEANS = {"True": True, "False": False, "true": True, "false": False}
RESERVED = frozenset({"and", "or", "not", *BOOLEANS})

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*|`[^`]+`)
      | (?P<operator>\*\*|&&|\|\||==|!=|<=|>=|[-+*/^<>!()\[\],])""",
    re.VERBOSE,
)
_SPELLINGS = {"&&": "and", "||": "or", "^": "**"}
_INSTEAD = {
    "=": "; equality is '=='",
    "&": "; write 'and' or '&&'",
    "|": "; write 'or' or '||'",
    "'": "; text cannot be compared: give the column number codes",
    '"': "; text cannot be compared: give the column number codes",
}


def __dir__() -> tuple[str, ...]:
    return __all__


class Token(NamedTuple):
    """One word of a string.

    Attributes
    ----------
    kind
        `number`, `name`, `operator` or `end`.
    text
        In its one spelling: `and` for `&&`.
    column
        Counted from 1.
    written
        As it stands in the string.
    """

    kind: str
    text: str
    column: int
    written: str

    @property
    def quoted(self) -> str:
        """As a message shows it."""
        return self.written if self.kind == "end" else repr(self.written)


def tokenize(text: str) -> list[Token]:
    """Cut a string into tokens; the last one is of kind `end`.

    Raises
    ------
    CutSyntaxError
        At a character that is not of the language.
    """
    tokens = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            where = locate(text, position + 1)
            hint = _INSTEAD.get(text[position], "")
            raise CutSyntaxError(f"{text[position]!r} is not part of a cut, {where}{hint}")
        kind, written = str(match.lastgroup), match.group()
        if kind != "space":
            if written in RESERVED:
                kind = "operator"
            tokens.append(Token(kind, _SPELLINGS.get(written, written), position + 1, written))
        position = match.end()
    tokens.append(Token("end", "", len(text) + 1, "the end"))
    return tokens
