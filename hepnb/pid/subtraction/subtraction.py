"""Background subtraction as a stage asks for it: the one path from a choice to weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hepnb.errors import BadParameters
from hepnb.pid.mass.fit import MassFit
from hepnb.pid.studies import study_of
from hepnb.pid.subtraction.choices import WITHOUT_MASS, check_choice, features_of, looked_at
from hepnb.pid.subtraction.factorisation import FactorisationTest, factorisation_test
from hepnb.pid.subtraction.learned_background import LearnedSubtraction
from hepnb.pid.subtraction.mc_subtraction import McSubtraction
from hepnb.pid.subtraction.sweight_columns import choose_sweights
from hepnb.pid.subtraction.without_mass import subtract_without_mass

if TYPE_CHECKING:
    from hepnb.data.sample import Sample

__all__ = ("Subtraction", "subtract_background")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False)
class Subtraction:
    """A sample with its weights, and what they come from.

    Attributes
    ----------
    sample
        Its `weights` name the nominal and the systematic column.
    choice
        How the background is subtracted, see `subtract_background`.
    fit, alternative
        The two mass fits; None where none was made.
    without_mass
        What took their place where there is no mass, else None.
    degree
        Of the background's polynomials in COWs.
    variables, cut
        What the measurement looks at, and its selection.
    """

    sample: Sample
    choice: str
    fit: MassFit | None = None
    alternative: MassFit | None = None
    without_mass: McSubtraction | LearnedSubtraction | None = None
    degree: int = 2
    variables: tuple[str, ...] = ()
    cut: str = ""

    def component(self, name: str) -> Sample:
        """Sample with the weights of another component of the same fits, such as "background".

        Raises
        ------
        BadParameters
            If the weights are not of fits made here, or the model has no such component.
        """
        if self.choice not in {"fit", "cows"} or self.fit is None or self.alternative is None:
            message = f"weights of component {name!r} come from a mass fit; set sweights to 'fit'"
            raise BadParameters(message)
        return choose_sweights(
            dataclasses.replace(self.sample, derived={}),
            self.choice,
            self.fit,
            self.alternative,
            component=name,
            degree=self.degree,
        )

    def summary(self) -> str:
        """Say how the background is subtracted, and what there is no figure of."""
        if self.without_mass is not None:
            return self.without_mass.summary()
        shapes = "" if self.fit is None else self.fit.model.name
        how = {
            "none": "No background is subtracted: every candidate counts.",
            "stored": f"Background is subtracted by weights of the files, {self._weights}.",
            "fit": f"Background is subtracted by sWeights of a fit made here, {shapes}.",
            "cows": f"Background is subtracted by COWs of degree {self.degree}, {shapes}.",
        }[self.choice]
        return how if self.sample.mass else f"{how} There is no mass to fit."

    def factorisation(self) -> FactorisationTest:
        """Test what the weights assume of the variables that the measurement looks at.

        Returns
        -------
        FactorisationTest
            Of the mass of the background, or of a learned score; or the reason why there is
            nothing to test.
        """
        if isinstance(self.without_mass, LearnedSubtraction):
            return self.without_mass.factorisation
        if isinstance(self.without_mass, McSubtraction):
            return FactorisationTest.untested(
                "Nothing has to factorise: simulated background is taken away in every bin, from "
                "the candidates that pass and from those that fail. What is believed instead is "
                "how often it passes in simulation."
            )
        if self.fit is None or not self.variables:
            return FactorisationTest.untested("No mass was fitted, so that there is none to test.")
        return factorisation_test(self.sample, self.fit, self.variables, cut=self.cut)

    def products(self) -> dict[str, Any]:
        """Products of a stage by name: the nominal fit, or what took its place; or none."""
        found = {"mass_fit": self.fit, "background": self.without_mass}
        return {name: each for name, each in found.items() if each is not None}

    def figures(
        self, *, cut: str = "", binning: Mapping[str, Sequence[float]] | None = None
    ) -> dict[str, Any]:
        """Draw what the weights come from, if anything: name to axes.

        Parameters
        ----------
        cut, binning
            The requirement and its bins, for the purity where simulation tells the background.
        """
        if isinstance(self.without_mass, LearnedSubtraction):
            return {"score_fit": self.without_mass.plot()}
        if isinstance(self.without_mass, McSubtraction):
            if not cut or not binning:
                return {}
            found = self.without_mass.plot_purity(cut=cut, binning=binning, precut=self.cut)
            return {"purity": found}
        return {} if self.fit is None else {"mass_fit": self.fit.plot()}

    @property
    def _weights(self) -> str:
        return " and ".join(self.sample.weights)


def subtract_background(
    sample: Sample,
    choice: str,
    *,
    simulation: Sample | None = None,
    models: Sequence[str] = ("", ""),
    degree: int = 2,
    range: Sequence[float] | None = None,  # noqa: A002 -- the field's word, as in numpy
    cut: str = "",
    variables: Sequence[str] = (),
    fit_anyway: bool = False,
    scale: float | None = None,
    control_region: str = "",
    systematic: float = 0.2,
    features: Sequence[str] = (),
    regions: Mapping[str, Sequence[float]] | None = None,
) -> Subtraction:
    """Give a sample the weights that subtract its background, in whichever way is chosen.

    Parameters
    ----------
    sample
        Candidates; simulation and samples without background take ``"none"``.
    choice
        ``"stored"``: weight columns of the files. ``"fit"``: sWeights of two mass fits made here.
        ``"cows"``: custom orthogonal weights with their signal shapes, for a background that does
        not factorise. Without a mass: ``"simulation"``, less the background that simulation expects
        in every bin, or ``"learned"``, sWeights of a classifier's score. ``"none"``: no weights.
    simulation
        Simulated candidates of signal and background, for the two ways without a mass.
    models, degree, range
        The nominal mass model and the alternative one, blank for that of the study; degree of the
        background's polynomials in COWs; range of the fits, by default that of the study.
    cut
        Selection of the measurement, which the fits must have too.
    variables
        What the measurement looks at, see `hepnb.pid.control_variables`; a learned score must not
        depend on them.
    fit_anyway
        Whether to fit the mass, where there is one, even if the weights do not come from it: to see
        how clean the candidates are.
    scale, control_region
        Data per simulated candidate; or a cut that selects a region of much background where it is
        measured (the whole selection: `cut` is not added). By default the ratio of luminosities.
    systematic
        Relative uncertainty of the yield of the background that simulation expects.
    features
        Of a learned score; by default those of the study.
    regions
        Binning whose bins get a score fit each, by variables that the score depends on.

    Returns
    -------
    Subtraction

    Raises
    ------
    BadParameters, MissingExtra, CutSyntaxError, UnknownVariable
        Before anything is read, see `hepnb.pid.subtraction.choices.check_choice`.
    FitFailed
        If a mass, or the species of a learned score, cannot be fitted.
    """
    check_choice(
        sample,
        choice,
        simulation=simulation,
        scale=scale,
        control_region=control_region,
        features=features,
        regions=regions,
        variables=variables,
    )
    plain = Subtraction(sample, choice, degree=degree, variables=tuple(variables), cut=cut)
    options: dict[str, Any]
    if choice in WITHOUT_MASS and simulation is not None:
        if choice == "simulation":
            options = {"scale": scale, "control": control_region, "systematic": systematic}
        else:
            told = {"features": features_of(sample, features), "regions": regions or None}
            options = told | {"control": looked_at(variables, regions or {}), "cut": cut}
        found = subtract_without_mass(sample, simulation, WITHOUT_MASS[choice], **options)
        return dataclasses.replace(plain, sample=found.sample, without_mass=found)
    weighted = sample if choice == "stored" else dataclasses.replace(sample, weights=())
    if choice not in {"fit", "cows"} and not (fit_anyway and sample.mass):
        return dataclasses.replace(plain, sample=weighted)
    mode = study_of(sample)
    options = {"cut": cut}
    if range is not None:
        options["range"] = (float(range[0]), float(range[1]))
    fit, alternative = (
        mode.fit(sample, model or own, **options)
        for model, own in zip(models, (mode.mass_model, mode.alternative_model), strict=True)
    )
    if choice in {"fit", "cows"}:
        weighted = choose_sweights(sample, choice, fit, alternative, degree=degree)
    return dataclasses.replace(plain, sample=weighted, fit=fit, alternative=alternative)
