"""A form's values as a command and as a parameter file, to send a choice to the farm."""

from __future__ import annotations

import json
import shlex
from typing import Any

import yaml

from hepnb.stages import Stage

__all__ = ("as_command", "as_yaml", "chosen")


def __dir__() -> tuple[str, ...]:
    return __all__


def chosen(stage: Stage) -> dict[str, Any]:
    """Values that are not the defaults, in the types of JSON."""
    values = stage.model_dump(mode="json")
    fields = type(stage).model_fields
    return {
        name: value
        for name, value in values.items()
        if fields[name].is_required() or getattr(stage, name) != _default(stage, name)
    }


def as_command(stage: Stage, out: str = "DIR") -> str:
    """Line for a shell that runs the stage with the same values.

    Parameters
    ----------
    stage
        The values.
    out
        Run directory.
    """
    parts = ["hepnb", "run", stage.name()]
    for name, value in chosen(stage).items():
        parts += ["-p", f"{name}={_written(value, type(stage).model_fields[name].annotation)}"]
    return shlex.join([*parts, "-o", out])


def as_yaml(stage: Stage) -> str:
    """Text of a parameter file, for ``hepnb run STAGE -f params.yaml``."""
    values = chosen(stage)
    if not values:
        return "{}  # every parameter has its default\n"
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=None, allow_unicode=True)


def _written(value: Any, annotation: Any) -> str:
    """Text that the command line reads back as `value`."""
    # a parameter that is a string is taken as it stands; all others are read as YAML
    if isinstance(value, str) and (annotation is str or yaml.safe_load(value) == value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _default(stage: Stage, name: str) -> Any:
    """Default as the model holds it once validated: a default may be written more loosely."""
    field = type(stage).model_fields[name]
    default = field.get_default(call_default_factory=True)
    validated = type(stage).model_validate({**_required(stage), name: default})
    return getattr(validated, name)


def _required(stage: Stage) -> dict[str, Any]:
    fields = type(stage).model_fields
    return {name: getattr(stage, name) for name, each in fields.items() if each.is_required()}
