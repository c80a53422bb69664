"""What an f-test gives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepnb.background.fitting import BackgroundFit
from hepnb.background.ftest.goodness import GoodnessOfFit
from hepnb.background.spectrum import MassSpectrum

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("Choice", "FTest", "TestedFit")


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True)
class TestedFit:
    """A fitted function, with its test against the next lower order and its goodness of fit.

    Attributes
    ----------
    fit
        The function.
    q, dof
        Twice the gain in the logarithm of the likelihood over the next lower order, and how many
        parameters more it has; NaN and 0 for the first order.
    p_asym
        Probability of at least that gain by Wilks' theorem.
    p_toy, p_toy_err, n_toys
        Probability counted in pseudo-experiments of the order from which the step that led past,
        or to, this order was tested; NaN where none were drawn.
    gof
        Goodness of fit; None where it was not asked for.
    accepted
        Whether the function is in the envelope.
    """

    __test__ = False  # no test of pytest's

    fit: BackgroundFit
    q: float
    dof: int
    p_asym: float
    p_toy: float
    p_toy_err: float
    n_toys: int
    gof: GoodnessOfFit | None
    accepted: bool


@dataclass(frozen=True)
class Choice:
    """What an f-test chose.

    Attributes
    ----------
    truth
        Family to the order that the data ask for; None where none of its functions describes them.
    envelope
        Names of the functions of the envelope.
    best
        The one of least ``2 NLL + c n_par``; None if the envelope is empty.
    reasons
        Why a function is not in the envelope, by name.
    exhausted
        Families whose highest order was still better: there may be a still better one.
    """

    truth: Mapping[str, int | None]
    envelope: tuple[str, ...]
    best: str | None
    reasons: Mapping[str, str]
    exhausted: tuple[str, ...] = ()


@dataclass(frozen=True)
class FTest:
    """The functions that may describe a spectrum, tested.

    Attributes
    ----------
    spectrum
        The data.
    fits
        Every function fitted, family by family, orders ascending.
    choice
        What was chosen, and why not the rest.
    settings
        Thresholds, rule, toys and seed.
    interrupted
        Whether the user stopped the pseudo-experiments; p-values are of those done.
    """

    spectrum: MassSpectrum
    fits: tuple[TestedFit, ...]
    choice: Choice
    settings: Mapping[str, Any]
    interrupted: bool = False

    def fit(self, name: str) -> BackgroundFit:
        """Give the fit of a function by its name, such as ``bernstein4``.

        Raises
        ------
        KeyError
            If it was not fitted.
        """
        return {each.fit.name: each.fit for each in self.fits}[name]

    @property
    def best(self) -> BackgroundFit | None:
        """Fit of the best function; None if the envelope is empty."""
        return None if self.choice.best is None else self.fit(self.choice.best)

    @property
    def envelope(self) -> tuple[BackgroundFit, ...]:
        """Fits of the functions of the envelope."""
        return tuple(self.fit(name) for name in self.choice.envelope)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per function: test, goodness of fit, status, and why it was left out."""
        import pandas as pd

        return pd.DataFrame([self._row(each) for each in self.fits]).set_index("function")

    def summary(self) -> str:
        """Say in a few lines what was chosen."""
        truths = ", ".join(
            f"{name} {'none' if order is None else order}"
            for name, order in self.choice.truth.items()
        )
        lines = [
            f"{self.spectrum.total:g} candidates in {int(self.spectrum.visible.sum())} bins",
            f"orders that the data ask for: {truths}",
            f"envelope: {', '.join(self.choice.envelope) or 'empty'}",
            f"best: {self.choice.best or 'none'}",
        ]
        if self.choice.exhausted:
            lines.append(
                f"the highest order tried is still better: {', '.join(self.choice.exhausted)}; "
                "raise max_order"
            )
        if self.interrupted:
            lines.append("interrupted: p-values of the pseudo-experiments done until then")
        return "\n".join(lines)

    def plot(self, **options: Any) -> Any:
        """Draw the envelope; see `hepnb.background.plots.plot_envelope`."""
        from hepnb.background.plots import plot_envelope

        return plot_envelope(self, **options)

    def plot_truths(self, **options: Any) -> Any:
        """Draw what each family chose; see `hepnb.background.plots.plot_truths`."""
        from hepnb.background.plots import plot_truths

        return plot_truths(self, **options)

    def plot_table(self) -> Any:
        """Draw the tests as a table; see `hepnb.background.plots.plot_p_value_table`."""
        from hepnb.background.plots import plot_p_value_table

        return plot_p_value_table(self)

    def plot_goodness(self, name: str | None = None) -> Any:
        """Draw the goodness of fit of a function, the best one if none is named."""
        from hepnb.background.plots import plot_goodness_of_fit

        tested = {each.fit.name: each for each in self.fits}[name or self.choice.best or ""]
        gof = tested.gof
        assert gof is not None  # the fits of an envelope have one
        return plot_goodness_of_fit(
            gof.value, gof.toys, p_value=gof.p, ndof=gof.ndof, title=tested.fit.title
        )

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Give the numbers of a run's ``result.json``."""
        found: dict[str, dict[str, Any]] = {
            f"order_{name}": {"value": order, "status": "ok"}
            for name, order in self.choice.truth.items()
            if order is not None
        }
        found["candidates"] = {"value": self.spectrum.total, "status": "ok"}
        found["functions_in_envelope"] = {
            "value": len(self.choice.envelope),
            "status": "ok" if self.choice.envelope else "empty",
        }
        best = self.best
        if best is not None:
            found["background_yield"] = {
                "value": best.total,
                "uncertainty": best.total_error,
                "unit": "events",
                "status": best.status,
            }
        return found

    def save(self, directory: Path | str, name: str = "ftest") -> list[Path]:
        """Write ``NAME.json``, the legacy ``NAME.dat`` and one HS3 document per member.

        Parameters
        ----------
        directory
            That exists.
        name
            Of the files.

        Returns
        -------
        list of Path
            What was written.
        """
        from hepnb.background.formats import legacy_choice, write_dat, write_ftest, write_hs3

        folder = Path(os.fspath(directory))
        written = [write_ftest(self, folder / f"{name}.json")]
        written.append(write_dat([legacy_choice(self, 0)], folder / f"{name}.dat"))
        if self.choice.envelope:
            target = folder / f"{name}_hs3"
            target.mkdir(exist_ok=True)
            written += write_hs3(self, target)
        return written

    def _row(self, each: TestedFit) -> dict[str, Any]:
        fit, gof = each.fit, each.gof
        return {
            "function": fit.title,
            "n_par": fit.n_par,
            "nll": fit.nll,
            "q": each.q,
            "dof": each.dof,
            "p (Wilks)": each.p_asym,
            "p (toys)": each.p_toy,
            "+-": each.p_toy_err,
            "gof p": float("nan") if gof is None else gof.p,
            "status": fit.status,
            "in envelope": each.accepted,
            "why not": self.choice.reasons.get(fit.name, ""),
        }
