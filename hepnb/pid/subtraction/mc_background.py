"""Background subtracted bin by bin, as simulation expects it, where no mass can be fitted.

In each bin the expected background is taken from the candidates that pass, and from those that
fail: ``S = n - sum_k s_k m_k`` with n candidates of the data and m_k simulated ones of background
k, scaled by s_k. The simulated candidates are appended to those of the data with weight ``-s_k``.
Sums of weights are then S, and sums of squared weights are ``n + sum_k s_k^2 m_k``, the variance
of S with the statistics of the simulation, whatever the bins and the requirement. The method
believes how often simulated background passes; the learned one (`learned_background`)
need not.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.data.filling import fill
from hepnb.data.joined_sample import JoinedSample, join
from hepnb.data.sample import DerivedColumn, Sample
from hepnb.errors import BadParameters
from hepnb.pid.tables.table_bins import axes_of_histogram, rows_of, sums

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("McSubtraction", "OriginWeights", "species_cuts", "subtract_mc_background")

_LOG = logging.getLogger(__name__)

_ORIGIN = "background_origin"


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class OriginWeights:
    """A weight for each origin of a candidate: 1 for data, less than 0 for what is subtracted."""

    weights: tuple[float, ...]

    def __call__(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Give the weights of shape (n,), from the column of origins."""
        (origin,) = columns.values()
        return np.asarray(self.weights)[origin.astype(np.intp)]


@dataclass(frozen=True, eq=False)
class McSubtraction:
    """A sample with simulated background appended, and where its scale comes from.

    Attributes
    ----------
    sample
        Its `weights` name the nominal and the systematic column; goes wherever a sample does.
    scales
        What a simulated candidate of each background counts.
    scale_error
        Relative statistical uncertainty of the scale, from a control region; else 0.
    systematic
        Relative uncertainty of each background, that of the scale included; in the second column
        all are larger by as much.
    selected
        Simulated candidates of each background.
    """

    sample: JoinedSample
    scales: Mapping[str, float]
    scale_error: float
    systematic: Mapping[str, float]
    selected: Mapping[str, int]

    def purity(
        self, *, cut: str, binning: Mapping[str, Sequence[float]], precut: str = ""
    ) -> pd.DataFrame:
        """Signal share of the candidates that pass, and of those that fail, in every bin.

        Parameters
        ----------
        cut, binning, precut
            As in `hepnb.pid.efficiency.measure_efficiency`.

        Returns
        -------
        pandas.DataFrame
            Two rows per bin: ``<axis>_min, <axis>_max``; side ("pass" or "fail"); data (counts);
            background and its error (statistics of the simulation); background_sys (the second
            column less the first); purity ``1 - background / data`` with its statistical error;
            and status: ``"ok"``, ``"empty"`` (no data), ``"negative"`` (more background than
            data) or ``"no_mc"`` (no simulated background, whose error is then not known).
        """
        import pandas as pd

        origin = self.sample.origin
        chosen = [
            " and ".join(f"[{each}]" for each in (precut, where) if each.strip())
            for where in (f"{origin} == 0", f"{origin} > 0")
        ]
        weights = (None, *self.sample.weights)
        filled = fill(
            self.sample, binnings=binning, cuts=[cut], precuts=chosen, weights=list(weights)
        )
        parts = []
        for side in ("pass", "fail"):
            wanted = [(chosen[0], None), *((chosen[1], weight) for weight in weights)]
            data, counts, lost, shifted = (
                _side(side, *(sums(filled.hist(each, *place)) for each in (cut, "")))
                for place in wanted
            )
            frame = rows_of(axes_of_histogram(filled.hist("", chosen[0])))
            parts.append(frame.assign(side=side, **_purities(data, counts, lost, shifted)))
        return pd.concat(parts, ignore_index=True)

    def plot_purity(
        self,
        *,
        cut: str,
        binning: Mapping[str, Sequence[float]],
        precut: str = "",
        ax: Any = None,
    ) -> Any:
        """Draw the purity of both sides in every bin; parameters as of `purity`."""
        from hepnb.pid.subtraction.background_plots import plot_purity

        return plot_purity(self.purity(cut=cut, binning=binning, precut=precut), ax)


