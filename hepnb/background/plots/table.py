"""The table of an f-test: every function with its tests, and why it is in or out."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from hepnb.plotting.style import style

__all__ = ("p_value_table", "plot_p_value_table")


def __dir__() -> tuple[str, ...]:
    return __all__


_WIDTHS = {
    "function": 1.5,
    "n_par": 0.7,
    "q": 1.2,
    "dof": 0.6,
    "p_asym": 1.1,
    "p_toy": 1.5,
    "p_gof": 1.0,
    "status": 1.05,
    "role": 1.35,
    "reason": 3.6,
}
_TITLES = {
    "function": "Function",
    "n_par": "$n$",
    "q": r"$q = 2\,\Delta$NLL",
    "dof": "dof",
    "p_asym": r"$p$ ($\chi^2$)",
    "p_toy": r"$p$ (toys)",
    "p_gof": r"$p$ (fit)",
    "status": "Status",
    "role": "Role",
    "reason": "Reason",
}
_ROLES = {"best": "#3f90da", "truth": "#3f90da", "envelope": "#1b1b1b"}


def p_value_table(ftest: Any) -> pd.DataFrame:
    """Give the f-test as a table, one row per function that was fitted.

    Parameters
    ----------
    ftest
        An f-test: ``fits`` with ``fit, q, dof, p_asym, p_toy, p_toy_err, gof``, and ``choice``.

    Returns
    -------
    DataFrame
        Columns function, title, n_par, q (twice the gain in the logarithm of the likelihood over
        the function it is compared with), dof, p_asym, p_toy, p_toy_err, p_gof, status, role
        (``best``, ``truth``, ``envelope`` or empty) and reason.
    """
    choice = ftest.choice
    rows = []
    for each in ftest.fits:
        fit = each.fit
        rows.append(
            {
                "function": fit.name,
                "title": fit.title,
                "n_par": fit.n_par,
                "q": _number(each.q),
                "dof": each.dof,
                "p_asym": _number(each.p_asym),
                "p_toy": _number(each.p_toy),
                "p_toy_err": _number(each.p_toy_err),
                "p_gof": _number(each.gof.p if each.gof is not None else None),
                "status": fit.status,
                "role": _role(fit, choice),
                "reason": choice.reasons.get(fit.name, ""),
            }
        )
    return pd.DataFrame(rows)


def plot_p_value_table(ftest: Any, *, alpha: float | None = None, ax: Any = None) -> Any:
    """Draw the table of an f-test as a figure for a talk.

    Parameters
    ----------
    ftest
        As for `p_value_table`.
    alpha
        p-values of steps below it are set in bold; None: that of the settings, else 0.05.
    ax
        Axes; made as large as the table needs if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    table = p_value_table(ftest)
    alpha = getattr(ftest, "settings", {}).get("alpha", 0.05) if alpha is None else alpha
    columns = _columns(table)
    width = max(end for _, end in columns.values())
    with style():
        ax = _table_axes(len(table), width) if ax is None else ax
        ax.set(xlim=(0, width), ylim=(len(table) + 0.55, -0.75))
        ax.axis("off")
        for name, ends in columns.items():
            _write(ax, name, ends, 0.0, _TITLES[name], fontweight="bold")
        ax.axhline(0.5, color="#1b1b1b", lw=1.2)
        family = ""
        for i, row in table.iterrows():
            here = str(row["function"]).rstrip("0123456789")
            if family not in {here, ""}:
                ax.axhline(i + 0.5, color="#b5b5b5", lw=0.8)
            family = here
            _draw_row(ax, columns, i + 1.0, row, alpha)
        ax.axhline(len(table) + 0.5, color="#1b1b1b", lw=1.2)
    return ax


def _table_axes(rows: int, width: float) -> Any:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, 0.3 * (rows + 1.6)), layout="constrained")[1]


def _columns(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Begin and end of each column in inches; the last one is as wide as its longest text."""
    widths = dict(_WIDTHS)
    longest = int(table["reason"].str.len().max()) if len(table) else 0
    if longest == 0:
        del widths["reason"]
    else:
        widths["reason"] = 0.25 + 0.088 * max(longest, 6)
    if table["p_toy"].isna().all():
        del widths["p_toy"]
    sums = np.concatenate([[0.0], np.cumsum(list(widths.values()))]).tolist()
    return dict(zip(widths, pairwise(sums), strict=True))


_LEFT = frozenset({"function", "role", "reason", "status"})


def _write(ax: Any, name: str, ends: tuple[float, float], y: float, text: str, **look: Any) -> None:
    left = name in _LEFT
    place = {"ha": "left" if left else "right", "va": "center", "fontsize": 11}
    ax.text(ends[0] + 0.1 if left else ends[1] - 0.1, y, text, **(place | look))


def _draw_row(
    ax: Any, columns: dict[str, tuple[float, float]], y: float, row: Any, alpha: float
) -> None:
    look = {"color": _ROLES.get(row["role"], "#8a8a8a")}
    if row["role"] == "best":
        ax.axhspan(y - 0.5, y + 0.5, color="#3f90da", alpha=0.14, lw=0)
    for name, text in _texts(row).items():
        if name in columns:
            p = row[name] if name in {"p_asym", "p_toy"} else math.nan
            bold = "bold" if p < alpha else "normal"
            _write(ax, name, columns[name], y, text, fontweight=bold, **look)


def _texts(row: Any) -> dict[str, str]:
    toy = _p(row["p_toy"])
    if row["p_toy"] == 0.0 and row["p_toy_err"] > 0:
        toy = f"< {row['p_toy_err']:.1g}"  # none of the toys: only a limit is known
    elif toy and math.isfinite(row["p_toy_err"]):
        toy += f" ± {row['p_toy_err']:.1g}"
    return {
        "function": row["title"],
        "n_par": str(row["n_par"]),
        "q": "" if math.isnan(row["q"]) else f"{row['q']:.2f}",
        "dof": "" if math.isnan(row["q"]) else f"{row['dof']:g}",
        "p_asym": _p(row["p_asym"]),
        "p_toy": toy,
        "p_gof": _p(row["p_gof"]),
        "status": row["status"].replace("_", " "),
        "role": row["role"],
        "reason": row["reason"],
    }


def _p(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.3f}" if value >= 0.001 or value == 0.0 else f"{value:.1e}"


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _role(fit: Any, choice: Any) -> str:
    if fit.name == choice.best:
        return "best"
    if choice.truth.get(fit.family.name) == fit.order:
        return "truth"
    return "envelope" if fit.name in choice.envelope else ""
