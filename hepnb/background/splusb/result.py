"""What a fit of signal plus background gives: numbers, table, figures, file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.background.categories import file_stem
from hepnb.background.fitting.result import BackgroundFit
from hepnb.background.signal.reading import describe_signal
from hepnb.background.signal.shapes import Peak
from hepnb.background.signal.weighting import CategoryWeights
from hepnb.background.spectrum import MassSpectrum
from hepnb.background.splusb.shared import SharedFit

if TYPE_CHECKING:
    import pandas as pd

    from hepnb.background.plots.signal import CategoryFit

__all__ = ("Category", "SPlusB")


def __dir__() -> tuple[str, ...]:
    return __all__


SCHEMA = 1
"""Of the JSON file; rises when a key changes its meaning."""


@dataclass(frozen=True)
class Category:
    """One category of a fit of signal plus background.

    Attributes
    ----------
    spectrum
        The data.
    sideband
        Background alone, fitted beside the window where that is hidden.
    background
        What is drawn as the B component: that under the signal, or `sideband` where blinded.
    signal
        Shape, floating parameters at their fitted values.
    alone
        Fit with a strength of the category's own; None where blinded. Of several categories each
        has its peak held where the shared fit puts it.
    window, window_background
        The hidden window, or one effective sigma about the peak, and the background events that
        `sideband` expects in it, with their uncertainty.
    toys
        Backgrounds of refitted pseudo-experiments.
    """

    spectrum: MassSpectrum
    sideband: BackgroundFit
    background: BackgroundFit
    signal: Peak
    alone: SharedFit | None
    window: tuple[float, float]
    window_background: tuple[float, float]
    toys: tuple[BackgroundFit, ...]


@dataclass(frozen=True)
class SPlusB:
    """Signal plus background in one or several categories.

    Attributes
    ----------
    categories
        Name to category.
    shared
        Fit with one strength for all: of the data, or, where blinded, of what the sidebands and a
        signal of strength 1 make one expect (Asimov's data).
    weights
        S/(S+B) in one effective sigma about the peak.
    blinded
        Whether any category hides a window.
    q0
        Twice the gain in the logarithm of the likelihood by the signal.
    toys_asked
        How many pseudo-experiments were drawn per category.
    """

    categories: Mapping[str, Category]
    shared: SharedFit
    weights: CategoryWeights
    blinded: bool
    q0: float
    toys_asked: int

    @property
    def strength(self) -> float:
        """Signal strength that is drawn: the fitted one, or 1 where blinded."""
        return 1.0 if self.blinded else self.shared.strength

    @property
    def significance(self) -> float:
        """Standard deviations by which the strength departs from 0, with its sign."""
        return math.copysign(math.sqrt(self.q0), self.shared.strength)

    @property
    def status(self) -> str:
        """``ok``, ``failed``, or ``expected`` where no signal of the data was fitted."""
        if not self.shared.valid:
            return "failed"
        return "expected" if self.blinded else "ok"

    @property
    def frame(self) -> pd.DataFrame:
        """Table with one row per category; what is not known is NaN."""
        import pandas as pd

        return pd.DataFrame(list(self._rows()))

    def _rows(self) -> Iterator[dict[str, Any]]:
        for name, each in self.categories.items():
            low, high = self.weights.windows[name]
            alone = each.alone
            mu = math.nan if alone is None else alone.strength
            error = math.nan if alone is None else alone.strength_error
            yield {
                "category": name,
                "function": each.background.name,
                "visible_events": each.spectrum.total,
                "background": each.background.total,
                "background_error": each.background.total_error,
                "window_low": each.window[0],
                "window_high": each.window[1],
                "window_background": each.window_background[0],
                "window_background_error": each.window_background[1],
                "window_background_toys": _spread(each) if self.blinded else math.nan,
                "expected_signal": each.signal.expected,
                "effective_sigma": 0.5 * (high - low),
                "signal_in_sigma": self.weights.signal[name],
                "background_in_sigma": self.weights.background[name],
                "weight": self.weights.weights[name],
                "strength": mu,
                "strength_error": error,
                "signal": mu * each.signal.expected,
                "signal_error": error * each.signal.expected,
                "toys": len(each.toys),
                "status": each.background.status,
            }

    def numbers(self) -> dict[str, Any]:
        """Numbers of the run: shared strength, floating parameters, and each category's."""
        given: dict[str, Any] = {
            "strength": self._number(self.shared.strength, self.shared.strength_error),
            "significance": self._number(self.significance, None),
        }
        units = {"mean": next(iter(self.categories.values())).spectrum.unit, "scale": ""}
        for name, (value, error) in self.shared.floated.items():
            given[f"signal_{name}"] = self._number(value, error) | {"unit": units[name]}
        for row in self._rows():
            stem = file_stem(row["category"] or "all")
            background = (row["window_background"], row["window_background_error"])
            given[f"{stem}.window_background"] = _number(*background, row["status"])
            given[f"{stem}.weight"] = row["weight"]
            if not self.blinded:
                signal = (row["signal"], row["signal_error"])
                given[f"{stem}.signal"] = _number(*signal, row["status"])
        return given

    def _number(self, value: float, error: float | None) -> dict[str, Any]:
        return _number(value, error, self.status)

    def summary(self) -> str:
        """Say in one line what was found, or is expected."""
        names = ", ".join(f"{n} {v:.3f} ± {e:.3f}" for n, (v, e) in self.shared.floated.items())
        kind = "expected of" if self.blinded else "found in"
        text = (
            f"signal strength {kind} {len(self.categories)} categories: "
            f"{self.shared.strength:.3f} ± {self.shared.strength_error:.3f} "
            f"({self.significance:.1f} sigma)"
        )
        return f"{text}; {names}" if names else text

    def content(self) -> dict[str, Any]:
        """Give all numbers as JSON values, null where not known."""
        rows = [
            {key: _plain(value) for key, value in row.items()}
            | {
                "parameters": self.categories[row["category"]].background.params,
                "signal_shape": describe_signal(self.categories[row["category"]].signal),
            }
            for row in self._rows()
        ]
        shared = self.shared
        return {
            "schema": SCHEMA,
            "blinded": self.blinded,
            "status": self.status,
            "strength": _plain(shared.strength),
            "strength_error": _plain(shared.strength_error),
            "significance": _plain(self.significance),
            "nll": _plain(shared.nll),
            "floating": {k: [_plain(v), _plain(e)] for k, (v, e) in shared.floated.items()},
            "toys": self.toys_asked,
            "categories": rows,
        }

    def save(self, directory: str | Path, name: str) -> list[Path]:
        """Write ``<name>.json`` with everything of `content`."""
        path = Path(directory) / f"{name}.json"
        text = json.dumps(self.content(), indent=1, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")
        return [path]

    def drawn(self, name: str) -> CategoryFit:
        """Give a category as the figures take it."""
        from hepnb.background.plots.signal import CategoryFit

        each = self.categories[name]
        return CategoryFit(each.spectrum, each.background, each.signal, self.strength, each.toys)

    def plot(self, name: str, **options: Any) -> Any:
        """Draw a category; see `plot_category`."""
        from hepnb.background.plots.signal import plot_category

        text = "\n".join(filter(None, (name, self.categories[name].background.title, self._mu)))
        return plot_category(self.drawn(name), **{"text": text, **options})

    def plot_weighted(self, **options: Any) -> Any:
        """Draw the weighted sum of all categories; see `plot_weighted_sum`."""
        from hepnb.background.plots.signal import plot_weighted_sum

        fits = {name: self.drawn(name) for name in self.categories}
        head = "All categories" if len(fits) > 1 else next(iter(fits))
        text = "\n".join(filter(None, (head, "S/(S+B) weighted", self._mu)))
        return plot_weighted_sum(fits, self.weights.weights, **{"text": text, **options})

    @property
    def _mu(self) -> str:
        if self.blinded:
            return ""
        mu = rf"$\mu$ = {self.shared.strength:.2f} ± {self.shared.strength_error:.2f}"
        return f"{mu}, common to all" if len(self.categories) > 1 else mu


def _number(value: float, error: float | None, status: str) -> dict[str, Any]:
    known = {} if error is None else {"uncertainty": error}
    return {"value": value, "status": status, **known}


def _spread(category: Category) -> float:
    """Give the standard deviation of what refits of the sidebands expect in the window."""
    if len(category.toys) < 2:
        return math.nan
    window = np.array(category.window)
    return float(np.std([toy.expected(window)[0] for toy in category.toys], ddof=1))


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
