"""Fields that are one line of text: words, values, intervals, files and sites."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import yaml

from hepnb.widgets import look
from hepnb.widgets.field import Field
from hepnb.widgets.messages import Message, quiet, wrong
from hepnb.widgets.number_lists import number_text, numbers

__all__ = ("FileField", "IntervalField", "SiteField", "TextField", "ValueField")


def __dir__() -> tuple[str, ...]:
    return __all__


class TextField(Field):
    """Free text; empty means None where that is allowed."""

    width = look.WIDE
    placeholder = ""

    def build(self) -> widgets.Widget:  # noqa: D102
        self.text = widgets.Text(
            continuous_update=False,
            placeholder=self.placeholder or "\u200b",
            layout={"width": self.width},
        )
        return self.watch(self.text)

    def read(self) -> Any:  # noqa: D102
        return None if self.spec.optional and not self.text.value.strip() else self.text.value

    def write(self, value: Any) -> None:  # noqa: D102
        self.text.value = "" if value is None else str(value)


class ValueField(TextField):
    """Anything else, written as YAML: lists without brackets, None as nothing."""

    def read(self) -> Any:  # noqa: D102
        text = self.text.value.strip()
        if not text and self.spec.optional:
            return None
        if isinstance(self.spec.default, list | tuple | set) and not text.startswith(("[", "(")):
            text = f"[{text}]"
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            message = f"cannot be read as YAML: {' '.join(str(error).split())}"
            raise ValueError(message) from None

    def write(self, value: Any) -> None:  # noqa: D102
        if isinstance(value, list | tuple | set):
            text = yaml.safe_dump(list(value), default_flow_style=True, width=math.inf)
            self.text.value = text.strip()[1:-1]
        elif value is None:
            self.text.value = ""
        else:
            dumped = yaml.safe_dump(value, default_flow_style=True, width=math.inf)
            self.text.value = dumped.removesuffix("...\n").strip()


class IntervalField(TextField):
    """Two numbers, or nothing for no restriction."""

    width = look.MIDDLE
    placeholder = "low, high"

    def read(self) -> Any:  # noqa: D102
        return numbers(self.text.value) or None

    def write(self, value: Any) -> None:  # noqa: D102
        self.text.value = number_text(value or ())


class SiteField(TextField):
    """A site that hepnb knows, or the path of a catalogue file."""

    width = look.MIDDLE

    def build(self) -> widgets.Widget:  # noqa: D102
        self.text = widgets.Combobox(continuous_update=False, layout={"width": self.width})
        return self.watch(self.text)

    def advise(self, value: Any) -> Message | None:  # noqa: ARG002 -- the preview knows the site
        """Tell how many collections the site has."""
        self.text.options = self.preview.suggestions("site")
        count = len(self.preview.catalogue.names())
        return quiet(f"{count} collection{'s' if count != 1 else ''}")


class FileField(TextField):
    """Path of a file, a pattern of several, or an address."""

    def advise(self, value: Any) -> Message | None:
        """Tell whether the file exists, and its size."""
        text = str(value or "")
        if not text:
            return None
        if "://" in text:
            return quiet("a remote file: looked at when the stage runs")
        path = Path(text).expanduser()
        if any(each in text for each in "*?["):
            base = Path(path.anchor) if path.is_absolute() else Path()
            matches = len(list(base.glob(str(path.relative_to(base) if path.anchor else path))))
            return quiet(f"{matches} files") if matches else wrong("no file matches this pattern")
        if not path.exists():
            return wrong(f"no such file (looked in {path.absolute().parent})")
        if path.is_dir():
            return wrong("this is a folder; name a file in it")
        return quiet(_size(path.stat().st_size))


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
