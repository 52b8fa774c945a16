"""Side effects of well-known events: consent, message status, suppression, coupon redemption.

Each effect is decided under its contact's lock, and is written in the transaction that records the
event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, assert_never
from uuid import UUID

import orjson

from journeys.model.consents import Evidence
from journeys.model.reasons import SuppressionReason
from journeys.model.well_known_events import (
    EVENTS_WITH_EFFECTS,
    MESSAGE_BOUNCED,
    MESSAGE_CLICKED,
    MESSAGE_COMPLAINED,
    MESSAGE_EVENTS,
    MESSAGE_OPENED,
    TOPIC_UNSUBSCRIBED,
    WELL_KNOWN_EVENTS,
    Effect,
)
from journeys.protocol.channels import CHANNELS
from journeys.protocol.message_status import RECORDED_STATUSES, RecordedStatus
from store.coupons.pools import redeem
from store.events.consents import Consents
from store.events.effect_events import (
    ADDRESS_FIELDS,
    EffectCandidate,
    EffectRefused,
)
from store.messages.bounces import weigh_soft_bounces
from store.messages.suppressions import Suppression, suppress
from store.sql import Connection, execute, fetch_all, join, name, sql

_DEGREES: Final = {"lat": 90, "lon": 180}
"""The largest absolute value of each property of a location."""
_STATUS_COLUMNS: Final = {status: f"{status}_at" for status in RECORDED_STATUSES}
_SOFT_BOUNCED: Final = "soft_bounced_at"
_TIME_COLUMNS: Final = (*_STATUS_COLUMNS.values(), _SOFT_BOUNCED)
_NOW: Final = "infinity"
"""Of a time that is not known: the statement takes the least of it and now."""

_ADDRESSES = join(", ", (sql("c.{field}", field=name(field)) for field in ADDRESS_FIELDS))
_BY_ID = sql(
    """
select m.id, m.contact_id, m.step, m.channel, m.topic, m.address,
       m.opened_at is not null, {addresses}
from message m join contact c on c.id = m.contact_id
where m.id = any(%(ids)s)
""",
    addresses=_ADDRESSES,
)
_LATEST = sql(
    """
select distinct on (m.contact_id, m.step)
       m.id, m.contact_id, m.step, m.channel, m.topic, m.address,
       m.opened_at is not null, {addresses}
from unnest(%(contacts)s::uuid[], %(steps)s::text[]) as g(contact_id, step)
join message m on m.contact_id = g.contact_id and m.step = g.step
join contact c on c.id = m.contact_id
order by m.contact_id, m.step, m.first_attempt_at desc, m.visit desc
""",
    addresses=_ADDRESSES,
)
# A status proves that the provider accepted the message. If this one is known not to be taken, an
# event that names the step alone is about an earlier one. The outcome of the visit stays as it is.
_WRITE_STATUSES = sql(
    """
update message m set
    state = case when {unsettled} then 'sent' else m.state end,
    settled_at = case when {unsettled} then parcours.clock() else m.settled_at end,
    {assignments}
