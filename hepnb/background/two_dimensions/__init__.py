"""The f-test in two masses: products of functions, goodness of fit, and independence."""

from __future__ import annotations

from hepnb.background.two_dimensions.factorisation import Factorisation, factorisation_test
from hepnb.background.two_dimensions.products import Factor, ProductFit, fit_product
from hepnb.background.two_dimensions.result import Choice2D, FTest2D, TestedProduct
from hepnb.background.two_dimensions.scan import FAMILIES_2D, run_ftest_2d
from hepnb.background.two_dimensions.spectrum import Spectrum2D, read_spectrum_2d
from hepnb.background.two_dimensions.whitelist import read_whitelist

__all__ = (
    "FAMILIES_2D",
    "Choice2D",
    "FTest2D",
    "Factor",
    "Factorisation",
    "ProductFit",
    "Spectrum2D",
    "TestedProduct",
    "factorisation_test",
    "fit_product",
    "read_spectrum_2d",
    "read_whitelist",
    "run_ftest_2d",
)


def __dir__() -> tuple[str, ...]:
    return __all__
