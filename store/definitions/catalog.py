"""In-memory cache of definitions: versions, which never change, active journeys, and segments."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import monotonic
from typing import Any, Final

from psycopg import AsyncConnection
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import bindparam, select
from sqlmodel import col

from journeys.checks.references import segments_in
from journeys.model.documents import Topic
from journeys.model.entry_events import EntryTrigger, EventfulEntry
from journeys.model.entry_kinds import eventful
from journeys.model.journey import Journey
from journeys.model.sends import Channel, EffectiveSend
from journeys.model.steps import SendStep
from journeys.model.triggers import Entry, EventEntry, NearEntry
from journeys.model.values import DocumentModel
from journeys.protocol.program import Program
from journeys.templating.contents import Content
from store.definitions.compiled_conditions import CompiledConditions
from store.definitions.content_cache import ChosenContent, ContentCache
from store.definitions.timed_entries import TimedEntries
from store.goals.goal_rows import GoalQuery, build_goal_query
from store.holdouts.live_holdouts import NO_HOLDOUTS, Holdouts, compile_holdouts, read_holdouts
from store.holdouts.observations import ObservedGoal, observed_goal
from store.places.areas import Area, read_areas
from store.segments.live_segments import LiveSegments
from store.segments.segment_conditions import NO_SEGMENTS, Segments, read_revision, read_segments
from store.sql import fetch_all, fetch_one, sql, statement
from store.tables.definitions import JourneyVersion
from store.waits.listener_queries import ListenerQuery, build_exit_query, build_wait_query

_ENTRY: Final[TypeAdapter[Entry]] = TypeAdapter(Entry)
_CACHED_VERSIONS = 1_000
_CACHED_TOPICS = 1_000
_TRY_BROKEN_AFTER = 5.0
"""Seconds until the active set is read again if a document in it does not validate."""
_VERSION = statement(
    select(
        col(JourneyVersion.document), col(JourneyVersion.program), col(JourneyVersion.contents)
    ).where(
        col(JourneyVersion.journey) == bindparam("journey"),
        col(JourneyVersion.version) == bindparam("version"),
    )
)
_ACTIVE = sql(
    """
    select v.journey, v.version, v.document, v.program, v.contents from journey j
    join journey_version v on v.journey = j.key and v.version = j.active_version
    where j.state in ('active', 'paused') order by j.key
    """
)


@dataclass(frozen=True, slots=True)
class SettingsOfSend:
    """The settings of a send with the documents that they were inherited from."""

    channel: Channel | None
    topic: Topic | None
    settings: EffectiveSend


@dataclass(frozen=True)
class Definition:
    """One version of a journey, with the queries that are built from it."""

    key: str
    version: int
    journey: Journey
    program: Program
    segments: Segments = NO_SEGMENTS
    """The segments that its conditions are evaluated with; empty if it names none."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """The hashes of the contents of its sends, by step; empty if they were not kept."""
    _waits: dict[str, ListenerQuery | None] = field(default_factory=dict, init=False, compare=False)
    _written: dict[str, str] = field(default_factory=dict, init=False, compare=False)
    _settings: dict[tuple[str, bool], SettingsOfSend] = field(
        default_factory=dict, init=False, compare=False
    )

    @classmethod
    def load(
        cls,
        key: str,
        version: int,
        document: dict[str, Any],
        program: dict[str, Any],
        contents: dict[str, str] | None = None,
    ) -> Definition:
        """A version from the JSON that PostgreSQL stores, without segments."""
        return cls(
            key,
            version,
            Journey.model_validate(document),
            Program.model_validate(program),
            contents=contents or {},
        )

    @cached_property
    def names_segments(self) -> bool:
        """Whether its queries depend on segments."""
        return bool(segments_in(self.journey))

    @cached_property
    def timed(self) -> TimedEntries:
        """The entries that time begins."""
        return TimedEntries.of(self.journey)

    @cached_property
    def entries(self) -> dict[str, list[tuple[EventfulEntry, EntryTrigger]]]:
        """The entries whose runs an event begins, in order, by the name of this event."""
        found: dict[str, list[tuple[EventfulEntry, EntryTrigger]]] = {}
        for entry, trigger in eventful(self.journey.entry):
            found.setdefault(trigger.event, []).append((entry, trigger))
        return found

    @cached_property
    def exits(self) -> ListenerQuery | None:
        """The query of its exit rules; None if it has none."""
        return build_exit_query(self.journey, self.segments.conditions, self.segments.revision)

    @cached_property
    def goal(self) -> GoalQuery | None:
        """The query of its goal; None if it has none."""
        return build_goal_query(self.journey)

    @cached_property
    def observed_goal(self) -> ObservedGoal | None:
        """Its goal as holdouts look for it; None if those who are held out cannot meet it."""
        return observed_goal(self.journey)

    @cached_property
    def compiled(self) -> CompiledConditions:
        """Its conditions, each compiled once."""
        return CompiledConditions(self.journey.timezone, self.segments.conditions)

    def settings(
        self, step: SendStep, channel: Channel | None = None, topic: Topic | None = None
    ) -> EffectiveSend:
        """`Journey.effective`, worked out again only for other documents than the last time."""
        key = (step.id, channel is None and topic is None)
        known = self._settings.get(key)
        if known is None or known.channel is not channel or known.topic is not topic:
            known = SettingsOfSend(channel, topic, self.journey.effective(step, channel, topic))
            self._settings[key] = known
        return known.settings

    def written(self, step: SendStep) -> str:
        """A send as JSON."""
        text = self._written.get(step.id)
        if text is None:
            text = self._written[step.id] = step.model_dump_json()
        return text

    def wait_query(self, step: str) -> ListenerQuery | None:
        """The query of what the wait `step` listens for; None if only time ends it."""
        if step not in self._waits:
            self._waits[step] = build_wait_query(
                self.journey, step, self.segments.conditions, self.segments.revision
            )
        return self._waits[step]


class BrokenDocument(Exception):
    """A stored document no longer validates: `subject` names it, the message says why."""

    def __init__(self, subject: str, message: str) -> None:
        super().__init__(f"{subject}: {message}")
        self.subject = subject


About = tuple[str, str | None]
"""The name of an event, and what it is about; None: anything."""


@dataclass(frozen=True)
class Active:
    """The journeys that are active or paused, by what the events of their entries are about.

    A paused journey refuses entries with that reason.
    """

    revision: int
    """Of the catalog."""
    by_event: dict[About, list[Definition]]
    broken: tuple[BrokenDocument, ...] = ()
    """The journeys that cannot be read."""
    broken_by_event: dict[About, list[str]] = field(default_factory=dict)
    """Their keys, as far as their entries can be read."""
    dated: dict[str, Definition] = field(default_factory=dict)
    """The journeys with entries by date, by key."""
    scheduled: dict[str, Definition] = field(default_factory=dict)
    """The journeys with entries by schedule, by key."""
    areas: tuple[Area, ...] = ()
    """The places of their entries."""

    def considering(self, event: str, subjects: Iterable[str]) -> list[Definition]:
        """The journeys that events of this name about these subjects may enter, ordered by key."""
        found = {
            each.key: each
            for subject in (None, *subjects)
            for each in self.by_event.get((event, subject), [])
        }
        return [found[key] for key in sorted(found)]

    def refusing(self, event: str, subjects: Iterable[str]) -> list[str]:
        """The keys of the broken journeys that such an event might have entered, in order."""
        found = (self.broken_by_event.get((event, each), []) for each in (None, *subjects))
        return sorted({key for keys in found for key in keys})


class Catalog:
    """A process's cache. Versions stay; the active set and segments follow the revision.

    A document that no longer validates is read again at each use, so that it works again as soon as
    it has been put right.
    """

    def __init__(self) -> None:
        self._versions: OrderedDict[tuple[str, int], Definition] = OrderedDict()
        self._active = Active(-1, {})
        self._active_until = 0.0
        self._segments = NO_SEGMENTS
        self._holdouts = NO_HOLDOUTS
        self._holdouts_until = 0.0
        self._channels: dict[str, tuple[dict[str, Any], Channel]] = {}
        self._topics: OrderedDict[str, tuple[dict[str, Any], Topic]] = OrderedDict()
        self._contents = ContentCache()
        self.live_segments = LiveSegments()

    def channel(self, document: dict[str, Any]) -> Channel:
        """The settings of a channel, parsed from its stored document."""
        known = self._channels.get(document["channel"])
        if known is None or known[0] != document:
            known = document, Channel.model_validate(document)
            self._channels[known[1].key] = known
        return known[1]

    def topic(self, document: dict[str, Any]) -> Topic:
        """A topic, parsed from its stored document."""
        known = self._topics.get(document["topic"])
        if known is None or known[0] != document:
            known = document, Topic.model_validate(document)
            self._topics[known[1].key] = known
            while len(self._topics) > _CACHED_TOPICS:
                self._topics.popitem(last=False)
        return known[1]

    async def definition(self, conn: AsyncConnection[Any], key: str, version: int) -> Definition:
        """A version, with the segments that it names as they are now.

        The catalog's revision is read only for a version that names segments. Raises LookupError
        if there is no such version, BrokenDocument if it or a segment no longer validates.
        """
        known = self._versions.get((key, version))
        if known is None:
            row = await fetch_one(conn, _VERSION, {"journey": key, "version": version})
            if row is None:
                raise LookupError(f"journey {key} has no version {version}")
            known = self._load(key, version, *row)
        self._versions.move_to_end((key, version))
        if not known.names_segments:
            return known
        return await self._with_segments(conn, known, await read_revision(conn))

    async def content(self, conn: AsyncConnection[Any], name: str) -> Content | None:
        """The content of a hash; None if there is none."""
        return await self._contents.get(conn, name)

    async def content_of_step(
        self, conn: AsyncConnection[Any], definition: Definition, step: SendStep
    ) -> ChosenContent | None:
        """The content of a send with texts of its own; None for one without.

        Raises TemplateError if it was not kept when the version was saved, and can't be compiled.
        """
        name = definition.contents.get(step.id)
        if name is not None:
            content = await self._contents.get(conn, name)
            return None if content is None else ChosenContent(content, name)
        compiled = await self._contents.compiled(definition.key, definition.version, step)
        return None if compiled is None else ChosenContent(compiled)

    async def active(self, conn: AsyncConnection[Any], revision: int) -> Active:
        """The active set, no older than `revision` of the catalog.

        A journey that cannot be read is left out. It is tried again every few seconds.
        """
        fresh = not self._active.broken or monotonic() < self._active_until
        if revision == self._active.revision and fresh:
            return self._active
        by_event: dict[About, list[Definition]] = {}
        dated: dict[str, Definition] = {}
        scheduled: dict[str, Definition] = {}
        broken: list[BrokenDocument] = []
        broken_by_event: dict[About, list[str]] = {}
        for key, version, document, program, contents in await fetch_all(conn, _ACTIVE):
            try:
                definition = self._versions.get((key, version)) or self._load(
                    key, version, document, program, contents
                )
                if definition.names_segments:
                    definition = await self._with_segments(conn, definition, revision)
            except BrokenDocument as error:
                broken.append(error)
                for about in _events_of_broken(document):
                    broken_by_event.setdefault(about, []).append(key)
                continue
            for about in set(_abouts(trigger for _, trigger in eventful(definition.journey.entry))):
                by_event.setdefault(about, []).append(definition)
            if definition.timed.dates:
                dated[key] = definition
            if definition.timed.schedules:
                scheduled[key] = definition
        definitions = {each.key: each for found in by_event.values() for each in found}
        areas = await read_areas(
            conn,
            [
                entry.near
                for definition in definitions.values()
                for entry in definition.journey.entry
                if isinstance(entry, NearEntry)
            ],
        )
        self._active = Active(
            revision, by_event, tuple(broken), broken_by_event, dated, scheduled, areas
        )
        self._active_until = monotonic() + _TRY_BROKEN_AFTER
        return self._active

    async def _with_segments(
        self, conn: AsyncConnection[Any], definition: Definition, revision: int
    ) -> Definition:
        """The version with segments no older than `revision`. Raises BrokenDocument."""
        segments = await self.segments(conn, revision)
        for key in _segments_within(definition.journey, segments):
            if key in segments.broken:
                raise BrokenDocument(f"segment {key}", segments.broken[key])
        if definition.segments is segments:
            return definition
        return self._cache(replace(definition, segments=segments))

    async def segments(self, conn: AsyncConnection[Any], revision: int) -> Segments:
        """The segments, no older than `revision` of the catalog."""
        if self._segments.revision < revision or self._segments.broken:
            self._segments = await read_segments(conn)
        return self._segments

    async def holdouts(self, conn: AsyncConnection[Any], revision: int) -> Holdouts:
        """The holdouts, no older than `revision` of the catalog.

        They are read once for each revision. One that is broken is tried again every few seconds.
        """
        known = self._holdouts
        if known.revision >= revision and (not known.broken or monotonic() < self._holdouts_until):
            return known
        stored = await read_holdouts(conn)
        segments = await self.segments(conn, revision) if stored else NO_SEGMENTS
        self._holdouts = compile_holdouts(stored, segments, revision)
        self._holdouts_until = monotonic() + _TRY_BROKEN_AFTER
        return self._holdouts

    def _load(
        self,
        key: str,
        version: int,
        document: dict[str, Any],
        program: dict[str, Any],
        contents: dict[str, str] | None,
    ) -> Definition:
        try:
            return self._cache(Definition.load(key, version, document, program, contents))
        except ValueError as error:
            raise BrokenDocument(f"journey {key} v{version}", str(error)) from None

    def _cache(self, definition: Definition) -> Definition:
        self._versions[(definition.key, definition.version)] = definition
        while len(self._versions) > _CACHED_VERSIONS:
            self._versions.popitem(last=False)
        return definition


def _segments_within(journey: Journey, segments: Segments) -> set[str]:
    """The segments that a journey names, and those within them."""
    found: set[str] = set()
    left = set(segments_in(journey))
    while left:
        key = left.pop()
        found.add(key)
        condition = segments.conditions.get(key)
        if isinstance(condition, DocumentModel):
            left |= segments_in(condition) - found
    return found


def _events_of_broken(document: Any) -> set[About]:
    """The events of the entries of a journey that does not validate, where they can be read."""
    entries = document.get("entry") if isinstance(document, dict) else None
    read: list[object] = []
    for entry in entries if isinstance(entries, list) else [entries]:
        try:
            read.append(_ENTRY.validate_python(entry))
        except ValidationError:
            name = entry.get("event") if isinstance(entry, dict) else None
            read += [] if name is None else [EventEntry.model_construct(event=str(name))]
    return set(_abouts(trigger for _, trigger in eventful(read)))


def _abouts(triggers: Iterable[EntryTrigger]) -> Iterator[About]:
    for trigger in triggers:
        for subject in [None] if trigger.subjects is None else trigger.subjects:
            yield trigger.event, subject
