"""The envelope of a set of background functions: the discrete profile of the signal strength.

Which function describes the background is a nuisance parameter that takes discrete values. It is
profiled as continuous ones are: at each signal strength the function with the lowest corrected
``-2 ln L`` is taken (P. D. Dauncey et al., arXiv:1408.6865). Derivatives know nothing of the change
from one function to another, so that the intervals are read off the scan.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hepnb.background.fitting.signal_fit import SignalFit, as_signal_fit
from hepnb.background.fitting.signal_model import SignalModel
from hepnb.background.profiling.corrections import CorrectionLike, as_correction
from hepnb.background.profiling.functions import Function, FunctionProfile, functions_of
from hepnb.background.profiling.profile_result import LEVELS, Profile, described
from hepnb.background.profiling.scan import Scan, scan
from hepnb.background.spectrum import MassSpectrum
from hepnb.errors import BadParameters, FitFailed

__all__ = ("Envelope", "fit_members", "scan_envelope")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Envelope(Profile):
    """Discrete profile of the signal strength in one category.

    Attributes
    ----------
    curves
        Name of a function to its corrected ``-2 ln L`` at the strengths, of shape (n,).
    lowest_function
        Name of the lowest function at each strength, of length n.
    best
        Name of the lowest function of all.
    fits
        Name to the fit with the strength free.
    heights
        Name to the corrected ``-2 ln L`` of that fit.
    failed
        Name of a function that is left out, to the reason.
    spectrum
        What was fitted.
    """

    curves: Mapping[str, Floats] = field(repr=False)
    lowest_function: tuple[str, ...] = field(repr=False)
    best: str
    fits: Mapping[str, SignalFit] = field(repr=False)
    heights: Mapping[str, float] = field(repr=False)
    failed: Mapping[str, str]
    spectrum: MassSpectrum = field(repr=False)

    @property
    def fit(self) -> SignalFit:
        """Fit of the best function, strength free."""
        return self.fits[self.best]

    @property
    def frame(self) -> pd.DataFrame:
        """One row per function: strength, error, parameters, ``-2 ln L``, and what it lacks."""
        rows = []
        for name, fit in self.fits.items():
            n_par = fit.background.n_par
            height = self.heights[name]
            rows.append(
                {
                    "function": name,
                    "n_par": n_par,
                    "strength": fit.strength,
                    "error": fit.strength_error,
                    "twice_nll": 2.0 * fit.nll,
                    "corrected": height,
                    "above_best": height - self.minimum,
                    "lowest_on": float(np.mean(np.array(self.lowest_function) == name)),
                    "status": fit.status,
                }
            )
        return pd.DataFrame(rows)

    def plot(self, **options: Any) -> Any:
        """Draw every function's scan, the envelope and its intervals; gives the axes."""
        from hepnb.background.plots.profile import plot_profile

        titles = {name: fit.background.title for name, fit in self.fits.items()}
        return plot_profile(
            self.strengths,
            {titles[name]: curve for name, curve in self.curves.items()},
            envelope=self.lowest,
            intervals=self.intervals,
            best=self.strength,
            **{"text": self.spectrum.category} | options,
        )

    def save(self, directory: Path, name: str) -> list[Path]:
        """Write the scan as ``<name>.csv``, and the result as ``<name>.json``."""
        folder = Path(directory)
        columns = {"strength": self.strengths, "envelope": self.lowest, **self.curves}
        table = pd.DataFrame(columns).assign(function=self.lowest_function)
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        content = described(self) | {
            "best": self.best,
            "functions": json.loads(self.frame.to_json(orient="records", double_precision=12)),
            "failed": dict(self.failed),
        }
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return [folder / f"{name}.csv", path]


