"""Why a send went out or not: each gate by hand, and the engine's own reason in random cases."""

from __future__ import annotations

import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from ruamel.yaml import YAML

from activities.sending.claim import Claimed
from journeys.compile.program_compiler import compile_program
from journeys.model.journey import Journey
from journeys.protocol.payloads import StepResult
from store.definitions.catalog import Catalog
from store.messages.freezes import freeze
from store.messages.suppressions import suppress
from store.reports.explain import Explanation, explain
from store.reports.explain_gates import HELD_AT, SKIPPED_AT, Gate, first_failed
from tests.integration.engine.test_holds import Claims, Pool, claims
from tests.support.engine import activate
from tests.support.zones import zone_at

CASES = int(os.environ.get("EXPLAINED_SENDS", "12"))
FIRST = int(os.environ.get("EXPLAINED_FROM", "0"))

CLOSED = "{from: '06:00', to: '23:00'}"


async def why(pool: Pool, contact: UUID, run: UUID | None = None) -> Explanation:
    async with pool.connection() as conn:
        found = await explain(
            conn, Catalog(), contact=contact, name="ada", journey="claims", step="mail", run=run
        )
    assert found is not None
    return found


def failed(found: Explanation) -> Gate:
    gate = first_failed(found.gates)
    assert gate is not None, found.gates
    return gate


async def change(at: Claims, **columns: Any) -> None:
    async with at.pool.connection() as conn:
        for name, value in columns.items():
            await conn.execute(
                f'update contact set "{name}" = %s where id = %s', (value, at.contact)
            )


async def zone_of_contact(at: Claims) -> str:
    async with at.pool.connection() as conn:
        cursor = await conn.execute("select timezone from contact where id = %s", (at.contact,))
        [(zone,)] = await cursor.fetchall()
    return str(zone)


async def plant(at: Claims, what: str) -> None:
    """Let one thing be so that keeps the message from going out now."""
    if what == "no address":
        await change(at, email=None)
    elif what == "restricted":
        await change(at, restricted=True)
    elif what == "night":
        await change(at, timezone=zone_at(3))
    async with at.pool.connection() as conn:
        if what == "bounced":
            await suppress(conn, [("email", "ada@example.com", "bounced")])
        elif what == "unsubscribed":
            await conn.execute(
                "insert into topic_state (contact_id, topic, state)"
                " values (%s, 'offers', 'unsubscribed')",
                (at.contact,),
            )
            await conn.execute(
                "insert into consent_record (contact_id, topic, channel, state, previous, source)"
                " values (%s, 'offers', 'email', 'unsubscribed', 'subscribed', 'page')",
                (at.contact,),
            )
        elif what == "no mail":
            await conn.execute(
                "insert into channel_state (contact_id, channel, state)"
                " values (%s, 'email', 'unsubscribed')",
                (at.contact,),
            )
        elif what == "frozen":
            await freeze(conn, "email", "too many bounces", by="ops")
        elif what == "paused":
            await conn.execute("update journey set state = 'paused'")
    if what == "earlier message":
        run = await at.run()
        await at.claim(run)
        await at.settle(run, "sent", timedelta(minutes=5))


EARLIER = ("earlier message", "bounced", "unsubscribed", "no mail", "frozen", "night", "no address")
"""What does not keep a contact from entering."""


@asynccontextmanager
async def planted(pool: Pool, send: str, *things: str) -> AsyncIterator[Claims]:
    async with claims(pool, send) as at:
        for each in things:
            await plant(at, each)
        yield at


