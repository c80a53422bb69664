"""Files that are whole or not there, and of the schema that they should have."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hepnb.errors import BadTable

__all__ = ("read_json", "write_json", "write_text")


def __dir__() -> tuple[str, ...]:
    return __all__


Model = TypeVar("Model", bound=BaseModel)


def write_text(path: str | Path, text: str) -> Path:
    """Write a file beside its place and rename it when whole."""
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def write_json(path: str | Path, document: Mapping[str, Any]) -> Path:
    """Write a document as JSON; a number that JSON does not have is an error here."""
    return write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def read_json(path: str | Path, model: type[Model], what: str) -> Model:
    """Read a document of a schema.

    Parameters
    ----------
    path
        The file.
    model
        Its schema.
    what
        What it should be, for the message.

    Raises
    ------
    BadTable
        If it is not JSON of that schema, naming the first thing that is wrong.
    """
    try:
        return model.model_validate_json(Path(path).read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "document"
        message = (
            f"{Path(path).name} is no {what} of schema 1: {where}: {first['msg']} "
            f"({error.error_count()} such); write it anew with this version of hepnb"
        )
        raise BadTable(message) from None
