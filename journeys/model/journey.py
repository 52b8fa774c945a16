"""Journeys: entry, rules, settings of sends, and steps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    model_validator,
)

from journeys.model.entry_kinds import recurs
from journeys.model.exits import ExitRule
from journeys.model.moments import ActivePeriod, Cap, QuietHours, Window
from journeys.model.sends import (
    CLASSED_BY,
    FOLLOWED_BY,
    HELD_BY,
    SENT_BY,
    TIMED_BY,
    Channel,
    EffectiveSend,
    Provider,
    SendClass,
    SendSettings,
    WithProviders,
    inherit,
)
from journeys.model.steps import BaseMessage, SendStep, Step, children
from journeys.model.triggers import Entry, Goal
from journeys.model.unions import PLAIN, discriminated_by, tag
from journeys.model.values import DocumentModel, DurationText, Key, LengthText, Text
from journeys.time.durations import Duration

PathInDocument = tuple[str | int, ...]


def _listed(value: object) -> object:
    return value if isinstance(value, list) or value is None else [value]


def _serialize_re_entry(value: object) -> object:
    return {"after": str(value)} if isinstance(value, Duration) else value


def _parse_re_entry(value: object) -> object:
    return Duration.parse(value.after) if isinstance(value, After) else value


def _without_delay(text: str) -> str:
    if text not in ("never", "always"):
        raise ValueError("`re_entry` is never, always or {after: 7d}")
    return text


class After(DocumentModel):
    """`{after: 7d}`: re-entry only this long after the start of the last run."""

    after: DurationText


if TYPE_CHECKING:
    ReEntry: TypeAlias = Literal["never", "always"] | Duration
else:
    ReEntry = Annotated[
        Annotated[After, Tag(tag("after"))]
        | Annotated[
            str,
            AfterValidator(_without_delay),
            WithJsonSchema({"enum": ["never", "always"]}),
            Tag(PLAIN),
        ],
        discriminated_by("`re_entry`", "after", plain=True),
        BeforeValidator(_serialize_re_entry),
        AfterValidator(_parse_re_entry),
        PlainSerializer(_serialize_re_entry),
    ]


class Journey(WithProviders):
    """One document of kind `journey`."""

    kind: ClassVar[Literal["journey"]] = "journey"
    journey: Key
    name: Text | None = None
    timezone: Text | None = None
    """The time zone of contacts that have none; UTC by default."""
    active: ActivePeriod | None = None
    entry: Annotated[
        list[Entry],
        BeforeValidator(_listed, json_schema_input_type=Entry | list[Entry]),
        Field(min_length=1),
    ]
    re_entry: ReEntry = "never"
    """"never", "always", or the Duration after which a contact may enter again."""
    if_active: Literal["refuse", "debounce", "restart"] = "refuse"
    while_paused: Literal["refuse", "keep"] = "refuse"
    """What becomes of entries by events while it is paused: kept ones come in once it goes on."""
    exit: Annotated[
        list[ExitRule],
        BeforeValidator(_listed, json_schema_input_type=ExitRule | list[ExitRule]),
    ] = Field(default_factory=list)
    goal: Goal | None = None
    defaults: SendSettings = Field(default_factory=SendSettings)
    cap: Cap | None = None
    apart: LengthText | None = None
    class_: SendClass | None = Field(default=None, alias="class")
    quiet_hours: QuietHours | None = None
    window: Window | None = None
    provider: Provider | None = None
    fallback: Provider | None = None
    steps: Annotated[list[Step], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _default_re_entry(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "re_entry" in value or "entry" not in value:
            return value
        entries = _listed(value["entry"])
        if isinstance(entries, list) and entries and all(map(recurs, entries)):
            # Each occurrence has its own key, so it cannot enter twice.
            return {**value, "re_entry": "always"}
        return value

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.journey

    def walk(self) -> Iterator[tuple[PathInDocument, Step]]:
        """Every step with its path in the document, depth first; steps of exits last."""
        yield from _walk(("steps",), self.steps)
        for place, rule in enumerate(self.exit):
            if not isinstance(rule, str):
                yield from _walk(("exit", place, "then"), rule.then)

    def all_steps(self) -> list[Step]:
        """Every step at any depth; steps of exits last."""
        return [step for _, step in self.walk()]

    def step(self, step_id: str) -> Step:
        """The step with this id, at any depth. Raises KeyError."""
        return self._by_id[step_id]

    @cached_property
    def _by_id(self) -> dict[str, Step]:
        return {step.id: step for step in self.all_steps()}

    def effective(
        self,
        step: SendStep,
        channel: Channel | None = None,
        topic: WithProviders | None = None,
    ) -> EffectiveSend:
        """The settings of a send after inheritance: `defaults`, journey, topic, channel.

        A webhook is no message to the contact, so it inherits no window, cap, distance, quiet
        hours, send time or time limit.
        """
        if not isinstance(step, BaseMessage):
            return inherit(self.defaults.model_copy(update=dict.fromkeys((*HELD_BY, *TIMED_BY))))
        layers = [_settings_of(self), *map(_settings_of, filter(None, (topic, channel)))]
        return inherit(step.content, self.defaults, *layers, channel=step.content.channel)


def _settings_of(document: WithProviders) -> SendSettings:
    """The settings that a journey, topic or channel gives its sends. They have been checked."""
    names = (*SENT_BY, *HELD_BY, *CLASSED_BY, *FOLLOWED_BY)
    return SendSettings.model_construct(
        None, **{name: getattr(document, name, None) for name in names}
    )


def _walk(path: PathInDocument, steps: list[Step]) -> Iterator[tuple[PathInDocument, Step]]:
    for place, step in enumerate(steps):
        here = (*path, place)
        yield here, step
        for inside, line in children(step):
            yield from _walk((*here, *inside), line)
