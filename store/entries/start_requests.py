"""Starts by API: the first answer to each idempotency key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, insert, select
from sqlmodel import col

from store.sql import Connection, execute, fetch_one, sql, statement
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
_FORGET = sql("""
with removed_answer as (delete from start_request where answer->>'id' = %(run)s::text),
removed_listeners as (delete from listener where run_id = %(run)s)
delete from run where id = %(run)s and workflow_started_at is null
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


async def forget_start(conn: Connection, run_id: UUID) -> None:
    """Delete a run whose workflow could not be started, and the kept answer that names it."""
    await execute(conn, _FORGET, {"run": run_id})