def subtract_mc_background(
    sample: Sample,
    simulation: Sample,
    *,
    backgrounds: Mapping[str, str] | None = None,
    factors: Mapping[str, float] | None = None,
    scale: float | None = None,
    control: str = "",
    precut: str = "",
    systematic: float | Mapping[str, float] = 0.2,
) -> McSubtraction:
    """Subtract the background that simulation expects, in whatever bins are asked for later.

    Parameters
    ----------
    sample, simulation
        Candidates of one particle in data, and simulated ones, with branches of the same names.
    backgrounds
        Name to cut in the language of the simulation; by default one, all that fails its truth.
    factors
        Corrections of species, by name, such as a ratio of cross sections; 1 by default.
    scale
        Data per simulated candidate; by default the ratio of luminosities.
    control
        Cut that selects a control region in which the scale is measured instead: candidates of
        data over simulated ones, those of signal included.
    precut
        Selection, as of the measurement; here for the control region.
    systematic
        Relative uncertainty of the background's yield, one for all or by name, not negative.

    Returns
    -------
    McSubtraction
        Columns "weight_mc" and "weight_mc_sys": 1 for data, less than 0 for the background.

    Raises
    ------
    BadParameters
        If there is no background in the simulation, nothing to scale it with, or a name in
        `factors` or `systematic` is not one of the backgrounds.
    """
    backgrounds = dict(backgrounds or species_cuts(simulation))
    factors = _by_name("factors", factors or {}, backgrounds, 1.0)
    if not isinstance(systematic, Mapping):
        systematic = dict.fromkeys(backgrounds, float(systematic))
    uncertainties = _by_name("systematic", systematic, backgrounds, 0.0)
    norm, error = _scale(sample, simulation, scale, control, precut)
    selected = {name: _count(simulation, cut) for name, cut in backgrounds.items()}
    if not any(selected.values()):
        message = (
            f"simulation {simulation.name!r} has no candidate of background "
            f"({'; '.join(backgrounds.values())}), so that nothing is known of it; if there is "
            "none in data either, measure without weights"
        )
        raise BadParameters(message)
    for name, number in selected.items():
        if not number:
            _LOG.warning("%s has no candidate of background %r", simulation.name, name)
    scales = {name: norm * factors[name] for name in backgrounds}
    total = {name: float(np.hypot(uncertainties[name], error)) for name in backgrounds}
    joined = join(sample, [(simulation, cut) for cut in backgrounds.values()], origin=_ORIGIN)
    nominal = tuple(-each for each in scales.values())
    shifted = tuple(-each * (1 + total[name]) for name, each in scales.items())
    columns = {
        "weight_mc": DerivedColumn((_ORIGIN,), OriginWeights((1.0, *nominal))),
        "weight_mc_sys": DerivedColumn((_ORIGIN,), OriginWeights((1.0, *shifted))),
    }
    weighted = dataclasses.replace(joined.with_columns(**columns), weights=tuple(columns))
    assert isinstance(weighted, JoinedSample)
    return McSubtraction(weighted, scales, error, total, selected)


def species_cuts(simulation: Sample) -> dict[str, str]:
    """Give the one background that the truth of a simulation tells: its name, and a cut.

    Raises
    ------
    BadParameters
        If the simulation has no truth cut.
    """
    if not simulation.truth:
        message = (
            f"simulation {simulation.name!r} has no truth cut; give backgrounds={{name: cut}}, or "
            "its study `truth:` in the catalogue"
        )
        raise BadParameters(message)
    return {"background": f"not [{simulation.truth}]"}


def _by_name(
    what: str, given: Mapping[str, float], names: Mapping[str, str], default: float
) -> dict[str, float]:
    values = {name: float(given.get(name, default)) for name in names}
    wrong = [name for name in given if name not in names]
    wrong += [name for name, value in values.items() if not 0 <= value < np.inf]
    if wrong:
        known = ", ".join(names)
        message = f"{what} {dict(given)}: give numbers of 0 or more for some of {known}"
        raise BadParameters(message)
    return values


def _scale(
    sample: Sample, simulation: Sample, scale: float | None, control: str, precut: str
) -> tuple[float, float]:
    """Give data per simulated candidate, and its relative uncertainty."""
    if control.strip():
        if scale is not None:
            raise BadParameters("give a scale or a control region, not both")
        region = f"[{precut}] and [{control}]" if precut.strip() else control
        seen, expected = (_count(each, region) for each in (sample, simulation))
        if not (seen and expected):
            message = f"control region {region!r} has {seen} data, {expected} simulated candidates"
            raise BadParameters(f"{message}; choose one with both")
        return seen / expected, float(np.sqrt(1 / seen + 1 / expected))
    if scale is None:
        luminosities = sample.luminosity, simulation.luminosity
        if not all(luminosities):
            message = (
                f"luminosities of data and simulation are {luminosities}; give them in the "
                "catalogue, or a scale, or a control region"
            )
            raise BadParameters(message)
        scale = float(luminosities[0] or 0) / float(luminosities[1] or 1)
    if not 0 < scale < np.inf:
        raise BadParameters(f"scale is {scale}; it must be greater than 0")
    return float(scale), 0.0


def _count(sample: Sample, cut: str) -> int:
    return sum(len(chunk["1"]) for chunk in sample.iterate(["1"], cut=cut))


Pair = tuple[np.ndarray, np.ndarray]


def _side(side: str, passing: Pair, total: Pair) -> Pair:
    if side == "pass":
        return passing
    return total[0] - passing[0], np.maximum(total[1] - passing[1], 0.0)


def _purities(data: Pair, counts: Pair, lost: Pair, shifted: Pair) -> dict[str, np.ndarray]:
    n, background, variance = data[0], -lost[0], lost[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        purity = np.where(n > 0, 1 - background / n, np.nan)
        # of b / n, with n a Poisson count and b of the simulation
        spread = np.where(n > 0, np.sqrt(variance / n**2 + background**2 / n**3), np.nan)
    status = np.select(
        [n == 0, background > n, counts[0] == 0], ["empty", "negative", "no_mc"], "ok"
    )
    return {
        "data": n,
        "background": background,
        "background_error": np.sqrt(variance),
        "background_sys": lost[0] - shifted[0],
        "purity": purity,
        "purity_error": spread,
        "status": status,
    }
