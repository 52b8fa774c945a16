"""Listing of messages, page by page, and one message with its attempts and its links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import AsyncConnection

from journeys.protocol.message_status import RECORDED_STATUSES, RecordedStatus
from store.messages.kept_contents import read_kept_content
from store.sql import fetch_all, fetch_all_as, fetch_one_as, integer, sql
from store.tables.messages import MessageState

ShownStatus = Literal[MessageState, RecordedStatus, "unsubscribed"]
"""A state of messages, or what came back of them."""

_SHOWN = (*RECORDED_STATUSES, "unsubscribed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMessage:
    """A message as it is listed."""

    id: UUID
    contact: str
    """The external id, or our id if there is none."""
    journey: str
    version: int
    run_id: UUID
    visit: int
    step: str
    channel: str
    topic: str | None
    provider: str | None
    provider_id: str | None
    state: MessageState
    delivered_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    bounced_at: datetime | None
    replied_at: datetime | None
    complained_at: datetime | None
    unsubscribed_at: datetime | None
    code: str | None
    detail: str | None
    address: str | None
    content: str | None
    locale: str | None
    attempts: int
    first_attempt_at: datetime
    claimed_at: datetime
    settled_at: datetime | None

    def statuses(self) -> dict[str, datetime]:
        """What came back of it, each with its first time, in the order of these."""
        reached = [(getattr(self, f"{status}_at"), status) for status in _SHOWN]
        return {status: at for at, status in sorted(each for each in reached if each[0])}


Place = tuple[UUID, int]
"""The run and the visit of the last message that a page has looked at."""
_FIELDS: Final = tuple(each.name for each in fields(ListedMessage))


@dataclass(frozen=True, slots=True)
class MessageListing:
    """A page of messages."""

    items: list[ListedMessage]
    next: Place | None
    """Where the page after it begins; None if this is the last one. A page may have fewer messages
    than were asked for, and another after it."""


@dataclass(frozen=True, slots=True)
class EarlierAttempts:
    """Earlier attempts at a message with one provider that came to one code."""

    provider: str
    code: str
    state: str
    attempts: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class LinkHits:
    """Requests for a link, or for the page or image of a kind."""

    kind: str
    url: str | None
    human: int
    machine: int
    unknown: int
    """Those that are not judged yet are among them."""
    first_at: datetime


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message with all that is known of it."""

    message: ListedMessage
    earlier: list[EarlierAttempts]
    hits: list[LinkHits]
    kept: dict[str, Any] | None
    """What it said; None if that is not kept."""


_COLUMNS = sql(
    """
    m.id, coalesce(c.external_id, c.id::text) as contact, r.journey,
    coalesce(m.version, r.version) as version, m.run_id, m.visit,
    m.step, m.channel, m.topic, m.provider, m.provider_id, m.state, m.delivered_at, m.opened_at,
    m.clicked_at, m.bounced_at, m.replied_at, m.complained_at, m.unsubscribed_at, m.code, m.detail,
    m.address, m.content, m.locale, m.attempts, m.first_attempt_at, m.claimed_at, m.settled_at
    """
)
_FILTERS = sql(
    """
    (%(step)s::text is null or m.step = %(step)s::text)
    and (%(channel)s::text is null or m.channel = %(channel)s::text)
    and (%(status)s::text is null or m.state = %(status)s::text
         or to_jsonb(m) ->> (%(status)s::text || '_at') is not null)
    and (%(run)s::uuid is null or (m.run_id, m.visit) < (%(run)s::uuid, %(visit)s::int))
    """
)
# The order is that of the index of visits: ids of runs follow their starts.
_LIST = sql(
    """
    select null::uuid, null::int, {columns}
    from message m join run r on r.id = m.run_id join contact c on c.id = m.contact_id
    where (%(contact)s::uuid is null or m.contact_id = %(contact)s::uuid)
      and (%(journey)s::text is null or r.journey = %(journey)s::text)
      and (%(lowest)s::uuid is null or m.id between %(lowest)s::uuid and %(highest)s::uuid)
      and {filters}
    order by m.run_id desc, m.visit desc limit %(limit)s
    """,
    columns=_COLUMNS,
    filters=_FILTERS,
)
_LOOKED_AT: Final = 5_000
"""Messages, or runs of a journey, that a page looks at, at most: so it takes the same time if few
meet the filters. It ends with the last one that it has looked at."""
_OF_ANY = sql(
    """
    with looked as materialized (
        select * from message m
        where %(run)s::uuid is null or (m.run_id, m.visit) < (%(run)s::uuid, %(visit)s::int)
        order by m.run_id desc, m.visit desc limit {looked_at}
    ),
    cut as materialized (
        select run_id as run, visit from looked where (select count(*) from looked) = {looked_at}
        order by run_id, visit limit 1
    )
    select cut.run, cut.visit, found.*
    from (select) one left join cut on true left join lateral (
        select {columns}
        from looked m
        cross join lateral (select journey, version from run where id = m.run_id offset 0) r
        join contact c on c.id = m.contact_id
        where {filters}
        order by m.run_id desc, m.visit desc limit %(limit)s
    ) found on true
    order by found.run_id desc, found.visit desc
    """,
    columns=_COLUMNS,
    filters=_FILTERS,
    looked_at=integer(_LOOKED_AT),
)
# Runs of one journey by their ids, newest first, each with its messages: the index of runs is read
# from the cursor on, in both states. Ids alone are asked of it, which it has: for more the planner
# would go through the runs of all journeys.
_OF_JOURNEY = sql(
    """
    with looked as materialized (
        select id from (
            (select id from run where journey = %(journey)s and state = 'active'
                and (%(run)s::uuid is null or id <= %(run)s::uuid)
                order by id desc limit {looked_at})
            union all
            (select id from run where journey = %(journey)s and state = 'ended'
                and (%(run)s::uuid is null or id <= %(run)s::uuid)
                order by id desc limit {looked_at})
        ) ids order by id desc limit {looked_at}
    ),
    cut as materialized (
        select id as run, 0 as visit from looked where (select count(*) from looked) = {looked_at}
        order by id limit 1
    )
    select cut.run, cut.visit, found.*
    from (select) one left join cut on true left join lateral (
        select {columns}
        from looked l
        cross join lateral (select id, journey, version from run where id = l.id offset 0) r
        cross join lateral (
            select * from message m
            where m.run_id = r.id
              and (%(version)s::integer is null
                   or coalesce(m.version, r.version) = %(version)s::integer)
              and {filters}
            offset 0
        ) m
        join contact c on c.id = m.contact_id
        order by l.id desc, m.visit desc limit %(limit)s
    ) found on true
    order by found.run_id desc, found.visit desc
    """,
    columns=_COLUMNS,
    filters=_FILTERS,
    looked_at=integer(_LOOKED_AT),
)
_ONE = sql(
    """
    select {columns}
    from message m join run r on r.id = m.run_id join contact c on c.id = m.contact_id
    where m.id = %(message)s
    """,
    columns=_COLUMNS,
)
_EARLIER = sql(
    """
    select provider, code, state, attempts, first_at, last_at
    from message_attempt where message_id = %(message)s order by first_at, provider, code
    """
)
_HITS = sql(
    """
    select kind, url, count(*) filter (where by = 'human') as human,
           count(*) filter (where by = 'machine') as machine,
           count(*) filter (where by is null or by = 'unknown') as unknown,
           min(happened_at) as first_at
    from link_hit where message_id = %(message)s
    group by kind, url order by min(happened_at), kind, url limit 200
    """
)


