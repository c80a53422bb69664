"""Parameters of the f-test in two masses."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field

from hepnb.errors import BadParameters, nearest
from hepnb.stages.fields import Cut, Interval, Variable
from hepnb.stages.stage import Stage

__all__ = ("Ftest2D",)


def __dir__() -> tuple[str, ...]:
    return __all__


class Ftest2D(Stage):
    """Which products of functions of two masses, m_gg x m_jj, may describe a smooth background."""

    title: ClassVar[str] = "Choice of background functions in two masses (2D f-test)"
    notebook: ClassVar[str] = "background/ftest_2d.ipynb"
    products: ClassVar = MappingProxyType(
        {
            "ftest_2d.json": "both f-tests, every product with its goodness of fit, whether the "
            "masses are independent, and the choice",
        }
    )

    data: str = Field(
        default="",
        description="file of candidates with both masses; empty: the embedded HH sample",
        json_schema_extra={"widget": "file"},
    )
    category: str = Field(
        default="", description="which category, where the file has a tree for each"
    )
    tree: str = Field(default="", description="which tree; empty: the only one, or the category's")
    cut: Cut = Field(default="", description="selection of the candidates")
    mass: Variable = Field(
        default="mass", description="the first mass, m_gg", json_schema_extra={"unit": "GeV"}
    )
    mass_range: Interval = Field(
        default=[100.0, 180.0],
        description="its range",
        json_schema_extra={"widget": "interval", "unit": "GeV"},
    )
    bins: int = Field(default=160, ge=4, le=2000, description="its bins")
    blind: Interval = Field(
        default=None,
        description="its window that is never read; alone, a strip of the plane",
        json_schema_extra={"widget": "interval", "unit": "GeV"},
    )
    other: Variable = Field(
        default="mjj", description="the second mass, m_jj", json_schema_extra={"unit": "GeV"}
    )
    other_range: Interval = Field(
        default=[70.0, 190.0],
        description="its range",
        json_schema_extra={"widget": "interval", "unit": "GeV"},
    )
    other_bins: int = Field(default=120, ge=4, le=2000, description="its bins")
    other_blind: Interval = Field(
        default=None,
        description="its window that is never read",
        json_schema_extra={"widget": "interval", "unit": "GeV"},
    )
    blind_region: Literal["rectangle", "cross"] = Field(
        default="rectangle",
        description="what two windows hide: the rectangle where both meet, or the cross of both "
        "strips",
    )
    unblind: bool = Field(default=False, description="read the windows all the same")
    families: list[str] = Field(
        default=["bernstein", "exponential", "powerlaw"],
        min_length=1,
        description="families of functions to try for both masses",
    )
    combine: Literal["envelope", "truth"] = Field(
        default="envelope",
        description="products of the two envelopes, or of all orders up to those that the data "
        "ask for",
    )
    whitelist: list[str] = Field(
        default=[], description="only these products, such as Ber2_Exp1; none: all"
    )
    rule: Literal["lookahead", "legacy"] = Field(
        default="lookahead",
        description="look two orders ahead with toys, or the sequential rule of flashggFinalFit",
    )
    max_order: dict[str, int] = Field(
        default={}, description="highest order by family, instead of 7, 5, 5 and 6"
    )
    alpha: float = Field(
        default=0.05, gt=0, lt=1, description="a higher order is taken where p is below"
    )
    envelope_alpha: float = Field(
        default=0.1, gt=0, lt=1, description="the same for functions of the envelope"
    )
    gof_minimum: float = Field(
        default=0.01, ge=0, lt=1, description="least goodness-of-fit probability in the envelope"
    )
    penalty: float = Field(default=1.0, ge=0, description="c: products compete by 2 NLL + c n_par")
    factorisation_alpha: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="largest probability to call masses dependent that are not",
    )
    toys: int = Field(
        default=100, ge=0, le=100_000, description="pseudo-experiments per test, at most"
    )
    seed: int = Field(default=1, ge=0, description="seed of the pseudo-experiments")

    @classmethod
    def name(cls) -> str:
        """``ftest_2d``."""
        return "ftest_2d"

    @property
    def reading(self) -> dict[str, Any]:
        """Options of `hepnb.background.two_dimensions.read_spectrum_2d`."""
        return {
            "x": self.mass,
            "y": self.other,
            "x_range": self.mass_range,
            "y_range": self.other_range,
            "x_bins": self.bins,
            "y_bins": self.other_bins,
            "blind_x": self.blind,
            "blind_y": self.other_blind,
            "region": self.blind_region,
            "unblind": self.unblind,
            "cut": self.cut,
            "tree": self.tree,
            "category": self.category,
        }

    @property
    def testing(self) -> dict[str, Any]:
        """Options of `hepnb.background.two_dimensions.run_ftest_2d`."""
        names = ["families", "rule", "max_order", "alpha", "envelope_alpha", "gof_minimum"]
        names += ["penalty", "factorisation_alpha", "toys", "seed"]
        options = {name: getattr(self, name) for name in names}
        return {**options, "products": self.combine, "only": self.whitelist or None}

    def input_files(self) -> tuple[str, ...]:
        """Give the file of the data, or that of the embedded sample."""
        if self.data:
            return (self.data,)
        from hepnb.background.samples import embedded

        return (str(embedded("hhbbgg.parquet")),)

    def check(self) -> None:
        """Refuse a file that is not there, and families that are not known.

        Raises
        ------
        BadParameters
            With the path or the name.
        """
        from hepnb.background.families import family, family_names

        if self.data and "://" not in self.data and not Path(self.data).is_file():
            message = f"data = {self.data!r} is no file; give its path, or leave it out"
            raise BadParameters(message)
        for name in self.families:
            family(name)
        for name in self.max_order:
            if name not in family_names():
                message = f"max_order of {name!r}: no such family{nearest(name, family_names())}"
                raise BadParameters(message)
