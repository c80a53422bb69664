"""Templates as ROOT files: plain trees, and their metadata as one JSON string.

==================  =============================================================================
``cells``           ``sum_w``, ``sum_w2`` and, with second weights, ``sum_w_second``: one entry per
                    cell and bin, the bins of the variable fastest, then the axes from the last
``single_values``   the same of the single values, one entry per cell and value
``edges_variable``  ``edge``: bins of the variable
``edges_<k>``       ``edge``: cells of axis k, and ``nodes_<k>``: ``node``
``template``        JSON: schema, variable, axes, single values, kernel, sample, cut, counts
==================  =============================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hepnb.data.column_files import whole_or_not
from hepnb.errors import BadTable, UnreadableFile
from hepnb.pid.response.interpolation import GridAxis
from hepnb.pid.response.template import PidTemplate

__all__ = ("SCHEMA", "read_template", "write_template")

SCHEMA = "hepnb.pid_template.1"

_SUMS = ("counts", "squares", "shifted")
_BRANCHES = ("sum_w", "sum_w2", "sum_w_second")


def __dir__() -> tuple[str, ...]:
    return __all__


def write_template(template: PidTemplate, path: Path) -> Path:
    """Write a template beside its place, and rename it when it is whole."""
    import uproot

    meta = {
        "schema": SCHEMA,
        "variable": template.variable,
        "axes": [{"variable": e.variable, "continuous": e.continuous} for e in template.axes],
        "single_values": list(template.atoms),
        "kernel": {"widths": list(template.widths), "adaptive": template.adaptive},
        "sample": template.sample,
        "cut": template.cut,
        "seen": dict(template.seen),
    }
    with whole_or_not(path) as beside, uproot.recreate(beside, compression=uproot.LZ4(1)) as file:
        file["template"] = json.dumps(meta)
        _tree(file, "edges_variable", {"edge": template.edges})
        for number, axis in enumerate(template.axes):
            _tree(file, f"edges_{number}", {"edge": np.asarray(axis.edges)})
            _tree(file, f"nodes_{number}", {"node": np.asarray(axis.nodes)})
        for name, stem in (("cells", ""), ("single_values", "atom_")):
            sums = [getattr(template, stem + each) for each in _SUMS]
            _tree(file, name, {
                branch: each.ravel()
                for branch, each in zip(_BRANCHES, sums, strict=True) if each is not None
            })  # fmt: skip
    return path


def read_template(path: Path) -> PidTemplate:
    """Read a template, exactly as it was.

    Raises
    ------
    UnreadableFile
        If the file is missing or no ROOT file.
    BadTable
        If it holds no template, or one of another schema or shape.
    """
    import uproot

    try:
        file = uproot.open(path)
    except (OSError, ValueError, NotImplementedError, KeyError) as error:
        raise UnreadableFile(f"{path} cannot be read as ROOT: {error}") from None
    with file:
        if "template" not in {each.partition(";")[0] for each in file}:
            raise BadTable(f"{path} holds no template; it holds {', '.join(file) or 'nothing'}")
        try:
            return _read(file, json.loads(str(file["template"])))
        except (KeyError, ValueError, TypeError) as error:
            raise BadTable(f"{path}: the template is not complete: {error}") from None


def _tree(file: Any, name: str, columns: Mapping[str, np.ndarray]) -> None:
    tree = file.mktree(name, {key: each.dtype for key, each in columns.items()})
    if len(next(iter(columns.values()))):
        tree.extend(dict(columns))


def _read(file: Any, meta: Mapping[str, Any]) -> PidTemplate:
    if meta.get("schema") != SCHEMA:
        raise BadTable(f"schema {meta.get('schema')!r} is not {SCHEMA!r}; write the file anew")
    axes = tuple(
        GridAxis(
            each["variable"],
            tuple(file[f"edges_{number}/edge"].array(library="np").tolist()),
            tuple(file[f"nodes_{number}/node"].array(library="np").tolist()),
            bool(each["continuous"]),
        )
        for number, each in enumerate(meta["axes"])
    )
    edges = file["edges_variable/edge"].array(library="np")
    shape = tuple(each.cells for each in axes)
    sums: dict[str, Any] = {}
    for name, stem, last in (
        ("cells", "", len(edges) - 1),
        ("single_values", "atom_", len(meta["single_values"])),
    ):
        for field, branch in zip(_SUMS, _BRANCHES, strict=True):
            if branch in file[name]:
                values = file[f"{name}/{branch}"].array(library="np")
                sums[stem + field] = values.reshape(*shape, last)
    return PidTemplate(
        meta["variable"],
        axes,
        edges,
        tuple(meta["single_values"]),
        **sums,
        widths=tuple(meta["kernel"]["widths"]),
        adaptive=meta["kernel"]["adaptive"],
        seen=meta["seen"],
        sample=meta["sample"],
        cut=meta["cut"],
    )
