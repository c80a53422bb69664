"""The form of a stage: its parameters to fill in, and the stage that they make."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from hepnb.errors import BadParameters
from hepnb.stages import Stage
from hepnb.widgets.front_end import is_interactive
from hepnb.widgets.messages import quiet, wrong
from hepnb.widgets.panel import Panel
from hepnb.widgets.static import beside_a_form, table_html, table_text
from hepnb.widgets.validation import Verdict, taken_from, validate
from hepnb.widgets.written import Written

__all__ = ("Form", "form")

StageT = TypeVar("StageT", bound=Stage)

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def __dir__() -> tuple[str, ...]:
    return __all__


def form(stage_class: type[StageT], namespace: Mapping[str, Any]) -> Form[StageT]:
    """Form of a stage, filled with the values of a notebook's parameters cell.

    Parameters
    ----------
    stage_class
        The stage's model.
    namespace
        Where the values are: the notebook's ``globals()``. A parameter that is not there keeps
        its default; names that are no parameters are left alone.

    Returns
    -------
    Form
        Shown as widgets in JupyterLab, as a table where nobody looks.

    Raises
    ------
    BadParameters
        One line per parameter that is refused: value, what is allowed, remedy.
    """
    verdict = validate(stage_class, taken_from(stage_class, namespace))
    return Form(verdict.or_raise(stage_class))


class Form(Generic[StageT]):
    """Parameters of a stage that can be changed on the screen; made by `form`.

    Use `stage` below the form for its present values, and `publish` for what came of them.

    Parameters
    ----------
    stage
        The values to begin with.
    """

    def __init__(self, stage: StageT) -> None:
        self._class = type(stage)
        self._static = stage
        self._handed_out: StageT | None = None
        self._display_id = f"hepnb-form-{uuid.uuid4().hex}"
        self._on_screen: StageT | None = None
        self._panel = Panel(stage, self._say_status) if is_interactive() else None
        self._say_status()

    @property
    def stage(self) -> StageT:
        """Validated stage with the present values; what is computed from it is up to date.

        Raises
        ------
        BadParameters
            One line per field that holds a refused value.
        """
        stage = self._verdict.or_raise(self._class)
        self._handed_out = stage
        self._say_status()
        self._renew_static_twin(stage)
        return stage

    def publish(
        self,
        *,
        numbers: Mapping[str, Any] | None = None,
        figures: Mapping[str, Any] | None = None,
        **products: Any,
    ) -> Written:
        """Write what the stage computed, with a record of the parameters it was computed with.

        Into the directory of the run under ``hepnb run`` (``HEPNB_RUN_DIR``), or into
        ``STAGE_results`` beside the notebook.

        Parameters
        ----------
        numbers
            Name to ``{"value", "uncertainty", "unit", "status"}``.
        figures
            Name to axes or figure.
        **products
            Name to object with ``save(directory, name)``, such as a weight table.

        Returns
        -------
        Written
            The files, shown as a list with links.

        Raises
        ------
        BadParameters
            If the form changed after `stage` was read: the results are of other parameters.
        """
        from hepnb.runner.publish import publish

        stage = self._handed_out or self.stage
        if self._is_stale():
            message = (
                "the form changed after form.stage was read, so that these results are not of the "
                "form's parameters; run the cells from `stage = form.stage` on again"
            )
            raise BadParameters(message)
        paths = publish(None, stage, numbers=numbers, figures=figures, products=products)
        return Written.files(paths)

    def __repr__(self) -> str:
        return table_text(self._handed_out or self._static)

    def _repr_html_(self) -> str:
        table = table_html(self._handed_out or self._static)
        return table if self._panel is None else beside_a_form(table)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._on_screen = self._handed_out or self._static
        display(self._static_twin(), raw=True, display_id=self._display_id)
        if self._panel is not None:
            view = {"version_major": 2, "version_minor": 0, "model_id": self._panel.box.model_id}
            display({_WIDGET_VIEW: view, "text/plain": ""}, raw=True)

    def _static_twin(self) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    @property
    def _verdict(self) -> Verdict[StageT]:
        return Verdict(self._static) if self._panel is None else self._panel.verdict

    def _is_stale(self) -> bool:
        return self._handed_out is not None and self._verdict.stage != self._handed_out

    def _say_status(self) -> None:
        panel = getattr(self, "_panel", None)
        if panel is None:
            return
        problems = panel.verdict.problems
        if problems:
            names = [
                panel.fields[each.name].spec.label if each.name in panel.fields else each.reason
                for each in problems
            ]
            panel.say(wrong(f"Not valid: {', '.join(dict.fromkeys(names))}"))
        elif self._is_stale():
            panel.say(wrong("Parameters changed: run the cells below", "warning"))
        elif self._handed_out is None:
            panel.say(quiet("Ready: run the cells below"))
        else:
            panel.say(quiet("The cells below use these values"))

    def _renew_static_twin(self, stage: StageT) -> None:
        """Keep the table that is stored with the notebook that of the values in use."""
        if self._panel is not None and self._on_screen not in (None, stage):
            from IPython.display import update_display

            self._on_screen = stage
            update_display(self._static_twin(), raw=True, display_id=self._display_id)
