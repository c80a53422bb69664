"""Files that are whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ("write_json", "write_text")


def __dir__() -> tuple[str, ...]:
    return __all__


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