from json_to_recordset(%(messages)s::json) as g(id uuid, named boolean, {flags})
where m.id = g.id
""",
    unsettled=sql(
        "(m.state in ('claimed', 'unknown') or g.named and m.state in ('refused', 'released'))"
    ),
    assignments=join(
        ",\n    ",
        (
            sql(
                "{column} = case when g.{column} is null then m.{column}"
                " else least(m.{column}, g.{column}, parcours.clock()) end",
                column=name(column),
            )
            for column in _TIME_COLUMNS
        ),
    ),
    flags=join(", ", (sql("{column} timestamptz", column=name(each)) for each in _TIME_COLUMNS)),
)


@dataclass(frozen=True, slots=True)
class DerivedEvent:
    """An event that the engine records because of another one, right after it."""

    name: str
    properties: dict[str, Any]
    evidence: Evidence | None = None
    """Of a consent."""


@dataclass(frozen=True, slots=True)
class StagedEvent:
    """An event whose effect is staged."""

    properties: dict[str, Any]
    """As they are to be recorded."""
    derived: DerivedEvent | None = None
    """Its own effect is to be staged as well."""


@dataclass(slots=True)
class _Message:
    id: UUID
    contact_id: UUID
    step: str
    channel: str
    topic: str | None
    opened: bool
    address: str | None
    """The one that it went to, or else the one that its contact has now."""


def _read_message(row: tuple[Any, ...]) -> _Message:
    message_id, contact_id, step, channel, topic, address, opened, *addresses = row
    field = CHANNELS[channel].address_field
    if address is None and field is not None:
        address = addresses[ADDRESS_FIELDS.index(field)]
    return _Message(message_id, contact_id, step, channel, topic, opened, address)


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
        self.consents = Consents()
        self._by_id: dict[UUID, _Message] = {}
        self._latest: dict[tuple[UUID, str], _Message] = {}
        self._statuses: dict[UUID, dict[RecordedStatus, datetime | None]] = {}
        """By message, each status with its first time; None is the time of recording."""
        self._named: set[UUID] = set()
        """The messages that an event named by their ids."""
        self._suppressions: list[Suppression] = []
        self._soft_bounces: dict[UUID, datetime | None] = {}
        self._redemptions: list[tuple[UUID, str]] = []

    async def load(self, conn: Connection, events: Iterable[EffectCandidate]) -> None:
        """Read what staging these events needs. The caller has locked their contacts."""
        topics: set[str] = set()
        contacts: set[UUID] = set()
        channel_contacts: set[UUID] = set()
        ids: set[UUID] = set()
        steps: set[tuple[UUID, str]] = set()
        complaints = False
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
                    complaints |= event.name == MESSAGE_COMPLAINED
                case "channel":
                    channel_contacts.add(event.contact_id)
                case "coupon" | "location" | None:
                    pass
                case _:
                    assert_never(effect)
        if channel_contacts:
            await self.consents.load_channels(conn, channel_contacts)
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
            for each in latest:
                self._latest[each.contact_id, each.step] = self._by_id.setdefault(each.id, each)
        if complaints:
            # A complaint ends the consent to the message's topic.
            for message in self._by_id.values():
                if message.topic is not None:
                    topics.add(message.topic)
                    contacts.add(message.contact_id)
        if topics:
            await self.consents.load(conn, topics, contacts)

    def stage(self, event: EffectCandidate, event_message_id: str, source: str) -> StagedEvent:
        """Add the effect of the next event, which is to be recorded under this message id.

        Raises EffectRefused; nothing is staged then.
        """
        effect = effect_of(event.name)
        match effect:
            case "consent":
                return StagedEvent(self.consents.stage(event, event_message_id, source))
            case "channel":
                return StagedEvent(self.consents.stage_channel(event, event_message_id, source))
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
        return StagedEvent(event.properties)

    def _stage_redemption(self, event: EffectCandidate) -> None:
        code = event.properties.get("code")
        if not isinstance(code, str) or not code:
            raise EffectRefused("bad_properties", f"properties.code: {event.name} needs a code")
        self._redemptions.append((event.contact_id, code))

    def _stage_message(self, event: EffectCandidate) -> StagedEvent:
        message = self._message_of(event)
        by = event.properties.get("by", "human")
        if by not in ("human", "machine", "unknown"):
            raise EffectRefused(
                "bad_properties", "properties.by: must be human, machine or unknown"
            )
        about = {"message_id": str(message.id), "step": message.step}
        derived = None
        if by != "machine":
            self._stage_status(event, message)
            if event.name == MESSAGE_OPENED:
                message.opened = True
            elif event.name == MESSAGE_CLICKED and not message.opened:
                derived = DerivedEvent(MESSAGE_OPENED, about | {"by": by})
            elif event.name == MESSAGE_COMPLAINED and self.consents.is_topic(message.topic):
                properties = {"topic": message.topic, "source": "complaint"}
                evidence = Evidence(source="complaint", message_id=message.id)
                derived = DerivedEvent(TOPIC_UNSUBSCRIBED, about | properties, evidence)
        return StagedEvent(event.properties | about, derived)

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
        soft = False
        if event.name == MESSAGE_COMPLAINED:
            reason = "complained"
        elif event.name == MESSAGE_BOUNCED:
            kind = event.properties.get("type", "hard")
            if kind not in ("hard", "soft"):
                raise EffectRefused("bad_properties", "properties.type: must be hard or soft")
            reason = "bounced" if kind == "hard" else None
            # A message that was refused for what it says, or for who sent it, is no sign against
            # the address.
            soft = kind == "soft" and event.properties.get("cause") != "message"
        statuses = self._statuses.setdefault(message.id, {})
        if event.properties.get("message_id") is not None:
            self._named.add(message.id)
        status = MESSAGE_EVENTS[event.name]
        if status is not None:
            statuses[status] = _earlier(statuses.get(status, event.happened_at), event.happened_at)
        if soft:
            at = self._soft_bounces.get(message.id, event.happened_at)
            self._soft_bounces[message.id] = _earlier(at, event.happened_at)
        if reason is not None and message.address is not None:
            self._suppressions.append((message.channel, message.address, reason))

    async def write(self, conn: Connection) -> None:
        """Write the staged effects. Their events must have been recorded before."""
        await self.consents.write(conn)
        if self._statuses:
            await self._write_statuses(conn)
            arrivals = [
                message_id
                for message_id, statuses in self._statuses.items()
                if "delivered" in statuses or "bounced" in statuses
            ]
            if arrivals:
                await weigh_soft_bounces(conn, arrivals)
        await suppress(conn, self._suppressions)
        if self._redemptions:
            await redeem(conn, self._redemptions)
        self._statuses, self._named, self._soft_bounces = {}, set(), {}
        self._suppressions, self._redemptions = [], []

    async def _write_statuses(self, conn: Connection) -> None:
        rows = [
            {
                "id": message_id,
                "named": message_id in self._named,
                **{_STATUS_COLUMNS[status]: at or _NOW for status, at in statuses.items()},
                **(
                    {_SOFT_BOUNCED: self._soft_bounces[message_id] or _NOW}
                    if message_id in self._soft_bounces
                    else {}
                ),
            }
            for message_id, statuses in self._statuses.items()
        ]
        await execute(conn, _WRITE_STATUSES, {"messages": orjson.dumps(rows).decode()})


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two times, of which None is now."""
    return min((at for at in (one, other) if at is not None), default=None)


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
