"""Background subtraction as a stage asks for it: stored weights, a fit made now, or none."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hepnb.errors import BadParameters
from hepnb.pid.mass.fit import MassFit, fit_mass
from hepnb.pid.subtraction.sweight_columns import choose_sweights

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("Subtraction", "subtract_background")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False)
class Subtraction:
    """A sample with its weights, and the fits that they come from.

    Attributes
    ----------
    sample
        Its `weights` name the nominal and the systematic column.
    fit, alternative
        The two fits; None where none was needed.
    method, degree
        How weights are made of the fits: "fit" (sWeights) or "cows" of that degree.
    """

    sample: Sample
    fit: MassFit | None = None
    alternative: MassFit | None = None
    method: str = "fit"
    degree: int = 2

    def component(self, name: str) -> Sample:
        """Sample with the weights of another component of the same fits, such as "background".

        Raises
        ------
        BadParameters
            If there was no fit, or the model has no such component.
        """
        if self.fit is None or self.alternative is None:
            message = f"weights of component {name!r} come from a mass fit; set sweights to 'fit'"
            raise BadParameters(message)
        return choose_sweights(
            dataclasses.replace(self.sample, derived={}),
            self.method,
            self.fit,
            self.alternative,
            component=name,
            degree=self.degree,
        )

    def products(self, name: str = "mass_fit") -> dict[str, MassFit]:
        """Give the nominal fit as a product of a stage, if there is one."""
        return {} if self.fit is None else {name: self.fit}

    def figures(self, name: str = "mass_fit") -> dict[str, Any]:
        """Draw the nominal fit, if there is one: name to axes."""
        return {} if self.fit is None else {name: self.fit.plot()}


def subtract_background(
    sample: Sample,
    sweights: str,
    *,
    models: Sequence[str],
    degree: int = 2,
    range: Sequence[float] | None = None,  # noqa: A002 -- the field's word, as in numpy
    cut: str = "",
) -> Subtraction:
    """Choose the weights of a sample, fitting its mass only where that is asked for.

    Parameters
    ----------
    sample
        Candidates; simulation and samples without background take ``"none"``.
    sweights
        See `hepnb.pid.subtraction.sweight_columns.choose_sweights`.
    models
        The nominal mass model and the alternative one.
    degree
        Of the background's polynomials, for ``"cows"``.
    range, cut
        Of the fits. What is measured later must have the same selection, `cut`.

    Returns
    -------
    Subtraction

    Raises
    ------
    BadParameters, FitFailed
        As `fit_mass` and `choose_sweights` do.
    """
    if sweights == "none":
        return Subtraction(dataclasses.replace(sample, weights=()))
    if sweights == "stored":
        if not sample.weights:
            message = f"sample {sample.name!r} has no stored weights; choose 'fit' or 'none'"
            raise BadParameters(message)
        return Subtraction(sample)
    bounds = None if range is None else (float(range[0]), float(range[1]))
    fit, alternative = (fit_mass(sample, each, range=bounds, cut=cut) for each in models)
    weighted = choose_sweights(sample, sweights, fit, alternative, degree=degree)
    return Subtraction(weighted, fit, alternative, sweights, degree)
