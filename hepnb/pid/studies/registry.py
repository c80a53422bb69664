"""A study: what there is to know about a calibration mode, and the registry of those known."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hepnb.data.expressions import parse
from hepnb.errors import BadParameters, nearest

if TYPE_CHECKING:
    from hepnb.data.sample import Sample
    from hepnb.pid.mass.fit import MassFit
    from hepnb.pid.mass.models import MassModel

__all__ = ("ENTRY_POINTS", "Study", "register_study", "study", "study_names", "study_of")

ENTRY_POINTS = "hepnb.studies"
_log = logging.getLogger(__name__)


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Study:
    """A calibration mode: its particles, its mass peak and its selections.

    Use it by making one and giving it to `register_study`; stages then know the mode by its name,
    which is that of the study in the catalogue.

    Attributes
    ----------
    name, title
        As in the catalogue, and in words.
    particles
        Those whose identification it calibrates, the main one first.
    mass, mass_range
        Mass expression and fit range ``(lo, hi)`` in GeV; blank and None where no mass is to fit.
    mass_model, alternative_model
        Shapes of the nominal fit, and of the one that gives the systematic sWeights.
    standard
        Cut that selects candidates, without PID of the particles studied; what
        ``apply_std_constraints`` asks for.
    selections
        Further selections by name.
    features
        Variables that tell signal from background and know nothing of the PID of the particles, for
        a score that is learned where no mass is to fit.
    reference
        Where it comes from.

    Raises
    ------
    BadParameters
        If there is no name or particle, if the range is not one, or a selection is named
        ``standard``.
    CutSyntaxError
        If a selection is not of the language of cuts.
    """

    name: str
    title: str
    particles: tuple[str, ...]
    mass: str = ""
    mass_range: tuple[float, float] | None = None
    mass_model: str = "two_gaussians"
    alternative_model: str = "student"
    standard: str = ""
    selections: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "selections", MappingProxyType(dict(self.selections)))
        if not self.name or not self.particles:
            raise BadParameters(f"study {self.name!r} needs a name and at least one particle")
        if self.mass_range is not None and not self.mass_range[0] < self.mass_range[1]:
            raise BadParameters(f"mass range {self.mass_range} of study {self.name!r} is empty")
        if "standard" in self.selections:
            message = f"study {self.name!r}: the selection 'standard' is given as standard=..."
            raise BadParameters(message)
        for text in (
            self.standard,
            *self.selections.values(),
            *self.features,
            *filter(None, [self.mass]),
        ):
            parse(text)

    @property
    def fittable(self) -> bool:
        """Whether a mass peak subtracts the background."""
        return bool(self.mass)

    def selection(self, name: str = "standard") -> str:
        """Cut string of a named selection.

        Raises
        ------
        BadParameters
            If there is none of that name.
        """
        known = {"standard": self.standard, **self.selections}
        if name not in known:
            message = f"study {self.name!r} has no selection {name!r}; it has {', '.join(known)}"
            raise BadParameters(message + nearest(name, known))
        return known[name]

    def fit(self, sample: Sample, model: str | MassModel | None = None, **options: Any) -> MassFit:
        """Fit the mass of a sample with what this study has as variable, range and model.

        Parameters
        ----------
        sample
            Candidates of the study.
        model
            By default the nominal one.
        **options
            Of `hepnb.pid.fit_mass`; they go before those of the study.

        Raises
        ------
        BadParameters
            If there is no mass to fit.
        FitFailed
            See `hepnb.pid.fit_mass`.
        """
        from hepnb.pid.mass.fit import fit_mass

        if not self.fittable and "variable" not in options:
            message = (
                f"study {self.name!r} has no mass to fit: subtract its background by simulation, "
                "or name a variable"
            )
            raise BadParameters(message)
        own = options.get("variable", self.mass) == self.mass
        # another variable has another range
        chosen = {"variable": self.mass, "range": self.mass_range if own else None} | options
        return fit_mass(sample, model or self.mass_model, **chosen)


_STUDIES: dict[str, Study] = {}
# names of packages' entry points that were looked at
_LOADED: set[str] = set()


def register_study(added: Study, *, replace: bool = False) -> Study:
    """Make a study known by its name, in forms and campaign files too.

    Parameters
    ----------
    added
        The study.
    replace
        Whether it may take the place of another one of that name.

    Returns
    -------
    Study
        The same study.

    Raises
    ------
    BadParameters
        If another study has the name and `replace` is false.
    """
    if not replace and _STUDIES.get(added.name, added) != added:
        message = f"a study {added.name!r} exists; choose another name, or replace=True"
        raise BadParameters(message)
    _STUDIES[added.name] = added
    return added


def study_names() -> tuple[str, ...]:
    """Names of the registered studies: those of hepnb, then those of other packages."""
    _load()
    return tuple(_STUDIES)


def study(name: str) -> Study:
    """Give the study of a name.

    Raises
    ------
    BadParameters
        If no study has that name.
    """
    if name not in _STUDIES:
        _load()
    if name not in _STUDIES:
        known = ", ".join(_STUDIES)
        raise BadParameters(f"study {name!r} is not one of {known}{nearest(name, _STUDIES)}")
    return _STUDIES[name]


def study_of(sample: Sample) -> Study:
    """Give the study of a sample; of an unknown one, what its catalogue says and common shapes.

    The catalogue's mass variable goes before that of the study, whose range is then left out.
    """
    if sample.study in study_names():
        found = _STUDIES[sample.study]
        if sample.mass is None or sample.mass == found.mass:
            return found
    particles = tuple(sample.particles) or ("candidate",)
    return Study(sample.study or sample.name, sample.name, particles, mass=sample.mass or "")


def _load() -> None:
    """Load the studies of installed packages, once; one that fails spoils no other."""
    for point in entry_points(group=ENTRY_POINTS):
        if point.name in _LOADED:
            continue
        _LOADED.add(point.name)
        try:
            found = point.load()
            if isinstance(found, Study):
                register_study(found)
        except Exception as error:  # noqa: BLE001 -- anything can go wrong in a foreign package
            _log.warning("study %r of another package cannot be loaded: %s", point.name, error)
