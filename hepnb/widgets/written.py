"""The list of files that a notebook wrote, as a cell shows it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hepnb.widgets.messages import escaped

__all__ = ("Written",)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, repr=False)
class Written:
    """Files that a stage wrote.

    Attributes
    ----------
    directory
        Where they lie.
    names
        The files, relative to `directory`.
    """

    directory: Path
    names: tuple[str, ...]

    @classmethod
    def files(cls, paths: Sequence[Path]) -> Written:
        """List the files that `hepnb.runner.publish` wrote, of which the result is the last."""
        directory = paths[-1].parent
        return cls(directory, tuple(each.relative_to(directory).as_posix() for each in paths))

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{self._link(name)}</li>" for name in self.names)
        return f"<p>Written into {escaped(self._place)}:</p><ul>{items}</ul>"

    def __repr__(self) -> str:
        return "\n".join([f"written into {self._place}:", *(f"  {name}" for name in self.names)])

    @property
    def _place(self) -> str:
        # a run's directory is renamed when the run is whole: its name of now means nothing later
        return "the run directory" if os.environ.get("HEPNB_RUN_DIR") else self.directory.name

    def _link(self, name: str) -> str:
        if os.environ.get("HEPNB_RUN_DIR"):
            return escaped(name)
        # JupyterLab resolves links against the notebook's folder, which is the kernel's
        address = Path(os.path.relpath(self.directory / name)).as_posix()
        return f'<a href="{quote(address)}" target="_blank">{escaped(name)}</a>'
