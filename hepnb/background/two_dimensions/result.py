"""What an f-test in two masses gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepnb.background.ftest.goodness import GoodnessOfFit
from hepnb.background.ftest.result import FTest
from hepnb.background.two_dimensions.cells import Cells
from hepnb.background.two_dimensions.factorisation import Factorisation
from hepnb.background.two_dimensions.products import ProductFit
from hepnb.background.two_dimensions.spectrum import Spectrum2D

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Choice2D", "FTest2D", "TestedProduct")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class TestedProduct:
    """A fitted product and its goodness of fit.

    Attributes
    ----------
    fit
        The product.
    gof
        Goodness of fit; None where the fit failed.
    accepted
        Whether it is in the envelope.
    """

    __test__ = False  # no test of pytest's

    fit: ProductFit
    gof: GoodnessOfFit | None
    accepted: bool


@dataclass(frozen=True)
class Choice2D:
    """What was chosen.

    Attributes
    ----------
    envelope
        Names of the products that may describe the data.
    best
        The one of least ``2 NLL + c n_par``; None if there is none.
    reasons
        Why a product is not in the envelope, by name.
    """

    envelope: tuple[str, ...]
    best: str | None
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class FTest2D:
    """Functions of each mass, their products, and whether a product may be.

    Attributes
    ----------
    spectrum
        The data.
    x, y
        The f-tests of the two projections.
    products
        Every product fitted.
    factorisation
        Whether the masses are independent.
    choice
        What was chosen, and why not the rest.
    cells
        In which goodness of fit was told.
    settings
        Thresholds, toys and seed.
    """

    spectrum: Spectrum2D
    x: FTest
    y: FTest
    products: tuple[TestedProduct, ...]
    factorisation: Factorisation
    choice: Choice2D
    cells: Cells = field(repr=False)
    settings: Mapping[str, Any]

    def product(self, name: str) -> ProductFit:
        """Give the fit of a product by its name, such as ``bernstein2*exponential1``.

        Raises
        ------
        KeyError
            If it was not fitted.
        """
        return {each.fit.name: each.fit for each in self.products}[name]

    @property
    def best(self) -> ProductFit | None:
        """Fit of the best product; None if the envelope is empty."""
        return None if self.choice.best is None else self.product(self.choice.best)

    @property
    def envelope(self) -> tuple[ProductFit, ...]:
        """Fits of the products of the envelope."""
        return tuple(self.product(name) for name in self.choice.envelope)

    @property
    def ranked(self) -> tuple[ProductFit, ...]:
        """Products by ``2 NLL + c n_par``: of the envelope, or all if that is empty."""
        fits = self.envelope or tuple(each.fit for each in self.products if each.fit.valid)
        penalty = self.settings["penalty"]
        return tuple(sorted(fits, key=lambda fit: 2.0 * fit.nll + penalty * fit.n_par))

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped pseudo-experiments of a projection."""
        return self.x.interrupted or self.y.interrupted

    @property
    def frame(self) -> pd.DataFrame:
        """One row per product, the best by ``2 NLL + c n_par`` first."""
        import pandas as pd

        columns = ["product", "n_par", "nll", "2 NLL + c n_par", "gof p", "status", "in envelope"]
        frame = pd.DataFrame(map(self._row, self.products), columns=[*columns, "why not"])
        lowest = frame["2 NLL + c n_par"].min()
        frame["2 NLL + c n_par"] -= lowest
        frame = frame.rename(columns={"2 NLL + c n_par": "above least 2 NLL + c n_par"})
        order = ["in envelope", "above least 2 NLL + c n_par"]
        return frame.sort_values(order, ascending=[False, True]).set_index("product")

    def summary(self) -> str:
        """Say in a few lines what was chosen, and whether a product may be."""
        lines = [self.spectrum.summary()]
        for name, ftest in zip(self.spectrum.variables, (self.x, self.y), strict=True):
            envelope = ", ".join(ftest.choice.envelope) or "empty"
            lines.append(f"functions of {name}: {envelope}; best {ftest.choice.best or 'none'}")
        best = "none" if self.best is None else self.best.title
        lines += [
            f"products: {len(self.products)} fitted, {len(self.choice.envelope)} in the envelope",
            f"best: {best}",
            self.factorisation.summary(),
        ]
        if self.interrupted:
            lines.append("interrupted: p-values of the pseudo-experiments done until then")
        return "\n".join(lines)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Give the numbers of a run's ``result.json``."""
        members = len(self.choice.envelope)
        found: dict[str, dict[str, Any]] = {
            "candidates": {"value": self.spectrum.total, "status": "ok"},
            "products_fitted": {"value": len(self.products), "status": "ok"},
            "products_in_envelope": {"value": members, "status": "ok" if members else "empty"},
        }
        for name, ftest in zip(self.spectrum.variables, (self.x, self.y), strict=True):
            for kind, order in ftest.choice.truth.items():
                if order is not None:
                    found[f"order_{kind}({name})"] = {"value": order, "status": "ok"}
        best = self.best
        if best is not None:
            status = best.status if self.factorisation.passed else self.factorisation.status
            total = {"value": best.total, "uncertainty": best.total_error, "unit": "events"}
            found["background_yield"] = {**total, "status": status}
            if not self.spectrum.visible.all():
                found["hidden_yield"] = {"value": best.hidden, "unit": "events", "status": status}
        return found | self.factorisation.numbers()

    def save(self, directory: Path | str, name: str = "ftest_2d") -> list[Path]:
        """Write ``NAME.json``: both f-tests, every product, the test of independence, the choice.

        Parameters
        ----------
        directory
            That exists.
        name
            Of the file.

        Returns
        -------
        list of Path
            What was written.
        """
        from hepnb.background.two_dimensions.record import write_ftest_2d

        return [write_ftest_2d(self, Path(directory) / f"{name}.json")]

    def _row(self, each: TestedProduct) -> tuple[Any, ...]:
        fit, gof = each.fit, each.gof
        return (
            fit.title,
            fit.n_par,
            fit.nll,
            2.0 * fit.nll + self.settings["penalty"] * fit.n_par,
            float("nan") if gof is None else gof.p,
            fit.status,
            each.accepted,
            self.choice.reasons.get(fit.name, ""),
        )
