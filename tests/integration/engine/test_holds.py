"""Sends that are held: what ends a hold, what it does not let through, and caps under races."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.api.enums.v1 import EventType
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.sending.claim import Claimed, claim_send
from activities.sending.send import SendActivities
from channels.adapter import Adapter, Outgoing, Receipt
from channels.errors import Code, NotTaken
from journeys.protocol.channels import ChannelName
from journeys.protocol.payloads import StepInput, StepResult
from store.definitions.catalog import Catalog
from store.entries.admission import AdmittedEntry, EntryRequest, enter
from store.events.attribute_changes import change_attributes
from store.events.ingest import take
from store.events.items import Item
from tests.integration.engine.test_operator_view import summary
from tests.support.conditions import eventually
from tests.support.engine import Engine, activate, make_contact, visits
from tests.support.smtp import SmtpSink
from tests.support.temporal import current_details, everything_known, history
from tests.support.zones import zone_at

Pool = AsyncConnectionPool[AsyncConnection[Any]]

CLOSED, OPEN = 3, 13
"""Hours of the day: outside of the window and inside of it."""
WINDOW = "window: {from: '06:00', to: '23:00'}"
HELD = f"""
topic: offers
default: opt_out
---
journey: held
entry: {{event: Begun}}
re_entry: always
steps:
  - {{id: mail, email: {{subject: Hi, text: Hi, topic: offers, {WINDOW}}}}}
  - {{id: after, wait: {{event: Ready}}}}
"""


async def change(pool: Pool, contact: UUID, **values: Any) -> None:
    """Change attributes as an identify call does."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        await change_attributes(conn, contact, set_=values, unset=[], add={}, depth=0)


async def held(engine: Engine, contact: UUID, why: str) -> dict[str, Any]:
    """The contact's run, once its first step is held for this reason."""
    run = await engine.standing_at(contact, "mail")
    [visit] = await engine.visits(run["id"])
    assert visit["held"] == why
    return run


async def listeners(engine: Engine, run: dict[str, Any], visit: int) -> list[dict[str, Any]]:
    """What a visit of the run watches for."""
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select match from listener where run_id = %s and visit = %s order by slot desc",
            (run["id"], visit),
        )
        return [row[0] for row in await cursor.fetchall()]


