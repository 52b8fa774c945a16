"""Statements that look for a run's next event: they read no other contact's."""

from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from journeys.model.journey import Journey
from store.sql import Sql
from store.waits import wait_visits
from store.waits.listener_queries import build_exit_query
from tests.support.situations import Situation

Pool = AsyncConnectionPool[AsyncConnection[Any]]

OWN = 1_000
"""Events of the contact, all of which its run has seen."""


@pytest.fixture
async def situation(pool: Pool) -> Situation:
    """A run that waits since long ago, of a contact that acted a lot, and others that act since."""
    made = Situation(pool)
    await made.write_contact()
    await made.write_run()
    for contact, count in ((made.contact, OWN), (None, 40 * OWN)):
        await made.execute(
            "insert into event (contact_id, name, properties, message_id)"
            " select coalesce(%s, md5(mod(n, 1000)::text)::uuid), 'Viewed', '{}',"
            " gen_random_uuid()::text from generate_series(1, %s) n",
            contact, count,
        )  # fmt: skip
    await made.execute(
        "insert into listener (run_id, visit, slot, contact_id, event_name, ref)"
        " select %s, 0, slot, %s, 'Viewed', (select max(id) from event where contact_id = %s)"
        " from (values (0), (-1)) s(slot)",
        made.run, made.contact, made.contact,
    )  # fmt: skip
    await made.execute("analyze")
    return made


def events_read(node: dict[str, Any]) -> float:
    """How many rows of the table of events a plan read."""
    read = 0.0
    if node.get("Relation Name") == "event":
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return read + sum(events_read(child) for child in node.get("Plans", []))


async def explain(pool: Pool, query: Sql, parameters: dict[str, Any], mode: str) -> dict[str, Any]:
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select set_config('plan_cache_mode', %s, true)", (mode,))
        cursor = await conn.execute(
            f"explain (analyze, format json) {query}".encode(), parameters, prepare=True
        )
        row = await cursor.fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("wanted", ["wake", "change"])
async def test_events_of_other_contacts_are_not_read(
    situation: Situation, pool: Pool, wanted: str, mode: str
) -> None:
    parameters: dict[str, Any] = {"run": situation.run, "visit": 0, "due": None}
    query = wait_visits._LATEST_CHANGE
    if wanted == "wake":
        steps = [{"id": "stand", "wait": "1d"}]
        document = {"journey": "j", "entry": {"event": "E"}, "steps": steps}
        exits = build_exit_query(
            Journey.model_validate({**document, "exit": [{"event": "Viewed"}]})
        )
        assert exits is not None
        query = exits.sql
        parameters |= exits.params
    parameters["contact"] = situation.contact
    plan = await explain(pool, query, parameters, mode)
    assert events_read(plan) <= OWN
