"""The binning editor: one row per axis, variable and bin edges."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import ipywidgets as widgets

from hepnb.errors import CutSyntaxError, UnknownVariable
from hepnb.widgets import look
from hepnb.widgets.field import Field
from hepnb.widgets.messages import Message, cut_error_html, quiet
from hepnb.widgets.number_lists import number_text, numbers

__all__ = ("BinningField",)


def __dir__() -> tuple[str, ...]:
    return __all__


class _Axis:
    """One row: variable, edges, and a button that takes it away."""

    def __init__(self, owner: BinningField, variable: str, edges: str) -> None:
        self.variable = widgets.Combobox(
            value=variable,
            placeholder="variable",
            ensure_option=False,
            continuous_update=False,
            layout={"width": "160px"},
        )
        self.variable.add_class("hepnb-axis-variable")
        self.edges = widgets.Text(
            value=edges,
            placeholder="bin edges, separated by commas",
            continuous_update=False,
            layout={"flex": "1 1 auto", "width": "auto"},
        )
        self.edges.add_class("hepnb-axis-edges")
        self.edges.add_class("hepnb-beside")
        remove = look.button("", "times", "remove this axis", "hepnb-axis-remove", width="34px")
        remove.add_class("hepnb-beside")
        remove.on_click(lambda _: owner.remove(self))
        owner.watch(self.variable)
        owner.watch(self.edges)
        children = [self.variable, self.edges, remove]
        self.box = look.block(children, "hepnb-axis", "hepnb-code", across=True)

    def read(self) -> tuple[str, list[float]]:
        """Variable and edges; ValueError says what is wrong with either."""
        variable = self.variable.value.strip()
        if not variable:
            message = "an axis has no variable; name one, or remove the axis"
            raise ValueError(message)
        try:
            edges = numbers(self.edges.value)
        except ValueError as error:
            message = f"{variable}: {error}"
            raise ValueError(message) from None
        if len(edges) < 2:
            message = f"{variable}: a binning needs two edges or more, for instance 0.5, 1, 4.5"
            raise ValueError(message)
        for low, high in pairwise(edges):
            if high <= low:
                message = f"{variable}: edges must increase, but {high:g} follows {low:g}"
                raise ValueError(message)
        return variable, edges


class BinningField(Field):
    """Variables and their bin edges: a mapping from name to edges."""

    def build(self) -> widgets.Widget:  # noqa: D102
        self._axes: list[_Axis] = []
        self._rows = look.block([], "hepnb-axes")
        add = look.button("Add axis", "plus", "add a variable", "hepnb-axis-add")
        add.on_click(lambda _: self._add("", ""))
        return look.block([self._rows, add])

    def read(self) -> Any:  # noqa: D102
        binning: dict[str, list[float]] = {}
        for axis in self._axes:
            variable, edges = axis.read()
            if variable in binning:
                message = f"{variable}: named by two axes; remove one"
                raise ValueError(message)
            binning[variable] = edges
        return binning

    def write(self, value: Any) -> None:  # noqa: D102
        self._axes = []
        for variable, edges in dict(value or {}).items():
            self._axes.append(_Axis(self, variable, number_text(edges)))
        self._lay_out()

    def remove(self, axis: _Axis) -> None:
        """Take an axis away."""
        self._axes.remove(axis)
        self._lay_out()
        self.changed()

    def refresh(self) -> None:
        """Suggest the variables of the form's first collection."""
        name = self.preview.collection
        try:
            names = self.preview.variables(name) if name else ()
        except Exception:  # noqa: BLE001 -- no suggestions then; `advise` meets the same and says it
            names = ()
        for axis in self._axes:
            axis.variable.options = names

    def advise(self, value: Any) -> Message | None:
        """Check the variables against the sample, and count the bins."""
        if not value:
            return None
        bins = [len(edges) - 1 for edges in value.values()]
        product = " \u00d7 ".join(str(each) for each in bins)
        summary = f"{product} = {math.prod(bins):,} bins" if len(bins) > 1 else f"{product} bins"
        tried_on = self.preview.tried_on()
        if tried_on is not None:
            for variable in value:
                try:
                    tried_on.sample.bind(variable)
                except (CutSyntaxError, UnknownVariable) as error:
                    return Message("error", cut_error_html(variable, error))
        return quiet(summary)

    def _add(self, variable: str, edges: str) -> None:
        self._axes.append(_Axis(self, variable, edges))
        self._lay_out()
        self.refresh()
        self.changed()

    def _lay_out(self) -> None:
        self._rows.children = [each.box for each in self._axes]
