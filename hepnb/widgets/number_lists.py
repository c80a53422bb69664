"""Lists of numbers as people write them."""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = ("number_text", "numbers")


def __dir__() -> tuple[str, ...]:
    return __all__


def numbers(text: str) -> list[float]:
    """Numbers of a text, separated by commas or blanks.

    Raises
    ------
    ValueError
        Naming the first word that is not a finite number.
    """
    found = []
    for word in text.strip().strip("[]()").replace(",", " ").replace(";", " ").split():
        try:
            found.append(float(word))
        except ValueError:
            message = f"{word!r} is not a number; write numbers separated by commas"
            raise ValueError(message) from None
        if not math.isfinite(found[-1]):
            message = f"{word!r} is not finite"
            raise ValueError(message)
    return found


def number_text(values: Iterable[float]) -> str:
    """Text that `numbers` reads back to the same numbers."""
    return ", ".join(repr(float(each)).removesuffix(".0") for each in values)
