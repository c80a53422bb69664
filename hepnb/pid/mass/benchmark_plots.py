"""Benchmark plots of a mass fit: what its sWeights make of the particle's variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from hepnb.data.filling import fill
from hepnb.errors import UnknownVariable
from hepnb.plotting.style import COLOURS, axis_label, new_axes_grid, style

if TYPE_CHECKING:
    from hepnb.data.sample import Sample
    from hepnb.pid.mass.fit import MassFit

__all__ = ("plot_benchmarks",)

# of each group the first that the candidates have
_GROUPS: tuple[Mapping[str, Sequence[float]], ...] = (
    {"p": np.linspace(0.0, 5.0, 41).tolist(), "pt": np.linspace(0.0, 40.0, 41).tolist()},
    {
        "cosTheta": np.linspace(-1.0, 1.0, 41).tolist(),
        "eta": np.linspace(-2.5, 2.5, 41).tolist(),
    },
    {"phi": np.linspace(-np.pi, np.pi, 33).tolist()},
)


def __dir__() -> tuple[str, ...]:
    return __all__


def plot_benchmarks(
    sample: Sample,
    nominal: MassFit,
    alternative: MassFit,
    *,
    binning: Mapping[str, Sequence[float]] | None = None,
    cut: str = "",
    workers: int = 1,
) -> Any:
    """Draw variables of signal and background as the sWeights separate them.

    A hump, a hole or negative bins in the signal tell that the weights are wrong; the systematic
    weights should give the same but for a little.

    Parameters
    ----------
    sample
        Candidates of one particle, that were fitted.
    nominal, alternative
        Fits of the sample.
    binning
        Variable to edges; by default momentum, polar angle and azimuth of the particle, as far as
        the candidates have them; else the mass.
    cut
        As in the fits.
    workers
        Threads that read.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        Of shape (2, variables): distributions, and below them alternative over nominal signal.
    """
    axes_of = dict(binning or _known(sample) or _mass_axis(nominal))
    weighted = sample.with_columns(
        benchmark_signal=nominal.sweight_column("signal"),
        benchmark_background=nominal.sweight_column("background"),
        benchmark_alternative=alternative.sweight_column("signal"),
    )
    names = [f"benchmark_{each}" for each in ("signal", "background", "alternative")]
    filled = fill(
        weighted,
        binnings={variable: {variable: edges} for variable, edges in axes_of.items()},
        precuts=[cut],
        weights=[None, *names],
        workers=workers,
    )
    options = {"figsize": (4.3 * len(axes_of), 4.8), "sharey": False, "sharex": "col"}
    axes = new_axes_grid(2, len(axes_of), height_ratios=(3, 1), **options)
    with style():
        for column, variable in zip(axes.T, axes_of, strict=True):
            found = [filled.hist("", cut, each, variable) for each in (None, *names)]
            _draw(column, variable, *found)
        axes[0, 0].set_ylabel("Candidates / bin")
        axes[1, 0].set_ylabel("Alt. / nom.", loc="center")
        handles = axes[0, 0].get_legend_handles_labels()
        axes[0, 0].figure.legend(*handles, loc="outside upper center", ncols=4)
    return axes


def _known(sample: Sample) -> dict[str, Sequence[float]]:
    found = {}
    for group in _GROUPS:
        for variable, edges in group.items():
            with suppress(UnknownVariable):
                sample.bind(variable)
                found[variable] = edges
                break
    return found


def _mass_axis(fit: MassFit) -> dict[str, Sequence[float]]:
    return {fit.variable or "mass": fit.spectrum.edges.tolist()}


def _draw(column: Any, variable: str, everything: Any, *weighted: Any) -> None:
    signal, background, alternative = weighted
    upper, lower = column
    edges = np.asarray(signal.axes[0].edges)
    centres = 0.5 * (edges[1:] + edges[:-1])
    upper.stairs(everything.values(), edges, color=COLOURS["background"], label="All")
    upper.stairs(background.values(), edges, color=COLOURS["mc"], label="Background")
    upper.stairs(alternative.values(), edges, color=COLOURS["alternative"], label="Signal (alt.)")
    points = {"fmt": "o", "ms": 3, "lw": 1, "color": COLOURS["signal"]}
    errors = np.sqrt(signal.variances())
    upper.errorbar(centres, signal.values(), errors, label="Signal", **points)
    upper.axhline(0, color=COLOURS["data"], lw=0.6)
    upper.set_ylim(top=1.08 * float(np.max(everything.values(), initial=1.0)))
    # of few candidates the ratio is noise
    enough = signal.values() > 3 * errors
    ratio = np.divide(
        alternative.values(), signal.values(), out=np.full(len(centres), np.nan), where=enough
    )
    lower.axhline(1, color=COLOURS["data"], lw=0.6)
    lower.stairs(ratio, edges, baseline=None, color=COLOURS["alternative"])
    reach = max(0.05, 1.3 * float(np.nanmax(np.abs(ratio - 1), initial=0.0)))
    lower.set_ylim(1 - reach, 1 + reach)
    lower.set_xlim(edges[0], edges[-1])
    lower.set_xlabel(axis_label(variable))
    # labels of neighbouring panels would touch
    lower.xaxis.set_major_locator(MaxNLocator(5, prune="both"))
