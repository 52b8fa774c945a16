"""Events with a meaning: what consent, messages' fates and coupons become when one is recorded.

Every one is judged under its contact's lock and takes effect in the transaction that stores it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from journeys.model.well_known_events import (
    CONSENT_EVENTS,
    COUPON_REDEEMED,
    EVENTS_WITH_EFFECTS,
    LOCATION_UPDATED,
    MESSAGE_BOUNCED,
    MESSAGE_COMPLAINED,
    MESSAGE_EVENTS,
    TOPIC_SUBSCRIBED,
)
from store.coupons.pools import redeem
from store.messages.suppressions import Suppression, suppress

_DEGREES = {"lat": 90, "lon": 180}


class EffectRefused(Exception):
    """An event with a meaning that cannot have its effect; nothing of it is to be stored."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class EffectCandidate:
    """An event by its contact, name and properties, as it is about to be stored."""

    contact_id: UUID
    name: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Message:
    id: UUID
    contact_id: UUID
    step: str
    channel: str
    email: str | None
    phone: str | None

    @property
    def address(self) -> str | None:
        return {"email": self.email, "sms": self.phone}.get(self.channel)


_BY_ID = """
select m.id, m.contact_id, m.step, m.channel, c.email, c.phone
from message m join contact c on c.id = m.contact_id
where m.id = any(%s)
"""
_LATEST = """
select distinct on (m.contact_id, m.step)
       m.id, m.contact_id, m.step, m.channel, c.email, c.phone
from unnest(%s::uuid[], %s::text[]) as g(contact_id, step)
join message m on m.contact_id = g.contact_id and m.step = g.step
join contact c on c.id = m.contact_id
order by m.contact_id, m.step, m.first_attempt_at desc, m.visit desc
"""


def has_effects(name: str) -> bool:
    """Whether an event of this name is judged: for consent, a message, a coupon or a place."""
    return name in EVENTS_WITH_EFFECTS


