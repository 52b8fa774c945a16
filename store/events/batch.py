"""A batch of tracking calls: applied in memory to the contacts that it has locked, then written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args
from uuid import UUID, uuid4

import orjson
from sqlalchemy import bindparam, func, select
from sqlmodel import col

from journeys.model.contact_fields import FIELD_NAMES
from journeys.model.well_known_events import GROUP_JOINED
from journeys.protocol.channels import AddressField
from store.contacts.rows import (
    ATTRIBUTES_BOUND,
    Changes,
    LockedContact,
    find_own_ids,
    lock_and_read_contacts,
    merged_names,
    parse_reference,
)
from store.events.contact_changes import ask_for_confirmation, contact_changed, contact_created
from store.events.contact_merging import JudgesMerged, add_alias, merge_locked
from store.events.effect_events import ENGINE, EffectCandidate, EffectRefused
from store.events.effects import EventEffects, has_effects
from store.events.identities import read_identities, write_identities
from store.events.items import Accepted, Item, ItemWarning, Rejected, Sender
from store.events.protected_addresses import permitted_traits
from store.events.recording import ConcurrentChange, PendingEvent, write_pending
from store.events.visits import VISIT_REFUSED, read_visited, visited_contact
from store.sql import (
    Connection,
    execute,
    fetch_all,
    fetch_column,
    sql,
    statement,
)
from store.tables.contacts import GroupMember
from store.tables.identifiers import new_id

_ACCEPTED_BEFORE = sql("""
select message_id from event where message_id = any(%(message_ids)s) and source = %(source)s
union all
select message_id from receipt where message_id = any(%(message_ids)s) and source = %(source)s
""")
_INSERT_RECEIPTS = sql("""
insert into receipt (message_id, source) select unnest(%(message_ids)s::text[]), %(source)s
""")
_MEMBERS = statement(
    select(col(GroupMember.contact_id), col(GroupMember.group_key)).where(
        col(GroupMember.contact_id) == func.any(bindparam("contacts")),
        col(GroupMember.group_key) == func.any(bindparam("groups")),
    )
)
_INSERT_MEMBERS = sql("""
insert into group_member (contact_id, group_key)
select * from unnest(%(contacts)s::uuid[], %(groups)s::text[])
on conflict (contact_id, group_key) do nothing
""")
_ADDRESSES: Final = frozenset(get_args(AddressField))


class Batch:
    """The locked contacts of a batch, and what is to be written."""

    def __init__(
        self,
        conn: Connection,
        limit_per_minute: int,
        sender: Sender,
        segments: JudgesMerged | None = None,
    ) -> None:
        """`segments` judges known contacts that are merged; without it, that is done later."""
        self._conn = conn
        self._limit = limit_per_minute
        self._sender = sender
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
        self._members: set[tuple[UUID, str]] = set()
        self._segments = segments
        self._merged: set[UUID] = set()
        """Contacts that others were merged into after both were judged."""
        self._created: set[UUID] = set()
        self._taken_ids: set[UUID] = set()
        """Our ids of other contacts, among the external ids of new ones."""
        self._visited: dict[UUID, LockedContact] = {}
        """Messages by links of which anonymous browsers came, each with its contact."""

    async def lock(self, items: Sequence[Item]) -> None:
        """Lock every contact that the items name, and read which items were accepted before."""
        conn = self._conn
        if self._segments is not None:
            if any(item.kind == "alias" for item in items):
                await self._segments.begin(conn)
            else:
                self._segments = None
        external = {item.user_id for item in items if item.user_id is not None}
        anonymous = {item.anonymous_id for item in items if item.anonymous_id is not None}
        for item in items:
            if item.previous_id is not None:
                # It may be an anonymous id or an external id.
                external.add(item.previous_id)
                anonymous.add(item.previous_id)
        message_ids = [item.message_id for item in items]
        visits = {item.visit for item in items if item.visit is not None}
        visited = await read_visited(conn, visits) if visits else {}
        locked = await lock_and_read_contacts(
            conn,
            external=sorted(external),
            anonymous=sorted(anonymous),
            ids=sorted(set(visited.values())),
            to_merge=any(_may_merge(item) for item in items),
        )
        for contact in locked:
            self._contacts[contact.id] = contact
            if contact.external_id is not None:
                self._by_external[contact.external_id] = contact
        self._by_external.update(merged_names(locked))
        for message_id, contact_id in visited.items():
            if contact_id not in self._contacts:
                # Erased or merged while its lock was waited for.
                raise ConcurrentChange
            self._visited[message_id] = self._contacts[contact_id]
        # Each statement sees what was committed before it. Under the locks, nothing changes the
        # identities and the accepted items of these contacts.
        if anonymous:
            identities = await read_identities(conn, anonymous)
            for anonymous_id, contact_id in identities.items():
                if contact_id not in self._contacts:
                    # Linked to another contact while its contact's lock was waited for.
                    raise ConcurrentChange
                self._by_anonymous[anonymous_id] = self._contacts[contact_id]
        self._linked = set(self._by_anonymous)
        self._accepted.update(
            await fetch_column(
                conn,
                _ACCEPTED_BEFORE,
                {"message_ids": message_ids, "source": self._sender.source},
            )
        )
        self._taken_ids = await find_own_ids(conn, external - self._by_external.keys())
        self._items = items
        await self._load()

    async def _load(self) -> None:
        """Read what the items need of the contacts, whose locks are held."""
        groups = {item.group for item in self._items if item.group is not None}
        if groups and self._contacts:
            wanted = {"contacts": list(self._contacts), "groups": list(groups)}
            self._members.update(await fetch_all(self._conn, _MEMBERS, wanted))
        identified = any(not item.traits.keys().isdisjoint(_ADDRESSES) for item in self._items)
        if identified and self._contacts:
            await self._effects.consents.load_confirmed(self._conn, self._contacts)
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
                EffectCandidate(contact_id, item.name, dict(item.effect_properties or {}), {})
                for item in with_effects
                for contact_id in contacts
            ],
        )

    async def apply(self, item: Item) -> Accepted | Rejected:
        """Apply one item to the locked contacts."""
        if item.message_id in self._accepted:
            return Accepted(item.message_id, new=False)
        contact, visited = self._contact_of(item)
        used = contact.server_window_used if self._sender.trusted else contact.window_used
        if used >= self._limit:
            return Rejected(
                item.message_id,
                "rate_limited",
                f"more than {self._limit} calls in a minute for one contact: try again later",
                retry_after=contact.window_left,
            )
        warnings: tuple[ItemWarning, ...] = ()
        try:
            if contact.new:
                self._check_new(contact)
            match item.kind:
                case "track":
                    warnings = self._track(item, contact, visited=visited)
                case "identify":
                    warnings = await self._identify(item, contact)
                case "group":
                    self._group(item, contact)
                case "alias":
                    warnings = await self._alias(item, contact)
        except EffectRefused as refused:
            return Rejected(item.message_id, refused.code, str(refused))
        self._accepted.add(item.message_id)
        return Accepted(item.message_id, warnings=(*item.warnings, *warnings))

    def _check_new(self, contact: LockedContact) -> None:
        """Refuse an external id that is our own id of another contact."""
        reference = contact.external_id or ""
        if parse_reference(reference) in self._taken_ids:
            raise EffectRefused(
                "taken_id", f"userId: {reference!r} is the id of another contact here"
            )

    def _contact_of(self, item: Item) -> tuple[LockedContact, bool]:
        """The contact that an item names, and whether it is known by a clicked link alone.

        An unknown contact is kept only once it is touched.
        """
        if item.user_id is not None:
            known = self._by_external.get(item.user_id)
            return known or LockedContact(new_id(), external_id=item.user_id, new=True), False
        if item.anonymous_id is None:
            raise ValueError("an item names its contact")
        known = self._by_anonymous.get(item.anonymous_id)
        visited = visited_contact(item, self._visited, known)
        if visited is not None:
            return visited, True
        return known or LockedContact(new_id(), new=True), False

    def _touch(self, contact: LockedContact, item: Item, *, link: bool = True) -> None:
        contact.touched = True
        if self._sender.trusted:
            contact.server_window_used += 1
        else:
            contact.window_used += 1
        if contact.new and contact.id not in self._created:
            self._created.add(contact.id)
            self._events.append(contact_created(contact.id))
        self._contacts.setdefault(contact.id, contact)
        if contact.external_id is not None:
            self._by_external.setdefault(contact.external_id, contact)
        elif link and item.anonymous_id is not None and item.anonymous_id not in self._by_anonymous:
            self._link(item.anonymous_id, contact)

    def _link(self, anonymous_id: str, contact: LockedContact) -> None:
        self._by_anonymous[anonymous_id] = contact
        self._identities[anonymous_id] = contact

    def _track(
        self, item: Item, contact: LockedContact, *, visited: bool
    ) -> tuple[ItemWarning, ...]:
        event = PendingEvent(
            contact.id,
            item.name,
            item.properties,
            item.message_id,
            item.client_at,
            item.original_at,
            source=self._sender.source,
        )
        derived = None
        if item.effect_properties is not None and has_effects(item.name):
            candidate = EffectCandidate(
                contact.id, item.name, dict(item.effect_properties), contact.addresses
            )
            staged = self._effects.stage(candidate, item.message_id, self._sender.source)
            event.properties = orjson.Fragment(orjson.dumps(staged.properties))
            derived = staged.derived
        self._touch(contact, item, link=not visited)
        if not visited:
            # Of a browser that a link alone makes known, zone and language may be another's.
            self._record_change(contact, contact.fill(item.defaults, "context"))
        self._events.append(event)
        if derived is not None:
            follows = EffectCandidate(
                contact.id,
                derived.name,
                derived.properties,
                contact.addresses,
                evidence=derived.evidence,
            )
            message_id = str(uuid4())
            self._effects.stage(follows, message_id, ENGINE)
            self._events.append(
                PendingEvent(
                    contact.id,
                    derived.name,
                    orjson.Fragment(orjson.dumps(derived.properties)),
                    message_id,
                    item.client_at,
                    item.original_at,
                    cause=event,
                )
            )
        refused = item.visit is not None and item.visit not in self._visited
        return (VISIT_REFUSED,) if refused else ()

    async def _identify(self, item: Item, contact: LockedContact) -> tuple[ItemWarning, ...]:
        traits, warnings = permitted_traits(item, contact)
        if contact.would_exceed(traits):
            raise EffectRefused("attributes_oversize", f"traits: {ATTRIBUTES_BOUND}")
        if item.user_id is not None and item.anonymous_id is not None:
            contact = await self._link_anonymous(item, contact, item.anonymous_id)
            traits, warnings = permitted_traits(item, contact)
            if contact.would_exceed(traits):
                # The ids are joined by now, and the joined contact has attributes of its own.
                traits = {name: value for name, value in traits.items() if name in FIELD_NAMES}
                oversize = ItemWarning("attributes_oversize", f"traits: {ATTRIBUTES_BOUND}")
                warnings = (*warnings, oversize)
        self._touch(contact, item)
        self._receipts.append(item.message_id)
        changes = contact.set(traits)
        changes.update(contact.fill(item.defaults, "context"))
        self._record_change(contact, changes)
        return warnings

    def _group(self, item: Item, contact: LockedContact) -> None:
        group = item.group
        if group is None:
            raise ValueError("a group call names its group")
        self._touch(contact, item)
        self._receipts.append(item.message_id)
        self._record_change(contact, contact.fill(item.defaults, "context"))
        if (contact.id, group) not in self._members:
            self._members.add((contact.id, group))
            self._groups.append((contact, group))
            properties = orjson.Fragment(orjson.dumps({"group": group}))
            event = PendingEvent(contact.id, GROUP_JOINED, properties, str(uuid4()))
            self._events.append(event)

    async def _alias(self, item: Item, contact: LockedContact) -> tuple[ItemWarning, ...]:
        previous = item.previous_id
        if previous is None or item.user_id is None:
            raise ValueError("an alias names both of its ids")
        warnings: tuple[ItemWarning, ...] = ()
        known = self._by_external.get(previous)
        anonymous = self._by_anonymous.get(previous)
        if known is not None and known is not contact and self._sender.trusted:
            contact, warnings = await self._join(item.user_id, contact, known)
        elif anonymous is None and known is not None and known is not contact:
            raise _refuse_merge(previous, item.user_id)
        elif known is None or anonymous is not None:
            contact = await self._link_anonymous(item, contact, previous)
        self._touch(contact, item)
        self._receipts.append(item.message_id)
        if (
            known is None
            and anonymous is None
            and self._sender.trusted
            and parse_reference(previous) not in self._taken_ids
        ):
            # The previous id was not used until now. It may come as an external id as well.
            await self._name(previous, contact)
        return warnings

    async def judge_merged(self) -> None:
        """Judge the segments of those that others were merged into, once all is written."""
        for contact_id in sorted(self._merged):
            assert self._segments is not None
            await self._segments.judge(self._conn, contact_id)

    async def _join(
        self, user_id: str, contact: LockedContact, known: LockedContact
    ) -> tuple[LockedContact, tuple[ItemWarning, ...]]:
        """The one contact that two known ones are from now on."""
        if contact.id not in self._contacts:
            await self._name(user_id, known)
            return known, ()
        return await self._merge(known, contact)

    async def _name(self, external_id: str, contact: LockedContact) -> None:
        """Let an external id that no contact has name a contact."""
        await self.write()
        await add_alias(self._conn, external_id, contact.id)
        self._by_external[external_id] = contact

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
                # A public key may not find out whose device it is.
                raise _refuse_device(
                    anonymous_id, anonymous.external_id if self._sender.trusted else None
                )
            # The device has another user now. Its events stay with the contact of its former user.
            self._link(anonymous_id, known)
            return known
        if known.new and known.id not in self._contacts:
            anonymous.external_id = item.user_id
            anonymous.changed = True
            return anonymous
        return (await self._merge(anonymous, known))[0]

    async def _merge(
        self, one: LockedContact, other: LockedContact
    ) -> tuple[LockedContact, tuple[ItemWarning, ...]]:
        await self.write()
        judges = None if one.external_id is None or other.external_id is None else self._segments
        caught_up = judges is not None and await judges.catch_up(self._conn, [one.id, other.id])
        merge = await merge_locked(self._conn, one, other, self._effects)
        gone, survivor = merge.gone, merge.survivor
        if judges is not None and caught_up:
            await judges.merged(self._conn, survivor.id)
            self._merged.add(survivor.id)
        self._merged.discard(gone.id)
        del self._contacts[gone.id]
        for ids in (self._by_anonymous, self._by_external):
            ids.update((each, survivor) for each, contact in ids.items() if contact is gone)
        self._visited.update(
            (each, survivor) for each, contact in self._visited.items() if contact is gone
        )
        self._events += merge.events
        await self._load()
        if not merge.left_out:
            return survivor, ()
        names = ", ".join(merge.left_out[:10])
        message = f"{ATTRIBUTES_BOUND}; left out of the merged contact: {names}"
        return survivor, (ItemWarning("attributes_oversize", message),)

    def _record_change(self, contact: LockedContact, changes: Changes) -> None:
        """Add the event that a contact changed, if it did."""
        if not changes:
            return
        event = contact_changed(contact.id, changes)
        self._events.append(event)
        if not changes.keys().isdisjoint(contact.addresses):
            self._events += ask_for_confirmation(contact, self._effects, event)

    async def write(self) -> None:
        """Write what was applied since the last call."""
        conn = self._conn
        touched = [contact for contact in self._contacts.values() if contact.touched]
        if not touched:
            return
        await write_pending(conn, self._events, touched)
        await write_identities(
            conn,
            ((anonymous_id, contact.id) for anonymous_id, contact in self._identities.items()),
            self._linked,
        )
        self._linked.update(self._identities)
        if self._receipts:
            receipts = {"message_ids": sorted(self._receipts), "source": self._sender.source}
            await execute(conn, _INSERT_RECEIPTS, receipts)
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


def _may_merge(item: Item) -> bool:
    """Whether the item may join two contacts."""
    return item.kind == "alias" or (
        item.kind == "identify" and item.user_id is not None and item.anonymous_id is not None
    )


def _refuse_merge(previous: str, user_id: str) -> EffectRefused:
    return EffectRefused(
        "forbidden_merge",
        f"previousId: {previous!r} and {user_id!r} are two known contacts;"
        " joining them needs a key of scope operate",
    )


def _refuse_device(previous: str, owner: str | None) -> EffectRefused:
    whose = "another known contact" if owner is None else f"the known contact {owner!r}"
    return EffectRefused(
        "taken_anonymous_id",
        f"previousId: {previous!r} belongs to {whose}; to join two contacts, name both by their"
        " user ids",
    )
