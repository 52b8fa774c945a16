"""Retention: what is removed, what stays, and that rules and figures stay true."""

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from sqlmodel import SQLModel

from journeys.checks.retention import unbounded_events, windows_too_long
from journeys.compile.program_compiler import compile_program
from journeys.model.journey import Journey
from journeys.source.parsing import parse_all
from journeys.time.durations import Duration
from store.definitions.catalog import Catalog, Definition
from store.entries.admission import AdmittedEntry, EntryRequest, RefusedEntry, enter
from store.reports.journey_statistics import journey_statistics
from store.retention.removal import (
    _DELETE_OLD,
    Kind,
    remove_old_events,
    remove_old_rows,
    remove_old_runs,
)
from tests.support.erasing import erase

Pool = AsyncConnectionPool[AsyncConnection[Any]]

TEXT = """
journey: cart
entry: {event: Cart Updated}
re_entry: {after: 4y}
goal: {event: Order Completed, value: total}
steps:
  - id: way
    split: [{name: a, weight: 1}, {name: b, weight: 1}]
  - {id: mail, email: {subject: Hi, text: Hi, transactional: true}}
  - {id: hook, webhook: {url: "https://example.com/"}}
  - {id: rest, wait: 1d}
"""
LINKS = """
insert into short_link (code, message_id, target)
select id::text, id, 'https://a.example/' from message
"""
HITS = """
insert into link_hit (id, message_id, kind, client, signs)
select gen_random_uuid(), id, 'click', 'c', '{}' from message
"""
KEPT = "insert into kept_content (message_id, content) select id, 'x' from message"
OLD = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(days=730)


def journey() -> Journey:
    (parsed,), problems = parse_all(TEXT, "cart.yaml")
    assert not problems
    assert isinstance(parsed.document, Journey)
    return parsed.document


async def save(conn: AsyncConnection[Any]) -> Definition:
    document = journey()
    program = compile_program(document).model_dump(mode="json")
    await conn.execute(
        "insert into journey (key, state, active_version) values ('cart', 'active', 1)"
    )
    await conn.execute(
        "insert into journey_version (journey, version, document, program, source, sha256)"
        " values ('cart', 1, %s, %s, '', '')",
        (Jsonb(document.as_document()), Jsonb(program)),
    )
    return Definition.load("cart", 1, document.as_document(), program)


async def contact(conn: AsyncConnection[Any], name: str) -> UUID:
    contact_id = uuid4()
    await conn.execute("insert into contact (id, external_id) values (%s, %s)", (contact_id, name))
    return contact_id


async def ended_run(
    conn: AsyncConnection[Any],
    contact_id: UUID,
    at: datetime,
    *,
    outcome: str | None = "completed",
    arm: str = "a",
    goal: int | None = None,
    skipped: bool = False,
) -> UUID:
    run_id = uuid4()
    state = "active" if outcome is None else "ended"
    await conn.execute(
        "insert into run (id, journey, version, contact_id, state, outcome, entry_ref, ref,"
        " started_at, ended_at, workflow_started_at)"
        " values (%s, 'cart', 1, %s, %s, %s, 0, 0, %s, %s, %s)",
        (run_id, contact_id, state, outcome, at, None if outcome is None else at, at),
    )
    mail = ("skipped", '{"reason": "consent"}') if skipped else ("sent", "{}")
    for number, (step, kind, end, facts) in enumerate(
        [
            ("way", "split", arm, "{}"),
            ("mail", "email", *mail),
            ("hook", "webhook", "ok", "{}"),
            ("rest", "wait", "elapsed" if outcome else None, "{}"),
        ],
        1,
    ):
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, outcome, facts)"
            " values (%s, %s, %s, %s, %s, %s)",
            (run_id, number, step, kind, end, facts),
        )
    if not skipped:
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
            " opened_at) values (gen_random_uuid(), %s, 2, 'mail', %s, 'email', 'sent', 't', %s)",
            (run_id, contact_id, at),
        )
    await conn.execute(
        "insert into goal"
        " (run_id, journey, contact_id, event_name, ref, met_event_id, met_at, value)"
        " values (%s, 'cart', %s, 'Order Completed', 0, %s, %s, %s)",
        (run_id, contact_id, None if goal is None else 1, None if goal is None else at, goal),
    )
    return run_id


async def figures(conn: AsyncConnection[Any]) -> dict[str, Any]:
    counted = await journey_statistics(conn, "cart")
    assert counted is not None
    return asdict(counted)


