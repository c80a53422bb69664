"""Figures of background subtraction without a mass: a score with its fit, and purity in bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.pid.tables.table_bins import axis_names
from hepnb.plotting.mass import draw_mass_fit
from hepnb.plotting.style import COLOURS, new_axes, style
from hepnb.stats.goodness_of_fit import pulls
from hepnb.stats.intervals import poisson

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.pid.subtraction.template_fit import TemplateFit

__all__ = ("plot_purity", "plot_score_fit")


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_score_fit(
    fits: Sequence[TemplateFit], species: Sequence[str], region: int | None = None, axes: Any = None
) -> Any:
    """Draw the score in data with the fitted templates, and the pulls in a panel below.

    Parameters
    ----------
    fits
        By region.
    species
        Their names.
    region
        Index of the fit to draw; by default the sum of all that did not fail.
    axes
        Pair of axes, or a single one; made if None.

    Returns
    -------
    matplotlib.axes.Axes or ndarray of them
    """
    chosen = [fit for fit in (fits if region is None else [fits[region]]) if fit.status != "failed"]
    shown = chosen or list(fits[:1])
    counts = np.sum([fit.counts for fit in shown], axis=0)
    expected = np.nan_to_num(np.sum([fit.expected for fit in shown], axis=0))
    variance = np.nan_to_num(np.sum([fit.variance for fit in shown], axis=0))
    edges = np.arange(len(counts) + 1.0)
    low, high = poisson(counts)
    groups = " (most probable background, then signal probability)" if len(species) > 2 else ""
    lines = [] if chosen else ["no fit"]
    for index, name in enumerate(species if chosen else ()):
        value = sum(fit.yields[index] for fit in chosen)
        error = np.sqrt(sum(fit.errors[index] ** 2 for fit in chosen))
        lines.append(f"{name}: {value:,.0f} $\\pm$ {error:,.0f}")
    if len(chosen) == 1:
        lines.append(f"$p$-value: {chosen[0].p_value:.2g}")
    elif chosen:
        lines.append(f"{len(chosen)} of {len(fits)} regions, summed")
    drawn = draw_mass_fit(
        edges,
        counts,
        (counts - low, high - counts),
        grid=np.repeat(edges, 2)[1:-1],
        components={n: np.repeat(each, 2) for n, each in zip(species, expected, strict=True)},
        pulls=pulls(counts, expected.sum(axis=0), variance),
        label="Cell of the score" + groups,
        unit="",
        text="\n".join(lines),
        axes=axes,
    )
    with style():
        np.atleast_1d(drawn)[0].set_ylabel("Candidates per cell")
    return drawn


def plot_purity(frame: pd.DataFrame, ax: Any = None) -> Any:
    """Draw the share of signal among candidates that pass and that fail, bin by bin.

    Parameters
    ----------
    frame
        From `hepnb.pid.subtraction.mc_subtraction.McSubtraction.purity`.
    ax
        Axes; made if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = new_axes() if ax is None else ax
    colours = {"pass": COLOURS["mc"], "fail": COLOURS["alternative"]}
    with style():
        ax.axhspan(-10, 0, color=COLOURS["background"], alpha=0.28, lw=0)
        for shift, side in ((-0.12, "pass"), (0.12, "fail")):
            each = frame[frame["side"] == side]
            place = np.arange(len(each)) + 0.5 + shift
            band = (each["background_sys"] / each["data"].where(each["data"] > 0)).abs()
            ax.errorbar(
                place,
                each["purity"],
                yerr=each["purity_error"],
                fmt="o",
                color=colours[side],
                label=f"{side.capitalize()}, stat.",
            )
            drawn = {"color": colours[side], "alpha": 0.3, "label": f"{side.capitalize()}, sys."}
            ax.bar(place, 2 * band, 0.2, each["purity"] - band, **drawn)
        names = ", ".join(axis_names(frame.columns))
        ax.set_xlim(0, len(frame) // 2)
        low = float(np.nanmin(frame["purity"] - frame["purity_error"], initial=0.0))
        ax.set_ylim(min(0.0, 1.1 * low), 1.18)
        ax.set_xlabel(f"Bin of ({names})")
        ax.set_ylabel("Purity")
        ax.legend(loc="upper right", ncols=2)
    return ax