@pytest.mark.parametrize(
    ("send", "things", "gate", "code", "saw"),
    [
        ("cap: {max: 9, per: 1h}", ["no address"], "address", "no_address", {"address": None}),
        ("cap: {max: 9, per: 1h}", ["restricted"], "recipient", "restricted", {"restricted": True}),
        ("cap: {max: 9, per: 1h}", ["no mail"], "consent", "consent", {"topic": "offers"}),
        ("up_to: 1h", ["frozen"], "freeze", "frozen", {"reason": "too many bounces", "by": "ops"}),
        ("up_to: 1h", ["paused"], "paused", "paused", {"journey": "paused"}),
        (f"window: {CLOSED}", ["night"], "window", "window", {"zone": "NIGHT"}),
        (
            "window: {from: '06:00', to: '23:00', else: skip}",
            ["night"], "window", "window", {"zone": "NIGHT"},
        ),
        (
            "quiet_hours: {from: '23:00', to: '06:00'}",
            ["night"], "quiet_hours", "quiet_hours", {"zone": "NIGHT"},
        ),
        ("send_at: '09:00'", ["night"], "send_at", "send_at", {"send_at": "09:00"}),
        ("apart: 2h", ["earlier message"], "apart", "apart", {"apart": "2h"}),
        (
            "cap: {max: 1, per: 1h}", ["earlier message"],
            "cap", "cap", {"cap": {"max": 1, "per": "1h"}},
        ),
        (
            "cap: {max: 1, per: 1h}, up_to: 2h", ["earlier message"],
            "cap", "cap", {"cap": {"max": 1, "per": "1h"}},
        ),
    ],
)  # fmt: skip
async def test_the_gate_that_keeps_a_message_back_is_named_before_and_after(
    pool: Pool, send: str, things: list[str], gate: str, code: str, saw: dict[str, Any]
) -> None:
    async with planted(pool, send, *(each for each in things if each in EARLIER)) as at:
        run = await at.run()
        for each in things:
            if each not in EARLIER:
                await plant(at, each)
        if saw.get("zone") == "NIGHT":
            # The zone in which it is night depends on when the test runs.
            saw = {"zone": await zone_of_contact(at)}
        before = failed(await why(pool, at.contact, run))
        assert (before.gate, before.code, before.source) == (gate, code, "now")
        assert saw.items() <= before.saw.items()
        result = await at.claim(run)
        assert isinstance(result, StepResult)
        found = await why(pool, at.contact, run)
        after = failed(found)
        assert (after.gate, after.code, after.source) == (gate, code, "decision")
        assert saw.items() <= after.saw.items(), after.saw
        assert after.would_need
        assert found.reason == code
        if result.held is None:
            assert found.result == "not_sent"
            assert found.answer.startswith("ada did not get mail of claims: skipped: ")
            later = found.gates[found.gates.index(after) + 1 :]
            assert {each.passed for each in later} == {None}
        else:
            assert (found.result, found.waiting and found.waiting.until) == ("waiting", result.due)
            assert "; waited: " in found.chain[-1].words
        earlier = found.gates[: found.gates.index(after)]
        assert {each.passed for each in earlier} == {True}


async def test_a_suppression_a_consent_and_a_cap_show_their_records(pool: Pool) -> None:
    async with planted(pool, "cap: {max: 1, per: 1h}", "bounced") as at:
        first = await at.run()
        await at.claim(first)
        seen = failed(await why(pool, at.contact, first))
        assert (seen.gate, seen.code) == ("suppression", "suppressed")
        assert seen.saw["suppression"]["reason"] == "bounced"
        since = datetime.fromisoformat(seen.saw["suppression"]["since"])
        assert datetime.now(UTC) - since < timedelta(minutes=5)
        async with pool.connection() as conn:
            await conn.execute("delete from suppression")
        await plant(at, "unsubscribed")
        second = await at.run()
        await at.claim(second)
        seen = failed(await why(pool, at.contact, second))
        assert (seen.gate, seen.saw["record"]["source"]) == ("consent", "page")
        assert seen.saw["record"]["previous"] == "subscribed"
        async with pool.connection() as conn:
            await conn.execute("delete from topic_state")
        third, fourth = await at.run(), await at.run()
        assert isinstance(await at.claim(third), Claimed)
        await at.claim(fourth)
        seen = failed(await why(pool, at.contact, fourth))
        async with pool.connection() as conn:
            cursor = await conn.execute("select id, claimed_at from message")
            [(message, claimed_at)] = await cursor.fetchall()
        assert [each["message"] for each in seen.saw["messages"]] == [str(message)]
        free = datetime.fromisoformat(seen.saw["free_at"])
        assert free == claimed_at + timedelta(hours=1)


async def rows(pool: Pool, statement: str, *arguments: Any) -> None:
    async with pool.connection() as conn:
        await conn.execute(statement.encode(), arguments)


