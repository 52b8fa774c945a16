"""A fault belongs to the smallest thing that has it, and others who act notice nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.service import RPCStatusCode

from infra.settings import Settings
from store.operations.engine_figures import read_figures
from store.operations.faults import FAULTS
from tests.support.bystanders import Bystanders, FaultyTemporal
from tests.support.conditions import eventually
from tests.support.engine import Engine, engine_at_work

Pool = AsyncConnectionPool[AsyncConnection[Any]]

VICTIMS = """
journey: victim
entry: {event: Begun, key: who}
exit: [{event: Stop}]
re_entry: always
steps:
  - {id: stand, wait: {event: Go On}}
"""


@asynccontextmanager
async def at_work(
    settings: Settings, pool: Pool, client: Client
) -> AsyncIterator[tuple[Engine, Bystanders]]:
    async with engine_at_work(settings, pool, client, reconcile_every=1.0) as engine:
        others = Bystanders(pool, engine.dispatcher)
        await others.gather()
        yield engine, others


async def rows(pool: Pool, statement: str, *values: Any) -> list[Any]:
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), values)
        return await cursor.fetchall() if cursor.description else []


async def count_faults(pool: Pool) -> dict[tuple[str, str], int]:
    """Recorded faults by the part of the engine and the code."""
    found = await rows(pool, "select activity, code, count(*) from fault group by 1, 2")
    return {(part, code): count for part, code, count in found}


# A contact's attribute names the SQLSTATE with which the database refuses its runs.
REFUSING = """
create function refuse() returns trigger language plpgsql as $$
declare state text := (select attributes->>'refused' from contact where id = new.contact_id);
begin
    if state is not null then raise exception 'refused for a test' using errcode = state; end if;
    return new;
end $$;
create trigger refuse before insert on run for each row execute function refuse();
"""


async def test_what_the_database_refuses_for_one_contact_keeps_no_other_waiting(
    engine_settings: Settings, pool: Pool, temporal_client: Client
) -> None:
    # A fault of ours, an index row that is too large, a deadlock and a timeout.
    states = ["P0001", "54000", "40P01", "57014"]
    counted = FAULTS.labels("dispatch", "internal")._value.get()
    async with at_work(engine_settings, pool, temporal_client) as (engine, others):
        await engine.activate(VICTIMS)
        await rows(pool, REFUSING)
        victims = [await engine.contact(attributes={"refused": state}) for state in states]
        for victim in victims:
            await engine.event(victim, "Begun", who="a")
        await others.act()
        await others.unaffected()

        async def set_aside() -> bool:
            aside = await rows(pool, "select attempts, not_before from outbox where attempts >= 2")
            assert len(aside) == len(victims)
            return True

        await eventually(set_aside, 20)
        async with pool.connection() as conn:
            state = (await read_figures(conn)).state
        assert (state.set_aside, state.dead_events) == (4, 0)
        assert state.oldest_undispatched > 0
        assert FAULTS.labels("dispatch", "internal")._value.get() >= counted + 4
        assert await count_faults(pool) == {
            ("dispatch", "internal"): 2,
            ("dispatch", "database_busy"): 2,
        }
        recorded = await rows(pool, "select contact_id, detail from fault")
        assert {contact for contact, _ in recorded} == set(victims)
        assert all("refused for a test" in detail for _, detail in recorded)
        await rows(pool, "update contact set attributes = '{}' where id = any(%s)", victims)
        for victim in victims:
            await engine.standing_at(victim, "stand")
        await others.act()
        await others.unaffected()


def only(journey: str, status: RPCStatusCode) -> Any:
    return lambda workflow: status if f".{journey}." in workflow else None


async def test_an_answer_of_temporal_for_one_run_is_a_fault_of_that_run(
    engine_settings: Settings, pool: Pool, temporal_client: Client
) -> None:
    temporal = FaultyTemporal()
    client = temporal.around(temporal_client)
    async with at_work(engine_settings, pool, client) as (engine, others):
        for key in ("internal", "unknown", "unavailable", "invalid"):
            await engine.activate(VICTIMS.replace("victim", key))
        statuses = {
            "internal": RPCStatusCode.INTERNAL,
            "unknown": RPCStatusCode.UNKNOWN,
            "unavailable": RPCStatusCode.UNAVAILABLE,
            "invalid": RPCStatusCode.INVALID_ARGUMENT,
        }
        temporal.answer = lambda workflow: statuses.get(workflow.split(".")[1])
        contact = await engine.contact()
        begun = await engine.event(contact, "Begun", who="a")
        await others.act()
        await others.unaffected()

        async def parked() -> bool:
            async with pool.connection() as conn:
                figures = await read_figures(conn)
            assert figures.parked_calls == {"start": 4}
            assert (figures.state.undispatched, figures.state.dead_events) == (0, 1)
            assert {code for _, code in await count_faults(pool)} == {
                "temporal_internal",
                "temporal_unknown",
                "temporal_unavailable",
                "temporal_invalid_argument",
            }
            return True

        await eventually(parked)
        assert await rows(pool, "select event_id, code from dead_event") == [
            (begun, "temporal_refused")
        ]
        temporal.answer = lambda _: None
        await eventually(lambda: _standing(pool, 4), 30)

        # The same for wakes: one run cannot be woken, its sisters are.
        temporal.answer = only("internal", RPCStatusCode.INTERNAL)
        await engine.event(contact, "Go On")
        await others.act()
        await others.unaffected()
        await eventually(lambda: _standing(pool, 1), 20)
        async with pool.connection() as conn:
            assert (await read_figures(conn)).parked_calls == {"wake": 1}
        temporal.answer = lambda _: None
        await eventually(lambda: _standing(pool, 0), 30)
        assert await rows(pool, "select 1 from parked_call") == []


async def _standing(pool: Pool, count: int) -> bool:
    found = await rows(pool, "select count(*) from visit where step = 'stand' and outcome is null")
    assert found == [(count,)]
    return True


async def test_a_temporal_that_wants_fewer_calls_slows_dispatch_and_loses_nothing(
    engine_settings: Settings, pool: Pool, temporal_client: Client
) -> None:
    temporal = FaultyTemporal()
    async with at_work(engine_settings, pool, temporal.around(temporal_client)) as (_, others):
        seen: set[str] = set()

        def first_time(workflow: str) -> RPCStatusCode | None:
            known = workflow in seen
            seen.add(workflow)
            return None if known or len(seen) % 3 else RPCStatusCode.RESOURCE_EXHAUSTED

        temporal.answer = first_time
        await others.act()
        await others.unaffected()
        assert temporal.failed > 0
        async with pool.connection() as conn:
            assert (await read_figures(conn)).state.dead_events == 0
        assert await count_faults(pool) == {}
        [[doubled]] = await rows(
            pool, "select count(*) from contact where (attributes->>'acts')::int <> 1"
        )
        assert doubled == 0


BROKEN_LATER = """
journey: broken
entry: {event: Begun}
re_entry: always
goal: {event: Bought}
steps:
  - {id: stand, wait: {event: Go On, where: {n: {gt: 1}}}}
