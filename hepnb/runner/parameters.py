"""Parameters of a stage from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hepnb.errors import BadParameters

__all__ = ("read_parameters",)


def __dir__() -> tuple[str, ...]:
    return __all__


def read_parameters(file: str | Path) -> dict[str, Any]:
    """Read parameters from YAML (or JSON, which is YAML too); the stage checks them.

    Parameters
    ----------
    file
        With one ``name: value`` for each parameter.

    Returns
    -------
    dict
        Name to value.

    Raises
    ------
    BadParameters
        The file cannot be read, or holds something else.
    """
    try:
        content = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror or error}"
        raise BadParameters(message) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"{file} is not YAML: {' '.join(str(error).split())}"
        raise BadParameters(message) from None
    if not isinstance(content, dict):
        message = f"{file} holds a {type(content).__name__}, not parameters as name: value"
        raise BadParameters(message)
    return content
