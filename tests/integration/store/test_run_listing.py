"""Listing runs, and one run with its visits, over rows written by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from api.runs.bodies import run_detail, run_page
from store.reports.run_listing import BadCursor, list_runs, show_run
from store.tables.identifiers import new_id

Pool = AsyncConnectionPool[AsyncConnection[Any]]
START = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


async def add_contact(pool: Pool, external_id: str | None) -> UUID:
    contact = uuid4()
    async with pool.connection() as conn:
        await conn.execute(
            "insert into contact (id, external_id) values (%s, %s)", (contact, external_id)
        )
    return contact


async def add_run(pool: Pool, contact: UUID, journey: str = "welcome", **columns: Any) -> UUID:
    run = new_id()
    columns = {"version": 1, "started_at": START, "entry_ref": 0, "ref": 0, **columns}
    columns |= {"id": run, "contact_id": contact, "journey": journey, "key": str(run)}
    async with pool.connection() as conn:
        await conn.execute(
            f"insert into run ({', '.join(columns)})"
            f" values ({', '.join(['%s'] * len(columns))})".encode(),
            list(columns.values()),
        )
    return run


async def listed(pool: Pool, **filters: Any) -> list[UUID]:
    async with pool.connection() as conn:
        page = run_page(await list_runs(conn, **filters))
    return [UUID(run["id"]) for run in page["items"]]


def test_ids_of_runs_are_in_the_order_they_were_made() -> None:
    ids = [new_id() for _ in range(200)]
    assert {each.version for each in ids} == {7}
    assert {each.variant for each in ids} == {"specified in RFC 4122"}
    assert len(set(ids)) == 200
    stamps = [each.int >> 80 for each in ids]
    assert stamps == sorted(stamps)


async def test_a_run_is_listed_as_the_api_shows_it(pool: Pool) -> None:
    contact = await add_contact(pool, "ada")
    run = await add_run(
        pool, contact, version=3, state="ended", step="bye", outcome="exited", reason="bought",
        ended_at=START + timedelta(hours=1, microseconds=5),
    )  # fmt: skip
    async with pool.connection() as conn:
        page = run_page(await list_runs(conn))
    assert page == {
        "items": [
            {
                "id": str(run),
                "workflow_id": f"journey.welcome.{run}",
                "journey": "welcome",
                "version": 3,
                "contact": "ada",
                "state": "ended",
                "step": "bye",
                "outcome": "exited",
                "reason": "bought",
                "started_at": "2026-03-01T08:30:00Z",
                "ended_at": "2026-03-01T09:30:00.000005Z",
            }
        ],
        "next": None,
    }


async def test_runs_are_filtered(pool: Pool) -> None:
    ada, nameless = await add_contact(pool, "ada"), await add_contact(pool, None)
    first = await add_run(pool, ada, step="mail")
    second = await add_run(pool, ada, "cart", step="wait")
    third = await add_run(pool, nameless, state="ended", outcome="completed", step="mail")
    assert set(await listed(pool)) == {first, second, third}
    assert await listed(pool, contact="ada", journey="cart") == [second]
    assert set(await listed(pool, contact="ada")) == {first, second}
    assert set(await listed(pool, contact=str(ada))) == {first, second}
    assert await listed(pool, contact=str(nameless)) == [third]
    assert await listed(pool, contact="unknown") == []
    assert set(await listed(pool, journey="welcome")) == {first, third}
    assert await listed(pool, journey="welcome", state="active") == [first]
    assert await listed(pool, state="ended") == [third]
    assert set(await listed(pool, step="mail")) == {first, third}
    assert await listed(pool, journey="welcome", step="mail", state="ended") == [third]
    assert await listed(pool, journey="unknown") == []
    async with pool.connection() as conn:
        page = run_page(await list_runs(conn, contact=str(nameless)))
    assert page["items"][0]["contact"] == str(nameless)


async def add_send(pool: Pool, run: UUID, held: str | None, code: str | None = None) -> None:
    """The run's first visit, at a send that has no outcome yet."""
    async with pool.connection() as conn:
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, started_at, held, facts)"
            " values (%s, 1, 'mail', 'email', %s, %s, %s)",
            (run, START, held, Jsonb({} if code is None else {"fault": code})),
        )
        await conn.execute("update run set step = 'mail', visit = 1 where id = %s", (run,))


async def test_runs_are_found_by_why_their_send_is_deferred(pool: Pool) -> None:
    ada, grace = await add_contact(pool, "ada"), await add_contact(pool, "grace")
    capped, refused, away, sending, other = [
        await add_run(pool, contact, journey)
        for contact, journey in ((ada, "welcome"),) * 2
        + ((grace, "welcome"), (ada, "welcome"), (ada, "cart"))
    ]
    await add_send(pool, capped, "cap")
    await add_send(pool, refused, "retry", "refused")
    await add_send(pool, away, "retry", "unreachable")
    await add_send(pool, sending, None, "unreachable")
    await add_send(pool, other, "retry", "unreachable")
    assert await listed(pool, held="retry") == [other, away, refused]
    assert await listed(pool, held="retry", journey="welcome") == [away, refused]
    assert await listed(pool, held="retry", contact="ada", step="mail") == [other, refused]
    assert await listed(pool, code="unreachable") == [other, away]
    assert await listed(pool, held="cap", code="unreachable") == []
    assert await listed(pool, held="cap", state="active", prefix=str(capped)) == [capped]
    assert await listed(pool, held="cap", state="ended") == []
    async with pool.connection() as conn:
        first = await list_runs(conn, held="retry", limit=2)
        rest = await list_runs(conn, held="retry", limit=2, cursor=str(first.next))
        await conn.execute("update visit set outcome = 'sent' where run_id = %s", (other,))
    assert [run.id for run in (*first.items, *rest.items)] == [other, away, refused]
    assert rest.next is None
    assert await listed(pool, held="retry") == [away, refused]


