"""Others, who act while a fault is injected: all of theirs has to take effect within seconds."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import (
    Client,
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    WorkflowExecutionDescription,
)
from temporalio.service import RPCError, RPCStatusCode

from dispatch.dispatcher import Dispatcher
from tests.support.conditions import eventually
from tests.support.engine import activate

Pool = AsyncConnectionPool[AsyncConnection[Any]]
COUNT = int(os.environ.get("BYSTANDERS", "120"))
"""More than one round of a dispatcher takes; `BYSTANDERS=200` before a test plays more."""
BATCH = 50
"""Calls of a request."""
SECONDS = 20.0
"""Until all of theirs has taken effect, on a machine that does other things too."""

JOURNEY = """
journey: bystander
entry: {event: Acted}
re_entry: always
steps:
  - {id: note, update: {add: {acts: 1}}}
"""


class FaultyTemporal(Interceptor):
    """A client's calls, of which some get the answer that `answer` has for a workflow's id."""

    def __init__(self) -> None:
        self.answer: Callable[[str], RPCStatusCode | None] = lambda _: None
        self.failed = 0

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        """Called by the client for its chain of interceptors."""
        return _Faulty(next, self)

    def around(self, client: Client) -> Client:
        """The same client, with these answers."""
        config = client.config()
        config["interceptors"] = [self]
        return Client(**config)

    def check(self, workflow: str) -> None:
        """Raise the answer for a workflow."""
        status = self.answer(workflow)
        if status is not None:
            self.failed += 1
            raise RPCError("injected", status, b"")


class _Faulty(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, faults: FaultyTemporal) -> None:  # noqa: A002
        super().__init__(next)
        self._faults = faults

    async def start_workflow(self, input: StartWorkflowInput) -> Any:  # noqa: A002
        self._faults.check(input.id)
        return await super().start_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002
        self._faults.check(input.id)
        await super().signal_workflow(input)

    async def describe_workflow(
        self,
        input: DescribeWorkflowInput,  # noqa: A002
    ) -> WorkflowExecutionDescription:
        self._faults.check(input.id)
        return await super().describe_workflow(input)


class Bystanders:
    """So many contacts, each of which enters a journey of one step at each `act`."""

    def __init__(self, pool: Pool, dispatcher: Dispatcher) -> None:
        self._pool = pool
        self.dispatcher = dispatcher
        self._contacts = [uuid4() for _ in range(COUNT)]
        self._acts = 0

    async def gather(self) -> None:
        """Make them known, with their journey."""
        await activate(self._pool, JOURNEY)
        async with self._pool.connection() as conn:
            await conn.execute(
                "insert into contact (id, external_id) select id, id from unnest(%s::uuid[]) as id",
                (self._contacts,),
            )

    async def act(self) -> None:
        """All act once."""
        self._acts += 1
        async with self._pool.connection() as conn:
            await accept_of_each(conn, self._contacts, "Acted")
        self.dispatcher.nudge()

    async def act_through(self, client: httpx.AsyncClient) -> None:
        """All act once, each by the API."""
        self._acts += 1
        for begin in range(0, COUNT, BATCH):
            calls = [
                {"type": "track", "userId": str(contact), "event": "Acted"}
                for contact in self._contacts[begin : begin + BATCH]
            ]
            answer = await client.post("/v1/batch", json={"batch": calls})
            assert answer.status_code == 200, answer.text

    async def unaffected(self) -> None:
        """Wait until all of theirs has taken effect."""

        async def done() -> bool:
            async with self._pool.connection() as conn:
                cursor = await conn.execute(
                    "select count(*) filter (where (attributes->>'acts')::int >= %s)"
                    " from contact where id = any(%s)",
                    (self._acts, self._contacts),
                )
                row = await cursor.fetchone()
            assert row == (COUNT,), row
            return True

        await eventually(done, SECONDS, every=0.1, what="the others' events take effect")


async def accept_of_each(
    conn: AsyncConnection[Any], contacts: list[UUID], name: str, properties: str = "{}"
) -> None:
    """Record an event of each contact in one statement; a contact may come several times."""
    await conn.execute(
        "with made as ("
        " insert into event (contact_id, name, properties, message_id)"
        " select c, %(name)s, %(properties)s::jsonb, gen_random_uuid()::text"
        " from unnest(%(contacts)s::uuid[]) with ordinality g(c, n) order by n"
        " returning id, contact_id"
        "), queued as (insert into outbox (contact_id, event_id) select contact_id, id from made)"
        " update contact c set last_event_id = greatest(c.last_event_id, newest.id)"
        " from (select contact_id, max(id) as id from made group by contact_id) newest"
        " where c.id = newest.contact_id",
        {"name": name, "properties": properties, "contacts": contacts},
    )
