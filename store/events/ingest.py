"""The one way in: tracking calls become contacts and events, a batch in one transaction.

Locks first, every contact of the batch in the order of ids; then the items are folded in their own
order over the locked contacts in memory; then everything is written at once. An event's place in
its contact's order is its id, drawn under the lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg_pool import AsyncConnectionPool

from journeys.model.contact_fields import FIELD_NAMES
from journeys.model.well_known_events import CONTACT_CHANGED
from store.contacts.merge import merge_contact
from store.contacts.rows import LockedContact, lock_and_read_contacts
from store.events.effects import EffectCandidate, EffectRefused, EventEffects, has_effects
from store.events.fast_path import accept_simple_tracks, is_simple
from store.events.items import Accepted, Item, Rejected
from store.events.recording import (
    ConcurrentChange,
    PendingEvent,
    write_pending,
)
from store.tables.identifiers import new_id

_MEETINGS = 10
"""How often a batch begins again because others made the same contacts: fewer each time."""


async def take(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    items: Sequence[Item],
    *,
    limit_per_minute: int,
) -> list[Accepted | Rejected]:
    """Accept a batch in a transaction of its own, begun again when it collides with others.

    Raises psycopg.OperationalError or psycopg_pool.PoolTimeout while the database is away.
    """
    collisions = 0
    plain = is_simple(items)
    for meeting in range(_MEETINGS):
        try:
            async with pool.connection() as conn:
                if plain:
                    answers = await accept_simple_tracks(
                        conn, items, limit_per_minute=limit_per_minute
                    )
                    if answers is not None:
                        return answers
                    plain = False
                async with conn.transaction():
                    return await accept(conn, items, limit_per_minute=limit_per_minute)
        except (ConcurrentChange, UniqueViolation):
            if meeting == _MEETINGS - 1:
                raise
        except (DeadlockDetected, SerializationFailure):
            collisions += 1
            if collisions > 1:
                raise
    raise AssertionError("a batch is accepted or its error raised")


async def accept(
    conn: AsyncConnection[Any], items: Sequence[Item], *, limit_per_minute: int
) -> list[Accepted | Rejected]:
    """Take a batch's effects inside the caller's transaction; an answer for each item, in order.

    A message id that was accepted before has no effect and is accepted. Over `limit_per_minute`
    items of one contact are rejected as `rate_limited`. Raises Contended if the transaction must be
    rolled back and begun again.
    """
    batch = _Batch(conn, limit_per_minute)
    await batch.lock(items)
    answers: list[Accepted | Rejected] = []
    for item in items:
        answers.append(await batch.fold(item))  # noqa: PERF401 - each sees what the last one did
    await batch.write()
    return answers


class _Batch:
    """The locked contacts of a batch, and what is to be written."""

    def __init__(self, conn: AsyncConnection[Any], limit_per_minute: int) -> None:
        self._conn = conn
        self._limit = limit_per_minute
        self._contacts: dict[UUID, LockedContact] = {}
        self._by_external: dict[str, LockedContact] = {}
        self._by_anonymous: dict[str, LockedContact] = {}
        self._seen: set[str] = set()
        self._meanings = EventEffects()
        self._events: list[PendingEvent] = []
        self._receipts: list[str] = []
        self._identities: dict[str, LockedContact] = {}
        self._linked: set[str] = set()
        self._items: Sequence[Item] = ()
        self._groups: list[tuple[LockedContact, str]] = []

    async def lock(self, items: Sequence[Item]) -> None:
        """Lock every contact that the items name, and read what was accepted before."""
        conn = self._conn
        external = {item.user_id for item in items if item.user_id is not None}
        anonymous = {item.anonymous_id for item in items if item.anonymous_id is not None}
        for item in items:
            if item.previous_id is not None:
                # It may be either: an anonymous id, or a known contact's.
                external.add(item.previous_id)
                anonymous.add(item.previous_id)
        message_ids = [item.message_id for item in items]
        held = await lock_and_read_contacts(
            conn, external=sorted(external), anonymous=sorted(anonymous)
        )
        for contact in held:
            self._contacts[contact.id] = contact
            if contact.external_id is not None:
                self._by_external[contact.external_id] = contact
        # Each statement sees what was committed before it: under the locks, identities and
        # accepted messages of these contacts stand still.
        if anonymous:
            identities = await conn.execute(
                "select anonymous_id, contact_id from identity where anonymous_id = any(%s)",
                (sorted(anonymous),),
            )
            for anonymous_id, contact_id in await identities.fetchall():
                if contact_id not in self._contacts:
                    # Linked elsewhere while we waited for its contact.
                    raise ConcurrentChange
                self._by_anonymous[anonymous_id] = self._contacts[contact_id]
        self._linked = set(self._by_anonymous)
        seen = await conn.execute(
            "select message_id from event where message_id = any(%s)"
            " union all select message_id from receipt where message_id = any(%s)",
            (message_ids, message_ids),
        )
        self._seen.update(row[0] for row in await seen.fetchall())
        self._items = items
        await self._load_meanings()

    async def _load_meanings(self) -> None:
        meaningful = [
            item for item in self._items if item.meant is not None and has_effects(item.name)
        ]
        if not meaningful:
            return
        # Links earlier in the batch may move an item to another of its contacts; one that does not
        # exist yet has nothing to read.
        contacts = list(self._contacts) or [uuid4()]
        await self._meanings.load(
            self._conn,
            [
                EffectCandidate(contact_id, item.name, dict(item.meant or {}))
                for item in meaningful
                for contact_id in contacts
            ],
        )

    async def fold(self, item: Item) -> Accepted | Rejected:
        """Take one item's effect on the locked contacts."""
        if item.message_id in self._seen:
            return Accepted(item.message_id, new=False)
        contact = self._about(item)
        if contact.window_used >= self._limit:
            return Rejected(
                item.message_id,
                "rate_limited",
                f"more than {self._limit} calls in a minute for one contact: try again later",
                retry_after=contact.window_left,
            )
        try:
            match item.kind:
                case "track":
                    self._track(item, contact)
                case "identify":
                    await self._identify(item, contact)
                case "group":
                    self._group(item, contact)
                case "alias":
                    await self._alias(item, contact)
        except EffectRefused as refused:
            return Rejected(item.message_id, refused.code, str(refused))
        self._seen.add(item.message_id)
        return Accepted(item.message_id)

    def _about(self, item: Item) -> LockedContact:
        """The contact an item is about; one that nobody knows yet is made only once touched."""
        if item.user_id is not None:
            known = self._by_external.get(item.user_id)
            return known or LockedContact(new_id(), external_id=item.user_id, new=True)
        if item.anonymous_id is None:
            raise ValueError("an item names its contact")
        known = self._by_anonymous.get(item.anonymous_id)
        return known or LockedContact(new_id(), new=True)

    def _touch(self, contact: LockedContact, item: Item) -> None:
        contact.touched = True
        contact.window_used += 1
        self._contacts.setdefault(contact.id, contact)
        if contact.external_id is not None:
            self._by_external.setdefault(contact.external_id, contact)
        elif item.anonymous_id is not None and item.anonymous_id not in self._by_anonymous:
            self._link(item.anonymous_id, contact)

    def _link(self, anonymous_id: str, contact: LockedContact) -> None:
        self._by_anonymous[anonymous_id] = contact
        self._identities[anonymous_id] = contact

    def _track(self, item: Item, contact: LockedContact) -> None:
        properties = item.properties
        if item.meant is not None and has_effects(item.name):
            meant = EffectCandidate(contact.id, item.name, dict(item.meant))
            properties = orjson.Fragment(orjson.dumps(self._meanings.judge(meant, item.message_id)))
        self._touch(contact, item)
        self._changed(contact, contact.fill(item.filling))
        self._events.append(
            PendingEvent(
                contact.id,
                item.name,
                properties,
                item.message_id,
                item.occurred_at,
                item.original_at,
            )
        )

    async def _identify(self, item: Item, contact: LockedContact) -> None:
        if item.user_id is not None and item.anonymous_id is not None:
            contact = await self._join(item, contact, item.anonymous_id)
        self._touch(contact, item)
        self._receipts.append(item.message_id)
        names = contact.set(item.traits)
        self._changed(contact, names + contact.fill(item.filling))

    def _group(self, item: Item, contact: LockedContact) -> None:
        if item.group is None:
            raise ValueError("a group call names its group")
        self._touch(contact, item)
        self._receipts.append(item.message_id)
        self._groups.append((contact, item.group))
        self._changed(contact, [f"group:{item.group}", *contact.fill(item.filling)])

    async def _alias(self, item: Item, contact: LockedContact) -> None:
        previous = item.previous_id
        if previous is None or item.user_id is None:
            raise ValueError("an alias names both of its ids")
        other = self._by_external.get(previous)
        if previous not in self._by_anonymous and other is not None and other is not contact:
            raise _refuse_merge(previous, item.user_id)
        if other is not contact or previous in self._by_anonymous:
            contact = await self._join(item, contact, previous)
        self._touch(contact, item)
        self._receipts.append(item.message_id)

    async def _join(self, item: Item, known: LockedContact, anonymous_id: str) -> LockedContact:
        """Make an anonymous id the known contact's; the contact that it is from now on."""
        stranger = self._by_anonymous.get(anonymous_id)
        if stranger is None:
            self._link(anonymous_id, known)
            return known
        if stranger is known:
            return known
        if stranger.external_id is not None:
            if item.kind == "alias":
                raise _refuse_merge(anonymous_id, item.user_id or "")
            # A device that changes hands: what it did stays with whom it belonged to then.
            self._link(anonymous_id, known)
            return known
        if known.new and known.id not in self._contacts:
            stranger.external_id = item.user_id
            stranger.changed = True
            return stranger
        return await self._merge(stranger, known)

    async def _merge(self, stranger: LockedContact, known: LockedContact) -> LockedContact:
        await self.write()
        await merge_contact(self._conn, stranger.id, known.id)
        del self._contacts[stranger.id]
        for anonymous_id, contact in list(self._by_anonymous.items()):
            if contact is stranger:
                self._by_anonymous[anonymous_id] = known
        known.touched = True
        names = known.fill(
            {**stranger.attributes, **{name: getattr(stranger, name) for name in FIELD_NAMES}}
        )
        self._changed(known, names, merged=True)
        await self._load_meanings()
        return known

    def _changed(self, contact: LockedContact, names: list[str], *, merged: bool = False) -> None:
        """Record that a contact changed, if it did."""
        if not names and not merged:
            return
        properties: dict[str, Any] = {"names": sorted(names)}
        if merged:
            properties["merged"] = True
        self._events.append(
            PendingEvent(
                contact.id,
                CONTACT_CHANGED,
                orjson.Fragment(orjson.dumps(properties)),
                str(uuid4()),
            )
        )

    async def write(self) -> None:
        """Write what has been folded since the last time."""
        conn = self._conn
        touched = [contact for contact in self._contacts.values() if contact.touched]
        if not touched:
            return
        await write_pending(conn, self._events, touched)
        await self._write_identities()
        if self._receipts:
            await conn.execute(
                "insert into receipt (message_id) select unnest(%s::text[])",
                (sorted(self._receipts),),
            )
        if self._groups:
            await conn.execute(
                "insert into group_member (contact_id, group_key)"
                " select * from unnest(%s::uuid[], %s::text[])"
                " on conflict (contact_id, group_key) do nothing",
                ([who.id for who, _ in self._groups], [key for _, key in self._groups]),
            )
        await self._meanings.write(conn)
        self._events, self._receipts, self._identities, self._groups = [], [], {}, []
        for contact in touched:
            contact.touched = contact.new = contact.changed = False

    async def _write_identities(self) -> None:
        rows = sorted((anonymous_id, who.id) for anonymous_id, who in self._identities.items())
        new = [row for row in rows if row[0] not in self._linked]
        moved = [row for row in rows if row[0] in self._linked]
        if new:
            cursor = await self._conn.execute(
                "with made as ("
                " insert into identity (anonymous_id, contact_id)"
                " select * from unnest(%s::text[], %s::uuid[])"
                " on conflict (anonymous_id) do nothing returning 1"
                ") select count(*) from made",
                ([row[0] for row in new], [row[1] for row in new]),
            )
            if await cursor.fetchone() != (len(new),):
                raise ConcurrentChange
        if moved:
            await self._conn.execute(
                "update identity i set contact_id = g.contact_id"
                " from unnest(%s::text[], %s::uuid[]) as g(anonymous_id, contact_id)"
                " where i.anonymous_id = g.anonymous_id",
                ([row[0] for row in moved], [row[1] for row in moved]),
            )
        self._linked.update(self._identities)


def _refuse_merge(previous: str, user_id: str) -> EffectRefused:
    return EffectRefused(
        "merge_not_supported",
        f"previousId: {previous!r} and {user_id!r} are two known contacts;"
        " only an anonymous one can be joined to a known one",
    )
