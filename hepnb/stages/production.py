"""Parameters of a production: which ntuples become a campaign."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from hepnb.pid.production.production_files import NtupleTask, read_tasks
from hepnb.stages.stage import Stage

__all__ = ("Production",)


def __dir__() -> tuple[str, ...]:
    return __all__


# plain data, as in the notebook's cell and in a YAML file
_EXAMPLE: Any = [
    {"path": "samples:proc13_KS.root", "proc": "proc13", "short_name": "KS"},
    {"path": "samples:MC15rd_proc13_KS.root", "proc": "MC15rd_proc13", "short_name": "KS"},
]


class Production(Stage):
    """Fit local ntuples, weight them with both columns, and register them as one campaign.

    The task list and ``settings.json`` of the framework are read as they are. Ntuples on the grid
    stay with b2luigi and gbasf2: their task file is written.
    """

    title: ClassVar[str] = "Production of a campaign"
    notebook: ClassVar[str] = "pid/production.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "campaign": "folder of the weighted copies, by collection and study",
            "campaign.yaml": "catalogue of the campaign: give it as `site` of any stage",
            "tasks.csv": "one row per task: candidates, signal, quality of the fit, status",
        }
    )

    task_list: str = Field(
        default="",
        description="file with the tasks (YAML, JSON or CSV); empty: those of `tasks`",
        json_schema_extra={"widget": "file"},
    )
    tasks: list[NtupleTask] = Field(
        default=_EXAMPLE,
        description="path, proc, short_name, model and cms_energy of each task",
        json_schema_extra={"widget": "entries", "group": "Data"},
    )
    settings: str = Field(
        default="",
        description="settings.json of b2luigi, for tasks on the grid; empty: its defaults",
        json_schema_extra={"widget": "file"},
    )
    campaign: str = Field(
        default="campaign",
        pattern=r"^[A-Za-z0-9_][\w.-]*$",
        description="name of the campaign",
    )
    bins: int = Field(default=150, ge=20, le=2000, description="bins of the binned mass fits")

    def all_tasks(self) -> list[NtupleTask]:
        """Tasks of the file, or those given here."""
        return read_tasks(self.task_list) if self.task_list else self.tasks

    def input_files(self) -> tuple[str, ...]:
        """Local ntuples of the tasks that have some, and the files that say what to do."""
        from hepnb.errors import HepnbError
        from hepnb.pid.production.production import sample_of

        files = [each for each in (self.task_list, self.settings) if each]
        for task in self.all_tasks():
            if not task.on_grid:
                try:
                    files += sample_of(task).files
                except HepnbError:  # the notebook tells which task fails, and goes on
                    continue
        return tuple(dict.fromkeys(files))
