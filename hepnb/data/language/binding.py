"""Tie the names of an expression to columns, aliases and meta-variables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from hepnb.data.computed import Computed, ways
from hepnb.data.language.compilation import ProgramBuilder
from hepnb.data.language.parser import FUNCTIONS, parse_text
from hepnb.data.language.syntax import MetaCall, Name, Node, locate
from hepnb.data.language.translation import write
from hepnb.data.variables import VariableBase, manager
from hepnb.errors import BadVariable, CutSyntaxError, UnknownVariable, nearest

__all__ = ("Binder",)

MAX_NESTING = 8  # meta-variables that need meta-variables
MAX_SEARCH = 4  # ... when there are alternatives: two do for all of kinematics
MAX_ALIASES = 30  # aliases that need aliases


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class _Context:
    """Where a name stands, and what may explain it."""

    text: str
    prefixes: tuple[str, ...]  # tried in this order
    kind: str = "cut"
    used: str = ""  # what leads here, for messages
    place: str = ""  # stands in for the place in the text, when that is not the user's
    levels: int = MAX_NESTING
    path: tuple[str, ...] = ()  # aliases and meta-variables on the way here

    def where(self, column: int) -> str:
        return self.place or locate(self.text, column, kind=self.kind) + self.used


class Binder:
    """Writes expressions into a program, explaining each name.

    A name in backticks is the column of exactly that name. A plain name is, in this order: the
    alias `<name>`; the alias `<prefix>_<name>`; the column `<prefix>_<name>`; the column `<name>`;
    a meta-variable whose dependencies are explained by these same rules.

    Parameters
    ----------
    available
        Names of physical columns.
    prefix
        Of the particle that plain names belong to, without the underscore; may be empty.
    aliases
        Name -> expression.

    Attributes
    ----------
    builder
        The program so far.
    """

    def __init__(
        self, available: Collection[str], prefix: str = "", aliases: Mapping[str, str] | None = None
    ) -> None:
        self.available = frozenset(available)
        self.prefixes = (f"{prefix}_", "") if prefix else ("",)
        self.aliases = aliases or {}
        self.builder = ProgramBuilder()
        self._computed: dict[tuple[str, tuple[str, ...], tuple[int, ...]], Computed] = {}
        self._searched: dict[tuple[object, ...], int | None] = {}

    def bind(self, text: str, tree: Node) -> int:
        """Slot of a whole expression.

        Raises
        ------
        UnknownVariable
            For a name that nothing explains, with its column in the text and the nearest names.
        BadVariable
            For a meta-variable that refuses its arguments, and an alias defined by itself.
        CutSyntaxError
            For an alias that is no expression.
        """
        try:
            return self._write(tree, _Context(text, self.prefixes))
        except RecursionError:
            message = f'aliases and variables are nested too deeply in cut "{text[:80]}"'
            raise BadVariable(message) from None

    def _write(self, tree: Node, context: _Context) -> int:
        return write(tree, self.builder, lambda leaf: self._explain(leaf, context))

    def _explain(self, leaf: Name | MetaCall, context: _Context) -> int:
        if leaf.name.startswith("`") and leaf.name[1:-1] in self.available:
            return self.builder.column(leaf.name[1:-1])
        if isinstance(leaf, Name):
            alias = self._alias_for(leaf.name, context)
            if alias is not None:
                # one that carries the prefix is the particle's, whatever columns it is made of
                inner = context if alias == leaf.name else replace(context, prefixes=self.prefixes)
                return self._alias(replace(leaf, name=alias), inner)
            for prefix in context.prefixes:
                if prefix + leaf.name in self.available:
                    return self.builder.column(prefix + leaf.name)
        if leaf.name not in manager:
            self._unknown(leaf, context)
        return self._meta(leaf, context)

    def _unknown(self, leaf: Name | MetaCall, context: _Context) -> NoReturn:
        where, shown = context.where(leaf.column), repr(leaf.name)
        failure = manager.failure(leaf.name)
        if failure:
            raise UnknownVariable(f"{shown} {where}; its plug-in does not load: {failure}")
        if isinstance(leaf, MetaCall):
            hint = nearest(leaf.name, [*FUNCTIONS, *manager.names()])
            raise UnknownVariable(f"function {shown} {where}{hint}")
        # as the user would write them: without the prefix of the particle at hand
        known = {*self.aliases, *self.available}
        for prefix in filter(None, self.prefixes):
            known |= {each.removeprefix(prefix) for each in known}
        hint = nearest(leaf.name, sorted(known - {leaf.name})) or nearest(
            leaf.name, manager.names()
        )
        raise UnknownVariable(f"{shown} {where}{hint}")

    def _alias_for(self, name: str, context: _Context) -> str | None:
        """Alias that a name stands for; that of the particle at hand may be defined by its name."""
        if name in self.aliases:
            return name
        for prefix in filter(None, context.prefixes):
            if prefix + name in self.aliases and f"alias {prefix}{name}" not in context.path:
                return prefix + name
        return None

    def _alias(self, leaf: Name, context: _Context) -> int:
        name, text = leaf.name, self.aliases[leaf.name]
        mark, where = f"alias {name}", context.where(leaf.column)
        if mark in context.path:
            way = " -> ".join([*context.path[context.path.index(mark) :], mark])
            raise BadVariable(f"{name!r} is defined by itself ({way}) {where}")
        if len(context.path) >= MAX_ALIASES:
            raise BadVariable(f"{name!r}: more than {MAX_ALIASES} aliases of aliases {where}")
        try:
            tree = parse_text(text).tree
        except CutSyntaxError as error:
            raise CutSyntaxError(f"alias {name!r}: {error}") from None
        if tree is None:
            raise BadVariable(f"alias {name!r} is empty, {where}")
        inner = replace(
            context,
            text=text,
            kind=f"alias {name!r} =",
            used=f", used {where}",
            place="",
            path=(*context.path, mark),
        )
        return self._write(tree, inner)

    def _meta(self, leaf: Name | MetaCall, context: _Context) -> int:
        canonical, where = leaf.canonical, context.where(leaf.column)
        try:
            variable = manager.make(leaf.name, leaf.arguments)
            choices, alternatives = ways(variable, canonical)
        except BadVariable as error:
            raise BadVariable(f"{error}, {where}") from error
        mark = f"variable {canonical}"
        if mark in context.path:
            raise BadVariable(f"{canonical!r} depends on itself, {where}")
        if context.levels == 0:
            deep = f"needs variables of variables more than {MAX_NESTING} deep"
            raise BadVariable(f"{canonical!r} {deep}, {where}")
        inner = replace(context, place=f"needed by {canonical} {where}")
        if not alternatives:
            inner = replace(inner, path=(*context.path, mark), levels=context.levels - 1)
            return self._only(variable, canonical, choices[0], inner)
        key = (canonical, inner.prefixes, inner.levels, inner.path)
        if key not in self._searched:
            self._searched[key] = self._search(variable, canonical, choices, inner)
        found = self._searched[key]
        if found is None:
            listed = " or ".join(f"({', '.join(way)})" for way in choices)
            raise UnknownVariable(
                f"{canonical!r} is neither a column nor computable from {listed}, {where}"
            )
        return found

    def _scopes(self, variable: VariableBase, context: _Context) -> list[tuple[str, ...]]:
        if variable.same_particle:
            return [(prefix,) for prefix in context.prefixes]
        return [context.prefixes]

    def _only(
        self, variable: VariableBase, canonical: str, way: tuple[str, ...], context: _Context
    ) -> int:
        for prefixes in self._scopes(variable, context):
            try:
                return self._compute(variable, canonical, way, replace(context, prefixes=prefixes))
            except UnknownVariable:
                continue
        self._compute(variable, canonical, way, context)  # fails at the name that is missing ...
        needed = ", ".join(way)  # ... unless all are there, yet of different particles
        raise UnknownVariable(
            f"{needed} {context.place} must all carry the prefix {self.prefixes[0]!r}, or all not"
        )

    def _search(
        self,
        variable: VariableBase,
        canonical: str,
        choices: list[tuple[str, ...]],
        context: _Context,
    ) -> int | None:
        """Find the first way whose members exist: as columns, else through ever more variables.

        Going level by level takes the shortest derivation, and keeps `p` from needing a `pt` that
        needs `p`.
        """
        for prefixes in self._scopes(variable, context):
            for levels in range(min(context.levels, MAX_SEARCH)):
                inner = replace(context, prefixes=prefixes, levels=levels)
                for way in choices:
                    try:
                        return self._compute(variable, canonical, way, inner)
                    except (UnknownVariable, BadVariable):
                        continue
        return None

    def _compute(
        self, variable: VariableBase, canonical: str, way: tuple[str, ...], context: _Context
    ) -> int:
        slots = []
        for name in way:
            tree = parse_text(name).tree
            if tree is None:
                raise BadVariable(f"an empty name, {context.place}")
            slots.append(self.builder.number(self._write(tree, context)))
        key = (canonical, way, tuple(slots))
        step = self._computed.setdefault(key, Computed(variable, canonical, way))
        return self.builder.apply(step, *slots)
