"""What a subtraction of simulated background gives: a sample, its scales, and purities in bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.data.filling import fill
from hepnb.data.joined_sample import JoinedSample
from hepnb.pid.tables.table_bins import axes_of_histogram, rows_of, sums

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("McSubtraction",)


def __dir__() -> tuple[str, ...]:
    return __all__


Pair = tuple[np.ndarray, np.ndarray]


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

    @property
    def frame(self) -> pd.DataFrame:
        """One row per background: its name, simulated candidates, scale, and uncertainties."""
        import pandas as pd

        return pd.DataFrame(
            {
                "background": list(self.scales),
                "simulated": list(self.selected.values()),
                "scale": list(self.scales.values()),
                "scale_error": [self.scale_error * each for each in self.scales.values()],
                "systematic": list(self.systematic.values()),
            }
        )

    def summary(self) -> str:
        """Say what is subtracted, a line per background."""
        lines = ["Background is subtracted as simulation expects it:"]
        for row in self.frame.itertuples(index=False):
            error = f" \u00b1 {row.scale_error:.2g}" if self.scale_error else ""
            lines.append(
                f"  {row.background}: {row.simulated:,} simulated candidates, of which each stands "
                f"for {row.scale:.3g}{error} in data; systematic {100 * row.systematic:.3g} %"
            )
        lines.append("Counts of candidates that are read hold these too, with negative weights.")
        return "\n".join(lines)

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Scales, for the record of a run."""
        return {
            f"scale({row.background})": {
                "value": float(row.scale),
                "uncertainty": float(row.scale_error) if self.scale_error else None,
                "unit": "",
                "status": "ok" if row.simulated else "no_simulation",
            }
            for row in self.frame.itertuples(index=False)
        }

    def save(self, directory: Path | str, name: str = "background") -> list[Path]:
        """Write `frame` as ``<name>.csv``."""
        path = Path(directory) / f"{name}.csv"
        self.frame.to_csv(path, index=False)
        return [path]

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
