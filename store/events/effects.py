"""Side effects of well-known events: consent, message status, suppression, coupon redemption.

Each effect is decided under its contact's lock, and is written in the transaction that records the
event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, assert_never, get_args
from uuid import UUID

import orjson
from sqlalchemy import bindparam, func, select
from sqlmodel import col

from journeys.model.reasons import SuppressionReason
from journeys.model.well_known_events import (
    CONSENT_EVENTS,
    EVENTS_WITH_EFFECTS,
    MESSAGE_BOUNCED,
    MESSAGE_COMPLAINED,
    MESSAGE_EVENTS,
    TOPIC_SUBSCRIBED,
    WELL_KNOWN_EVENTS,
    ConsentState,
    Effect,
)
from journeys.protocol.channels import CHANNELS, AddressField
from journeys.protocol.message_status import STATUSES, MessageStatus
from store.coupons.pools import redeem
from store.messages.suppressions import Suppression, suppress
from store.sql import Connection, execute, fetch_all, join, name, sql, statement
from store.tables.contacts import TopicState
from store.tables.definitions import DocumentRow

_DEGREES: Final = {"lat": 90, "lon": 180}
"""The largest absolute value of each property of a location."""
_ADDRESS_FIELDS: Final[tuple[AddressField, ...]] = get_args(AddressField)
_STATUS_COLUMNS: Final = {status: f"{status}_at" for status in STATUSES}

_ADDRESSES = join(", ", (sql("c.{field}", field=name(field)) for field in _ADDRESS_FIELDS))
_BY_ID = sql(
    """
select m.id, m.contact_id, m.step, m.channel, {addresses}
from message m join contact c on c.id = m.contact_id
where m.id = any(%(ids)s)
""",
    addresses=_ADDRESSES,
)
_LATEST = sql(
    """
select distinct on (m.contact_id, m.step)
       m.id, m.contact_id, m.step, m.channel, {addresses}
from unnest(%(contacts)s::uuid[], %(steps)s::text[]) as g(contact_id, step)
join message m on m.contact_id = g.contact_id and m.step = g.step
join contact c on c.id = m.contact_id
order by m.contact_id, m.step, m.first_attempt_at desc, m.visit desc
""",
    addresses=_ADDRESSES,
)
_TOPIC_DEFAULTS = statement(
    select(col(DocumentRow.key), col(DocumentRow.document)["default"].astext).where(
        col(DocumentRow.kind) == "topic", col(DocumentRow.key) == func.any(bindparam("topics"))
    )
)
_TOPIC_STATES = statement(
    select(col(TopicState.contact_id), col(TopicState.topic), col(TopicState.state)).where(
        col(TopicState.contact_id) == func.any(bindparam("contacts")),
        col(TopicState.topic) == func.any(bindparam("topics")),
    )
)
_WRITE_CONSENTS = sql("""
insert into topic_state (contact_id, topic, state, event_id)
select g.contact_id, g.topic, g.state, e.id
from unnest(%(contacts)s::uuid[], %(topics)s::text[], %(states)s::text[], %(events)s::text[])
    as g(contact_id, topic, state, message_id)
join event e on e.message_id = g.message_id
on conflict (contact_id, topic) do update
set state = excluded.state, event_id = excluded.event_id, changed_at = parcours.clock()
""")
# A status proves that the provider accepted the message. The outcome of the visit stays as it is.
_WRITE_STATUSES = sql(
    """
update message m set
    state = case when m.state in ('claimed', 'unknown') then 'sent' else m.state end,
    settled_at = case when m.state in ('claimed', 'unknown')
                      then parcours.clock() else m.settled_at end,
    {assignments}
from json_to_recordset(%(messages)s::json) as g(id uuid, {flags})
where m.id = g.id
""",
    assignments=join(
        ",\n    ",
        (
            sql(
                "{column} = case when g.{column}"
                " then coalesce(m.{column}, parcours.clock()) else m.{column} end",
                column=name(column),
            )
            for column in _STATUS_COLUMNS.values()
        ),
    ),
    flags=join(
        ", ", (sql("{column} bool", column=name(each)) for each in _STATUS_COLUMNS.values())
    ),
)


class EffectRefused(Exception):
    """A well-known event that cannot have its effect, and so is not recorded."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class EffectCandidate:
    """An event that is about to be recorded: its contact, name and properties."""

    contact_id: UUID
    name: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Message:
    id: UUID
    contact_id: UUID
    step: str
    channel: str
    address: str | None


