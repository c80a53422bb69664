"""What is written about a run: `run.json` (how it was made) and `result.json` (its numbers)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from hepnb.errors import BadResult
from hepnb.runner.files import write_text
from hepnb.runner.surroundings import BatchJob, batch_job, python_version, versions

__all__ = (
    "RECORD",
    "RESULT",
    "SCHEMA_VERSION",
    "Code",
    "Failure",
    "Identity",
    "InputFile",
    "Number",
    "Product",
    "Result",
    "RunRecord",
    "new_record",
    "now",
    "number",
    "read_record",
    "read_result",
    "write_record",
)

SCHEMA_VERSION = 1
RECORD, RESULT = "run.json", "result.json"


def __dir__() -> tuple[str, ...]:
    return __all__


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Number(_Entry):
    """A number of a result; what is not finite is null, and its status says why."""

    value: float | None
    uncertainty: float | tuple[float | None, float | None] | None = Field(
        default=None, description="one standard deviation, or [down, up]"
    )
    unit: str = ""
    status: str = "ok"


class InputFile(_Entry):
    """A file that a run read, named without the folders that only one machine has."""

    name: str
    size: int | None = Field(default=None, description="bytes; null for a remote file")
    sha256: str | None = Field(default=None, description="null for a remote file")


class Product(_Entry):
    """A file that a run wrote."""

    size: int = Field(description="bytes")
    sha256: str


class Code(_Entry):
    """The code of a run."""

    version: str = Field(description="version of hepnb")
    sources: str = Field(description="sha256 of hepnb's sources and of the stage's module")
    notebook: str = Field(description="sha256 of the stage's notebook")
    commit: str | None = Field(default=None, description="git commit, if hepnb is a checkout")
    dirty: bool | None = Field(default=None, description="whether the checkout had changes")


class Failure(_Entry):
    """Why a run failed."""

    type: str
    message: str


class RunRecord(_Entry):
    """How a run was made: enough to find it by any of its files, and to make it again."""

    schema_version: Literal[1] = 1
    stage: str
    fingerprint: str = Field(description="sha256 of stage, parameters, inputs and code")
    status: Literal["running", "finished", "failed", "interrupted", "interactive"]
    parameters: dict[str, Any]
    inputs: list[InputFile]
    code: Code
    versions: dict[str, str] = Field(description="direct dependencies that are installed")
    python: str
    seeds: dict[str, int]
    batch: BatchJob | None = None
    start: AwareDatetime
    end: AwareDatetime | None = None
    error: Failure | None = None
    products: dict[str, Product] = Field(description="file name to checksum")


class Result(_Entry):
    """The numbers of a run, and the files that belong to them."""

    schema_version: Literal[1] = 1
    stage: str
    fingerprint: str
    parameters: dict[str, Any]
    numbers: dict[str, Number]
    products: list[str] = Field(description="file names, in the order of writing")


@dataclass(frozen=True)
class Identity:
    """What makes a run the run that it is.

    Attributes
    ----------
    stage
        Name of the stage.
    parameters
        Validated, as JSON values.
    inputs
        Files that it reads, with their checksums.
    code
        The code that is run.
    fingerprint
        sha256 of all these, without names and places of files.
    """

    stage: str
    parameters: Mapping[str, Any]
    inputs: Sequence[InputFile]
    code: Code
    fingerprint: str


def now() -> datetime:
    """Give the time in UTC, to the millisecond."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def new_record(identity: Identity, *, status: str) -> RunRecord:
    """Begin the record of a run.

    Parameters
    ----------
    identity
        What is run.
    status
        ``running`` or ``interactive``.

    Returns
    -------
    RunRecord
        Without end and products.
    """
    seeds = {
        name: value
        for name, value in identity.parameters.items()
        if (name == "seed" or name.endswith("_seed")) and isinstance(value, int)
    }
    return RunRecord.model_validate(
        {
            "stage": identity.stage,
            "fingerprint": identity.fingerprint,
            "status": status,
            "parameters": dict(identity.parameters),
            "inputs": list(identity.inputs),
            "code": identity.code,
            "versions": versions(),
            "python": python_version(),
            "seeds": seeds,
            "batch": batch_job(),
            "start": now(),
            "products": {},
        }
    )


def write_record(directory: Path, record: RunRecord) -> None:
    """Write ``run.json``."""
    write_text(directory / RECORD, record.model_dump_json(indent=2) + "\n")


def read_record(directory: Path) -> RunRecord | None:
    """Read ``run.json``; None when there is none that hepnb wrote."""
    try:
        return RunRecord.model_validate_json((directory / RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def read_result(directory: Path) -> Result:
    """Read ``result.json``.

    Raises
    ------
    BadResult
        It is missing or does not follow the schema.
    """
    path = directory / RESULT
    try:
        # Python's reader would let the NaN of a careless writer pass
        json.loads(text := path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        return Result.model_validate_json(text)
    except FileNotFoundError:
        message = f"no {RESULT}: the notebook has to end with form.publish(...)"
        raise BadResult(message) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{RESULT} is not valid at {place or 'its start'}: {first['msg']}"
        raise BadResult(message) from None
    except (OSError, ValueError) as error:
        message = f"{RESULT} is not valid: {error}"
        raise BadResult(message) from None


def _refuse_constant(name: str) -> float:
    message = f"{name} is not JSON; write null and a status"
    raise ValueError(message)


def number(value: Any) -> Number:
    """Give a number of a result from a plain number or a mapping.

    Parameters
    ----------
    value
        A number, or a mapping with ``value``, ``uncertainty``, ``unit`` and ``status``.

    Returns
    -------
    Number
        With null in place of what is not finite; status ``ok`` then becomes ``not_finite``.

    Raises
    ------
    BadResult
        It is neither.
    """
    given = dict(value) if isinstance(value, Mapping) else {"value": value}
    spread = given.get("uncertainty")
    try:
        given["value"] = central = _finite(given.get("value"))
        if spread is not None:
            two = isinstance(spread, tuple | list) or getattr(spread, "ndim", 0) > 0
            given["uncertainty"] = tuple(map(_finite, spread)) if two else _finite(spread)
        if central is None and given.get("status") in (None, "", "ok"):
            given["status"] = "not_finite"
        return Number.model_validate(given)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        message = f"{value!r} is not a number of a result: {reason}"
        raise BadResult(message) from None


def _finite(value: Any) -> float | None:
    if value is None:
        return None
    real = float(value)
    return real if math.isfinite(real) else None
