"""Table of the constructs that work, and checks of documents against it.

A construct that does not work yet is parsed and checked. Validation warns about it, and activation
refuses a document that uses it.
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
from journeys.model.problems import Path, Problem
from journeys.model.sends import CLASSED_BY, HELD_BY, Email, MessageContent, SendSettings
from journeys.model.step_kinds import STEP_KINDS
from journeys.model.steps import BaseStep
from journeys.model.triggers import ApiEntry
from journeys.model.waits import AnyWait, ForWait, TriggerWait, UntilWait
from journeys.templating.liquid import TemplateError, variables_of

WORKS: Final[dict[str, bool]] = {
    # documents
    "journey documents": True,
    "topic documents": True,
    "segment documents": True,
    "template documents": True,
    "places documents": True,
    "channel documents": True,
    "brand documents": True,
    "test_recipients documents": True,
    # how runs begin and end
    **{f"entry by {name}": kind.works for name, kind in ENTRY_KINDS.items()},
    "active": True,
    "exit by goal": True,
    "goal": True,
    # steps
    **{f"{name} steps": kind.works for name, kind in STEP_KINDS.items()},
    # waits
    "wait for a duration": True,
    "wait after a message": True,
    "wait until a moment": True,
    "wait for a trigger": True,
    "wait for any of several triggers": True,
    "up_to with a moment": True,
    "since of a wait": True,
    # sends
    "template of a send": True,
    "mjml": True,
    "window": True,
    "quiet_hours": True,
    "cap": True,
    "apart": True,
    "class": True,
    "send_at": True,
    "links in templates": True,
    # conditions
    "sum, avg, min and max of events": True,
    "since and before other than entry": True,
    "segment conditions": True,
    "near conditions": True,
}


def unsupported(document: AnyDocument) -> list[Problem]:
    """The constructs of a document that do not work yet, as errors."""
    return _not_working(document)


def activation_blockers(document: AnyDocument) -> list[Problem]:
    """The errors with which activation refuses a document.

    They are the constructs that do not work yet. Entries beside `{api: true}` are left out: until
    they work, runs begin by API.
    """
    by_api = isinstance(document, Journey) and any(
        isinstance(entry, ApiEntry) for entry in document.entry
    )
    return _not_working(document, entries=not by_api)


def constructs_of(document: AnyDocument) -> set[str]:
    """The constructs that a document uses, in the words of `WORKS`."""
    parts = list(parts_of(document))
    used = {construct for part in parts for construct, _ in _constructs(part)}
    return used | {construct for part in parts for _, construct in _link_constructs(part)}


def _not_working(document: AnyDocument, *, entries: bool = True) -> list[Problem]:
    found: dict[tuple[Path, str], Problem] = {}
    for part in parts_of(document):
        if not entries and type(part.model) in NAMES_BY_MODEL:
            continue
        constructs = [
            ((*part.path, *([key] if key else [])), construct)
            for construct, key in _constructs(part)
        ]
        for path, construct in [*constructs, *_link_constructs(part)]:
            if not WORKS[construct]:
                message = f"parsed, not working yet: {construct}"
                found.setdefault(
                    (path, construct), Problem("unsupported", message, path=path, step=part.step)
                )
    return list(found.values())


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
