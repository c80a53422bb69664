"""Call a meta-variable as one step of a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.data.variable_base import FunctionVariable, VariableBase
from hepnb.errors import BadVariable

__all__ = ("Computed", "ways")


def __dir__() -> tuple[str, ...]:
    return __all__


def ways(variable: VariableBase, canonical: str) -> tuple[list[tuple[str, ...]], bool]:
    """List the combinations of names that a meta-variable can be computed from.

    Returns
    -------
    ways, alternatives
        The combinations, best first; and whether they are alternatives to choose from, rather than
        the one list that is needed.

    Raises
    ------
    BadVariable
        When its `dependencies` are neither a list of names nor a list of such lists.
    """
    needed: Any = variable.dependencies
    if isinstance(needed, str) or not hasattr(needed, "__iter__"):
        raise BadVariable(f"dependencies of {canonical!r} must be a list of names, not {needed!r}")
    needed = list(needed)
    if needed and all(isinstance(each, str) for each in needed):
        return [tuple(needed)], False
    found = [tuple(each) for each in needed if isinstance(each, tuple | list)]
    names = [name for way in found for name in way]
    if len(found) < len(needed) or not found or not all(found):
        raise BadVariable(
            f"{canonical!r} must name what it is computed from in `dependencies`, not {needed!r}"
        )
    if not all(isinstance(name, str) for name in names):
        raise BadVariable(f"dependencies of {canonical!r} must be names, not {needed!r}")
    return found, True


@dataclass(frozen=True, eq=False)
class Computed:
    """A meta-variable as a function of arrays.

    Attributes
    ----------
    variable
        The plug-in.
    canonical
        Its call as in the cut, for messages.
    names
        Its dependencies, in the order of the arrays.
    """

    variable: VariableBase
    canonical: str
    names: tuple[str, ...]

    def __call__(self, *inputs: Any) -> Any:
        """Compute the column of a block of rows.

        Parameters
        ----------
        *inputs
            One array, or number, per dependency; last the buffer for the outcome, unless all
            dependencies are constants.

        Raises
        ------
        BadVariable
            When the plug-in fails, or gives anything but one number per row.
        """
        if len(inputs) == len(self.names):
            return self(*inputs, np.empty(1))[0]
        *arrays, out = inputs
        rows = len(out)
        # broadcast arrays are read-only: a plug-in that writes into its input must not change the
        # caller's data
        columns = {
            name: np.broadcast_to(array, (rows,))
            for name, array in zip(self.names, arrays, strict=True)
        }
        try:
            if isinstance(self.variable, FunctionVariable):
                result = self.variable.run(columns)
            else:
                import pandas as pd

                result = self.variable.run(pd.DataFrame(columns))
            column = np.asarray(result, dtype=np.float64)
        except Exception as error:
            message = f"{self.canonical!r} failed: {type(error).__name__}: {error}"
            raise BadVariable(message) from error
        if column.shape not in ((), (rows,)):
            raise BadVariable(
                f"{self.canonical!r} gave an array of shape {column.shape} for {rows} rows: "
                "run must return one number per row"
            )
        np.copyto(out, column)
        return out
