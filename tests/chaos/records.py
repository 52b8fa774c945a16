"""What the product has on record: its database, its inbox, Temporal's list and its logs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from devstack.inbox import Inbox
from tests.support.expected_figures import wrong_figures


@dataclass(frozen=True, slots=True)
class Run:
    """A run, with the names of its contact and order."""

    id: UUID
    order: str
    customer: str
    state: str
    step: str | None
    outcome: str | None
    reason: str | None
    ended_at: datetime | None
    entry_message_id: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A run at a step."""

    run_id: UUID
    visit: int
    step: str
    outcome: str | None
    due_at: datetime | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a visit."""

    id: UUID
    run_id: UUID
    visit: int
    step: str
    state: str
    claimed_at: datetime
    settled_at: datetime | None


class Records:
    """Reads a stack's records; its database may be away."""

    def __init__(self, database_url: str, data_dir: Path) -> None:
        self._url = database_url
        self._data_dir = data_dir
        self._kept: AsyncConnection[Any] | None = None

    async def close(self) -> None:
        """Close the connection that is kept for quick looks."""
        if self._kept is not None:
            await self._kept.close()
            self._kept = None

    async def dues(self) -> Mapping[str, datetime]:
        """When waits for payment end or ended, by order; empty while the database is away."""
        rows = await self._now(
            "select r.key, v.due_at from run r join visit v on v.run_id = r.id"
            " where v.step = 'paid' and v.due_at is not null"
        )
        return {row["key"]: row["due_at"] for row in rows}

    async def just_claimed(self) -> int:
        """How many sends are in flight, without those of older kills; 0 without a database."""
        rows = await self._now(
            "select from message where state = 'claimed'"
            " and claimed_at > clock_timestamp() - interval '1 second'"
        )
        return len(rows)

    async def just_entered(self) -> int:
        """How many runs are on their way to Temporal, or just there; 0 without a database."""
        rows = await self._now(
            "select from run where state = 'active' and visit = 0"
            " and started_at > clock_timestamp() - interval '0.3 seconds'"
        )
        return len(rows)

    async def unfinished(self) -> Mapping[str, int]:
        """How much is left to do, by kind, where there is something left."""
        async with self._connection() as conn:
            return {
                name: count
                for name, query in _UNFINISHED.items()
                if (count := await _count(conn, query))
            }

    async def runs(self) -> Sequence[Run]:
        """All runs."""
        return await self._all(
            Run,
            "select r.id, r.key as order, c.external_id as customer, r.state, r.step, r.outcome,"
            " r.reason, r.ended_at, e.message_id as entry_message_id"
            " from run r join contact c on c.id = r.contact_id"
            " join event e on e.id = r.entry_event_id",
        )

    async def visits(self) -> Mapping[UUID, Sequence[Visit]]:
        """The visits of each run, in order."""
        found: dict[UUID, list[Visit]] = defaultdict(list)
        for visit in await self._all(
            Visit,
            "select run_id, visit, step, outcome, due_at, facts from visit order by run_id, visit",
        ):
            found[visit.run_id].append(visit)
        return found

    async def messages(self) -> Sequence[Message]:
        """All messages."""
        return await self._all(
            Message,
            "select id, run_id, visit, step, state, claimed_at, settled_at from message",
        )

    async def reactions(self) -> Mapping[UUID, tuple[bool, int]]:
        """Of each first mail: whether it was delivered, and the clicks of people."""
        rows = await self._rows(
            "select m.id, m.delivered_at is not null as delivered,"
            " (select count(*) from event e where e.contact_id = m.contact_id"
            "  and e.name = 'Message Clicked' and e.properties->>'message_id' = m.id::text"
            "  and e.properties->>'by' = 'human') as clicks"
            " from message m where m.step = 'confirm'"
        )
        return {row["id"]: (row["delivered"], row["clicks"]) for row in rows}

    async def stamps(self) -> Mapping[str, datetime]:
        """When each event that was posted was stamped, by `messageId`."""
        rows = await self._rows(
            "select message_id, stamped_at from event where name like 'Order %%'"
        )
        return {row["message_id"]: row["stamped_at"] for row in rows}

    async def contacts(self) -> Mapping[str, dict[str, Any]]:
        """Address, number and attributes of each contact."""
        rows = await self._rows("select external_id, email, phone, attributes from contact")
        return {row.pop("external_id"): row for row in rows}

    async def count(self, table: LiteralString) -> int:
        """How many rows a table has."""
        async with self._connection() as conn:
            return await _count(conn, "select count(*) from " + table)

    async def faults(self) -> list[dict[str, Any]]:
        """The faults that were recorded."""
        return await self._rows("select activity, code, subject, detail from fault")

    async def rows(self, query: LiteralString) -> list[dict[str, Any]]:
        """The rows of a query of the caller's."""
        return await self._rows(query)

    async def wrong_figures(self) -> list[str]:
        """Where the figures are not a recount of the rows."""
        async with self._connection() as conn:
            return await wrong_figures(conn, "orders", "UTC")

    def inbox(self) -> list[dict[str, Any]]:
        """What the sinks took, oldest first."""
        return Inbox(self._data_dir / "inbox.jsonl").read()

    def taken(self) -> int:
        """How many messages the sinks took."""
        return len(self.inbox())

    def logged(self, *events: str) -> list[dict[str, Any]]:
        """The lines of these events in the logs of API and worker."""
        lines = []
        for name in ("api", "worker"):
            for line in (self._data_dir / "logs" / f"{name}.log").read_bytes().splitlines():
                try:
                    said = orjson.loads(line)
                except orjson.JSONDecodeError:
                    # The last line of a process that was killed while it wrote.
                    continue
                if isinstance(said, dict) and said.get("event") in events:
                    lines.append(said)
        return lines

    async def _now(self, query: LiteralString) -> list[dict[str, Any]]:
        try:
            if self._kept is None:
                self._kept = await self._connect()
            async with self._kept.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(query)
                return await cursor.fetchall()
        except psycopg.OperationalError:
            await self.close()
            return []

    async def _rows(self, query: LiteralString) -> list[dict[str, Any]]:
        async with self._connection() as conn, conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query)
            return await cursor.fetchall()

    async def _all(self, kind: type[Any], query: LiteralString) -> list[Any]:
        async with self._connection() as conn, conn.cursor(row_factory=class_row(kind)) as cursor:
            await cursor.execute(query)
            return await cursor.fetchall()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        async with await self._connect() as conn:
            yield conn

    async def _connect(self) -> AsyncConnection[Any]:
        return await AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5)


