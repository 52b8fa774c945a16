"""Checks of references: to steps, outcomes, topics, segments, templates and places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from journeys.model.actions import Coupon, Emission, Enter
from journeys.model.attachments import AttachedFile
from journeys.model.conditions import (
    MessageCondition,
    Near,
    SegmentCondition,
    StepCondition,
    TopicCondition,
)
from journeys.model.document_parts import Part, parts_of
from journeys.model.documents import AnyDocument, Template, TemplateContent, Topic
from journeys.model.forms import Form
from journeys.model.holdouts import Holdout
from journeys.model.journey import Journey
from journeys.model.outcomes import outcomes, output_properties
from journeys.model.problems import Path, Problem
from journeys.model.sends import MessageContent, SendSettings
from journeys.model.steps import GotoStep, Step
from journeys.model.triggers import EventTrigger, MessageTrigger, Schedule, SegmentEntry
from journeys.model.unions import closest_match
from journeys.model.values import DocumentModel, StepReference
from journeys.model.well_known_events import CONSENT_EVENTS
from journeys.protocol.channels import MESSAGE_KINDS
from journeys.templating.contents import FIELDS
from journeys.templating.failures import TemplateError
from journeys.templating.inclusion import renders_in


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """The keys of documents that exist, in the same files or on the server."""

    topics: frozenset[str] = field(default_factory=frozenset)
    segments: frozenset[str] = field(default_factory=frozenset)
    templates: frozenset[str] = field(default_factory=frozenset)
    places: frozenset[str] = field(default_factory=frozenset)
    journeys: frozenset[str] = field(default_factory=frozenset)
    pools: frozenset[str] = field(default_factory=frozenset)
    files: frozenset[str] | None = None
    """The names of uploaded files; None: they are not known."""
    attachment_sources: tuple[str, ...] | None = None
    """The URLs under which the server fetches attachments; None: that is not known."""
    providers: frozenset[str] | None = None
    """The providers whose settings the server has; None: that is not known."""
    brands: frozenset[str] = field(default_factory=frozenset)
    topic_defaults: Mapping[str, str] = field(default_factory=dict)
    """The `default` of topics, by topic."""
    form_topics: Mapping[str, str | None] = field(default_factory=dict)
    """The topics that forms name, by form."""
    within_segments: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For each segment on the server, the segments that it names."""
    template_documents: Mapping[str, Template] = field(default_factory=dict)
    """The templates on the server that the documents may name or change, and those around them."""
    keep_events: str | None = None
    """How long the server keeps events, as a duration; None: that is not known."""
    replies: frozenset[str] | None = None
    """The channels on which replies come in to the server; None: that is not known."""

    @classmethod
    def of(cls, documents: list[AnyDocument]) -> KnownKeys:
        """The keys that these documents define."""
        keys = {
            kind: frozenset(document.key for document in documents if document.kind == kind)
            for kind in ("topic", "segment", "template", "places", "journey", "brand")
        }
        return cls(
            topics=keys["topic"],
            segments=keys["segment"],
            templates=keys["template"],
            places=keys["places"],
            journeys=keys["journey"],
            brands=keys["brand"],
            topic_defaults={
                document.key: document.default
                for document in documents
                if isinstance(document, Topic)
            },
            form_topics={
                document.key: document.topic for document in documents if isinstance(document, Form)
            },
            template_documents={
                document.key: document for document in documents if isinstance(document, Template)
            },
        )

    def __or__(self, other: KnownKeys) -> KnownKeys:
        return KnownKeys(
            topics=self.topics | other.topics,
            segments=self.segments | other.segments,
            templates=self.templates | other.templates,
            places=self.places | other.places,
            journeys=self.journeys | other.journeys,
            pools=self.pools | other.pools,
            files=other.files if self.files is None else self.files,
            attachment_sources=other.attachment_sources or self.attachment_sources,
            providers=other.providers or self.providers,
            brands=self.brands | other.brands,
            topic_defaults={**other.topic_defaults, **self.topic_defaults},
            form_topics={**other.form_topics, **self.form_topics},
            within_segments={**self.within_segments, **other.within_segments},
            template_documents={**other.template_documents, **self.template_documents},
            keep_events=other.keep_events or self.keep_events,
            replies=self.replies if other.replies is None else other.replies,
        )


def segments_in(document: DocumentModel) -> frozenset[str]:
    """The segments that a document evaluates: in its conditions and its schedules."""
    return frozenset(
        part.model.segment
        for part in parts_of(document)
        if isinstance(part.model, SegmentCondition | Schedule) and part.model.segment is not None
    )


def document_references(document: AnyDocument, known: KnownKeys) -> Iterator[Problem]:
    """References to topics, segments, templates and places that do not exist.

    Unknown pools and journeys are warnings.
    """
    for part in parts_of(document):
        yield from _partials(part, known)
        for kind, key, inside in named_keys(part):
            existing: frozenset[str] | None = getattr(known, kind)
            if key is None or existing is None or key in existing:
                continue
            word = kind if kind == "places" else kind.removesuffix("s")
            yield Problem(
                f"unknown_{word}",
                f"there is no {word} `{key}`",
                _hint(key, list(existing)),
                severity="warning" if kind in ("pools", "journeys") else "error",
                path=(*part.path, inside),
                step=part.step,
            )


