"""The base of every stage: one model that is cell, form, command line and documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from hepnb.errors import BadParameters, nearest

__all__ = ("Stage", "notebook_folder")


def __dir__() -> tuple[str, ...]:
    return __all__


class Stage(BaseModel):
    """Parameters of one stage of an analysis; what it computes stands in its notebook.

    Use it by subclassing: every field has a default that works on the embedded samples, a
    description, a ``unit`` where it has one, and a ``widget`` kind where its type does not tell
    which widget edits it (``collection``, ``cut``, ``binning``, ``file``).

    Attributes
    ----------
    title
        What the stage gives, in words.
    notebook
        Its notebook, relative to the folder of notebooks.
    products
        Files that it writes into its run directory, with what each holds.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=False,
        validate_default=True,
        allow_inf_nan=False,
        use_attribute_docstrings=False,
    )

    title: ClassVar[str] = ""
    notebook: ClassVar[str] = ""
    products: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @classmethod
    def name(cls) -> str:
        """Name on the command line: ``weight_table`` for ``WeightTable``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def notebook_path(cls) -> Path:
        """Where the stage's notebook lies on this machine."""
        return notebook_folder() / cls.notebook

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Check values of parameters and give the stage that holds them.

        Parameters
        ----------
        values
            Parameter name to value; those left out keep their defaults.

        Returns
        -------
        Stage
            The frozen model.

        Raises
        ------
        BadParameters
            One line per parameter that is unknown or refused, with value, reason and remedy.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            lines = [cls._explain(each) for each in error.errors()]
            message = f"parameters of stage {cls.name()!r}:\n  " + "\n  ".join(lines)
            raise BadParameters(message) from None

    @classmethod
    def from_strings(
        cls, assignments: Iterable[str], base: Mapping[str, Any] | None = None
    ) -> Self:
        """Check ``name=value`` strings of a command line and give the stage that holds them.

        A parameter that is a string takes the text as it stands (``007`` stays ``007``); the
        others are read as YAML.

        Parameters
        ----------
        assignments
            Strings of the form ``name=value``.
        base
            Values that the strings go on top of, for instance of a parameter file.

        Returns
        -------
        Stage
            The frozen model.

        Raises
        ------
        BadParameters
            A string is not of that form, or a value is refused.
        """
        values = dict(base or {})
        for assignment in assignments:
            name, equals, text = assignment.partition("=")
            if not equals:
                message = f"{assignment!r} is not of the form name=value"
                raise BadParameters(message)
            values[name.strip()] = cls._read(name.strip(), text)
        return cls.from_values(values)

    def input_files(self) -> tuple[str, ...]:
        """Files that the stage reads, as paths or ``root://`` addresses.

        Returns
        -------
        tuple of str
            Every file of every collection, once, in order.
        """
        return ()

    def check(self) -> None:
        """Refuse, before any work starts, what only the inputs can tell.

        Raises
        ------
        HepnbError
            For instance UnknownVariable for a cut on a column that the collection lacks.
        """

    @classmethod
    def _read(cls, name: str, text: str) -> Any:
        field = cls.model_fields.get(name)
        if field is None or field.annotation is str:
            return text
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            message = f"{name} = {text!r} cannot be read as YAML: {reason}"
            raise BadParameters(message) from None

    @classmethod
    def _explain(cls, error: Any) -> str:
        path = ".".join(str(part) for part in error["loc"])
        name = str(error["loc"][0]) if error["loc"] else cls.name()
        if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
            known = ", ".join(cls.model_fields)
            return f"{path}: no such parameter{nearest(name, cls.model_fields)} (known: {known})"
        reason = error["msg"].removeprefix("Value error, ")
        return f"{path} = {error['input']!r}: {reason}"


def notebook_folder() -> Path:
    """Folder that holds the stages' notebooks.

    Returns
    -------
    Path
        The ``notebooks`` folder at the top of a checkout, or the copy inside an installed package.
    """
    package = Path(__file__).parents[1]
    inside = package / "notebooks"
    return inside if inside.is_dir() else package.parent / "notebooks"
