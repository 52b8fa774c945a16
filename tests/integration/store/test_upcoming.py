"""What will be sent: counted by hand from due times, deferrals, dates and schedules."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from journeys.compile.program_compiler import compile_program
from journeys.model.journey import Journey
from store.counters.folding import fold_all
from store.definitions.catalog import Catalog
from store.reports.upcoming import Forecast, read_upcoming
from store.reports.upcoming_paths import sends_after
from store.simulation.simulated_database import set_clock, stop_clock
from tests.support.engine import activate, make_contact

Pool = AsyncConnectionPool[AsyncConnection[Any]]

DOCUMENT: Mapping[str, Any] = {
    "journey": "welcome",
    "entry": {"event": "Joined"},
    "steps": [
        {"id": "hello", "email": {"subject": "S", "text": "T"}},
        {"id": "pause", "wait": "2d"},
        {"id": "note", "sms": {"text": "T"}},
        {"id": "tag", "update": {"set": {"seen": True}}},
        {
            "id": "kind",
            "branch": [
                {"name": "vip", "if": {"group": "vip"},
                 "then": [{"id": "gold", "email": {"subject": "S", "text": "T"}}]},
                {"else": [{"id": "ask", "wait": {"event": "Answer", "up_to": "1d"}}]},
            ],
        },
        {"id": "crm", "if": {"group": "vip"}, "webhook": {"url": "https://a.example/"}},
        {"id": "gone", "exit": "over"},
        {"id": "never", "email": {"subject": "S", "text": "T"}},
    ],
}  # fmt: skip


def ahead(step: str | None, document: Mapping[str, Any] = DOCUMENT) -> list[tuple[str, str, bool]]:
    journey = Journey.model_validate(document)
    found = sends_after(compile_program(journey), journey, step)
    return [(each.step, each.channel, each.certain) for each in found]


def test_the_sends_up_to_the_next_wait_follow_by_every_way() -> None:
    assert ahead(None) == [("hello", "email", True)]
    # After the branch both ways meet again at `crm`; one of them only after a wait.
    assert ahead("pause") == [
        ("note", "sms", True), ("gold", "email", False), ("crm", "webhook", False),
    ]  # fmt: skip
    # An event may end it earlier, so its time is a bound.
    assert ahead("ask") == [("crm", "webhook", False)]
    assert ahead("unheard-of") == []


def test_a_loop_ends() -> None:
    document = {
        **DOCUMENT,
        "steps": [
            {"id": "pause", "wait": "1h"},
            {"id": "note", "sms": {"text": "T"}},
            {"id": "again", "goto": "note", "max_visits": 3},
            {"id": "last", "email": {"subject": "S", "text": "T"}},
        ],
    }
    assert ahead("pause", document) == [("note", "sms", True), ("last", "email", False)]


async def plant(pool: Pool, step: str, kind: str, due: datetime, count: int, held: str | None,
                journey: str = "welcome") -> None:  # fmt: skip
    async with pool.connection() as conn:
        await conn.execute(
            "with c as (insert into contact (id) select gen_random_uuid()"
            " from generate_series(1, %(count)s) returning id), r as (insert into run"
            " (id, journey, version, contact_id, entry_ref, ref, visit, step)"
            " select gen_random_uuid(), %(journey)s, 1, c.id, 0, 0, 1, %(step)s from c"
            " returning id) insert into visit (run_id, visit, step, kind, held, due_at)"
            " select r.id, 1, %(step)s, %(kind)s, %(held)s, %(due)s from r",
            {"count": count, "step": step, "kind": kind, "held": held, "due": due,
             "journey": journey},
        )  # fmt: skip


async def forecast(pool: Pool, within: timedelta = timedelta(hours=24)) -> Forecast:
    async with pool.connection() as conn:
        return await read_upcoming(conn, Catalog(), within)


def shown(found: Forecast) -> list[tuple[Any, ...]]:
    return [
        (each.hour, each.journey, each.step, each.channel, each.count, each.exact, each.by,
         each.reason)
        for each in found.items
    ]  # fmt: skip


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


async def test_waits_and_deferrals_within_the_time_are_counted(pool: Pool) -> None:
    await activate(pool, _json(DOCUMENT))
    now = datetime.now(UTC)
    soon, tomorrow = now + timedelta(hours=3), now + timedelta(hours=30)
    await plant(pool, "pause", "wait", soon, 5, None)
    await plant(pool, "pause", "wait", tomorrow, 7, None)
    await plant(pool, "hello", "email", soon, 2, "window")
    await plant(pool, "hello", "email", now - timedelta(minutes=20), 3, "retry")
    found = await forecast(pool)
    first, third = hour_of(found.now), hour_of(soon)
    assert shown(found) == [
        (first, "welcome", "hello", "email", 3, False, "deferral", "retry"),
        (third, "welcome", "crm", "webhook", 5, False, "wait", None),
        (third, "welcome", "gold", "email", 5, False, "wait", None),
        (third, "welcome", "hello", "email", 2, True, "deferral", "window"),
        (third, "welcome", "note", "sms", 5, True, "wait", None),
    ]
    assert found.by_channel() == {"email": 10, "sms": 5, "webhook": 5}
    assert sum(each.count for each in (await forecast(pool, timedelta(hours=1))).items) == 3
    later = await forecast(pool, timedelta(hours=48))
    assert (hour_of(tomorrow), 7) in [(each.hour, each.count) for each in later.items]
    # Runs that have ended, and journeys that are paused, send nothing.
    async with pool.connection() as conn:
        await conn.execute("update journey set state = 'paused'")
    assert (await forecast(pool)).items == []
    async with pool.connection() as conn:
        await conn.execute("update journey set state = 'active'")
        await conn.execute("update run set state = 'ended'")
    assert (await forecast(pool)).items == []


@pytest.mark.parametrize("folded", [False, True])
async def test_counters_and_rows_together_say_what_is_due(pool: Pool, folded: bool) -> None:
    await activate(pool, _json(DOCUMENT))
    chance = random.Random(7)
    beginning = datetime(2026, 3, 6, 20, 3, tzinfo=UTC)
    async with pool.connection() as conn:
        await stop_clock(conn, beginning)
        for number in range(120):
            step, kind, held = chance.choice(
                [("pause", "wait", None), ("hello", "email", "window"), ("note", "sms", "retry")]
            )
            begun = beginning + timedelta(seconds=chance.randrange(3_600))
            due = begun + timedelta(seconds=chance.choice([30, 600, 4_000, 90_000]) + number)
            await set_clock(conn, begun)
            await plant(pool, step, kind, due, 1, held)
        # Some end, some are put off, and some runs end.
        for change in (
            "update visit set outcome = 'sent', held = null",
            "update visit set due_at = due_at + interval '70 minutes', held = 'cap'",
            "update visit set due_at = null, held = 'paused'",
        ):
            await conn.execute(
                f"{change} where run_id in (select run_id from visit where outcome is null"
                " and held is distinct from 'paused' order by run_id limit 9)".encode()
            )
        await conn.execute(
            "update run set state = 'ended', outcome = 'exited' where id in"
            " (select id from run order by md5(id::text) limit 9)"
        )
        if folded:
            await fold_all(conn, "Europe/Paris")
        cursor = await conn.execute(
            "select v.step, v.kind, v.held, v.due_at from visit v join run r on r.id = v.run_id"
            " where v.outcome is null and v.due_at is not null and r.state = 'active'"
        )
        rows = await cursor.fetchall()
    assert len(rows) > 80
    for _ in range(40):
        now = beginning + timedelta(seconds=chance.randrange(3_600, 8_000))
        within = timedelta(seconds=chance.choice([200, 2_000, 4_000, 86_400, 90_000]))
        async with pool.connection() as conn:
            await set_clock(conn, now)
        expected = Counter[tuple[Any, ...]]()
        for step, kind, held, due in rows:
            if due < now + within:
                hour = hour_of(max(due, now))
                if kind == "wait":
                    # The sends that follow on the pause.
                    expected.update((hour, send, None) for send in ("crm", "gold", "note"))
                else:
                    expected[hour, step, held] += 1
        found = await forecast(pool, within)
        assert (found.now, found.until) == (now, now + within)
        assert {(each.hour, each.step, each.reason): each.count for each in found.items} == expected


async def test_what_waits_for_no_time_is_listed_apart(pool: Pool) -> None:
    await activate(pool, _json(DOCUMENT))
    async with pool.connection() as conn:
        for held, count in (("frozen", 4), ("paused", 2)):
            await plant(pool, "hello", "email", datetime.now(UTC), count, held)
        await conn.execute("update visit set due_at = null")
    found = await forecast(pool)
    assert found.items == []
    assert [(each.step, each.reason, each.count) for each in found.without_time] == [
        ("hello", "frozen", 4), ("hello", "paused", 2),
    ]  # fmt: skip


async def test_dates_and_schedules_bring_their_first_sends(pool: Pool) -> None:
    steps = DOCUMENT["steps"][:2]
    date = {"date": {"attribute": "born", "every": "year", "at": "09:00"}}
    await activate(pool, _json({"journey": "birthday", "entry": date, "steps": steps}))
    now = datetime.now(UTC)
    due = now + timedelta(hours=5)
    for _ in range(3):
        contact = await make_contact(pool, attributes={"born": "1990-01-01"})
        async with pool.connection() as conn:
            await conn.execute(
                "insert into date_entry (contact_id, journey, slot, due_at, since, value, look_at)"
                " values (%s, 'birthday', 0, %s, now(), '\"1990-01-01\"', %s)",
                (contact, due, due),
            )
    at = (now + timedelta(hours=2)).replace(minute=30)
    schedule = {"schedule": {"cron": f"30 {at.hour} * * *", "timezone": "UTC"}}
    await activate(pool, _json({"journey": "digest", "entry": schedule, "steps": steps}))
    found = await forecast(pool)
    assert shown(found) == [
        (hour_of(at), "digest", "hello", "email", 3, False, "schedule", None),
        (hour_of(due), "birthday", "hello", "email", 3, False, "date", None),
    ]
    twice = await forecast(pool, timedelta(days=2))
    assert [each.journey for each in twice.items] == ["digest", "birthday", "digest"]


@pytest.mark.parametrize("within", [timedelta(hours=1), timedelta(days=7)])
async def test_an_empty_installation_sends_nothing(pool: Pool, within: timedelta) -> None:
    found = await forecast(pool, within)
    assert (found.items, found.without_time) == ([], [])
    assert found.until - found.now == within


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document)