@asynccontextmanager
async def open_records(database_url: str, data_dir: Path) -> AsyncIterator[Records]:
    """The records of the stack with this database and directory."""
    records = Records(database_url, data_dir)
    try:
        yield records
    finally:
        await records.close()


_UNFINISHED: dict[str, LiteralString] = {
    "undispatched events": "select count(*) from outbox",
    "leased contacts": "select count(*) from contact where leased_until > now()",
    "claimed messages": "select count(*) from message where state in ('claimed', 'released')",
    "sends": (
        "select count(*) from visit where outcome is null and kind in ('email', 'sms', 'webhook')"
    ),
    "waits that are due": (
        "select count(*) from visit v join run r on r.id = v.run_id"
        " where v.outcome is null and r.state = 'active' and v.due_at is not null"
    ),
    "runs between two steps": (
        "select count(*) from run r where r.state = 'active' and not exists ("
        " select from visit v where v.run_id = r.id and v.visit = r.visit and v.outcome is null)"
    ),
    "runs without a workflow": (
        "select count(*) from run where state = 'active' and workflow_started_at is null"
    ),
    # The run's workflow was signalled and has not handled the event yet.
    "events that a run listens to": (
        "select count(*) from listener l join event e on e.contact_id = l.contact_id"
        " and e.name = l.event_name and e.id > l.ref and e.properties @> l.match"
    ),
    "workflows to stop": "select count(*) from run where stop_workflow",
}


async def _count(conn: AsyncConnection[Any], query: LiteralString) -> int:
    cursor = await conn.execute(query)
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])
