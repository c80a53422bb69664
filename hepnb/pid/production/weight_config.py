"""What weight tables to make: the entries of ``weight_cfg_list`` of the framework's slides.

The keys after ``apply_std_constraints`` are not of the slides: with them an entry may be of a mode
without stored weights, or without a mass.
"""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hepnb.data.expressions import parse
from hepnb.errors import HepnbError, UnknownCollection
from hepnb.pid.subtraction.choices import Choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepnb.data.catalogue import Catalogue, Collection

__all__ = ("WeightConfig", "collection_of", "study_with")


def __dir__() -> tuple[str, ...]:
    return __all__


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else [] if value is None else value


def _expression(text: str) -> str:
    try:
        parse(text)
    except HepnbError as error:
        raise ValueError(str(error)) from None
    return text


def _requirement(text: str) -> str:
    if not text.strip():
        raise ValueError("a cut is blank; give a requirement, for instance 'kaonID > 0.6'")
    return _expression(text)


def _edges(edges: list[float]) -> list[float]:
    increase = all(low < high for low, high in pairwise(edges))
    if len(edges) < 2 or not increase or not all(map(math.isfinite, edges)):
        message = f"edges {edges}: give two or more finite numbers that increase"
        raise ValueError(message)
    return edges


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][\w.+-]*$")]
Expression = Annotated[str, AfterValidator(_expression)]
Requirement = Annotated[str, AfterValidator(_requirement)]
Edges = Annotated[list[float], AfterValidator(_edges)]


class WeightConfig(BaseModel):
    """One entry: every cut with every precut, for one particle and those that fake it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prefix_name: Name = Field(description="beginning of the names of the files")
    efficiency_particle_type: Name = Field(
        description="particle that the cuts are to select: efficiency of the cuts for it"
    )
    fakerate_particle_type: Annotated[list[Name], BeforeValidator(_listed)] = Field(
        default=[], description="particles that are taken for it: fake rate of the cuts for these"
    )
    binning: list[Edges] = Field(min_length=1, description="list of edges for each variable")
    track_variables: Annotated[list[Expression], BeforeValidator(_listed)] = Field(
        description="variables of the axes, in the order of the binning"
    )
    cuts: Annotated[list[Requirement], BeforeValidator(_listed), Field(min_length=1)] = Field(
        description="requirements, on global or binary PID"
    )
    precuts: Annotated[list[Expression], BeforeValidator(_listed), Field(min_length=1)] = Field(
        default=[""], description="candidates that count at all; each makes tables of its own"
    )
    mc_proc_query: str = Field(description="collections of simulation: A+B, or a pattern such as *")
    data_proc_query: str = Field(description="collections of data: A+B, or a pattern such as proc*")
    apply_std_constraints: bool = Field(
        default=True, description="ask for the standard selection of each study as well"
    )
    study: str = Field(
        default="", description="calibration mode; blank: the first that has the particle"
    )
    sweights: Choice = Field(
        default="stored", description="how the background is subtracted, as in `weight_table`"
    )
    control_region: Expression = Field(
        default="", description="for sweights simulation: cut of a region that tells the scale"
    )

    @model_validator(mode="after")
    def _as_many(self) -> WeightConfig:
        if len(self.binning) != len(self.track_variables):
            message = (
                f"{len(self.track_variables)} track_variables but {len(self.binning)} lists in "
                "binning; give one list for each variable, in the same order"
            )
            raise ValueError(message)
        if len(set(self.track_variables)) < len(self.track_variables):
            raise ValueError(f"track_variables {self.track_variables} repeat one")
        twice = [each for each in self.species if self.species.count(each) > 1]
        if twice:
            raise ValueError(f"particle {twice[0]!r} is given twice")
        return self

    @property
    def species(self) -> list[str]:
        """True species: the particle itself, then those that fake it."""
        return [self.efficiency_particle_type, *self.fakerate_particle_type]

    @property
    def axes(self) -> dict[str, list[float]]:
        """Variable to edges."""
        return dict(zip(self.track_variables, self.binning, strict=True))

    @property
    def variables(self) -> tuple[str, ...]:
        """What its measurements look at: axes, then the names in the cuts."""
        names = (name for cut in self.cuts for name in parse(cut).names)
        return tuple(dict.fromkeys((*self.track_variables, *names)))


def collection_of(catalogue: Catalogue, query: str, kind: str) -> Collection:
    """Give the collection of a query: names joined by ``+``, each of which may be a pattern.

    Parameters
    ----------
    catalogue
        Of a site.
    query
        For instance ``proc13+prompt``, ``proc*`` or ``MC15rd_*``. A pattern stands for all
        collections of the kind that it fits, but for those with ``+`` in their own name, which
        join others.
    kind
        ``data`` or ``mc``.

    Raises
    ------
    UnknownCollection
        If nothing fits, or the collection is of the other kind.
    """
    if not any(each in query for each in "*?["):
        found = catalogue[query]
        if found.kind != kind:
            raise UnknownCollection(f"{query!r} is {found.kind}, where {kind} is wanted")
        return found
    names: dict[str, None] = {}
    for piece in (each.strip() for each in query.split("+")):
        fitting = [
            each
            for each in catalogue.names()
            if "+" not in each and fnmatchcase(each, piece) and catalogue[each].kind == kind
        ]
        if not fitting:
            known = ", ".join(each for each in catalogue.names() if catalogue[each].kind == kind)
            raise UnknownCollection(f"no collection of {kind} fits {piece!r}; there are {known}")
        names |= dict.fromkeys(fitting)
    return catalogue["+".join(names)]


def study_with(particle: str, collections: Sequence[Collection]) -> str:
    """Name of the study of all collections that has the particle.

    Where several have it, it is the first of `hepnb.pid.studies`.

    Raises
    ------
    UnknownCollection
        If none has it.
    """
    from hepnb.pid.studies import study_names

    first, *others = collections
    found = [
        each
        for each in first.studies
        if particle in first.particles(each)
        and all(each in one.studies and particle in one.particles(each) for one in others)
    ]
    if found:
        return next((each for each in study_names() if each in found), found[0])
    names = " and ".join(each.name for each in collections)
    message = f"{names}: no study of both has particle {particle!r}; see `hepnb collections`"
    raise UnknownCollection(message)
