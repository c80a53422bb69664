"""What a production is told: the task list and ``settings.json``, read and checked."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from hepnb.errors import BadParameters, nearest

__all__ = ("NtupleTask", "Settings", "read_settings", "read_tasks")

log = logging.getLogger(__name__)

_GRID = ("/belle/", "LFN:/grid/")


def __dir__() -> tuple[str, ...]:
    return __all__


def _models(value: Any) -> Any:
    return [] if value in (None, "") else value.split(",") if isinstance(value, str) else value


class NtupleTask(BaseModel):
    """One line of the task list: the ntuples of one study in one data taking or simulation."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, protected_namespaces=()
    )

    path: str = Field(
        min_length=1, description="file or glob of local ntuples, or a data set on the grid"
    )
    proc: str = Field(
        pattern=r"^[A-Za-z0-9_][\w.-]*$", description="collection: proc13, MC15rd_proc13, ..."
    )
    short_name: str = Field(
        pattern=r"^[A-Za-z0-9_][\w.-]*$", description="study: Dst, Lambda, KS, ..."
    )
    model: Annotated[tuple[str, ...], BeforeValidator(_models)] = Field(
        default=(), description="mass models, nominal and alternative; none: those of the study"
    )
    cms_energy: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="4S", description="collision energy, in words or GeV"
    )

    @model_validator(mode="after")
    def _known(self) -> NtupleTask:
        from hepnb.pid.mass.models import mass_model
        from hepnb.pid.studies import study

        try:
            study(self.short_name)
            for name in self.model:
                mass_model(name)
        except BadParameters as error:
            raise ValueError(str(error)) from None
        if len(self.model) > 2:
            raise ValueError(f"{len(self.model)} models; give one or two")
        return self

    @property
    def on_grid(self) -> bool:
        """Whether the path is a data set of the grid."""
        return self.path.startswith(_GRID)

    @property
    def models(self) -> list[str]:
        """Two names, blank for the study's own, or none."""
        return [*self.model, ""][:2] if self.model else []


class Settings(BaseModel):
    """Settings of b2luigi, in ``settings.json``; keys that b2luigi may know besides are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    result_dir: str = Field(default="results", description="folder of the outputs")
    log_dir: str = Field(default="logs", description="folder of the logs")
    batch_system: Literal["auto", "lsf", "htcondor", "slurm", "gbasf2", "local"] = Field(
        default="gbasf2", description="where tasks run"
    )
    gbasf2_release: str | None = Field(default=None, description="basf2 release on the grid")
    gbasf2_project_name_prefix: str = Field(
        default="hepnb", max_length=22, description="beginning of the names of grid projects"
    )
    gbasf2_max_retries: int = Field(default=0, ge=0, description="how often a job is sent again")
    gbasf2_print_status_updates: bool = Field(default=True, description="tell how jobs get on")
    env_script: str | None = Field(default=None, description="script that sets up basf2")
    executable: list[str] | None = Field(default=None, description="command that starts Python")

    @model_validator(mode="after")
    def _no_misprints(self) -> Settings:
        known = list(type(self).model_fields)
        for key in self.model_extra or {}:
            if hint := nearest(key, known):
                raise ValueError(f"unknown key {key!r}{hint}")
            log.info("settings: key %r is passed on to b2luigi as it is", key)
        return self


def read_tasks(path: str | Path) -> list[NtupleTask]:
    """Read a task list: YAML or JSON (a list of mappings), or CSV with a header line.

    Raises
    ------
    BadParameters
        If the file cannot be read, holds no list, or an entry is wrong: each is named by number.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        content: Any = list(csv.DictReader(_text(path).splitlines(), skipinitialspace=True))
    else:
        try:
            content = yaml.safe_load(_text(path))
        except yaml.YAMLError as error:
            message = f"{path} is not YAML: {' '.join(str(error).split())}"
            raise BadParameters(message) from None
    if isinstance(content, Mapping) and len(content) == 1:
        content = next(iter(content.values()))
    if not isinstance(content, list) or not content:
        keys = ", ".join(NtupleTask.model_fields)
        raise BadParameters(f"{path} holds no list of tasks; each is a mapping with {keys}")
    tasks, faults = [], []
    for number, entry in enumerate(content, 1):
        try:
            tasks.append(NtupleTask.model_validate(entry))
        except ValidationError as error:
            faults += [f"task {number}: {each}" for each in _faults(error, NtupleTask)]
    if faults:
        raise BadParameters(f"{path}:\n  " + "\n  ".join(faults))
    return tasks


def read_settings(path: str | Path) -> Settings:
    """Read and check ``settings.json``.

    Raises
    ------
    BadParameters
        If it cannot be read, is not JSON, or a key is wrong.
    """
    try:
        content = json.loads(_text(Path(path)))
        return Settings.model_validate(content)
    except ValidationError as error:
        raise BadParameters(f"{path}: " + "; ".join(_faults(error, Settings))) from None
    except ValueError as error:
        raise BadParameters(f"{path} is not JSON: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadParameters(f"{path} cannot be read: {error}") from None


def _faults(error: ValidationError, model: type[BaseModel]) -> list[str]:
    told = []
    for each in error.errors(include_url=False):
        where = ".".join(map(str, each["loc"]))
        reason = str(each["msg"]).removeprefix("Value error, ")
        if each["type"] == "extra_forbidden":
            reason = f"no such key{nearest(where, list(model.model_fields))}"
        told.append(f"{where}: {reason}" if where else reason)
    return told
