"""The widgets of a form: fields under headings, judged as they are filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from hepnb.errors import HepnbError
from hepnb.stages import Stage
from hepnb.widgets import look
from hepnb.widgets.binning_editor import BinningField
from hepnb.widgets.collection_picker import CollectionField
from hepnb.widgets.command import as_command, as_yaml
from hepnb.widgets.cut_field import CutField
from hepnb.widgets.entries_field import EntriesField
from hepnb.widgets.field import Field
from hepnb.widgets.field_spec import FieldSpec, by_group
from hepnb.widgets.front_end import soon
from hepnb.widgets.messages import Message, cut_error_html, escaped, wrong
from hepnb.widgets.preview import Preview
from hepnb.widgets.simple_fields import ChoiceField, NumberField, SuggestionField, SwitchField
from hepnb.widgets.text_fields import FileField, IntervalField, SiteField, TextField, ValueField
from hepnb.widgets.validation import Problem, Verdict, validate

__all__ = ("FIELD_KINDS", "Panel")

StageT = TypeVar("StageT", bound=Stage)

FIELD_KINDS: Mapping[str, type[Field]] = {
    "binning": BinningField,
    "choice": ChoiceField,
    "collection": CollectionField,
    "cut": CutField,
    "entries": EntriesField,
    "file": FileField,
    "integer": NumberField,
    "interval": IntervalField,
    "mass_model": SuggestionField,
    "number": NumberField,
    "particle": SuggestionField,
    "site": SiteField,
    "study": SuggestionField,
    "switch": SwitchField,
    "text": TextField,
    "value": ValueField,
}
"""Field for each kind of parameter; a kind that is not listed is edited as a value."""


def __dir__() -> tuple[str, ...]:
    return __all__


class Panel(Generic[StageT]):
    """Widgets for the parameters of a stage.

    Parameters
    ----------
    stage
        The values to begin with.
    changed
        Called whenever a value has changed and been judged.

    Attributes
    ----------
    box
        The widget to show.
    fields
        One field per parameter.
    verdict
        The stage that the fields make now, or what is wrong.
    """

    def __init__(self, stage: StageT, changed: Callable[[], None]) -> None:
        self._model = type(stage)
        self._changed = changed
        self._values: dict[str, Any] = {
            name: getattr(stage, name) for name in self._model.model_fields
        }
        self._advised: dict[str, object] = {}
        self._context: object = None
        self.verdict: Verdict[StageT] = Verdict(stage)
        groups = by_group(self._model)
        specs = [spec for members in groups.values() for spec in members]
        first = next((spec.name for spec in specs if spec.kind == "collection"), "")
        self.preview = Preview(lambda: self._values, first)
        self.fields = {spec.name: self._field(spec) for spec in specs}
        self.box = look.block(
            [look.markup(look.style_sheet(), "hepnb-style"), *self._body(groups), *self._foot()],
            "hepnb-form",
            f"hepnb-form-{self._model.name()}",
        )
        soon(self._advise)

    def say(self, message: Message) -> None:
        """Show a line at the foot of the form."""
        self._status.value = message.block

    def _field(self, spec: FieldSpec) -> Field:
        field = FIELD_KINDS.get(spec.kind, ValueField)(spec, self.preview)
        field.show(self._values[spec.name])
        field.on_change(self._judge)
        return field

    def _body(self, groups: Mapping[str, list[FieldSpec]]) -> list[Any]:
        parts = []
        for group, members in groups.items():
            parts.append(look.markup(f'<div class="hepnb-group">{escaped(group)}</div>'))
            parts += [self.fields[spec.name].box for spec in members]
        return parts

    def _foot(self) -> list[Any]:
        copy = look.button("Copy as command", "terminal", "for the batch farm", "hepnb-copy")
        copy.on_click(lambda _: self._toggle_command())
        self._status = look.markup("", "hepnb-status")
        self._command = look.markup("", "hepnb-command")
        self._command.layout.display = "none"
        return [look.block([copy, self._status], "hepnb-foot", across=True), self._command]

    def _judge(self) -> None:
        """Read every field, validate, and say what is wrong under the fields concerned."""
        unread: list[Problem] = []
        for name, field in self.fields.items():
            try:
                self._values[name] = field.read()
            except ValueError as error:
                unread.append(Problem(name, None, str(error)))
        verdict = validate(self._model, self._values)
        unreadable = {each.name for each in unread}
        unread += [each for each in verdict.problems if each.name not in unreadable]
        order = list(self.fields)
        unread.sort(key=lambda each: order.index(each.name) if each.name in order else len(order))
        self.verdict = Verdict(None, tuple(unread)) if unread else verdict
        wrong_names = {each.name for each in unread}
        for each in unread:
            if each.name in self.fields:
                self.fields[each.name].say(self._complaint(each))
                self._advised.pop(each.name, None)
        for name in self.fields.keys() - wrong_names:
            if name not in self._advised:
                self.fields[name].say(None)
        self._show_command()
        self._changed()
        soon(self._advise)

    def _complaint(self, problem: Problem) -> Message:
        if self.fields[problem.name].spec.kind == "cut":
            return Message("error", cut_error_html(str(problem.value), problem.reason))
        return wrong(problem.reason)

    def _advise(self) -> None:
        """Say under each valid field what the data have to say about it, when that may be new."""
        context = (self.preview.key, self.preview.collection)
        if context != self._context:
            self._context = context
            for field in self.fields.values():
                field.refresh()
        bad = {each.name for each in self.verdict.problems}
        for name in self.fields.keys() - bad:
            value = self._values[name]
            asked = (repr(value), context)
            if self._advised.get(name) != asked:
                self._advised[name] = asked
                self.fields[name].say(_advice(self.fields[name], value))

    def _toggle_command(self) -> None:
        hidden = self._command.layout.display == "none"
        self._command.layout.display = "" if hidden else "none"
        self._show_command()

    def _show_command(self) -> None:
        if self._command.layout.display == "none":
            return
        stage = self.verdict.stage
        if stage is None:
            self._command.value = wrong("not before every field is valid").block
            return
        self._command.value = (
            '<div class="hepnb-hint">On the command line</div>'
            f"<pre>{escaped(as_command(stage))}</pre>"
            '<div class="hepnb-hint">As a parameter file (-f)</div>'
            f"<pre>{escaped(as_yaml(stage))}</pre>"
        )


def _advice(field: Field, value: Any) -> Message | None:
    try:
        return field.advise(value)
    except HepnbError as error:
        return wrong(str(error))
    except Exception as error:  # noqa: BLE001 -- a look at the data must never break the form
        return wrong(f"no preview: {type(error).__name__}: {error}", "warning")
