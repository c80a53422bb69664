"""What can go wrong, named for what the reader does next.

Every message says which value, what is allowed, and the remedy.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

__all__ = (
    "BadCatalogue",
    "BadParameters",
    "BadResult",
    "BadTable",
    "BadVariable",
    "CellFailed",
    "CutSyntaxError",
    "DataNotFetched",
    "FitFailed",
    "HepnbError",
    "KernelDied",
    "MissingExtra",
    "NotebookIncomplete",
    "OutputNotWritable",
    "RunInProgress",
    "RunTimeout",
    "UnknownCollection",
    "UnknownStage",
    "UnknownVariable",
    "UnreadableFile",
    "nearest",
)


def __dir__() -> tuple[str, ...]:
    return __all__


def nearest(name: str, known: Iterable[str], n: int = 1) -> str:
    """Words that name the `n` known names most like `name`, or nothing.

    Parameters
    ----------
    name
        What was asked for.
    known
        What exists.
    n
        How many suggestions at most.

    Returns
    -------
    str
        ``"; did you mean 'kaonID'?"``, or an empty string when nothing is alike.
    """
    found = difflib.get_close_matches(name, list(known), n=n, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(each) for each in found)}?" if found else ""


class HepnbError(Exception):
    """Base of every error that hepnb raises on purpose.

    Attributes
    ----------
    exit_code
        Status of the command that ends with this error: 1 the stage failed, 2 bad parameters or
        usage, 3 the kernel died or ran out of time.
    """

    exit_code: ClassVar[int] = 1


class CutSyntaxError(HepnbError):
    """A cut or variable string is not of the language: mend the string at the column given."""

    exit_code = 2


class UnknownVariable(HepnbError):
    """A name in a cut, axis or column list is neither a column nor a registered variable."""

    exit_code = 2


class BadVariable(HepnbError):
    """A plug-in variable is wrongly declared or was given wrong arguments."""

    exit_code = 2


class UnknownCollection(HepnbError):
    """No collection, or no study of it, has that name."""

    exit_code = 2


class BadCatalogue(HepnbError):
    """A catalogue file is not valid: mend the entry named."""

    exit_code = 2


class UnreadableFile(HepnbError):
    """A data file is missing, empty, truncated, or not of the kind its name says."""

    exit_code = 2


class DataNotFetched(HepnbError):
    """Open data is neither in the local folder nor in the cache, and no download was asked for."""

    exit_code = 2


class MissingExtra(HepnbError):
    """An optional dependency is missing: install the extra named."""

    exit_code = 2


class BadParameters(HepnbError):
    """Parameters of a stage are unknown or out of bounds."""

    exit_code = 2


class UnknownStage(HepnbError):
    """No stage has that name."""

    exit_code = 2


class FitFailed(HepnbError):
    """A fit has no usable minimum: change its range, model or starting values."""


class BadTable(HepnbError):
    """A table cannot be read, written or applied without guessing."""


class BadResult(HepnbError):
    """A stage ended without a valid result.json."""


class NotebookIncomplete(HepnbError):
    """A notebook ended without error, yet some of its cells were never executed."""


class CellFailed(HepnbError):
    """A cell of a notebook raised an error."""


class OutputNotWritable(HepnbError):
    """The output directory cannot be written: choose another, or make room."""

    exit_code = 2


class RunInProgress(HepnbError):
    """Another run is writing into the same directory."""

    exit_code = 2


class KernelDied(HepnbError):
    """The kernel was killed, most often for want of memory."""

    exit_code = 3


class RunTimeout(HepnbError):
    """A cell ran longer than allowed."""

    exit_code = 3
