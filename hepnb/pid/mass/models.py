"""Models of a mass spectrum: named components, their parameters and where a fit starts.

Models are registered by name, so that a form, a campaign file and Python speak of the same ones;
`register_mass_model` adds one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BadParameters, nearest
from hepnb.pid.mass import densities as shapes
from hepnb.pid.mass import resonances
from hepnb.pid.mass.densities import Density
from hepnb.pid.mass.guess import Guess

__all__ = (
    "Component",
    "Guess",
    "MassModel",
    "Parameter",
    "mass_model",
    "mass_model_names",
    "register_mass_model",
)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A shape parameter: its start and limits, fixed or taken from a first look at the data.

    Attributes
    ----------
    name
        Unique within the model.
    start
        Number, or a function of a `Guess`; values outside the limits are moved inside.
    limits
        Pair of numbers, or a function of a `Guess` that gives one.
    of_mass
        Whether it is in units of the mass; otherwise it has no unit.
    """

    name: str
    start: float | Callable[[Guess], float]
    limits: tuple[float, float] | Callable[[Guess], tuple[float, float]]
    of_mass: bool = False

    def limits_for(self, guess: Guess) -> tuple[float, float]:
        """Limits for a spectrum."""
        return self.limits(guess) if callable(self.limits) else self.limits

    def start_for(self, guess: Guess) -> float:
        """Start for a spectrum, clear of the limits, where the likelihood may be flat."""
        low, high = self.limits_for(guess)
        value = self.start(guess) if callable(self.start) else self.start
        margin = 0.01 * (high - low) if np.isfinite(high - low) else 0.0
        return float(np.clip(value, low + margin, high - margin))


@dataclass(frozen=True)
class Component:
    """One species of a model: its density and the names of the parameters that it takes."""

    name: str
    density: Density
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class MassModel:
    """A sum of components, each normalised on the fit range and scaled by its yield.

    Use a registered one by its name; build one for a spectrum that none of them describes.

    Attributes
    ----------
    name
        By which it is registered.
    components
        Species in order, the signal first.
    parameters
        Shape parameters; components may share them.
    description
        One line for people who choose.

    Raises
    ------
    BadParameters
        If names repeat, or a component takes a parameter that the model does not have.
    """

    name: str
    components: tuple[Component, ...]
    parameters: tuple[Parameter, ...]
    description: str = ""

    def __post_init__(self) -> None:
        names = [each.name for each in self.parameters]
        for kind, found in (("parameter", names), ("component", list(self.component_names))):
            twice = sorted({each for each in found if found.count(each) > 1})
            if twice:
                raise BadParameters(f"model {self.name!r} has {kind} {twice[0]!r} more than once")
        if not self.components:
            raise BadParameters(f"model {self.name!r} has no component; give at least one")
        for component in self.components:
            for missing in set(component.parameters) - set(names):
                raise BadParameters(
                    f"component {component.name!r} of model {self.name!r} takes {missing!r}, "
                    f"which the model does not have{nearest(missing, names)}"
                )

    @property
    def component_names(self) -> tuple[str, ...]:
        """Names of the components, in order."""
        return tuple(each.name for each in self.components)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the shape parameters, in order."""
        return tuple(each.name for each in self.parameters)

    def pdf(self, mass: Floats, lo: float, hi: float, values: Sequence[float]) -> Floats:
        """Densities of shape (components, n) at masses of shape (n,) within [lo, hi].

        `values` are those of the shape parameters, in order; the densities are per unit of mass.
        """
        return self._each("pdf", mass, lo, hi, values)

    def cdf(self, mass: Floats, lo: float, hi: float, values: Sequence[float]) -> Floats:
        """Integrals of the densities from `lo`, of shape (components, n)."""
        return self._each("cdf", mass, lo, hi, values)

    def bin_probabilities(self, edges: Floats, values: Sequence[float]) -> Floats:
        """Integrals over bins, of shape (components, bins); each component's sum is 1."""
        return np.diff(self.cdf(edges, float(edges[0]), float(edges[-1]), values), axis=1)

    def _each(
        self, kind: str, mass: Floats, lo: float, hi: float, values: Sequence[float]
    ) -> Floats:
        named = dict(zip(self.parameter_names, values, strict=True))
        out = np.empty((len(self.components), len(mass)))
        for row, each in zip(out, self.components, strict=True):
            row[:] = getattr(each.density, kind)(mass, lo, hi, *(named[p] for p in each.parameters))
        return out


_MODELS: dict[str, MassModel] = {}


def register_mass_model(model: MassModel, *, replace: bool = False) -> MassModel:
    """Make a model known by its name, in forms and campaign files too.

    Parameters
    ----------
    model
        The model.
    replace
        Whether it may take the place of another one of that name.

    Returns
    -------
    MassModel
        The same model.

    Raises
    ------
    BadParameters
        If another model has the name and `replace` is false.
    """
    if not replace and _MODELS.get(model.name, model) is not model:
        message = f"a mass model {model.name!r} exists; choose another name, or replace=True"
        raise BadParameters(message)
    _MODELS[model.name] = model
    return model


