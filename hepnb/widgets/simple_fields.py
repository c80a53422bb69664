"""Fields that are one control: numbers, switches and choices."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from hepnb.widgets import look
from hepnb.widgets.field import Field
from hepnb.widgets.messages import Message, escaped, wrong

__all__ = ("ChoiceField", "NumberField", "SuggestionField", "SwitchField")


def __dir__() -> tuple[str, ...]:
    return __all__


class NumberField(Field):
    """A number. It is judged by the model, not moved to the nearest bound behind one's back."""

    def build(self) -> widgets.Widget:  # noqa: D102
        kind = widgets.IntText if self.spec.kind == "integer" else widgets.FloatText
        self.box_of_number = kind(continuous_update=False, layout={"width": look.NARROW})
        return self.watch(self.box_of_number)

    def read(self) -> Any:  # noqa: D102
        return self.box_of_number.value

    def write(self, value: Any) -> None:  # noqa: D102
        self.box_of_number.value = value

    def _help(self) -> list[widgets.Widget]:
        bounds = self.spec.allowed.replace("<=", "\u2264")
        text = "; ".join(each for each in (self.spec.description, bounds) if each)
        return [look.markup(escaped(text), "hepnb-help")] if text else []


class SwitchField(Field):
    """Yes or no; its help stands beside the box."""

    def build(self) -> widgets.Widget:  # noqa: D102
        self.switch = widgets.Checkbox(description=self.spec.description, indent=False)
        return self.watch(self.switch)

    def read(self) -> Any:  # noqa: D102
        return self.switch.value

    def write(self, value: Any) -> None:  # noqa: D102
        self.switch.value = bool(value)

    def _help(self) -> list[widgets.Widget]:
        return []


class ChoiceField(Field):
    """One of a fixed list."""

    def build(self) -> widgets.Widget:  # noqa: D102
        options = [(str(each), each) for each in self.spec.choices]
        if self.spec.optional:
            options.insert(0, ("none", None))
        self.menu = widgets.Dropdown(options=options, layout={"width": look.MIDDLE})
        return self.watch(self.menu)

    def read(self) -> Any:  # noqa: D102
        return self.menu.value

    def write(self, value: Any) -> None:  # noqa: D102
        self.menu.value = getattr(value, "value", value)


class SuggestionField(Field):
    """A name out of those that exist now; a present value that is none of them stays."""

    def build(self) -> widgets.Widget:  # noqa: D102
        self.menu = widgets.Dropdown(layout={"width": look.MIDDLE})
        return self.watch(self.menu)

    def read(self) -> Any:  # noqa: D102
        return self.menu.value

    def write(self, value: Any) -> None:  # noqa: D102
        if value not in self.menu.options:
            self.menu.options = (value, *self.menu.options)
        self.menu.value = value

    def refresh(self) -> None:  # noqa: D102
        try:
            known = self._known()
        except Exception:  # noqa: BLE001 -- no suggestions then; `advise` meets the same and says it
            return
        value = self.menu.value
        options = known if value in known else (value, *known)
        if tuple(self.menu.options) != options:
            self._silent = True
            self.menu.options = options
            self.menu.value = value
            self._silent = False

    def advise(self, value: Any) -> Message | None:
        """Say so if the value is none of the names that exist."""
        known = self._known()
        if not known or value in known:
            return None
        return wrong(f"{value!r} is none of {', '.join(filter(None, known))}", "warning")

    def _known(self) -> tuple[str, ...]:
        """Names that exist; a blank too where it is the default and leaves the choice open."""
        known = self.preview.suggestions(self.spec.kind)
        return ("", *known) if self.spec.default == "" else known
