"""The f-test in two masses: orders of each, then every product of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Literal

from hepnb.background.families import Family, family
from hepnb.background.fitting import BackgroundFit, fit_background
from hepnb.background.ftest.result import FTest
from hepnb.background.ftest.scan import run_ftest
from hepnb.background.two_dimensions.factorisation import factorisation_test
from hepnb.background.two_dimensions.goodness import goodness_cells, product_goodness
from hepnb.background.two_dimensions.products import ProductFit, fit_product, short_name
from hepnb.background.two_dimensions.result import Choice2D, FTest2D, TestedProduct
from hepnb.background.two_dimensions.spectrum import Spectrum2D
from hepnb.errors import BadParameters

__all__ = ("FAMILIES_2D", "run_ftest_2d")


def __dir__() -> tuple[str, ...]:
    return __all__


FAMILIES_2D = ("bernstein", "exponential", "powerlaw")
"""Those of the two-dimensional forks of flashggFinalFit."""
_SAME = 1e-4  # difference of negative logarithms below which two products are one


def run_ftest_2d(
    spectrum: Spectrum2D,
    *,
    families: Sequence[str | Family] = FAMILIES_2D,
    products: Literal["envelope", "truth"] = "envelope",
    only: Sequence[str] | None = None,
    gof_minimum: float = 0.01,
    penalty: float = 1.0,
    toys: int = 200,
    seed: int = 1,
    factorisation_alpha: float = 0.01,
    **options: Any,
) -> FTest2D:
    """Choose functions of each mass, fit all their products, and test that a product may be.

    Parameters
    ----------
    spectrum
        The data; what is blinded is in no number.
    families
        To try for both masses.
    products
        Of all pairs from the two envelopes, or, as the forks of flashggFinalFit do, of all orders
        up to the truth order of each family.
    only
        Names of products such as ``Ber2_Exp1`` (see `read_whitelist`), instead of all; those that
        are of no chosen function are fitted all the same.
    gof_minimum
        Least probability of goodness of fit, of functions of one mass and of products.
    penalty
        c: products compete by ``2 NLL + c n_par``.
    toys, seed
        Pseudo-experiments per test, at most, and the seed of their random numbers.
    factorisation_alpha
        Largest probability to call masses dependent that are not.
    **options
        Of `run_ftest`: alpha, envelope_alpha, rule, max_order.

    Returns
    -------
    FTest2D

    Raises
    ------
    BadParameters
        As `run_ftest`; a product's name that cannot be read.

    Notes
    -----
    Functions of one mass are chosen on `Spectrum2D.projection`; products are fitted to all that is
    visible (see `hepnb.background.two_dimensions.products`).
    """
    if products not in ("envelope", "truth"):
        raise BadParameters(f"products = {products!r}; give 'envelope' or 'truth'")
    shared = {"families": families, "gof_minimum": gof_minimum, "penalty": penalty}
    shared |= {"toys": toys, "seed": seed, **options, "unbinned": False}
    x, y = (run_ftest(spectrum.projection(axis), **shared) for axis in (0, 1))  # type: ignore[arg-type]
    factorisation = factorisation_test(spectrum, alpha=factorisation_alpha, seed=seed)
    fits = [
        fit_product(spectrum, *pair)
        for pair in (
            product(_chosen(x, products), _chosen(y, products))
            if only is None
            else [_named(name, x, y) for name in dict.fromkeys(only)]
        )
    ]
    cells = goodness_cells(spectrum)
    tested = []
    reasons: dict[str, str] = {}
    for fit in fits:
        gof = None
        if fit.valid:
            gof = product_goodness(fit, cells, minimum=gof_minimum, toys=toys, seed=seed)
        if reason := _refusal(fit, fits, None if gof is None else gof.p, gof_minimum):
            reasons[fit.name] = reason
        tested.append(TestedProduct(fit, gof, accepted=not reason))
    envelope = [each.fit for each in tested if each.accepted]
    best = min(envelope, key=lambda fit: 2.0 * fit.nll + penalty * fit.n_par, default=None)
    settings = {
        **{key: value for key, value in x.settings.items() if key != "unbinned"},
        "products": products,
        "only": None if only is None else list(only),
        "factorisation_alpha": factorisation_alpha,
    }
    return FTest2D(
        spectrum=spectrum,
        x=x,
        y=y,
        products=tuple(tested),
        factorisation=factorisation,
        choice=Choice2D(
            envelope=tuple(fit.name for fit in envelope),
            best=None if best is None else best.name,
            reasons=reasons,
        ),
        cells=cells,
        settings=settings,
    )


def _chosen(ftest: FTest, products: str) -> tuple[BackgroundFit, ...]:
    """Functions of one mass that products are made of."""
    if products == "envelope":
        return ftest.envelope
    return tuple(
        _fit(ftest, kind, order)
        for kind, truth in ((family(name), order) for name, order in ftest.choice.truth.items())
        for order in (kind.orders(truth) if truth is not None else ())
    )


def _fit(ftest: FTest, kind: Family, order: int) -> BackgroundFit:
    for each in ftest.fits:
        if each.fit.family.name == kind.name and each.fit.order == order:
            return each.fit
    return fit_background(ftest.spectrum, kind, order)


def _named(name: str, x: FTest, y: FTest) -> tuple[BackgroundFit, BackgroundFit]:
    """Functions of a product such as Ber2_Exp1."""
    sides = name.split("_")
    if len(sides) == 2:
        found = [_by_short_name(side, ftest) for side, ftest in zip(sides, (x, y), strict=True)]
        if found[0] is not None and found[1] is not None:
            return found[0], found[1]
    raise BadParameters(
        f"product {name!r}; give the functions of both masses as Ber2_Exp1, of the families "
        f"{', '.join(x.choice.truth)}"
    )


def _by_short_name(name: str, ftest: FTest) -> BackgroundFit | None:
    letters = name.rstrip("0123456789")
    order = name[len(letters) :]
    for each in ftest.fits:
        if order and short_name(each.fit).rstrip("0123456789") == letters:
            each.fit.family.check_order(int(order))
            return _fit(ftest, each.fit.family, int(order))
    return None


def _refusal(
    fit: ProductFit, fits: Sequence[ProductFit], p: float | None, gof_minimum: float
) -> str:
    """Why a product is not in the envelope; empty if it is."""
    if fit.status == "empty":
        return "no candidate is visible"
    if not fit.valid:
        return "the fit did not reach a minimum"
    if p is not None and p < gof_minimum:
        return f"goodness of fit p = {p:.2g} < {gof_minimum:g}"
    for other in fits:
        if other.valid and _below(other, fit) and other.nll - fit.nll < _SAME:
            return f"the same function as {other.title}"
    return ""


def _below(other: ProductFit, fit: ProductFit) -> bool:
    """Whether a product is of the same families and of fewer parameters."""
    sides = ((other.x, fit.x), (other.y, fit.y))
    return other.n_par < fit.n_par and all(
        a.family.name == b.family.name and a.order <= b.order for a, b in sides
    )
