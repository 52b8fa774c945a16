"""Hits: requests for the links of messages, kept until they are judged and then recorded.

They come from a spool, which repeats them after a crash; their ids keep them apart.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from journeys.links.classification import Hit, Verdict, classify
from journeys.links.signs import Sign
from journeys.links.tokens import LinkKind
from journeys.model.well_known_events import MESSAGE_CLICKED, MESSAGE_OPENED
from store.events.message_events import MessageEvent, record_message_events
from store.sql import Connection, execute, fetch_all, fetch_column, sql

SOURCE: Final = "links"
"""The source of the ids of events that hits become."""
UNTRACKED: Final = "tracking"
"""The attribute of a contact that refuses tracking: `false`."""
_MOST: Final = 1_000
"""The hits of one message that are looked at; a reader makes a few."""
_RECORDED: Final[dict[LinkKind, str]] = {"click": MESSAGE_CLICKED, "open": MESSAGE_OPENED}

_INSERT = sql("""
insert into link_hit (id, message_id, kind, url, client, signs, happened_at)
select h.id, h.message_id, h.kind, h.url, h.client, h.signs,
       least(h.happened_at, parcours.clock())
from jsonb_to_recordset(%(hits)s::jsonb) as h(
    id uuid, message_id uuid, kind text, url text, client text, signs text[],
    happened_at timestamptz)
where exists (select from message m where m.id = h.message_id)
on conflict (id) do nothing
""")
_DUE = sql("""
select message_id from link_hit where judged_at is null
group by message_id
having max(received_at) <= parcours.clock() - make_interval(secs => %(quiet)s)
    or min(received_at) <= parcours.clock() - make_interval(secs => %(at_most)s)
order by min(received_at) limit %(limit)s
""")
_READ = sql("""
select h.message_id, h.judged_at is not null, h.id, h.kind, h.url, h.happened_at, h.client, h.signs
from unnest(%(messages)s::uuid[]) as wanted(id)
cross join lateral (
    select * from link_hit where message_id = wanted.id
    order by judged_at is not null, happened_at desc limit %(most)s
) h
""")
# A message that was tried several times, or settled late by a notification, was sent at its claim.
# So was one whose attempt was cut off: it is settled when that is noticed.
_MESSAGES = sql("""
select m.id, m.claimed_at,
       case when m.settled_at < m.claimed_at + interval '30 seconds'
                 and m.code is distinct from 'interrupted' then m.settled_at
            else m.claimed_at end,
       coalesce(c.attributes -> %(untracked)s = 'false'::jsonb, false)
from message m join contact c on c.id = m.contact_id
where m.id = any(%(messages)s)
""")
_JUDGED = sql("""
update link_hit h set judged_at = parcours.clock(), by = j.by, reasons = j.reasons
from jsonb_to_recordset(%(hits)s::jsonb) as j(id uuid, by text, reasons text[])
where h.id = j.id and h.judged_at is null
""")
_DROP = sql("delete from link_hit where message_id = any(%(messages)s)")
_SET_ASIDE = sql("""
update link_hit set judged_at = parcours.clock(), reasons = '{failed}'
where message_id = any(%(messages)s) and judged_at is null
""")


@dataclass(frozen=True, slots=True)
class NewHit:
    """A hit as it comes from the spool."""

    id: UUID
    message_id: UUID
    kind: LinkKind
    url: str | None
    client: str
    signs: Sequence[Sign]
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class Judgement:
    """How many hits of a kind were held to be made by whom."""

    kind: str
    by: str


async def insert_hits(conn: Connection, hits: Sequence[NewHit]) -> int:
    """Keep hits; how many are new. Those of messages that are not there any more are dropped."""
    rows = [asdict(hit) for hit in hits]
    return await execute(conn, _INSERT, {"hits": orjson.dumps(rows).decode()})


async def messages_to_judge(
    conn: Connection, *, quiet: float, at_most: float, limit: int
) -> list[UUID]:
    """Messages whose hits can be judged, the longest waiting first.

    No hit has come for `quiet` seconds, or the first one waits for `at_most` seconds.
    """
    parameters = {"quiet": quiet, "at_most": at_most, "limit": limit}
    return await fetch_column(conn, _DUE, parameters)


async def judge_messages(conn: Connection, message_ids: Sequence[UUID]) -> list[Judgement]:
    """Judge the hits of messages, and record them as events, in the caller's transaction.

    All hits of a message are looked at, those of earlier times too; what was judged stays as it
    was. Hits of messages that were erased are deleted; those of contacts that refuse tracking, and
    repeated ones, are recorded as no event. Raises as `record_message_events` does.
    """
    found: defaultdict[UUID, list[Hit]] = defaultdict(list)
    judged: set[UUID] = set()
    parameters = {"messages": list(message_ids), "most": _MOST}
    for message_id, before, hit_id, *values, signs in await fetch_all(conn, _READ, parameters):
        kind, url, at, client = values
        found[message_id].append(Hit(hit_id, kind, url, at, client, frozenset(signs)))
        if before:
            judged.add(hit_id)
    known = await fetch_all(
        conn, _MESSAGES, {"messages": list(message_ids), "untracked": UNTRACKED}
    )
    events: list[MessageEvent] = []
    rows: list[dict[str, Any]] = []
    judgements: list[Judgement] = []
    for message_id, begun_at, sent_at, untracked in known:
        # A message may have a thousand hits: other requests get their turn after each.
        await asyncio.sleep(0)
        verdicts = classify(found[message_id], begun_at, sent_at or begun_at)
        for hit in found[message_id]:
            if hit.id in judged:
                continue
            verdict = verdicts[hit.id]
            rows.append({"id": hit.id, "by": verdict.by, "reasons": verdict.reasons})
            judgements.append(Judgement(hit.kind, verdict.by))
            name = _RECORDED.get(hit.kind)
            if name is not None and not untracked and not verdict.again:
                events.append(_event(message_id, name, hit, verdict))
    await record_message_events(conn, events, source=SOURCE)
    await execute(conn, _JUDGED, {"hits": orjson.dumps(rows).decode()})
    erased = set(message_ids) - {row[0] for row in known}
    if erased:
        await execute(conn, _DROP, {"messages": list(erased)})
    return judgements


async def set_aside(conn: Connection, message_ids: Sequence[UUID]) -> None:
    """Judge hits no more, because doing so fails."""
    await execute(conn, _SET_ASIDE, {"messages": list(message_ids)})


def _event(message_id: UUID, name: str, hit: Hit, verdict: Verdict) -> MessageEvent:
    properties: dict[str, Any] = {} if hit.url is None else {"url": hit.url}
    if verdict.reasons:
        properties["reasons"] = list(verdict.reasons)
    return MessageEvent(
        message_id=message_id,
        name=name,
        id=f"hit.{hit.id}",
        happened_at=hit.at,
        properties=properties,
        by=verdict.by,
    )
