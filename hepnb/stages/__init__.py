"""One module per stage: its parameters, nothing that computes (floor 3)."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from hepnb.errors import UnknownStage, nearest
from hepnb.stages.stage import Stage, notebook_folder

__all__ = ("Stage", "all_stages", "find", "notebook_folder")

_MODULES = (
    "production",
    "mass_fit",
    "refit",
    "efficiency_table",
    "weight_table",
    "fixed_weights",
    "calibrate_efficiency",
    "id_vs_misid_curve",
    "plot_distribution",
    "apply_weights",
    "pid_fit",
    "pid_correction",
    "ftest",
    "ftest_2d",
    "splusb",
    "bias_study",
)


def __dir__() -> tuple[str, ...]:
    return __all__


def all_stages() -> dict[str, type[Stage]]:
    """Give every stage: those of hepnb, then those of packages that register one.

    A package adds its own through the entry point group ``hepnb.stages``, name = module:class.

    Returns
    -------
    dict
        Name to class, in the order in which an analysis uses them.
    """
    classes: list[type[Stage]] = []
    for name in _MODULES:
        module = import_module(f"hepnb.stages.{name}")
        classes.append(getattr(module, name.title().replace("_", "")))
    classes += [point.load() for point in entry_points(group="hepnb.stages")]
    return {each.name(): each for each in classes}


def find(name: str) -> type[Stage]:
    """Give the stage of that name.

    Parameters
    ----------
    name
        For instance ``weight_table``.

    Returns
    -------
    type of Stage
        Its class.

    Raises
    ------
    UnknownStage
        With the names that exist.
    """
    stages = all_stages()
    if name not in stages:
        known = ", ".join(stages)
        message = f"no stage {name!r}{nearest(name, stages)} (known: {known})"
        raise UnknownStage(message)
    return stages[name]
