"""Validation of documents: each alone, and all of them together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from zoneinfo import available_timezones

from journeys.checks.attachments import attachment_problems, shown_files
from journeys.checks.conditions import condition_problems
from journeys.checks.forms import form_problems
from journeys.checks.providers import provider_problems
from journeys.checks.references import (
    KnownKeys,
    document_references,
    segments_in,
    step_references,
)
from journeys.checks.replies import reply_problems
from journeys.checks.retention import windows_too_long
from journeys.checks.send_windows import channel_problems, send_problems
from journeys.checks.template_set import TemplateSet, template_set_problems
from journeys.checks.templates import template_problems
from journeys.checks.timed_entries import date_problems, schedule_problems
from journeys.checks.untracked import tracking_problems
from journeys.checks.updates import update_problems
from journeys.checks.webhook_addresses import address_problems
from journeys.compile.flow import Flow
from journeys.model.actions import Emission, Update
from journeys.model.arms import contenders
from journeys.model.brands import Brand
from journeys.model.conditions import (
    Comparison,
    EntryCondition,
    EventCondition,
    MessageCondition,
    StepCondition,
)
from journeys.model.document_parts import Part, parts_of
from journeys.model.documents import AnyDocument, Segment, Template
from journeys.model.holdouts import Holdout
from journeys.model.journey import Journey
from journeys.model.problems import Problem
from journeys.model.segment_dependencies import (
    SEGMENT_EVENTS,
    CircularSegment,
    LargeSegment,
    check_size,
)
from journeys.model.sends import Channel, SendSettings, Webhook
from journeys.model.steps import BaseMessage, SplitStep, Step, WaitStep, Winner
from journeys.model.triggers import DateEntry, MessageTrigger, Schedule
from journeys.model.unions import closest_match
from journeys.model.values import EntryReference, StepReference
from journeys.model.well_known_events import ENGINE_EVENTS, WELL_KNOWN_EVENTS
from journeys.schedule.occurrences import CONTACT_ZONE
from journeys.source.parsing import Parsed
from journeys.time.durations import Duration
from journeys.time.zones import zone_of

__all__ = ["check", "validate"]

_REQUIRED: dict[str, tuple[str, ...]] = {
    name: event.properties
    for name, event in WELL_KNOWN_EVENTS.items()
    if event.effect in ("consent", "channel", "coupon")
}
"""Well-known events that steps may emit, and the properties that they need."""
_OPENS = "many mail programs open messages by themselves, and others never tell"
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")


def check(parsed: list[Parsed], known: KnownKeys | None = None) -> list[Problem]:
    """The errors and warnings of documents that belong together, in the order of the files.

    `known` has the documents of the server.
    """
    return [problem for _, problem in check_each(parsed, known)]


def check_each(
    parsed: list[Parsed], known: KnownKeys | None = None
) -> list[tuple[Parsed, Problem]]:
    """`check`, with the document of each problem."""
    everything = KnownKeys.of([each.document for each in parsed]) | (known or KnownKeys())
    templates = TemplateSet(everything.template_documents)
    changed = {each.document.key for each in parsed if isinstance(each.document, Template)}
    found: list[tuple[Parsed, Problem]] = []
    seen: dict[tuple[str, str], Parsed] = {}
    for each in parsed:
        document = each.document
        problems = list(validate(document, everything, templates))
        if not any(problem.severity == "error" for problem in problems):
            problems += template_set_problems(document, templates, changed)
        first = seen.setdefault((document.kind, document.key), each)
        # Each of several files may hold the same topic or segment that its journeys need.
        same = not isinstance(document, Journey) and first.document == document
        if first is not each and not same:
            where = f"{first.file}:{first.lines.value(()).line}"
            message = f"the {document.kind} `{document.key}` is defined twice, first in {where}"
            problems.append(Problem("duplicate_document", message, path=(document.kind,)))
        placed = [each.placed(problem) for problem in problems]
        placed.sort(key=lambda problem: (problem.line, problem.column))
        found += [(each, problem) for problem in placed]
    by_key = {each.document.key: each for each in parsed if isinstance(each.document, Segment)}
    found += _circles(by_key, everything)
    found += _too_large(by_key)
    return found


def validate(
    document: AnyDocument, known: KnownKeys, templates: TemplateSet | None = None
) -> list[Problem]:
    """The problems of one document, with paths but no lines yet; it is not compiled."""
    problems = list(document_references(document, known))
    if known.keep_events is not None:
        problems += windows_too_long(document, Duration.parse(known.keep_events))
    steps = (
        {step.id: step for step in document.all_steps()} if isinstance(document, Journey) else {}
    )
    for part in parts_of(document):
        problems += _values(part)
        problems += condition_problems(part, steps)
        problems += attachment_problems(part, known)
        problems += provider_problems(part, known)
    if isinstance(document, Journey):
        problems += _journey(document)
        problems += reply_problems(document, known.replies)
        problems += tracking_problems(document)
    else:
        given = templates.names_given(document.key) if templates is not None else frozenset()
        problems += template_problems(document, None, given)
        if isinstance(document, Segment):
            problems += _outside_a_run(parts_of(document), "a segment")
            problems += _by_segment_events(document)
        elif isinstance(document, Holdout):
            problems += _outside_a_run(parts_of(document), "a holdout")
        elif isinstance(document, Channel):
            problems += channel_problems(document)
        problems += form_problems(document, known)
    return list(dict.fromkeys(problems))


def _journey(journey: Journey) -> Iterator[Problem]:
    steps: dict[str, Step] = {}
    for path, step in journey.walk():
        if step.id in steps:
            message = f"the id `{step.id}` is taken by another step"
            yield Problem("duplicate_id", message, path=(*path, "id"), step=step.id)
        steps.setdefault(step.id, step)
    doubled = len(steps) < len(journey.all_steps())
    yield from _consent(journey)
    yield from send_problems(journey)
    yield from shown_files(journey)
    yield from _exits(journey)
    yield from _winners(journey)
    yield from _active(journey)
    for place, entry in enumerate(journey.entry):
        yield from (
            replace(problem, path=("entry", place, *problem.path))
            for problem in _outside_a_run(parts_of(entry), "an entry", also=(EntryReference,))
        )
    yield from template_problems(journey, steps)
    references = list(step_references(journey))
    yield from references
    if not doubled and not any(problem.path[-1:] == ("goto",) for problem in references):
        flow = Flow(journey)
        yield from flow.problems()
        yield from _too_early(journey, flow)


def _consent(journey: Journey) -> Iterator[Problem]:
    for path, step in journey.walk():
        if isinstance(step, BaseMessage):
            settings = journey.effective(step)
            if settings.topic is None and not settings.transactional:
                yield Problem(
                    "consent",
                    f"nobody can say whether the contact agreed to `{step.id}`",
                    "give it a `topic`, or transactional: true",
                    path=(*path, step.kind),
                    step=step.id,
                )


def _exits(journey: Journey) -> Iterator[Problem]:
    if any(isinstance(rule, str) for rule in journey.exit) and journey.goal is None:
        yield Problem("no_goal", "`exit: [goal]` needs a `goal`", path=("exit",))
    for path, step in journey.walk():
        if path[0] == "exit" and isinstance(step, WaitStep):
            message = "the steps of an exit's `then` can't wait: the run is ending"
            yield Problem("wait_in_exit", message, path=(*path, "wait"), step=step.id)


def _winners(journey: Journey) -> Iterator[Problem]:
    for path, step in journey.walk():
        if not isinstance(step, SplitStep):
            continue
        for place, arm in enumerate(step.split):
            if arm.winner is None:
                continue
            here = (*path, "split", place, "winner")
            if path[0] == "exit":
                message = "a `winner` waits, and an exit's `then` can't: the run is ending"
                yield Problem("wait_in_exit", message, path=here, step=step.id)
            among = contenders(step)
            if not any(among.values()):
                yield Problem(
                    "no_contender",
                    f"`{arm.name}` has nothing to choose from: no other arm sends a message",
                    "give two arms a `then` with an email or an sms",
                    path=here,
                    step=step.id,
                )
            elif not (len(among) > 1 and all(among.values())):
                silent = next((name for name, sends in among.items() if not sends), None)
                yield Problem(
                    "no_contender",
                    f"the arm `{silent}` sends no message, so it never wins" if silent else
                    f"`{arm.name}` always takes the arm `{next(iter(among))}`: there is no other",
                    severity="warning",
                    path=here,
                    step=step.id,
                )  # fmt: skip


def _active(journey: Journey) -> Iterator[Problem]:
    if journey.active is None:
        return
    begin, end = journey.active.bounds(zone_of(None, journey.timezone))
    if begin is not None and end is not None and begin >= end:
        message = "`active`: `to` lies before `from`, so no entry would ever be taken"
        yield Problem("active", message, path=("active", "to"))


def _outside_a_run(
    parts: Iterator[Part], words: str, also: tuple[type, ...] = ()
) -> Iterator[Problem]:
    """References that need a run, in a part of a document where there is none."""
    forbidden = (StepCondition, StepReference, MessageCondition, MessageTrigger)
    for part in parts:
        if isinstance(part.model, forbidden):
            key = "message" if hasattr(part.model, "message") else "step"
            yield part.problem("no_run", f"{words} knows no steps: there is no run yet", None, key)
        elif also:
            continue
        elif isinstance(part.model, EntryCondition | EntryReference):
            yield part.problem("no_run", f"{words} knows no entry: it is no run's", None, "entry")
        elif isinstance(part.model, EventCondition | Comparison):
            for key in ("since", "before", "after"):
                if getattr(part.model, key, None) == "entry":
                    yield part.problem(
                        "no_run", f"{words} knows no entry: it is no run's", None, key
                    )


def _by_segment_events(segment: Segment) -> Iterator[Problem]:
    """Events of segments by which a segment is defined."""
    for part in parts_of(segment):
        if isinstance(part.model, EventCondition) and part.model.event in SEGMENT_EVENTS:
            yield part.problem(
                "segment_event",
                f"a segment can't be defined by `{part.model.event}`, which follows from segments",
                "name the segment itself: {segment: KEY}",
                "event",
            )


def _too_early(journey: Journey, flow: Flow) -> Iterator[Problem]:
    """Waits and conditions on steps that no run can have visited by then."""
    main = {step.id for path, step in journey.walk() if path[0] == "steps"}
    for part in parts_of(journey):
        if part.step not in main or not part.path or part.path[0] != "steps":
            continue
        model = part.model
        named = None
        if isinstance(model, MessageTrigger | MessageCondition):
            named, key = model.message, "message"
        elif isinstance(model, StepCondition | StepReference):
            named, key = model.step, "step"
        if named is None or named not in flow.index or flow.precedes(named, part.step):
            continue
        yield replace(
            part.problem(
                "too_early", f"no run has come to `{named}` when it is at `{part.step}`", None, key
            ),
            severity="warning",
        )


def _values(part: Part) -> Iterator[Problem]:
    model = part.model
    if isinstance(model, Journey) and model.timezone is not None:
        yield from _zone(part, model.timezone)
    elif isinstance(model, Schedule):
        if model.timezone not in (None, CONTACT_ZONE):
            yield from _zone(part, str(model.timezone), "or contact, for each contact's own")
        yield from schedule_problems(part, model)
    elif isinstance(model, DateEntry):
        yield from date_problems(part, model)
    elif isinstance(model, MessageCondition) and model.is_ == "opened":
        hint = "ask for clicked, or for an event of your own"
        yield replace(part.problem("opens", _OPENS, hint, "is"), severity="warning")
    elif isinstance(model, Winner) and model.by == "opened":
        hint = "choose the winner by clicked"
        yield replace(part.problem("opens", _OPENS, hint, "by"), severity="warning")
    elif isinstance(model, Brand):
        for key, text in (("from", model.from_), ("reply_to", model.reply_to)):
            if text is not None and ("{" in text or not _is_address(text)):
                yield part.problem(
                    "address", f"`{text}` is no e-mail address",
                    "write shop@example.com or Shop <shop@example.com>", key,
                )  # fmt: skip
    elif isinstance(model, SendSettings):
        for key, text in (("from", model.from_), ("reply_to", model.reply_to)):
            if text is not None and "{{" not in text and not _is_address(text):
                yield part.problem(
                    "address", f"`{text}` is no e-mail address",
                    "write shop@example.com or Shop <shop@example.com>", key,
                )  # fmt: skip
    elif isinstance(model, Webhook):
        yield from address_problems(part)
    elif isinstance(model, Emission):
        if model.event in ENGINE_EVENTS:
            message = f"the engine alone records `{model.event}`"
            yield part.problem("engine_event", message, "emit an event of another name", "event")
        for name in _REQUIRED.get(model.event, ()):
            if model.properties.get(name) is None:
                message = f"`{model.event}` without a `{name}` always fails"
                hint = f"give it properties: {{{name}: …}}"
                yield part.problem("no_meaning", message, hint, "event")
    elif isinstance(model, Update):
        yield from update_problems(part, model)


def _is_address(text: str) -> bool:
    bare = re.fullmatch(r".*<([^<>]*)>\s*", text)
    return _ADDRESS.fullmatch((bare[1] if bare else text).strip()) is not None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(part: Part, zone: str, otherwise: str = "") -> Iterator[Problem]:
    if zone not in _zones():
        near = closest_match(zone, sorted(_zones()))
        hint = f"did you mean `{near}`?" if near else "write one such as Europe/Paris"
        hint = f"{hint}, {otherwise}" if otherwise and not near else hint
        yield part.problem("timezone", f"there is no time zone `{zone}`", hint, "timezone")


def _circles(segments: dict[str, Parsed], known: KnownKeys) -> Iterator[tuple[Parsed, Problem]]:
    """Segments that contain themselves, directly or through segments of the server."""
    inside = {**known.within_segments}
    for key, each in segments.items():
        inside[key] = segments_in(each.document)
    for key, each in segments.items():
        waiting, seen = list(inside[key]), set[str]()
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            waiting += inside.get(here, ())
        if key in seen:
            message = f"the segment `{key}` contains itself"
            yield each, each.placed(Problem("circle", message, path=("if",)))


def _too_large(segments: dict[str, Parsed]) -> Iterator[tuple[Parsed, Problem]]:
    """Segments with more conditions than can be judged together, as far as these files say."""
    conditions = {
        key: each.document.if_
        for key, each in segments.items()
        if isinstance(each.document, Segment)
    }
    for key, each in segments.items():
        try:
            check_size(key, conditions)
        except LargeSegment as error:
            yield each, each.placed(Problem("too_large", str(error), path=("if",)))
        except (CircularSegment, LookupError):
            continue