async def rows(conn: AsyncConnection[Any], table: str) -> int:
    cursor = await conn.execute(f"select count(*) from {table}")
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
async def crowd(pool: Pool) -> dict[str, UUID]:
    """Contacts with old and new runs of every kind."""
    people: dict[str, UUID] = {}
    async with pool.connection() as conn:
        await save(conn)
        for name in ("ada", "bob", "cat", "dan"):
            people[name] = await contact(conn, name)
        await ended_run(conn, people["ada"], OLD, goal=20)
        await ended_run(conn, people["ada"], OLD + timedelta(days=9), arm="b", skipped=True)
        await ended_run(conn, people["bob"], OLD, outcome="restarted", goal=20)
        await ended_run(conn, people["cat"], NOW, goal=7)
        await ended_run(conn, people["dan"], OLD, outcome=None)
    return people


async def test_figures_are_the_same_before_and_after_a_removal(
    pool: Pool, crowd: dict[str, UUID]
) -> None:
    async with pool.connection() as conn:
        before = await figures(conn)
        await conn.execute(LINKS)
        await conn.execute(KEPT)
        assert before["entered"] == 4
        assert before["goal"] == {"met": 2, "value": 27}
        first = await remove_old_runs(conn, BEFORE, 2)
        assert (first.removed, first.done) == (2, False)
        assert await figures(conn) == before
        second = await remove_old_runs(conn, BEFORE, 2)
        assert (second.removed, second.done) == (1, True)
        assert await figures(conn) == before
        assert (await remove_old_runs(conn, BEFORE, 2)).removed == 0
        # The new run and the active one stay, with all they have.
        assert [await rows(conn, table) for table in ("run", "visit", "message", "goal")] == [
            2, 8, 2, 2,
        ]  # fmt: skip
        assert await rows(conn, "short_link") == await rows(conn, "kept_content") == 2


async def test_figures_are_the_same_after_an_erasure(pool: Pool, crowd: dict[str, UUID]) -> None:
    async with pool.connection() as conn:
        before = await figures(conn)
        await conn.execute(LINKS)
        await conn.execute(HITS)
        await conn.execute(KEPT)
        messages, short = await rows(conn, "message"), await rows(conn, "short_link")
        async with conn.transaction():
            await erase(conn, crowd["ada"])
        assert 0 < await rows(conn, "message") < messages == short
        assert await rows(conn, "short_link") == await rows(conn, "message")
        assert await rows(conn, "link_hit") == await rows(conn, "message")
        assert await rows(conn, "kept_content") == await rows(conn, "message")
        assert await figures(conn) == before
        async with conn.transaction():
            await erase(conn, crowd["dan"])
        after = await figures(conn)
        assert (after["entered"], after["active"]) == (before["entered"], before["active"] - 1)
        assert after["ends"] == before["ends"] | {"removed": 1}


async def test_re_entry_is_decided_by_the_last_run_that_was_removed(
    pool: Pool, crowd: dict[str, UUID]
) -> None:
    catalog = Catalog()
    async with pool.connection() as conn:
        recent = NOW - timedelta(days=1000)
        await conn.execute(
            "update run set started_at = %s, ended_at = %s where contact_id = %s",
            (recent, recent, crowd["ada"]),
        )
        while not (await remove_old_runs(conn, BEFORE, 10)).done:
            pass
        definition = await catalog.definition(conn, "cart", 1)
        for name, admitted in (("ada", False), ("bob", True)):
            request = EntryRequest(crowd[name], "", {}, None)
            async with conn.transaction():
                answer = await enter(conn, catalog, definition, request)
            assert isinstance(answer, AdmittedEntry) is admitted, name
            if not admitted:
                assert isinstance(answer, RefusedEntry)
                assert answer.code == "re_entry"


async def test_events_that_are_needed_stay(pool: Pool, crowd: dict[str, UUID]) -> None:
    async with pool.connection() as conn:
        for number, (name, event, at) in enumerate(
            [
                ("ada", "Page Viewed", OLD),
                ("ada", "First Purchase", OLD),
                ("ada", "Page Viewed", NOW - timedelta(days=1)),
                ("bob", "Page Viewed", OLD),
                ("dan", "Page Viewed", OLD),
            ],
            1,
        ):
            await conn.execute(
                "insert into event (id, contact_id, name, message_id, stamped_at)"
                " values (%s, %s, %s, %s, %s)",
                (number, crowd[name], event, str(uuid4()), at),
            )
        await conn.execute(
            "insert into outbox (contact_id, event_id) values (%s, 4)", (crowd["bob"],)
        )
        after, removed = 0, 0
        for _ in range(10):
            page = await remove_old_events(conn, BEFORE, 2, after=after, exempt=["First Purchase"])
            after, removed = page.after, removed + page.removed
        kept = await (await conn.execute("select id from event order by id")).fetchall()
        # Exempt; new; not dispatched; since the entry of an active run.
        assert [row[0] for row in kept] == [2, 3, 4, 5]
        assert removed == 1