def mass_model_names() -> tuple[str, ...]:
    """Names of the registered models."""
    return tuple(_MODELS)


def mass_model(model: str | MassModel) -> MassModel:
    """Give the model of a name; a model is given back as it is.

    Raises
    ------
    BadParameters
        If no model has that name.
    """
    if isinstance(model, MassModel):
        return model
    if model not in _MODELS:
        known = ", ".join(_MODELS)
        raise BadParameters(f"mass model {model!r} is not one of {known}{nearest(model, _MODELS)}")
    return _MODELS[model]


# functions with names, not lambdas, so that a model can travel to workers
def _peak(guess: Guess) -> float:
    return guess.peak


def _core(guess: Guess) -> float:
    return 0.8 * guess.width


def _range(guess: Guess) -> tuple[float, float]:
    return guess.lo, guess.hi


def _widths(guess: Guess) -> tuple[float, float]:
    return (guess.hi - guess.lo) / 2000.0, (guess.hi - guess.lo) / 2.0


def _tilt(guess: Guess) -> float:
    return guess.tilt


def _left(guess: Guess) -> float:
    return 0.5 - 0.5 * guess.tilt


def _decay(guess: Guess) -> float:
    return -2.0 * guess.tilt


_PEAK = (
    Parameter("mean", _peak, _range, of_mass=True),
    Parameter("sigma", _core, _widths, of_mass=True),
)
_WIDE = (Parameter("sigma_ratio", 2.0, (1.0, 10.0)), Parameter("fraction", 0.6, (0.0, 1.0)))
_TAIL = (Parameter("alpha", 1.5, (0.3, 5.0)), Parameter("n", 3.0, (1.05, 50.0)))
_TAIL_HIGH = (Parameter("alpha_high", 1.5, (0.3, 5.0)), Parameter("n_high", 3.0, (1.05, 50.0)))
_GAMMA = (Parameter("gamma", _core, _widths, of_mass=True),)
_DEGREES = (Parameter("nu", 5.0, (1.0, 100.0)),)
_TILT = Parameter("tilt", _tilt, (-1.0, 1.0))
_CHEBYCHEV = (_TILT, Parameter("c2", 0.0, (-1.0, 1.0)))
_BERNSTEIN = (Parameter("middle", 1.0 / 3.0, (0.0, 1.0)), Parameter("left", _left, (0.0, 1.0)))

_DECAY = (Parameter("decay", _decay, (-30.0, 30.0)),)

_TWO = ("two Gaussians of one mean", shapes.TWO_GAUSSIANS, (*_PEAK, *_WIDE))
_ONE = ("one Gaussian", shapes.GAUSSIAN, _PEAK)
_BALL = ("Gaussian with a power-law tail to low mass", shapes.CRYSTAL_BALL, (*_PEAK, *_TAIL))
_STUDENT = ("Student's t", shapes.STUDENT, (*_PEAK, *_DEGREES))
_VOIGT = ("Breit-Wigner smeared by a Gaussian", resonances.VOIGT, (*_PEAK, *_GAMMA))
_Z = ("smeared Z boson with a radiative tail", resonances.Z_BOSON, (*_PEAK, *_TAIL))
_BALLS = (
    "Gaussian with power-law tails to both sides",
    resonances.TWO_SIDED_CRYSTAL_BALL,
    (*_PEAK, *_TAIL, *_TAIL_HIGH),
)
_PARABOLA = ("positive Chebychev parabola", shapes.CHEBYCHEV2, _CHEBYCHEV)
_MIXTURE = ("Bernstein polynomial of degree 2", shapes.BERNSTEIN2, _BERNSTEIN)
_FALL = ("falling or rising exponential", shapes.EXPONENTIAL, _DECAY)
_LINE = ("straight line", shapes.LINEAR, (_TILT,))

for _name, _signal, _background in (
    ("two_gaussians", _TWO, _PARABOLA),
    ("two_gaussians_bernstein", _TWO, _MIXTURE),
    ("two_gaussians_linear", _TWO, _LINE),
    ("single_gaussian", _ONE, _PARABOLA),
    ("gaussian_linear", _ONE, _LINE),
    ("crystal_ball", _BALL, _PARABOLA),
    ("crystal_ball_exponential", _BALL, _FALL),
    ("crystal_ball_two_sided", _BALLS, _PARABOLA),
    ("student", _STUDENT, _PARABOLA),
    ("voigt", _VOIGT, _PARABOLA),
    ("z_boson", _Z, _PARABOLA),
):
    register_mass_model(
        MassModel(
            _name,
            (
                Component("signal", _signal[1], tuple(each.name for each in _signal[2])),
                Component("background", _background[1], tuple(p.name for p in _background[2])),
            ),
            (*_signal[2], *_background[2]),
            f"{_signal[0]} on a {_background[0]}",
        )
    )
