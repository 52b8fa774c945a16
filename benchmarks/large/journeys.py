"""Runs in great numbers with their visits, messages and events, written in SQL.

Each contact has ten events and two runs, and each run up to five visits and two messages, spread
over 300 days. Half of the runs are of one journey, the others of fifty. The older run of a contact
has ended; nine of ten of the newer ones sleep, and one in twenty of these waits at a send that is
retried, deferred, frozen or paused. Nothing is drawn at random: a second run makes the same rows.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from psycopg import AsyncConnection

from benchmarks.large.indexes import drop_indexes
from benchmarks.sample import activate
from journeys.model.journey import Journey

JOURNEYS: Final = 50
"""Small journeys; there is a large one besides."""
LARGE: Final = "large"
BUSY: Final = "busy"
"""The external id of a contact with very many events, and many runs."""
BUSY_EVENTS: Final = 100_000
_BUSY_RUNS: Final = 1_000
_DAYS: Final = 300
_TABLES: Final = ("event", "run", "visit", "message", "goal", "refusal", "consent_record", "audit")
_DOCUMENT: Final[dict[str, Any]] = {
    "entry": {"event": "Signed Up"},
    "goal": {"event": "Order Completed"},
    "re_entry": "always",
    "steps": [
        {"id": "mail", "email": {"subject": "x", "text": "x", "transactional": True}},
        {"id": "pause", "wait": "2d"},
        {"id": "arms", "split": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]},
        {"id": "text", "sms": {"text": "x", "transactional": True}},
        {"id": "rest", "wait": "10d"},
        {"id": "last", "email": {"subject": "x", "text": "x", "transactional": True}},
    ],
}
# Ids grow with time, as those of the engine do; events that are five apart are of one contact.
_FUNCTIONS: Final = (
    """
    create or replace function pg_temp.id_at(at timestamptz, seed text) returns uuid
    language sql immutable as $$
        select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
                || left(md5(seed), 3) || '8' || substr(md5(seed), 4, 15))::uuid
    $$
    """,
    """
    create or replace function pg_temp.contact(n bigint) returns uuid language sql immutable as $$
        select pg_temp.id_at(timestamptz '{start}' - interval '1 day'
                             + n % ({runs} / 2) * interval '1 millisecond', 'c' || n % ({runs} / 2))
    $$
    """,
    """
    create or replace function pg_temp.at_event(n bigint) returns timestamptz language sql immutable
    as $$
        select timestamptz '{start}' + interval '{days} days' * (n::float8 / ({runs} * 5))
    $$
    """,
)
_CONTACTS: Final = (
    """
    insert into contact (id, external_id, email, timezone, country, attributes, created_at,
                         last_event_id, judged_event_id)
    select pg_temp.contact(n), 'c' || n, 'c' || n || '@example.com', 'Europe/Paris', 'FR',
           '{{"plan": "pro"}}', timestamptz '{start}', {runs} * 5, {runs} * 5
    from generate_series(0, {runs} / 2 - 1) n
    """,
    """
    insert into contact (id, external_id, email, created_at)
    values (pg_temp.id_at(timestamptz '{start}', 'busy'), 'busy', 'busy@example.com',
            timestamptz '{start}')
    """,
)
_EVENTS: Final = (
    """
    insert into event (id, contact_id, name, properties, message_id, stamped_at)
    select n, pg_temp.contact(n / 5 + n % 5 * 37),
           (array['Signed Up', 'Page Viewed', 'Product Viewed', 'Cart Updated', 'Order Completed']
           )[n % 5 + 1],
           jsonb_build_object('total', n % 100), 'm' || n, pg_temp.at_event(n)
    from generate_series(1::bigint, {runs} * 5) n
    """,
    """
    insert into event (id, contact_id, name, properties, message_id, stamped_at)
    select {runs} * 5 + n, pg_temp.id_at(timestamptz '{start}', 'busy'),
           case when n % 5 = 0 then 'Signed Up' else 'Kind ' || n % 24 end,
           jsonb_build_object('total', n % 100), 'busy' || n,
           timestamptz '{start}' + interval '{days} days' * (n::float8 / {busy_events})
    from generate_series(1, {busy_events}) n
    """,
)
_RUNS: Final = (
    """
    insert into run (id, journey, version, contact_id, state, outcome, step, visit, entry_event_id,
                     entry_ref, ref, started_at, workflow_started_at, ended_at)
    select pg_temp.id_at(r.at, 'r' || i),
           case when i % 2 = 0 then 'large' else 'small' || i / 2 % {journeys} end, 1,
           pg_temp.contact(i), case when r.active then 'active' else 'ended' end,
           case when not r.active
                then (array['completed', 'exited', 'goal', 'completed'])[i / 10 % 4 + 1] end,
           case when r.active and i % 100 < 6 then 'text' else 'rest' end,
           case when r.active and i % 100 < 6 then 4 else 5 end, i * 5, i * 5, i * 5, r.at, r.at,
           case when not r.active then least(r.at + interval '4 days', timestamptz '{end}') end
    from generate_series(1::bigint, {runs}) i
    cross join lateral (
        select pg_temp.at_event(i * 5) as at, i > {runs} / 2 and i % 10 <> 9 as active offset 0
    ) r
    """,
    """
    insert into run (id, journey, version, contact_id, state, outcome, step, visit, entry_event_id,
                     entry_ref, ref, started_at, workflow_started_at, ended_at)
    select pg_temp.id_at(r.at, 'busy' || n), 'small' || n % {journeys}, 1,
           pg_temp.id_at(timestamptz '{start}', 'busy'), 'ended', 'completed', 'rest', 5,
           ({runs} + n * 5) * 5, 0, 0, r.at, r.at, r.at + interval '4 days'
    from generate_series(1, {busy_runs}) n
    cross join lateral (
        select timestamptz '{start}' + interval '290 days' * (n::float8 / {busy_runs}) as at
    ) r
    """,
    # The number of a run is that of its event, of which there are five for each.
    """
    insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at, recorded_at,
                       due_at, held, facts)
    select r.id, s.visit, s.step, s.kind,
           case when w.open then null
                when s.step = 'arms' then (array['a', 'b'])[w.i / 7 % 2 + 1]
                when s.step = 'text' and w.i % 50 = 9 then 'failed'
                when s.step = 'text' and w.i % 1000 = 19 then 'unknown'
                else s.outcome end,
           w.at, case when not w.open then w.at end, w.at,
           case when not w.open or w.i % 100 in (4, 5) then null
                when w.i % 100 < 4
                then timestamptz '{end}' + w.i % (43200) * interval '1 second'
                else timestamptz '{end}' + interval '10 minutes'
                     + w.i * 7 % 864000 * interval '1 second' end,
           case when w.open and s.visit = 4
                then (array['retry', 'retry', 'quiet_hours', 'quiet_hours', 'frozen', 'paused'])[
                     w.i % 100 + 1] end,
           case when s.step = 'text' and w.i % 50 = 9 then '{{"code": "address_unknown"}}'::jsonb
                else '{{}}' end
    from run r
    cross join (values
        (1, 'mail', 'email', 'sent', interval '0'),
        (2, 'pause', 'wait', 'elapsed', interval '0'),
        (3, 'arms', 'split', 'a', interval '2 days'),
        (4, 'text', 'sms', 'sent', interval '2 days'),
        (5, 'rest', 'wait', 'elapsed', interval '2 days')
    ) s(visit, step, kind, outcome, after)
    cross join lateral (
        select r.entry_event_id / 5 as i, r.state = 'active' and s.visit = r.visit as open,
               least(r.started_at + s.after, timestamptz '{end}') as at offset 0
    ) w
    where s.visit <= r.visit
    """,
    """
    insert into message (id, run_id, visit, step, contact_id, channel, state, token, transactional,
                         first_attempt_at, claimed_at, settled_at, delivered_at, opened_at,
                         clicked_at, code, address, provider)
    select md5(v.run_id::text || v.visit)::uuid, v.run_id, v.visit, v.step, r.contact_id, v.kind,
           m.state, '', true, v.started_at, v.started_at, v.started_at,
           case when m.state = 'sent' then least(v.started_at + interval '1 minute', '{end}') end,
           case when m.state = 'sent' and m.i % 3 = 0
                then least(v.started_at + interval '3 hours', '{end}') end,
           case when m.state = 'sent' and m.i % 12 = 0
                then least(v.started_at + interval '4 hours', '{end}') end,
           case m.state when 'refused' then 'address_unknown' when 'unknown' then 'timed_out'
                        when 'released' then 'throttled' end,
           'c' || m.i, 'smtp'
    from visit v join run r on r.id = v.run_id
    cross join lateral (
        select r.entry_event_id / 5 as i,
               case when v.outcome = 'failed' then 'refused'
                    when v.outcome = 'unknown' then 'unknown'
                    when v.outcome is null then 'released' else 'sent' end as state offset 0
    ) m
    where v.kind in ('email', 'sms')
      and (v.outcome is not null or v.held = 'retry')
    """,
    """
    insert into goal (run_id, journey, contact_id, event_name, ref, met_event_id, met_at, value,
                      version, step, entered_at, recorded_at)
    select id, journey, contact_id, 'Order Completed', 0, 1, met.at, 10, 1, 'text', started_at,
           met.at
    from run
    cross join lateral (select least(started_at + interval '3 days', '{end}') as at) met
    where entry_event_id / 5 % 10 = 3
    """,
)
_OTHERS: Final = (
    """
    insert into refusal (journey, contact_id, event_id, code, refused_at)
    select 'large', pg_temp.contact(n), n * 5 + 1, 'active_run', pg_temp.at_event(n * 5)
    from generate_series(1::bigint, {runs}, 20) n
    """,
    """
    insert into consent_record (contact_id, topic, channel, address, state, source, recorded_at)
    select pg_temp.contact(n), 'news', 'email', 'c' || n || '@example.com', 'subscribed', 'api',
           pg_temp.at_event(n * 5)
    from generate_series(1::bigint, {runs}, 4) n
    """,
    """
    insert into audit (at, actor, via, action, subject_kind, subject, journey)
    select pg_temp.at_event(n * 5), 'bench', 'api',
           (array['journey.edit', 'run.retry', 'contact.remove'])[n % 3 + 1], 'journey',
           'small' || n % {journeys}, 'small' || n % {journeys}
    from generate_series(1::bigint, {runs}, 10) n
    """,
    """
    insert into job (id, kind, journey, state, total, done, started_at, ended_at,
                     workflow_started_at)
    select pg_temp.id_at(pg_temp.at_event(n * 5), 'j' || n), 'move', 'small' || n % {journeys},
           'done', 10, 10, pg_temp.at_event(n * 5), pg_temp.at_event(n * 5) + interval '1 hour',
           pg_temp.at_event(n * 5)
    from generate_series(1::bigint, {runs}, 100) n
    """,
)


async def fill_journeys(url: str, runs: int) -> None:
    """Write the rows into the empty tables of a migrated database.

    No trigger counts them. It takes two connections, because events depend on none of the others.
    """
    async with (
        await AsyncConnection.connect(url, autocommit=True) as first,
        await AsyncConnection.connect(url, autocommit=True) as second,
    ):
        row = await (await first.execute("select date_trunc('second', now())::text")).fetchone()
        assert row is not None
        values = {
            "end": row[0], "start": "", "runs": runs, "days": _DAYS, "journeys": JOURNEYS,
            "busy_events": BUSY_EVENTS, "busy_runs": _BUSY_RUNS,
        }  # fmt: skip
        row = await (
            await first.execute("select (%s::timestamptz - %s * interval '1 day')::text",
                                (values["end"], _DAYS))
        ).fetchone()  # fmt: skip
        assert row is not None
        values["start"] = row[0]
        again = await drop_indexes(first, _TABLES)
        for conn in (first, second):
            await conn.execute("set session_replication_role = replica")
            await conn.execute("set maintenance_work_mem = '512MB'")
            await conn.execute("set work_mem = '256MB'")
            await _run(conn, _FUNCTIONS, values)
        await _make_journeys(first)
        await asyncio.gather(
            _run(first, (*_CONTACTS, *_RUNS), values), _run(second, (*_EVENTS, *_OTHERS), values)
        )
        of_events = [made for table, made in again if table == "event"]
        others = [made for table, made in again if table != "event"]
        await asyncio.gather(_run(first, others, {}), _run(second, of_events, {}))
        await first.execute("select setval('event_id_seq', %s)", (runs * 5 + BUSY_EVENTS,))
        await asyncio.gather(
            _run(first, [f"vacuum (analyze) {each}" for each in _TABLES[1:]], {}),
            _run(second, ["vacuum (analyze) event", "vacuum (analyze) contact", "analyze job"], {}),
        )


async def _make_journeys(conn: AsyncConnection[Any]) -> None:
    await conn.execute("set session_replication_role = origin")
    for key in (LARGE, *(f"small{number}" for number in range(JOURNEYS))):
        await activate(conn, Journey.model_validate({"journey": key, **_DOCUMENT}))
    await conn.execute("update journey set state = 'paused' where key = 'small1'")
    await conn.execute("set session_replication_role = replica")


async def _run(
    conn: AsyncConnection[Any], statements: tuple[str, ...] | list[str], values: dict[str, Any]
) -> None:
    for statement in statements:
        await conn.execute((statement.format(**values) if values else statement).encode())