INSERTS = {
    "receipts": "insert into receipt (message_id, received_at) values (%s, %s)",
    "faults": ("insert into fault (activity, code, detail, happened_at) values ('a', %s, 'd', %s)"),
    "start_requests": (
        "insert into start_request (journey, idempotency_key, status, answered_at)"
        " values ('j', %s, 201, %s)"
    ),
    "hits": (
        "insert into link_hit (id, message_id, kind, client, signs, received_at)"
        " values (gen_random_uuid(), gen_random_uuid(), 'click', %s, '{}', %s)"
    ),
    "job_entries": (
        "with j as (insert into job (id, kind, subject, state, plan, ended_at)"
        " values (gen_random_uuid(), 'enter', %s, 'done', '{}', %s) returning id)"
        " insert into job_entry (job_id, contact_id) select id, gen_random_uuid() from j"
    ),
    "positions": (
        "insert into near_contact (contact_id, places, km, event_id, seen_at)"
        " values (gen_random_uuid(), %s, 1, 1, %s)"
    ),
    "content": (
        "insert into kept_content (message_id, content, kept_at)"
        " values (gen_random_uuid(), %s::text::bytea, %s)"
    ),
    "jobs": (
        "with at as (select %s::text as said, %s::timestamptz as at)"
        " insert into job (id, kind, state, subject, started_at, ended_at)"
        " select gen_random_uuid(), 'enter', 'done', said, at, at from at"
    ),
    "erasures": (
        "with at as (select %s::text as said, %s::timestamptz as at)"
        " insert into erasure (id, subjects, requested_by, requested_at, finished_at)"
        " select gen_random_uuid(), '{}', said, at, at from at"
    ),
    "test_messages": (
        "insert into test_message (id, template, channel, state, created_at)"
        " values (gen_random_uuid(), %s, 'email', 'sent', %s)"
    ),
    "contents": "insert into message_content (hash, content, created_at) values (%s, '{}', %s)",
    "freezes": ("insert into marketing_freeze (channel, reason, ended_at) values ('all', %s, %s)"),
    "daily_counts": (
        "insert into daily_count (channel, day, shard, messages)"
        " select %s, %s::timestamptz::date, 0, 1"
    ),
    "figures": (
        "insert into figure (journey, span, cohort, begins_at, version, step, fact, label, count)"
        " values (%s, 'quarter', 'entered', %s, 1, '', 'entered', '', 1)"
    ),
    "targeted": (
        "insert into targeted_contact (contact_id, day)"
        " select gen_random_uuid(), t::timestamptz from (values (%s, %s)) v(name, t)"
    ),
    "holdouts": (
        "insert into holdout_observation (contact_id, holdout, design, journey, version, held,"
        " ref, until_at, observed_at)"
        " select gen_random_uuid(), v.key, 'd', 'j', 1, true, 0, v.at, v.at"
        " from (values (%s::text, %s::timestamptz)) v(key, at)"
    ),
    "places": (
        "insert into near_contact (contact_id, places, km, event_id, seen_at)"
        " values (gen_random_uuid(), %s, 1, 1, %s)"
    ),
    "audit_of_contacts": (
        "insert into audit (actor, via, action, subject_kind, subject, at)"
        " values ('kim', 'api', 'run.start', 'run', %s, %s)"
    ),
    "audit": (
        "insert into audit (actor, via, action, subject_kind, subject, at)"
        " values ('kim', 'api', 'topic.save', 'topic', %s, %s)"
    ),
}


@pytest.mark.parametrize(("kind", "insert"), INSERTS.items())
async def test_rows_of_each_kind_have_their_time(pool: Pool, kind: Any, insert: Any) -> None:
    async with pool.connection() as conn:
        for number in range(5):
            await conn.execute(insert, (f"old-{number}", OLD))
        await conn.execute(insert, ("new", NOW))
        pages = [await remove_old_rows(conn, kind, BEFORE, 2) for _ in range(4)]
        assert [page.removed for page in pages] == [2, 2, 1, 0]
        assert [page.done for page in pages] == [False, False, True, True]


async def test_changes_of_documents_outlive_those_of_contacts(pool: Pool) -> None:
    insert = "insert into audit (actor, via, action, subject_kind, subject, at) values"
    insert += " ('kim', 'api', 'contact.change', 'contact', '1', %s),"
    insert += " ('kim', 'api', 'journey.save', 'journey', 'old', %s)"
    async with pool.connection() as conn:
        await conn.execute(insert.encode(), (OLD, OLD))
        assert (await remove_old_rows(conn, "audit_of_contacts", BEFORE, 9)).removed == 1
        cursor = await conn.execute("select subject from audit where actor = 'kim'")
        assert await cursor.fetchall() == [("old",)]


