"""The collection picker: type a name, or search the catalogue and pick one or several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import ipywidgets as widgets

from hepnb.widgets import look
from hepnb.widgets.field import Field
from hepnb.widgets.messages import Message, quiet, wrong
from hepnb.widgets.preview import Offer

__all__ = ("CollectionField", "split_union")

_FEWEST_ROWS, _MOST_ROWS = 3, 8


def __dir__() -> tuple[str, ...]:
    return __all__


def split_union(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Names that ``A+B`` joins, where a name may itself hold a plus sign.

    Parameters
    ----------
    name
        Such as ``proc13+prompt``.
    known
        Names that exist; the longest that fits wins.

    Returns
    -------
    tuple of str
        Empty if the parts are not all known.
    """
    if name in (found := set(known)):
        return (name,)
    parts = name.split("+")
    for last in range(len(parts) - 1, 0, -1):
        head = "+".join(parts[:last])
        if head in found and (tail := split_union("+".join(parts[last:]), found)):
            return (head, *tail)
    return ()


class CollectionField(Field):
    """Name of a collection or of a union, and a panel to pick it from."""

    def build(self) -> widgets.Widget:  # noqa: D102
        self._chosen: tuple[str, ...] = ()
        self._offers: list[Offer] = []
        self.text = widgets.Text(
            continuous_update=False, layout={"flex": "1 1 auto", "width": "auto"}
        )
        self.text.observe(self._typed, names="value")
        browse = look.button("Browse", "search", "pick from the catalogue", "hepnb-browse")
        browse.add_class("hepnb-beside")
        browse.on_click(lambda _: self._toggle())
        self.search = widgets.Text(
            placeholder="search", continuous_update=True, layout={"width": "100%"}
        )
        self.search.add_class("hepnb-search")
        self.search.observe(lambda _: self._fill(), names="value")
        self.list = widgets.SelectMultiple(layout={"width": "100%"})
        self.list.add_class("hepnb-offers")
        self.list.add_class("hepnb-code")
        self.list.observe(self._picked, names="value")
        hint = look.markup(
            "Ctrl or Shift with a click picks several: their union A+B", "hepnb-hint"
        )
        self._panel = look.block([self.search, self.list, hint], "hepnb-panel")
        self._panel.layout.display = "none"
        line = look.block([self.text, browse], "hepnb-code", across=True)
        return look.block([line, self._panel])

    def read(self) -> Any:  # noqa: D102
        return self.text.value.strip()

    def write(self, value: Any) -> None:  # noqa: D102
        self.text.value = str(value)

    def refresh(self) -> None:
        """Offer what the catalogue has now."""
        try:
            self._offers = self.preview.offers(str(self.spec.extra.get("kind", "")))
        except Exception:  # noqa: BLE001 -- nothing to offer then; `advise` meets the same and says it
            self._offers = []
        self._fill()

    def advise(self, value: Any) -> Message | None:
        """Luminosity, files and candidates of what is picked."""
        if not value and self.spec.extra.get("optional"):
            return quiet("none")
        collection = self.preview.catalogue[value]
        wanted = str(self.spec.extra.get("kind", ""))
        if wanted and collection.kind != wanted:
            return wrong(f"{value} is {collection.kind}, where {wanted} is wanted", "warning")
        sample = self.preview.sample(value).sample
        parts = ["simulation" if collection.kind == "mc" else "data"]
        if collection.luminosity is not None:
            parts.append(f"{collection.luminosity:.4g} fb\u207b\u00b9")
        files = len(sample.files)
        parts.append(f"{files} file{'s' if files != 1 else ''}")
        parts.append(f"{sample.entries:,} candidates")
        return quiet(", ".join(parts))

    def _toggle(self) -> None:
        hidden = self._panel.layout.display == "none"
        if hidden:
            self.refresh()
        self._panel.layout.display = "" if hidden else "none"

    def _fill(self) -> None:
        """Offers that match every word of the search; those picked stay, whatever the search."""
        words = self.search.value.lower().split()
        self._chosen = split_union(self.read(), [each.name for each in self._offers])
        shown = [
            each
            for each in self._offers
            if each.name in self._chosen
            or all(
                word in f"{each.name} {each.process} {each.description}".lower() for word in words
            )
        ]
        self._silent, before = True, self._silent
        try:
            self.list.value = ()
            self.list.options = _rows(shown)
            self.list.rows = min(max(len(shown), _FEWEST_ROWS), _MOST_ROWS)
            self.list.value = tuple(each.name for each in shown if each.name in self._chosen)
        finally:
            self._silent = before

    def _picked(self, change: dict[str, Any]) -> None:
        if not self._silent and change["new"]:
            self.text.value = "+".join(change["new"])

    def _typed(self, _: object) -> None:
        if not self._silent:
            self._fill()
        self.changed()


def _rows(offers: Sequence[Offer]) -> list[tuple[str, str]]:
    """Labels in columns, for a list with letters of one width."""
    width = max((len(each.name) for each in offers), default=0)
    rows = []
    for each in offers:
        luminosity = "" if each.luminosity is None else f"{each.luminosity:.4g} fb\u207b\u00b9"
        words = f"{each.name:<{width}}  {each.kind:<4}  {luminosity:>12}  {each.process}"
        rows.append((words.rstrip().replace(" ", "\u00a0"), each.name))
    return rows
