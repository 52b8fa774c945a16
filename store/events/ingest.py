"""Ingest: tracking calls become contacts and events, a batch in one transaction.

First every contact of the batch is locked, in the order of ids. Then the items are applied in their
own order to the locked contacts in memory. Then everything is written at once. The order of a
contact's events is the order of their ids, which are drawn under the lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import bindparam, func, select
from sqlmodel import col

from journeys.model.contact_fields import FIELD_NAMES
from journeys.model.well_known_events import CONTACT_CHANGED
from store.contacts.merge import merge_contact
from store.contacts.rows import LockedContact, lock_and_read_contacts
from store.events.effects import EffectCandidate, EffectRefused, EventEffects, has_effects
from store.events.fast_path import accept_simple_tracks, is_simple
from store.events.items import Accepted, Item, Rejected
from store.events.recording import ConcurrentChange, PendingEvent, write_pending
from store.sql import (
    Connection,
    execute,
    fetch_all,
    fetch_column,
    fetch_value,
    sql,
    statement,
)
from store.tables.contacts import Identity
from store.tables.identifiers import new_id

_ATTEMPTS = 10
"""How often a batch is tried while others insert the same contacts: fewer of them each time."""

_IDENTITIES = statement(
    select(col(Identity.anonymous_id), col(Identity.contact_id)).where(
        col(Identity.anonymous_id) == func.any(bindparam("anonymous"))
    )
)
_ACCEPTED_BEFORE = sql("""
select message_id from event where message_id = any(%(message_ids)s)
union all select message_id from receipt where message_id = any(%(message_ids)s)
""")
_INSERT_RECEIPTS = sql("insert into receipt (message_id) select unnest(%(message_ids)s::text[])")
_INSERT_MEMBERS = sql("""
insert into group_member (contact_id, group_key)
select * from unnest(%(contacts)s::uuid[], %(groups)s::text[])
on conflict (contact_id, group_key) do nothing
""")
_INSERT_IDENTITIES = sql("""
with made as (
    insert into identity (anonymous_id, contact_id)
    select * from unnest(%(anonymous)s::text[], %(contacts)s::uuid[])
    on conflict (anonymous_id) do nothing returning 1
) select count(*) from made
""")
_MOVE_IDENTITIES = sql("""
update identity i set contact_id = g.contact_id
from unnest(%(anonymous)s::text[], %(contacts)s::uuid[]) as g(anonymous_id, contact_id)
where i.anonymous_id = g.anonymous_id
""")


async def take(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    items: Sequence[Item],
    *,
    limit_per_minute: int,
) -> list[Accepted | Rejected]:
    """Accept a batch in its own transaction, and repeat that when it conflicts with another.

    Raises psycopg.OperationalError or psycopg_pool.PoolTimeout while the database is unavailable.
    """
    conflicts = 0
    simple = is_simple(items)
    for attempt in range(_ATTEMPTS):
        try:
            async with pool.connection() as conn:
                if simple:
                    answers = await accept_simple_tracks(
                        conn, items, limit_per_minute=limit_per_minute
                    )
                    if answers is not None:
                        return answers
                    simple = False
                async with conn.transaction():
                    return await accept(conn, items, limit_per_minute=limit_per_minute)
        except (ConcurrentChange, UniqueViolation):
            if attempt == _ATTEMPTS - 1:
                raise
        except (DeadlockDetected, SerializationFailure):
            conflicts += 1
            if conflicts > 1:
                raise
    raise AssertionError("a batch is accepted or its error raised")


async def accept(
    conn: Connection, items: Sequence[Item], *, limit_per_minute: int
) -> list[Accepted | Rejected]:
    """Accept a batch within the caller's transaction; an answer for each item, in order.

    An item whose message id was accepted before has no effect and is accepted. The items of one
    contact beyond `limit_per_minute` are rejected as `rate_limited`. Raises ConcurrentChange if the
    transaction must be rolled back and repeated.
    """
    batch = _Batch(conn, limit_per_minute)
    await batch.lock(items)
    answers: list[Accepted | Rejected] = []
    for item in items:
        answers.append(await batch.apply(item))  # noqa: PERF401 - each sees what the last one did
    await batch.write()
    return answers


class _Batch:
    """The locked contacts of a batch, and what is to be written."""

    def __init__(self, conn: Connection, limit_per_minute: int) -> None:
        self._conn = conn
        self._limit = limit_per_minute
        self._contacts: dict[UUID, LockedContact] = {}
        self._by_external: dict[str, LockedContact] = {}
        self._by_anonymous: dict[str, LockedContact] = {}
        self._accepted: set[str] = set()
        self._effects = EventEffects()
        self._events: list[PendingEvent] = []
        self._receipts: list[str] = []
        self._identities: dict[str, LockedContact] = {}
        self._linked: set[str] = set()
        self._items: Sequence[Item] = ()
        self._groups: list[tuple[LockedContact, str]] = []

    async def lock(self, items: Sequence[Item]) -> None:
        """Lock every contact that the items name, and read which items were accepted before."""
        conn = self._conn
        external = {item.user_id for item in items if item.user_id is not None}
        anonymous = {item.anonymous_id for item in items if item.anonymous_id is not None}
        for item in items:
            if item.previous_id is not None:
                # It may be an anonymous id or an external id.
                external.add(item.previous_id)
                anonymous.add(item.previous_id)
        message_ids = [item.message_id for item in items]
        locked = await lock_and_read_contacts(
            conn, external=sorted(external), anonymous=sorted(anonymous)
        )
        for contact in locked:
            self._contacts[contact.id] = contact
            if contact.external_id is not None:
                self._by_external[contact.external_id] = contact
        # Each statement sees what was committed before it. Under the locks, nothing changes the
        # identities and the accepted items of these contacts.
        if anonymous:
            identities = await fetch_all(conn, _IDENTITIES, {"anonymous": sorted(anonymous)})
            for anonymous_id, contact_id in identities:
                if contact_id not in self._contacts:
                    # Linked to another contact while its contact's lock was waited for.
                    raise ConcurrentChange
                self._by_anonymous[anonymous_id] = self._contacts[contact_id]
        self._linked = set(self._by_anonymous)
        self._accepted.update(
            await fetch_column(conn, _ACCEPTED_BEFORE, {"message_ids": message_ids})
        )
        self._items = items
        await self._load_effects()

    async def _load_effects(self) -> None:
        with_effects = [
            item
            for item in self._items
            if item.effect_properties is not None and has_effects(item.name)
        ]
        if not with_effects:
            return
        # An earlier item may link a later one to another contact of the batch, so every item is
        # loaded for every contact. For a contact that does not exist yet there is nothing to read.
        contacts = list(self._contacts) or [uuid4()]
        await self._effects.load(
            self._conn,
            [
                EffectCandidate(contact_id, item.name, dict(item.effect_properties or {}))
                for item in with_effects
                for contact_id in contacts
            ],
        )

    async def apply(self, item: Item) -> Accepted | Rejected:
        """Apply one item to the locked contacts."""
        if item.message_id in self._accepted:
            return Accepted(item.message_id, new=False)
        contact = self._contact_of(item)
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
        self._accepted.add(item.message_id)
        return Accepted(item.message_id)

    def _contact_of(self, item: Item) -> LockedContact:
        """The contact that an item names. An unknown one is kept only once it is touched."""
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
        if item.effect_properties is not None and has_effects(item.name):
            candidate = EffectCandidate(contact.id, item.name, dict(item.effect_properties))
            staged = self._effects.stage(candidate, item.message_id)
            properties = orjson.Fragment(orjson.dumps(staged))
        self._touch(contact, item)
        self._record_change(contact, contact.fill(item.defaults))
        self._events.append(
            PendingEvent(
                contact.id,
                item.name,
                properties,
                item.message_id,
                item.client_at,
                item.original_at,
            )
        )

    async def _identify(self, item: Item, contact: LockedContact) -> None:
        if item.user_id is not None and item.anonymous_id is not None:
            contact = await self._link_anonymous(item, contact, item.anonymous_id)
        self._touch(contact, item)
        self._receipts.append(item.message_id)
        names = contact.set(item.traits)
        self._record_change(contact, names + contact.fill(item.defaults))

    def _group(self, item: Item, contact: LockedContact) -> None:
        if item.group is None:
            raise ValueError("a group call names its group")
        self._touch(contact, item)
        self._receipts.append(item.message_id)
        self._groups.append((contact, item.group))
        names = [f"group:{item.group}", *contact.fill(item.defaults)]
        self._record_change(contact, names)

    async def _alias(self, item: Item, contact: LockedContact) -> None:
        previous = item.previous_id
        if previous is None or item.user_id is None:
            raise ValueError("an alias names both of its ids")
        other = self._by_external.get(previous)
        if previous not in self._by_anonymous and other is not None and other is not contact:
            raise _refuse_merge(previous, item.user_id)
        if other is not contact or previous in self._by_anonymous:
            contact = await self._link_anonymous(item, contact, previous)
        self._touch(contact, item)
        self._receipts.append(item.message_id)

    async def _link_anonymous(
        self, item: Item, known: LockedContact, anonymous_id: str
    ) -> LockedContact:
        """Link an anonymous id to the known contact; the contact that both are from now on."""
        anonymous = self._by_anonymous.get(anonymous_id)
        if anonymous is None:
            self._link(anonymous_id, known)
            return known
        if anonymous is known:
            return known
        if anonymous.external_id is not None:
            if item.kind == "alias":
                raise _refuse_merge(anonymous_id, item.user_id or "")
            # The device has another user now. Its events stay with the contact of its former user.
            self._link(anonymous_id, known)
            return known
        if known.new and known.id not in self._contacts:
            anonymous.external_id = item.user_id
            anonymous.changed = True
            return anonymous
        return await self._merge(anonymous, known)

    async def _merge(self, anonymous: LockedContact, known: LockedContact) -> LockedContact:
        await self.write()
        await merge_contact(self._conn, anonymous.id, known.id)
        del self._contacts[anonymous.id]
        for anonymous_id, contact in list(self._by_anonymous.items()):
            if contact is anonymous:
                self._by_anonymous[anonymous_id] = known
        known.touched = True
        names = known.fill(
            {**anonymous.attributes, **{name: getattr(anonymous, name) for name in FIELD_NAMES}}
        )
        self._record_change(known, names, merged=True)
        await self._load_effects()
        return known

    def _record_change(
        self, contact: LockedContact, names: list[str], *, merged: bool = False
    ) -> None:
        """Add the event that a contact changed, if it did."""
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
        """Write what was applied since the last call."""
        conn = self._conn
        touched = [contact for contact in self._contacts.values() if contact.touched]
        if not touched:
            return
        await write_pending(conn, self._events, touched)
        await self._write_identities()
        if self._receipts:
            await execute(conn, _INSERT_RECEIPTS, {"message_ids": sorted(self._receipts)})
        if self._groups:
            await execute(
                conn,
                _INSERT_MEMBERS,
                {
                    "contacts": [contact.id for contact, _ in self._groups],
                    "groups": [group for _, group in self._groups],
                },
            )
        await self._effects.write(conn)
        self._events, self._receipts, self._identities, self._groups = [], [], {}, []
        for contact in touched:
            contact.touched = contact.new = contact.changed = False

    async def _write_identities(self) -> None:
        rows = sorted(
            (anonymous_id, contact.id) for anonymous_id, contact in self._identities.items()
        )
        new = [row for row in rows if row[0] not in self._linked]
        moved = [row for row in rows if row[0] in self._linked]
        if new:
            inserted = await fetch_value(self._conn, _INSERT_IDENTITIES, _columns(new))
            if inserted != len(new):
                raise ConcurrentChange
        if moved:
            await execute(self._conn, _MOVE_IDENTITIES, _columns(moved))
        self._linked.update(self._identities)


def _columns(identities: Sequence[tuple[str, UUID]]) -> dict[str, Any]:
    return {
        "anonymous": [anonymous_id for anonymous_id, _ in identities],
        "contacts": [contact_id for _, contact_id in identities],
    }


def _refuse_merge(previous: str, user_id: str) -> EffectRefused:
    return EffectRefused(
        "merge_not_supported",
        f"previousId: {previous!r} and {user_id!r} are two known contacts;"
        " only an anonymous one can be joined to a known one",
    )
