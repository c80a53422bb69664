"""Background templates for pyhf: a workspace in its JSON form.

A channel per category with the bins that may be seen. Its background is the expectation of the
best function; the yield is free (``normfactor``), and each other function of the envelope is a
``histosys``: at +1 the expectation is that function's, at -1 mirrored, and never below a thousandth
of the best one's. That is a Gaussian stand-in for the choice of the function, not the discrete
profile, and the spread of the fitted parameters is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hepnb.background.fitting import BackgroundFit
from hepnb.background.formats.envelope import envelope_fits, plain_name
from hepnb.background.formats.text_file import write_json
from hepnb.background.ftest.result import FTest
from hepnb.background.signal.shapes import SignalShape
from hepnb.errors import BadTable

__all__ = ("pyhf_workspace", "write_pyhf")


def __dir__() -> tuple[str, ...]:
    return __all__


_FLOOR = 1e-3  # of the best function's expectation


def write_pyhf(
    ftests: Sequence[FTest],
    path: str | Path,
    *,
    signals: Mapping[str, SignalShape] | None = None,
) -> Path:
    """Write the workspace of `pyhf_workspace` as JSON."""
    return write_json(path, pyhf_workspace(ftests, signals=signals))


def pyhf_workspace(
    ftests: Sequence[FTest], *, signals: Mapping[str, SignalShape] | None = None
) -> dict[str, Any]:
    """Give a pyhf workspace (specification 1.0.0).

    Parameters
    ----------
    ftests
        One per category.
    signals
        Signal per category, by the category's name; all share the strength ``mu``. Without one,
        the first category's background yield is the parameter of interest.

    Returns
    -------
    dict
        What ``pyhf.Workspace`` takes.

    Raises
    ------
    BadTable
        If two categories have one name, an envelope is empty, no bin of a category may be seen,
        or a signal is of no category.
    """
    given = dict(signals or {})
    names = [plain_name(each.spectrum.category) for each in ftests]
    unknown = set(given) - {each.spectrum.category for each in ftests}
    if len(set(names)) < len(names) or not names or unknown:
        what = f"signals of {sorted(unknown)}" if unknown else f"categories {names}"
        raise BadTable(f"{what}: give every category once, by a name of its own")
    channels, observations, parameters = [], [], []
    for name, ftest in zip(names, ftests, strict=True):
        shown = ftest.spectrum.visible
        if not shown.any():
            raise BadTable(f"no bin of category {name} may be seen; a template needs one")
        channels.append(_channel(name, ftest, given.get(ftest.spectrum.category)))
        data = ftest.spectrum.counts[shown].tolist()
        observations.append({"name": name, "data": data})
        parameters.append({"name": f"{name}_norm", "inits": [1.0], "bounds": [[0.0, 10.0]]})
    if given:
        parameters.append({"name": "mu", "inits": [1.0], "bounds": [[-10.0, 10.0]]})
    config = {"poi": "mu" if given else parameters[0]["name"], "parameters": parameters}
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "measurement", "config": config}],
        "version": "1.0.0",
    }


def _channel(name: str, ftest: FTest, signal: SignalShape | None) -> dict[str, Any]:
    members = envelope_fits(ftest)
    best = next((fit for fit in members if fit.name == ftest.choice.best), members[0])
    nominal = _visible(best)
    modifiers: list[dict[str, Any]] = [
        {"name": f"{name}_norm", "type": "normfactor", "data": None},
        *(_variation(name, fit, nominal) for fit in members if fit is not best),
    ]
    background = {"name": "background", "data": nominal.tolist(), "modifiers": modifiers}
    if signal is None:
        return {"name": name, "samples": [background]}
    spectrum = ftest.spectrum
    expected = (signal.expected * signal.fractions(spectrum.edges))[spectrum.visible]
    strength = {"name": "mu", "type": "normfactor", "data": None}
    peak = {"name": "signal", "data": expected.tolist(), "modifiers": [strength]}
    return {"name": name, "samples": [peak, background]}


def _visible(fit: BackgroundFit) -> np.ndarray:
    return fit.expected()[fit.spectrum.visible]


def _variation(name: str, fit: BackgroundFit, nominal: np.ndarray) -> dict[str, Any]:
    up, floor = _visible(fit), _FLOOR * nominal
    shapes = {
        "hi_data": np.maximum(up, floor).tolist(),
        "lo_data": np.maximum(2.0 * nominal - up, floor).tolist(),
    }
    return {"name": f"{name}_{fit.name}", "type": "histosys", "data": shapes}
