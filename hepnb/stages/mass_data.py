"""What the stages that model a background ask about their data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from hepnb.errors import BadParameters
from hepnb.stages.fields import Cut, Interval, Variable
from hepnb.stages.stage import Stage

__all__ = ("MassDataStage",)


def __dir__() -> tuple[str, ...]:
    return __all__


class MassDataStage(Stage):
    """A stage that reads a mass spectrum of one category."""

    data: str = Field(
        default="",
        description="file of masses, of lo,hi,count rows, of trees, or a histogram in UHI JSON; "
        "empty: the embedded sample",
        json_schema_extra={"widget": "file", "group": "Data"},
    )
    category: str = Field(
        default="",
        description="which category, where the file has a tree for each",
        json_schema_extra={"group": "Data"},
    )
    tree: str = Field(
        default="",
        description="which tree; empty: the only one, or the category's",
        json_schema_extra={"group": "Data"},
    )
    mass: Variable = Field(
        default="mass",
        description="variable of the spectrum, where the file has columns",
        json_schema_extra={"unit": "GeV", "group": "Data"},
    )
    weight: str = Field(
        default="",
        description="weight of each candidate; empty: none",
        json_schema_extra={"group": "Data"},
    )
    cut: Cut = Field(default="", description="selection of the candidates")
    mass_range: Interval = Field(
        default=None,
        description="range of the fits; none: all rows of counts, 100 to 180 for candidates",
        json_schema_extra={"widget": "interval", "unit": "GeV", "group": "Data"},
    )
    bins: int | None = Field(
        default=None,
        ge=2,
        le=100_000,
        description="bins; none: those of the rows, or 320",
        json_schema_extra={"group": "Data"},
    )
    blind: Interval = Field(
        default=None,
        description="window that is never read, so that no fit, table or plot can see it",
        json_schema_extra={"widget": "interval", "unit": "GeV", "group": "Data"},
    )
    unblind: bool = Field(
        default=False,
        description="read the window all the same",
        json_schema_extra={"group": "Data"},
    )

    @property
    def reading(self) -> dict[str, Any]:
        """Options of `hepnb.background.read_spectrum`."""
        return {
            "range": self.mass_range,
            "bins": self.bins,
            "blind": self.blind,
            "unblind": self.unblind,
            "mass": self.mass,
            "weight": self.weight,
            "cut": self.cut,
            "tree": self.tree,
            "category": self.category,
        }

    def input_files(self) -> tuple[str, ...]:
        """Give the file of the data, or that of the embedded sample."""
        if self.data:
            return (self.data,)
        from hepnb.background.samples import embedded

        return (str(embedded()),)

    def check(self) -> None:
        """Refuse a file that is not there, and a range or window that makes no sense.

        Raises
        ------
        BadParameters
            With the path.
        """
        if self.data and "://" not in self.data and not Path(self.data).is_file():
            message = f"data = {self.data!r} is no file; give its path, or leave it out"
            raise BadParameters(message)
