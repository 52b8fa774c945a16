"""Benchmark of figures: the statistics of a large journey, and the dashboard of many.

`SIZE=2m` before `python -m benchmarks figures` has 2 million runs with five visits each; by default
it is a tenth of that. The rows are made in SQL, and counted all at once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from benchmarks.large.measure import contacts_of
from benchmarks.report import Figure
from benchmarks.servers import servers
from store.counters.contributions import contributions, rows_of
from store.counters.facts import SOURCES
from store.counters.reading import Period
from store.counters.spans import SPANS
from store.reports.dashboard import day_begins, read_dashboard
from store.reports.journey_statistics import journey_statistics
from store.sql import execute, sql

ZONE: Final = ZoneInfo("Europe/Paris")
_JOURNEYS: Final = 50
_DAYS: Final = 300
_TIMES: Final = 100
_DOCUMENT: Final[dict[str, Any]] = {
    "journey": "large",
    "entry": {"event": "Signed Up"},
    "goal": {"event": "Bought"},
    "steps": [
        {"id": "mail", "email": {"subject": "x", "text": "x", "transactional": True}},
        {"id": "pause", "wait": "2d"},
        {"id": "arms", "split": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]},
        {"id": "text", "sms": {"text": "x", "transactional": True}},
        {"id": "rest", "wait": "2d"},
    ],
}
# Half of the runs are of one journey, the others of fifty; one in five has not ended.
_ROWS: Final = (
    """
    insert into run (id, journey, version, contact_id, key, state, outcome, step, visit, entry_ref,
                     ref, started_at, workflow_started_at, ended_at)
    select md5('run' || i)::uuid,
           case when i %% 2 = 0 then 'large' else 'small' || i / 2 %% {journeys} end, 1,
           md5('contact' || i %% ({runs} / 2))::uuid, i::text,
           case when i %% 5 = 0 then 'active' else 'ended' end,
           case when i %% 5 <> 0
                then (array['completed', 'exited', 'goal', 'completed'])[i %% 4 + 1] end,
           'rest', 5, 0, 0, t.at, t.at, case when i %% 5 <> 0 then t.at + interval '4 days' end
    from generate_series(1, {runs}) i
    cross join lateral (
        select parcours.clock() - interval '{days} days' * ({runs} - i) / {runs} as at) t
    """,
    """
    insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at, facts)
    select r.id, s.visit, s.step, s.kind,
           case when s.visit = 5 and r.state = 'active' then null
                when s.step = 'arms' then (array['a', 'b'])[hashtext(r.key) %% 2 + 1 + (
                    hashtext(r.key) < 0 and hashtext(r.key) %% 2 <> 0)::int]
                else s.outcome end,
           r.started_at + s.after,
           case when s.visit < 5 or r.state = 'ended' then r.started_at + s.after end, '{{}}'
    from run r cross join (values
        (1, 'mail', 'email', 'sent', interval '0'),
        (2, 'pause', 'wait', 'elapsed', interval '2 days'),
        (3, 'arms', 'split', 'a', interval '2 days'),
        (4, 'text', 'sms', 'sent', interval '2 days'),
        (5, 'rest', 'wait', 'elapsed', interval '2 days')
    ) s(visit, step, kind, outcome, after)
    """,
    """
    insert into message (id, run_id, visit, step, contact_id, channel, state, token, transactional,
                         first_attempt_at, claimed_at, settled_at, delivered_at, opened_at)
    select md5(v.run_id::text || v.visit)::uuid, v.run_id, v.visit, v.step, r.contact_id, v.kind,
           'sent', '', true, v.started_at, v.started_at, v.started_at, v.started_at,
           case when hashtext(r.key) %% 3 = 0 then v.started_at + interval '3 hours' end
    from visit v join run r on r.id = v.run_id where v.kind in ('email', 'sms')
    """,
    """
    insert into goal (run_id, journey, contact_id, event_name, ref, met_event_id, met_at, value,
                      version, step, entered_at)
    select id, journey, contact_id, 'Bought', 0, 1, started_at + interval '3 days', 10, 1, 'text',
           started_at
    from run where hashtext(key) %% 10 = 0
    """,
)

_COUNTERS: Final = """
    insert into figure (journey, span, cohort, begins_at, version, step, fact, label, count, value,
                        first_at, last_at)
    select c.journey, s.span, s.cohort, s.begins_at, c.version, c.step, c.fact, c.label, count(*),
           sum(c.value), min(c.at) filter (where c.fact = 'outcome'),
           max(c.at) filter (where c.fact = 'outcome')
    from ({counted}) c {spans}
    group by 1, 2, 3, 4, 5, 6, 7, 8
