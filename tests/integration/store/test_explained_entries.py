"""Why a contact entered a journey or not: each gate by hand, and random journeys and contacts."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from store.definitions.catalog import Catalog
from store.entries.admission import EntryRequest, enter
from store.reports.explain import Explanation, explain
from store.reports.explain_gates import REFUSED_AT, first_failed
from tests.support.admitting import admit_all
from tests.support.engine import accept, activate, make_contact
from tests.support.random_contacts import PLACES, TOPICS, Maker
from tests.support.reference_conditions import World
from tests.support.stored_contacts import store_contacts, store_documents

Pool = AsyncConnectionPool[AsyncConnection[Any]]

CASES = int(os.environ.get("EXPLAINED_ENTRIES", "40"))
FIRST = int(os.environ.get("EXPLAINED_ENTRIES_FROM", "0"))
STEPS = "steps:\n  - {id: stand, wait: {event: Never}}\n"
GO = f"journey: j\nentry: {{event: Go}}\n{STEPS}"


async def why(pool: Pool, contact: UUID, **more: Any) -> Explanation:
    async with pool.connection() as conn:
        found = await explain(conn, Catalog(), contact=contact, name="ada", journey="j", **more)
    assert found is not None
    return found


async def change(pool: Pool, statement: str, *arguments: Any) -> None:
    async with pool.connection() as conn:
        await conn.execute(statement.encode(), arguments)


async def go(pool: Pool, contact: UUID, **properties: Any) -> int:
    event = await accept(pool, contact, "Go", properties)
    await admit_all(pool, Catalog())
    return event


def gate_of(found: Explanation) -> tuple[str, str | None]:
    gate = first_failed(found.gates)
    assert gate is not None, found.gates
    return gate.gate, gate.code


@pytest.mark.parametrize(
    ("entry", "properties", "gate", "code", "part"),
    [
        ("{event: Go, where: {total: {gte: 50}}}", {"total": 20}, "where", "no_match",
         ("total is at least 50", {"property total": 20})),
        ("{event: Go, if: {attribute: country, is: FR}}", {}, "entry_if", "no_match",
         ("attribute country is FR", {"attribute country": "DE"})),
        ("{event: Go, if: {entry: sku, in: [A, B]}}", {"sku": "C"}, "entry_if", "no_match",
         ("entry sku is one of A, B", {"entry sku": "C"})),
        ("{event: Go, key: cart}", {"total": 1}, "key", "no_key", None),
    ],
)  # fmt: skip
async def test_what_an_entry_asks_of_its_event(
    pool: Pool, entry: str, properties: dict[str, Any], gate: str, code: str, part: Any
) -> None:
    await activate(pool, f"journey: j\nentry: {entry}\n{STEPS}")
    ada = await make_contact(pool, country="DE")
    event = await go(pool, ada, **properties)
    found = await why(pool, ada)
    assert gate_of(found) == (gate, code)
    assert (found.result, found.reason) == ("not_entered", code)
    failed = first_failed(found.gates)
    assert failed is not None
    assert failed.would_need
    if part is not None:
        assert failed.part is not None
        [leaf] = failed.part.parts or (failed.part,)
        assert (leaf.words, leaf.saw, leaf.holds) == (*part, False)
    [attempt] = found.attempts
    became = "no_match" if code == "no_match" else "refused"
    assert (attempt.event_id, attempt.became) == (event, became)


async def test_a_contact_without_an_event_reads_which_one_it_takes(pool: Pool) -> None:
    await activate(pool, GO)
    ada = await make_contact(pool)
    await accept(pool, ada, "Gone", {})
    found = await why(pool, ada)
    assert gate_of(found) == ("event", "no_event")
    assert found.answer == ("ada did not enter j: no event that begins runs was recorded: Go")
    assert found.attempts == []


@pytest.mark.parametrize("state", ["draft", "archived", "paused"])
async def test_a_journey_that_takes_no_entries(pool: Pool, state: str) -> None:
    await activate(pool, GO)
    ada = await make_contact(pool)
    await change(pool, "update journey set state = %s", state)
    await go(pool, ada)
    found = await why(pool, ada)
    assert gate_of(found) == ("journey", state)
    if state == "paused":
        assert found.attempts[0].became == "refused"
        # What was decided stays, also once the journey goes on.
        await change(pool, "update journey set state = 'active'")
        again = first_failed((await why(pool, ada)).gates)
        assert again is not None
        assert (again.gate, again.code, again.source) == ("journey", "paused", "decision")


async def test_an_entry_that_a_pause_keeps_waits_for_the_resume(pool: Pool) -> None:
    await activate(pool, f"journey: j\nwhile_paused: keep\nentry: {{event: Go}}\n{STEPS}")
    ada = await make_contact(pool)
    await change(pool, "update journey set state = 'paused'")
    event = await go(pool, ada)
    found = await why(pool, ada)
    assert (found.result, found.reason) == ("waiting", None)
    assert [(each.event_id, each.became) for each in found.attempts] == [(event, "kept")]
    assert found.waiting is not None
    assert found.waiting.reason == "paused"
    assert found.gates[0].passed is None


async def test_refusals_are_explained_with_the_values_of_then(pool: Pool) -> None:
    await activate(pool, f"journey: j\nre_entry: {{after: 7d}}\nentry: {{event: Go}}\n{STEPS}")
    ada = await make_contact(pool, timezone="Europe/Paris")
    first = await go(pool, ada)
    entered = await why(pool, ada)
    assert (entered.result, entered.reason) == ("under_way", None)
    assert [(each.event_id, each.became) for each in entered.attempts] == [(first, "run")]
    assert entered.run is not None
    second = await go(pool, ada)
    found = await why(pool, ada)
    assert [(each.event_id, each.became, each.code) for each in found.attempts] == [
        (second, "refused", "active"), (first, "run", None),
    ]  # fmt: skip
    # The run goes on, so it is what the answer is about.
    assert found.result == "under_way"
    await change(pool, "update run set state = 'ended', outcome = 'completed', ended_at = now()")
    third = await go(pool, ada)
    found = await why(pool, ada)
    assert found.attempts[0].event_id == third
    assert gate_of(found) == ("re_entry", "re_entry")
    failed = first_failed(found.gates)
    assert failed is not None
    began = entered.run.run.started_at
    assert failed.saw["last_run"] == began.isoformat().replace("+00:00", "Z")
    assert failed.saw["re_entry"] == "after 7d"
    free = (began + timedelta(days=7)).date().isoformat()
    assert failed.would_need is not None
    assert failed.would_need.startswith(f"an event from {free}T")
    assert (found.result, found.reason) == ("not_entered", "re_entry")
    # As of an earlier time, the run is what there is.
    assert (await why(pool, ada, at=began + timedelta(milliseconds=1))).attempts[
        0
    ].event_id == first


async def test_a_refusal_by_an_active_run_is_explained_once_that_has_ended(pool: Pool) -> None:
    await activate(pool, f"journey: j\nre_entry: always\nentry: {{event: Go}}\n{STEPS}")
    ada = await make_contact(pool)
    await go(pool, ada)
    await go(pool, ada)
    run = (await why(pool, ada)).run
    assert run is not None
    await change(pool, "update run set state = 'ended', outcome = 'completed', ended_at = now()")
    found = await why(pool, ada)
    assert gate_of(found) == ("active_run", "active")
    failed = first_failed(found.gates)
    assert failed is not None
    assert (failed.saw["run"], failed.saw["if_active"]) == (str(run.run.id), "refuse")
    # An entry that was refused because its contact was merged meanwhile.
    await change(pool, "update refusal set code = 'merged'")
    assert gate_of(await why(pool, ada)) == ("contact", "merged")


async def test_a_schedule_without_a_time_to_come(pool: Pool) -> None:
    await activate(pool, f"journey: j\nentry: {{schedule: {{at: '2020-01-01'}}}}\n{STEPS}")
    ada = await make_contact(pool)
    assert gate_of(await why(pool, ada)) == ("schedule", "no_occurrence")


@pytest.mark.parametrize(
    ("document", "plant", "gate", "code"),
    [
        ("active: {to: '2020-01-01'}\n", None, "active_period", "inactive"),
        ("", "update contact set restricted = true", "restricted", "restricted"),
        ("", "update event set depth = 11", "chain", "chain"),
        ("", "update event set client_at = stamped_at - interval '2 days'",
         "late_event", "late_event"),
        ("", "update journey_version set document = document || '{\"steps\": 7}'",
         "journey", "broken"),
        ("", "update event set stamped_at = stamped_at - interval '1 day'",
         "dispatch", "before_live"),
    ],
)  # fmt: skip
async def test_other_refusals(
    pool: Pool, document: str, plant: str | None, gate: str, code: str
) -> None:
    await activate(pool, f"journey: j\n{document}entry: {{event: Go}}\n{STEPS}")
    ada = await make_contact(pool)
    await accept(pool, ada, "Go", {})
    if plant is not None:
        await change(pool, plant)
    if code == "before_live":
        await change(pool, "delete from outbox")
    await admit_all(pool, Catalog())
    found = await why(pool, ada)
    assert gate_of(found) == (gate, code)


async def test_an_event_that_is_not_dispatched_yet_or_never(pool: Pool) -> None:
    await activate(pool, GO)
    ada = await make_contact(pool)
    event = await accept(pool, ada, "Go", {})
    found = await why(pool, ada)
    assert (found.result, found.reason) == ("waiting", None)
    assert found.waiting is not None
    assert found.waiting.reason == "dispatch"
    dispatch = next(gate for gate in found.gates if gate.gate == "dispatch")
    assert dispatch.passed is None
    await change(pool, "delete from outbox")
    await change(
        pool,
        "insert into dead_event (event_id, contact_id, code, detail)"
        " values (%s, %s, 'too_big', '')",
        event,
        ada,
    )
    assert gate_of(await why(pool, ada)) == ("dispatch", "too_big")


async def test_a_start_by_api_a_date_and_a_schedule(pool: Pool) -> None:
    await activate(pool, f"journey: j\nentry: {{api: true, if: {{group: vip}}}}\n{STEPS}")
    ada = await make_contact(pool)
    found = await why(pool, ada)
    assert gate_of(found) == ("start", "not_started")
    async with pool.connection() as conn, conn.transaction():
        catalog = Catalog()
        definition = await catalog.definition(conn, "j", 1)
        await enter(conn, catalog, definition, EntryRequest(ada, "", {}, None))
    found = await why(pool, ada)
    assert gate_of(found) == ("entry_if", "if")
    assert [each.became for each in found.attempts] == ["refused"]
    await change(pool, "delete from refusal")
    await activate(
        pool,
        "journey: j\nentry: {date: {attribute: born, every: year, at: '09:00'}}\n" + STEPS,
    )
    found = await why(pool, ada)
    assert gate_of(found) == ("date", "no_date")
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    await change(pool, "update contact set attributes = %s", Jsonb({"born": "1990-05-05"}))
    await change(
        pool,
        "insert into date_entry (contact_id, journey, slot, due_at, since, value, look_at)"
        " values (%s, 'j', 0, %s, now(), '\"1990-05-05\"', %s)",
        ada,
        due,
        due,
    )
    found = await why(pool, ada)
    assert (found.result, found.waiting and found.waiting.until) == ("waiting", due)
    await activate(
        pool,
        "journey: j\nentry: {schedule: {cron: '0 9 * * *', timezone: Asia/Tokyo}}\n" + STEPS,
    )
    found = await why(pool, ada)
    assert found.waiting is not None
    assert found.waiting.until is not None
    assert found.waiting.until.hour == 0
    assert found.waiting.until > datetime.now(UTC)


async def test_the_first_gate_that_fails_is_what_the_engine_did_with_random_entries(
    pool: Pool,
) -> None:
    """A random condition and `where`, a random contact: began, refused, or not matched."""
    outcomes: dict[str, int] = {}
    wrong: list[Any] = []
    async with pool.connection() as conn:
        await store_documents(conn, World(topics=TOPICS, places=PLACES))
    for seed in range(FIRST, FIRST + CASES):
        made = Maker(seed)
        contact = made.contact(4)
        ada = UUID(int=seed + 1)
        condition = made.condition(2)
        where = {made.any.choice(["total", "sku", "note.deep"]): made.comparison("total")}
        entry: dict[str, Any] = {"event": "Go"}
        if made.any.random() < 0.7:
            entry["if"] = condition
        if made.any.random() < 0.5:
            entry["where"] = where
        if made.any.random() < 0.3:
            entry["key"] = "sku"
        journey = {
            "journey": "j",
            "entry": [entry],
            "re_entry": made.any.choice(["never", "always"]),
            "steps": [{"id": "stand", "wait": {"event": "Never"}}],
        }
        try:
            await activate(pool, _yaml(journey))
        except ValueError:
            continue
        async with pool.connection() as conn:
            await store_contacts(conn, {ada: contact})
            await conn.execute("delete from outbox")
        for _ in range(2):
            properties = made.properties("Order Completed")
            event = await accept(pool, ada, "Go", properties)
            await admit_all(pool, Catalog())
            async with pool.connection() as conn:
                cursor = await conn.execute(
                    "select coalesce((select 'run' from run where entry_event_id = %(event)s),"
                    " (select code from refusal where event_id = %(event)s), 'no_match')",
                    {"event": event},
                )
                [(did,)] = await cursor.fetchall()
            found = await why(pool, ada)
            outcomes[did] = outcomes.get(did, 0) + 1
            attempt = found.attempts[0]
            shown = attempt.code if attempt.became == "refused" else attempt.became
            if shown != did:
                wrong.append((seed, did, attempt))
            if did == "run":
                right = found.result == "under_way"
            elif found.result == "under_way":
                # An earlier run goes on, so the answer is about that one.
                right = True
            elif did == "no_match":
                gate = first_failed(found.gates)
                right = gate is not None and gate.gate in ("where", "entry_if")
            else:
                gate = first_failed(found.gates)
                right = gate is not None and (gate.gate, gate.code) == (REFUSED_AT[did], did)
            if not right:
                wrong.append((seed, did, found.result, found.reason, found.gates))
        await change(pool, "update run set state = 'ended', outcome = 'x', ended_at = now()")
    assert wrong == []
    assert outcomes.get("run", 0) > CASES / 5, outcomes
    assert outcomes.get("no_match", 0) > CASES / 5, outcomes
    assert sum(outcomes.get(each, 0) for each in ("active", "no_key", "re_entry")) > 5, outcomes


def _yaml(document: dict[str, Any]) -> str:
    return json.dumps(document)
