"""The static twin of a form: a table of the parameters that reads well without a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepnb.stages import Stage
from hepnb.widgets.field_spec import FieldSpec, by_group, field_specs
from hepnb.widgets.messages import escaped, raised
from hepnb.widgets.number_lists import number_text

__all__ = ("beside_a_form", "table_html", "table_text", "value_text")

# only what survives where a notebook is not trusted: no style sheet, no colours
_LEFT = ' style="text-align: left; vertical-align: top"'

_OUTPUT = ".jp-OutputArea-child"
_ONE_OF_TWO = (
    "<style>"
    f"{_OUTPUT}:has(.hepnb-static):has(+ {_OUTPUT} .hepnb-form) {{ display: none }} "
    f"{_OUTPUT}:has(.hepnb-static) + {_OUTPUT} "
    '[data-mime-type="application/vnd.jupyter.widget-view+json"]:not(:has(.hepnb-form)) '
    "{ display: none }"
    "</style>"
)


def __dir__() -> tuple[str, ...]:
    return __all__


def table_html(stage: Stage) -> str:
    """``<table>`` with a row per parameter: name, value with unit, and what it is."""
    rows = []
    for group, members in by_group(type(stage)).items():
        rows.append(f'<tr><th colspan="3"{_LEFT}>{escaped(group)}</th></tr>')
        rows += [_row(spec, getattr(stage, spec.name)) for spec in members]
    body = "\n".join(rows)
    return f'<table class="hepnb-parameters">\n<tbody>\n{body}\n</tbody>\n</table>'


def beside_a_form(table: str) -> str:
    """Give a table that JupyterLab shows only when the form after it cannot be.

    The widgets of a notebook that is opened again, without its kernel, are an error message; the
    table stands in for it. Where the notebook is not trusted, the style goes, and so do widgets.

    Parameters
    ----------
    table
        HTML.
    """
    return f'{_ONE_OF_TWO}<div class="hepnb-static">{table}</div>'


def table_text(stage: Stage) -> str:
    """Lines ``name = value`` for a terminal or a log."""
    specs = field_specs(type(stage))
    width = max((len(name) for name in specs), default=0)
    lines = [
        f"  {name:<{width}} = {value_text(getattr(stage, name))} {spec.unit}".rstrip()
        for name, spec in specs.items()
    ]
    return "\n".join([f"parameters of {stage.name()}", *lines])


def value_text(value: Any) -> str:
    """One line for a value: numbers without needless digits, None as ``none``."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number_text([value])
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {value_text(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(value_text(each) for each in value)
    return str(getattr(value, "value", value))


def _row(spec: FieldSpec, value: Any) -> str:
    unit = f" {raised(spec.unit)}" if spec.unit and value not in (None, "") else ""
    if isinstance(value, Mapping):
        lines = [f"{name}: {value_text(each)}" for name, each in value.items()]
    else:
        lines = [value_text(value)] if value != "" else []
    mark = "<code>{}</code>" if spec.kind in ("cut", "binning") else "{}"
    shown = "<br>".join(mark.format(escaped(line)) for line in lines)
    cells = (escaped(spec.name), f"{shown}{unit}", escaped(spec.description))
    return "<tr>" + "".join(f"<td{_LEFT}>{cell}</td>" for cell in cells) + "</tr>"
