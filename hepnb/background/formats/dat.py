"""The choice table of flashggFinalFit (``fTest.dat``): functions per category, by their old names.

A block per category: ``cat=<N>``, a line ``truth=<Family>:<order>:<short><order>`` for each family
and a line ``paul=...`` for each function of the envelope, then a blank line.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

from hepnb.background.families import family, family_names
from hepnb.background.formats.envelope import envelope_fits
from hepnb.background.formats.text_file import write_text
from hepnb.background.ftest.result import FTest
from hepnb.errors import BadTable

__all__ = ("LegacyChoice", "legacy_choice", "read_dat", "write_dat")


def __dir__() -> tuple[str, ...]:
    return __all__


# spelling of the families in the table; a user's family keeps its own name
_SPELLING = {
    "bernstein": "Bernstein",
    "exponential": "Exponential",
    "powerlaw": "PowerLaw",
    "laurent": "Laurent",
}
_NAMES = {spelling: name for name, spelling in _SPELLING.items()}
_LINE = re.compile(r"(truth|paul)=([^:=]+):(\d+):([^:=]*?)(\d+)")


@dataclasses.dataclass(frozen=True)
class LegacyChoice:
    """One block of the table.

    Attributes
    ----------
    category
        Its number.
    truth
        Chosen order per family, (family, order), one for each family that has one.
    envelope
        Functions of the envelope, (family, order).
    """

    category: int
    truth: tuple[tuple[str, int], ...]
    envelope: tuple[tuple[str, int], ...]


def legacy_choice(ftest: FTest, category: int) -> LegacyChoice:
    """Give what the table says of an f-test; families without a truth order are left out.

    Parameters
    ----------
    ftest
        The test.
    category
        The number that the table knows the category by.
    """
    truth = tuple((name, order) for name, order in ftest.choice.truth.items() if order is not None)
    members = envelope_fits(ftest) if ftest.choice.envelope else ()
    return LegacyChoice(category, truth, tuple((fit.family.name, fit.order) for fit in members))


def write_dat(choices: Iterable[LegacyChoice], path: str | Path) -> Path:
    """Write the table, usually ``fTest.dat``.

    Raises
    ------
    BadTable
        If two blocks are of one category.
    """
    blocks, seen = [], set()
    for choice in choices:
        if choice.category in seen:
            raise BadTable(f"category {choice.category} comes twice; give each its own number")
        seen.add(choice.category)
        lines = [f"cat={choice.category}"]
        lines += [f"truth={_spelled(*each)}" for each in choice.truth]
        lines += [f"paul={_spelled(*each)}" for each in choice.envelope]
        blocks.append("\n".join(lines) + "\n\n")
    return write_text(path, "".join(blocks))


def read_dat(path: str | Path) -> tuple[LegacyChoice, ...]:
    """Read a table, one of flashggFinalFit's too.

    Raises
    ------
    BadTable
        At a line that is of no such form, with its number.
    """
    path = Path(path)
    blocks: list[LegacyChoice] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = text.strip()
        if not line:
            continue
        found = _LINE.fullmatch(line)
        if line.startswith("cat=") and line[4:].isdecimal():
            blocks.append(LegacyChoice(int(line[4:]), (), ()))
        elif found and blocks and found[3] == found[5]:
            pair = (_NAMES.get(found[2], found[2]), int(found[3]))
            last = blocks[-1]
            if found[1] == "truth":
                blocks[-1] = dataclasses.replace(last, truth=(*last.truth, pair))
            else:
                blocks[-1] = dataclasses.replace(last, envelope=(*last.envelope, pair))
        else:
            message = (
                f"{path.name}, line {number}: {line!r}; a line is cat=<N>, or below one "
                "truth=<Family>:<order>:<short><order> or paul=<the same>"
            )
            raise BadTable(message)
    return tuple(blocks)


def _spelled(name: str, order: int) -> str:
    # a family that was never registered is known by its name only
    short = family(name).short if name in family_names() else name
    return f"{_SPELLING.get(name, name)}:{order}:{short}{order}"