async def test_runs_are_found_by_a_step_that_they_have_come_to_and_the_way_they_took(
    pool: Pool,
) -> None:
    ada = await add_contact(pool, "ada")
    bought, tipped, waiting, other = [
        await add_run(pool, ada, journey, step=step, **columns)
        for journey, step, columns in (
            ("welcome", "thanks", {"state": "ended", "outcome": "completed"}),
            ("welcome", "tip", {}),
            ("welcome", "which", {}),
            ("cart", "which", {}),
        )
    ]
    async with pool.connection() as conn:
        for run, outcome in ((bought, "yes"), (tipped, "else"), (waiting, None), (other, "yes")):
            await conn.execute(
                "insert into visit (run_id, visit, step, kind, outcome, started_at, facts)"
                " values (%s, 1, 'which', 'branch', %s, %s, '{}')",
                (run, outcome, START),
            )
    of: dict[str, Any] = {"journey": "welcome", "reached": "which"}
    assert await listed(pool, **of) == [waiting, tipped, bought]
    assert await listed(pool, **of, took="yes") == [bought]
    assert await listed(pool, **of, state="active") == [waiting, tipped]
    assert await listed(pool, **of, step="tip") == [tipped]
    assert await listed(pool, **of, contact="ada", took="else") == [tipped]
    assert await listed(pool, **of, goal_met=True) == []
    assert await listed(pool, journey="welcome", reached="thanks") == []
    async with pool.connection() as conn:
        first = await list_runs(conn, **of, limit=2)
        rest = await list_runs(conn, **of, limit=2, cursor=str(first.next))
    assert [run.id for run in (*first.items, *rest.items)] == [waiting, tipped, bought]


@pytest.mark.parametrize("filters", [{}, {"journey": "welcome"}, {"contact": "ada"}])
async def test_pages_hold_every_run_once_the_newest_first(
    pool: Pool, filters: dict[str, Any]
) -> None:
    ada = await add_contact(pool, "ada")
    runs = [
        await add_run(pool, ada, state="ended" if number % 3 else "active", outcome=None)
        for number in range(7)
    ]
    found: list[str] = []
    cursor, sizes = None, []
    async with pool.connection() as conn:
        while True:
            page = run_page(await list_runs(conn, cursor=cursor, limit=3, **filters))
            found += [run["id"] for run in page["items"]]
            sizes.append(len(page["items"]))
            cursor = page["next"]
            if cursor is None:
                break
    assert sizes == [3, 3, 1]
    assert found == sorted(map(str, runs), reverse=True)


async def test_a_full_last_page_has_no_next(pool: Pool) -> None:
    ada = await add_contact(pool, "ada")
    for _ in range(2):
        await add_run(pool, ada)
    async with pool.connection() as conn:
        assert (await list_runs(conn, limit=2)).next is None


async def test_a_cursor_from_nowhere_is_refused(pool: Pool) -> None:
    async with pool.connection() as conn:
        with pytest.raises(BadCursor, match="'page 2' is no cursor"):
            await list_runs(conn, cursor="page 2")


async def test_a_run_is_shown_with_its_visits_in_order(pool: Pool) -> None:
    run = await add_run(pool, await add_contact(pool, "ada"), step="wait", visit=2)
    message = uuid4()
    async with pool.connection() as conn:
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at, due_at,"
            " message_id, facts) values (%(run)s, 2, 'wait', 'wait', null, %(at)s, null, %(due)s,"
            " null, '{}'), (%(run)s, 1, 'mail', 'email', 'sent', %(at)s, %(at)s, null,"
            " %(message)s, %(facts)s)",
            {
                "run": run,
                "at": START,
                "due": START + timedelta(days=1),
                "message": message,
                "facts": Jsonb({"saw": {"attribute country": "FR"}}),
            },
        )
        found = await show_run(conn, run)
    assert found is not None
    shown = run_detail(found)
    assert shown["id"] == str(run)
    assert shown["visits"] == [
        {
            "step": "mail",
            "kind": "email",
            "visit": 1,
            "outcome": "sent",
            "started_at": "2026-03-01T08:30:00Z",
            "ended_at": "2026-03-01T08:30:00Z",
            "message_id": str(message),
            "facts": {"saw": {"attribute country": "FR"}},
            "due_at": None,
            "held": None,
            "message": None,
            "retry": None,
        },
        {
            "step": "wait",
            "kind": "wait",
            "visit": 2,
            "outcome": None,
            "started_at": "2026-03-01T08:30:00Z",
            "ended_at": None,
            "message_id": None,
            "facts": {},
            "due_at": "2026-03-02T08:30:00Z",
            "held": None,
            "message": None,
            "retry": None,
        },
    ]


async def test_a_run_that_is_not_there_is_not_shown(pool: Pool) -> None:
    async with pool.connection() as conn:
        assert await show_run(conn, uuid4()) is None
