"""Bias and coverage: pseudo-experiments of each truth, fitted by each function and the envelope."""

from __future__ import annotations

import logging
import signal as signals_of_the_system
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from hepnb.background.fitting import fit_background
from hepnb.background.fitting.signal_model import SignalModel
from hepnb.background.profiling.bias_result import BiasStudy, Row
from hepnb.background.profiling.corrections import CorrectionLike, as_correction
from hepnb.background.profiling.functions import Function, function_of, functions_of
from hepnb.background.profiling.toys import Experiment, toy_fits
from hepnb.background.pseudodata import Expectation
from hepnb.background.spectrum import MassSpectrum
from hepnb.data.chunks import ordered_map
from hepnb.errors import BadParameters

__all__ = ("study_bias",)

log = logging.getLogger(__name__)

Truths: TypeAlias = "Iterable[Function] | Mapping[str, Expectation]"
Task: TypeAlias = "tuple[str, float, int]"

_BLOCK = 10  # toys that a worker is given at a time


def __dir__() -> tuple[str, ...]:
    return __all__


def study_bias(
    spectrum: MassSpectrum,
    truths: Truths,
    functions: Iterable[Function],
    signal: Any,
    *,
    strengths: Sequence[float] = (0.0, 1.0),
    toys: int = 200,
    seed: int = 1,
    correction: CorrectionLike = 1.0,
    jobs: int = 1,
    client: Any = None,
) -> BiasStudy:
    """Draw pseudo-experiments from every truth and fit them with every function.

    Parameters
    ----------
    spectrum
        The bins, and the data to which truths are fitted; where it is blinded, the truths are
        those of the sidebands. Pseudo-experiments fill the whole range.
    truths
        Functions that are fitted to the spectrum; or name to anything with ``expected(edges)``.
    functions
        Functions that are fitted to the toys, alone and as an envelope.
    signal
        Signal shape, injected and fitted.
    strengths
        Injected strengths; more of them show the coverage as it depends on the strength.
    toys
        For each truth and strength.
    seed
        The same seed gives the same toys, however many jobs there are.
    correction
        As of `hepnb.background.profiling.scan_envelope`.
    jobs
        Processes. A script that asks for several needs ``if __name__ == "__main__":``.
    client
        A `dask.distributed.Client` to use instead.

    Returns
    -------
    BiasStudy
        Of as many toys as were done when a `KeyboardInterrupt` came, if one did.

    Raises
    ------
    BadParameters
        An unknown function, a truth that expects nothing, no toys, or an injected strength that
        makes an expectation negative.
    """
    if toys < 1 or seed < 0 or jobs < 1:
        message = f"toys = {toys}, seed = {seed}, jobs = {jobs}; give at least 1, 0 and 1"
        raise BadParameters(message)
    experiment = _experiment(
        spectrum,
        truths,
        functions,
        signal=signal,
        strengths=tuple(float(each) for each in strengths),
        correction=as_correction(correction),
        seed=seed,
    )
    # toy by toy, so that what an interrupted study has done is of all truths and strengths
    tasks = [
        (truth, strength, toy)
        for toy in range(toys)
        for truth in experiment.expected
        for strength in experiment.strengths
    ]
    rows: list[Row] = []
    interrupted = False
    try:
        experiment = experiment.with_starts()
        for done in _outcomes(experiment, tasks, jobs, client):
            rows += done
    except KeyboardInterrupt:
        if not rows:
            raise
        interrupted = True
        log.warning("interrupted: the study has %d of %d toys", _count(rows), len(tasks))
    return BiasStudy(
        truths=tuple(experiment.expected),
        functions=tuple(experiment.models),
        strengths=tuple(experiment.strengths),
        requested=toys,
        seed=seed,
        correction=experiment.correction,
        rows=tuple(rows),
        interrupted=interrupted,
    )


def _experiment(
    spectrum: MassSpectrum,
    truths: Truths,
    functions: Iterable[Function],
    **setting: Any,
) -> Experiment:
    shown = np.ones(len(spectrum.counts), bool)
    blank = MassSpectrum(
        edges=spectrum.edges,
        counts=np.zeros(len(shown)),
        visible=shown,
        variable=spectrum.variable,
        unit=spectrum.unit,
        category=spectrum.category,
    )
    models = [SignalModel(blank, *each, setting["signal"]) for each in functions_of(functions)]
    found = Experiment(
        expected=_expected(spectrum, truths),
        blank=blank,
        models={f"{each.family.name}{each.order}": each for each in models},
        **setting,
    )
    if not found.strengths:
        message = "no injected strength; give at least one, for instance 0"
        raise BadParameters(message)
    for truth in found.expected:
        for strength in found.strengths:
            least = float(found.mean(truth, strength).min())
            if not least >= 0.0:
                message = (
                    f"strength {strength:g} on {truth} expects {least:g} events in a bin; "
                    "inject a larger one"
                )
                raise BadParameters(message)
    return found


def _expected(spectrum: MassSpectrum, truths: Truths) -> dict[str, np.ndarray[Any, Any]]:
    if isinstance(truths, Mapping):
        given = dict(truths)
    else:
        kinds: list[Any] = [
            each if hasattr(each, "expected") else fit_background(spectrum, *function_of(each))
            for each in truths
        ]
        given = {each.name: each for each in kinds}
    if not given:
        message = "no truth; name at least one function, for instance bernstein3"
        raise BadParameters(message)
    expected = {
        name: np.asarray(each.expected(spectrum.edges), float) for name, each in given.items()
    }
    for name, events in expected.items():
        if not (np.isfinite(events).all() and events.min() >= 0.0 < events.sum()):
            message = f"truth {name!r} expects {events.sum():g} events; it needs some to draw from"
            raise BadParameters(message)
    return expected


def _outcomes(
    experiment: Experiment, tasks: Sequence[Task], jobs: int, client: Any
) -> Iterator[list[Row]]:
    blocks = [tasks[i : i + _BLOCK] for i in range(0, len(tasks), _BLOCK)]
    if client is not None:
        yield from ordered_map(partial(_run, experiment), blocks, client=client)
    elif jobs == 1:
        for task in tasks:
            yield _run(experiment, [task])
    else:
        yield from _in_processes(experiment, blocks, jobs)


def _in_processes(
    experiment: Experiment, blocks: Sequence[Sequence[Task]], jobs: int
) -> Iterator[list[Row]]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    known = multiprocessing.get_all_start_methods()
    # a fork of a process with threads, such as a notebook's kernel, may hang
    context = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    pool = ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_prepare, initargs=(experiment,)
    )
    try:
        yield from pool.map(_run_here, blocks)
    finally:
        pool.shutdown(cancel_futures=True)


_HERE: dict[str, Experiment] = {}


def _prepare(experiment: Experiment) -> None:
    """Receive the experiment once; leave an interrupt to the process that waits for the toys."""
    signals_of_the_system.signal(signals_of_the_system.SIGINT, signals_of_the_system.SIG_IGN)
    _HERE["experiment"] = experiment


def _run_here(tasks: Sequence[Task]) -> list[Row]:
    return _run(_HERE["experiment"], tasks)


def _run(experiment: Experiment, tasks: Sequence[Task]) -> list[Row]:
    return [
        Row(*task, name, **fit._asdict())
        for task in tasks
        for name, fit in toy_fits(experiment, *task).items()
    ]


def _count(rows: Sequence[Row]) -> int:
    return len({each[:3] for each in rows})
