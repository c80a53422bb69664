"""Values against the stage's model: the stage, or a line for each parameter that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from hepnb.errors import BadParameters, nearest
from hepnb.stages import Stage
from hepnb.widgets.field_spec import FieldSpec, field_specs

__all__ = ("Problem", "Verdict", "taken_from", "validate")

StageT = TypeVar("StageT", bound=Stage)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Problem:
    """Why a parameter is refused.

    Attributes
    ----------
    name
        The parameter, or an empty string for a rule between several.
    value
        What was given.
    reason
        What is allowed, and the remedy.
    """

    name: str
    value: Any
    reason: str

    @property
    def line(self) -> str:
        """The problem in one line, with the name and the value."""
        return f"{self.name} = {self.value!r}: {self.reason}" if self.name else self.reason


@dataclass(frozen=True)
class Verdict(Generic[StageT]):
    """A stage, or the problems that stand in its way (never both)."""

    stage: StageT | None
    problems: tuple[Problem, ...] = ()

    def or_raise(self, model: type[Stage]) -> StageT:
        """Give the stage.

        Raises
        ------
        BadParameters
            With one line for each problem.
        """
        if self.stage is None:
            lines = "\n".join(f"  {each.line}" for each in self.problems)
            message = f"the parameters of {model.name()} are not valid:\n{lines}"
            raise BadParameters(message)
        return self.stage


def taken_from(model: type[Stage], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the model's fields in `namespace`, such as a notebook's ``globals()``.

    A field without a value there keeps its default. Other names are nobody's business here.
    """
    return {name: namespace[name] for name in model.model_fields if name in namespace}


def validate(model: type[StageT], values: Mapping[str, Any]) -> Verdict[StageT]:
    """Stage with these values, or what is wrong with them.

    Parameters
    ----------
    model
        The stage's class.
    values
        One value per field; a field left out keeps its default.
    """
    try:
        return Verdict(model.model_validate(dict(values)))
    except ValidationError as error:
        specs = field_specs(model)
        found = (_problem(each, specs, values) for each in error.errors(include_url=False))
        return Verdict(None, tuple(found))


def _problem(
    error: Mapping[str, Any], specs: Mapping[str, FieldSpec], values: Mapping[str, Any]
) -> Problem:
    name, *path = error["loc"] or ("",)
    reason = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if path:
        reason = f"at {'.'.join(str(each) for each in path)}: {reason} (got {error['input']!r})"
    spec = specs.get(str(name))
    if spec is None:
        return Problem(str(name), values.get(str(name)), reason)
    if error["type"] == "missing" and not path:
        return Problem(spec.name, None, "no value was given, and there is no default; set it")
    value = values.get(spec.name, error["input"])
    if spec.allowed:
        reason += f"; allowed: {spec.allowed}"
    if spec.choices and isinstance(value, str):
        reason += nearest(value, [str(each) for each in spec.choices])
    if spec.kind in ("integer", "number") and not spec.required:
        reason += f"; default: {spec.default!r}"
    return Problem(spec.name, value, reason)
