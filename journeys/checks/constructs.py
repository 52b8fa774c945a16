"""The constructs of the language, and those that a document uses.

Each has an example in `docs/language-examples.md`; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from journeys.checks.templates import texts_with_variables
from journeys.links.message_urls import LINKS
from journeys.model.conditions import (
    EventCondition,
    NearCondition,
    SegmentCondition,
)
from journeys.model.document_parts import Part, parts_of
from journeys.model.documents import AnyDocument
from journeys.model.entry_kinds import ENTRY_KINDS, NAMES_BY_MODEL
from journeys.model.journey import Journey
from journeys.model.moments import is_duration
from journeys.model.problems import Path
from journeys.model.sends import CLASSED_BY, HELD_BY, Email, MessageContent, SendSettings
from journeys.model.step_kinds import STEP_KINDS
from journeys.model.steps import BaseStep
from journeys.model.waits import AnyWait, ForWait, TriggerWait, UntilWait
from journeys.templating.liquid import TemplateError, variables_of

CONSTRUCTS: Final = (
    # documents
    "journey documents",
    "topic documents",
    "segment documents",
    "template documents",
    "places documents",
    "channel documents",
    "brand documents",
    "form documents",
    "test_recipients documents",
    "holdout documents",
    # how runs begin and end
    *(f"entry by {name}" for name in ENTRY_KINDS),
    "active",
    "exit by goal",
    "goal",
    # steps
    *(f"{name} steps" for name in STEP_KINDS),
    # waits
    "wait for a duration",
    "wait after a message",
    "wait until a moment",
    "wait for a trigger",
    "wait for any of several triggers",
    "up_to with a moment",
    "since of a wait",
    # sends
    "template of a send",
    "mjml",
    "window",
    "quiet_hours",
    "cap",
    "apart",
    "class",
    "send_at",
    "links in templates",
    # conditions
    "sum, avg, min and max of events",
    "since and before other than entry",
    "segment conditions",
    "near conditions",
)


def constructs_of(document: AnyDocument) -> set[str]:
    """The constructs that a document uses, in the words of `CONSTRUCTS`."""
    parts = list(parts_of(document))
    used = {construct for part in parts for construct, _ in _constructs(part)}
    return used | {construct for part in parts for _, construct in _link_constructs(part)}


def _constructs(part: Part) -> Iterator[tuple[str, str | None]]:
    """The constructs that a part is or has, each with its key in the part."""
    model = part.model
    if isinstance(model, AnyDocument):
        yield f"{model.kind} documents", None
    elif type(model) in NAMES_BY_MODEL:
        yield f"entry by {NAMES_BY_MODEL[type(model)]}", None
    elif isinstance(model, BaseStep):
        yield f"{model.kind} steps", model.kind
    elif isinstance(model, EventCondition):
        yield from _event_constructs(model)
    elif isinstance(model, SegmentCondition):
        yield "segment conditions", "segment"
    elif isinstance(model, NearCondition):
        yield "near conditions", "near"
    elif isinstance(model, ForWait | UntilWait | TriggerWait | AnyWait):
        yield from _wait_constructs(model)
    if isinstance(model, Journey):
        yield from ((key, key) for key in ("active", "goal") if getattr(model, key) is not None)
        if any(isinstance(rule, str) for rule in model.exit):
            yield "exit by goal", "exit"
    if isinstance(model, SendSettings):
        yield from _content_constructs(model)
    if isinstance(model, SendSettings | Journey):
        for key in (*HELD_BY, *CLASSED_BY, "send_at"):
            if getattr(model, key, None) is not None:
                yield key.rstrip("_"), key.rstrip("_")


def _link_constructs(part: Part) -> Iterator[tuple[Path, str]]:
    for path, text, _ in texts_with_variables(part):
        try:
            roots = {variable.root for variable in variables_of(text)}
        except TemplateError:
            continue
        if roots & set(LINKS):
            yield path, "links in templates"


def _event_constructs(condition: EventCondition) -> Iterator[tuple[str, str]]:
    for key in ("sum", "avg", "min", "max"):
        if getattr(condition, key) is not None:
            yield "sum, avg, min and max of events", key
    for key in ("since", "before"):
        if getattr(condition, key) not in (None, "entry"):
            yield "since and before other than entry", key


def _wait_constructs(
    wait: ForWait | UntilWait | TriggerWait | AnyWait,
) -> Iterator[tuple[str, str | None]]:
    if isinstance(wait, ForWait):
        yield "wait for a duration", None
        if wait.after is not None or wait.up_to is not None:
            yield "wait after a message", "after" if wait.after is not None else "up_to"
    elif isinstance(wait, UntilWait):
        yield "wait until a moment", "until"
    else:
        several = isinstance(wait, AnyWait)
        yield ("wait for any of several triggers" if several else "wait for a trigger"), None
        if wait.since is not None:
            yield "since of a wait", "since"
    if wait.up_to is not None and not is_duration(wait.up_to):
        yield "up_to with a moment", "up_to"


def _content_constructs(settings: SendSettings) -> Iterator[tuple[str, str]]:
    if isinstance(settings, MessageContent) and settings.template is not None:
        yield "template of a send", "template"
    if isinstance(settings, Email) and settings.mjml is not None:
        yield "mjml", "mjml"
