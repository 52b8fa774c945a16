"""Random contacts and segments that are played on a stopped clock, and what must come of it.

The engine keeps members. Beside it, each contact's rows are read after each step and judged by the
reference evaluator, at that instant and at every instant before it at which time could have
changed the verdict. So members, and the whole history of who entered and left when, are known
independently.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from store.contacts.rows import find_contact, lock_and_read_contacts
from store.events.contact_merging import merge_contacts
from store.events.effects import has_effects
from store.events.group_changes import remove_from_group
from store.events.ingest import take
from store.events.items import Accepted, Item
from store.events.transactions import repeating
from store.segments.generations import share_gate
from store.segments.judging import judge_contacts
from store.segments.merged_contacts import MergedSegments
from tests.support.random_contacts import (
    EVENTS,
    GROUPS,
    MOMENT,
    PLACES,
    SEGMENTS,
    TOPICS,
    ZONES,
    Maker,
    turns,
)
from tests.support.reference_conditions import ReferenceContact, World, holds
from tests.support.segments import SegmentsAtWork
from tests.support.stored_contacts import read_contacts, store_contacts

START = datetime(2026, 2, 20, tzinfo=UTC)
KEYS = (*SEGMENTS, *(f"s{number}" for number in range(7)))
Change = tuple[bool, datetime]


class Play:
    """One random world at work."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        seed: int,
        contacts: int,
        segments: int = 10,
        *,
        judging: float | None = None,
    ) -> None:
        """`judging`: as for `SegmentsAtWork`."""
        self.made = Maker(seed)
        self.any = self.made.any
        self.judging = judging
        self.work = SegmentsAtWork(pool, judging=judging)
        self.pool = pool
        self.now = START
        self.world = World(topics=dict(TOPICS), places=dict(PLACES))
        self._first = contacts
        self.keys = KEYS[:segments]
        self.contacts: dict[UUID, ReferenceContact] = {}
        self.users: dict[UUID, str] = {}
        self.expected: dict[tuple[str, UUID], list[Change]] = defaultdict(list)
        """By segment and contact: what entered or left when, as it must be."""
        self._turns: dict[tuple[str, UUID], list[datetime]] = {}
        self.wakes = 0
        """How often a segment was due for a contact."""

    # -------------------------------------------------------------------------------- beginning

    async def begin(self) -> None:
        """Contacts with a past, and segments that are filled."""
        await self.work.stop_clock(self.now)
        past: dict[UUID, ReferenceContact] = {}
        for _ in range(self._first):
            contact = self.made.contact()
            contact.events = [each for each in contact.events if each.stamped_at < START]
            contact_id = uuid4()
            contact.attributes["external_id"] = f"u-{contact_id}"
            past[contact_id] = contact
        async with self.pool.connection() as conn:
            await store_contacts(conn, past)
        await self._read()
        documents: list[dict[str, Any]] = [
            {"topic": key, "name": key, "default": default} for key, default in TOPICS.items()
        ]
        documents += [
            {
                "places": key,
                "list": [
                    {"name": f"{key} {number}", "lat": lat, "lon": lon}
                    for number, (lat, lon) in enumerate(points)
                ],
            }
            for key, points in PLACES.items()
        ]
        for key in self.keys:
            self.world.segments[key] = self._segment(key)
        documents += [self._document(key) for key in self.keys]
        await self.save(documents)

    def _segment(self, key: str) -> dict[str, Any]:
        """A condition, mostly one that time changes for somebody."""
        inside = SEGMENTS[: SEGMENTS.index(key)] if key in SEGMENTS else SEGMENTS
        for _ in range(20):
            condition = self.made.condition(2, inside)
            world = World(self.world.segments, self.world.topics, self.world.places)
            if any(turns(condition, each, world) for each in self.contacts.values()):
                break
        return condition

    def _document(self, key: str) -> dict[str, Any]:
        return {"segment": key, "if": self.world.segments[key]}

    async def save(self, documents: list[dict[str, Any]]) -> None:
        """Save documents, and fill the segments that have changed, at once."""
        text = "\n---\n".join(orjson.dumps(each).decode() for each in documents)
        await self.work.save_filled(text)
        self._turns.clear()
        self._judge(self.contacts)

    # ------------------------------------------------------------------------------- the clock

    async def to(self, at: datetime) -> None:
        """Let time pass with the engine at work; what it brings meanwhile is found just before."""
        await self.work.to(at - MOMENT)
        await self.work.dispatch()
        self.wakes += await self.work.drain()
        await self.jump(at)

    async def jump(self, at: datetime) -> None:
        """Let time pass while nothing works."""
        for contact in self.contacts:
            for segment in self.keys:
                for turn in self._turns_of(segment, contact):
                    if self.now < turn < at:
                        self._judge_one(segment, contact, turn)
        self.now = at
        await self.work.to(at)

    async def settle(self) -> None:
        """Let the engine do all that is due now."""
        await self.work.dispatch()
        self.wakes += await self.work.drain()
        await self.work.dispatch()
        self._judge(self.contacts)

    def next_instant(self) -> datetime:
        """A random instant later on: before, on and after one that changes something, or any."""
        if self.any.random() < 0.6:
            end = self.now + timedelta(days=40)
            segment = self.any.choice(self.keys)
            near = [
                turn
                for contact in self.contacts
                for turn in self._turns_of(segment, contact)
                if self.now + MOMENT < turn < end
            ]
            if near:
                turn = min(near) if self.any.random() < 0.5 else self.any.choice(near)
                return turn - self.any.choice([timedelta(), timedelta(), MOMENT])
        seconds = self.any.choice([60, 3_600, 86_400, 600_000])
        return self.now + timedelta(seconds=self.any.randrange(1, seconds) + 1)

    # ------------------------------------------------------------------------------ the expected

    def _turns_of(self, segment: str, contact: UUID) -> list[datetime]:
        known = self._turns.get((segment, contact))
        if known is None:
            known = turns(self.world.segments[segment], self.contacts[contact], self.world)
            self._turns[segment, contact] = known
        return known

    def _judge(self, contacts: Collection[UUID]) -> None:
        for contact in contacts:
            for segment in self.keys:
                self._judge_one(segment, contact, self.now)

    def _judge_one(self, segment: str, contact: UUID, at: datetime) -> None:
        verdict = holds(self.world.segments[segment], self.contacts[contact], self.world, at)
        changes = self.expected[segment, contact]
        if verdict != (bool(changes) and changes[-1][0]):
            changes.append((verdict, at))

    async def _read(self, ids: Collection[UUID] | None = None) -> None:
        """Read what contacts have become."""
        async with self.pool.connection() as conn:
            found = await read_contacts(conn, ids)
        for key, contact in found.items():
            self.contacts[key] = contact
            self.users[key] = contact.attributes["external_id"]
            for segment in self.keys:
                self._turns.pop((segment, key), None)

    async def changed(self, contact: UUID | None) -> None:
        """Something has just happened to a contact, and time to all; None: to a new contact."""
        await self._read(None if contact is None else [contact])
        self._judge(self.contacts)

    async def reread(self) -> None:
        """Read all contacts that there are."""
        self.contacts.clear()
        await self._read()

    # --------------------------------------------------------------------------------- the steps

    async def ingest(self, *items: Item) -> None:
        """Take tracking calls."""
        answers = await take(self.pool, items, limit_per_minute=1_000_000)
        assert all(isinstance(each, Accepted) for each in answers), answers

    async def event(self, contact: UUID) -> None:
        """An event of a contact; some happened long before."""
        name = self.any.choice([*EVENTS, "Location Updated"])
        client_at = None
        if self.any.random() < 0.25:
            client_at = self.now - timedelta(seconds=self.any.randrange(4_000_000))
        await self.track(contact, name, self.made.properties(name), client_at)

    async def track(
        self,
        contact: UUID,
        name: str,
        properties: dict[str, Any],
        client_at: datetime | None = None,
    ) -> None:
        """One tracking call."""
        await self.ingest(
            Item(
                "track",
                str(uuid4()),
                user_id=self.users[contact],
                name=name,
                properties=orjson.Fragment(orjson.dumps(properties)),
                effect_properties=properties if has_effects(name) else None,
                client_at=client_at,
            )
        )

    async def change(self, contact: UUID) -> None:
        """A change of a contact's attributes, zone, groups or topics."""
        kind = self.any.randrange(6)
        if kind == 0:
            group = self.any.choice(GROUPS)
            await self.ingest(Item("group", str(uuid4()), user_id=self.users[contact], group=group))
        elif kind == 1:
            await self._leave(self.users[contact], self.any.choice(GROUPS))
        elif kind == 2:
            name = self.any.choice(["Topic Subscribed", "Topic Unsubscribed", "Topic Confirmed"])
            await self.track(contact, name, {"topic": self.any.choice(list(TOPICS))})
        else:
            await self.identify(self.users[contact], self._traits(zone=kind == 3))

    async def _leave(self, user: str, group: str) -> None:
        async def leave(conn: AsyncConnection[Any]) -> None:
            # It may have been merged meanwhile.
            contact = await find_contact(conn, user)
            assert contact is not None
            await remove_from_group(conn, group, [contact])

        await repeating(self.pool, leave)

    def _traits(self, *, zone: bool) -> dict[str, Any]:
        if zone:
            return {"timezone": self.any.choice([*ZONES, None])}
        traits = {**self.made.attributes(), **self.made.fields()}
        del traits["score"]
        names = self.any.sample(list(traits), self.any.choice([1, 1, 2, 4]))
        return {name: traits[name] for name in names}

    async def identify(self, user: str, traits: dict[str, Any]) -> None:
        """One identify call."""
        await self.ingest(Item("identify", str(uuid4()), user_id=user, traits=traits))

    async def appear(self) -> None:
        """A contact that was not known before."""
        await self.identify(f"u-{uuid4()}", self._traits(zone=False))

    async def merge_known(self) -> None:
        """Two known contacts turn out to be one."""
        one, other = self.any.sample(list(self.users.values()), 2)
        segments = MergedSegments(self.work.catalog) if self.any.random() < 0.6 else None
        await repeating(
            self.pool, lambda conn: merge_contacts(conn, (one, other), segments=segments)
        )

    async def imported(self, contact: UUID) -> None:
        """Past events that are imported: nothing is dispatched, and the import judges."""
        async with self.pool.connection() as conn, conn.transaction():
            await share_gate(conn)
            if not await lock_and_read_contacts(conn, ids=[contact]):
                return
            for _ in range(self.any.randrange(1, 4)):
                name = self.any.choice(EVENTS)
                happened = self.now - timedelta(seconds=self.any.randrange(6_000_000))
                await conn.execute(
                    "insert into event (contact_id, name, properties, message_id, client_at)"
                    " values (%s, %s, %s, %s, %s)",
                    (contact, name, Jsonb(self.made.properties(name)), str(uuid4()), happened),
                )
            await judge_contacts(conn, self.work.catalog, [contact], by="import")

    # --------------------------------------------------------------------------------- comparing

    async def differences(self, *, history: bool = True, events: bool = True) -> list[str]:
        """Where members, their history or its events are not as they must be."""
        wrong = []
        members = set(await self.work.rows("select segment, contact_id from segment_member"))
        kept: dict[tuple[str, UUID], list[Change]] = defaultdict(list)
        for segment, contact, entered, at in await self.work.rows(
            "select segment, contact_id, entered, at from segment_change order by id"
        ):
            kept[segment, contact].append((entered, at.astimezone(UTC)))
        recorded: dict[tuple[str, UUID], list[Change]] = defaultdict(list)
        for contact, name, segment, at in await self.work.rows(
            "select contact_id, name, properties ->> 'segment', occurred_at from event"
            " where name in ('Segment Entered', 'Segment Left') order by id"
        ):
            recorded[segment, contact].append((name == "Segment Entered", at.astimezone(UTC)))
        for contact, person in self.contacts.items():
            for segment in self.keys:
                key = (segment, contact)
                right = holds(self.world.segments[segment], person, self.world, self.now)
                said = f"{segment} {contact} at {self.now}: "
                if (key in members) is not right:
                    wrong.append(f"{said}member {key in members}, not {right}")
                words = [entered for entered, _ in kept[key]]
                if words != [number % 2 == 0 for number in range(len(words))]:
                    wrong.append(f"{said}entered and left do not alternate: {kept[key]}")
                if events and recorded[key] != kept[key]:
                    wrong.append(f"{said}events {recorded[key]}, history {kept[key]}")
                if history and _lasting(kept[key]) != self.expected[key]:
                    wrong.append(f"{said}history {kept[key]}, not {self.expected[key]}")
        return wrong


def _lasting(changes: list[Change]) -> list[Change]:
    """The changes without what was undone at the same instant, by another event of that instant."""
    found: list[Change] = []
    for change in changes:
        if found and found[-1][1] == change[1]:
            found.pop()
        else:
            found.append(change)
    return found
