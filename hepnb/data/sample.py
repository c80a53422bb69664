"""A sample: the files of one study of a collection, and what the names in them mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hepnb.data.chunks import Block, FrameReader, Source, ordered_map, positive
from hepnb.data.derived import ColumnRecipe, DerivedColumn, make_recipe
from hepnb.errors import BadParameters, UnreadableFile, nearest

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.data.expressions import BoundExpression

__all__ = ("DerivedColumn", "Sample")


def __dir__() -> tuple[str, ...]:
    return __all__


def _frozen(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(
        {k: _frozen(v) if isinstance(v, Mapping) else v for k, v in mapping.items()}
    )


def _thawed(value: Any) -> Any:
    return {k: _thawed(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def _rebuilt(values: dict[str, Any]) -> Sample:
    return Sample(**values)


@dataclass(frozen=True)
class Sample:
    """The files of one study, read in chunks; every name in a string resolves the same way.

    Use it wherever candidates are needed: it reads only the branches that the strings name, and
    what it gives does not depend on the chunk size or the number of workers.

    Attributes
    ----------
    name, kind, study
        Name of the collection, ``"data"`` or ``"mc"``, and name of the study within it.
    files, tree
        Paths or URLs, in the order in which they are read, and the tree in each ROOT file.
    mass, truth
        Fit variable, and the cut that selects true signal in simulation.
    weights
        Names of the weight columns, the nominal first.
    particles, prefix
        Particle name to branch prefix, and the prefix of the particle selected.
    aliases, codes
        New name to expression; string column to the number that each of its values stands for
        (a value that is not listed becomes NaN, and is counted as such).
    luminosity
        Integrated luminosity in 1/fb, or None.
    derived
        Columns made while reading; see `with_columns`.
    frame
        Columns held in memory instead of files; see `from_frame`.
    """

    name: str
    kind: Literal["data", "mc"]
    study: str = ""
    files: tuple[str, ...] = ()
    tree: str | None = None
    mass: str | None = None
    truth: str | None = None
    weights: tuple[str, ...] = ()
    particles: Mapping[str, str] = field(default_factory=dict, hash=False)
    aliases: Mapping[str, str] = field(default_factory=dict, hash=False)
    codes: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)
    prefix: str = ""
    luminosity: float | None = None
    derived: Mapping[str, DerivedColumn] = field(default_factory=dict, hash=False)
    frame: Mapping[str, np.ndarray] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for each in ("particles", "aliases", "codes", "derived"):
            object.__setattr__(self, each, _frozen(getattr(self, each)))
        object.__setattr__(self, "files", tuple(str(path) for path in self.files))
        object.__setattr__(self, "weights", tuple(self.weights))

    def __reduce__(self) -> tuple[Callable[..., Sample], tuple[dict[str, Any]]]:
        # read-only mappings cannot travel to another process: they are made anew there
        fields = (each.name for each in dataclasses.fields(self))
        return _rebuilt, ({each: _thawed(getattr(self, each)) for each in fields},)

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame | Mapping[str, Any],
        *,
        name: str = "frame",
        kind: Literal["data", "mc"] = "data",
        **fields: Any,
    ) -> Sample:
        """Sample of candidates in memory, so that toys take the same path as files.

        Parameters
        ----------
        df
            DataFrame, or mapping from column name to array of shape (n,). Not copied.
        name, kind, **fields
            As the attributes of `Sample`: mass, truth, weights, particles, aliases, ...
        """
        columns = {str(each): np.asarray(df[each]).view() for each in df}
        shapes = {column.shape for column in columns.values()}
        if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
            found = {each: column.shape for each, column in columns.items()}
            raise BadParameters(f"columns must be flat and of one length; found {found}")
        for column in columns.values():
            column.flags.writeable = False
        return cls(name=name, kind=kind, frame=MappingProxyType(columns), **fields)

    @cached_property
    def source(self) -> Source:
        """Where the columns come from."""
        frame = None if self.frame is None else FrameReader(self.frame, self.name)
        return Source(self.files, self.tree, frame)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the branches (of the first file)."""
        if not len(self.source):
            raise UnreadableFile(f"sample {self.name!r} {self.study} has no files")
        return self.source.reader(0).columns

    @cached_property
    def entries(self) -> int:
        """Number of candidates in all files."""
        return sum(self.source.entries(file) for file in range(len(self.source)))

    def check(self) -> None:
        """Open every file and read its last entry.

        Raises
        ------
        UnreadableFile
            Naming every file that is missing, empty, truncated or foreign, with the reason.
        """
        reasons = []
        for file in range(len(self.source)):
            try:
                self.source.probe(file)
            except UnreadableFile as error:
                reasons.append(str(error))
        if reasons:
            bad = f"{len(reasons)} of {len(self.source)} files of sample {self.name!r}"
            raise UnreadableFile(f"{bad} cannot be read: {'; '.join(reasons)}")

    def particle(self, name: str) -> Sample:
        """Sample whose strings speak of one particle: ``p`` then means ``K_p``.

        Raises
        ------
        BadParameters
            If the sample has no such particle.
        """
        if name not in self.particles:
            known = ", ".join(self.particles) or "none"
            raise BadParameters(
                f"{name!r} is not a particle of sample {self.name!r}, which has {known}"
                + nearest(name, self.particles)
            )
        return dataclasses.replace(self, prefix=self.particles[name])

    def with_columns(self, **derived: DerivedColumn) -> Sample:
        """Sample with columns made while reading, usable wherever a branch is.

        Raises
        ------
        BadParameters
            If a name already belongs to a branch or an alias, which it would hide.
        """
        prefixes = {self.prefix, *self.particles.values()} - {""}
        for name in derived:
            # the prefixed branch would win over the new column in every string
            hidden = {name, *(f"{prefix}_{name}" for prefix in prefixes)} & set(self.columns)
            if hidden or name in self.aliases:
                raise BadParameters(
                    f"{name!r} is already {'a branch' if hidden else 'an alias'} of sample "
                    f"{self.name!r}; choose another name, for instance {name + '_refit'!r}"
                )
        return dataclasses.replace(self, derived={**self.derived, **derived})

    def bind(self, text: str) -> BoundExpression:
        """Bind a cut or variable to the columns of this sample.

        Raises
        ------
        CutSyntaxError
            If the string is not of the language.
        UnknownVariable
            If a name in it is neither a column, an alias, a derived column nor a variable.
        """
        from hepnb.data.expressions import parse

        return parse(text).bind(
            (*self.columns, *self.derived), prefix=self.prefix, aliases=self.aliases
        )

    def recipe(self, bound: Iterable[BoundExpression]) -> ColumnRecipe:
        """Which branches to read, and which columns to derive, for these bound expressions."""
        recipe = make_recipe(bound, self.derived, _thawed(self.codes), self.bind)
        # a constant needs no branch, yet one value per candidate
        return recipe if recipe.branches else dataclasses.replace(recipe, branches=self.columns[:1])

    def iterate(
        self,
        expressions: Sequence[str],
        *,
        cut: str = "",
        chunk_size: int = 250_000,
        workers: int = 1,
    ) -> Iterator[dict[str, np.ndarray]]:
        """Values of expressions for the candidates that pass a cut, chunk by chunk, in order.

        Parameters
        ----------
        expressions
            Variables in the language of cuts.
        cut
            Candidates for which this is false, or not defined (NaN), are left out.
        chunk_size
            Entries read at a time, before the cut.
        workers
            Threads that read ahead; at most ``workers + 2`` chunks are then held at once.

        Yields
        ------
        dict
            Expression, as given, to array of shape (n passing,). A chunk may be empty.

        Raises
        ------
        CutSyntaxError, UnknownVariable, BadParameters, UnreadableFile
            Before anything is read, whenever the fault is visible by then.
        """
        values = {text: self.bind(text) for text in expressions}
        selection = self.bind(cut) if cut.strip() else None
        recipe = self.recipe([*values.values(), *([selection] if selection else [])])
        blocks = self.source.blocks(recipe.branches, positive("chunk_size", chunk_size))

        def evaluate(block: Block) -> dict[str, np.ndarray]:
            columns = recipe.read(self.source, block)
            if selection is not None:
                mask = selection.mask(columns)
                columns = {each: column[mask] for each, column in columns.items()}
            return {text: each.evaluate(columns) for text, each in values.items()}

        return ordered_map(evaluate, blocks, workers=positive("workers", workers))

    def read(
        self, expressions: Sequence[str], *, cut: str = "", max_entries: int | None = None
    ) -> pd.DataFrame:
        """Values of expressions for the candidates that pass a cut, all in memory.

        Parameters
        ----------
        expressions, cut
            As in `iterate`.
        max_entries
            Stop after this many passing candidates; by default all are read.

        Returns
        -------
        pandas.DataFrame
            One column per expression, one row per passing candidate.
        """
        import pandas as pd

        if max_entries is not None and max_entries < 0:
            raise BadParameters(f"max_entries is {max_entries}; give 0 or more, or None")
        parts: dict[str, list[np.ndarray]] = {each: [] for each in expressions}
        left = max_entries
        for chunk in self.iterate(expressions, cut=cut):
            for each, column in chunk.items():
                parts[each].append(column[:left])
            if left is not None:
                left -= min(left, len(next(iter(chunk.values()), ())))
                if left == 0:
                    break
        # one column at a time, so that at most one is held twice
        return pd.DataFrame(
            {each: np.concatenate(parts.pop(each) or [np.empty(0)]) for each in list(parts)}
        )
