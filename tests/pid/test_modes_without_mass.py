"""Every generated mode without a mass: its efficiency after subtraction is the generated one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hepnb.data import samples
from hepnb.data.sample import Sample
from hepnb.pid import control_variables, measure_efficiency, subtract_background

BINNING = {"p": [0.5, 1, 1.5, 2, 2.5, 3.5], "cosTheta": [-0.6, 0, 0.4, 0.9]}
FALSE_ALARM = 1e-3  # of each statistical test below
N = 20_000
# particle, requirement, a region of much background, and the signal's share in data
MODES = {
    "tau3x1": ("pi", "binaryID(pi, K) > 0.6", "visibleEnergy > 9.5", 0.88),
    "mumugamma": ("mu", "muonID > 0.6", "missingEnergy > 0.9 and gamma_E < 1.6", 0.93),
    "gammagamma": ("e", "electronID > 0.6", "pair_pt > 0.35", 0.90),
    "ee": ("e", "electronID > 0.6", "missingEnergy > 1.1 and gamma_E < 1.3", 0.97),
}


def pair(study, particle):
    return [
        Sample.from_frame(
            samples.candidates(name, study, 0, N),
            name=name,
            kind=kind,
            study=study,
            truth="`isSignal`" if kind == "mc" else None,
            particles={particle: particle},
            prefix=particle,
        )
        for name, kind in (("proc13", "data"), ("MC15rd_proc13", "mc"))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("study", MODES)
def test_both_ways_find_the_generated_efficiency(study):
    particle, cut, region, share = MODES[study]
    data, mc = pair(study, particle)
    truth = samples.true_efficiency(study, particle, "data", cut=cut, binning=BINNING)
    options = {"control_region": region, "variables": control_variables(BINNING, cut)}
    for choice in ("simulation", "learned"):
        made = subtract_background(data, choice, simulation=mc, **options)
        found = measure_efficiency(made.sample, cut=cut, binning=BINNING).frame
        sigma = np.hypot(found["stat_up"], truth["uncertainty"])
        pulls = ((found["efficiency"] - truth["efficiency"]) / sigma).dropna()
        assert len(pulls) >= 12
        assert stats.chi2.sf(np.sum(pulls**2), len(pulls)) > FALSE_ALARM
    signal = made.without_mass.numbers()["N_signal"]
    assert signal["value"] == pytest.approx(share * N, abs=4 * signal["uncertainty"])
