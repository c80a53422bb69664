"""The one place of the forms' look: small builders, and the style sheet that goes with them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import ipywidgets as widgets

__all__ = ("MIDDLE", "NARROW", "WIDE", "block", "button", "markup", "style_sheet")

WIDE, MIDDLE, NARROW = "100%", "320px", "160px"
"""Widths of fields: text of any length, a name, a number."""


def __dir__() -> tuple[str, ...]:
    return __all__


@cache
def style_sheet() -> str:
    """``<style>`` element of every form."""
    css = files("hepnb.widgets").joinpath("look.css").read_text(encoding="utf-8")
    return f"<style>{css}</style>"


def markup(html: str = "", *classes: str) -> widgets.HTML:
    """Give an HTML widget with CSS classes."""
    return _classed(widgets.HTML(html), classes)


def block(children: list[widgets.Widget], *classes: str, across: bool = False) -> widgets.Box:
    """Widgets below each other, or beside each other if `across`."""
    box = widgets.HBox(children) if across else widgets.VBox(children)
    return _classed(box, classes)


def button(
    text: str, icon: str, tooltip: str, *classes: str, width: str = "auto"
) -> widgets.Button:
    """Give a plain button."""
    made = widgets.Button(description=text, icon=icon, tooltip=tooltip, layout={"width": width})
    return _classed(made, classes)


def _classed(widget: widgets.DOMWidget, classes: tuple[str, ...]) -> widgets.DOMWidget:
    for each in classes:
        widget.add_class(each)
    return widget
