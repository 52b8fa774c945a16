"""Route of refused entries: those that one journey refused for one reason are tried again."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints

from api.events.refusal_words import reason_of
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import unknown_cursor
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.http.times import Instant, format_time, parse_time
from api.services import Services, UsedServices
from journeys.model.reasons import TRIED_AGAIN, RefusalReason
from store.definitions.catalog import BrokenDocument
from store.definitions.journeys import journey_version
from store.entries.admission import RefusedEntry
from store.entries.replay import ReplayedBefore, choose_refusals, replay_entry
from store.operations.audit import Actor, record_audit

router = APIRouter(
    prefix="/v1/events/refused",
    tags=["events"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

MOST: Final = 200
"""Entries that a call works on."""


class RefusalOrder(StrictBody):
    """Which refused entries are tried again."""

    journey: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    code: RefusalReason
    since: Instant | None = None
    """Only those refused at this time or later."""
    ignore_age: bool = False
    """Take an event that is older than the entry's `max_age`."""
    preview: bool = False
    """Only say how many there are."""
    reason: (
        Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S")] | None
    ) = None
    cursor: Annotated[str, Field(max_length=100)] | None = None
    """`next` of the call before."""


class RefusalAnswer(BaseModel):
    """What was done, or would be."""

    words: str
    found: int
    """The entries that this call has looked at, up to 200."""
    began: int
    """The runs that began."""
    refused: dict[str, int]
    """Entries that were refused once more, by code."""
    next: str | None
    """There are more: give it as `cursor` of the next call."""
    preview: bool


class _Again(Exception):
    """The entry is refused once more."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@router.post("/replay", summary="Try refused entries again", responses=responses(400, 404, 422))
async def post_replay(
    order: RefusalOrder, services: UsedServices, actor: UsedActor
) -> RefusalAnswer:
    """Let events into the journey that refused them for one reason; whether it does is judged now.

    The oldest come first, each in a transaction of its own; one that begins a run is not tried
    again, so the call may be repeated. No other journey sees the events.
    """
    if order.code not in TRIED_AGAIN:
        raise Problem(
            422,
            "never_let_in",
            f"code: entries refused as {order.code} would be refused again: "
            f"{reason_of(order.code)}; one of {', '.join(TRIED_AGAIN)} can be",
        )
    after = None if order.cursor is None else _place(order.cursor)
    async with services.pool.connection() as conn:
        if await journey_version(conn, order.journey) is None:
            raise unknown("journey", order.journey)
        chosen = await choose_refusals(
            conn, order.journey, order.code, since=order.since, after=after, limit=MOST + 1
        )
    tried = chosen[:MOST]
    following = f"{format_time(tried[-1][0])}~{tried[-1][1]}" if len(chosen) > MOST else None
    began = 0
    refused: Counter[str] = Counter()
    for _, event_id in [] if order.preview else tried:
        code = await _try_again(services, actor, order, event_id)
        if code is None:
            began += 1
        else:
            refused[code] += 1
    if began:
        services.notifier.wake()
    return RefusalAnswer(
        words=_words(order, len(tried), began, refused, following is not None),
        found=len(tried),
        began=began,
        refused=dict(refused),
        next=following,
        preview=order.preview,
    )


async def _try_again(
    services: Services, actor: Actor, order: RefusalOrder, event_id: int
) -> str | None:
    """Try one entry; the code by which it is refused once more, None if a run began."""
    try:
        async with services.pool.connection() as conn, conn.transaction():
            answer = await replay_entry(
                conn, services.catalog, event_id, order.journey, ignore_age=order.ignore_age
            )
            if isinstance(answer, RefusedEntry):
                raise _Again(answer.code)
            await record_audit(
                conn,
                actor,
                "rejection.replay",
                f"rejection:entry.{event_id}.{order.journey}",
                after={"run": answer.run_id},
                reason=order.reason,
                journey=order.journey,
            )
    except _Again as again:
        return again.code
    except BrokenDocument:
        return "broken"
    except (LookupError, ReplayedBefore):
        # Somebody else did, or it was removed meanwhile.
        return "replayed"
    return None


def _words(order: RefusalOrder, found: int, began: int, refused: Counter[str], more: bool) -> str:
    entries = f"{found} {'entry' if found == 1 else 'entries'} of {order.journey}"
    if order.preview:
        rest = "or more " if more else ""
        return f"{entries} {rest}would be tried again, {TRIED_AGAIN[order.code]}"
    again = "".join(f", {count} refused as {code}" for code, count in sorted(refused.items()))
    return f"{entries} tried again: {began} began a run{again}"


def _place(cursor: str) -> tuple[datetime, int]:
    at, _, event = cursor.partition("~")
    try:
        if not event.isdecimal() or len(event) > 18:
            raise ValueError
        return parse_time(at), int(event)
    except ValueError:
        raise unknown_cursor(cursor) from None
