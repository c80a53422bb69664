"""The house style: one rc dictionary, one palette, and axes that fit in a talk.

The look follows the habits of the field (ticks inside on all four sides, label of the experiment
at the top left, axis titles at the far end) with a palette that colour-blind readers can tell
apart (M. Petroff, arXiv:2107.02270). No experiment's official style is used unless asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes

__all__ = ("COLOURS", "RC", "axis_label", "label", "new_axes", "new_axes_grid", "style")


def __dir__() -> tuple[str, ...]:
    return __all__


COLOURS = MappingProxyType(
    {
        "data": "#1b1b1b",
        "mc": "#3f90da",
        "signal": "#bd1f01",
        "background": "#94a4a2",
        "fit": "#3f90da",
        "alternative": "#e76300",
        "ratio": "#832db6",
        "positive": "#bd1f01",
        "negative": "#3f90da",
    }
)

RC = MappingProxyType(
    {
        "axes.labelsize": 13,
        "axes.linewidth": 1.0,
        "axes.titlesize": 12,
        "axes.prop_cycle": cycler(
            color=["#3f90da", "#bd1f01", "#e76300", "#832db6", "#717581", "#92dadd", "#b9ac70"]
        ),
        "errorbar.capsize": 0,
        "figure.dpi": 100,
        "figure.facecolor": "white",
        "figure.figsize": (7.2, 5.2),
        "font.family": "sans-serif",
        "font.size": 12,
        "legend.fontsize": 11,
        "legend.frameon": False,
        "legend.handlelength": 1.6,
        "lines.linewidth": 1.8,
        "lines.markersize": 4.5,
        "pdf.fonttype": 42,
        "savefig.bbox": "tight",
        "savefig.dpi": 160,
        "xaxis.labellocation": "right",
        "xtick.direction": "in",
        "xtick.labelsize": 11,
        "xtick.major.size": 7,
        "xtick.minor.size": 3.5,
        "xtick.minor.visible": True,
        "xtick.top": True,
        "yaxis.labellocation": "top",
        "ytick.direction": "in",
        "ytick.labelsize": 11,
        "ytick.major.size": 7,
        "ytick.minor.size": 3.5,
        "ytick.minor.visible": True,
        "ytick.right": True,
    }
)

_UNITS = MappingProxyType(
    {
        "p": (r"$p$", "GeV/$c$"),
        "pt": (r"$p_\mathrm{T}$", "GeV/$c$"),
        "cosTheta": (r"$\cos\theta$", ""),
        "theta": (r"$\theta$", "rad"),
        "phi": (r"$\phi$", "rad"),
        "eta": (r"$\eta$", ""),
        "charge": ("charge", "e"),
        "D0_M": (r"$M(K\pi)$", "GeV/$c^2$"),
        "Lambda_M": (r"$M(p\pi)$", "GeV/$c^2$"),
        "M": (r"$M$", "GeV/$c^2$"),
        "m_gg": (r"$m_{\gamma\gamma}$", "GeV"),
        "mgg": (r"$m_{\gamma\gamma}$", "GeV"),
        "CMS_hgg_mass": (r"$m_{\gamma\gamma}$", "GeV"),
        "m_jj": (r"$m_{jj}$", "GeV"),
        "mjj": (r"$m_{jj}$", "GeV"),
    }
)


def style(experiment: str = "") -> AbstractContextManager[None]:
    """Context in which matplotlib draws in the house style, or in that of an experiment.

    Parameters
    ----------
    experiment
        Name of a style of mplhep, for instance ``CMS`` or ``LHCb2``; empty for the house style.

    Returns
    -------
    context manager
        ``with hepnb.plotting.style("CMS"): ...``
    """
    if not experiment:
        return _drawing_with(dict(RC))
    import mplhep

    return _drawing_with(getattr(mplhep.style, experiment))


@contextmanager
def _drawing_with(rc: Any) -> Iterator[None]:
    with mpl.rc_context(rc):
        yield
        # a notebook's back end switches this on with its first figure; were it switched off
        # again at the end of the context, no later figure would be shown under its cell
        interactive = mpl.is_interactive()
    mpl.interactive(interactive)


def new_axes(*, panel: bool = False, **figure_options: Any) -> Any:
    """Give axes in the house style.

    Parameters
    ----------
    panel
        With a second, lower panel for pulls or ratios that shares the horizontal axis.
    **figure_options
        Passed to `matplotlib.pyplot.subplots`.

    Returns
    -------
    matplotlib.axes.Axes or (Axes, Axes)
        The axes, or the upper and the lower one.
    """
    with style():
        if not panel:
            return plt.subplots(layout="constrained", **figure_options)[1]
        figure_options = {"figsize": (7.2, 6.2)} | figure_options
        figure, axes = plt.subplots(
            2, 1, sharex=True, height_ratios=(3.2, 1), layout="constrained", **figure_options
        )
        figure.get_layout_engine().set(h_pad=0.02, hspace=0.0)
        return axes[0], axes[1]


def new_axes_grid(rows: int, columns: int, **figure_options: Any) -> Any:
    """Give small multiples in the house style, with shared axes.

    Parameters
    ----------
    rows, columns
        Shape of the grid.
    **figure_options
        Passed to `matplotlib.pyplot.subplots`.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        Of shape (rows, columns).
    """
    with style():
        options = {"figsize": (1.2 + 3.1 * columns, 0.9 + 2.5 * rows), "sharex": True}
        options |= {"sharey": True, "squeeze": False, "layout": "constrained"}
        return plt.subplots(rows, columns, **(options | figure_options))[1]


def axis_label(variable: str, unit: str | None = None) -> str:
    r"""Title of an axis, with its unit: ``$p$ [GeV/$c$]``.

    Parameters
    ----------
    variable
        Name of a variable or a whole expression.
    unit
        Unit, when it is not a variable that hepnb knows.

    Returns
    -------
    str
        Text with TeX maths where the field writes it so.
    """
    symbol, known = _UNITS.get(variable, (variable, ""))
    unit = known if unit is None else unit
    return f"{symbol} [{unit}]" if unit else symbol


def label(ax: Axes, text: str, *, right: str = "") -> None:
    """Write what the figure shows above its frame.

    Parameters
    ----------
    ax
        Axes above which to write.
    text
        At the left, for instance the collection.
    right
        At the right, for instance the luminosity or the study.
    """
    ax.set_title(text, loc="left", fontsize=12, fontweight="bold")
    if right:
        ax.set_title(right, loc="right", fontsize=11)
