"""sWeights as columns of a sample, nominal and systematic."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hepnb.data.sample import DerivedColumn, Sample
from hepnb.errors import BadParameters, nearest
from hepnb.pid.mass.weights import MassWeights
from hepnb.pid.subtraction.cows import cow_function
from hepnb.pid.subtraction.sweights import sweights

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.pid.mass.result import MassFit

__all__ = (
    "SWeightFunction",
    "choose_sweights",
    "cow_columns",
    "sweight_columns",
    "sweight_frame",
)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]

_CHOICES = ("stored", "fit", "cows", "none")


@dataclass(frozen=True)
class SWeightFunction(MassWeights):
    """sWeights as a function of the mass.

    Attributes
    ----------
    yields, covariance
        From the yields-only fit, of shapes (components,) and (components, components).
    """

    yields: Floats
    covariance: Floats

    def inside(self, mass: Floats) -> Floats:
        """Weights of shape (n, components) for masses of shape (n,), all within the range."""
        densities = self.model.pdf(mass, self.lo, self.hi, self.values)
        return sweights(densities, self.yields, self.covariance)


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


def cow_columns(
    nominal: MassFit,
    alternative: MassFit,
    *,
    component: str = "signal",
    degree: int = 2,
    suffix: str = "_cows",
) -> dict[str, DerivedColumn]:
    """Nominal and systematic COWs, as `sweight_columns` gives sWeights.

    Parameters
    ----------
    nominal, alternative, component, suffix
        As in `sweight_columns`; of the fits the signal's shape counts.
    degree
        Of the background's polynomials, see `hepnb.pid.subtraction.cows.cow_function`.

    Returns
    -------
    dict
        Columns "sweight" and "sweight_sys", each followed by the suffix.

    Raises
    ------
    BadParameters
        If the two fits differ in range or candidates, or know no name of their mass.
    FitFailed
        If the densities of a fit are so alike that there are no weights.
    """
    _same_candidates(nominal, alternative)
    columns = {}
    for name, fit in (("sweight", nominal), ("sweight_sys", alternative)):
        if fit.variable is None:
            raise BadParameters("the fit was given no name of its mass; fit with variable=...")
        columns[name + suffix] = cow_function(fit, degree=degree).column(fit.variable, component)
    return columns


def choose_sweights(
    sample: Sample,
    choice: str,
    nominal: MassFit,
    alternative: MassFit,
    *,
    component: str = "signal",
    degree: int = 2,
) -> Sample:
    """Sample whose weights are those of its files, of a fit made now, or none.

    Parameters
    ----------
    sample
        The sample that was fitted.
    choice
        "stored" keeps the weight columns of the files; "fit" takes the sWeights of the two fits;
        "cows" takes custom orthogonal weights with their signal shapes, for a background that
        does not factorise (`cows`); "none" takes no weights, for samples without
        background.
    nominal, alternative
        Fits of the sample with two models.
    component
        Whose weights.
    degree
        Of the background's polynomials in COWs.

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
    if choice == "cows":
        columns = cow_columns(nominal, alternative, component=component, degree=degree)
    else:
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
