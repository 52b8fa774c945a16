"""How the log is read when it is long: by indexes alone, and quickly."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store import sql as statements
from store.reports import log, log_following
from store.reports.log import WantedLog, read_log
from store.reports.log_following import follow_log
from store.reports.log_horizon import HorizonWatch, event_id_at
from store.reports.log_places import LogPlace, LogPosition
from store.reports.log_types import LOG_TYPES
from store.sql import Connection, Parameters, Sql, fetch_all

Pool = AsyncConnectionPool[AsyncConnection[Any]]
RUNS = int(os.environ.get("LOG_RUNS", "6000"))
"""Runs of the installation, with five visits and five events each; 2,000,000 before a release."""
MEASURED = "LOG_RUNS" in os.environ
"""Whether pages are timed, which takes a machine that does nothing else."""
DEPTH = min(log.DEPTH, RUNS // 30)
"""Of a small table, the whole would be read at once for as many rows as of a large one."""
BUDGET = 50.0
"""Milliseconds of a page, of 95 in a hundred."""
_AT = "now() - (%s - n) * interval '7 seconds'"
FILL = (
    """insert into contact (id, external_id)
       select md5('c' || n)::uuid, 'c' || n from generate_series(1, {contacts}) n""",
    """insert into run (id, journey, version, contact_id, key, entry_ref, ref, state, started_at,
                        ended_at, workflow_started_at, outcome)
       select md5('r' || n)::uuid, 'j' || mod(n, 40), 1, md5('c' || 1 + mod(n, {contacts}))::uuid,
              'k' || n, n, n, case when mod(n, 10) = 0 then 'active' else 'ended' end,
              now() - ({runs} - n) * interval '7 seconds',
              case when mod(n, 10) <> 0 then now() - ({runs} - n) * interval '7 seconds' end,
              now(), case when mod(n, 10) <> 0 then 'completed' end
       from generate_series(1, {runs}) n""",
    """insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at, recorded_at)
       select md5('r' || n)::uuid, v, 's' || v, (array['email', 'wait', 'branch', 'sms', 'end'])[v],
              case when mod(n, 10) <> 0 or v < 3 then 'done' end,
              now() - ({runs} - n) * interval '7 seconds', now(),
              now() - ({runs} - n) * interval '7 seconds' + v * interval '1 second'
       from generate_series(1, {runs}) n, generate_series(1, 5) v""",
    """insert into event (contact_id, name, properties, message_id, stamped_at)
       select md5('c' || 1 + mod(n, {contacts}))::uuid,
              (array['Seen', 'Message Opened', 'Bought', 'Contact Changed', 'Topic Subscribed'])
                  [1 + mod(n, 5)],
              '{{"names": [], "changes": {{}}}}', n::text,
              now() - (5 * {runs} - n) * interval '1.4 seconds'
       from generate_series(1, 5 * {runs}) n""",
    """insert into refusal (journey, contact_id, code, refused_at)
       select 'j' || mod(n, 40), md5('c' || 1 + mod(n, {contacts}))::uuid, 'paused',
              now() - ({runs} - n) * interval '7 seconds'
       from generate_series(1, {runs}) n""",
    """insert into goal (run_id, journey, contact_id, event_name, ref, met_event_id, met_at,
                         recorded_at)
       select md5('r' || n)::uuid, 'j' || mod(n, 40), md5('c' || 1 + mod(n, {contacts}))::uuid,
              'Bought', 0, n, now(), now() - ({runs} - n) * interval '7 seconds'
       from generate_series(1, {runs}, 3) n""",
    """insert into audit (at, actor, via, action, subject_kind, subject, journey)
       select now() - ({runs} - n) * interval '7 seconds', 'key ' || mod(n, 50), 'api', 'run.start',
              'run', md5('r' || n), 'j' || mod(n, 40)
       from generate_series(1, {runs}) n""",
    """insert into rejected_item (source, reference, name, code, message, body, received_at)
       select 'ingest', 'c' || n, 'Seen', 'no', 'm', '{{}}',
              now() - ({runs} - n) * interval '7 seconds' from generate_series(1, {some}) n""",
    """insert into fault (activity, code, detail, subject, happened_at)
       select 'dispatch', 'internal', 'd', 's' || n, now() - ({runs} - n) * interval '7 seconds'
       from generate_series(1, {some}) n""",
    """insert into run_repair (run_id, action, visit, reason, made_by, made_at)
       select md5('r' || n)::uuid, 'skip', 1, 'why', 'ops',
              now() - ({runs} - n) * interval '7 seconds' from generate_series(1, {some}) n""",
    """insert into job (id, kind, state, started_at, ended_at)
       select gen_random_uuid(), 'segment', 'done', now() - n * interval '1 hour',
              now() - n * interval '1 hour' + interval '1 minute'
       from generate_series(1, 3000) n""",
    """insert into dead_event (event_id, contact_id, code, detail, died_at)
       select n, md5('c' || 1 + mod(n, {contacts}))::uuid, 'too_big', 'd',
              now() - n * interval '1 hour' from generate_series(1, 2000) n""",
)
TABLES = ("contact", "run", "visit", "event", "refusal", "goal", "audit", "rejected_item", "fault",
          "run_repair", "job", "dead_event")  # fmt: skip
SMALL = ("api_key",)
"""Tables of a few rows."""
CONTACT = UUID("00000000-0000-0000-0000-000000000000")


@pytest.fixture
async def long_log(pool: Pool) -> None:
    """An installation that has been at work for long."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("set local session_replication_role = replica")
        some = min(RUNS, 20_000)
        for fill in FILL:
            filled = fill.format(runs=RUNS, contacts=max(RUNS // 2, 1), some=some)
            await conn.execute(filled.encode())
    async with pool.connection() as conn:
        for table in TABLES:
            await conn.execute(f"vacuum analyze {table}".encode())


def reads_all(plan: str) -> bool:
    """Whether a whole table is read that is not a small one."""
    scanned = re.findall(r"Seq Scan on (\w+)", plan)
    return any(table not in SMALL for table in scanned)


async def asked(conn: Connection) -> dict[str, WantedLog]:
    """The questions, by name."""
    cursor = await conn.execute("select id from contact where external_id = 'c77'")
    row = await cursor.fetchone()
    assert row is not None
    now = datetime.now(UTC)
    return {
        "all": WantedLog(),
        "since": WantedLog(since=now - timedelta(hours=1)),
        "until": WantedLog(until=now - timedelta(hours=3)),
        "between": WantedLog(since=now - timedelta(hours=4), until=now - timedelta(hours=3)),
        "journey": WantedLog(journey="j7"),
        "no such journey": WantedLog(journey="none"),
        "contact": WantedLog(contact=row[0], references=["c77"]),
        "contact and journey": WantedLog(contact=row[0], references=["c77"], journey="j7"),
        "no such contact": WantedLog(references=["none"]),
        "key": WantedLog(key_name="key 7", keys=[]),
        "key by id": WantedLog(key_id=CONTACT, keys=[CONTACT]),
        **{each: WantedLog(types=frozenset({each})) for each in LOG_TYPES},
    }


@pytest.mark.usefixtures("long_log")
async def test_no_page_reads_a_whole_table_and_pages_are_quick(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    explaining = True
    plans: list[str] = []
    as_they_are = statements.fetch_all_as

    async def explained(
        conn: Connection, kind: type[Any], query: Sql, parameters: Parameters | None = None
    ) -> list[Any]:
        if explaining:
            explain = statements.sql("explain {query}", query=query)
            plans.append("\n".join(row[0] for row in await fetch_all(conn, explain, parameters)))
        return await as_they_are(conn, kind, query, parameters)

    monkeypatch.setattr(log, "fetch_all_as", explained)
    monkeypatch.setattr(log_following, "fetch_all_as", explained)
    async with pool.connection() as conn:
        await conn.execute("set plan_cache_mode = force_custom_plan")
        questions = await asked(conn)
        for name, wanted in questions.items():
            page = await read_log(conn, wanted, None, 50, depth=DEPTH)
            if page.next is not None:
                await read_log(conn, wanted, page.next, 50, depth=DEPTH)
            scans = [plan for plan in plans if reads_all(plan)]
            assert not scans, f"{name}: {scans[0]}"
            plans.clear()
        start = LogPosition(LogPlace.before(datetime.now(UTC) - timedelta(minutes=9)), 0)
        start = LogPosition(start.place, await event_id_at(conn, start.place.at))
        horizon = await HorizonWatch().look(conn)
        await follow_log(conn, start, LogPosition(LogPlace.before(horizon.at), 10**9))
        scans = [plan for plan in plans if reads_all(plan)]
        assert not scans, f"following: {scans[0]}"
        explaining = False
        slow = {}
        for name, wanted in questions.items() if MEASURED else ():
            taken = []
            below = None
            for _ in range(20):
                begun = time.perf_counter()
                page = await read_log(conn, wanted, below, 50, depth=DEPTH)
                taken.append((time.perf_counter() - begun) * 1000)
                below = page.next
            slow[name] = round(quantiles(taken, n=20)[-1], 1)
        await conn.execute("reset plan_cache_mode")
    assert max(slow.values(), default=0) <= BUDGET, str(slow)
