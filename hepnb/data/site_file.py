"""The YAML file of a site: which collections there are, and where their files lie."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from hepnb.errors import BadCatalogue, CutSyntaxError, nearest

__all__ = ("CollectionEntry", "Site", "StudyEntry", "read_site", "validated")

_MOST_MESSAGES = 5


def __dir__() -> tuple[str, ...]:
    return __all__


def _expression(text: str) -> str:
    from hepnb.data.expressions import parse

    if not text.strip():
        raise ValueError("is blank; give an expression")
    try:
        parse(text)
    except CutSyntaxError as error:
        raise ValueError(str(error)) from None
    return text


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, Field(min_length=1, pattern=r"^\S(.*\S)?$")]
Expression = Annotated[str, AfterValidator(_expression)]
Files = Annotated[list[Name], BeforeValidator(_listed), Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StudyEntry(_Entry):
    """Files of one study of a collection, and what the names in them mean."""

    files: Files = Field(
        description="paths or globs, relative to this file; root:// URLs; open-data:NAME; "
        "samples:NAME; {FOLDER}/... with a folder of `folders`"
    )
    tree: Name | None = Field(
        None, description="TTree, RNTuple or HDF5 table; not needed where a file holds just one"
    )
    mass: Expression | None = Field(None, description="fit variable, in GeV")
    truth: Expression | None = Field(
        None, description="cut that selects true signal, in simulation"
    )
    weights: list[Name] = Field([], description="columns of weights, the nominal one first")
    particles: dict[Name, str] = Field({}, description="particle name to prefix of its columns")
    aliases: dict[Name, Expression] = Field({}, description="new name to expression")
    codes: dict[Name, dict[str, float]] = Field(
        {}, description="column of strings to the number that stands for each of its values"
    )


class CollectionEntry(_Entry):
    """One collection: data or simulation taken or made under the same conditions."""

    kind: Literal["data", "mc"] = Field(description="data, or mc for simulation")
    energy: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        "", description="collision energy, in words: 4S, 7 TeV"
    )
    luminosity: float | None = Field(None, ge=0, description="integrated luminosity in 1/fb")
    process: str | None = Field(None, description="what is simulated, or seen")
    description: str = Field("", description="what a reader should know")
    studies: dict[Name, StudyEntry] = Field(
        min_length=1, description="study (decay mode) to its files"
    )

    @model_validator(mode="after")
    def _only_simulation_has_truth(self) -> CollectionEntry:
        wrong = [name for name, study in self.studies.items() if study.truth]
        if self.kind == "data" and wrong:
            raise ValueError(f"kind is data, yet study {wrong[0]!r} has a truth; only mc has one")
        return self


class Site(_Entry):
    """Where collections live, and how jobs are asked for."""

    site: Name = Field(description="name of the site")
    extends: Name | None = Field(
        None, description="packaged site whose folders, batch and collections this one builds on"
    )
    folders: dict[Name, Name] = Field(
        {}, description="short name to folder, for `{name}/...` in `files`"
    )
    collections: dict[Name, CollectionEntry] = Field({}, description="name to collection")
    batch: dict[str, Any] = Field(
        {}, description="class of dask-jobqueue, as `cluster`, and its arguments"
    )


def read_site(text: str, origin: str) -> Site:
    """Parse and validate the text of a site's file.

    Parameters
    ----------
    text
        YAML.
    origin
        Name of the file, for messages.

    Raises
    ------
    BadCatalogue
        Naming the file, the line or the entry, and what is allowed there.
    """
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 -- derives from SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise BadCatalogue(f"{origin}{where} is not valid YAML: {problem}") from error
    if not isinstance(content, Mapping):
        keys = ", ".join(Site.model_fields)
        raise BadCatalogue(f"{origin} holds no mapping; at its top it may have {keys}")
    return validated(content, origin)


def validated(content: Mapping[str, Any], origin: str) -> Site:
    """Validate the content of a site's file.

    Raises
    ------
    BadCatalogue
        Naming the file, the entry, and what is allowed there.
    """
    try:
        return Site.model_validate(dict(content))
    except ValidationError as error:
        faults = [_in_words(each) for each in error.errors(include_url=False)]
        more = len(faults) - _MOST_MESSAGES
        told = "; ".join(faults[:_MOST_MESSAGES]) + (f"; and {more} more" if more > 0 else "")
        raise BadCatalogue(f"{origin}: {told}") from error


def _in_words(fault: Any) -> str:
    """Say entry, value and remedy of one fault that pydantic found."""
    place = [str(each) for each in fault["loc"] if each != "[key]"]
    where = ".".join(place) or "the file"
    if fault["type"] == "extra_forbidden":
        allowed = list(_model_at(len(place)).model_fields)
        entry = ".".join(place[:-1]) or "the file"
        return (
            f"{entry} has the unknown key {place[-1]!r}; allowed are {', '.join(allowed)}"
            + nearest(place[-1], allowed)
        )
    if fault["type"] == "missing":
        return f"{'.'.join(place[:-1]) or 'the file'} lacks the key {place[-1]!r}"
    reason = str(fault["msg"]).removeprefix("Value error, ")
    hint = " (YAML reads yes, no, on, off as booleans: quote it)" if _was_word(fault) else ""
    value = (
        "" if isinstance(fault["input"], (Mapping, BaseModel)) else f" is {fault['input']!r:.80}"
    )
    return f"{where}{value}: {reason}{hint}"


def _was_word(fault: Any) -> bool:
    return fault["type"] == "string_type" and isinstance(fault["input"], bool)


def _model_at(depth: int) -> type[BaseModel]:
    """Model of an entry whose key stands at that depth: collections.NAME.studies.NAME.key."""
    models: dict[int, type[BaseModel]] = {1: Site, 3: CollectionEntry}
    return models.get(depth, StudyEntry)


class _Loader(yaml.SafeLoader):
    """Refuses a key given twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key in self._keys(node):
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key!r} is given twice", problem_mark=node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def _keys(self, node: yaml.MappingNode) -> Iterator[Hashable]:
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                yield self.construct_object(key)