async def test_what_is_at_work_or_in_use_stays(pool: Pool) -> None:
    async with pool.connection() as conn:
        for statement in (
            (
                "insert into job (id, kind, state, started_at) values (gen_random_uuid(), 'enter',"
                " 'running', '2020-01-01')"
            ),
            (
                "insert into job (id, kind, state, started_at, ended_at) values"
                " ('00000000-0000-0000-0000-000000000001', 'import', 'done', '2020-01-01',"
                " '2020-01-01')"
            ),
            (
                "insert into import_change (job_id, contact_id, created, last_event_id) values"
                " ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), true, 1)"
            ),
            (
                "insert into erasure (id, subjects, requested_by, requested_at)"
                " values (gen_random_uuid(), '{}', 'x', '2020-01-01')"
            ),
            (
                "insert into test_message (id, template, channel, state, created_at)"
                " values (gen_random_uuid(), 't', 'email', 'queued', '2020-01-01')"
            ),
            (
                "insert into message_content (hash, content, created_at) values"
                " ('template', '{}', '2020-01-01'), ('step', '{}', '2020-01-01')"
            ),
            "insert into template_content (template, locale, hash) values ('t', '', 'template')",
            (
                "insert into marketing_freeze (channel, reason, frozen_at) values"
                " ('all', 'x', '2020-01-01')"
            ),
        ):
            await conn.execute(statement.encode())
        await save(conn)
        await conn.execute("""update journey_version set contents = '{"mail": {"de": "step"}}'""")
        kinds: tuple[Kind, ...] = ("jobs", "erasures", "test_messages", "contents", "freezes")
        assert [(await remove_old_rows(conn, kind, BEFORE, 9)).removed for kind in kinds] == [
            0, 0, 0, 0, 0,
        ]  # fmt: skip


KEPT_TABLES = {
    "activation catalog document document_version fetched_file file_content journey"
    " journey_version key_use api_key installation segment segment_generation sweep_cursor"
    " template_content template_use uploaded_file provider_turn"
    " schedule_state": "documents, settings and counts of a few rows",
    "contact identity contact_alias topic_state channel_state consent_record group_member"
    " segment_member segment_due date_entry": "what is so now of a contact: until it is erased",
    "suppression coupon coupon_pool": "what must outlive the contact",
    "last_entry": "what re-entry needs of removed rows",
    "retention_report": "one row a night",
    "worker_process replay_check": "a few rows; the workers remove old ones",
    "console_view": "a few rows of each key",
    "experiment_count": "one row a split, replaced by each count",
    "console_editor": "a row for half a minute",
    "outbox text_answer parked_call figure_delta kept_entry": "what is still to be done: deleted"
    " when it is",
}
"""Tables without a retention of their own, and why."""
WITH_THEIRS = {
    "run": "visit listener message goal run_repair message_attempt short_link occurrence_address",
    "job": "straggler job_entry",
    "imports": "import_line import_change imported_event imported_suppression",
    "exports": "job_file job_chunk",
}
"""Tables whose rows go with those of another, or with a kind of several tables."""


def test_every_table_names_its_retention() -> None:
    removed = {
        table
        for query in _DELETE_OLD.values()
        for table in re.findall(r"delete from ([a-z_]+)", str(query))
    } | {"event", "run"}
    named = {name for names in (*KEPT_TABLES, *WITH_THEIRS.values()) for name in names.split()}
    known = {table.name for table in SQLModel.metadata.sorted_tables}
    assert known - removed - named == set()
    assert named - known == set()


CONDITIONS = """
journey: conditions
entry: {event: Started}
steps:
  - id: ask
    branch:
      - if:
          all:
            - {event: Bounded, within: 30d}
            - {event: Since Bounded, since: -1y}
            - {event: Since Entry, since: entry}
            - not: {event: First, count: 0, before: entry}
            - {event: Absolute, since: "2019-01-01"}
            - {near: {lat: 1, lon: 1, km: 5}}
        then: [{id: in, group: {add: [a]}}]
"""


def test_conditions_without_a_bound_exempt_their_events() -> None:
    (parsed,), problems = parse_all(CONDITIONS, "c.yaml")
    assert not problems
    assert unbounded_events(parsed.document) == {"First", "Absolute", "Location Updated"}


def test_a_window_longer_than_the_retention_is_an_error() -> None:
    (parsed,), _ = parse_all(CONDITIONS, "c.yaml")
    found = list(windows_too_long(parsed.document, Duration.parse("30d")))
    assert [problem.message for problem in found] == [
        "`since` reaches back 1 year, and events are kept for 30 days"
    ]
    assert not list(windows_too_long(parsed.document, Duration.parse("1y")))
