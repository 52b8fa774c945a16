"""Submissions of forms: recorded once, of the contact whose address was typed.

Anyone can type anyone's address, so a submission proves nothing. It changes the attributes of a
contact that it makes, or of the browser's own; of a contact that is known by its address it
changes none, and a consent waits for a confirmation that is sent to that address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg_pool import AsyncConnectionPool

from journeys.model.addresses import is_same_address
from journeys.model.consents import Evidence
from journeys.model.contact_fields import FIELD_NAMES
from journeys.model.well_known_events import FORM_SUBMITTED, TOPIC_SUBSCRIBED
from store.contacts.rows import LockedContact, lock_and_read_contacts
from store.events.contact_changes import ask_for_confirmation, contact_changed, contact_created
from store.events.effect_events import EffectCandidate
from store.events.effects import EventEffects
from store.events.identities import read_identities, write_identities
from store.events.recording import ConcurrentChange, PendingEvent, write_pending
from store.sql import Connection, execute, fetch_column, fetch_value, sql
from store.tables.identifiers import new_id

SOURCE: Final = "form"
"""The source of the message ids of submissions."""
_ATTEMPTS: Final = 10
_MOST_OF_ADDRESS: Final = 1_000
"""The most contacts that are looked at of those that share an address."""

# Two submissions that name the same new address make one contact.
_LOCK_ADDRESS = sql("select pg_advisory_xact_lock(hashtextextended(lower(%(address)s), 0))")
_RECORDED = sql("select 1 from event where message_id = %(message)s and source = %(source)s")
_BY_EMAIL = sql("""
select id from (
    select id, external_id, created_at from contact where lower(email) = lower(%(address)s)
    limit %(most)s
) found order by external_id is null, created_at, id limit 1
""")
_BY_PHONE = sql("""
select id from (
    select id, external_id, created_at from contact where phone = %(address)s
    limit %(most)s
) found order by external_id is null, created_at, id limit 1
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A form that was filled in, checked."""

    form: str
    message_id: str
    """The same for the same submission, which counts once."""
    values: Mapping[str, Any]
    """What was filled in, as the event says it."""
    traits: Mapping[str, Any]
    """Those of the values that are attributes, checked."""
    topic: str | None = None
    """The topic that the visitor agreed to; None: to none."""
    consent_text: str | None = None
    """What the visitor was shown."""
    request_address: str | None = None
    """The network address of the request, in clear."""
    anonymous_id: str | None = None
    """What the browser is known by; None: it is not known."""
    locale: str | None = None
    """The language of the page."""
    page: str | None = None
    """The address of the page that it stood on, if that is another."""

    @property
    def address(self) -> str | None:
        """The address by which its contact is found."""
        return self.traits.get("email") or self.traits.get("phone")


@dataclass(slots=True)
class _Subject:
    """The contact of a submission."""

    contact: LockedContact
    own: bool
    """Whether the submission may set attributes: the contact is new, or the browser's own."""
    linked: bool = False
    """Whether the browser becomes known as this contact's."""
    events: list[PendingEvent] = field(default_factory=list)


async def take_submission(
    pool: AsyncConnectionPool[AsyncConnection[Any]], submission: Submission
) -> bool:
    """Record a submission in its own transaction; False if it was recorded before.

    Raises psycopg.OperationalError or psycopg_pool.PoolTimeout while the database is unavailable,
    and store.events.recording.ConcurrentChange if others change the contact again and again.
    """
    for attempt in range(_ATTEMPTS):
        try:
            async with pool.connection() as conn, conn.transaction():
                return await record_submission(conn, submission)
        except (ConcurrentChange, UniqueViolation, DeadlockDetected, SerializationFailure):
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("a submission is recorded or its error raised")


async def record_submission(conn: Connection, submission: Submission) -> bool:
    """Record a submission within the caller's transaction; False if it was recorded before.

    Raises ConcurrentChange if the transaction must be rolled back and repeated.
    """
    if submission.address is not None:
        await execute(conn, _LOCK_ADDRESS, {"address": submission.address})
    wanted = {"message": submission.message_id, "source": SOURCE}
    if await fetch_value(conn, _RECORDED, wanted) is not None:
        return False
    subject = await _subject_of(conn, submission)
    contact, effects = subject.contact, EventEffects()
    if contact.new:
        subject.events.append(contact_created(contact.id))
    if subject.own:
        await _set_traits(conn, subject, submission, effects)
    properties = {"form": submission.form, **submission.values}
    if submission.page is not None:
        properties["page"] = submission.page
    subject.events.append(
        PendingEvent(
            contact.id,
            FORM_SUBMITTED,
            orjson.Fragment(orjson.dumps(properties)),
            submission.message_id,
            source=SOURCE,
        )
    )
    if submission.topic is not None:
        await _subscribe(conn, subject, submission, submission.topic, effects)
    await write_pending(conn, subject.events, [contact])
    if subject.linked and submission.anonymous_id is not None:
        await write_identities(conn, [(submission.anonymous_id, contact.id)], ())
    await effects.write(conn)
    return True


