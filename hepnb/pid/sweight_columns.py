"""sWeights as columns of a sample, nominal and systematic."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.data.sample import DerivedColumn, Sample
from hepnb.errors import BadParameters, nearest
from hepnb.pid.mass_models import MassModel
from hepnb.pid.mass_spectrum import BLOCK
from hepnb.pid.sweights import sweights

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.pid.mass_result import MassFit

__all__ = ("SWeightFunction", "choose_sweights", "sweight_columns", "sweight_frame")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_CHOICES = ("stored", "fit", "none")


@dataclass(frozen=True)
class SWeightFunction:
    """sWeights as a function of the mass: small, so that it can travel to workers.

    Attributes
    ----------
    model, lo, hi, values
        Shapes: the model, the fit range ``[lo, hi)`` and the shape parameters.
    yields, covariance
        From the yields-only fit, of shapes (components,) and (components, components).
    """

    model: MassModel
    lo: float
    hi: float
    values: tuple[float, ...]
    yields: Floats
    covariance: Floats

    def __call__(self, mass: ArrayLike) -> Floats:
        """Weights of shape (n, components) for masses of shape (n,); NaN outside the range."""
        places = np.atleast_1d(np.asarray(mass, float))
        out = np.full((len(places), len(self.yields)), np.nan)
        for start in range(0, len(places), BLOCK):
            part = places[start : start + BLOCK]
            inside = (part >= self.lo) & (part < self.hi)
            densities = self.model.pdf(part[inside], self.lo, self.hi, self.values)
            out[start : start + BLOCK][inside] = sweights(densities, self.yields, self.covariance)
        return out

    def column(self, variable: str, component: str) -> DerivedColumn:
        """Column of one component's weights, from a mass expression.

        Raises
        ------
        BadParameters
            If the model has no such component.
        """
        names = self.model.component_names
        if component not in names:
            known = ", ".join(names)
            raise BadParameters(
                f"{component!r} is not one of the components {known}{nearest(component, names)}"
            )
        return DerivedColumn((variable,), _Column(self, variable, names.index(component)))


@dataclass(frozen=True)
class _Column:
    """One component's weights from the columns of a chunk."""

    function: SWeightFunction
    variable: str
    component: int

    def __call__(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.function(columns[self.variable])[:, self.component]


def sweight_columns(
    nominal: MassFit, alternative: MassFit, *, component: str = "signal", suffix: str = ""
) -> dict[str, DerivedColumn]:
    """Nominal and systematic sWeights, for ``sample.with_columns(**sweight_columns(...))``.

    Parameters
    ----------
    nominal, alternative
        Fits of the same candidates in the same range with two models.
    component
        Whose weights.
    suffix
        Ends the names, for samples that already have such columns.

    Returns
    -------
    dict
        Columns "sweight" and "sweight_sys", each followed by the suffix.

    Raises
    ------
    BadParameters
        If the two fits differ in range or candidates: the difference of their weights would then
        not be due to the model alone.
    FitFailed
        If one of the fits gives no sWeights.
    """
    _same_candidates(nominal, alternative)
    return {
        f"sweight{suffix}": nominal.sweight_column(component),
        f"sweight_sys{suffix}": alternative.sweight_column(component),
    }


def choose_sweights(
    sample: Sample,
    choice: str,
    nominal: MassFit,
    alternative: MassFit,
    *,
    component: str = "signal",
) -> Sample:
    """Sample whose weights are those of its files, of a fit made now, or none.

    Parameters
    ----------
    sample
        The sample that was fitted.
    choice
        "stored" keeps the weight columns of the files; "fit" takes the weights of the two fits;
        "none" takes no weights, for samples without background.
    nominal, alternative
        Fits of the sample with two models.
    component
        Whose weights.

    Returns
    -------
    Sample
        Its `weights` are the names of the nominal and the systematic column.

    Raises
    ------
    BadParameters
        If the choice is not one of these, or the sample has no stored weights.
    FitFailed
        If one of the fits gives no sWeights.
    """
    if choice not in _CHOICES:
        known = ", ".join(_CHOICES)
        raise BadParameters(f"sweights {choice!r} is not one of {known}{nearest(choice, _CHOICES)}")
    if choice == "none":
        return dataclasses.replace(sample, weights=())
    if choice == "stored":
        if not sample.weights:
            message = f"sample {sample.name!r} has no stored weights; choose 'fit' or 'none'"
            raise BadParameters(message)
        return sample
    columns = sweight_columns(nominal, alternative, component=component, suffix="_refit")
    return dataclasses.replace(sample.with_columns(**columns), weights=tuple(columns))


def sweight_frame(
    nominal: MassFit, alternative: MassFit | None = None, *, component: str = "signal"
) -> pd.DataFrame:
    """Mass and sWeights of every candidate that was fitted, in order, in memory.

    Parameters
    ----------
    nominal, alternative
        Fits of the same candidates; the second one may be left out.
    component
        Whose weights.

    Returns
    -------
    pandas.DataFrame
        The mass by its name, "sweight" and, with a second fit, "sweight_sys". There is one row per
        candidate that passed the cut; weights are NaN outside the fit range.

    Raises
    ------
    BadParameters
        If a histogram was fitted, which has no candidates, or the fits are of different ones.
    FitFailed
        If one of the fits gives no sWeights.
    """
    import pandas as pd

    if nominal.spectrum.passes is None:
        raise BadParameters("a histogram was fitted, which has no candidates; fit the sample")
    name = nominal.variable or "mass"
    mass = np.concatenate([block for block, _ in nominal.spectrum.passes()])
    fits = {"sweight": nominal}
    if alternative is not None:
        _same_candidates(nominal, alternative)
        fits["sweight_sys"] = alternative
    weights = {
        column: fit.sweight_column(component, variable=name).function({name: mass})
        for column, fit in fits.items()
    }
    return pd.DataFrame({name: mass} | weights)


def _same_candidates(nominal: MassFit, alternative: MassFit) -> None:
    for what in ("range", "counts"):
        first, second = getattr(nominal, what), getattr(alternative, what)
        if first != second:
            raise BadParameters(f"fits of one sample are needed; their {what}: {first}, {second}")
