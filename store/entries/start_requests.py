"""Starts by API: the first answer to each idempotency key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, insert, select
from sqlmodel import col

from store.runs.rows import lock_run
from store.sql import Connection, execute, fetch_one, fetch_value, sql, statement
from store.tables.runs import StartRequest

_LOCK = sql("select pg_advisory_xact_lock(hashtextextended(%(name)s, 0))")
_ANSWER = statement(
    select(col(StartRequest.status), col(StartRequest.answer)).where(
        col(StartRequest.journey) == bindparam("journey"),
        col(StartRequest.idempotency_key) == bindparam("key"),
    )
)
_KEEP = statement(
    insert(StartRequest).values(
        journey=bindparam("journey"),
        idempotency_key=bindparam("idempotency_key"),
        status=bindparam("status"),
        answer=bindparam("answer"),
    )
)
# A run whose workflow is at work all the same has a visit, or a claim that the lock waits for.
_FORGET = sql("""
with removed as (
    delete from run where id = %(run)s and workflow_started_at is null and visit = 0
    and not exists (select from visit where run_id = %(run)s)
    and not exists (select from message where run_id = %(run)s)
    returning id
), removed_answer as (
    delete from start_request where journey = %(journey)s and idempotency_key = %(key)s
    and answer->>'id' = (select id::text from removed)
), removed_listeners as (
    delete from listener where run_id = (select id from removed)
)
select exists (select from removed)
""")


async def lock_idempotency_key(conn: Connection, journey: str, key: str) -> None:
    """Lock an idempotency key until the transaction ends: requests with it run one by one."""
    await execute(conn, _LOCK, {"name": f"start {journey} {key}"})


async def read_answer(
    conn: Connection, journey: str, key: str
) -> tuple[int, dict[str, Any]] | None:
    """The first answer to a key, status and body; None if there is none yet."""
    row = await fetch_one(conn, _ANSWER, {"journey": journey, "key": key})
    return (row[0], row[1]) if row else None


async def keep_answer(
    conn: Connection, journey: str, key: str, status: int, answer: dict[str, Any]
) -> None:
    """Keep the first answer to a key."""
    await execute(
        conn,
        _KEEP,
        {
            "journey": journey,
            "idempotency_key": key,
            "status": status,
            "answer": Jsonb(answer),
        },
    )


async def forget_start(conn: Connection, run_id: UUID, journey: str, key: str | None) -> bool:
    """Delete a run whose workflow could not be started, and the answer kept for its key.

    False if its workflow was started all the same and is at work: then everything stays. Runs in a
    transaction of its own.
    """
    async with conn.transaction():
        if await lock_run(conn, run_id) is None:
            return False
        names = {"run": run_id, "journey": journey, "key": key}
        return bool(await fetch_value(conn, _FORGET, names))
