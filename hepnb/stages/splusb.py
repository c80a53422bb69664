"""Parameters of the fit of signal plus background."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field

from hepnb.errors import BadParameters
from hepnb.stages.fields import Interval
from hepnb.stages.mass_data import MassDataStage

__all__ = ("Splusb",)


def __dir__() -> tuple[str, ...]:
    return __all__


class Splusb(MassDataStage):
    """Fit a signal on the background of one or several categories, and draw them."""

    title: ClassVar[str] = "Signal plus background"
    notebook: ClassVar[str] = "background/splusb.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "splusb.json": "strength, position and width, and every category's numbers",
            "categories.csv": "one row per category: yields, effective sigma, weight, status",
        }
    )

    category: str = Field(
        default="",
        description="which categories, separated by commas; empty: every one that the file has",
    )
    by: str = Field(
        default="", description="column that tells the category, where they share a table"
    )
    blind: Interval = Field(
        default=[115.0, 135.0],
        description="window that is left out of the fit of background alone, and read with "
        "unblind only",
        json_schema_extra={"widget": "interval", "unit": "GeV"},
    )
    signal: str = Field(
        default="",
        description="file of simulated signal, or its parameters, one signal or one per category "
        "(YAML, JSON, or such text in braces); empty: that of the embedded sample",
    )
    signal_shape: Literal["double_sided_crystal_ball", "sum_of_gaussians", "template"] = Field(
        default="double_sided_crystal_ball",
        description="shape that is fitted to simulated signal; template: its bins as they are",
    )
    signal_weight: str = Field(
        default="weight",
        description="weight of each simulated candidate; their sum is the signal of strength 1",
    )
    function: str = Field(
        default="",
        description="background, such as bernstein4; a mapping of category to function in braces "
        "or in a file; or an ftest.json; empty: an f-test of the sidebands chooses",
    )
    ftest_toys: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="pseudo-experiments per test of that f-test; 0: chi-square probabilities",
    )
    float_mean: float = Field(
        default=0.0,
        ge=0,
        description="how far the fit may move the peak either way; 0: it is held",
        json_schema_extra={"unit": "GeV"},
    )
    float_scale: float = Field(
        default=1.0,
        ge=1,
        description="factor by which the fit may widen or narrow the peak; 1: it is held",
    )
    toys: int = Field(
        default=100,
        ge=0,
        le=100_000,
        description="pseudo-experiments that are refitted for the bands; 0: no bands",
    )
    seed: int = Field(default=1, ge=0, description="seed of the pseudo-experiments")
    panel: Literal["difference", "ratio"] = Field(
        default="difference", description="lower panel: data less background, or over it"
    )

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories asked for; none: all."""
        return tuple(each.strip() for each in self.category.split(",") if each.strip())

    @property
    def reading(self) -> dict[str, Any]:
        """Options of `hepnb.background.splusb.read_spectra`."""
        options = {key: value for key, value in super().reading.items() if key != "category"}
        return options | {"by": self.by, "categories": self.categories}

    @property
    def simulation(self) -> dict[str, Any]:
        """Options of `hepnb.background.splusb.signals_of`."""
        return {
            "shape": self.signal_shape,
            "weight": self.signal_weight,
            "range": self.mass_range,
            "mass": self.mass,
        }

    @property
    def floating(self) -> dict[str, tuple[float, float]]:
        """Parameters of the peak that are fitted, with their bounds."""
        bounds = {}
        if self.float_mean > 0:
            bounds["mean"] = (-self.float_mean, self.float_mean)
        if self.float_scale > 1:
            bounds["scale"] = (1 / self.float_scale, self.float_scale)
        return bounds

    @property
    def mass_label(self) -> str:
        """Title of the mass axis; empty: from the variable."""
        return r"$m_{\gamma\gamma}$ [GeV]" if not self.data and self.mass == "mass" else ""

    def input_files(self) -> tuple[str, ...]:
        """Give the files of data and signal."""
        from hepnb.background.samples import embedded

        signal = self.signal.strip() or str(embedded("hgg_signal.root"))
        return (*super().input_files(), *(() if signal.startswith("{") else (signal,)))

    def check(self) -> None:
        """Look up signal and functions; see also `MassDataStage.check`."""
        from hepnb.background.splusb import described, function_of, named_functions, signals_of

        super().check()
        if self.data and not self.signal.strip():
            message = (
                "signal is empty, but only the embedded sample has one of its own; give a file of "
                "simulated signal, or for instance {shape: sum_of_gaussians, mean: 125, sigma: 1.5}"
            )
            raise BadParameters(message)
        if described(self.signal):
            signals_of(self.signal, self.categories)
        elif self.signal.strip() and not Path(self.signal).is_file():
            message = f"signal = {self.signal!r} is no file; give its path, or {{shape: ...}}"
            raise BadParameters(message)
        for function in named_functions(self.function, self.categories or ("",)).values():
            function_of(function)