@pytest.mark.parametrize(
    ("outcome", "reason", "gate"),
    [("removed", "cancelled", "run"), ("goal", "Order Completed", "goal"),
     ("exited", "Order Completed", "exit")],
)  # fmt: skip
async def test_a_run_that_ended_before_its_send(
    pool: Pool, outcome: str, reason: str, gate: str
) -> None:
    async with claims(pool, "reply_to: a@b.example") as at:
        run = await at.run()
        ended = "update run set state = 'ended', ended_at = now(), outcome = %s, reason = %s"
        await rows(pool, ended, outcome, reason)
        found = await why(pool, at.contact, run)
        assert (failed(found).gate, failed(found).code) == (gate, outcome)
        assert (found.result, found.waiting) == ("not_sent", None)
        assert reason in failed(found).words


async def test_an_exit_keeps_a_run_from_all_but_its_then(pool: Pool) -> None:
    text = {"subject": "S", "text": "T", "transactional": True}
    leaving = {"event": "Order Completed", "then": [
        {"id": "rest", "wait": {"event": "Never"}}, {"id": "bye", "email": text},
    ]}  # fmt: skip
    document = {
        "journey": "left", "entry": {"event": "Begun"}, "exit": [leaving],
        "steps": [{"id": "first", "wait": {"event": "Never"}}, {"id": "mail", "email": text}],
    }  # fmt: skip
    async with claims(pool, "reply_to: a@b.example") as at:
        await activate(pool, json.dumps(document))
        run = await at.run()
        await rows(pool, "update run set journey = 'left', visit = 2, step = 'rest',"
                   " exit_rule = 0, exit_visit = 1, reason = 'Order Completed'")  # fmt: skip
        visit = (
            "insert into visit (run_id, visit, step, kind, outcome, ended_at)"
            " values (%s, %s, %s, 'wait', %s, %s)"
        )
        await rows(pool, visit, run, 1, "first", "exited", datetime.now(UTC))
        await rows(pool, visit, run, 2, "rest", None, None)
        found: dict[str, Explanation] = {}
        async with pool.connection() as conn:
            for step in ("mail", "bye"):
                answer = await explain(
                    conn, Catalog(), contact=at.contact, name="ada", journey="left", step=step
                )
                assert answer is not None
                found[step] = answer
    assert (failed(found["mail"]).gate, found["mail"].result) == ("exit", "not_sent")
    assert first_failed(found["bye"].gates) is None
    assert (found["bye"].result, found["bye"].waiting and found["bye"].waiting.step) == (
        "waiting", "rest",
    )  # fmt: skip


async def test_a_send_that_waited_for_too_long_is_late(pool: Pool) -> None:
    async with planted(pool, f"up_to: 1h, window: {CLOSED}", "night") as at:
        run = await at.run()
        held = await at.claim(run)
        assert isinstance(held, StepResult)
        assert held.held == "window"
        await rows(pool, "update visit set started_at = started_at - interval '2 hours'")
        assert failed(await why(pool, at.contact, run)).code in ("late", "window")
        await at.claim(run)
        found = await why(pool, at.contact, run)
        assert (failed(found).gate, found.reason, found.result) == ("late", "late", "not_sent")
        # The window is asked after it, and so was not asked.
        window = next(each for each in found.gates if each.gate == "window")
        assert window.passed is None


async def test_a_ceiling_and_a_shared_address_are_shown_as_they_were_decided(pool: Pool) -> None:
    async with claims(pool, "reply_to: a@b.example") as at:
        run = await at.run()
        visit = (
            "insert into visit (run_id, visit, step, kind, held, outcome, ended_at, facts)"
            " values (%s, 1, 'mail', 'email', %s, %s, now(), %s)"
        )
        await rows(pool, visit, run, "ceiling", None, Jsonb({}))
        await rows(pool, "update run set visit = 1")
        found = await why(pool, at.contact, run)
        assert (failed(found).gate, found.reason, found.result) == ("ceiling", "ceiling", "waiting")
        await rows(pool, "delete from visit")
        await rows(pool, visit, run, None, "skipped", Jsonb({"reason": "shared_address"}))
        found = await why(pool, at.contact, run)
        assert (failed(found).gate, found.result) == ("shared_address", "not_sent")


