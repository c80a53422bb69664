"""Bias, coverage and spurious signal: how far wrong functions lead a measurement."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.background.plots.functions import FAMILY_COLOURS
from hepnb.plotting.room import make_room
from hepnb.plotting.style import COLOURS, label, new_axes, new_axes_grid, style

__all__ = ("plot_bias", "plot_coverage", "plot_spurious")


def __dir__() -> tuple[str, ...]:
    return __all__


_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (9, 3)))
_EXPECTED = {"coverage_68": 0.6827, "coverage_95": 0.9545}
_GREY, _BAND = "#9a9a9a", "#e4e4e4"


def plot_bias(study: Any, *, tolerance: float = 0.14, axes: Any = None) -> Any:
    """Draw the mean pull that each function has, one panel for each truth.

    Parameters
    ----------
    study
        A bias study.
    tolerance
        Half width of the band of small biases; 0.14 adds one per cent to the total uncertainty.
    axes
        As many axes as truths; made if None.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        Of shape (truths,).
    """
    table, truths = study.table, study.truths
    names = list(dict.fromkeys(table["function"]))
    if axes is None:
        size = (1.8 + 2.9 * len(truths), 1.9 + 0.36 * len(names))
        axes = new_axes_grid(1, len(truths), figsize=size)[0]
    places = {name: len(names) - 1 - i for i, name in enumerate(names)}
    offsets = np.linspace(0.18, -0.18, len(study.strengths)) if len(study.strengths) > 1 else [0.0]
    with style():
        for ax, truth in zip(np.atleast_1d(axes), truths, strict=True):
            ax.axvspan(-tolerance, tolerance, color=_BAND, lw=0, zorder=0)
            ax.axvline(0.0, color=_GREY, lw=1.0, zorder=1)
            for i, (injected, offset) in enumerate(zip(study.strengths, offsets, strict=True)):
                rows = table[(table["truth"] == truth) & (table["injected"] == injected)]
                ax.errorbar(
                    rows["mean_pull"],
                    [places[name] + offset for name in rows["function"]],
                    xerr=rows["mean_pull_err"],
                    fmt=_MARKERS[i % len(_MARKERS)],
                    ms=5.0,
                    lw=1.3,
                    label=rf"$\mu = {injected:g}$",
                )
            ax.set_yticks(list(places.values()), [_title(name) for name in places])
            ax.tick_params(axis="y", which="minor", left=False, right=False)
            ax.axhline(0.5, color=_GREY, lw=0.8, ls=":")
            ax.set_ylim(-0.6, len(names) - 0.4)
            label(ax, f"truth: {_title(truth)}")
        np.atleast_1d(axes)[-1].set_xlabel(r"Mean pull of $\hat\mu$")
        _legend_below(np.atleast_1d(axes))
    return axes


def plot_coverage(study: Any, *, level: str = "coverage_68", axes: Any = None) -> Any:
    """Draw how often intervals hold the injected strength, one panel for each truth.

    Parameters
    ----------
    study
        A bias study, best with several strengths.
    level
        ``coverage_68`` or ``coverage_95``.
    axes
        As many axes as truths; made if None.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        Of shape (truths,).
    """
    table, truths = study.table, study.truths
    names = list(dict.fromkeys(table["function"]))
    if axes is None:
        axes = new_axes_grid(1, len(truths), figsize=(1.6 + 3.0 * len(truths), 4.2))[0]
    looks = _looks(names)
    with style():
        for ax, truth in zip(np.atleast_1d(axes), truths, strict=True):
            ax.axhline(_EXPECTED[level], color=_GREY, lw=1.0, zorder=1)
            for i, name in enumerate(names):
                rows = table[(table["truth"] == truth) & (table["function"] == name)]
                # side by side, so that error bars can be told apart
                shift = 0.02 * (i - 0.5 * (len(names) - 1)) * (np.ptp(study.strengths) or 1.0)
                ax.errorbar(
                    rows["injected"] + shift,
                    rows[level],
                    yerr=rows[f"{level}_err"],
                    fmt="o",
                    label=_title(name),
                    **looks[name],
                )
            label(ax, f"truth: {_title(truth)}")
        first = np.atleast_1d(axes)[0]
        first.set_ylabel(f"Coverage of {level[-2:]} % intervals")
        np.atleast_1d(axes)[-1].set_xlabel(r"Injected signal strength $\mu$")
        _legend_below(np.atleast_1d(axes))
    return axes


def plot_spurious(result: Any, *, ax: Any = None) -> Any:
    """Draw the spurious signal of each function, over its statistical error, against the mass.

    Parameters
    ----------
    result
        A spurious-signal test.
    ax
        Axes; made if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = new_axes() if ax is None else ax
    looks = _looks([each for each in result.functions if each != result.chosen])
    limit = result.error_limit
    with style():
        ax.axhspan(-limit, limit, color=_BAND, lw=0, zorder=0, label=f"±{100 * limit:g} %")
        ax.axhline(0.0, color=_GREY, lw=1.0, zorder=1)
        for name, rows in result.frame.groupby("function", sort=False):
            look = looks.get(name, {"color": COLOURS["data"], "lw": 2.6, "ls": "-", "zorder": 5})
            title = _title(name) + (" (chosen)" if name == result.chosen else "")
            ratio = rows["spurious"] / rows["error"]
            ax.plot(rows["mass"], ratio, label=title, **{k: v for k, v in look.items()
                                                          if k not in {"ms", "mfc"}})  # fmt: skip
        reach = float(np.nanmax(np.abs(result.frame["spurious"] / result.frame["error"])))
        ax.set_ylim(-1.15 * max(reach, 1.5 * limit), 1.15 * max(reach, 1.5 * limit))
        ax.set_xlim(result.frame["mass"].min(), result.frame["mass"].max())
        ax.set_xlabel(result.label)
        ax.set_ylabel(r"Spurious signal / $\sigma_S$")
        make_room(ax, [ax.legend(loc="upper right", ncols=2, fontsize=9.5)])
    return ax


def _title(name: str) -> str:
    """Words of a name: ``Power law 3`` of ``powerlaw3``."""
    from hepnb.background.profiling.functions import function_of
    from hepnb.errors import HepnbError

    try:
        kind, order = function_of(name)
    except HepnbError:
        return str(name).capitalize()
    return f"{kind.label} {order}"


def _looks(names: list[str]) -> dict[str, dict[str, Any]]:
    """Colour by family, dashes by order; the envelope bold."""
    seen: dict[str, int] = {}
    looks: dict[str, dict[str, Any]] = {}
    for name in names:
        family = name.rstrip("0123456789")
        place = seen[family] = seen.get(family, -1) + 1
        looks[name] = {"ls": _DASHES[place % len(_DASHES)], "lw": 1.3, "ms": 4.0}
        if family in FAMILY_COLOURS:
            looks[name]["color"] = FAMILY_COLOURS[family]
        if family == "envelope":
            looks[name] = {"ls": "-", "lw": 2.2, "ms": 5.5, "color": COLOURS["data"], "zorder": 5}
    return looks


def _legend_below(axes: Any) -> None:
    """Put one legend of all panels under the figure."""
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=len(labels) if len(labels) < 7 else -(-len(labels) // 2),
        fontsize=10,
    )
