"""Where a run is made: Python, packages, batch job."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ConfigDict

__all__ = ("BatchJob", "batch_job", "python_version", "versions")

# extras whose packages compute; the others build, test or show
_COMPUTING_EXTRAS = ("ml", "mc", "batch", "hdf5")


def __dir__() -> tuple[str, ...]:
    return __all__


class BatchJob(BaseModel):
    """The batch job in which a run was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str
    id: str


def versions() -> dict[str, str]:
    """Give the versions of hepnb's direct dependencies that are installed."""
    try:
        requirements = metadata.requires("hepnb") or []
    except metadata.PackageNotFoundError:
        return {}
    found = {}
    for requirement in requirements:
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)", requirement)
        name = re.match(r"[\w.-]+", requirement)
        if name is None or (extra is not None and extra[1] not in _COMPUTING_EXTRAS):
            continue
        try:
            found[name[0]] = metadata.version(name[0])
        except metadata.PackageNotFoundError:
            continue
    return dict(sorted(found.items()))


def python_version() -> str:
    """Give implementation and version of Python."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def batch_job() -> BatchJob | None:
    """Give the batch job that this process runs in, if any."""
    env = os.environ
    for system, name, task in (
        ("LSF", "LSB_JOBID", "LSB_JOBINDEX"),
        ("Slurm", "SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID"),
        ("SGE", "JOB_ID", "SGE_TASK_ID"),
    ):
        if identity := env.get(name):
            index = env.get(task, "")
            array = f"[{index}]" if index not in ("", "0", "undefined") else ""
            return BatchJob(system=system, id=identity + array)
    return _condor_job(env)


def _condor_job(env: Mapping[str, str]) -> BatchJob | None:
    if identity := env.get("CONDOR_ID"):
        return BatchJob(system="HTCondor", id=identity)
    try:
        text = Path(env["_CONDOR_JOB_AD"]).read_text(encoding="utf-8")
    except (KeyError, OSError):
        return None
    ad = dict(re.findall(r"^(ClusterId|ProcId)\s*=\s*(\d+)", text, flags=re.MULTILINE))
    return (
        BatchJob(system="HTCondor", id=f"{ad['ClusterId']}.{ad.get('ProcId', 0)}") if ad else None
    )
