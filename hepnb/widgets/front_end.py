"""Whether somebody sits in front of the notebook, or a batch job executes it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ("is_interactive", "soon")


def __dir__() -> tuple[str, ...]:
    return __all__


def is_interactive() -> bool:
    """Tell whether a front end that shows widgets, such as JupyterLab, runs this code.

    False in plain Python and in a terminal, in a run of hepnb (``HEPNB_RUN_DIR`` is set), and
    under papermill, nbclient and nbconvert: these have a kernel, but nobody who could answer a
    question, and say so in each request (``allow_stdin`` of the Jupyter messaging protocol).
    """
    if os.environ.get("HEPNB_RUN_DIR"):
        return False
    request = _request()
    if str(request.get("header", {}).get("msg_type", "")).startswith("comm_"):
        return True  # only a widget on a screen sends these
    return bool(request.get("content", {}).get("allow_stdin", False))


def soon(action: Callable[[], object]) -> None:
    """Do `action` once the kernel is free, at once where no event loop runs.

    A form is then on the screen before the first candidate of a cut is read, and everything
    stays in the main thread, where imports and readers are safe.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        action()
    else:
        loop.call_soon(action)


def _request() -> Mapping[str, Any]:
    """Message of the front end that is being answered, or an empty one."""
    from IPython import get_ipython

    get_parent = getattr(get_ipython(), "get_parent", None)
    message = get_parent() if get_parent is not None else None
    return message if isinstance(message, Mapping) else {}