async def test_a_held_send_goes_out_once_a_change_of_zone_opens_its_window(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(HELD)
    contact = await engine.contact(email="ada@example.com", timezone=zone_at(CLOSED))
    await engine.event(contact, "Begun")
    run = await held(engine, contact, "window")
    assert await listeners(engine, run, 1) == [
        {"names": ["country"]}, {"names": ["timezone"]}, {"merged": True},
    ]  # fmt: skip
    await change(engine.pool, contact, timezone=zone_at(OPEN))
    engine.dispatcher.nudge()
    await engine.standing_at(contact, "after")
    assert len(smtp_sink.messages) == 1
    [visit, _] = await engine.visits(run["id"])
    assert (visit["outcome"], visit["held"]) == ("sent", None)
    assert [each["why"] for each in visit["facts"]["held"]] == ["window"]
    # The send is done, so no change may wake the run for it.
    assert await listeners(engine, run, 1) == []


async def test_consent_that_is_withdrawn_during_a_hold_prevents_the_send(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(HELD)
    contact = await engine.contact(email="ada@example.com", timezone=zone_at(CLOSED))
    await engine.event(contact, "Begun")
    run = await held(engine, contact, "window")
    await engine.event(contact, "Topic Unsubscribed", topic="offers")
    await change(engine.pool, contact, timezone=zone_at(OPEN))
    engine.dispatcher.nudge()
    await engine.standing_at(contact, "after")
    [visit, _] = await engine.visits(run["id"])
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "consent")
    assert smtp_sink.messages == []
    assert await listeners(engine, run, 1) == []


async def test_an_operator_reads_why_a_send_stands_and_until_when(engine: Engine) -> None:
    await engine.activate(HELD)
    zone = zone_at(CLOSED)
    contact = await engine.contact(email="ada@example.com", timezone=zone)
    await engine.event(contact, "Begun")
    run = await held(engine, contact, "window")
    [visit] = await engine.visits(run["id"])
    due = datetime.fromisoformat(visit["due_at"]).astimezone(UTC)
    words = f"email mail: its window is closed, until {due:%Y-%m-%d %H:%M} UTC"
    workflow = engine.workflow(run)

    async def stands() -> bool:
        return words in await current_details(engine.client, workflow)

    await eventually(stands)
    timers = [
        summary(event)
        for event in await history(workflow)
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]
    assert timers == [words]
    assert zone.encode() not in await everything_known(engine.client, workflow)


async def test_a_merge_into_a_contact_whose_window_is_open_lets_a_held_send_go(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(HELD)
    await engine.contact(external_id="ada", email="ada@example.com", timezone=zone_at(OPEN))
    traits = {"email": "visitor@example.com", "timezone": zone_at(CLOSED)}
    for item in (
        Item(kind="identify", message_id="m-1", anonymous_id="visitor", traits=traits),
        Item(kind="track", message_id="m-2", anonymous_id="visitor", name="Begun"),
    ):
        await take(engine.pool, [item], limit_per_minute=1_000)
    engine.dispatcher.nudge()
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select contact_id from identity")
        [(visitor,)] = await cursor.fetchall()
    run = await held(engine, visitor, "window")
    merge = Item(kind="identify", message_id="m-3", user_id="ada", anonymous_id="visitor")
    await take(engine.pool, [merge], limit_per_minute=1_000)
    engine.dispatcher.nudge()

    async def sent() -> bool:
        visit = (await engine.visits(run["id"]))[0]
        return bool(visit["outcome"] == "sent")

    await eventually(sent)
    assert len(smtp_sink.messages) == 1


async def test_a_pause_holds_a_send_no_longer_than_its_limit(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(
        "journey: held\nentry: {event: Begun}\nsteps:\n"
        "  - {id: ready, wait: {event: Ready}}\n"
        "  - {id: mail, email: {subject: Hi, text: Hi, transactional: true, up_to: 1s}}\n"
    )
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    await engine.standing_at(contact, "ready")
    async with engine.pool.connection() as conn:
        await conn.execute("update journey set state = 'paused'")
    await engine.event(contact, "Ready")
    run = await engine.ended(contact)
    [_, visit] = await engine.visits(run["id"])
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "late")
    assert visit["facts"]["held"] == [{"why": "paused", "until": None}]
    assert smtp_sink.messages == []


class Busy:
    """A provider that takes nothing for some seconds."""

    channel: ChannelName = "email"
    timeout = 20.0

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def send(self, outgoing: Outgoing) -> Receipt:
        raise NotTaken(Code.BUSY, "busy", retry_after=self._seconds)

    async def close(self) -> None:
        return None


async def test_a_provider_that_asks_to_wait_holds_a_send(pool: Pool) -> None:
    async with claims(pool, "up_to: 1h", adapters={"email": Busy(600)}) as at:
        given = StepInput(run_id=await at.run(), visit=1, step="mail", now=datetime.now(UTC))
        held = await ActivityEnvironment().run(SendActivities(at.context).send, given)
        visit = await at.visit(given.run_id)
    assert (held.held, held.late) == ("retry", False)
    assert held.due is not None
    assert timedelta(seconds=600) <= held.due - given.now < timedelta(seconds=660)
    assert datetime.fromisoformat(visit["due_at"]) == held.due
    assert visit["facts"]["held"] == [{"why": "retry", "until": held.due.isoformat()}]


async def test_a_provider_holds_a_send_no_longer_than_its_limit(pool: Pool) -> None:
    async with claims(pool, "up_to: 5m", adapters={"email": Busy(600)}) as at:
        given = StepInput(run_id=await at.run(), visit=1, step="mail", now=datetime.now(UTC))
        held = await ActivityEnvironment().run(SendActivities(at.context).send, given)
    due = given.now + timedelta(minutes=5)
    assert held == StepResult(held="retry", due=due, late=True, attempts=1, code="busy")


async def test_the_next_attempt_comes_no_later_than_the_limit(pool: Pool) -> None:
    async with claims(pool, "up_to: 10s", adapters={"email": Busy(30)}) as at:
        given = StepInput(run_id=await at.run(), visit=1, step="mail", now=datetime.now(UTC))
        with pytest.raises(ApplicationError, match="not_taken") as raised:
            await ActivityEnvironment().run(SendActivities(at.context).send, given)
        delay = raised.value.next_retry_delay
        assert delay is not None
        assert delay <= timedelta(seconds=10)


async def test_a_message_that_no_provider_accepts_is_late_at_its_limit(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    smtp_sink.answer = lambda _envelope: "451 4.7.1 try again later"
    await engine.activate(
        "journey: held\nentry: {event: Begun}\nsteps:\n"
        "  - {id: mail, email: {subject: Hi, text: Hi, transactional: true, up_to: 3s}}\n"
    )
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    run = await engine.ended(contact)
    [visit] = await engine.visits(run["id"])
    assert (visit["outcome"], visit["facts"]["reason"]) == ("skipped", "late")
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select state, attempts > 1 from message")
        assert await cursor.fetchall() == [("released", True)]


# ------------------------------------------------------------------- claims, without a workflow


@dataclass
class Claims:
    """Runs of one contact that come to their first step, the send `mail`."""

    pool: Pool
    context: Context
    contact: UUID

    async def run(self) -> UUID:
        """Begin a run."""
        async with self.pool.connection() as conn, conn.transaction():
            definition = await self.context.catalog.definition(conn, "claims", 1)
            request = EntryRequest(self.contact, str(uuid4()), {}, None)
            entered = await enter(conn, self.context.catalog, definition, request)
        assert isinstance(entered, AdmittedEntry)
        return entered.run_id

    async def claim(self, run: UUID, *, now: datetime | None = None) -> Claimed | StepResult:
        """An attempt at the run's send."""
        given = StepInput(run_id=run, visit=1, step="mail", now=now or datetime.now(UTC))
        async with self.pool.connection() as conn:
            return await claim_send(conn, self.context, given, str(uuid4()))

    async def settle(self, run: UUID, state: str, ago: timedelta = timedelta(0)) -> None:
        """Let the run's message be claimed so long ago, and be in a state now."""
        async with self.pool.connection() as conn:
            await conn.execute(
                "update message set state = %s, claimed_at = parcours.clock() - %s,"
                " first_attempt_at = parcours.clock() - %s where run_id = %s",
                (state, ago, ago, run),
            )

    async def hold(self, run: UUID, why: str) -> None:
        """Let the run's send have been held for a reason until now."""
        async with self.pool.connection() as conn:
            await conn.execute("update visit set held = %s where run_id = %s", (why, run))

    async def visit(self, run: UUID) -> dict[str, Any]:
        """The row of the visit."""
        [row] = await visits(self.pool, run)
        return row


@asynccontextmanager
async def claims(
    pool: Pool, send: str, more: str = "", adapters: Mapping[str, Adapter] | None = None
) -> AsyncIterator[Claims]:
    await activate(
        pool,
        f"{more}topic: offers\ndefault: opt_out\n---\njourney: claims\n"
        "entry: {event: Begun, key: key}\nre_entry: always\nsteps:\n"
        f"  - {{id: mail, email: {{subject: Hi, text: Hi, topic: offers, {send}}}}}\n",
    )
    contact = await make_contact(pool, email="ada@example.com", timezone="Europe/Paris")
    context = Context(
        pool=pool, catalog=Catalog(), adapters=adapters or {}, sender="Shop <shop@example.com>"
    )
    yield Claims(pool, context, contact)


@pytest.mark.parametrize("most", [1, 3])
async def test_runs_that_race_for_the_last_messages_of_a_cap_get_no_more(
    pool: Pool, most: int
) -> None:
    async with claims(pool, f"cap: {{max: {most}, per: 1h}}") as at:
        for _ in range(20):
            runs = [await at.run() for _ in range(most + 3)]
            results = await asyncio.gather(*map(at.claim, runs))
            claimed = [result for result in results if isinstance(result, Claimed)]
            assert len(claimed) == most
            skipped = [result for result in results if isinstance(result, StepResult)]
            assert [result.outcome for result in skipped] == ["skipped"] * 3
            async with pool.connection() as conn:
                await conn.execute("delete from message")


@pytest.mark.parametrize(
    ("state", "ago", "counts"),
    [
        ("claimed", timedelta(minutes=59), True),
        ("sent", timedelta(minutes=59), True),
        ("unknown", timedelta(minutes=59), True),
        ("sent", timedelta(minutes=61), False),
        # It was certainly not taken.
        ("released", timedelta(minutes=1), False),
        ("refused", timedelta(minutes=1), False),
    ],
)
async def test_a_cap_counts_what_went_out_or_may_have(
    pool: Pool, state: str, ago: timedelta, counts: bool
) -> None:
    async with claims(pool, "cap: {max: 1, per: 1h}") as at:
        first, second = await at.run(), await at.run()
        assert isinstance(await at.claim(first), Claimed)
        await at.settle(first, state, ago)
        result = await at.claim(second)
        assert isinstance(result, StepResult if counts else Claimed)
        if counts:
            facts = (await at.visit(second))["facts"]
            assert (facts["reason"], facts["cap"]) == ("cap", {"max": 1, "per": "1h"})


async def test_a_message_that_is_sent_again_is_not_counted_against_itself(pool: Pool) -> None:
    async with claims(pool, "cap: {max: 1, per: 1h}, on_unknown: resend") as at:
        run = await at.run()
        assert isinstance(await at.claim(run), Claimed)
        await at.settle(run, "unknown")
        assert isinstance(await at.claim(run), Claimed)


async def test_a_message_that_may_have_gone_out_is_not_skipped_but_unknown(pool: Pool) -> None:
    async with claims(pool, "up_to: 1h, on_unknown: resend") as at:
        run = await at.run()
        assert isinstance(await at.claim(run), Claimed)
        await at.settle(run, "unknown")
        async with pool.connection() as conn:
            await conn.execute("update visit set started_at = started_at - interval '2 hours'")
        assert await at.claim(run) == StepResult(outcome="unknown")
        assert (await at.visit(run))["facts"]["reason"] == "late"


async def test_the_time_in_which_a_send_waits_for_its_turn_counts(pool: Pool) -> None:
    async with claims(pool, "up_to: 1h") as at:
        late, early = await at.run(), await at.run()
        long_ago = datetime.now(UTC) - timedelta(minutes=61)
        assert await at.claim(late, now=long_ago) == StepResult(outcome="skipped")
        assert (await at.visit(late))["facts"]["reason"] == "late"
        assert isinstance(await at.claim(early, now=long_ago + timedelta(minutes=2)), Claimed)


async def test_a_limit_is_divided_where_time_runs_faster(pool: Pool) -> None:
    async with claims(pool, "up_to: 1h") as at:
        fast = replace(at, context=replace(at.context, speed=60.0))
        late, early = await at.run(), await at.run()
        ago = datetime.now(UTC) - timedelta(seconds=61)
        assert await fast.claim(late, now=ago) == StepResult(outcome="skipped")
        assert isinstance(await at.claim(early, now=ago), Claimed)


@pytest.mark.parametrize(
    ("held", "again"), [("paused", True), ("window", True), ("retry", False), (None, False)]
)
async def test_a_message_that_stood_still_since_it_was_not_taken_is_tried_once_more(
    pool: Pool, held: str | None, again: bool
) -> None:
    async with claims(pool, "on_unknown: hold") as at:
        run = await at.run()
        assert isinstance(await at.claim(run), Claimed)
        await at.settle(run, "released", timedelta(hours=25))
        if held is not None:
            await at.hold(run, held)
        result = await at.claim(run)
        assert isinstance(result, Claimed) if again else result == StepResult(outcome="failed")


async def test_a_timer_that_has_fired_is_believed(pool: Pool) -> None:
    # Temporal's clock may be ahead of the database's: the send would only stand still again.
    async with claims(pool, "cap: {max: 1, per: 1h}, up_to: 2h") as at:
        first, second = await at.run(), await at.run()
        assert isinstance(await at.claim(first), Claimed)
        held = await at.claim(second)
        assert isinstance(held, StepResult)
        assert (held.held, held.late) == ("cap", False)
        assert held.due is not None
        given = StepInput(run_id=second, visit=1, step="mail", now=datetime.now(UTC), due=held.due)
        async with pool.connection() as conn:
            claimed = await claim_send(conn, at.context, given, "t")
        assert isinstance(claimed, Claimed)


async def test_looking_again_in_vain_leaves_one_hold(pool: Pool) -> None:
    async with claims(pool, "cap: {max: 1, per: 1h}, up_to: 30m") as at:
        first, second = await at.run(), await at.run()
        assert isinstance(await at.claim(first), Claimed)
        looks = [await at.claim(second) for _ in range(3)]
        assert looks[0] == looks[1] == looks[2]
        assert isinstance(looks[0], StepResult)
        # It is too late before there is room.
        assert looks[0].late
        assert [each["why"] for each in (await at.visit(second))["facts"]["held"]] == ["cap"]


async def test_a_channel_that_is_saved_again_defers_from_then_on(pool: Pool) -> None:
    async with claims(
        pool, "on_unknown: hold", "channel: email\ncap: {max: 1, per: 1h}\n---\n"
    ) as at:
        runs = [await at.run() for _ in range(3)]
        assert isinstance(await at.claim(runs[0]), Claimed)
        assert isinstance(await at.claim(runs[1]), StepResult)
        document = orjson.dumps({"channel": "email", "cap": {"max": 2, "per": "1h"}}).decode()
        async with pool.connection() as conn:
            await conn.execute(
                "update document set document = %s where kind = 'channel'", (document,)
            )
        assert isinstance(await at.claim(runs[2]), Claimed)
