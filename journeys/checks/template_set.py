"""Checks of templates with each other: their contents compiled, and the sends that use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from journeys.checks.content_lint import advice, without_unsubscribe
from journeys.checks.templates import ROOTS, wrong_variable
from journeys.model.documents import AnyDocument, Template
from journeys.model.journey import Journey
from journeys.model.problems import Path, Problem
from journeys.model.sends import Email
from journeys.model.steps import EmailStep, SmsStep, Step
from journeys.templating.compilation import Compiled, compile_step, compile_template
from journeys.templating.contents import FIELDS, Content
from journeys.templating.failures import TemplateError
from journeys.templating.inclusion import is_layout, renders_in, used_by
from journeys.templating.liquid import variables_of

_BODY = ("html", "mjml")
_Send = EmailStep | SmsStep


class TemplateSet:
    """All templates that documents may name, each compiled once."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates
        self._compiled: dict[str, Compiled] = {}

    def compiled(self, key: str) -> Compiled:
        """The contents of a template, or why it has none."""
        if key not in self._compiled:
            self._compiled[key] = compile_template(self._templates[key], self._templates)
        return self._compiled[key]

    def problems(self, document: AnyDocument) -> Iterator[Problem]:
        """The problems of a document that show when its contents are compiled."""
        if isinstance(document, Template):
            yield from self._of_template(document)
        elif isinstance(document, Journey):
            for path, step in document.walk():
                if isinstance(step, EmailStep | SmsStep):
                    yield from self._of_send(document, (*path, step.kind), step)

    def names_given(self, key: str) -> frozenset[str]:
        """The names that templates give to a partial."""
        return self._names.get(key, frozenset())

    def users(self, keys: set[str]) -> set[str]:
        """The templates that use any of these, directly or through others."""
        found: set[str] = set()
        while True:
            more = {
                key
                for key, template in self._templates.items()
                if key not in found and used_by(template) & (keys | found)
            }
            if not more:
                return found
            found |= more

    @cached_property
    def _names(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for template in self._templates.values():
            for each in (template, *template.locales.values()):
                for name in (*FIELDS, "mjml"):
                    text = getattr(each, name)
                    try:
                        for render, _ in renders_in(text) if text and "render" in text else ():
                            names = (parameter for parameter, _ in render.parameters)
                            found.setdefault(render.key, set()).update(names)
                    except TemplateError:
                        continue
        return {key: frozenset(names) for key, names in found.items()}

    def _of_template(self, template: Template) -> Iterator[Problem]:
        compiled = self.compiled(template.key)
        for flaw in compiled.flaws:
            yield Problem(flaw.code, flaw.message, path=flaw.path, inner=flaw.line)
        known = {
            each.message
            for key in used_by(template)
            if key in self._templates
            for content in self.compiled(key).contents.values()
            for each in advice(content)
        }
        for locale, content in compiled.contents.items():
            for each in advice(content):
                if each.message not in known:
                    known.add(each.message)
                    path = _place(template, locale, each.field)
                    yield Problem(each.code, each.message, each.hint, severity="warning", path=path)

    def _of_send(self, journey: Journey, path: Path, step: _Send) -> Iterator[Problem]:
        key = step.content.template
        if key is None:
            yield from self._of_own_texts(journey, path, step)
            return
        template = self._templates.get(key)
        if template is None:
            return
        place = (*path, "template")
        if is_layout(template):
            message = f"the template `{key}` is a layout: it prints {{{{ content }}}}"
            hint = "name a template that has it as its `layout`"
            yield Problem("layout", message, hint, path=place, step=step.id)
            return
        compiled = self.compiled(key)
        if not compiled.contents:
            return
        lacking = {
            locale: lack
            for locale, content in compiled.contents.items()
            if (lack := _lacks(step, content)) is not None
        }
        if len(lacking) == len(compiled.contents):
            message = f"the template `{key}` has no {next(iter(lacking.values()))}"
            yield Problem("no_content", message, path=place, step=step.id)
            return
        if lacking or "" not in compiled.contents:
            words = ", ".join(f"`{each}`" for each in lacking if each) or "other languages"
            message = f"the template `{key}` has nothing to send to contacts in {words}"
            yield Problem("no_content", message, severity="warning", path=place, step=step.id)
        steps = {each.id: each for each in journey.all_steps()}
        yield from _variables(key, compiled, steps, place, step.id)
        yield from _unsubscribe(journey, step, compiled.contents.values(), place)

    def _of_own_texts(self, journey: Journey, path: Path, step: _Send) -> Iterator[Problem]:
        try:
            content = compile_step(step)
        except TemplateError as error:
            body = next((name for name in _BODY if getattr(step.content, name, None)), "text")
            yield Problem(
                "template", str(error), path=(*path, body), step=step.id, inner=error.line or 0
            )
            return
        if content is None:
            return
        for each in advice(content):
            name = "text" if each.field == "sms" else each.field
            if getattr(step.content, name, None) is None:
                name = "mjml"
            yield Problem(
                each.code, each.message, each.hint,
                severity="warning", path=(*path, name), step=step.id,
            )  # fmt: skip
        yield from _unsubscribe(journey, step, [content], path)


def template_set_problems(
    document: AnyDocument, templates: TemplateSet, changed: set[str]
) -> Iterator[Problem]:
    """The problems of a document among `templates`, of which those with `changed` keys are new."""
    yield from templates.problems(document)
    if not isinstance(document, Template):
        return
    for key in sorted(templates.users({document.key}) - changed):
        for flaw in templates.compiled(key).flaws:
            yield Problem(
                "template",
                f"the template `{key}`, which uses `{document.key}`, can't be made of it:"
                f" {flaw.message}",
                path=("template",),
            )


def _place(template: Template, locale: str, field: str) -> Path:
    """Where a text of a template is written."""
    own = template.locales.get(locale)
    names = _BODY if field == "html" else (field,)
    for name in names:
        if own is not None and getattr(own, name) is not None:
            return ("locales", locale, name)
    for name in names:
        if getattr(template, name) is not None:
            return (name,)
    return ("template",)


def _lacks(step: _Send, content: Content) -> str | None:
    own = step.content
    if not isinstance(own, Email):
        return None if content.sms is not None else "`sms`"
    if content.subject is None and own.subject is None:
        return "`subject`"
    return None if content.html is not None or content.text is not None else "`html` or `text`"


def _variables(
    key: str, compiled: Compiled, steps: dict[str, Step], place: Path, step: str
) -> Iterator[Problem]:
    """Variables of a template that no step or no sender gives it."""
    named: set[str] = set()
    for content in compiled.contents.values():
        for text in (content.subject, content.html, content.text, content.sms):
            try:
                variables = variables_of(text) if text else []
            except TemplateError:
                continue
            for variable in variables:
                wrong = wrong_variable(variable, steps, secrets=False)
                if wrong is None or wrong[0] in named:
                    continue
                named.add(wrong[0])
                yield Problem(
                    "unknown_variable",
                    f"the template `{key}` reads `{variable.text}`: {wrong[0]}",
                    wrong[1],
                    severity="warning" if variable.root in ROOTS else "error",
                    path=place,
                    step=step,
                )


def _unsubscribe(
    journey: Journey, step: _Send, contents: Iterable[Content], path: Path
) -> Iterator[Problem]:
    settings = journey.effective(step)
    if step.kind != "email" or settings.transactional or settings.topic is None:
        return
    if any(without_unsubscribe(content) for content in contents):
        yield Problem(
            "no_unsubscribe",
            f"`{step.id}` has a topic, and shows its reader no way to leave it",
            "print {{ unsubscribe_url }} or {{ preferences_url }}",
            severity="warning",
            path=path,
            step=step.id,
        )
