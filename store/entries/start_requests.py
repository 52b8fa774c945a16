"""Starts by API: one answer to an idempotency key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb


async def lock_idempotency_key(conn: AsyncConnection[Any], journey: str, key: str) -> None:
    """Let requests with one idempotency key take turns, until the transaction ends."""
    await conn.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"start {journey} {key}",)
    )


async def read_answer(
    conn: AsyncConnection[Any], journey: str, key: str
) -> tuple[int, dict[str, Any]] | None:
    """The first answer to a key: status and body."""
    cursor = await conn.execute(
        "select status, answer from start_request where journey = %s and idempotency_key = %s",
        (journey, key),
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def keep_answer(
    conn: AsyncConnection[Any], journey: str, key: str, status: int, answer: dict[str, Any]
) -> None:
    """Keep the answer to a key."""
    await conn.execute(
        "insert into start_request (journey, idempotency_key, status, answer)"
        " values (%s, %s, %s, %s)",
        (journey, key, status, Jsonb(answer)),
    )


async def forget_start(conn: AsyncConnection[Any], run_id: UUID) -> None:
    """Take back a run that Temporal never got, with the answer that told of it."""
    await conn.execute(
        """
        with unkept as (delete from start_request where answer->>'id' = %(run)s::text),
        deaf as (delete from listener where run_id = %(run)s)
        delete from run where id = %(run)s and workflow_started_at is null
        """,
        {"run": run_id},
    )
