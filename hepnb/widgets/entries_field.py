"""The field for a list of entries, each with keys of its own: several lines of YAML."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import yaml
from pydantic import BaseModel

from hepnb.widgets.field import Field

__all__ = ("EntriesField",)

_FEWEST_ROWS, _MOST_ROWS = 4, 24


def __dir__() -> tuple[str, ...]:
    return __all__


class EntriesField(Field):
    """A list of entries as YAML, as it stands in a parameter file; judged on leaving the field."""

    def build(self) -> widgets.Widget:  # noqa: D102
        self.text = widgets.Textarea(
            placeholder=str(self.spec.extra.get("example", "")),
            continuous_update=False,
            layout={"width": "100%", "height": "auto"},
        )
        self.text.add_class("hepnb-code")
        return self.watch(self.text)

    def read(self) -> Any:  # noqa: D102
        try:
            return yaml.safe_load(self.text.value) or []
        except yaml.YAMLError as error:
            message = f"cannot be read as YAML: {' '.join(str(error).split())}"
            raise ValueError(message) from None

    def write(self, value: Any) -> None:  # noqa: D102
        # what was not given has its default, and need not be read
        plain = [
            one.model_dump(mode="json", exclude_unset=True) if isinstance(one, BaseModel) else one
            for one in value
        ]
        text = yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=90)
        text = text if plain else ""  # the example shows through
        self.text.value = text
        self.text.rows = min(max(text.count("\n") + 1, _FEWEST_ROWS), _MOST_ROWS)