def _partials(part: Part, known: KnownKeys) -> Iterator[Problem]:
    """Templates that a text names by `render`, and which do not exist."""
    if not isinstance(part.model, TemplateContent):
        return
    for name in (*FIELDS, "mjml"):
        text = getattr(part.model, name)
        if text is None or "render" not in text:
            continue
        try:
            found = list(renders_in(text))
        except TemplateError as error:
            yield Problem("template", str(error), path=(*part.path, name), inner=error.line or 0)
            continue
        for render, line in found:
            if render.key not in known.templates:
                yield Problem(
                    "unknown_template",
                    f"there is no template `{render.key}`",
                    _hint(render.key, list(known.templates)),
                    path=(*part.path, name),
                    inner=line,
                )


def named_keys(part: Part) -> Iterator[tuple[str, str | None, str]]:
    """What a part names: the field of KnownKeys, the key or None, and where it stands inside."""
    model = part.model
    if isinstance(model, TopicCondition):
        yield "topics", model.topic, "topic"
    elif isinstance(model, EventTrigger) and model.event in CONSENT_EVENTS:
        topic = model.where.get("topic")
        yield "topics", topic if isinstance(topic, str) else None, "where"
    elif isinstance(model, Emission) and model.event in CONSENT_EVENTS:
        emitted = model.properties.get("topic")
        yield "topics", emitted if isinstance(emitted, str) else None, "properties"
    elif isinstance(model, SegmentCondition | SegmentEntry | Schedule):
        yield "segments", model.segment, "segment"
    elif isinstance(model, Near):
        yield "places", model.places, "places"
    elif isinstance(model, Coupon):
        yield "pools", model.pool, "pool"
    elif isinstance(model, Enter):
        yield "journeys", model.journey, "journey"
    elif isinstance(model, Topic):
        yield "brands", model.brand, "brand"
    elif isinstance(model, Form):
        yield "topics", model.topic, "topic"
        yield "brands", model.brand, "brand"
    elif isinstance(model, Holdout) and isinstance(model.journeys, list):
        for journey in model.journeys:
            yield "journeys", journey, "journeys"
    elif isinstance(model, Template):
        yield "templates", model.layout, "layout"
    elif isinstance(model, AttachedFile):
        yield "files", model.file, "file"
    elif isinstance(model, SendSettings):
        yield "topics", model.topic, "topic"
        if isinstance(model, MessageContent):
            yield "templates", model.template, "template"


def step_references(journey: Journey) -> Iterator[Problem]:
    """References to steps, outcomes and outputs of steps that do not exist."""
    steps = {step.id: step for step in journey.all_steps()}
    reachable = _lines(journey)
    for part in parts_of(journey):
        model = part.model
        if isinstance(model, GotoStep):
            if model.goto not in steps:
                yield _no_step(part, model.goto, list(steps), "goto")
            elif reachable[model.goto] != reachable[model.id]:
                yield part.problem(
                    "wrong_line", f"`{model.goto}` is out of reach: it is not in the same list of "
                    "steps, the journey's or an exit's `then`", None, "goto",
                )  # fmt: skip
        elif isinstance(model, MessageTrigger | MessageCondition):
            sends = [step.id for step in steps.values() if step.kind in MESSAGE_KINDS]
            if model.message not in steps:
                yield _no_step(part, model.message, sends, "message")
            elif model.message not in sends:
                kind = steps[model.message].kind
                yield part.problem(
                    "no_message", f"the step `{model.message}` is a {kind} and sends no message",
                    None, "message",
                )  # fmt: skip
        elif isinstance(model, StepReference | StepCondition):
            if model.step not in steps:
                yield _no_step(part, model.step, list(steps), "step")
            elif model.property is not None:
                yield from property_problem(
                    steps[model.step], model.property, part, (*part.path, "property")
                )
            elif isinstance(model, StepCondition):
                yield from _outcomes(part, model, steps[model.step])


def _lines(journey: Journey) -> dict[str, Path]:
    """For each step at any depth, the path of the main line or of the exit it belongs to."""
    return {step.id: path[:1] if path[0] == "steps" else path[:2] for path, step in journey.walk()}


def _no_step(part: Part, name: str, steps: list[str], key: str) -> Problem:
    return part.problem("unknown_step", f"there is no step `{name}`", _hint(name, steps), key)


def _outcomes(part: Part, condition: StepCondition, step: Step) -> Iterator[Problem]:
    possible = outcomes(step)
    for word, asked in condition.operators().items():
        if word not in ("is", "is_not", "in", "not_in"):
            continue
        for outcome in asked if isinstance(asked, list) else [asked]:
            if isinstance(outcome, str) and outcome not in possible:
                yield part.problem(
                    "unknown_outcome",
                    f"`{step.id}` never ends `{outcome}`",
                    _hint(str(outcome), possible) or f"its outcomes: {', '.join(possible)}",
                    word,
                )


def property_problem(step: Step, path: str, part: Part, place: Path) -> Iterator[Problem]:
    """A problem if a step does not have an output: `outcome`, `event.score`, `body.items.0`."""
    known = output_properties(step)
    name = path.split(".")[0]
    if name not in known:
        yield Problem(
            "unknown_property",
            f"`{step.id}` leaves no `{name}`",
            _hint(name, known) or f"it leaves {', '.join(known)}",
            path=place,
            step=part.step,
        )


def _hint(word: str, known: list[Any]) -> str | None:
    near = closest_match(word, known)
    return f"did you mean `{near}`?" if near else None
