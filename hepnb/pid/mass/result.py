"""The outcome of a mass fit: yields, shapes, quality, figure and sWeights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from iminuit import Minuit
from numpy.typing import ArrayLike, NDArray

from hepnb.data.sample import DerivedColumn
from hepnb.errors import BadParameters, FitFailed
from hepnb.pid.mass.models import MassModel
from hepnb.pid.mass.spectrum import Spectrum
from hepnb.pid.subtraction.sweight_columns import SWeightFunction
from hepnb.pid.subtraction.sweights import YieldFit
from hepnb.stats.goodness_of_fit import Chi2Test, pulls

__all__ = ("MassFit",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MassFit:
    """What `fit_mass` found. `yields` and `errors` are of the full fit, with floating shapes.

    Attributes
    ----------
    model, spectrum
        What was fitted to what.
    minuit
        The minimiser at its minimum, for scans and Minos.
    parameters
        DataFrame: name, value, error, unit, at_limit; the yields first, named ``N_<component>``.
    test
        Goodness of fit in the spectrum's bins.
    status
        ``"ok"``, or words joined by semicolons: ``at_limit:<name>``, ``approximate_errors``,
        ``poor_fit`` (p-value below 0.001), ``similar_components`` (correlation of yields
        at least 0.95), ``refit_differs`` (by over half a standard deviation from the yields of the
        full fit: make the bins finer), ``no_sweights`` (see `problem`).
    unbinned
        Whether the shapes were fitted to candidates one by one.
    refit
        Yields fitted alone at fixed shapes; None if there is no such fit.
    problem
        Why there are no sWeights, or nothing.
    variable, unit
        Mass expression, and unit of the mass.
    """

    model: MassModel
    spectrum: Spectrum
    minuit: Minuit
    parameters: pd.DataFrame
    test: Chi2Test
    status: str
    unbinned: bool
    refit: YieldFit | None
    problem: str
    variable: str | None
    unit: str

    @cached_property
    def yields(self) -> Mapping[str, float]:
        """Number of candidates of each component in the range."""
        return self._of_yields("value")

    @cached_property
    def errors(self) -> Mapping[str, float]:
        """Standard deviation of each yield."""
        return self._of_yields("error")

    @property
    def valid(self) -> bool:
        """Whether the minimum is good and its covariance accurate."""
        return bool(self.minuit.valid and self.minuit.accurate)

    @property
    def chi2(self) -> float:
        """Chi-square in the bins."""
        return self.test.chi2

    @property
    def ndf(self) -> int:
        """Degrees of freedom."""
        return self.test.ndf

    @property
    def p_value(self) -> float:
        """Probability of a worse fit by chance."""
        return self.test.p_value

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of candidates given, in range, below, above, not finite, of bad weight."""
        return dict(self.spectrum.seen)

    @property
    def range(self) -> tuple[float, float]:
        """Fit range ``[lo, hi)`` in units of the mass."""
        return self.spectrum.lo, self.spectrum.hi

    @property
    def shape_values(self) -> tuple[float, ...]:
        """Fitted shape parameters, in the model's order."""
        return tuple(float(self.minuit.params[name].value) for name in self.model.parameter_names)

    def expected(self, edges: ArrayLike | None = None) -> dict[str, Floats]:
        """Give each component's expectation between edges; in the fit's bins by default."""
        places = self.spectrum.edges if edges is None else np.asarray(edges, float)
        shares = np.diff(self.model.cdf(places, *self.range, self.shape_values), axis=1)
        return {
            name: self.yields[name] * share
            for name, share in zip(self.model.component_names, shares, strict=True)
        }

    @cached_property
    def sweight_function(self) -> SWeightFunction:
        """Function that gives the sWeights of any mass; it can travel to workers.

        Raises
        ------
        FitFailed
            If the yields-only fit has no solution: `problem` says why.
        """
        if self.refit is None:
            raise FitFailed(f"no sWeights from this fit: {self.problem}")
        return SWeightFunction(
            self.model, *self.range, self.shape_values, self.refit.yields, self.refit.covariance
        )

    def sweights(self, mass: ArrayLike) -> Floats:
        """Give the sWeights of candidates.

        Parameters
        ----------
        mass
            Of shape (n,). The weights are valid for the whole sample that was fitted, not for
            a part of it that was selected with the help of the mass.

        Returns
        -------
        ndarray
            Of shape (n, components); NaN outside the fit range, where there is no weight.

        Raises
        ------
        FitFailed
            If the yields-only fit has no solution.
        """
        return self.sweight_function(mass)

    def sweight_column(
        self, component: str = "signal", *, variable: str | None = None
    ) -> DerivedColumn:
        """Column of sWeights for ``sample.with_columns(sweight=...)``.

        Parameters
        ----------
        component
            Whose weights.
        variable
            Mass expression in the sample; that of the fit by default.

        Returns
        -------
        DerivedColumn

        Raises
        ------
        BadParameters
            If the model has no such component, or the fit does not know the name of its mass.
        FitFailed
            If the yields-only fit has no solution.
        """
        column = variable or self.variable
        if column is None:
            raise BadParameters("the fit was given no name of its mass; say variable='D0_M' or so")
        return self.sweight_function.column(column, component)

    def plot(self, ax: Any = None, *, box: bool = True) -> Any:
        """Draw the spectrum, the fit with its components, and the pulls: see `plot_mass_fit`."""
        from hepnb.pid.mass.plots import plot_mass_fit

        return plot_mass_fit(self, ax, box=box)

    def summary(self) -> str:
        """Tell yields, quality of the fit and, unless it is "ok", its status, in a few lines."""
        lines = [
            f"{name.capitalize()}: {n:.0f} \u00b1 {self.errors[name]:.0f}"
            for name, n in self.yields.items()
        ]
        lines.append(f"\u03c7\u00b2 / ndf = {self.chi2:.1f} / {self.ndf}, p = {self.p_value:.2g}")
        return "\n".join(lines if self.status == "ok" else [*lines, *self.status.split(";")])

    @property
    def pulls(self) -> Floats:
        """Data less fit in standard deviations, per bin: of the expectation, if not weighted."""
        total = np.sum(list(self.expected().values()), axis=0)
        spectrum = self.spectrum
        return pulls(spectrum.counts, total, spectrum.variances if spectrum.weighted else total)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Give the numbers for a run's record: value, uncertainty, unit and status."""
        out: dict[str, dict[str, Any]] = {
            str(row.name): {
                "value": float(row.value),
                "uncertainty": float(row.error),
                "unit": str(row.unit),
                "status": "at_limit" if row.at_limit else "ok",
            }
            for row in self.parameters.itertuples(index=False)
        }
        for name, value in (("chi2", self.chi2), ("ndf", self.ndf), ("p_value", self.p_value)):
            out[name] = {"value": value, "uncertainty": None, "unit": "", "status": self.status}
        return out

    def save(self, directory: Path | str, name: str = "mass_fit") -> list[Path]:
        """Write the parameters, with yields first, as CSV.

        Returns
        -------
        list of Path
            What was written: ``<name>.csv``.
        """
        path = Path(directory) / f"{name}.csv"
        self.parameters.to_csv(path, index=False)
        return [path]

    def _of_yields(self, column: str) -> Mapping[str, float]:
        values = self.parameters.set_index("name")[column]
        names = self.model.component_names
        return MappingProxyType({name: float(values[f"N_{name}"]) for name in names})
