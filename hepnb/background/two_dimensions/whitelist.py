"""Lists of products, one line per category, as the two-dimensional f-test of the forks reads."""

from __future__ import annotations

import re
from pathlib import Path

from hepnb.errors import BadTable

__all__ = ("read_whitelist",)


def __dir__() -> tuple[str, ...]:
    return __all__


# cat0: 1 2 1 1 1 1 Ber2_Exp1,Ber1_Pow1: orders of three families for each mass, then products
_LINE = re.compile(r"cat(\d+):\s*((?:\d+[\s,]+){6})(\S+)")
_PRODUCT = re.compile(r"[A-Za-z]+\d+_[A-Za-z]+\d+")


def read_whitelist(path: str | Path) -> dict[int, tuple[str, ...]]:
    """Read which products are allowed in each category.

    Parameters
    ----------
    path
        File with lines ``catN: <3 orders of m_gg> <3 orders of m_jj> Ber2_Exp1,Ber1_Pow1,...``;
        the orders are those that its own scan had found, and are not used.

    Returns
    -------
    dict
        Number of the category to names of products, for `run_ftest_2d` as `only`.

    Raises
    ------
    BadTable
        At a line of another form, or a category that comes twice, with its number.
    """
    path = Path(path)
    found: dict[int, tuple[str, ...]] = {}
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        names = tuple(each for each in match[3].split(",") if each) if match else ()
        if match is None or not all(_PRODUCT.fullmatch(each) for each in names):
            raise BadTable(
                f"{path.name}, line {number}: {line!r}; a line is catN: six orders and products, "
                "for instance cat0: 2 1 1 1 1 1 Ber2_Exp1,Ber1_Pow1"
            )
        if int(match[1]) in found:
            raise BadTable(f"{path.name}, line {number}: cat{match[1]} comes twice; keep one line")
        found[int(match[1])] = names
    return found
