"""Many runs that wait, written in bulk: rows as the engine leaves them, and workflows on top."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from channels.adapter import Email, Outgoing, Receipt
from dispatch.temporal import CONTACT_ID, JOURNEY_KEY, JOURNEY_VERSION
from journeys.protocol.channels import ChannelName
from journeys.protocol.names import QUEUE, WORKFLOW, workflow_id
from journeys.protocol.payloads import CarriedState, JourneyInput
from journeys.protocol.program import Cursor
from store.definitions.catalog import Catalog
from store.events.recording import NewEvent, record_events
from store.tables.identifiers import new_id

Pool = AsyncConnectionPool[AsyncConnection[Any]]
AT_ONCE = 40


class Post:
    """An adapter that takes every mail, and remembers to whom and what."""

    channel: ChannelName = "email"
    timeout = 5.0

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        """Address and subject, in the order they came."""

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Take it."""
        assert isinstance(outgoing, Email)
        self.taken.append((outgoing.to, outgoing.subject))
        return Receipt(provider_id=str(len(self.taken)))

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass(frozen=True)
class Member:
    """One run of a crowd."""

    contact: UUID
    run_id: UUID
    email: str


async def gather_crowd(
    pool: Pool, client: Client, journey: str, step: str, size: int, *, age: timedelta = timedelta()
) -> list[Member]:
    """So many runs of version 1 that stand at the wait `step`, for so long already.

    The wait ends in 30 days, or by the event Go.
    """
    members = await write_crowd(pool, journey, step, size, age=age)
    await start_crowd(pool, client, journey, step, members)
    return members


async def write_crowd(
    pool: Pool, journey: str, step: str, size: int, *, age: timedelta = timedelta()
) -> list[Member]:
    """The rows of such runs, without their workflows."""
    members = [Member(uuid4(), new_id(), f"{step}-{age.days}-{n}@example.com") for n in range(size)]
    async with pool.connection() as conn, conn.transaction():
        columns = [
            [each.contact for each in members],
            [each.run_id for each in members],
            [each.email for each in members],
        ]
        await conn.execute(
            "insert into contact (id, external_id, email)"
            " select id, email, email from unnest(%s::uuid[], %s::text[]) as g(id, email)",
            (columns[0], columns[2]),
        )
        await conn.execute(
            "insert into run (id, journey, version, contact_id, entry_ref, ref, step, visit,"
            " started_at, workflow_started_at)"
            " select run, %s, 1, contact, 0, 0, %s, 1, now() - %s, now()"
            " from unnest(%s::uuid[], %s::uuid[]) as g(contact, run)",
            (journey, step, age, columns[0], columns[1]),
        )
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, started_at, due_at, ref)"
            " select run, 1, %s, 'wait', now() - %s, now() + interval '30 days', 0"
            " from unnest(%s::uuid[]) as g(run)",
            (step, age, columns[1]),
        )
        await conn.execute(
            "insert into listener (run_id, visit, slot, contact_id, event_name, ref)"
            " select run, 1, 0, contact, 'Go', 0"
            " from unnest(%s::uuid[], %s::uuid[]) as g(contact, run)",
            (columns[0], columns[1]),
        )
    return members


async def start_crowd(
    pool: Pool, client: Client, journey: str, step: str, members: Sequence[Member]
) -> None:
    """Start the workflows of runs, which stand at their first visit."""
    async with pool.connection() as conn:
        definition = await Catalog().definition(conn, journey, 1)
    place = [node.id for node in definition.program.nodes].index(step)
    state = CarriedState(cursor=Cursor(node=place, visit=1), standing=True)

    async def start(member: Member) -> None:
        await client.start_workflow(
            WORKFLOW,
            JourneyInput(run_id=member.run_id, program=definition.program, state=state),
            id=workflow_id(journey, member.run_id),
            task_queue=QUEUE,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(JOURNEY_KEY, journey),
                    SearchAttributePair(JOURNEY_VERSION, "1"),
                    SearchAttributePair(CONTACT_ID, str(member.contact)),
                ]
            ),
        )

    limit = asyncio.Semaphore(AT_ONCE)

    async def one(member: Member) -> None:
        async with limit:
            await start(member)

    await asyncio.gather(*map(one, members))


async def let_go(pool: Pool, members: Sequence[Member]) -> None:
    """The event Go of each, accepted in one transaction."""
    async with pool.connection() as conn, conn.transaction():
        ids = sorted(member.contact for member in members)
        await conn.execute(
            "select from contact where id = any(%s) order by id for no key update", (ids,)
        )
        for contact in ids:
            await record_events(conn, contact, [NewEvent("Go", {})])
