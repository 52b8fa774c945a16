"""Definitions in memory: versions, which never change, and the active journeys, which do."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection

from journeys.definition import Journey
from journeys.program import Program
from journeys.sending import Channel
from journeys.triggers import EventEntry
from store.listening import Look, build_exits_look, build_wait_look

_KEPT = 1_000


@dataclass(frozen=True)
class Definition:
    """One version of a journey, and what is compiled from it."""

    key: str
    version: int
    journey: Journey
    program: Program
    exits: Look | None
    """None: nothing ends a run of this version early."""
    _waits: dict[str, Look | None] = field(default_factory=dict, compare=False)

    @classmethod
    def load(
        cls, key: str, version: int, document: dict[str, Any], program: dict[str, Any]
    ) -> Definition:
        """From the two JSON documents Postgres keeps."""
        journey = Journey.model_validate(document)
        return cls(
            key, version, journey, Program.model_validate(program), build_exits_look(journey)
        )

    def wait_look(self, step: str) -> Look | None:
        """What the wait `step` listens for; None for a wait that only time ends."""
        if step not in self._waits:
            self._waits[step] = build_wait_look(self.journey, step)
        return self._waits[step]


@dataclass(frozen=True)
class Active:
    """The journeys that take entries or refuse them as `paused`, at one revision of the catalog."""

    revision: int
    by_event: dict[str, list[Definition]]


class Catalog:
    """A process's view: versions are kept, and the active set follows its revision."""

    def __init__(self) -> None:
        self._versions: OrderedDict[tuple[str, int], Definition] = OrderedDict()
        self._active = Active(-1, {})
        self._channels: dict[str, tuple[dict[str, Any], Channel]] = {}

    def channel(self, document: dict[str, Any]) -> Channel:
        """The settings of a channel, from the document that Postgres keeps now."""
        known = self._channels.get(document["channel"])
        if known is None or known[0] != document:
            known = document, Channel.model_validate(document)
            self._channels[known[1].key] = known
        return known[1]

    async def definition(self, conn: AsyncConnection[Any], key: str, version: int) -> Definition:
        """A version. Raises LookupError if Postgres does not know it."""
        known = self._versions.get((key, version))
        if known is not None:
            self._versions.move_to_end((key, version))
            return known
        cursor = await conn.execute(
            "select document, program from journey_version where journey = %s and version = %s",
            (key, version),
        )
        row = await cursor.fetchone()
        if row is None:
            raise LookupError(f"journey {key} has no version {version}")
        return self._keep(Definition.load(key, version, *row))

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
            for name in sorted(
                {entry.event for entry in definition.journey.entry if isinstance(entry, EventEntry)}
            ):
                by_event.setdefault(name, []).append(definition)
        self._active = Active(revision, by_event)
        return self._active

    def _keep(self, definition: Definition) -> Definition:
        self._versions[(definition.key, definition.version)] = definition
        while len(self._versions) > _KEPT:
            self._versions.popitem(last=False)
        return definition
