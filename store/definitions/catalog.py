"""Definitions in memory: versions, which never change, and what does: active journeys, segments."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from psycopg import AsyncConnection

from journeys.checks.references import segments_in
from journeys.model.journey import Journey
from journeys.model.sends import Channel
from journeys.model.triggers import EventEntry
from journeys.protocol.program import Program
from store.goals.goal_rows import GoalQuery, build_goal_query
from store.segments.segment_conditions import NO_SEGMENTS, Segments, read_revision, read_segments
from store.waits.listeners import ListenerQuery, build_exit_query, build_wait_query

_KEPT = 1_000


@dataclass(frozen=True)
class Definition:
    """One version of a journey, and what is compiled from it."""

    key: str
    version: int
    journey: Journey
    program: Program
    segments: Segments = NO_SEGMENTS
    """Those that its conditions are judged by; none if it names none."""
    _waits: dict[str, ListenerQuery | None] = field(default_factory=dict, init=False, compare=False)

    @classmethod
    def load(
        cls, key: str, version: int, document: dict[str, Any], program: dict[str, Any]
    ) -> Definition:
        """From the two JSON documents Postgres keeps; it knows no segments yet."""
        return cls(key, version, Journey.model_validate(document), Program.model_validate(program))

    @cached_property
    def names_segments(self) -> bool:
        """Whether what is compiled from it changes with segments."""
        return bool(segments_in(self.journey))

    @cached_property
    def exits(self) -> ListenerQuery | None:
        """The look at its exit rules; None: nothing ends a run of this version early."""
        return build_exit_query(self.journey, self.segments.conditions)

    @cached_property
    def goal(self) -> GoalQuery | None:
        """What meets its goal; None if it has none."""
        return build_goal_query(self.journey)

    def wait_look(self, step: str) -> ListenerQuery | None:
        """What the wait `step` listens for; None for a wait that only time ends."""
        if step not in self._waits:
            self._waits[step] = build_wait_query(self.journey, step, self.segments.conditions)
        return self._waits[step]


@dataclass(frozen=True)
class Active:
    """The journeys that take entries or refuse them as `paused`, at one revision of the catalog."""

    revision: int
    by_event: dict[str, list[Definition]]


class Catalog:
    """A process's view: versions are kept, and the active set and segments follow the revision."""

    def __init__(self) -> None:
        self._versions: OrderedDict[tuple[str, int], Definition] = OrderedDict()
        self._active = Active(-1, {})
        self._segments = NO_SEGMENTS
        self._channels: dict[str, tuple[dict[str, Any], Channel]] = {}

    def channel(self, document: dict[str, Any]) -> Channel:
        """The settings of a channel, from the document that Postgres keeps now."""
        known = self._channels.get(document["channel"])
        if known is None or known[0] != document:
            known = document, Channel.model_validate(document)
            self._channels[known[1].key] = known
        return known[1]

    async def definition(self, conn: AsyncConnection[Any], key: str, version: int) -> Definition:
        """A version, with the segments that it names as they are now.

        Only one that names segments asks for the revision. Raises LookupError if Postgres does not
        know the version.
        """
        known = self._versions.get((key, version))
        if known is None:
            cursor = await conn.execute(
                "select document, program from journey_version where journey = %s and version = %s",
                (key, version),
            )
            row = await cursor.fetchone()
            if row is None:
                raise LookupError(f"journey {key} has no version {version}")
            known = self._keep(Definition.load(key, version, *row))
        self._versions.move_to_end((key, version))
        if not known.names_segments:
            return known
        return await self._beside(conn, known, await read_revision(conn))

    async def active(self, conn: AsyncConnection[Any], revision: int) -> Active:
        """The active set, no older than `revision` of the catalog."""
        if revision == self._active.revision:
            return self._active
        cursor = await conn.execute(
            "select v.journey, v.version, v.document, v.program from journey j"
            " join journey_version v on v.journey = j.key and v.version = j.active_version"
            " where j.state in ('active', 'paused') order by j.key"
        )
        by_event: dict[str, list[Definition]] = {}
        for key, version, document, program in await cursor.fetchall():
            definition = self._versions.get((key, version)) or self._keep(
                Definition.load(key, version, document, program)
            )
            if definition.names_segments:
                definition = await self._beside(conn, definition, revision)
            for name in sorted(
                {entry.event for entry in definition.journey.entry if isinstance(entry, EventEntry)}
            ):
                by_event.setdefault(name, []).append(definition)
        self._active = Active(revision, by_event)
        return self._active

    async def _beside(
        self, conn: AsyncConnection[Any], definition: Definition, revision: int
    ) -> Definition:
        """The version beside segments no older than `revision`."""
        if self._segments.revision < revision:
            self._segments = await read_segments(conn)
        if definition.segments is self._segments:
            return definition
        return self._keep(replace(definition, segments=self._segments))

    def _keep(self, definition: Definition) -> Definition:
        self._versions[(definition.key, definition.version)] = definition
        while len(self._versions) > _KEPT:
            self._versions.popitem(last=False)
        return definition