async def list_messages(
    conn: AsyncConnection[Any],
    *,
    contact: UUID | None = None,
    journey: str | None = None,
    step: str | None = None,
    channel: str | None = None,
    status: ShownStatus | None = None,
    prefix: str | None = None,
    before: Place | None = None,
    limit: int,
) -> MessageListing:
    """Messages that meet every filter: those of the newest run first, the last of it first.

    Args:
        contact: our id.
        prefix: how their ids begin, in hexadecimal digits and dashes.
        before: where the page before ended.
        limit: the most messages.
    """
    if contact is None and prefix is None:
        if journey is not None:
            return await list_recipients(
                conn, journey, step=step, channel=channel, status=status, before=before,
                limit=limit,
            )  # fmt: skip
        query = _OF_ANY
    else:
        query = _LIST
    run, visit = before or (None, None)
    parameters = {
        "contact": contact,
        "journey": journey,
        "step": step,
        "channel": channel,
        "status": status,
        "run": run,
        "visit": visit,
        "lowest": _completed(prefix, "0") if prefix else None,
        "highest": _completed(prefix, "f") if prefix else None,
        "limit": limit + 1,
    }
    return _listing(await fetch_all(conn, query, parameters), limit)


async def list_recipients(
    conn: AsyncConnection[Any],
    journey: str,
    *,
    version: int | None = None,
    step: str | None = None,
    channel: str | None = None,
    status: ShownStatus | None = None,
    before: Place | None = None,
    limit: int,
) -> MessageListing:
    """The messages of one journey that meet every filter, in the order of `list_messages`."""
    run, visit = before or (None, None)
    parameters = {
        "journey": journey,
        "version": version,
        "step": step,
        "channel": channel,
        "status": status,
        "run": run,
        "visit": visit,
        "limit": limit + 1,
    }
    return _listing(await fetch_all(conn, _OF_JOURNEY, parameters), limit)


def _listing(rows: Sequence[tuple[Any, ...]], limit: int) -> MessageListing:
    """The page of rows that begin with where it ends if no more than `limit` were found."""
    found = [
        ListedMessage(**dict(zip(_FIELDS, row[2:], strict=True)))
        for row in rows
        if row[2] is not None
    ]
    if len(found) > limit:
        last = found[limit - 1]
        return MessageListing(found[:limit], (last.run_id, last.visit))
    following = None if not rows or rows[0][0] is None else (rows[0][0], rows[0][1])
    return MessageListing(found, following)


async def show_message(conn: AsyncConnection[Any], message_id: UUID) -> ShownMessage | None:
    """A message with what it said, if that is kept; None if there is no such message."""
    wanted = {"message": message_id}
    message = await fetch_one_as(conn, ListedMessage, _ONE, wanted)
    if message is None:
        return None
    return ShownMessage(
        message,
        await fetch_all_as(conn, EarlierAttempts, _EARLIER, wanted),
        await fetch_all_as(conn, LinkHits, _HITS, wanted),
        await read_kept_content(conn, message_id),
    )


def _completed(prefix: str, digit: str) -> UUID:
    """The lowest or highest id with the prefix."""
    return UUID(prefix.replace("-", "").ljust(32, digit)[:32])
