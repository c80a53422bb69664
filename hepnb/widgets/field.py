"""What every field of a form has: label, control, help, and a message under them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from hepnb.widgets import look
from hepnb.widgets.field_spec import FieldSpec
from hepnb.widgets.messages import Message, escaped, raised
from hepnb.widgets.preview import Preview

__all__ = ("Field",)


def __dir__() -> tuple[str, ...]:
    return __all__


class Field(ABC):
    """A labelled control with help and a message under it.

    Parameters
    ----------
    spec
        What the field stands for.
    preview
        What it may look at.

    Attributes
    ----------
    box
        The widget to show: CSS class ``hepnb-field-NAME``.
    """

    def __init__(self, spec: FieldSpec, preview: Preview) -> None:
        self.spec = spec
        self.preview = preview
        self._tell: Callable[[], None] = lambda: None
        self._silent = False
        self.control = self.build()
        self.message = look.markup("", f"hepnb-message-{spec.name}")
        unit = f' <span class="hepnb-unit">[{raised(spec.unit)}]</span>' if spec.unit else ""
        label = look.markup(f"{escaped(spec.label)}{unit}", "hepnb-label")
        parts = [self.control, self.message, *self._help()]
        body = look.block(parts, "hepnb-body")
        self.box = look.block(
            [label, body],
            "hepnb-row",
            f"hepnb-field-{spec.name}",
            f"hepnb-kind-{spec.kind}",
            across=True,
        )

    @abstractmethod
    def build(self) -> widgets.Widget:
        """Make the control; called once, by the constructor."""

    @abstractmethod
    def read(self) -> Any:
        """Value that the control holds.

        Raises
        ------
        ValueError
            If the text in it cannot be read; the model judges all else.
        """

    @abstractmethod
    def write(self, value: Any) -> None:
        """Put a value into the control."""

    def advise(self, value: Any) -> Message | None:  # noqa: ARG002 -- for those that override
        """Say about a valid value what needs a look at the data, or nothing."""
        return None

    def refresh(self) -> None:  # noqa: B027 -- most fields suggest nothing
        """Renew what the field suggests, after site, study or particle changed."""

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call `tell` whenever somebody changes the field."""
        self._tell = tell

    def show(self, value: Any) -> None:
        """Put a value into the control without telling anybody."""
        self._silent = True
        try:
            self.write(value)
        finally:
            self._silent = False

    def say(self, message: Message | None) -> None:
        """Show a message under the field, or none."""
        self.message.value = message.block if message else ""
        if message and message.level == "error":
            self.box.add_class("hepnb-invalid")
        else:
            self.box.remove_class("hepnb-invalid")

    def watch(self, widget: widgets.Widget) -> widgets.Widget:
        """Take changes of a widget as changes of the field."""
        widget.observe(self.changed, names="value")
        return widget

    def changed(self, _: object = None) -> None:
        """Tell of a change, unless the field itself made it."""
        if not self._silent:
            self._tell()

    def _help(self) -> list[widgets.Widget]:
        text = self.spec.description
        return [look.markup(escaped(text), "hepnb-help")] if text else []
