"""A classifier's score as a discriminating variable, in cells of equal population.

The classifier gives the probability of each species. The cells divide candidates by the background
that is most probable, and then by the probability of signal: with one background that is the usual
score; with several, backgrounds that look alike in it still lie in different cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.data.binning import Grid
from hepnb.errors import FitFailed, MissingExtra

__all__ = ("ScoreCells", "region_of", "train_score")


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoreCells:
    """Cell of each candidate, from its features; `train_score` makes it.

    Attributes
    ----------
    classifier
        With ``predict_proba``, as in scikit-learn; its first class is signal.
    features
        Expressions, in the order of its inputs.
    edges
        Inner edges of the signal probability, for each background that may be the most probable.
    """

    classifier: Any
    features: tuple[str, ...]
    edges: tuple[Floats, ...]

    @property
    def count(self) -> int:
        """Number of cells."""
        return sum(1 + len(each) for each in self.edges)

    def __call__(self, columns: Mapping[str, Any]) -> NDArray[np.intp]:
        """Give the cells of shape (n,), from columns that hold the features."""
        return self._cells(*self.scores(columns))

    def scores(self, columns: Mapping[str, Any]) -> tuple[Floats, NDArray[np.intp]]:
        """Give the probability of signal and the index of the most probable background."""
        inputs = np.column_stack([np.asarray(columns[each], float) for each in self.features])
        if not len(inputs):
            return np.empty(0), np.empty(0, np.intp)
        with _one_thread():
            found = np.asarray(self.classifier.predict_proba(inputs))
        return found[:, 0], np.argmax(found[:, 1:], axis=1)

    def _cells(self, score: Floats, group: NDArray[np.intp]) -> NDArray[np.intp]:
        cells = np.zeros(len(score), np.intp)
        first = 0
        for index, edges in enumerate(self.edges):
            inside = group == index
            cells[inside] = first + np.searchsorted(edges, score[inside], side="right")
            first += 1 + len(edges)
        return cells


def train_score(
    species: Sequence[Any], features: Sequence[str], *, bins: int = 15, seed: int = 1
) -> ScoreCells:
    """Train a classifier on simulated species, and divide its score into cells.

    Parameters
    ----------
    species
        For each, signal first, a mapping (or DataFrame) from feature to array.
    features
        What the classifier sees: nothing that tells the PID of the probe. NaN is allowed.
    bins
        Of the signal probability, for each most probable background.
    seed
        Of the classifier.

    Returns
    -------
    ScoreCells

    Raises
    ------
    MissingExtra
        If scikit-learn is not installed.
    FitFailed
        If the features tell nothing, so that there are too few cells.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError as error:
        message = "a learned score needs scikit-learn: `pip install hepnb[ml]`"
        raise MissingExtra(message) from error

    inputs = [np.column_stack([np.asarray(each[f], float) for f in features]) for each in species]
    label = np.repeat(np.arange(len(inputs)), [len(each) for each in inputs])
    # few leaves: a smooth score is worth more than a sharp one, since all its templates are noisy
    classifier = HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.2,
        max_leaf_nodes=8,
        min_samples_leaf=50,
        early_stopping=False,
        class_weight="balanced",
        random_state=seed,
    )
    with _one_thread():
        classifier.fit(np.concatenate(inputs), label)
    bare = ScoreCells(classifier, tuple(features), ())
    score, group = bare.scores(
        {f: np.concatenate([each[:, i] for each in inputs]) for i, f in enumerate(features)}
    )
    weight = np.concatenate([np.full(len(each), 1 / len(each)) for each in inputs])
    groups = range(len(inputs) - 1)
    edges = tuple(_quantiles(score[group == g], weight[group == g], bins) for g in groups)
    cells = ScoreCells(classifier, tuple(features), edges)
    if cells.count <= len(inputs):
        message = (
            f"a classifier of {', '.join(features)} tells signal from background in only "
            f"{cells.count} cells of its score; give features that differ"
        )
        raise FitFailed(message)
    return cells


def region_of(grid: Grid | None, columns: Mapping[str, Any]) -> NDArray[np.intp]:
    """Give the bin of each candidate, of shape (n,): -1 outside; 0 for all if there is no grid."""
    if grid is None:
        return np.zeros(len(columns[next(iter(columns))]), np.intp)
    values = {axis: np.asarray(columns[axis.variable], float) for axis in grid.axes}
    digits = {axis: axis.digitise(each) for axis, each in values.items()}
    missing = np.any([np.isnan(each) for each in values.values()], axis=0)
    number = np.where(grid.inside, np.cumsum(grid.inside) - 1, -1)
    return np.asarray(number[grid.locate(digits, missing)])


def _one_thread() -> AbstractContextManager[Any]:
    """Keep to one core: on a shared host the threads of a classifier mostly wait for each other."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1, "openmp")
    return limits


def _quantiles(score: Floats, weight: Floats, bins: int) -> Floats:
    """Give inner edges such that bins weigh the same, where the score takes enough values."""
    if not len(score):
        return np.empty(0)
    order = np.argsort(score, kind="stable")
    below = np.cumsum(weight[order]) / weight.sum()
    places = np.searchsorted(below, np.arange(1, bins) / bins)
    edges = np.unique(score[order][np.minimum(places, len(score) - 1)])
    return np.asarray(edges[edges > score.min()])
