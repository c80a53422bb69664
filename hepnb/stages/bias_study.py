"""Parameters of the bias study."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field

from hepnb.errors import BadParameters
from hepnb.stages.fields import Interval
from hepnb.stages.mass_data import MassDataStage

__all__ = ("BiasStudy",)


def __dir__() -> tuple[str, ...]:
    return __all__


class BiasStudy(MassDataStage):
    """How far, and how often, a wrong background function leads the signal strength astray."""

    title: ClassVar[str] = "Bias, coverage and spurious signal"
    notebook: ClassVar[str] = "background/bias_study.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "bias.csv": "one row per truth, strength and function: pulls, coverage, failures",
            "bias.toys.parquet": "every fit of every toy",
            "bias.json": "what was asked for, and how many toys were done",
            "envelope.csv": "scan of the signal strength in one experiment",
            "envelope.json": "its minimum and intervals",
            "spurious.csv": "one row per function: spurious signal, and whether it is accepted",
            "spurious.masses.csv": "spurious signal at each mass",
            "spurious.json": "the criteria, and the function chosen",
        }
    )

    blind: Interval = Field(
        default=[115.0, 135.0],
        description="window that is read with unblind only; truths are fitted to the rest",
        json_schema_extra={"widget": "interval", "unit": "GeV"},
    )
    signal: str = Field(
        default="",
        description="file of the signal's shape (YAML, JSON), or its text in braces; empty: that "
        "of the embedded sample",
    )
    truths: list[str] = Field(
        default=["bernstein4", "exponential3", "powerlaw3"],
        min_length=1,
        description="functions that toys are drawn from, fitted to the data",
    )
    functions: list[str] = Field(
        default=["powerlaw1", "exponential3", "powerlaw3", "laurent3", "bernstein4", "bernstein5"],
        min_length=1,
        description="functions that are fitted to the toys, alone and as an envelope",
    )
    strengths: list[float] = Field(
        default=[0.0, 1.0], min_length=1, description="signal strengths that are injected"
    )
    correction: Literal["per_parameter", "pvalue", "finite_akaike"] = Field(
        default="per_parameter", description="how functions pay for their parameters"
    )
    penalty: float = Field(
        default=1.0, ge=0, description="c: per_parameter compares by 2 NLL + c n_par"
    )
    toys: int = Field(default=20, ge=1, le=1_000_000, description="toys of each truth and strength")
    seed: int = Field(default=1, ge=0, description="seed of the toys")
    jobs: int = Field(
        default=1, ge=1, le=1024, description="processes; the toys do not depend on their number"
    )
    template: str = Field(
        default="",
        description="simulated background for the spurious signal; empty: what the first truth "
        "expects",
        json_schema_extra={"widget": "file"},
    )
    template_weight: str = Field(
        default="", description="weight of each simulated candidate; empty: none"
    )
    window: Interval = Field(
        default=[115.0, 135.0],
        description="masses at which a spurious signal is looked for; none: the whole range",
        json_schema_extra={"widget": "interval", "unit": "GeV"},
    )

    @property
    def paid(self) -> Any:
        """Correction of `hepnb.background.profiling.scan_envelope`."""
        return self.penalty if self.correction == "per_parameter" else self.correction

    @property
    def reading_template(self) -> dict[str, Any]:
        """Options of `hepnb.background.profiling.read_template`."""
        same = ("mass", "cut", "tree", "category")
        return {name: getattr(self, name) for name in same} | {"weight": self.template_weight}

    def input_files(self) -> tuple[str, ...]:
        """Files of the data and of the simulated background."""
        return (*super().input_files(), *([self.template] if self.template else []))

    def check(self) -> None:
        """Look up functions and signal; see also `MassDataStage.check`."""
        from hepnb.background.profiling.functions import functions_of
        from hepnb.background.splusb import signals_of

        super().check()
        functions_of(self.truths)
        functions_of(self.functions)
        if self.template and "://" not in self.template and not Path(self.template).is_file():
            message = f"template = {self.template!r} is no file; give its path, or leave it out"
            raise BadParameters(message)
        if self.data and not self.signal.strip():
            message = (
                "signal is empty, but only the embedded sample has one of its own; give a YAML "
                "file, or for instance {shape: sum_of_gaussians, mean: 125, sigma: 1.5}"
            )
            raise BadParameters(message)
        if self.signal.strip() or self.category:
            signals_of(self.signal, (self.category,))
