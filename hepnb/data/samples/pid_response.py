"""The PID response: what the detector measures for a track, and the likelihoods made of it.

A track of species t gives four observables (Cherenkov and time of flight, dE/dx, calorimeter, muon
detector), each in units of its resolution::

    x = mu_t(p, cosTheta) + shift(p, charge) + width(p) * z,    z standard normal,

with shift 0 and width 1 in simulation. The likelihood of a hypothesis h is what simulation says,
``log L_h = -|x - mu_h|^2 / 2``, so that the difference of any two is linear in x, hence Gaussian::

    log L_a - log L_b = (x - (mu_a + mu_b) / 2) . (mu_a - mu_b)
    mean  = (mu_t + shift - (mu_a + mu_b) / 2) . (mu_a - mu_b)
    sigma = width |mu_a - mu_b|

and ``binaryID(a, b) = 1 / (1 + exp(-(log L_a - log L_b))) > c`` has the efficiency
``Phi((mean - logit c) / sigma)`` exactly. The global ``kaonID = L_K / sum L`` has no closed form.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepnb.data.samples.species import HYPOTHESES, MASSES

__all__ = (
    "binary_efficiency",
    "distortion",
    "expected_observables",
    "identify",
    "likelihood_fractions",
    "observe",
)

Array = npt.NDArray[np.float64]
N_OBSERVABLES = 4


def __dir__() -> tuple[str, ...]:
    return __all__


def expected_observables(p: Array, cos_theta: Array) -> Array:
    """Give the mean observables of each hypothesis.

    Parameters
    ----------
    p, cos_theta
        Momentum in GeV and cosine of the polar angle, of shape (n,).

    Returns
    -------
    numpy.ndarray
        Of shape (6 hypotheses, 4 observables, n), in units of the resolution.
    """
    mu = np.zeros((len(HYPOTHESES), N_OBSERVABLES, len(p)))
    acuity = 3.5 * _cherenkov_acuity(cos_theta)
    for index, name in enumerate(HYPOTHESES):
        inverse_beta2 = 1 + (MASSES[name] / p) ** 2
        mu[index, 0] = acuity * np.log1p(100 * (np.sqrt(inverse_beta2) - 1))
        # Bethe's 1/beta^2 with a relativistic rise: kaons and pions cross near 1.4 GeV
        rise = 1 + 0.12 * np.log1p(p / MASSES[name])
        mu[index, 1] = 3.0 * np.log(inverse_beta2 * rise)
    mu[HYPOTHESES.index("e"), 2] = 4.0 * -np.expm1(-p / 0.4)
    mu[HYPOTHESES.index("mu"), 3] = 3.5 * _step((p - 0.75) / 0.1)
    return mu


def distortion(kind: str, p: Array, charge: Array) -> tuple[Array, Array]:
    """Give the shift of the Cherenkov and dE/dx observables, and the width of all of them.

    Parameters
    ----------
    kind
        "data" or "mc"; simulation is not distorted.
    p, charge
        Momentum in GeV and sign of the charge, of shape (n,).

    Returns
    -------
    shift : numpy.ndarray
        Of shape (4, n).
    width : numpy.ndarray
        Of shape (n,).
    """
    shift = np.zeros((N_OBSERVABLES, len(p)))
    if kind == "mc":
        return shift, np.ones(len(p))
    shift[0] = -(0.10 + 0.06 * charge) * (0.6 + 0.2 * p)
    shift[1] = 0.05 * charge
    return shift, 1.08 + 0.05 * p


def observe(
    rng: np.random.Generator,
    mu: Array,
    species: npt.NDArray[np.int64],
    shift: Array,
    width: Array,
) -> Array:
    """Draw the observables, of shape (4, n), of tracks whose species are indices of hypotheses."""
    tracks = np.arange(len(species))
    truth = mu[species, :, tracks].T
    return np.asarray(truth + shift + width * rng.standard_normal(shift.shape))


def likelihood_fractions(mu: Array, observed: Array) -> Array:
    """Give ``L_h / sum L`` of each hypothesis, of shape (6, n): the columns electronID etc."""
    score = np.einsum("hcn,cn->hn", mu, observed) - 0.5 * np.einsum("hcn,hcn->hn", mu, mu)
    score -= score.max(axis=0)
    np.exp(score, out=score)
    score /= score.sum(axis=0)
    return np.asarray(score)


def identify(
    rng: np.random.Generator,
    kind: str,
    species: npt.NDArray[np.int64],
    *,
    p: Array,
    cos_theta: Array,
    charge: Array,
) -> Array:
    """Draw the six PID columns, of shape (6, n), of tracks of known species."""
    mu = expected_observables(p, cos_theta)
    return likelihood_fractions(mu, observe(rng, mu, species, *distortion(kind, p, charge)))


def binary_efficiency(
    kind: str,
    species: str,
    a: str,
    b: str,
    *,
    threshold: float,
    p: Array,
    cos_theta: Array,
    charge: Array,
) -> Array:
    """Give the exact probability that ``binaryID(a, b) > threshold`` for tracks of one species.

    Parameters
    ----------
    kind
        "data" or "mc".
    species
        What the tracks truly are.
    a, b
        The two hypotheses, different from each other.
    threshold
        Between 0 and 1, both excluded.
    p, cos_theta, charge
        Of shape (n,).

    Returns
    -------
    numpy.ndarray
        Of shape (n,).
    """
    from scipy.special import logit, ndtr

    mu = expected_observables(p, cos_theta)
    shift, width = distortion(kind, p, charge)
    mu_a, mu_b, mu_t = (mu[HYPOTHESES.index(each)] for each in (a, b, species))
    difference = mu_a - mu_b
    mean = np.sum((mu_t + shift - 0.5 * (mu_a + mu_b)) * difference, axis=0)
    sigma = width * np.sqrt(np.sum(difference**2, axis=0))
    return np.asarray(ndtr((mean - logit(threshold)) / sigma))


def _cherenkov_acuity(cos_theta: Array) -> Array:
    """Poor backwards, where there is no Cherenkov detector; a gap before the forward one."""
    backward = 0.45 * _step((-0.5 - cos_theta) / 0.08)
    gap = 0.20 * np.exp(-(((cos_theta - 0.8) / 0.06) ** 2))
    forward = 0.10 * _step((cos_theta - 0.86) / 0.03)
    return np.asarray(1 - backward - gap + forward)


def _step(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))