async def test_an_if_is_shown_part_by_part_with_the_values_of_then(pool: Pool) -> None:
    condition = "{all: [{attribute: country, is: FR}, {not: {attribute: score, gte: 5}}]}"
    mail = "email: {subject: Hi, text: Hi, transactional: true}"
    async with claims(pool, "transactional: true") as at:
        await _replace_step(pool, f"{{id: mail, if: {condition}, {mail}}}")
        await change(at, country="FR", score=7)
        run = await at.run()
        result = await at.claim(run)
        assert isinstance(result, StepResult)
        assert result.outcome == "skipped"
        seen = failed(await why(pool, at.contact, run))
        assert (seen.gate, seen.code) == ("if", "if")
        assert seen.saw == {"attribute country": "FR", "attribute score": 7}
        # What is so now is not what decided.
        await change(at, country="DE", score=0)
        seen = failed(await why(pool, at.contact, run))
        assert seen.saw == {"attribute country": "FR", "attribute score": 7}
        waiting = await at.run()
        now = failed(await why(pool, at.contact, waiting))
        assert (now.gate, now.source) == ("if", "now")
        assert now.part is not None
        assert [(each.words, each.holds) for each in now.part.parts] == [
            ("attribute country is FR", False),
            ("not: attribute score is at least 5", True),
        ]
        assert now.part.parts[1].parts[0].saw == {"attribute score": 0}


async def _replace_step(pool: Pool, step: str) -> None:
    text = (
        "journey: claims\nentry: {event: Begun, key: key}\nre_entry: always\nsteps:\n"
        f"  - {step}\n"
    )
    journey = Journey.model_validate(YAML(typ="safe").load(text))
    async with pool.connection() as conn:
        await conn.execute(
            "update journey_version set document = %s, program = %s",
            (
                Jsonb(journey.as_document()),
                Jsonb(compile_program(journey).model_dump(mode="json")),
            ),
        )


THINGS = (
    "no address", "restricted", "night", "bounced", "unsubscribed", "no mail", "frozen",
    "earlier message",
)  # fmt: skip
SETTINGS = (
    "transactional: true", f"window: {CLOSED}", "window: {from: '06:00', to: '23:00', else: skip}",
    "quiet_hours: {from: '23:00', to: '06:00'}", "send_at: '09:00'", "apart: 2h",
    "cap: {max: 1, per: 1h}", "cap: {max: 2, per: 1h}", "up_to: 2h", "class: service",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(FIRST, FIRST + CASES))
async def test_the_first_gate_that_fails_is_the_reason_that_the_engine_records(
    pool: Pool, seed: int
) -> None:
    """Before the claim it is known by what is stored, and after it by what was decided."""
    any_of = random.Random(seed)
    chosen = {each.split(":")[0]: each for each in any_of.sample(SETTINGS, any_of.randrange(4))}
    if "transactional" in chosen:
        chosen.pop("class", None)
    things = any_of.sample(THINGS, any_of.randrange(4))
    async with claims(pool, ", ".join([*chosen.values(), "reply_to: a@b.example"])) as at:
        for each in sorted(things, key=lambda thing: thing != "earlier message"):
            if each in EARLIER:
                await plant(at, each)
        run = await at.run()
        if "restricted" in things:
            await plant(at, "restricted")
        before = first_failed((await why(pool, at.contact, run)).gates)
        result = await at.claim(run)
        visit = await at.visit(run)
        found = await why(pool, at.contact, run)
        after = first_failed(found.gates)
    if isinstance(result, Claimed):
        assert (before, after) == (None, None), (seed, chosen, things)
        return
    recorded = visit["held"] or visit["facts"]["reason"]
    place = HELD_AT.get(recorded) if visit["held"] else SKIPPED_AT.get(recorded)
    assert before is not None, (seed, chosen, things, recorded)
    assert after is not None, (seed, chosen, things, recorded)
    assert (before.gate, before.code) == (place, recorded), (seed, chosen, things)
    assert (after.gate, after.code, found.reason) == (place, recorded, recorded)
