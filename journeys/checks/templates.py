"""Checks of templates: their syntax and their variables."""

from __future__ import annotations

from collections.abc import Iterator

from journeys.checks.webhook_headers import header_problems
from journeys.links.message_urls import LINKS
from journeys.model.document_parts import Part, parts_of, texts_of
from journeys.model.documents import AnyDocument, Template, TemplateContent
from journeys.model.outcomes import output_properties
from journeys.model.problems import Path, Problem
from journeys.model.sends import MessageContent, SendSettings, Webhook
from journeys.model.steps import Step
from journeys.model.unions import closest_match
from journeys.templating.inclusion import without_renders
from journeys.templating.liquid import TemplateError, Variable, variables_of

ROOTS = ("contact", "entry", "entries", "steps", "now", "today", *LINKS)
CONTENT = ("subject", "html", "mjml", "text", "sms")
"""The texts of a message that may not be empty."""


def template_problems(
    document: AnyDocument,
    steps: dict[str, Step] | None,
    given: frozenset[str] = frozenset(),
) -> Iterator[Problem]:
    """Templates with wrong syntax, variables that do not exist, and texts that are empty.

    `steps` are the steps of the journey; None for a document that many journeys use. `given` are
    the names that other templates give to a partial.
    """
    in_template = isinstance(document, Template)
    for part in parts_of(document):
        if isinstance(part.model, Webhook):
            yield from header_problems(part)
        for path, text, secrets in texts_with_variables(part):
            if not text.strip() and path[-1] in CONTENT and not isinstance(part.model, Webhook):
                yield Problem(
                    "empty",
                    f"`{path[-1]}` is empty, and a message without it is not sent",
                    "write a text, or leave the key out",
                    path=path,
                    step=part.step,
                )
                continue
            try:
                variables = variables_of(without_renders(text) if in_template else text)
            except TemplateError as error:
                yield Problem(
                    "template", str(error), path=path, step=part.step, inner=error.line or 0
                )
                continue
            for variable in variables:
                if in_template and (variable.root == "content" or variable.root in given):
                    continue
                wrong = wrong_variable(variable, steps, secrets)
                if wrong is not None:
                    message, hint = wrong
                    # A partial may be saved before the templates that give it values.
                    guess = in_template and closest_match(variable.root, list(ROOTS)) is None
                    yield Problem(
                        "unknown_variable",
                        message,
                        "a template that renders this one can give it" if guess else hint,
                        severity="warning" if guess and variable.root != "secret" else "error",
                        path=path,
                        step=part.step,
                        inner=variable.line,
                    )


def texts_with_variables(part: Part) -> Iterator[tuple[Path, str, bool]]:
    """The templates of a part: path, text, and whether it may read secrets."""
    model = part.model
    names: tuple[str, ...] = ()
    if isinstance(model, MessageContent):
        names = model.template_fields
    elif isinstance(model, TemplateContent):
        names = ("subject", "preheader", "html", "mjml", "text", "sms")
    for name in names:
        if (text := getattr(model, name)) is not None:
            yield (*part.path, name), text, False
    if isinstance(model, SendSettings):
        for name, text in (("from", model.from_), ("reply_to", model.reply_to)):
            if text is not None:
                yield (*part.path, name), text, False
    if isinstance(model, Webhook):
        for name in ("url", "headers", "body"):
            for path, text in texts_of(getattr(model, name), (*part.path, name)):
                yield path, text, True


def wrong_variable(
    variable: Variable, steps: dict[str, Step] | None, secrets: bool
) -> tuple[str, str | None] | None:
    """Why there can't be such a variable, and a hint; None if there may be."""
    root, rest = variable.root, variable.path[1:]
    if root == "secret":
        if secrets:
            return None
        return "`secret` is for webhooks only: nobody else may read it", None
    if root not in ROOTS:
        known = [*ROOTS, "secret"] if secrets else list(ROOTS)
        near = closest_match(root, known)
        hint = f"did you mean `{near}`?" if near else f"there are {', '.join(known)}"
        return f"there is no variable `{variable.text}`", hint
    if root != "steps" or steps is None or not rest:
        return None
    name = str(rest[0])
    if name not in steps:
        near = closest_match(name, list(steps))
        return f"there is no step `{name}`", f"did you mean `{near}`?" if near else None
    known = output_properties(steps[name])
    if len(rest) > 1 and str(rest[1]) not in known:
        near = closest_match(str(rest[1]), known)
        hint = f"did you mean `{near}`?" if near else f"it leaves {', '.join(known)}"
        return f"`{name}` leaves no `{rest[1]}`", hint
    return None
