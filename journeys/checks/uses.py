"""What documents use: topics, segments, templates, places, pools, groups, attributes and more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from journeys.checks.references import named_keys
from journeys.model.actions import Membership, Update
from journeys.model.conditions import AttributeCondition, GroupCondition, Near
from journeys.model.document_parts import Part, parts_of, texts_of
from journeys.model.documents import AnyDocument, TemplateContent
from journeys.model.sends import MessageContent, Webhook
from journeys.model.steps import BaseSend
from journeys.model.triggers import AttributeEntry, EventTrigger, GroupEntry
from journeys.model.values import AttributeReference
from journeys.model.well_known_events import FORM_SUBMITTED
from journeys.templating.failures import TemplateError
from journeys.templating.inclusion import renders_in, without_renders
from journeys.templating.liquid import variables_of

UsedKind = Literal[
    "attribute", "brand", "channel", "file", "form", "group", "holdout", "journey", "places",
    "pool", "segment", "template", "test_recipients", "topic",
]  # fmt: skip
"""The kinds of what documents name; nothing names a holdout, or test recipients."""

LONGEST_KEY: Final = 200
"""Characters of a name; a longer one names nothing that could be looked up."""
_OF_KNOWN_KEYS: Final[dict[str, UsedKind]] = {
    "brands": "brand",
    "files": "file",
    "journeys": "journey",
    "places": "places",
    "pools": "pool",
    "segments": "segment",
    "templates": "template",
    "topics": "topic",
}


@dataclass(frozen=True, slots=True)
class Use:
    """A thing that a document names."""

    kind: UsedKind
    key: str
    step: str | None = None
    """The id of the step that names it; None: it is named outside of steps."""
    km: float | None = None
    """Of places, the distance that is asked for."""


def uses_of(document: AnyDocument) -> list[Use]:
    """Everything that a document names, each once for each step, in the order of the document."""
    found: dict[Use, None] = {}
    for part in parts_of(document):
        for use in (*_keys(part), *_attributes(part)):
            # A journey that names itself, to enter it again, is no use of it elsewhere.
            if (use.kind, use.key) != (document.kind, document.key) and len(use.key) <= LONGEST_KEY:
                found[use] = None
    return list(found)


def _keys(part: Part) -> Iterator[Use]:
    model, step = part.model, part.step
    for plural, key, _ in named_keys(part):
        if key is not None:
            km = model.km if isinstance(model, Near) else None
            yield Use(_OF_KNOWN_KEYS[plural], key, step, km)
    if isinstance(model, GroupCondition | GroupEntry):
        yield Use("group", model.group, step)
    elif isinstance(model, Membership):
        for group in (*model.add, *model.remove):
            yield Use("group", group, step)
    elif isinstance(model, EventTrigger) and model.event == FORM_SUBMITTED:
        form = model.where.get("form")
        if isinstance(form, str):
            yield Use("form", form, step)
    elif isinstance(model, BaseSend):
        yield Use("channel", model.kind, step)
    elif isinstance(model, TemplateContent):
        for text in _texts(model):
            try:
                for render, _ in renders_in(text):
                    yield Use("template", render.key, step)
            except TemplateError:
                continue


def _attributes(part: Part) -> Iterator[Use]:
    model, step = part.model, part.step
    paths: list[str] = []
    if isinstance(model, AttributeCondition | AttributeReference | AttributeEntry):
        paths = [model.attribute]
    elif isinstance(model, Update):
        paths = [*model.set, *model.unset, *model.add]
    elif isinstance(model, MessageContent | TemplateContent | Webhook):
        paths = [path for text in _texts(model) for path in _read_by(text)]
    for path in paths:
        first = path.split(".")[0]
        # A key of that very name is found before what lies inside another.
        for name in dict.fromkeys((path, first)):
            yield Use("attribute", name, step)


def _texts(model: MessageContent | TemplateContent | Webhook) -> Iterator[str]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        # What lies in further models is a part of its own.
        if name != "locales":
            yield from (text for _, text in texts_of(value, ()))


def _read_by(text: str) -> Iterator[str]:
    """The attributes of the contact that a template reads, as paths."""
    if "contact" not in text:
        return
    try:
        found = variables_of(without_renders(text))
    except TemplateError:
        return
    for variable in found:
        if variable.root == "contact" and len(variable.path) > 1:
            yield ".".join(map(str, variable.path[1:]))
