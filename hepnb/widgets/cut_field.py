"""The cut field: judged letter by letter, and tried on candidates."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from hepnb.errors import CutSyntaxError, UnknownVariable
from hepnb.widgets.messages import Message, cut_error_html, quiet
from hepnb.widgets.preview import Count
from hepnb.widgets.text_fields import TextField

__all__ = ("CutField", "count_text")


def __dir__() -> tuple[str, ...]:
    return __all__


class CutField(TextField):
    """A cut string, with what is wrong with it or how many candidates pass."""

    def build(self) -> widgets.Widget:  # noqa: D102
        control = super().build()
        self.text.continuous_update = True
        self.text.placeholder = "no cut"
        self.text.add_class("hepnb-code")
        return control

    def advise(self, value: Any) -> Message | None:
        """Count the candidates that pass, in the form's first collection."""
        if not str(value or "").strip():
            return quiet("all candidates pass")
        sample = self.preview.tried_on()
        if sample is None:
            return None
        try:
            count = sample.count(str(value))
        except (CutSyntaxError, UnknownVariable) as error:
            return Message("error", cut_error_html(str(value), error))
        return quiet(count_text(count, self.preview.collection))


def count_text(count: Count, name: str) -> str:
    """Words for a count: ``12,345 of 20,000 candidates of proc13 pass (61.7 %)``.

    Parameters
    ----------
    count
        What was counted.
    name
        The collection.
    """
    if not count.tried:
        return f"{name} has no candidates"
    share = 100 * count.passed / count.tried
    which = "first " if count.tried >= 20_000 else ""
    text = (
        f"{count.passed:,} of the {which}{count.tried:,} candidates of {name} pass ({share:.1f} %)"
    )
    return f"{text}; undefined (NaN) for {count.undefined:,}" if count.undefined else text
