"""Consents to topics and channels: what their events change, and the records of them.

A consent to a topic is for the addresses that the contact had. Each change is also recorded with
its evidence, one row for each of these addresses, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, func, select
from sqlmodel import col

from journeys.model.addresses import is_same_address
from journeys.model.well_known_events import (
    CONSENT_EVENTS,
    TOPIC_SUBSCRIBED,
    WELL_KNOWN_EVENTS,
    ConsentState,
)
from journeys.protocol.channels import MESSAGE_KINDS
from store.events.consent_records import ConsentRecords, evidence_of
from store.events.effect_events import (
    ADDRESS_FIELDS,
    Addresses,
    EffectCandidate,
    EffectRefused,
)
from store.sql import Connection, execute, fetch_all, sql, statement
from store.tables.contacts import ChannelState, TopicState
from store.tables.definitions import DocumentRow

_TOPIC_DEFAULTS = statement(
    select(col(DocumentRow.key), col(DocumentRow.document)["default"].astext).where(
        col(DocumentRow.kind) == "topic", col(DocumentRow.key) == func.any(bindparam("topics"))
    )
)
_TOPIC_STATES = statement(
    select(
        col(TopicState.contact_id),
        col(TopicState.topic),
        col(TopicState.state),
        col(TopicState.confirmed_email),
        col(TopicState.confirmed_phone),
    ).where(
        col(TopicState.contact_id) == func.any(bindparam("contacts")),
        col(TopicState.topic) == func.any(bindparam("topics")),
    )
)
_CHANNEL_STATES = statement(
    select(col(ChannelState.contact_id), col(ChannelState.channel), col(ChannelState.state)).where(
        col(ChannelState.contact_id) == func.any(bindparam("contacts"))
    )
)
_CONFIRMED_STATES = sql("""
select t.contact_id, t.topic, t.state, t.confirmed_email, t.confirmed_phone
from topic_state t
join document d on d.kind = 'topic' and d.key = t.topic and d.document->>'default' = 'double'
where t.contact_id = any(%(contacts)s) and t.state = 'subscribed'
""")
# A consent is stamped with the addresses of the contact at its event. Those of before are kept: a
# consent to the same address is not asked for again.
_WRITE = sql("""
with recorded as (
    insert into consent_record (contact_id, event_id, topic, channel, address, state, previous,
                                source, text, request_address, message_id, given_at)
    select g.contact_id, e.id, g.topic, g.channel, g.address, g.state, g.previous, g.evidence,
           g.text,
           case coalesce(nullif(current_setting('parcours.consent_address', true), ''), 'hash')
               when 'keep' then g.request_address
               when 'hash' then (parcours.suppression_hashes(
                   encode(sha256(convert_to(g.request_address, 'UTF8')), 'hex')))[1]
           end,
           g.about, g.given_at
    from json_to_recordset(%(records)s::json) as g(n int, contact_id uuid, topic text,
        channel text, address text, state text, previous text, evidence text, text text,
        request_address text, about uuid, given_at timestamptz, message_id text, source text)
    join event e on e.message_id = g.message_id and e.source = g.source
    order by g.n
    returning message_id, state
), counted as (
    update message m set unsubscribed_at = case r.state when 'unsubscribed'
        then coalesce(m.unsubscribed_at, parcours.clock()) end
    from (select distinct message_id, state from recorded where message_id is not null) r
    where m.id = r.message_id
), channels as (
    insert into channel_state (contact_id, channel, state, event_id)
    select g.contact_id, g.channel, g.state, e.id
    from json_to_recordset(%(channels)s::json) as g(contact_id uuid, channel text, state text,
        message_id text, source text)
    join event e on e.message_id = g.message_id and e.source = g.source
    on conflict (contact_id, channel) do update
    set state = excluded.state, event_id = excluded.event_id, changed_at = parcours.clock()
)
insert into topic_state (contact_id, topic, state, event_id, confirmed_email, confirmed_phone)
select g.contact_id, g.topic, g.state, e.id, g.confirmed_email, g.confirmed_phone
from json_to_recordset(%(consents)s::json) as g(contact_id uuid, topic text, state text,
    message_id text, source text, confirmed_email text, confirmed_phone text)
