"""What a field says under itself, and how text becomes HTML."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from hepnb.errors import HepnbError, UnknownVariable

__all__ = ("Message", "cut_error_html", "escaped", "quiet", "raised", "wrong")

_RAISED = str.maketrans(
    "-0123456789",
    "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079",
)
_PLACE = re.compile(r',?\s*in \w+ ".*" \(column (\d+)\)', re.DOTALL)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Message:
    """A line under a field.

    Attributes
    ----------
    level
        ``"error"``, ``"warning"`` or ``"info"``.
    html
        Its text; markup is allowed.
    """

    level: str
    html: str

    @property
    def block(self) -> str:
        """The whole of its HTML; empty for an empty message."""
        if not self.html:
            return ""
        role = ' role="alert"' if self.level == "error" else ""
        return f'<div class="hepnb-note hepnb-{self.level}"{role}>{self.html}</div>'


def escaped(value: object) -> str:
    """Text of `value`, safe inside HTML."""
    return html.escape(str(value))


def raised(unit: str) -> str:
    """HTML of a unit, ``GeV/c^2`` with its power raised."""
    return re.sub(r"\^(-?\d+)", lambda power: power[1].translate(_RAISED), escaped(unit))


def quiet(text: str) -> Message:
    """Plain information."""
    return Message("info", escaped(text))


def wrong(text: str, level: str = "error") -> Message:
    """Plain text of an error, or of a warning."""
    return Message(level, escaped(text))


def cut_error_html(cut: str, error: HepnbError | str) -> str:
    """Error in a cut, with the cut above it and a mark under the column that the error names.

    Parameters
    ----------
    cut
        The string that is wrong.
    error
        `CutSyntaxError` or `UnknownVariable`, or its text.
    """
    text = str(error)
    place = _PLACE.search(text)
    if place is None or not cut.strip():
        return escaped(text)
    # what the two lines above the message show need not be said again
    unknown = "unknown variable " if isinstance(error, UnknownVariable) else ""
    reason = unknown + text[: place.start()] + text[place.end() :]
    column = int(place[1])
    mark = f"{escaped(cut)}\n{' ' * (column - 1)}^"
    return f"<pre>{mark}</pre>{escaped(reason)} (column {column})"
