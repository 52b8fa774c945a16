"""Merging of two contacts that this transaction has locked, with the event that records it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from journeys.model.json_values import find_flaw
from store.contacts.merge import merge_contact
from store.contacts.rows import (
    Changes,
    LockedContact,
    find_contacts,
    lock_and_read_contacts,
)
from store.events.contact_changes import ask_for_confirmation, contact_changed
from store.events.effects import EventEffects
from store.events.recording import ConcurrentChange, PendingEvent, write_pending
from store.sql import Connection, execute, sql
from store.tables.identifiers import new_id

# The unique index of contacts makes this wait for other transactions that use the external id, and
# their inserts for this one.
_RESERVE: Final = (
    sql("insert into contact (id, external_id) values (%(id)s, %(external)s)"),
    sql("delete from contact where id = %(id)s"),
    sql("insert into contact_alias (external_id, contact_id) values (%(external)s, %(contact)s)"),
)


@dataclass(frozen=True)
class Merge:
    """A contact that was merged into another."""

    survivor: LockedContact
    """Its changes are still to be written, with the events."""
    gone: LockedContact
    events: list[PendingEvent]
    ended_runs: list[UUID]
    """Of two runs of one journey and key, the younger."""
    left_out: list[str]
    """Attributes that the survivor has no room for."""


async def merge_locked(
    conn: Connection,
    one: LockedContact,
    other: LockedContact,
    effects: EventEffects,
    *,
    reason: str | None = None,
) -> Merge:
    """Merge two contacts that are stored, and locked to be merged.

    A known one survives an anonymous one, else the older survives. Its fields and attributes stay,
    and those of the other fill in what it lacks. Their scores are added: both are the person's.
    """
    into, gone = (one, other) if _survives(one, other) else (other, one)
    ended = await merge_contact(conn, gone.id, into.id)
    before = into.score
    left_out: list[str] = []
    if into.would_exceed({**gone.attributes, **into.attributes}):
        left_out = sorted(gone.attributes.keys() - into.attributes.keys())
    changes = into.fill_from(gone, attributes=not left_out)
    _add_scores(into, before, gone.score, changes)
    # Consents and groups have come with the merge.
    effects.consents.forget()
    await effects.consents.load_confirmed(conn, [into.id])
    into.touched = True
    event = contact_changed(into.id, changes, merged=True, alias=gone.external_id, reason=reason)
    events = [event, *ask_for_confirmation(into, effects, event)]
    return Merge(into, gone, events, ended, left_out)


def _survives(one: LockedContact, other: LockedContact) -> bool:
    if (one.external_id is None) != (other.external_id is None):
        return one.external_id is not None
    return one.is_older(other)


def _add_scores(into: LockedContact, before: float, brought: float, changes: Changes) -> None:
    total = before + brought
    changes.pop("score", None)
    into.score = before
    if not find_flaw(total):
        changes.update(into.set({"score": total}))


class JudgesMerged(Protocol):
    """What judges the segments of contacts in the transaction that merges them."""

    async def begin(self, conn: Connection) -> None:
        """Begin the transaction, before any contact is locked."""
        ...

    async def catch_up(self, conn: Connection, contacts: Collection[UUID]) -> bool:
        """Judge contacts as of what happened before they are merged; whether that was done."""
        ...

    async def merged(self, conn: Connection, survivor: UUID) -> None:
        """Two contacts that were caught up are one from now on."""
        ...

    async def judge(self, conn: Connection, survivor: UUID) -> None:
        """Judge the contact that is left, once all is written."""
        ...


async def merge_contacts(
    conn: Connection,
    references: tuple[str, str],
    *,
    reason: str | None = None,
    segments: JudgesMerged | None = None,
) -> Merge | UUID:
    """Merge the contacts that two references name; the id of the contact, if they name the same.

    `segments` judges in the same transaction; without it, that happens a moment later. A reference
    is an external id or an id of ours. Raises LookupError with one that names no contact, and
    store.events.recording.ConcurrentChange if the transaction must be repeated.
    """
    if segments is not None:
        await segments.begin(conn)
    found = await find_contacts(conn, references)
    for reference in references:
        if reference not in found:
            raise LookupError(reference)
    ids = {found[reference] for reference in references}
    if len(ids) == 1:
        return ids.pop()
    locked = await lock_and_read_contacts(conn, ids=sorted(ids), to_merge=True)
    if len(locked) < len(ids):
        raise ConcurrentChange
    one, other = locked
    caught_up = segments is not None and await segments.catch_up(conn, ids)
    effects = EventEffects()
    merge = await merge_locked(conn, one, other, effects, reason=reason)
    if segments is not None and caught_up:
        await segments.merged(conn, merge.survivor.id)
    await write_pending(conn, merge.events, [merge.survivor])
    await effects.write(conn)
    if segments is not None and caught_up:
        await segments.judge(conn, merge.survivor.id)
    return merge


async def add_alias(conn: Connection, external_id: str, contact_id: UUID) -> None:
    """Let an external id that no contact has name a contact.

    Raises psycopg.errors.UniqueViolation if another transaction gives it to a contact.
    """
    parameters = {"id": new_id(), "external": external_id, "contact": contact_id}
    for query in _RESERVE:
        await execute(conn, query, parameters)