def _read_message(row: tuple[Any, ...]) -> _Message:
    message_id, contact_id, step, channel, *addresses = row
    field = CHANNELS[channel].address_field
    address = None if field is None else addresses[_ADDRESS_FIELDS.index(field)]
    return _Message(message_id, contact_id, step, channel, address)


def effect_of(event_name: str) -> Effect | None:
    """The kind of effect of an event of this name; None: it has none."""
    event = WELL_KNOWN_EVENTS.get(event_name)
    return None if event is None else event.effect


def has_effects(event_name: str) -> bool:
    """Whether an event of this name has a side effect, and may be refused for its properties."""
    return event_name in EVENTS_WITH_EFFECTS


class EventEffects:
    """The effects of several events: loaded at once, staged one by one, and written at once."""

    def __init__(self) -> None:
        self._topic_defaults: dict[str, str] = {}
        self._topic_states: dict[tuple[UUID, str], ConsentState] = {}
        self._by_id: dict[UUID, _Message] = {}
        self._latest: dict[tuple[UUID, str], _Message] = {}
        self._consents: dict[tuple[UUID, str], tuple[ConsentState, str]] = {}
        self._statuses: dict[UUID, set[MessageStatus]] = {}
        self._suppressions: list[Suppression] = []
        self._redemptions: list[tuple[UUID, str]] = []

    async def load(self, conn: Connection, events: Iterable[EffectCandidate]) -> None:
        """Read what staging these events needs. The caller has locked their contacts."""
        topics: set[str] = set()
        contacts: set[UUID] = set()
        ids: set[UUID] = set()
        steps: set[tuple[UUID, str]] = set()
        for event in events:
            effect = effect_of(event.name)
            match effect:
                case "consent":
                    topic = event.properties.get("topic")
                    if isinstance(topic, str):
                        topics.add(topic)
                        contacts.add(event.contact_id)
                case "message":
                    message_id = _parse_id(event.properties.get("message_id"))
                    step = event.properties.get("step")
                    if message_id is not None:
                        ids.add(message_id)
                    elif isinstance(step, str):
                        steps.add((event.contact_id, step))
                case "coupon" | "location" | None:
                    pass
                case _:
                    assert_never(effect)
        if topics:
            await self._load_topics(conn, topics, contacts)
        if ids:
            found = [
                _read_message(row) for row in await fetch_all(conn, _BY_ID, {"ids": list(ids)})
            ]
            self._by_id.update((message.id, message) for message in found)
        if steps:
            rows = await fetch_all(
                conn,
                _LATEST,
                {
                    "contacts": [contact for contact, _ in steps],
                    "steps": [step for _, step in steps],
                },
            )
            latest = [_read_message(row) for row in rows]
            self._latest.update(((each.contact_id, each.step), each) for each in latest)

    async def _load_topics(self, conn: Connection, topics: set[str], contacts: set[UUID]) -> None:
        defaults = await fetch_all(conn, _TOPIC_DEFAULTS, {"topics": list(topics)})
        self._topic_defaults.update((topic, default or "") for topic, default in defaults)
        states = await fetch_all(
            conn, _TOPIC_STATES, {"contacts": list(contacts), "topics": list(topics)}
        )
        self._topic_states.update(
            ((contact_id, topic), state) for contact_id, topic, state in states
        )

    def stage(self, event: EffectCandidate, event_message_id: str) -> dict[str, Any]:
        """Add the effect of the next event, and return its properties as they are to be recorded.

        Raises EffectRefused; nothing is staged then.
        """
        effect = effect_of(event.name)
        match effect:
            case "consent":
                self._stage_consent(event, event_message_id)
            case "message":
                return self._stage_message(event)
            case "coupon":
                self._stage_redemption(event)
            case "location":
                _check_location(event)
            case None:
                pass
            case _:
                assert_never(effect)
        return event.properties

    def _stage_consent(self, event: EffectCandidate, event_message_id: str) -> None:
        topic = event.properties.get("topic")
        if not isinstance(topic, str):
            raise EffectRefused(
                "bad_properties", f"properties.topic: {event.name} needs the key of a topic"
            )
        if topic not in self._topic_defaults:
            raise EffectRefused("unknown_topic", f"properties.topic: there is no topic {topic!r}")
        before = self._topic_states.get((event.contact_id, topic))
        state = CONSENT_EVENTS[event.name]
        if event.name == TOPIC_SUBSCRIBED and self._topic_defaults[topic] == "double":
            # A contact that has confirmed once does not have to confirm again.
            state = "subscribed" if before == "subscribed" else "pending"
        self._topic_states[event.contact_id, topic] = state
        self._consents[event.contact_id, topic] = (state, event_message_id)

    def _stage_redemption(self, event: EffectCandidate) -> None:
        code = event.properties.get("code")
        if not isinstance(code, str) or not code:
            raise EffectRefused("bad_properties", f"properties.code: {event.name} needs a code")
        self._redemptions.append((event.contact_id, code))

    def _stage_message(self, event: EffectCandidate) -> dict[str, Any]:
        message = self._message_of(event)
        by = event.properties.get("by", "human")
        if by not in ("human", "machine", "unknown"):
            raise EffectRefused(
                "bad_properties", "properties.by: must be human, machine or unknown"
            )
        if by != "machine":
            self._stage_status(event, message)
        return event.properties | {"message_id": str(message.id), "step": message.step}

    def _message_of(self, event: EffectCandidate) -> _Message:
        reference = event.properties.get("message_id")
        step = event.properties.get("step")
        if reference is not None:
            message_id = _parse_id(reference)
            message = self._by_id.get(message_id) if message_id else None
            if message is None or message.contact_id != event.contact_id:
                raise EffectRefused(
                    "unknown_message",
                    f"properties.message_id: this contact has no message {reference!r}",
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
        return message

    def _stage_status(self, event: EffectCandidate, message: _Message) -> None:
        reason: SuppressionReason | None = None
        if event.name == MESSAGE_COMPLAINED:
            reason = "complained"
        elif event.name == MESSAGE_BOUNCED:
            kind = event.properties.get("type", "hard")
            if kind not in ("hard", "soft"):
                raise EffectRefused("bad_properties", "properties.type: must be hard or soft")
            reason = "bounced" if kind == "hard" else None
        statuses = self._statuses.setdefault(message.id, set())
        status = MESSAGE_EVENTS[event.name]
        if status is not None:
            statuses.add(status)
        if reason is not None and message.address is not None:
            self._suppressions.append((message.channel, message.address, reason))

    async def write(self, conn: Connection) -> None:
        """Write the staged effects. Their events must have been recorded before."""
        if self._consents:
            await self._write_consents(conn)
        if self._statuses:
            await self._write_statuses(conn)
        await suppress(conn, self._suppressions)
        if self._redemptions:
            await redeem(conn, self._redemptions)
        self._consents, self._statuses = {}, {}
        self._suppressions, self._redemptions = [], []

    async def _write_consents(self, conn: Connection) -> None:
        await execute(
            conn,
            _WRITE_CONSENTS,
            {
                "contacts": [contact for contact, _ in self._consents],
                "topics": [topic for _, topic in self._consents],
                "states": [state for state, _ in self._consents.values()],
                "events": [message_id for _, message_id in self._consents.values()],
            },
        )

    async def _write_statuses(self, conn: Connection) -> None:
        rows = [
            {"id": message_id, **{_STATUS_COLUMNS[status]: True for status in statuses}}
            for message_id, statuses in self._statuses.items()
        ]
        await execute(conn, _WRITE_STATUSES, {"messages": orjson.dumps(rows).decode()})


def _check_location(event: EffectCandidate) -> None:
    for coordinate, most in _DEGREES.items():
        value = event.properties.get(coordinate)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > most:
            raise EffectRefused(
                "bad_properties",
                f"properties.{coordinate}: must be degrees, from -{most} to {most}",
            )


def _parse_id(value: Any) -> UUID | None:
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None
