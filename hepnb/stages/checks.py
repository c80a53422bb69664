"""What only the inputs can tell of a stage's parameters, asked before any work starts."""

from __future__ import annotations

from collections.abc import Iterable

from hepnb.data.catalogue import catalogue

__all__ = ("check_mass_models", "check_strings")


def __dir__() -> tuple[str, ...]:
    return __all__


def check_strings(
    strings: Iterable[str], *, site: str, collections: Iterable[str], study: str, particle: str
) -> None:
    """Look up the names in cuts and axes among the columns of samples.

    Parameters
    ----------
    strings
        Cuts and variables.
    site, collections, study, particle
        Which samples.

    Raises
    ------
    HepnbError
        For the first name, collection, study, particle or file that is not there.
    """
    strings = tuple(strings)
    known = catalogue(site)
    for name in collections:
        sample = known[name].study(study).particle(particle)
        for text in strings:
            sample.bind(text)


def check_mass_models(*names: str) -> None:
    """Look up mass models by name.

    Raises
    ------
    BadParameters
        For the first that is not registered.
    """
    from hepnb.pid.mass.models import mass_model

    for name in names:
        mass_model(name)