join event e on e.message_id = g.message_id and e.source = g.source
on conflict (contact_id, topic) do update
set state = excluded.state, event_id = excluded.event_id, changed_at = parcours.clock(),
    confirmed_email = coalesce(excluded.confirmed_email, topic_state.confirmed_email),
    confirmed_phone = coalesce(excluded.confirmed_phone, topic_state.confirmed_phone)
""")


@dataclass(frozen=True, slots=True)
class _Consent:
    """The consent of a contact to a topic, and the addresses that it was given for."""

    state: ConsentState
    confirmed: Addresses

    def holds_for(self, addresses: Addresses) -> bool:
        """Whether it is given, and none of the addresses differs from the one it was given for."""
        return self.state == "subscribed" and not any(
            (address := self.confirmed.get(field)) is not None
            and addresses.get(field) is not None
            and not is_same_address(address, addresses[field])
            for field in ADDRESS_FIELDS
        )


class Consents:
    """The consents of contacts: loaded, changed in memory by their events, and written at once."""

    def __init__(self) -> None:
        self._defaults: dict[str, str] = {}
        self._known: dict[tuple[UUID, str], _Consent] = {}
        self._known_channels: dict[tuple[UUID, str], str] = {}
        self._changed: dict[tuple[UUID, str], dict[str, Any]] = {}
        """Rows of consents to topics that are to be written."""
        self._changed_channels: dict[tuple[UUID, str], dict[str, Any]] = {}
        """The same of channels."""
        self.records = ConsentRecords()

    def forget(self) -> None:
        """Read all consents again: a merge has changed them in the database."""
        self._known.clear()
        self._known_channels.clear()

    async def load(self, conn: Connection, topics: Iterable[str], contacts: Iterable[UUID]) -> None:
        """Read the topics, and the consents of the contacts to them."""
        topics = list(topics)
        defaults = await fetch_all(conn, _TOPIC_DEFAULTS, {"topics": topics})
        self._defaults.update((topic, default or "") for topic, default in defaults)
        states = await fetch_all(
            conn, _TOPIC_STATES, {"contacts": list(contacts), "topics": topics}
        )
        self._add(states)

    async def load_channels(self, conn: Connection, contacts: Iterable[UUID]) -> None:
        """Read the consents of the contacts to channels."""
        found = await fetch_all(conn, _CHANNEL_STATES, {"contacts": list(contacts)})
        self._known_channels.update(
            ((contact, channel), state) for contact, channel, state in found
        )

    def is_topic(self, topic: str | None) -> bool:
        """Whether there is such a topic, of those that were loaded."""
        return topic in self._defaults

    def asks_for_confirmation(self, topic: str) -> bool:
        """Whether consents to a topic, of those that were loaded, are to be confirmed."""
        return self._defaults.get(topic) == "double"

    def holds(self, contact_id: UUID, topic: str, addresses: Addresses) -> bool:
        """Whether the contact's consent is confirmed for the addresses that it has now."""
        known = self._known.get((contact_id, topic))
        return known is not None and known.holds_for(addresses)

    async def load_confirmed(self, conn: Connection, contacts: Iterable[UUID]) -> None:
        """Read the confirmed consents of contacts whose addresses may change."""
        found = await fetch_all(conn, _CONFIRMED_STATES, {"contacts": list(contacts)})
        self._defaults.update((topic, "double") for _, topic, *_ in found)
        self._add(found)

    def _add(self, found: Iterable[tuple[Any, ...]]) -> None:
        for contact_id, topic, state, email, phone in found:
            confirmed: Addresses = {"email": email, "phone": phone}
            self._known[contact_id, topic] = _Consent(state, confirmed)

    def unconfirmed_topics(self, contact_id: UUID, addresses: Addresses) -> list[str]:
        """The topics that the contact confirmed with another address than the one it has now.

        Their confirmed consents have been loaded. The caller records `Topic Subscribed` for each.
        """
        return sorted(
            topic
            for (owner, topic), consent in self._known.items()
            if owner == contact_id
            and self._defaults.get(topic) == "double"
            and consent.state == "subscribed"
            and not consent.holds_for(addresses)
        )

    def stage(self, event: EffectCandidate, event_message_id: str, source: str) -> dict[str, Any]:
        """Add the consent to a topic that the next event results in.

        Returns the properties that are to be recorded. Raises EffectRefused.
        """
        topic = event.properties.get("topic")
        if not isinstance(topic, str):
            raise EffectRefused(
                "bad_properties", f"properties.topic: {event.name} needs the key of a topic"
            )
        if topic not in self._defaults:
            raise EffectRefused("unknown_topic", f"properties.topic: there is no topic {topic!r}")
        before = self._known.get((event.contact_id, topic))
        state = CONSENT_EVENTS[event.name]
        verified = event.properties.get("verified", False)
        if not isinstance(verified, bool):
            raise EffectRefused("bad_properties", "properties.verified: must be true or false")
        confirmed = given_for = _confirmed_by(event)
        double = self._defaults[topic] == "double" and not verified
        if event.name == TOPIC_SUBSCRIBED and double:
            # A contact that has confirmed its address once does not have to confirm it again.
            if before is not None and before.holds_for(event.addresses):
                confirmed = before.confirmed
            else:
                state = "pending"
        if state != "subscribed":
            confirmed = {} if before is None else before.confirmed
        self._known[event.contact_id, topic] = _Consent(state, confirmed)
        self._changed[event.contact_id, topic] = {
            "contact_id": event.contact_id,
            "topic": topic,
            "state": state,
            "message_id": event_message_id,
            "source": source,
            **{f"confirmed_{field}": address for field, address in confirmed.items()},
        }
        if before is not None:
            previous: str | None = before.state
        else:
            previous = "subscribed" if self._defaults[topic] == "opt_out" else None
        evidence, properties = evidence_of(event, source)
        self.records.add(
            event, evidence, given_for, topic=topic, state=state, previous=previous,
            event_id=(event_message_id, source),
        )  # fmt: skip
        return properties

    def stage_channel(
        self, event: EffectCandidate, event_message_id: str, source: str
    ) -> dict[str, Any]:
        """Add the consent to a channel that the next event results in.

        Returns the properties that are to be recorded. Raises EffectRefused.
        """
        channel = event.properties.get("channel")
        if channel not in MESSAGE_KINDS:
            raise EffectRefused(
                "bad_properties",
                f"properties.channel: must be {' or '.join(sorted(MESSAGE_KINDS))}",
            )
        state = WELL_KNOWN_EVENTS[event.name].consent
        assert state is not None
        previous = self._known_channels.get((event.contact_id, channel))
        self._known_channels[event.contact_id, channel] = state
        self._changed_channels[event.contact_id, channel] = {
            "contact_id": event.contact_id,
            "channel": channel,
            "state": state,
            "message_id": event_message_id,
            "source": source,
        }
        evidence, properties = evidence_of(event, source)
        self.records.add(
            event, replace(evidence, channel=channel), event.addresses, state=state,
            previous=previous, event_id=(event_message_id, source),
        )  # fmt: skip
        return properties

    async def write(self, conn: Connection) -> None:
        """Write what was staged. Its events must have been recorded before."""
        if self.records.rows:
            rows = {
                "records": self.records.rows,
                "channels": list(self._changed_channels.values()),
                "consents": list(self._changed.values()),
            }
            parameters = {name: orjson.dumps(each).decode() for name, each in rows.items()}
            await execute(conn, _WRITE, parameters)
            self._changed, self._changed_channels = {}, {}
            self.records.rows.clear()


def _confirmed_by(event: EffectCandidate) -> Addresses:
    """The addresses that a consent is for: the one that it names, else those of its contact."""
    address = event.properties.get("address")
    if address is None:
        return event.addresses
    found: Addresses = {field: each for field, each in event.addresses.items() if each == address}
    if not found:
        raise EffectRefused(
            "bad_properties", "properties.address: must be an address that the contact has now"
        )
    return found
