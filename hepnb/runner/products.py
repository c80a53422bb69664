"""Save one product or figure, each in the formats of the field, with the mark of its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import hepnb
from hepnb.errors import BadResult
from hepnb.runner.files import write_bytes, write_text
from hepnb.runner.fingerprint import mark

__all__ = ("save_figure", "save_product")


def __dir__() -> tuple[str, ...]:
    return __all__


def save_product(folder: Path, name: str, product: Any, fingerprint: str) -> list[Path]:
    """Write a product.

    Parameters
    ----------
    folder
        Where to.
    name
        File name without its endings.
    product
        A histogram (UHI JSON), a DataFrame (CSV and Parquet), an object with
        ``save(directory, name)``, or a mapping of JSON values.
    fingerprint
        Of the run.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    BadResult
        It is none of these.
    """
    import boost_histogram
    import pandas as pd

    if isinstance(product, boost_histogram.Histogram):
        return [_save_histogram(folder / f"{name}.json", product, fingerprint)]
    if isinstance(product, pd.DataFrame):
        return _save_frame(folder, name, product, fingerprint)
    if callable(save := getattr(product, "save", None)):
        return [Path(each) for each in save(folder, name)]
    if isinstance(product, Mapping):
        return [_save_json(folder / f"{name}.json", dict(product), fingerprint)]
    message = (
        f"product {name!r} is a {type(product).__name__}; allowed are a DataFrame, a histogram,"
        " a mapping of JSON values, or an object with save(directory, name)"
    )
    raise BadResult(message)


def save_figure(
    folder: Path, name: str, figure: Any, *, stage: str, fingerprint: str
) -> list[Path]:
    """Write a figure as PDF and PNG whose metadata name the run; equal figures, equal bytes.

    Parameters
    ----------
    folder
        Where to.
    name
        File name without its endings.
    figure
        A matplotlib figure, axes, or an array of axes of one figure.
    stage
        Name of the stage.
    fingerprint
        Of the run.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    BadResult
        It is no figure, or its axes belong to several.
    """
    drawn = _figure_of(name, figure)
    title, keywords = f"{name} ({stage})", mark(fingerprint)
    pdf, png = folder / f"{name}.pdf", folder / f"{name}.png"
    # without its date and producer, which would make equal figures differ
    facts = {"Creator": f"hepnb {hepnb.__version__}", "Producer": None, "CreationDate": None}
    drawn.savefig(pdf, metadata={"Title": title, "Subject": stage, "Keywords": keywords, **facts})
    drawn.savefig(png, metadata={"Title": title, "Comment": keywords, "Software": facts["Creator"]})
    return [pdf, png]


def _figure_of(name: str, figure: Any) -> Any:
    from matplotlib.figure import Figure

    found = []
    for each in np.asarray(figure, dtype=object).ravel():
        root = each if isinstance(each, Figure) else getattr(each, "figure", None)
        while root is not None and not isinstance(root, Figure):
            root = getattr(root, "figure", None)  # axes of a figure inside a figure
        if root is None:
            message = (
                f"figure {name!r} is a {type(each).__name__}; allowed are a matplotlib figure,"
                " axes, or an array of axes"
            )
            raise BadResult(message)
        if root not in found:
            found.append(root)
    if len(found) != 1:
        message = f"figure {name!r} has axes of {len(found)} figures; give each a name of its own"
        raise BadResult(message)
    return found[0]


def _save_histogram(path: Path, histogram: Any, fingerprint: str) -> Path:
    import uhi.io.json

    content = json.loads(json.dumps(histogram, default=uhi.io.json.default))
    content["writer_info"]["hepnb"] = _header(fingerprint)
    write_text(path, _json(path, content))
    return path


def _save_json(path: Path, content: dict[str, Any], fingerprint: str) -> Path:
    write_text(path, _json(path, {**content, "hepnb": _header(fingerprint)}))
    return path


def _save_frame(folder: Path, name: str, frame: Any, fingerprint: str) -> list[Path]:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet

    csv, parquet = folder / f"{name}.csv", folder / f"{name}.parquet"
    counted = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    write_text(csv, frame.to_csv(index=not counted, lineterminator="\n"))
    try:
        table = pa.Table.from_pandas(frame, preserve_index=not counted)
    except (pa.ArrowException, TypeError, ValueError) as error:
        message = f"table {name!r} cannot be written as Parquet: {error}; give each column one type"
        raise BadResult(message) from None
    metadata = {**(table.schema.metadata or {}), b"hepnb": mark(fingerprint).encode()}
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), sink)
    write_bytes(parquet, sink.getvalue().to_pybytes())
    return [csv, parquet]


def _header(fingerprint: str) -> dict[str, str]:
    return {"version": hepnb.__version__, "run": mark(fingerprint)}


def _json(path: Path, content: Any) -> str:
    try:
        return json.dumps(content, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        message = f"{path.name} cannot be written as JSON: {error}"
        raise BadResult(message) from None
