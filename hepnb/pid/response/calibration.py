"""Templates of every particle of a calibration mode, made on the spot or read from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hepnb.errors import BadParameters
from hepnb.pid.apply.calibration import CODES
from hepnb.pid.response.fitting import fit_response
from hepnb.pid.response.template import PidTemplate

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.data.collection import Collection

__all__ = ("Templates", "calibration_templates", "templates_from_files")


def __dir__() -> tuple[str, ...]:
    return __all__


class Templates(NamedTuple):
    """True species (|PDG|) to template, in data and in simulation."""

    data: dict[int | None, PidTemplate]
    mc: dict[int | None, PidTemplate]

    @property
    def frame(self) -> pd.DataFrame:
        """One row per template: what it is of, and how well it is known (shares in percent)."""
        import pandas as pd

        rows = []
        for side, part in zip(self._fields, self, strict=True):
            for code, each in part.items():
                seen = each.seen
                share = 100 / max(seen.get("read", 0), 1)
                rows.append(
                    {
                        "side": side,
                        "species": code,
                        "variable": each.variable,
                        "sample": each.sample,
                        "cells": " x ".join(map(str, each.shape)),
                        "candidates": seen.get("in_template", 0),
                        "% out of range": round(share * seen.get("out_of_range", 0), 2),
                        "% NaN": round(share * seen.get("nan", 0), 2),
                        "% of cells known": round(100 * each.known_share, 1),
                        "% negative": round(100 * each.conditional.negative, 2),
                    }
                )
        return pd.DataFrame(rows)


def calibration_templates(
    data: Collection, mc: Collection, *, study: str, variable: str, **options: Any
) -> Templates:
    """Fit the response of each charged particle of a calibration mode.

    Parameters
    ----------
    data, mc
        Collections of calibration decays; data with stored weights.
    study
        The mode: ``Dst`` has kaons and pions.
    variable, **options
        Of `hepnb.pid.response.fit_response`.

    Raises
    ------
    BadParameters
        If the mode has no particle of a known code.
    """
    particles = {name: CODES[name] for name in data.particles(study) if name in CODES}
    if not particles:
        raise BadParameters(f"{study} has none of the particles {', '.join(CODES)}")
    made = Templates({}, {})
    for name, code in particles.items():
        for collection, part in ((data, made.data), (mc, made.mc)):
            sample = collection.study(study).particle(name)
            part[code] = fit_response(sample, variable, **options)
    return made


def templates_from_files(entries: Sequence[Mapping[str, Any]]) -> Templates:
    """Read templates.

    Parameters
    ----------
    entries
        Each with ``data``, the file of a template of data; ``mc``, the same of simulation, which
        only a transformation needs; and ``truth``, the PDG code of the species.

    Raises
    ------
    BadParameters
        If two are for the same species.
    UnreadableFile, BadTable
        If a file is no template.
    """
    made = Templates({}, {})
    for entry in entries:
        code = abs(int(entry["truth"]))
        if code in made.data:
            raise BadParameters(f"two templates are for species {code}; give one")
        made.data[code] = PidTemplate.load(Path(entry["data"]))
        if entry.get("mc"):
            made.mc[code] = PidTemplate.load(Path(entry["mc"]))
    return made
