"""Forms, collection picker, cut editor and binning editor (floor 4)."""

from __future__ import annotations

from hepnb.widgets.front_end import is_interactive
from hepnb.widgets.stage_form import Form, form

__all__ = ("Form", "form", "is_interactive")


def __dir__() -> tuple[str, ...]:
    return __all__
