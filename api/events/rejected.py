"""Routes of what was rejected: tracking calls and entries, listed and replayed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from api.events.events import Contact, Name
from api.events.refusal_words import reason_of
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute, decode
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of, unknown_cursor
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.http.times import Instant, format_time, parse_time
from api.services import Services, UsedServices
from api.tracking.items import Envelope, ItemRefused, parse_item
from store.contacts.rows import find_contact
from store.entries.admission import RefusedEntry
from store.entries.replay import ReplayedBefore, replay_entry
from store.events.ingest import take
from store.events.items import Rejected, Sender
from store.events.rejected_items import (
    ListedRejection,
    list_rejected,
    mark_replayed,
    read_rejected,
)
from store.operations.audit import Actor, record_audit

router = APIRouter(
    prefix="/v1/events/rejected",
    tags=["events"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

_ENTRY = re.compile(r"entry\.([0-9]{1,18})\.([a-z0-9-]{1,200})", re.ASCII)
_ITEM = re.compile(r"item\.([0-9]{1,18})", re.ASCII)


class RejectionBody(BaseModel):
    """A rejected tracking call (`item`), or an event that a journey refused (`entry`)."""

    id: str
    kind: str
    at: Instant
    source: str
    contact: str | None
    event: str
    """The event's name; of another call its kind."""
    journey: str | None
    code: str
    message: str | None
    field: str | None
    """The trait that was left out, if the rest of the call was taken."""
    body: Any
    """The call, if it can be replayed."""
    replayed_at: Instant | None


class RejectionPage(BaseModel):
    """A page of rejections."""

    items: list[RejectionBody]
    next: str | None


class Replay(StrictBody):
    """How a rejection is replayed."""

    ignore_age: bool = False
    """Whether an entry takes the event although it is older than its `max_age`."""


class Replayed(BaseModel):
    """What a replay led to."""

    id: str
    run: str | None
    """The run that began; null for a call, whose runs begin as those of any event."""


@router.get("", summary="List what was rejected", responses=responses(400, 422))
async def read_rejections(
    services: UsedServices,
    contact: Contact = None,
    name: Name = None,
    code: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> RejectionPage:
    """Tracking calls and entries that were rejected in the last 14 days, the newest first."""
    before = _before(cursor) if cursor else None
    async with services.pool.connection() as conn:
        found = await list_rejected(
            conn,
            contact=contact,
            contact_id=await find_contact(conn, contact) if contact is not None else None,
            code=code,
            name=name,
            before=before,
            limit=limit + 1,
        )
    page, following = page_of(found, limit, lambda each: f"{format_time(each.at)}~{each.id}")
    return RejectionPage(items=[_body(each) for each in page], next=following)


def _before(cursor: str) -> tuple[datetime, str]:
    at, _, last = cursor.partition("~")
    try:
        return parse_time(at), last
    except ValueError:
        raise unknown_cursor(cursor) from None


def _body(each: ListedRejection) -> RejectionBody:
    return RejectionBody(
        id=each.id,
        kind=each.kind,
        at=each.at,
        source=each.source,
        contact=each.contact,
        event=each.event,
        journey=each.journey,
        code=each.code,
        message=each.message if each.message is not None else reason_of(each.code),
        field=each.field,
        # Some calls are kept that are JSON only to lenient readers.
        body=_parsed(each.body) if each.body is not None else None,
        replayed_at=each.replayed_at,
    )


def _parsed(body: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body


@router.post(
    "/{rejection}/replay",
    summary="Replay what was rejected",
    responses=responses(404, 409, 422),
)
async def replay(
    rejection: Annotated[str, Path(min_length=1, max_length=250)],
    body: Replay,
    services: UsedServices,
    actor: UsedActor,
) -> Replayed:
    """Take a call as if it came now from an operator, or let an event into the one journey."""
    if matched := _ENTRY.fullmatch(rejection):
        run = await _replay_entry(services, actor, rejection, int(matched[1]), matched[2], body)
        services.notifier.wake()
        return Replayed(id=rejection, run=run)
    if matched := _ITEM.fullmatch(rejection):
        await _replay_item(services, actor, rejection, int(matched[1]), body)
        services.notifier.wake()
        return Replayed(id=rejection, run=None)
    raise unknown("rejection", rejection)


async def _replay_entry(
    services: Services,
    actor: Actor,
    rejection: str,
    event_id: int,
    journey: str,
    body: Replay,
) -> str:
    try:
        async with services.pool.connection() as conn, conn.transaction():
            answer = await replay_entry(
                conn, services.catalog, event_id, journey, ignore_age=body.ignore_age
            )
            if isinstance(answer, RefusedEntry):
                raise Problem(409, answer.code, reason_of(answer.code))
            await record_audit(
                conn,
                actor,
                "rejection.replay",
                f"rejection:{rejection}",
                after={"run": answer.run_id},
                journey=journey,
            )
    except LookupError:
        raise unknown("rejection", rejection) from None
    except ReplayedBefore:
        raise _replayed(rejection) from None
    return str(answer.run_id)


async def _replay_item(
    services: Services, actor: Actor, rejection: str, item_id: int, body: Replay
) -> None:
    async with services.pool.connection() as conn:
        stored = await read_rejected(conn, item_id)
    if stored is None:
        raise unknown("rejection", rejection)
    if stored.replayed_at is not None:
        raise _replayed(rejection)
    if not stored.whole:
        raise Problem(409, "not_kept", "only the beginning of this call was kept: send it again")
    decoded = decode(stored.body.encode(), constants=True)
    raw = decoded.value
    if body.ignore_age and isinstance(raw, dict):
        raw = {name: value for name, value in raw.items() if name not in ("timestamp", "sentAt")}
    envelope = Envelope(
        received_at=datetime.now(UTC),
        operate=True,
        link_keys=None if services.links is None else services.links.keys,
        doubtful=decoded.doubtful,
    )
    try:
        item = parse_item(raw, None, envelope)
    except ItemRefused as refused:
        raise Problem(409, refused.code, f"it is rejected once more: {refused}") from None
    if item.warnings:
        raise Problem(409, item.warnings[0].code, f"once more: {item.warnings[0].message}")
    [answer] = await take(
        services.pool,
        [item],
        limit_per_minute=services.contact_events_per_minute,
        sender=Sender(stored.source, trusted=True),
    )
    if isinstance(answer, Rejected):
        raise Problem(409, answer.code, f"it is rejected once more: {answer.message}")
    async with services.pool.connection() as conn, conn.transaction():
        await mark_replayed(conn, item_id)
        await record_audit(conn, actor, "rejection.replay", f"rejection:{rejection}")


def _replayed(rejection: str) -> Problem:
    return Problem(409, "replayed", f"{rejection} was replayed before")