"""


async def measure() -> list[Figure]:
    """Make the rows, count them, and time what is read most."""
    runs = contacts_of(os.environ.get("SIZE") or "200k")
    async with (
        servers() as running,
        await AsyncConnection.connect(running.settings.database_url, autocommit=True) as conn,
    ):
        filling = await _timed(lambda: _fill(conn, runs))
        _say(f"{runs:,} runs and {runs * 5:,} visits in {filling:.0f} s")
        counting = await _timed(lambda: _count(conn))
        _say(f"counted in {counting:.0f} s")
        # What the last second has brought is not folded yet.
        await conn.execute(
            "insert into figure_delta select * from (select journey, version, step, fact, label,"
            " parcours.clock(), null, parcours.clock(), 0::bigint, 0::numeric, false, null::uuid"
            " from figure limit 3000) d"
        )
        today = datetime.now(UTC).astimezone(ZONE).date()
        weeks = day_begins(today - timedelta(days=13), ZONE)
        whole = await _percentile(lambda: journey_statistics(conn, "large"))
        month = await _percentile(
            lambda: journey_statistics(
                conn, "large", period=Period(weeks, None), by="day", cohort="entered",
                zone=ZONE.key,
            )
        )  # fmt: skip
        hours = await _percentile(
            lambda: journey_statistics(
                conn, "large", period=Period(weeks, None), by="hour", zone=ZONE.key
            )
        )
        dashboard = await _percentile(lambda: read_dashboard(conn, today, ZONE))
    # Only `make bench SIZE=2m` is the size of the budget; a machine that is busy says nothing.
    return [
        Figure("statistics of a journey, p95", whole, "ms"),
        Figure("statistics of a journey, two weeks by day and entry, p95", month, "ms"),
        Figure("statistics of a journey, two weeks by hour, p95", hours, "ms"),
        Figure("dashboard, p95", dashboard, "ms"),
        Figure("counting of all rows", counting, "s", detail={"runs": runs}),
    ]


async def _fill(conn: AsyncConnection[Any], runs: int) -> None:
    # Without triggers: the rows are counted together.
    await conn.execute("set session_replication_role = replica")
    await conn.execute("set synchronous_commit = off")
    for key in ("large", *(f"small{number}" for number in range(_JOURNEYS))):
        await conn.execute(
            "insert into journey (key, state, active_version) values (%s, 'active', 1)", (key,)
        )
        await conn.execute(
            "insert into journey_version (journey, version, document, program, source, sha256)"
            " values (%s, 1, %s, '{}', '', '')",
            (key, Jsonb({**_DOCUMENT, "journey": key})),
        )
    for statement in _ROWS:
        filled = statement.format(runs=runs, journeys=_JOURNEYS, days=_DAYS)
        await conn.execute(filled.replace("%%", "%").encode())
    await conn.execute("set session_replication_role = origin")
    for table in ("run", "visit", "message", "goal"):
        await conn.execute(f"vacuum (analyze) {table}".encode())


async def _count(conn: AsyncConnection[Any]) -> None:
    for table in SOURCES:
        counted = contributions(table, rows_of(table))
        await execute(conn, sql(_COUNTERS, counted=counted, spans=SPANS), {"zone": ZONE.key})
    await conn.execute(
        "insert into figure (journey, span, cohort, begins_at, version, step, fact, label, count)"
        " select '', 'total', 'occurrence', '-infinity', 0, '', 'in_journeys', '',"
        " count(distinct contact_id) from run where state = 'active'"
    )
    await conn.execute("vacuum (analyze) figure")


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _percentile(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds that 95 of 100 take no longer than."""
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1_000)
    return sorted(took)[int(_TIMES * 0.95) - 1]


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
