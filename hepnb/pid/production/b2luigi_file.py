"""The task file that b2luigi runs on the grid: text, so that b2luigi is no dependency."""

from __future__ import annotations

from collections.abc import Sequence
from pprint import pformat

from hepnb.pid.production.production_files import NtupleTask

__all__ = ("b2luigi_text", "what_to_run")

_TEXT = '''"""Ntuples of the campaign {name} on the grid, through b2luigi and gbasf2.

Beside this file there must be settings.json, and steering.py with a function
create_path(short_name) that gives the basf2 path of a study.
"""

import b2luigi
from b2luigi.basf2_helper.tasks import Basf2PathTask

TASKS = {tasks}


class Ntuple(Basf2PathTask):
    batch_system = "gbasf2"
    proc = b2luigi.Parameter()
    short_name = b2luigi.Parameter()
    cms_energy = b2luigi.Parameter(significant=False)
    gbasf2_input_dataset = b2luigi.Parameter(hashed=True)

    def create_path(self):
        import steering

        return steering.create_path(self.short_name)

    def output(self):
        yield self.add_to_output(f"{{self.short_name}}.root")


class Campaign(b2luigi.WrapperTask):
    def requires(self):
        for task in TASKS:
            yield Ntuple(**task)


if __name__ == "__main__":
    b2luigi.process(Campaign(), batch=True)
'''


def __dir__() -> tuple[str, ...]:
    return __all__


def b2luigi_text(name: str, tasks: Sequence[NtupleTask]) -> str:
    """Give the text of the task file.

    Parameters
    ----------
    name
        Of the campaign.
    tasks
        Those on the grid.
    """
    listed = [
        {
            "proc": each.proc,
            "short_name": each.short_name,
            "cms_energy": each.cms_energy,
            "gbasf2_input_dataset": each.path,
        }
        for each in tasks
    ]
    return _TEXT.format(name=name, tasks=pformat(listed, width=99, sort_dicts=False))


def what_to_run(name: str, tasks: Sequence[NtupleTask]) -> str:
    """Say which commands make the ntuples of the grid, and what to do with them."""
    if not tasks:
        return "Nothing is left to the grid."
    return (
        f"{len(tasks)} task(s) are on the grid. Where basf2, gbasf2 and b2luigi are set up, with "
        f"your steering.py beside it:\n\n    gb2_proxy_init -g belle\n    python3 {name}_b2luigi.py"
        "\n\nThen put the paths of the ntuples that come back into the task list, and run this "
        "stage again."
    )
