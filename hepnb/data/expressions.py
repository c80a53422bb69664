"""Cuts and variables: one small language for forms, parameters, campaign files and Python.

basf2's syntax, with Python's and ROOT's spellings; `hepnb.data.language.parser` has the grammar::

    cut = parse("[-3 < dz < 3] and [dr < 1] and binaryID(K, pi) > 0.6")
    cut.names                                     # ('dz', 'dr', 'binaryID(K, pi)')
    bound = cut.bind(sample_columns, prefix="K")
    bound.columns                                 # ('K_dr', 'K_dz', 'K_kaonID', 'K_pionID')
    passed, undecided = bound.mask_counting(columns)

Everything is done in double precision, whatever the type of a column. A comparison with NaN is
False, `!=` too, and so is a bare variable that is NaN; hence `not x > 1` is True where `x` is NaN.
Such candidates are counted: once each, however many comparisons of a cut met NaN.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hepnb.data.language.binding import Binder
from hepnb.data.language.evaluation import Program
from hepnb.data.language.parser import parse_text
from hepnb.data.language.syntax import Boolean, Node

__all__ = ("BoundExpression", "Expression", "parse")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class Expression:
    """A cut or variable that makes sense as such; its names are not looked up yet.

    Attributes
    ----------
    text
        As written.
    names
        Plain names, and calls of meta-variables in one spelling (`binaryID(K, pi)`), in order of
        appearance and without duplicates.
    tree
        The syntax tree; None for a blank string.
    """

    text: str
    names: tuple[str, ...] = field(compare=False)
    tree: Node | None = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def bind(
        self,
        available: Collection[str],
        *,
        prefix: str = "",
        aliases: Mapping[str, str] | None = None,
    ) -> BoundExpression:
        """Look up all names.

        A name in backticks is the column of exactly that name. A plain name is, in this order: the
        alias `<name>`; the alias `<prefix>_<name>`; the column `<prefix>_<name>`; the column
        `<name>`; a meta-variable whose dependencies are found by these same rules. The
        meta-variables that hepnb brings never mix columns with and without the prefix.

        Parameters
        ----------
        available
            Names of the columns that there are.
        prefix
            Of the selected particle, as `K` where columns are called `K_p`.
        aliases
            Name -> expression, which may hold aliases again.

        Raises
        ------
        UnknownVariable
            With the place of the name, counted from 1, and the nearest known one.
        BadVariable
            When a meta-variable refuses its arguments, or an alias is defined by itself.
        CutSyntaxError
            When an alias is no expression.
        """
        binder = Binder(available, prefix, aliases)
        slot = binder.bind(self.text, Boolean(True) if self.tree is None else self.tree)
        return BoundExpression(
            text=self.text,
            value=binder.builder.finish(binder.builder.value(slot)),
            decision=binder.builder.finish(binder.builder.truth(slot)),
        )


@dataclass(frozen=True)
class BoundExpression:
    """An expression that knows its columns and is ready to be evaluated.

    Attributes
    ----------
    text
        As written.
    value, decision
        The programs of `evaluate` and of `mask`.
    """

    text: str
    value: Program = field(repr=False, compare=False)
    decision: Program = field(repr=False, compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Physical columns needed, sorted."""
        return tuple(sorted(self.value.columns))

    def evaluate(self, columns: Mapping[str, Any]) -> npt.NDArray[Any]:
        """Value of the expression.

        Parameters
        ----------
        columns
            Arrays of shape (rows,) by physical name, as a mapping or a DataFrame.

        Returns
        -------
        ndarray
            Shape (rows,); bool where the expression is a decision, else float64.

        Raises
        ------
        UnknownVariable
            When a column is missing.
        BadVariable
            When a column holds no numbers, lengths differ, or a plug-in fails.
        """
        return self.value.run(columns)[0]

    def mask(self, columns: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
        """Which candidates pass: as `evaluate`, with any number but 0 for True."""
        return self.decision.run(columns)[0]

    def mask_counting(self, columns: Mapping[str, Any]) -> tuple[npt.NDArray[np.bool_], int]:
        """Which candidates pass, and for how many a comparison or bare variable met NaN."""
        return self.decision.run(columns)


def parse(text: str) -> Expression:
    """Read a cut or variable; a blank string is the cut that is always true.

    Raises
    ------
    CutSyntaxError
        With the column, counted from 1, where the string stops making sense.
    """
    parsed = parse_text(text)
    return Expression(text=text, names=parsed.names, tree=parsed.tree)
