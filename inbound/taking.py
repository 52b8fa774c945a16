"""Notifications become events: each finds its message, by our id or by the provider's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from channels.notifications import Notification
from journeys.model.consents import Evidence
from journeys.model.well_known_events import TOPIC_UNSUBSCRIBED
from store.events.message_events import MessageEvent, Recording, take_message_events
from store.messages.provider_ids import (
    known_messages,
    messages_not_sent,
    messages_of_provider,
)
from store.metrics import counter
from store.operations.faults import record_fault

log = structlog.get_logger(__name__)

Pool = AsyncConnectionPool[AsyncConnection[Any]]

NOTIFICATIONS: Final = counter("parcours_notifications")


def source_of(provider: str) -> str:
    """The source of a provider's message ids, which no key of the API can share."""
    return f"provider:{provider}"


async def take_notifications(pool: Pool, notifications: Sequence[Notification]) -> list[Recording]:
    """Record what providers report; what came of each, in order.

    One of an unknown message changes nothing: it is of another installation that sends by the same
    account, or of an erased contact. Raises what psycopg raises while the database is away.
    """
    found = await _messages_of(pool, notifications)
    results: list[Recording] = ["unknown_message"] * len(notifications)
    by_provider: dict[str, list[tuple[int, MessageEvent]]] = defaultdict(list)
    for place, (notification, message_id) in enumerate(zip(notifications, found, strict=True)):
        if message_id is not None:
            by_provider[notification.provider].append((place, _event(notification, message_id)))
    doubtful = await _not_sent(pool, notifications, found)
    for provider, events in by_provider.items():
        recorded = await take_message_events(
            pool, [event for _, event in events], source=source_of(provider)
        )
        for (place, _), result in zip(events, recorded, strict=True):
            results[place] = result
    for notification, result in zip(notifications, results, strict=True):
        NOTIFICATIONS.labels(notification.provider, result).inc()
    taken = {
        message_id: notification
        for notification, message_id, result in zip(notifications, found, results, strict=True)
        if message_id is not None and result == "recorded"
    }
    await _raise_attention(pool, taken, doubtful)
    return results


async def _messages_of(pool: Pool, notifications: Sequence[Notification]) -> list[UUID | None]:
    async with pool.connection() as conn:
        own = {each.message_id for each in notifications if each.message_id is not None}
        known = await known_messages(conn, own)
        wanted: dict[str, set[str]] = defaultdict(set)
        for each in notifications:
            if each.message_id not in known and each.provider_id is not None:
                wanted[each.provider].add(each.provider_id)
        by_id = {
            (provider, provider_id): message_id
            for provider, ids in wanted.items()
            for provider_id, message_id in (await messages_of_provider(conn, provider, ids)).items()
        }
    return [
        each.message_id
        if each.message_id in known
        else by_id.get((each.provider, each.provider_id or ""))
        for each in notifications
    ]


def _event(notification: Notification, message_id: UUID) -> MessageEvent:
    evidence = None
    if notification.name == TOPIC_UNSUBSCRIBED:
        evidence = Evidence(source="one_click", message_id=message_id)
    return MessageEvent(
        message_id=message_id,
        name=notification.name,
        id=notification.id,
        happened_at=notification.happened_at,
        properties=dict(notification.properties),
        by=notification.by,
        evidence=evidence,
    )


async def _not_sent(
    pool: Pool, notifications: Sequence[Notification], found: Sequence[UUID | None]
) -> list[tuple[UUID, UUID, str]]:
    """Those of the messages that their provider had not taken, before its report settles them."""
    providers = {
        message_id: each.provider
        for each, message_id in zip(notifications, found, strict=True)
        if message_id is not None
    }
    if not providers:
        return []
    async with pool.connection() as conn:
        return await messages_not_sent(conn, providers)


async def _raise_attention(
    pool: Pool, taken: dict[UUID, Notification], doubtful: list[tuple[UUID, UUID, str]]
) -> None:
    """Record a fault for a message that went out although its provider had not taken it."""
    went_out = [each for each in doubtful if each[0] in taken]
    if not went_out:
        return
    async with pool.connection() as conn:
        for message_id, contact_id, state in went_out:
            name = taken[message_id].name
            if state in ("released", "refused"):
                words = f"the provider took the message after all, which was {state}"
            else:
                words = "the message was another provider's, so it may go out twice"
            log.warning("late_delivery", message_id=str(message_id), state=state, event_name=name)
            await record_fault(
                conn,
                activity="notifications",
                code="late_delivery",
                detail=f"{name}: {words}",
                contact_id=contact_id,
                subject=f"message {message_id}",
            )
