"""How the audit log is read and taken care of when it is long: by indexes alone."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store import sql as statements
from store.operations import audit_listing
from store.operations.audit_listing import WantedAudit, list_audit
from store.sql import Connection, Parameters, Sql, fetch_all

Pool = AsyncConnectionPool[AsyncConnection[Any]]
ROWS = int(os.environ.get("AUDIT_ROWS", "30000"))
"""Rows of the log; 2,000,000 before a release."""
LOG = """
insert into audit (at, actor, key_id, via, action, subject_kind, subject, journey)
select now() - n * interval '1 minute', 'key ' || mod(n, 50), md5('key' || mod(n, 50))::uuid, 'api',
       (array['run.start', 'contact.change', 'run.start', 'journey.save'])[1 + mod(n, 4)],
       (array['run', 'contact', 'run', 'journey'])[1 + mod(n, 4)], 's' || n / 7,
       case when mod(n, 4) <> 1 then 'j' || mod(n, 97) end
from generate_series(1, %s) n
"""


@pytest.fixture
async def long_log(pool: Pool) -> None:
    """A log with many rows."""
    async with pool.connection() as conn:
        await conn.execute(LOG.encode(), (ROWS,))
        await conn.execute("analyze audit")


@pytest.mark.usefixtures("long_log")
async def test_no_question_reads_the_whole_log(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[str] = []
    asked = (
        (WantedAudit(), "audit_by_time"),
        (WantedAudit(journey="j5"), "audit_by_journey"),
        (WantedAudit(journey="none"), "audit_by_journey"),
        (WantedAudit(actor="max"), "audit_by_actor"),
        (WantedAudit(key_id=UUID(int=7)), "audit_by_key"),
        (WantedAudit(action="key.create"), "audit_by_action"),
        (WantedAudit(actions=["key.create", "key.revoke"]), "audit_by_action"),
        (WantedAudit(subject_kind="contact", subjects=["s5", "hash"]), "audit_by_subject"),
        (WantedAudit(subject_kind="key"), "audit_by_subject"),
    )

    async def explained(
        conn: Connection, kind: type[Any], query: Sql, parameters: Parameters | None = None
    ) -> list[Any]:
        explain = statements.sql("explain {query}", query=query)
        plans.append("\n".join(row[0] for row in await fetch_all(conn, explain, parameters)))
        return []

    async with pool.connection() as conn:
        await conn.execute("set plan_cache_mode = force_custom_plan")
        monkeypatch.setattr(audit_listing, "fetch_all_as", explained)
        for wanted, index in asked:
            await list_audit(conn, wanted, None, 51)
            assert "Seq Scan" not in plans[-1], f"{wanted}: {plans[-1]}"
            assert index in plans[-1], f"{wanted}: {plans[-1]}"
        await conn.execute("reset plan_cache_mode")