class EventEffects:
    """What a group of events means: loaded at once, judged one by one in order, written at once."""

    def __init__(self) -> None:
        self._defaults: dict[str, str] = {}
        self._states: dict[tuple[UUID, str], str] = {}
        self._by_id: dict[UUID, _Message] = {}
        self._latest: dict[tuple[UUID, str], _Message] = {}
        self._consents: dict[tuple[UUID, str], tuple[str, str]] = {}
        self._fates: dict[UUID, set[str]] = {}
        self._suppressions: list[Suppression] = []
        self._redeemed: list[tuple[UUID, str]] = []

    async def load(self, conn: AsyncConnection[Any], events: Iterable[EffectCandidate]) -> None:
        """Read what judging these events needs. Their contacts are locked by the caller."""
        topics: set[str] = set()
        contacts: set[UUID] = set()
        ids: set[UUID] = set()
        steps: set[tuple[UUID, str]] = set()
        for event in events:
            if event.name in CONSENT_EVENTS:
                topic = event.properties.get("topic")
                if isinstance(topic, str):
                    topics.add(topic)
                    contacts.add(event.contact_id)
            elif event.name in MESSAGE_EVENTS:
                message_id = _parse_id(event.properties.get("message_id"))
                step = event.properties.get("step")
                if message_id is not None:
                    ids.add(message_id)
                elif isinstance(step, str):
                    steps.add((event.contact_id, step))
        if topics:
            await self._load_topics(conn, topics, contacts)
        if ids:
            cursor = await conn.execute(_BY_ID, (list(ids),))
            found = [_Message(*row) for row in await cursor.fetchall()]
            self._by_id.update((message.id, message) for message in found)
        if steps:
            cursor = await conn.execute(
                _LATEST, ([contact for contact, _ in steps], [step for _, step in steps])
            )
            latest = [_Message(*row) for row in await cursor.fetchall()]
            self._latest.update(((each.contact_id, each.step), each) for each in latest)

    async def _load_topics(
        self, conn: AsyncConnection[Any], topics: set[str], contacts: set[UUID]
    ) -> None:
        cursor = await conn.execute(
            "select key, document->>'default' from document where kind = 'topic' and key = any(%s)",
            (list(topics),),
        )
        self._defaults.update((key, default or "") for key, default in await cursor.fetchall())
        cursor = await conn.execute(
            "select contact_id, topic, state from topic_state"
            " where contact_id = any(%s) and topic = any(%s)",
            (list(contacts), list(topics)),
        )
        self._states.update(
            ((contact_id, topic), state) for contact_id, topic, state in await cursor.fetchall()
        )

    def judge(self, event: EffectCandidate, event_message_id: str) -> dict[str, Any]:
        """Note the effect of an event, in order; its properties as they are to be stored.

        Raises MeaningRefused, and then notes nothing.
        """
        if event.name in CONSENT_EVENTS:
            self._judge_topic(event, event_message_id)
            return event.properties
        if event.name in MESSAGE_EVENTS:
            return self._judge_message(event)
        if event.name == COUPON_REDEEMED:
            self._judge_coupon(event)
        if event.name == LOCATION_UPDATED:
            _judge_location(event)
        return event.properties

    def _judge_topic(self, event: EffectCandidate, event_message_id: str) -> None:
        topic = event.properties.get("topic")
        if not isinstance(topic, str):
            raise EffectRefused(
                "bad_properties", f"properties.topic: {event.name} needs the key of a topic"
            )
        if topic not in self._defaults:
            raise EffectRefused("unknown_topic", f"properties.topic: there is no topic {topic!r}")
        held = self._states.get((event.contact_id, topic))
        state = CONSENT_EVENTS[event.name]
        if event.name == TOPIC_SUBSCRIBED and self._defaults[topic] == "double":
            # Whoever has confirmed once need not confirm again.
            state = "subscribed" if held == "subscribed" else "pending"
        self._states[event.contact_id, topic] = state
        self._consents[event.contact_id, topic] = (state, event_message_id)

    def _judge_coupon(self, event: EffectCandidate) -> None:
        code = event.properties.get("code")
        if not isinstance(code, str) or not code:
            raise EffectRefused("bad_properties", f"properties.code: {event.name} needs a code")
        self._redeemed.append((event.contact_id, code))

    def _judge_message(self, event: EffectCandidate) -> dict[str, Any]:
        given = event.properties.get("message_id")
        step = event.properties.get("step")
        if given is not None:
            message_id = _parse_id(given)
            message = self._by_id.get(message_id) if message_id else None
            if message is None or message.contact_id != event.contact_id:
                raise EffectRefused(
                    "unknown_message",
                    f"properties.message_id: this contact has no message {given!r}",
                )
        elif isinstance(step, str):
            message = self._latest.get((event.contact_id, step))
            if message is None:
                raise EffectRefused(
                    "unknown_message",
                    f"properties.step: this contact has no message of a step {step!r}",
                )
        else:
            raise EffectRefused(
                "bad_properties", f"properties: {event.name} needs a message_id, or a step"
            )
        by = event.properties.get("by", "human")
        if by not in ("human", "machine", "unknown"):
            raise EffectRefused(
                "bad_properties", "properties.by: must be human, machine or unknown"
            )
        if by != "machine":
            self._note_fate(event, message)
        return event.properties | {"message_id": str(message.id), "step": message.step}

    def _note_fate(self, event: EffectCandidate, message: _Message) -> None:
        reason = "complained" if event.name == MESSAGE_COMPLAINED else None
        if event.name == MESSAGE_BOUNCED:
            kind = event.properties.get("type", "hard")
            if kind not in ("hard", "soft"):
                raise EffectRefused("bad_properties", "properties.type: must be hard or soft")
            reason = "bounced" if kind == "hard" else None
        fates = self._fates.setdefault(message.id, set())
        column = MESSAGE_EVENTS[event.name]
        if column is not None:
            fates.add(column)
        if reason is not None and message.address is not None:
            self._suppressions.append((message.channel, message.address, reason))

    async def write(self, conn: AsyncConnection[Any]) -> None:
        """Write the noted effects; the events are stored already."""
        if self._consents:
            await self._write_consents(conn)
        if self._fates:
            await self._write_fates(conn)
        await suppress(conn, self._suppressions)
        if self._redeemed:
            await redeem(conn, self._redeemed)
        self._consents, self._fates = {}, {}
        self._suppressions, self._redeemed = [], []

    async def _write_consents(self, conn: AsyncConnection[Any]) -> None:
        await conn.execute(
            """
            insert into topic_state (contact_id, topic, state, event_id)
            select g.contact_id, g.topic, g.state, e.id
            from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[])
                as g(contact_id, topic, state, message_id)
            join event e on e.message_id = g.message_id
            on conflict (contact_id, topic) do update
            set state = excluded.state, event_id = excluded.event_id, changed_at = parcours.clock()
            """,
            (
                [contact for contact, _ in self._consents],
                [topic for _, topic in self._consents],
                [state for state, _ in self._consents.values()],
                [message_id for _, message_id in self._consents.values()],
            ),
        )

    async def _write_fates(self, conn: AsyncConnection[Any]) -> None:
        rows = [
            {"id": message_id, **dict.fromkeys(fates, True)}
            for message_id, fates in self._fates.items()
        ]
        # What comes back from a provider proves that it took the message; a visit's outcome stays.
        await conn.execute(
            """
            update message m set
                state = case when m.state in ('claimed', 'unknown') then 'sent' else m.state end,
                settled_at = case when m.state in ('claimed', 'unknown')
                                  then parcours.clock() else m.settled_at end,
                delivered_at = case when g.delivered_at
                    then coalesce(m.delivered_at, parcours.clock()) else m.delivered_at end,
                opened_at = case when g.opened_at
                    then coalesce(m.opened_at, parcours.clock()) else m.opened_at end,
                clicked_at = case when g.clicked_at
                    then coalesce(m.clicked_at, parcours.clock()) else m.clicked_at end,
                bounced_at = case when g.bounced_at
                    then coalesce(m.bounced_at, parcours.clock()) else m.bounced_at end,
                replied_at = case when g.replied_at
                    then coalesce(m.replied_at, parcours.clock()) else m.replied_at end
            from json_to_recordset(%s::json) as g(
                id uuid, delivered_at bool, opened_at bool, clicked_at bool, bounced_at bool,
                replied_at bool)
            where m.id = g.id
            """,
            (orjson.dumps(rows).decode(),),
        )


def _judge_location(event: EffectCandidate) -> None:
    for name, most in _DEGREES.items():
        value = event.properties.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > most:
            raise EffectRefused(
                "bad_properties", f"properties.{name}: must be degrees, from -{most} to {most}"
            )


def _parse_id(value: Any) -> UUID | None:
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None
