"""Functions over a spectrum: what each family chose, and the members of the envelope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from hepnb.background.plots.display import curve, displayed, grid_edges, middles
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters
from hepnb.plotting.spectrum import Lower, draw_functions

__all__ = ("FAMILY_COLOURS", "plot_envelope", "plot_functions", "plot_truths")


def __dir__() -> tuple[str, ...]:
    return __all__


FAMILY_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "bernstein": "#3f90da",
        "exponential": "#e76300",
        "powerlaw": "#832db6",
        "laurent": "#717581",
    }
)
"""Name of a family to its colour; families of users take the others of the palette."""

_OTHERS = ("#bd1f01", "#92dadd", "#b9ac70", "#a96b59")
_DASHES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (9, 3)))


def plot_functions(
    spectrum: MassSpectrum,
    fits: Sequence[Any],
    *,
    best: str = "",
    lower: Lower = "difference",
    bins: int | None = None,
    label: str = "",
    text: str = "",
    log: bool = False,
    axes: Any = None,
) -> Any:
    """Draw fitted functions over a spectrum, and below how all differ from one of them.

    Parameters
    ----------
    spectrum
        The data; what is hidden stays a grey band.
    fits
        Fits of background functions.
    best
        Name of the one that is drawn bold and that the lower panel refers to; empty: the first.
    lower
        ``difference`` (events), ``ratio``, or ``pull``.
    bins
        About how many bins are drawn; None: 80, or fewer where events are few.
    label
        Title of the mass axis; empty: from the spectrum.
    text
        Lines in a corner; empty: the category.
    log
        Whether the vertical axis is logarithmic.
    axes
        Pair of axes, or a single one; made if None.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The two axes, or the one.

    Raises
    ------
    BadParameters
        No fit, or none of the name `best`.
    """
    names = [each.name for each in fits]
    if not names or (best and best not in names):
        message = f"function {best!r} is not among {', '.join(names) or 'none'}"
        raise BadParameters(message)
    counts = displayed(spectrum, bins=bins, label=label)
    reference = names.index(best) if best else 0
    looks = _looks(fits, reference)
    curves = [
        curve(fit, counts.edges, bold=i == reference and bool(best), **looks[i])
        for i, fit in enumerate(fits)
    ]
    return draw_functions(
        counts,
        middles(grid_edges(counts.edges)),
        curves,
        reference=reference,
        lower=lower,
        text=text or spectrum.category,
        log=log,
        axes=axes,
    )


def plot_truths(ftest: Any, **options: Any) -> Any:
    """Draw the function that each family chose.

    Parameters
    ----------
    ftest
        An f-test; families that chose none are left out.
    **options
        Of `plot_functions`.

    Returns
    -------
    ndarray of matplotlib.axes.Axes

    Raises
    ------
    BadParameters
        No family chose a function.
    """
    wanted = [(family, order) for family, order in ftest.choice.truth.items() if order is not None]
    fits = {(each.fit.family.name, each.fit.order): each.fit for each in ftest.fits}
    chosen = [fits[each] for each in wanted]
    best = ftest.choice.best if ftest.choice.best in [each.name for each in chosen] else ""
    options.setdefault("best", best)
    return plot_functions(ftest.spectrum, chosen, **options)


def plot_envelope(ftest: Any, **options: Any) -> Any:
    """Draw every member of the envelope, the best in bold.

    Parameters
    ----------
    ftest
        An f-test.
    **options
        Of `plot_functions`.

    Returns
    -------
    ndarray of matplotlib.axes.Axes

    Raises
    ------
    BadParameters
        The envelope is empty.
    """
    fits = {each.fit.name: each.fit for each in ftest.fits}
    members = [fits[name] for name in ftest.choice.envelope]
    options.setdefault("best", ftest.choice.best)
    return plot_functions(ftest.spectrum, members, **options)


def _looks(fits: Sequence[Any], reference: int) -> list[dict[str, Any]]:
    """Colour by family, dashes by order within it; the reference has a full line."""
    families = list(dict.fromkeys(fit.family.name for fit in fits))
    spare = iter(_OTHERS * (1 + len(families)))
    colours = {name: FAMILY_COLOURS.get(name) or next(spare) for name in families}
    seen = {fits[reference].family.name: 0}
    looks = []
    for i, fit in enumerate(fits):
        name = fit.family.name
        place = 0
        if i != reference:
            place = seen[name] = seen.get(name, -1) + 1
        looks.append({"colour": colours[name], "dashes": _DASHES[place % len(_DASHES)]})
    return looks