def scan_envelope(
    spectrum: MassSpectrum,
    functions: Iterable[Function],
    signal: Any,
    *,
    correction: CorrectionLike = 1.0,
    levels: Sequence[float] = LEVELS,
    strengths: Sequence[float] | None = None,
    unbinned: bool = False,
) -> Envelope:
    """Profile the signal strength over background functions.

    Parameters
    ----------
    spectrum
        The data.
    functions
        Names such as ``"bernstein4"``, pairs ``("bernstein", 4)``, or fits.
    signal
        A signal shape; see `hepnb.background.signal`.
    correction
        What each function pays: a number per parameter (1 is CMS's choice; 0 lets the most
        flexible function win), ``"akaike"``, ``"pvalue"`` or ``"finite_akaike"``.
    levels
        Rises of ``-2 ln L`` at which intervals end.
    strengths
        Where to scan; None for as far and as finely as the levels need.
    unbinned
        Fit candidate by candidate.

    Returns
    -------
    Envelope

    Raises
    ------
    BadParameters
        An unknown function or correction, an empty spectrum, or levels that are not positive.
    FitFailed
        No function could be fitted.
    """
    members, failed = fit_members(
        spectrum, functions, signal, correction=correction, unbinned=unbinned
    )
    found = scan([members], levels=checked_levels(levels), strengths=strengths)
    return envelope_of(spectrum, members, failed, found)


def fit_members(
    spectrum: MassSpectrum,
    functions: Iterable[Function],
    signal: Any,
    *,
    correction: CorrectionLike = 1.0,
    unbinned: bool = False,
) -> tuple[list[FunctionProfile], dict[str, str]]:
    """Fit every function with the strength free.

    Parameters
    ----------
    spectrum, functions, signal, correction, unbinned
        As of `scan_envelope`.

    Returns
    -------
    members, failed
        Those with a minimum, the fewest parameters first; and the names of the others, with
        reasons.

    Raises
    ------
    BadParameters, FitFailed
        As of `scan_envelope`.
    """
    paid = as_correction(correction)
    if unbinned and paid.kind == "pvalue":
        message = "correction 'pvalue' needs a chi-square of bins; leave `unbinned` out, or give c"
        raise BadParameters(message)
    members: list[FunctionProfile] = []
    failed: dict[str, str] = {}
    for kind, order in functions_of(functions):
        model = SignalModel(spectrum, kind, order, signal, unbinned=unbinned)
        each = FunctionProfile.fitted(model, paid)
        if each.best is None:
            failed[each.name] = "the fit did not reach a minimum"
        elif not np.isfinite(each.corrected(each.best.nll)):
            failed[each.name] = "too few bins or candidates for its parameters"
        else:
            members.append(each)
    if not members:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        message = f"no function could be fitted ({reasons}); try others"
        raise FitFailed(message)
    return members, failed


def envelope_of(
    spectrum: MassSpectrum,
    members: Sequence[FunctionProfile],
    failed: Mapping[str, str],
    found: Scan,
) -> Envelope:
    """Give the result of functions that were scanned."""
    curves = {each.name: np.array([each.value(mu) for mu in found.strengths]) for each in members}
    heights = np.array(list(curves.values()))
    # of equals, that with the fewest parameters
    lowest = (heights <= heights.min(axis=0) + 1e-6).argmax(axis=0)
    names = tuple(curves)
    problems = {
        each.name: f"the fit failed at {len(each.failures)} strengths, where it is left out"
        for each in members
        if each.failures
    }
    at = int(np.argmin(np.abs(np.array(found.strengths) - found.minimum[0])))
    return Envelope(
        strengths=np.array(found.strengths),
        lowest=heights.min(axis=0),
        strength=found.minimum[0],
        minimum=found.minimum[1],
        intervals=found.intervals,
        correction=members[0].correction,
        open_ends=found.open_ends,
        curves=curves,
        lowest_function=tuple(names[i] for i in lowest),
        best=names[lowest[at]],
        fits={each.name: as_signal_fit(each.model, each.minimum, free=True) for each in members},
        heights={each.name: each.corrected(each.minimum.nll) for each in members},
        failed=dict(failed) | problems,
        spectrum=spectrum,
    )


def checked_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Refuse levels that are not positive; give them in ascending order."""
    if not levels or not all(np.isfinite(each) and each > 0 for each in levels):
        message = f"levels {list(levels)}; give positive numbers: 1 for 68.3 %, 4 for 95.4 %"
        raise BadParameters(message)
    return tuple(sorted(float(each) for each in levels))
