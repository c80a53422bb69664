"""What a form needs to know of one parameter, read from the stage's model."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ("FieldSpec", "by_group", "field_specs")

_ABBREVIATIONS = {
    "id": "ID",
    "kde": "KDE",
    "cow": "COW",
    "mc": "MC",
    "pid": "PID",
    "roc": "ROC",
    "sweights": "sWeights",
}
_GROUPS = {
    "collection": "Data",
    "file": "Data",
    "particle": "Data",
    "site": "Data",
    "study": "Data",
    "cut": "Selection",
    "binning": "Selection",
}


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class FieldSpec:
    """One parameter of a stage.

    Attributes
    ----------
    name, label
        The parameter's name, and the words that stand before its field.
    unit, description
        Empty when the model says nothing.
    kind
        ``collection``, ``cut``, ``binning``, ``file``, ``choice``, ``interval``, ``study``,
        ``particle``, ``site``, ``mass_model``, ``text``, ``integer``, ``number``, ``switch``, or
        ``value`` for all else.
    group
        Heading under which the field stands.
    choices
        Allowed values of a ``choice``; empty when any text is.
    optional
        Whether None is allowed.
    allowed
        Words for the bounds or choices, such as ``"0 <= value <= 1"``.
    default
        The default value; meaningless when `required`.
    extra
        The model's own metadata of the field.
    """

    name: str
    label: str
    unit: str
    description: str
    kind: str
    group: str
    choices: tuple[Any, ...]
    optional: bool
    allowed: str
    default: Any
    required: bool
    extra: Mapping[str, Any]


def field_specs(model: type[BaseModel]) -> dict[str, FieldSpec]:
    """One `FieldSpec` per field of `model`, in the model's order."""
    return {name: _field_spec(name, info) for name, info in model.model_fields.items()}


def by_group(model: type[BaseModel]) -> dict[str, list[FieldSpec]]:
    """Fields of `model` under their headings, in the order in which each first occurs."""
    groups: dict[str, list[FieldSpec]] = {}
    for spec in field_specs(model).values():
        groups.setdefault(spec.group, []).append(spec)
    return groups


def _field_spec(name: str, info: FieldInfo) -> FieldSpec:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    annotation, optional = _without_none(info.annotation)
    choices = _choices(annotation, extra)
    kind = _kind(annotation, choices, str(extra.get("widget", "")), optional=optional)
    group = str(extra.get("group", _GROUPS.get(kind, "Options")))
    required = info.is_required()
    return FieldSpec(
        name=name,
        label=info.title or _words(name),
        unit=str(extra.get("unit", "") or ""),
        description=info.description or "",
        kind=kind,
        group=group,
        choices=choices,
        optional=optional,
        allowed=_allowed(info.metadata, choices),
        default=None if required else info.get_default(call_default_factory=True),
        required=required,
        extra=extra,
    )


def _kind(annotation: Any, choices: tuple[Any, ...], widget: str, *, optional: bool) -> str:
    if widget:
        return widget
    if choices:
        return "choice"
    if annotation is str:
        return "text"
    # an empty number field has no value, so that None needs a text field
    plain = {} if optional else {bool: "switch", int: "integer", float: "number"}
    return plain.get(annotation, "value")


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Annotation less None, and whether None was among its alternatives."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation, False
    parts = [each for each in typing.get_args(annotation) if each is not type(None)]
    optional = len(parts) < len(typing.get_args(annotation))
    return (parts[0] if len(parts) == 1 else annotation), optional


def _choices(annotation: Any, extra: Mapping[str, Any]) -> tuple[Any, ...]:
    if isinstance(extra.get("choices"), list | tuple):
        return tuple(extra["choices"])
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return tuple(each.value for each in annotation)
    return ()


def _allowed(metadata: list[Any], choices: tuple[Any, ...]) -> str:
    if choices:
        return ", ".join(str(each) for each in choices)
    bound = {
        name: getattr(each, name)
        for each in metadata
        for name in ("gt", "ge", "lt", "le")
        if getattr(each, name, None) is not None
    }
    low = next(
        (f"{bound[k]:g} {sign} " for k, sign in (("gt", "<"), ("ge", "<=")) if k in bound), ""
    )
    high = next(
        (f" {sign} {bound[k]:g}" for k, sign in (("lt", "<"), ("le", "<=")) if k in bound), ""
    )
    return f"{low}value{high}" if low or high else ""


def _words(name: str) -> str:
    first, *others = name.split("_")
    # an abbreviation keeps its letters: MC, sWeights
    begin = _ABBREVIATIONS.get(first, first.capitalize())
    return " ".join([begin, *(_ABBREVIATIONS.get(each, each) for each in others)])
