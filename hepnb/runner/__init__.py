"""Execute a stage's notebook, record it, find it again (floor 4)."""

from __future__ import annotations

from hepnb.runner.publish import publish
from hepnb.runner.record import Number, Result, RunRecord
from hepnb.runner.run import Run, load, run
from hepnb.runner.trace import Trace, trace

__all__ = ("Number", "Result", "Run", "RunRecord", "Trace", "load", "publish", "run", "trace")


def __dir__() -> tuple[str, ...]:
    return __all__