async def _subject_of(conn: Connection, submission: Submission) -> _Subject:
    """The contact of a submission, locked."""
    anonymous = [] if submission.anonymous_id is None else [submission.anonymous_id]
    found = await _found_by_address(conn, submission.traits)
    locked = await lock_and_read_contacts(conn, ids=found, anonymous=anonymous)
    by_id = {contact.id: contact for contact in locked}
    browser: LockedContact | None = None
    linked = await read_identities(conn, anonymous) if anonymous else {}
    for contact_id in linked.values():
        if contact_id not in by_id:
            # Linked to another contact while its lock was waited for.
            raise ConcurrentChange
        browser = by_id[contact_id]
    if submission.address is None:
        if browser is not None:
            return _Subject(browser, own=True)
        return _Subject(LockedContact(new_id(), new=True), own=True, linked=bool(anonymous))
    if browser is not None and _has_address(browser, submission):
        return _Subject(browser, own=True)
    for contact_id in found:
        if contact_id not in by_id or not _has_address(by_id[contact_id], submission):
            # It was merged, or it has another address by now.
            raise ConcurrentChange
        return _Subject(by_id[contact_id], own=False)
    if browser is not None and _lacks_address(browser, submission):
        return _Subject(browser, own=True)
    new = LockedContact(new_id(), new=True)
    return _Subject(new, own=True, linked=bool(anonymous) and browser is None)


async def _found_by_address(conn: Connection, traits: Mapping[str, Any]) -> Sequence[UUID]:
    """The contact with the address that was typed; the e-mail address decides.

    Of several it is the oldest that other systems know by an id, else the oldest.
    """
    for name, query in (("email", _BY_EMAIL), ("phone", _BY_PHONE)):
        if traits.get(name):
            parameters = {"address": traits[name], "most": _MOST_OF_ADDRESS}
            found: list[UUID] = await fetch_column(conn, query, parameters)
            return found
    return []


def _has_address(contact: LockedContact, submission: Submission) -> bool:
    address = contact.email if submission.traits.get("email") else contact.phone
    return is_same_address(submission.address or "", address)


def _lacks_address(contact: LockedContact, submission: Submission) -> bool:
    """Whether the browser's contact may get what was typed: it has none of these addresses."""
    return not any(
        submission.traits.get(name) and address is not None
        for name, address in contact.addresses.items()
    )


async def _set_traits(
    conn: Connection, subject: _Subject, submission: Submission, effects: EventEffects
) -> None:
    contact = subject.contact
    traits = {
        name: value
        for name, value in submission.traits.items()
        # An address that a contact has stays as it is.
        if name not in contact.addresses or not getattr(contact, name)
    }
    if contact.would_exceed(traits):
        traits = {name: value for name, value in traits.items() if name in FIELD_NAMES}
    changes = contact.set(traits)
    if submission.locale is not None:
        changes.update(contact.fill({"locale": submission.locale}, "page"))
    if not changes:
        return
    event = contact_changed(contact.id, changes)
    subject.events.append(event)
    if not contact.new and not changes.keys().isdisjoint(contact.addresses):
        await effects.consents.load_confirmed(conn, [contact.id])
        subject.events += ask_for_confirmation(contact, effects, event)


async def _subscribe(
    conn: Connection,
    subject: _Subject,
    submission: Submission,
    topic: str,
    effects: EventEffects,
) -> None:
    """Stage the consent, which waits for its confirmation; one that is confirmed stays."""
    contact = subject.contact
    properties: dict[str, Any] = {"topic": topic, "form": submission.form}
    typed = [
        address
        for name, address in contact.addresses.items()
        if address is not None and is_same_address(str(submission.traits.get(name, "")), address)
    ]
    others = [each for each in contact.addresses.values() if each is not None and each not in typed]
    if typed and others:
        # The consent is for the address that was typed, and not for others of the contact.
        properties["address"] = typed[0]
    evidence = Evidence(
        source="form",
        text=submission.consent_text,
        request_address=submission.request_address,
    )
    candidate = EffectCandidate(
        contact.id, TOPIC_SUBSCRIBED, properties, contact.addresses, evidence=evidence
    )
    await effects.load(conn, [candidate])
    consents = effects.consents
    if not consents.asks_for_confirmation(topic):
        # The topic is gone, or it asks for no confirmation: a stranger may subscribe no one to it.
        return
    if consents.holds(contact.id, topic, contact.addresses):
        return
    message_id = str(uuid4())
    staged = effects.stage(candidate, message_id, SOURCE)
    subject.events.append(
        PendingEvent(
            contact.id,
            TOPIC_SUBSCRIBED,
            orjson.Fragment(orjson.dumps(staged.properties)),
            message_id,
            source=SOURCE,
        )
    )
