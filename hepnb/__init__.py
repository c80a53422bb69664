"""A notebook-first analysis environment for high-energy physics."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# name -> module that defines it; imported when first asked for, so that `import hepnb` is quick
_LAZY = {
    "Catalogue": "hepnb.data.catalogue",
    "HepnbError": "hepnb.errors",
    "Sample": "hepnb.data.sample",
    "VariableBase": "hepnb.data.variables",
    "catalogue": "hepnb.data.catalogue",
    "form": "hepnb.widgets",
    "is_interactive": "hepnb.widgets",
    "parse": "hepnb.data.expressions",
    "run": "hepnb.runner",
    "show_collections": "hepnb.runner.overview",
    "show_db_content": "hepnb.runner.overview",
    "show_variables": "hepnb.runner.overview",
    "variable": "hepnb.data.variables",
}

_PACKAGES = ("data", "errors", "pid", "plotting", "runner", "stages", "stats", "widgets")

__all__ = ("__version__", *sorted(_LAZY, key=str.lower))  # noqa: PLE0604 -- all are names


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"hepnb.{name}")
    if name not in _LAZY:
        message = f"module 'hepnb' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> tuple[str, ...]:
    return __all__
