"""Consents to topics: what their events change, and the addresses that they were given for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, func, select
from sqlmodel import col

from journeys.model.addresses import is_same_address
from journeys.model.well_known_events import CONSENT_EVENTS, TOPIC_SUBSCRIBED, ConsentState
from store.events.effect_events import (
    ADDRESS_FIELDS,
    Addresses,
    EffectCandidate,
    EffectRefused,
)
from store.sql import Connection, execute, fetch_all, sql, statement
from store.tables.contacts import TopicState
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
_CONFIRMED_STATES = sql("""
select t.contact_id, t.topic, t.state, t.confirmed_email, t.confirmed_phone
from topic_state t
join document d on d.kind = 'topic' and d.key = t.topic and d.document->>'default' = 'double'
where t.contact_id = any(%(contacts)s) and t.state = 'subscribed'
""")
# A consent is stamped with the addresses of the contact at its event. Those of before are kept: a
# consent to the same address is not asked for again.
_WRITE_CONSENTS = sql("""
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
        self._changed: dict[tuple[UUID, str], dict[str, Any]] = {}
        """Rows that are to be written."""

    def forget(self) -> None:
        """Read all consents again: a merge has changed them in the database."""
        self._known.clear()

    async def load(self, conn: Connection, topics: Iterable[str], contacts: Iterable[UUID]) -> None:
        """Read the topics, and the consents of the contacts to them."""
        topics = list(topics)
        defaults = await fetch_all(conn, _TOPIC_DEFAULTS, {"topics": topics})
        self._defaults.update((topic, default or "") for topic, default in defaults)
        states = await fetch_all(
            conn, _TOPIC_STATES, {"contacts": list(contacts), "topics": topics}
        )
        self._add(states)

    def is_topic(self, topic: str | None) -> bool:
        """Whether there is such a topic, of those that were loaded."""
        return topic in self._defaults

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

    def stage(self, event: EffectCandidate, event_message_id: str, source: str) -> None:
        """Add the consent that the next event results in. Raises EffectRefused."""
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
        confirmed = _confirmed_by(event)
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

    async def write(self, conn: Connection) -> None:
        """Write what was staged. Its events must have been recorded before."""
        if self._changed:
            consents = orjson.dumps(list(self._changed.values())).decode()
            await execute(conn, _WRITE_CONSENTS, {"consents": consents})
            self._changed = {}


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