---
segment: rich
if: {attribute: money, gt: 10}
---
journey: rich-only
entry: {event: Begun, if: {segment: rich}}
re_entry: always
steps:
  - {id: stand, wait: {event: Never}}
"""


async def put_documents(pool: Pool, steps: str, segment: str) -> None:
    """Write the steps of the stored journey and the condition of the stored segment."""
    await rows(
        pool,
        "update journey_version set document = document || jsonb_build_object('steps', %s::jsonb)"
        " where journey = 'broken'",
        steps,
    )
    await rows(
        pool,
        "update document set document = document || jsonb_build_object('if', %s::jsonb)"
        " where kind = 'segment'",
        segment,
    )


async def test_a_stored_document_that_no_longer_validates_stops_that_journey_alone(
    engine_settings: Settings, pool: Pool, temporal_client: Client
) -> None:
    async with at_work(engine_settings, pool, temporal_client) as (engine, others):
        await engine.activate(BROKEN_LATER)
        before = await engine.contact()
        await engine.event(before, "Begun")
        run = await engine.standing_at(before, "stand")
    # As an upgrade leaves it that reads documents more strictly: every process is a new one.
    await put_documents(pool, steps="7", segment='{"x": 1}')
    await rows(pool, "update catalog set revision = revision + 1")
    async with engine_at_work(engine_settings, pool, temporal_client) as engine:
        others.dispatcher = engine.dispatcher
        await engine.event(before, "Go On", n=2)
        await engine.event(before, "Bought")
        late = await engine.contact()
        await engine.event(late, "Begun")
        await others.act()
        await others.unaffected()

        async def visible() -> bool:
            faults = await rows(pool, "select distinct subject, code from fault")
            assert {
                ("journey broken v1", "broken_document"),
                ("segment rich", "broken_document"),
            } <= set(faults)
            refused = await rows(pool, "select journey, code from refusal order by journey")
            assert refused == [("broken", "broken"), ("rich-only", "broken")]
            assert (await engine.visits(run["id"]))[-1]["outcome"] is None
            return True

        await eventually(visible, 20)
        await put_documents(
            pool,
            steps='[{"id": "stand", "wait": {"event": "Go On", "where": {"n": {"gt": 1}}}}]',
            segment='{"attribute": "money", "gt": 10}',
        )
        ended = await engine.ended(before, timeout=30)
        assert (ended["id"], ended["outcome"]) == (run["id"], "completed")

        async def goal_met() -> bool:
            return bool(await rows(pool, "select 1 from goal where run_id = %s"
                                         " and met_event_id is not null", run["id"]))  # fmt: skip

        await eventually(goal_met, 30)

        async def enters_again() -> bool:
            await engine.event(late, "Begun")
            return bool(await rows(pool, "select 1 from run where contact_id = %s", late))

        await eventually(enters_again, 30, every=1.0)
