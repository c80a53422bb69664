"""What every format asks of an f-test: the envelope's fits, and names that files can have."""

from __future__ import annotations

from hepnb.background.fitting import BackgroundFit
from hepnb.background.ftest.result import FTest
from hepnb.errors import BadTable

__all__ = ("envelope_fits", "plain_name")


def __dir__() -> tuple[str, ...]:
    return __all__


def envelope_fits(ftest: FTest) -> tuple[BackgroundFit, ...]:
    """Fits of the envelope's functions, in the envelope's order; never none.

    Raises
    ------
    BadTable
        If the envelope is empty or names a function that was not fitted.
    """
    fits = {each.fit.name for each in ftest.fits}
    missing = [name for name in ftest.choice.envelope if name not in fits]
    if missing or not ftest.choice.envelope:
        what = f"names {', '.join(missing)}, not fitted" if missing else "is empty"
        message = (
            f"the envelope of category {ftest.spectrum.category!r} {what}; functions fitted: "
            f"{', '.join(fits) or 'none'}; loosen gof_minimum or add families"
        )
        raise BadTable(message)
    return ftest.envelope


def plain_name(text: str, otherwise: str = "cat0") -> str:
    """Give a category's name as file names and workspaces take it: letters, digits, underscore."""
    kept = "".join(each if each.isascii() and each.isalnum() else "_" for each in text.strip())
    if not kept.strip("_"):
        return otherwise
    return kept if kept[0].isalpha() else f"cat{kept}"
