"""Write the products of a stage from inside its notebook, the result last."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hepnb.errors import BadResult
from hepnb.runner.directory import products_of
from hepnb.runner.files import write_text, writing
from hepnb.runner.fingerprint import identify
from hepnb.runner.products import save_figure, save_product
from hepnb.runner.record import (
    RECORD,
    RESULT,
    Identity,
    Number,
    Result,
    new_record,
    now,
    number,
    read_result,
    write_record,
)
from hepnb.stages import Stage

__all__ = ("publish",)

_RESERVED = (RECORD, RESULT, "notebook.ipynb", "kernel.log")
_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]*")


def __dir__() -> tuple[str, ...]:
    return __all__


def publish(
    directory: str | Path | None,
    stage: Stage,
    *,
    numbers: Mapping[str, Any] | None = None,
    figures: Mapping[str, Any] | None = None,
    products: Mapping[str, Any] | None = None,
    fingerprint: str | None = None,
) -> list[Path]:
    """Write products, figures and numbers of a stage, and last of all ``result.json``.

    Everything goes into a hidden folder first, so that a failure half way leaves neither a
    mixture of two results nor a result without its files.

    Parameters
    ----------
    directory
        Where to; None means the directory of the run under way, or, in a live session,
        ``<stage>_results`` in the current folder, with a ``run.json`` of its own.
    stage
        With the parameters that were used.
    numbers
        Name to a number, or to a mapping of ``value``, ``uncertainty`` (one, or down and up),
        ``unit`` and ``status``. What is not finite is written as null.
    figures
        Name to a matplotlib figure, axes, or array of axes: ``<name>.pdf`` and ``<name>.png``.
    products
        Name to an object with ``save(directory, name)``, a DataFrame, a histogram, or a mapping
        of JSON values. Numbers of objects with ``numbers()`` are added; one whose name is taken
        already gets the product's name in front.
    fingerprint
        Of the run; None takes that of the run under way, or works it out.

    Returns
    -------
    list of Path
        The files, the result last.

    Raises
    ------
    BadResult
        A product or number is of no known kind, or two want the same file.
    OutputNotWritable
        The disk is full, or the directory cannot be written.
    """
    run_dir = os.environ.get("HEPNB_RUN_DIR")
    target = Path(directory or run_dir or f"{stage.name()}_results")
    live = run_dir is None or target.absolute() != Path(run_dir).absolute()
    known = fingerprint or (None if live else os.environ.get("HEPNB_FINGERPRINT"))
    identity = identify(stage) if live or known is None else None
    code = known or (identity.fingerprint if identity else "")
    with writing(target), _gathering(target) as folder:
        files = _save_all(folder, stage.name(), code, figures or {}, products or {})
        result = Result(
            stage=stage.name(),
            fingerprint=code,
            parameters=stage.model_dump(mode="json"),
            numbers=_numbers(numbers or {}, products or {}),
            products=files,
        )
        write_text(folder / RESULT, result.model_dump_json(indent=2) + "\n")
        if live and identity is not None:
            _write_live_record(folder, identity, code)
        _replace(folder, target)
    return [target / each for each in (*files, RESULT)]


@contextmanager
def _gathering(target: Path) -> Iterator[Path]:
    folder = target / f".publishing-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _save_all(
    folder: Path,
    stage: str,
    fingerprint: str,
    figures: Mapping[str, Any],
    products: Mapping[str, Any],
) -> list[str]:
    made: dict[str, str] = {}
    kinds = [("product", products), ("figure", figures)]
    for kind, name, thing in ((kind, *item) for kind, each in kinds for item in each.items()):
        if not _NAME.fullmatch(name):
            message = f"{kind} {name!r}: a name is made of letters, digits and _ . + -"
            raise BadResult(message)
        # apart from the others, so that nothing can overwrite their files unseen
        apart = folder / f".{kind}"
        apart.mkdir()
        if kind == "figure":
            save_figure(apart, name, thing, stage=stage, fingerprint=fingerprint)
        else:
            save_product(apart, name, thing, fingerprint)
        for path in sorted(each for each in apart.rglob("*") if each.is_file()):
            file = path.relative_to(apart).as_posix()
            if file in made or file in _RESERVED:
                other = made.get(file, "the run itself")
                message = f"{kind} {name!r} and {other} both write {file}; rename one of them"
                raise BadResult(message)
            made[file] = f"{kind} {name!r}"
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            path.rename(folder / file)
        shutil.rmtree(apart)
    return list(made)


def _numbers(own: Mapping[str, Any], products: Mapping[str, Any]) -> dict[str, Number]:
    found = {name: number(value) for name, value in own.items()}
    for product, thing in products.items():
        if callable(give := getattr(thing, "numbers", None)):
            for name, value in give().items():
                found[f"{product}.{name}" if name in found else name] = number(value)
    return found


def _write_live_record(folder: Path, identity: Identity, fingerprint: str) -> None:
    record = new_record(identity, status="interactive")
    facts = {"fingerprint": fingerprint, "end": now(), "products": products_of(folder)}
    write_record(folder, record.model_copy(update=facts))


def _replace(folder: Path, target: Path) -> None:
    """Move everything in, the result last; what an older result listed goes first."""
    try:
        older = read_result(target).products
    except BadResult:
        older = []
    for name in (RESULT, RECORD, *older):
        (target / name).unlink(missing_ok=True)
    files = [each.relative_to(folder) for each in folder.rglob("*") if each.is_file()]
    for file in sorted(files, key=lambda each: (each.name == RESULT, each)):
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).replace(target / file)
